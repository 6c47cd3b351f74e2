/**
 * Two CPUs in VMX non-root operation, reduced to what APIC virtualization concerns: memory, APICs, bus, and the
 * virtual-APIC unit of each. Guest instructions are calls; VM exits are recorded and change nothing.
 */
import { Meter } from '../../src/cost/meter.js';
import { STEP, STEP_NAMES } from '../../src/cost/step.js';
import { Bus } from '../../src/hardware/apic/bus.js';
import { LocalApic } from '../../src/hardware/apic/local-apic.js';
import {
  APIC_BASE_ENABLE,
  APIC_BASE_EXTD,
  APIC_IRR,
  APIC_ISR,
  APIC_SVR,
  DEFAULT_APIC_BASE,
  SVR_SOFTWARE_ENABLE,
} from '../../src/hardware/apic/registers.js';
import { Clock } from '../../src/hardware/clock/clock.js';
import { Cpu } from '../../src/hardware/cpu/cpu.js';
import type { Decoder } from '../../src/hardware/cpu/decoder.js';
import { DEFAULT_FEATURES } from '../../src/hardware/cpu/features.js';
import * as L from '../../src/hardware/cpu/layout.js';
import { DONE, FAULT, PASS, REDIRECTED, WAIT, type Outcome } from '../../src/hardware/cpu/outcome.js';
import { RFLAGS_IF } from '../../src/hardware/cpu/rflags.js';
import { Lines } from '../../src/hardware/memory/lines.js';
import { PhysicalMemory } from '../../src/hardware/memory/physical-memory.js';
import {
  setNotificationDestination,
  setNotificationVector,
} from '../../src/hardware/vmx/posted-interrupt-descriptor.js';
import * as pid from '../../src/hardware/vmx/posted-interrupt-descriptor.js';
import { VirtualApic } from '../../src/hardware/vmx/virtual-apic.js';
import { VirtualizationState } from '../../src/hardware/vmx/virtualization-state.js';
import { flagsOnlyEngine } from './engine.js';
import { uniformCosts } from './uniform-costs.js';

/** Posted-interrupt notification vector of the machines built here. */
export const NOTIFICATION_VECTOR = 0xf2;
export const APIC_ACCESS_PAGE = 0x2f000;
export const PID_POINTER_TABLE = 0x80000;
/** Ticks of flight between the CPUs. */
export const FLIGHT = 320;
/** Ticks of every step but the flight. */
export const STEP_TICKS = 64;

const RAM = 0x110000;
const TWO_32 = 2 ** 32;
/** Length of every guest instruction. */
const LENGTH = 3;

const CONTROLS = {
  tprShadow: L.VIRTUALIZE_TPR_SHADOW,
  virtualizeApicAccesses: L.VIRTUALIZE_APIC_ACCESSES,
  virtualizeX2apic: L.VIRTUALIZE_X2APIC_MODE,
  apicRegisterVirtualization: L.VIRTUALIZE_APIC_REGISTERS,
  virtualInterruptDelivery: L.VIRTUALIZE_INTERRUPT_DELIVERY,
  processPostedInterrupts: L.VIRTUALIZE_POSTED_INTERRUPTS,
  ipiVirtualization: L.VIRTUALIZE_IPIS,
  externalInterruptExiting: L.VIRTUALIZE_WITH_INTERRUPT_EXITS,
  ackOnExit: L.VIRTUALIZE_WITH_ACKNOWLEDGE,
  interruptWindowExiting: L.VIRTUALIZE_WITH_WINDOW_EXITS,
} as const;

type ControlName = keyof typeof CONTROLS;
type Addresses = Pick<VirtualizationState, 'pidPointerTable' | 'tprThreshold'>;

/** The controls that are 1, as VIRTUALIZE_*. */
function controlWord(controls: Readonly<Record<ControlName, boolean>>): number {
  const names = Object.keys(CONTROLS) as ControlName[];
  return names.reduce((word, name) => (controls[name] ? word | CONTROLS[name] : word), 0);
}

export interface VmxMachineOptions {
  /** Mode of the guest's APIC: which of the two access virtualizations is on. Default 'xapic'. */
  readonly apicMode?: 'xapic' | 'x2apic';
  /** Mode of the physical APICs. Default 'x2apic'. */
  readonly hostApicMode?: 'xapic' | 'x2apic';
  /** IPI virtualization with valid table entries for both CPUs. Default false. */
  readonly ipiv?: boolean;
  readonly lastPidPointerIndex?: number;
  /** Run-ahead of the clock, for tests that let the CPUs run. */
  readonly quantum?: number;
  /** Controls that differ from the base set (TPR shadow, register virtualization, delivery, posted interrupts). */
  readonly controls?: Partial<Record<ControlName, boolean> & Addresses>;
}

export interface RecordedExit {
  readonly reason: number;
  readonly qualification: number;
  readonly trapLike: boolean;
}

