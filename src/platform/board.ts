/**
 * The board of a PC as QEMU's "pc" machine offers it to a guest that boots by multiboot: everything behind I/O ports and
 * device memory but the local APICs. It keeps no clock: every access happens at the time that the host gives.
 *
 * Left out: i8042, DMA controllers, disks, network, HPET, graphics.
 */
import type { ApicMessage } from '../hardware/apic/message.js';
import { ACPI_PORTS, ACPI_PORTS_SIZE, AcpiRegisters } from './acpi-registers.js';
import { ACPI_TABLES_BASE, acpiTables } from './acpi-tables.js';
import { DebugExit, ShutdownPort, type BoardEnd } from './debug-exit.js';
import { FirmwareConfiguration } from './firmware-configuration.js';
import { allOnes, type IoDevice } from './io-device.js';
import type { InterruptWatcher } from './interrupt-watcher.js';
import { IO_APIC_BASE, IO_APIC_SIZE, IoApic } from './io-apic.js';
import { PciConfiguration } from './pci-configuration.js';
import { PciFunction } from './pci-function.js';
import { PciTestDevice, type EventFd } from './pci-test-device.js';
import { PicPair } from './pic-pair.js';
import { PitReinjection } from './pit-reinjection.js';
import { Pit } from './pit.js';
import { PortMap } from './port-map.js';
import { RealTimeClock } from './real-time-clock.js';
import { SerialPort } from './serial-port.js';
import { PostCode, SystemControlPortA } from './system-control.js';
import {
  TEST_MEMORY_BASE,
  TEST_MEMORY_SIZE,
  TestInterruptLines,
  TestMemory,
  TestPageFlush,
  TestRegister,
} from './test-device.js';

const IRQ_TIMER = 0;
const IRQ_CASCADE = 2;
const IRQ_SERIAL = 4;
const IRQ_REAL_TIME_CLOCK = 8;
const IRQ_SYSTEM_CONTROL = 9;
const ISA_IRQS = 16;
/** The timer's input at the I/O APIC. */
export const TIMER_INPUT = 2;
/** Device 2, function 0. */
const TEST_DEVICE_FUNCTION = 0x10;
/** i440FX. */
const HOST_BRIDGE = {
  vendor: 0x8086,
  device: 0x1237,
  classCode: 0x06_0000,
  revision: 2,
  subsystemVendor: 0x1af4,
  subsystem: 0x1100,
};

export interface BoardOptions {
  /** One per CPU. */
  readonly apicIds: readonly number[];
  readonly memoryBytes: number;
  /** Frequency of the TSC; a multiple of 1 kHz. */
  readonly tscHertz: number;
  /** Ticks of the PIT that the guest is slow to take are made up for, as KVM does it. */
  readonly reinjectsTimer: boolean;
  /** Periodic ticks of the PIT are no faster than this, as on KVM; 0 for a chip. */
  readonly leastTimerPeriodNs: number;
}

/** Where what the board asks of the processors goes. */
export interface BoardInterrupts {
  /** A message of the I/O APIC. False: no local APIC takes it. */
  deliver(message: ApicMessage): boolean;
  /** The PIC's INTR output has changed: it drives LINT0 of the bootstrap processor. */
  picOutput(asserted: boolean): void;
  /** A device outside the interrupt chip drives an interrupt line. */
  lineDriven(): void;
  /** The I/O APIC's redirection table was written. */
  redirectionChanged(): void;
  /** The PIT has interrupted. */
  timerTicked(): void;
  /** `nextEventAt` has changed. */
  schedule(at: number): void;
}

/** What the board needs from the machine it sits in. */
export interface BoardHost extends BoardInterrupts {
  /** Simulated time, in TSC cycles since the machine started. */
  now(): number;
  /** A byte of the serial console. */
  console(byte: number): void;
}

export class Board {
  readonly #host: BoardHost;
  readonly #ports: PortMap;
  readonly #pics: PicPair;
  readonly #pit: Pit;
  /** Null where the PIT is a chip. */
  readonly #reinjection: PitReinjection | null;
  readonly #realTimeClock: RealTimeClock;
  readonly #acpi: AcpiRegisters;
  readonly #ioApic: IoApic;
  readonly #testMemory = new TestMemory();
  readonly #testDevice = new PciTestDevice();
  #scheduled = Infinity;
  #end: BoardEnd | null = null;
  /** What firmware leaves in memory: the ACPI tables. */
  readonly firmware: { readonly gpa: number; readonly bytes: Uint8Array };

