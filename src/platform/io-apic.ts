/**
 * I/O APIC with 24 inputs (Intel 82093AA data sheet), version 11H, as KVM's ioapic.c has it: EOIs come by broadcast, an
 * input whose line is still high at its EOI interrupts again, an edge at a masked input is lost.
 *
 * Left out: the EOI register of version 20H, extended destination IDs, KVM's delay of endless level interrupts.
 */
import { SHORTHAND_NONE, type ApicMessage } from '../hardware/apic/message.js';
import type { InterruptWatcher } from './interrupt-watcher.js';

export const IO_APIC_BASE = 0xfec0_0000;
export const IO_APIC_SIZE = 0x100;
export const IO_APIC_INPUTS = 24;

// Memory-mapped registers
const IOREGSEL = 0x00;
const IOWIN = 0x10;
// Indexed registers
const IOAPICID = 0x00;
const IOAPICVER = 0x01;
const IOAPICARB = 0x02;
const IOREDTBL = 0x10;

const VERSION = ((IO_APIC_INPUTS - 1) << 16) | 0x11;
const ID_WRITABLE = 0x0f00_0000;

// Redirection entry, low half
const DELIVERY_STATUS = 1 << 12;
const DESTINATION_LOGICAL = 1 << 11;
const REMOTE_IRR = 1 << 14;
const LEVEL = 1 << 15;
const MASKED = 1 << 16;
const READ_ONLY = DELIVERY_STATUS | REMOTE_IRR;

/** Where the interrupts of an input go. */
export interface InputRoute {
  readonly input: number;
  /** Level-triggered: it waits for an EOI broadcast. */
  readonly level: boolean;
  readonly vector: number;
  readonly logical: boolean;
  readonly destination: number;
}

/** Where the I/O APIC sends. */
export interface IoApicBus {
  /** Carries an interrupt message to the local APICs. False: none of them takes it. */
  deliver(message: ApicMessage): boolean;
  /** An entry of the redirection table was written: other vectors may need an EOI broadcast. */
  redirectionChanged(): void;
}

export class IoApic {
  readonly #bus: IoApicBus;
  readonly #watcher: InterruptWatcher | null;
  readonly #low = new Uint32Array(IO_APIC_INPUTS).fill(MASKED);
  readonly #high = new Uint32Array(IO_APIC_INPUTS);
  /** Inputs that ask, by bit: level-triggered ones while high, edge-triggered ones from the edge until the line falls. */
  #requests = 0;
  #selected = 0;
  #id = 0;

  /** `watcher` hears of inputs 0-23. */
  constructor(bus: IoApicBus, watcher: InterruptWatcher | null = null) {
    this.#bus = bus;
    this.#watcher = watcher;
  }

  /** Reads a memory-mapped register. */
  read(offset: number): number {
    if (offset === IOREGSEL) return this.#selected;
    return offset === IOWIN ? this.#readSelected() : 0;
  }

  write(offset: number, value: number): void {
    if (offset === IOREGSEL) this.#selected = value & 0xff;
    else if (offset === IOWIN) this.#writeSelected(value);
  }

  /** Drives input 0-23. */
  setLine(input: number, asserted: boolean): void {
    const bit = 1 << input;
    const asked = (this.#requests & bit) !== 0;
    this.#requests = asserted ? this.#requests | bit : this.#requests & ~bit;
    if (!asserted) return;
    const level = (this.#low[input] & LEVEL) !== 0;
    if (level || !asked) this.#service(input);
  }

  /**
   * The EOI of an interrupt with that vector: a level-triggered one is over, and begins again if still asked for. EOIs of
   * edge-triggered ones are not broadcast; only the watcher cares.
   */
  endOfInterrupt(vector: number, level: boolean): void {
    for (let input = 0; input < IO_APIC_INPUTS; input++) {
      if ((this.#low[input] & 0xff) !== vector) continue;
      this.#watcher?.ended(input);
      if (!level || (this.#low[input] & LEVEL) === 0) continue;
      this.#low[input] &= ~REMOTE_IRR;
      if ((this.#requests & (1 << input)) !== 0) this.#service(input);
    }
  }

  /** Where the interrupts of all inputs go, of masked ones as well. */
  get routes(): InputRoute[] {
    return [...this.#low].map((low, input) => ({
      input,
      level: (low & LEVEL) !== 0,
      vector: low & 0xff,
      logical: (low & DESTINATION_LOGICAL) !== 0,
      destination: this.#high[input] >>> 24,
    }));
  }

  #readSelected(): number {
    switch (this.#selected) {
      case IOAPICID:
      case IOAPICARB:
        return this.#id;
      case IOAPICVER:
        return VERSION;
      default: {
        const index = this.#selected - IOREDTBL;
        if (index < 0) return 0;
        if (index >= 2 * IO_APIC_INPUTS) return 0xffff_ffff;
        return (index % 2 === 0 ? this.#low : this.#high)[index >>> 1];
      }
    }
  }

  #writeSelected(value: number): void {
    if (this.#selected === IOAPICID) this.#id = value & ID_WRITABLE;
    const index = this.#selected - IOREDTBL;
    if (index < 0 || index >= 2 * IO_APIC_INPUTS) return;
    const input = index >>> 1;
    if (index % 2 === 0) this.#writeLow(input, value);
    else this.#high[input] = value;
    this.#bus.redirectionChanged();
    const level = (this.#low[input] & LEVEL) !== 0;
    if (level && (this.#requests & (1 << input)) !== 0) this.#service(input);
  }

  /** Making an input edge-triggered clears its remote IRR: operating systems rely on it. */
  #writeLow(input: number, value: number): void {
    const before = this.#low[input];
    this.#low[input] = (value & ~READ_ONLY) | (before & READ_ONLY);
    if ((value & LEVEL) === 0) this.#low[input] &= ~REMOTE_IRR;
    if (((before ^ value) & MASKED) !== 0) this.#watcher?.maskChanged(input, (value & MASKED) !== 0);
  }

  /** Remote IRR says that a local APIC has accepted a level-triggered interrupt; one that nobody takes leaves it clear. */
  #service(input: number): void {
    const low = this.#low[input];
    if ((low & MASKED) !== 0) return;
    const level = (low & LEVEL) !== 0;
    if (level && (low & REMOTE_IRR) !== 0) return;
    const accepted = this.#bus.deliver({
      vector: low & 0xff,
      deliveryMode: (low >>> 8) & 7,
      logical: (low & DESTINATION_LOGICAL) !== 0,
      level,
      assert: true,
      shorthand: SHORTHAND_NONE,
      destination: this.#high[input] >>> 24,
      x2apic: false,
    });
    if (level && accepted) this.#low[input] |= REMOTE_IRR;
  }
}