/** A virtual processor in non-root operation. */
export class TestVcpu {
  readonly cpu: Cpu;
  readonly state: VirtualizationState;
  readonly exits: RecordedExit[] = [];
  /** Acknowledged vectors of exits 1. */
  readonly externalInterrupts: number[] = [];
  readonly apic: VirtualApic;
  /** Vectors delivered through the IDT. */
  readonly delivered: number[] = [];

  constructor(cpu: Cpu) {
    this.cpu = cpu;
    this.state = new VirtualizationState(cpu);
    this.apic = new VirtualApic(cpu, this.state, {
      exit: (reason, qualification, trapLike) => {
        this.exits.push({ reason, qualification, trapLike });
        return REDIRECTED;
      },
      externalInterrupt: (vector) => {
        this.externalInterrupts.push(vector);
        return REDIRECTED;
      },
    });
    this.interruptsEnabled = true;
  }

  set interruptsEnabled(enabled: boolean) {
    this.cpu.setWord(L.CPU_SYSTEM_FLAGS, enabled ? RFLAGS_IF : 0);
  }

  /** A register of the virtual-APIC page. */
  register(offset: number): number {
    return this.apic.page.read(offset);
  }

  setRegister(offset: number, value: number): void {
    this.apic.page.write(offset, value);
  }

  /** VIRR[vector] := 1. */
  request(vector: number): void {
    const word = APIC_IRR + (vector >>> 5) * 16;
    this.setRegister(word, this.register(word) | (1 << (vector & 31)));
  }

  requests(vector: number): boolean {
    return this.apic.page.testVector(APIC_IRR, vector);
  }

  inService(vector: number): boolean {
    return this.apic.page.testVector(APIC_ISR, vector);
  }

  /** MOV from the APIC-access page: the data, or null after an exit. */
  read(offset: number, size = 4): number | null {
    const outcome = this.#complete(() => this.apic.apicAccess(offset, size, L.ACCESS_READ));
    if (outcome !== DONE) return null;
    this.cpu.retire(LENGTH);
    return this.register(offset & ~3);
  }