  constructor(options: BoardOptions, host: BoardHost) {
    this.#host = host;
    this.firmware = { gpa: ACPI_TABLES_BASE, bytes: acpiTables(options.apicIds) };
    this.#reinjection = options.reinjectsTimer ? new PitReinjection(() => this.#pulseTimer()) : null;
    this.#pics = new PicPair((asserted) => host.picOutput(asserted), this.#timerWatcher(IRQ_TIMER));
    this.#ioApic = new IoApic(
      {
        deliver: (message) => host.deliver(message),
        redirectionChanged: () => host.redirectionChanged(),
      },
      this.#timerWatcher(TIMER_INPUT),
    );
    this.#pit = new Pit(options.tscHertz, options.leastTimerPeriodNs, {
      expired: (times) => this.#timerExpired(times),
      loaded: () => this.#reinjection?.reset(),
    });
    this.#realTimeClock = new RealTimeClock(options.tscHertz, options.memoryBytes, (asserted) =>
      this.setInterruptLine(IRQ_REAL_TIME_CLOCK, asserted),
    );
    this.#acpi = new AcpiRegisters(
      options.tscHertz,
      (end) => (this.#end ??= end),
      (asserted) => this.setInterruptLine(IRQ_SYSTEM_CONTROL, asserted),
    );
    this.#ports = this.#wirePorts(options);
  }

  /** For the timer's line at a controller. */
  #timerWatcher(timerLine: number): InterruptWatcher | null {
    const reinjection = this.#reinjection;
    if (reinjection === null) return null;
    return {
      ended: (line) => {
        if (line === timerLine) reinjection.acknowledge();
      },
      maskChanged: (line, masked) => {
        if (line === timerLine && !masked) reinjection.reset();
      },
    };
  }

  /** Expiries of a chip that nobody waited for are one edge. */
  #timerExpired(times: number): void {
    if (this.#reinjection === null) this.#pulseTimer();
    else this.#reinjection.expire(times);
  }

  #pulseTimer(): void {
    this.#setLine(IRQ_TIMER, true);
    this.#setLine(IRQ_TIMER, false);
    this.#host.timerTicked();
  }

  /** How the guest ended the machine: the first way counts. Null while it runs. */
  get end(): BoardEnd | null {
    return this.#end;
  }

  /** When `runEvents` must be called, in TSC cycles, or Infinity. */
  get nextEventAt(): number {
    return Math.min(this.#pit.nextEventAt, this.#realTimeClock.nextEventAt, this.#acpi.nextEventAt);
  }

  /** What happens on the board at this time of its own accord. */
  runEvents(): void {
    const now = this.#host.now();
    for (const device of [this.#pit, this.#realTimeClock, this.#acpi]) device.advance(now);
    this.#reschedule();
  }

  /** A missed tick of the PIT waits for KVM's worker. */
  get hasTimerWork(): boolean {
    return this.#reinjection?.queued === true;
  }

  /** The worker's turn. */
  runTimerWork(): void {
    this.#reinjection?.work();
  }

  /** Reads `size` bytes (1, 2, 4) from an I/O port, as an unsigned number. */
  portRead(port: number, size: number): number {
    const value = this.#ports.read(port, size, this.#host.now());
    this.#reschedule();
    return value;
  }

  /** Writes to an I/O port. Look at `end` afterwards. */
  portWrite(port: number, size: number, value: number): void {
    this.#ports.write(port, size, value, this.#host.now());
    this.#reschedule();
  }

  /** Reads device memory: fills `bytes`, with ones where nothing answers. */
  mmioRead(address: number, bytes: Uint8Array): void {
    const pci = this.#testDevice.configuration.decode('memory', address);
    if (inRange(address, IO_APIC_BASE, IO_APIC_SIZE)) store(bytes, this.#ioApic.read(address - IO_APIC_BASE));
    else if (inRange(address, TEST_MEMORY_BASE, TEST_MEMORY_SIZE))
      this.#testMemory.read(address - TEST_MEMORY_BASE, bytes);
    else if (pci === null) bytes.fill(0xff);
    else for (let i = 0; i < bytes.length; i++) bytes[i] = this.#testDevice.read(pci.offset + i);
  }

  mmioWrite(address: number, bytes: Uint8Array): void {
    const pci = this.#testDevice.configuration.decode('memory', address);
    if (inRange(address, IO_APIC_BASE, IO_APIC_SIZE)) this.#ioApic.write(address - IO_APIC_BASE, load(bytes));
    else if (inRange(address, TEST_MEMORY_BASE, TEST_MEMORY_SIZE))
      this.#testMemory.write(address - TEST_MEMORY_BASE, bytes);
    else if (pci !== null) bytes.forEach((byte, i) => this.#testDevice.write(pci.bar, pci.offset + i, byte));
  }

  /** A device drives global system interrupt 0-23. */
  setInterruptLine(line: number, asserted: boolean): void {
    this.#host.lineDriven();
    this.#setLine(line, asserted);
  }

  /** PIC and I/O APIC see it, the timer at input 2. */
  #setLine(line: number, asserted: boolean): void {
    if (line === IRQ_CASCADE) return;
    if (line < ISA_IRQS) this.#pics.setLine(line, asserted);
    this.#ioApic.setLine(line === IRQ_TIMER ? TIMER_INPUT : line, asserted);
  }

  /** Level of the PIC's INTR output. */
  get picOutput(): boolean {
    return this.#pics.output;
  }

  /** The interrupt-acknowledge cycle of an ExtINT: returns the PIC's vector. */
  acknowledgePic(): number {
    return this.#pics.acknowledge();
  }

  /** EOI of a local APIC: broadcast if the interrupt was level-triggered, else only KVM hears of it. */
  endOfInterrupt(vector: number, level: boolean): void {
    this.#ioApic.endOfInterrupt(vector, level);
  }

  /** The I/O APIC, for KVM's EOI-exit bitmap. */
  get ioApic(): IoApic {
    return this.#ioApic;
  }

  /** Writes that KVM completes without user space, or null for none. */
  get eventFd(): EventFd | null {
    return this.#testDevice.eventFd;
  }

  #wirePorts({ apicIds, memoryBytes }: BoardOptions): PortMap {
    const end = (reason: BoardEnd): void => {
      this.#end ??= reason;
    };
    const pciFunctions = new Map([
      [0, new PciFunction(HOST_BRIDGE, [])],
      [TEST_DEVICE_FUNCTION, this.#testDevice.configuration],
    ]);
    const serial = new SerialPort(
      (byte) => this.#host.console(byte),
      (asserted) => this.setInterruptLine(IRQ_SERIAL, asserted),
    );
    const testRegister = new Uint8Array(4);
    const ports = new PortMap(this.#pciPorts());
    ports.add(0x20, 2, this.#pics.masterPorts);
    ports.add(0x40, 4, this.#pit);
    ports.add(0x61, 1, this.#pit.speakerPort);
    ports.add(0x70, 2, this.#realTimeClock);
    ports.add(0x80, 1, new PostCode());
    ports.add(0x92, 1, new SystemControlPortA(end));
    ports.add(0xa0, 2, this.#pics.slavePorts);
    ports.add(0xe0, 4, new TestRegister(4, testRegister));
    ports.add(0xe4, 4, new TestPageFlush());
    ports.add(0xe8, 4, new TestRegister(1, testRegister));
    ports.add(0xf4, 4, new DebugExit(end));
    ports.add(0x3f8, 8, serial);
    ports.add(0x4d0, 2, this.#pics.elcrPorts);
    ports.add(0x510, 2, new FirmwareConfiguration({ cpus: apicIds.length, memoryBytes }));
    ports.add(ACPI_PORTS, ACPI_PORTS_SIZE, this.#acpi);
    ports.add(0xcf8, 8, new PciConfiguration(pciFunctions, end));
    ports.add(0x2000, 24, new TestInterruptLines((line, asserted) => this.setInterruptLine(line, asserted)));
    ports.add(0x8900, 1, new ShutdownPort(end));
    return ports;
  }

  /** The ports that base address registers place. */
  #pciPorts(): IoDevice {
    const { configuration } = this.#testDevice;
    return {
      widest: 1,
      read: (port) => {
        const place = configuration.decode('io', port);
        return place === null ? allOnes(1) : this.#testDevice.read(place.offset);
      },
      write: (port, _size, value) => {
        const place = configuration.decode('io', port);
        if (place !== null) this.#testDevice.write(place.bar, place.offset, value);
      },
    };
  }

  #reschedule(): void {
    const at = this.nextEventAt;
    if (at === this.#scheduled) return;
    this.#scheduled = at;
    this.#host.schedule(at);
  }
}

function inRange(address: number, base: number, size: number): boolean {
  return address >= base && address < base + size;
}

/** The low bytes of a register. */
function store(bytes: Uint8Array, value: number): void {
  for (let i = 0; i < bytes.length; i++) bytes[i] = i < 4 ? value >>> (8 * i) : 0;
}

function load(bytes: Uint8Array): number {
  let value = 0;
  for (let i = Math.min(bytes.length, 4) - 1; i >= 0; i--) value = value * 256 + bytes[i];
  return value;
}
