/**
 * The PC's two i8259As, the second one cascaded on input 2 of the first, with their I/O ports and ELCR ports
 * (KVM's i8259.c drives the cascade as a pulse whenever the slave has something, and so does this).
 */
import type { InterruptWatcher } from './interrupt-watcher.js';
import type { InterruptLine, IoDevice } from './io-device.js';
import { Pic } from './pic.js';

const CASCADE_INPUT = 2;
/** IRQs 0-2, 8 and 13 are always edge-triggered. */
const MASTER_LEVEL_CAPABLE = 0xf8;
const SLAVE_LEVEL_CAPABLE = 0xde;

export class PicPair {
  readonly #master: Pic;
  readonly #slave = new Pic(SLAVE_LEVEL_CAPABLE, false, null);
  readonly #interrupt: InterruptLine;
  #output = false;
  /** Ports 20H-21H. */
  readonly masterPorts: IoDevice;
  /** Ports A0H-A1H. */
  readonly slavePorts: IoDevice = this.#ports(this.#slave);
  /** Ports 4D0H-4D1H. */
  readonly elcrPorts: IoDevice = {
    widest: 1,
    read: (offset) => this.#chip(offset).elcr,
    write: (offset, _size, value) => {
      this.#chip(offset).elcr = value;
      this.#update();
    },
  };

  /** `interrupt`: the INTR output, called when it changes. `watcher` hears of IRQs 0-7. */
  constructor(interrupt: InterruptLine, watcher: InterruptWatcher | null = null) {
    this.#interrupt = interrupt;
    this.#master = new Pic(MASTER_LEVEL_CAPABLE, true, watcher);
    this.masterPorts = this.#ports(this.#master);
  }

  /** Level of the INTR output. */
  get output(): boolean {
    return this.#output;
  }

  /** Drives IRQ 0-15. */
  setLine(irq: number, asserted: boolean): void {
    this.#chip(irq >>> 3).setLine(irq & 7, asserted);
    this.#update();
  }

  /** The interrupt-acknowledge cycle: the vector of what is served now, a spurious one if nothing is pending. */
  acknowledge(): number {
    const input = this.#master.pending;
    let vector = this.#master.acknowledge(input);
    if (input === CASCADE_INPUT) vector = this.#slave.acknowledge(this.#slave.pending);
    this.#update();
    return vector;
  }

  #chip(index: number): Pic {
    return index === 0 ? this.#master : this.#slave;
  }

  #ports(pic: Pic): IoDevice {
    return {
      widest: 1,
      read: (offset) => {
        const value = offset === 0 ? pic.readCommand() : pic.readData();
        this.#update();
        return value;
      },
      write: (offset, _size, value) => {
        if (offset === 0) pic.writeCommand(value);
        else pic.writeData(value);
        this.#update();
      },
    };
  }

  #update(): void {
    if (this.#slave.pending >= 0) {
      this.#master.setLine(CASCADE_INPUT, true);
      this.#master.setLine(CASCADE_INPUT, false);
    }
    const output = this.#master.pending >= 0;
    if (output === this.#output) return;
    this.#output = output;
    this.#interrupt(output);
  }
}