  /** MOV to the APIC-access page, with the emulation that follows. */
  write(offset: number, value: number, size = 4): void {
    if (this.#complete(() => this.apic.apicAccess(offset, size, L.ACCESS_WRITE)) !== DONE) return;
    this.setRegister(offset, value);
    this.cpu.retire(LENGTH);
    this.#complete(() => this.apic.apicWriteEmulation(offset));
    this.boundary();
  }

  /** WRMSR that the MSR bitmap lets through. */
  wrmsr(msr: number, hi: number, lo: number): Outcome {
    const outcome = this.#complete(() => this.apic.wrmsr(msr, hi, lo, LENGTH));
    if (outcome === DONE) this.cpu.retire(LENGTH);
    if (outcome !== PASS && outcome !== FAULT) this.boundary();
    return outcome;
  }

  /** RDMSR that the MSR bitmap lets through: [EDX, EAX], or null when the physical APIC is asked. */
  rdmsr(msr: number): [hi: number, lo: number] | null {
    if (this.#complete(() => this.apic.rdmsr(msr)) !== DONE) return null;
    return [this.cpu.gprLow(2), this.cpu.gprLow(0)];
  }

  /** Instruction boundary: a recognized virtual interrupt, then physical interrupts, until nothing is left. */
  boundary(): void {
    for (;;) {
      if (this.apic.deliverable) {
        this.#complete(() => this.apic.deliverVirtualInterrupt());
        this.delivered.push(this.cpu.injected?.vector ?? -1);
        this.cpu.injected = null;
        this.interruptsEnabled = false;
      } else if (this.cpu.apic.requestsService && this.externalInterrupts.length === 0) {
        this.#complete(() => this.apic.processPhysicalInterrupt());
      } else {
        return;
      }
    }
  }

  /** A physical interrupt with the notification vector has arrived. */
  notify(): void {
    this.cpu.apic.accept(NOTIFICATION_VECTOR, false);
    this.boundary();
  }

  /** IRET to code with interrupts enabled. */
  iret(): void {
    this.interruptsEnabled = true;
    this.boundary();
  }

  /** Repeats an operation that waits for messages in flight. */
  #complete(operation: () => Outcome): Outcome {
    for (;;) {
      const outcome = operation();
      if (outcome !== WAIT) {
        this.cpu.finish();
        return outcome;
      }
      if (!this.cpu.clock.mustWait(this.cpu)) throw new Error('an operation waits although nobody precedes it');
      this.cpu.clock.run();
    }
  }
}

export class VmxMachine {
  readonly memory = new PhysicalMemory({ cpus: 2, ramBytes: RAM, trackedPages: 64, records: 1, codePages: 1 });
  readonly #engine = flagsOnlyEngine(this.memory, () => this.lines);
  readonly clock: Clock;
  readonly meter = new Meter(uniformCosts(STEP_TICKS), this.memory.meterTables);
  readonly lines: Lines;
  readonly bus = new Bus(this.memory, this.#engine, () => FLIGHT);
  readonly vcpus: readonly TestVcpu[];

  constructor(options: VmxMachineOptions) {
    this.clock = new Clock(this.memory, this.#engine, options.quantum ?? 0);
    this.lines = new Lines(this.memory, this.clock, this.#engine, () => STEP_TICKS, 0);
    this.vcpus = [0, 1].map((id) => new TestVcpu(this.#cpu(id, options.hostApicMode ?? 'x2apic')));
    this.vcpus.forEach((vcpu, id) => this.#configure(vcpu, id, options));
  }

  /** The sender of the statements: vCPU 0. */
  get sender(): TestVcpu {
    return this.vcpus[0];
  }

  /** The target of the statements: vCPU 1. */
  get target(): TestVcpu {
    return this.vcpus[1];
  }

  /** Address of the descriptor of vCPU `id`. */
  descriptor(id: number): number {
    return 0x20000 + id * 0x1000;
  }

  setTableEntry(index: number, hi: number, lo: number): void {
    this.memory.write32(PID_POINTER_TABLE + 8 * index, lo);
    this.memory.write32(PID_POINTER_TABLE + 8 * index + 4, hi);
  }

  /** Lets everything arrive that is in flight. */
  deliverMessages(): void {
    this.clock.run();
  }

  posted(id: number, vector: number): boolean {
    return pid.testPir(this.memory, this.descriptor(id), vector);
  }

  post(id: number, vector: number): void {
    pid.testAndSetPir(this.memory, this.descriptor(id), vector);
  }

  outstanding(id: number): boolean {
    return pid.outstandingNotification(this.memory, this.descriptor(id));
  }

  /** How many physical IPIs CPU `id` has sent to others. */
  sentIpis(id: number): number {
    return this.meter.counts[id * STEP_NAMES.length + STEP.IPI_FLIGHT];
  }

  /** How often `step` was charged to CPU `id`. */
  charged(id: number, step: number): number {
    return this.meter.counts[id * STEP_NAMES.length + step];
  }

  #cpu(id: number, hostApicMode: 'xapic' | 'x2apic'): Cpu {
    const { memory, clock, meter, lines, bus } = this;
    const cpu = new Cpu(id, id, {
      memory,
      clock,
      meter,
      lines,
      bus,
      engine: this.#engine,
      decoder: { codeOf: () => undefined } as unknown as Decoder,
      features: DEFAULT_FEATURES,
      onMarker: () => undefined,
    });
    cpu.apic = new LocalApic(cpu);
    lines.add(cpu);
    bus.add(cpu);
    cpu.apic.writeRegister(APIC_SVR, SVR_SOFTWARE_ENABLE | 0xff);
    if (hostApicMode === 'x2apic')
      cpu.apic.writeApicBase(0, (DEFAULT_APIC_BASE | APIC_BASE_ENABLE | APIC_BASE_EXTD) >>> 0);
    return cpu;
  }

  #configure(vcpu: TestVcpu, id: number, options: VmxMachineOptions): void {
    const x2apic = options.apicMode === 'x2apic';
    const { tprThreshold = 0, pidPointerTable = PID_POINTER_TABLE, ...controls } = options.controls ?? {};
    const all = {
      tprShadow: true,
      virtualizeApicAccesses: !x2apic,
      virtualizeX2apic: x2apic,
      apicRegisterVirtualization: true,
      virtualInterruptDelivery: true,
      processPostedInterrupts: true,
      ipiVirtualization: options.ipiv === true,
      externalInterruptExiting: true,
      ackOnExit: true,
      interruptWindowExiting: false,
      ...controls,
    };
    Object.assign(vcpu.state, {
      controls: controlWord(all),
      tprThreshold,
      virtualApicPage: 0x10000 + id * 0x1000,
      apicAccessPage: x2apic ? -1 : APIC_ACCESS_PAGE,
      descriptor: this.descriptor(id),
      pidPointerTable,
      lastPidPointerIndex: options.lastPidPointerIndex ?? 1,
      notificationVector: NOTIFICATION_VECTOR,
    } satisfies Partial<VirtualizationState>);
    setNotificationVector(this.memory, this.descriptor(id), NOTIFICATION_VECTOR);
    const hostX2apic = vcpu.cpu.apic.x2apic;
    setNotificationDestination(this.memory, this.descriptor(id), pid.encodeDestination(id, hostX2apic));
    this.setTableEntry(id, Math.floor(this.descriptor(id) / TWO_32), this.descriptor(id) | 1);
  }
}

/** A machine in which the base controls of the conformance statements are set, or those given. */
export function vmxMachine(options: VmxMachineOptions = {}): VmxMachine {
  return new VmxMachine(options);
}
