/**
 * One logical processor: registers, state and what goes with them. What it does in its turn stands in turn.ts, what an
 * instruction or an event means in the files beside this one; VMX operation in hardware/vmx.
 */
import { STEP, TICKS_PER_CYCLE } from '../../cost/step.js';
import type { Meter } from '../../cost/meter.js';
import type { Clock, Timed } from '../clock/clock.js';
import type { LocalApic } from '../apic/local-apic.js';
import type { Bus } from '../apic/bus.js';
import type { Lines } from '../memory/lines.js';
import type { PhysicalMemory } from '../memory/physical-memory.js';
import type { VmxUnit } from '../vmx/vmx-unit.js';
import { UserInterrupts } from '../vmx/user-interrupts.js';
import { traceReport } from '../vmx/virtual-apic-trace.js';
import { ACTIVITY_ACTIVE, ACTIVITY_MWAIT } from './activity.js';
import { CR0_AM, CR4_SMAP } from './control-register-bits.js';
import type { DecodedInstruction } from './decoded-instruction.js';
import type { Decoder } from './decoder.js';
import { DebugExceptions } from './debug/debug-exceptions.js';
import { DebugRegisters } from './debug/debug-registers.js';
import type { Engine } from './engine.js';
import { VECTOR_NMI } from './exception-vector.js';
import { EXTERNAL_INTERRUPTS, NMI } from './exceptions.js';
import { resetExtendedState } from './extended-state.js';
import { type DeliveryFault, type Fault, type IdtEvent } from './fault.js';
import * as L from './layout.js';
import { enterCodeContext } from './legacy/code-context.js';
import type { Ports } from './slow/io.js';
import type { NonRoot } from './non-root.js';
import { FAULT, REDIRECTED, WAIT, type Outcome } from './outcome.js';
import { PageDirectoryPointers } from './page-directory-pointers.js';
import { Parking } from './parking.js';
import type { RootSoftware } from './root-software.js';
import { LIMIT_64K, nullSegment, segmentRegisters, TableRegister, type Segment } from './segments.js';
import { StateBlock } from './state-block.js';
import { Msrs } from './msrs.js';
import type { CpuFeatures } from './features.js';
import type { TraceSink } from '../../trace/event.js';
import { privilegeOf } from './mode.js';
import { RFLAGS_IF } from './rflags.js';
import { takeTurn } from './turn.js';

/** What a machine gives each of its CPUs. */
export interface CpuParts {
  readonly memory: PhysicalMemory;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly lines: Lines;
  readonly engine: Engine;
  readonly decoder: Decoder;
  readonly bus: Bus;
  readonly features: CpuFeatures;
  /** Sees measurement markers of the guest (see guest/marker). */
  readonly onMarker: (cpu: Cpu, marker: number) => void;
}

/** What answers at physical addresses where there is neither memory nor the local APIC. */
export interface DeviceMemory {
  /** Fills `bytes`. */
  read(physical: number, bytes: Uint8Array): void;
  write(physical: number, bytes: Uint8Array): void;
}

export class Cpu extends StateBlock implements Timed {
  readonly id: number;
  /** Physical x2APIC ID. */
  readonly apicId: number;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly lines: Lines;
  readonly engine: Engine;
  readonly decoder: Decoder;
  readonly bus: Bus;
  readonly features: CpuFeatures;
  readonly onMarker: (cpu: Cpu, marker: number) => void;

  #trace: TraceSink | null = null;

  // Wired by the machine after construction, in this order.
  apic!: LocalApic;
  vmx!: VmxUnit;
  /** Model of root-mode software, or null when root mode runs machine code (`boot --bare`). */
  rootSoftware: RootSoftware | null = null;
  /** Non-null in VMX non-root operation. */
  nonRoot: NonRoot | null = null;

  cr2 = 0;
  readonly pdptes = new PageDirectoryPointers(this);
  readonly dr = new DebugRegisters();
  readonly debugExceptions = new DebugExceptions(this);
  /** ES CS SS DS FS GS LDTR TR; the bases of FS and GS live in the state block. */
  readonly segments: readonly Segment[] = segmentRegisters(this);
  readonly gdtr = new TableRegister(this, L.CPU_GDTR);
  readonly idtr = new TableRegister(this, L.CPU_IDTR);
  readonly msrs: Msrs;
  readonly userInterrupts = new UserInterrupts();
  readonly parking = new Parking(this);
  /** I/O ports outside VMX non-root operation; null reads as all ones. */
  ports: Ports | null = null;
  /** Devices at physical addresses without memory; null reads as all ones. */
  deviceMemory: DeviceMemory | null = null;
  /** Takes the shutdown special cycle after a triple fault; null = nobody resets the processor. */
  onShutdown: (() => void) | null = null;
  /**
   * Segment, table and control registers and MSRs may differ from the guest-state area that VMX operation has loaded or
   * saved last. Set by whoever changes them; the interpreter never does.
   */
  systemStateChanged = true;
  #initPending = false;
  #sipiPending = -1;
  #injected: IdtEvent | null = null;
  /** The event being delivered, for IDT-vectoring information of an exit in between. */
  delivering: IdtEvent | null = null;
  fault: Fault | null = null;
  /** What led to the last double or triple fault, first cause first. */
  readonly deliveryFaults: DeliveryFault[] = [];
  /** `fault` is still to be turned into an exit or a delivery: the next operation at this boundary. */
  faulting = false;
  /** MWAIT with ECX[0] = 1: interrupts wake even while IF is 0. */
  mwaitBreaksOnInterrupt = false;
  /** The instruction that the host is executing and that waits. */
  slowInstruction: DecodedInstruction | null = null;

  constructor(id: number, apicId: number, parts: CpuParts) {
    super(parts.memory, id);
    this.id = id;
    this.apicId = apicId;
    this.clock = parts.clock;
    this.meter = parts.meter;
    this.lines = parts.lines;
    this.engine = parts.engine;
    this.decoder = parts.decoder;
    this.bus = parts.bus;
    this.features = parts.features;
    this.onMarker = parts.onMarker;
    this.msrs = new Msrs();
    this.#initializeBlock();
  }

  #initializeBlock(): void {
    const { block } = this;
    for (const segment of this.segments) Object.assign(segment, nullSegment());
    this.gdtr.limit = this.idtr.limit = LIMIT_64K;
    this.engine.selectBanks(block);
    this.setWord(L.CPU_FAST_FORWARD, 1);
    this.setWord(L.CPU_COST_SPIN_EXIT, this.meter.table.stepTicks[STEP.SPIN_EXIT]);
    this.cr0 = 0x6000_0010;
    this.rflags = 2;
    resetExtendedState(this);
  }

  // ---- Registers

  /** RFLAGS bits 31:0 (63:32 are always 0). */
  get rflags(): number {
    return this.engine.getFlags(this.block) >>> 0;
  }

  set rflags(value: number) {
    this.engine.setFlags(this.block, value);
    this.attention = true;
  }

  get interruptsEnabled(): boolean {
    return (this.word(L.CPU_SYSTEM_FLAGS) & RFLAGS_IF) !== 0;
  }

  /** Blocking by NMI; with virtual NMIs, blocking of those. */
  get nmiBlocked(): boolean {
    return this.word(L.CPU_NMI_BLOCKED) !== 0;
  }

  set nmiBlocked(value: boolean) {
    this.setWord(L.CPU_NMI_BLOCKED, value ? 1 : 0);
  }

  /** ACTIVITY_*. */
  get activity(): number {
    return this.word(L.CPU_ACTIVITY);
  }

  set activity(value: number) {
    this.setWord(L.CPU_ACTIVITY, value);
  }

  /** Blocking by STI or MOV SS until the next instruction has completed (SHADOW_*). */
  get shadow(): number {
    return this.word(L.CPU_SHADOW);
  }

  set shadow(value: number) {
    this.setWord(L.CPU_SHADOW, value);
  }

  /**
   * With interrupts enabled HLT is what a one-cycle no-op in a loop would be: it never exits, and to leave it costs
   * nothing. Not architectural; for `--ap-halt-policy spin`.
   */
  get haltPolls(): boolean {
    return this.word(L.CPU_HALT_POLLS) !== 0;
  }

  set haltPolls(value: boolean) {
    this.setWord(L.CPU_HALT_POLLS, value ? 1 : 0);
  }

  get cpl(): number {
    return this.word(L.CPU_CPL);
  }

  /** Sets the current privilege level and switches the TLB banks with it. */
  set cpl(value: number) {
    if (value === this.cpl) return;
    this.setWord(L.CPU_CPL, value);
    this.engine.selectBanks(this.block);
  }

  /** Of the accesses that instructions ask for: PRIVILEGE_SUPERVISOR or PRIVILEGE_USER. */
  get privilege(): number {
    return privilegeOf(this.cpl);
  }

  get cr0(): number {
    return this.word(L.CPU_CR0);
  }

  set cr0(value: number) {
    const changed = value ^ this.cr0;
    this.setWord(L.CPU_CR0, value);
    if ((changed & CR0_AM) !== 0) this.engine.selectBanks(this.block);
  }

  get cr3(): number {
    return this.long(L.CPU_CR3);
  }

  set cr3(value: number) {
    this.setLong(L.CPU_CR3, value);
  }

  get cr4(): number {
    return this.word(L.CPU_CR4);
  }

  set cr4(value: number) {
    const changed = value ^ this.cr4;
    this.setWord(L.CPU_CR4, value);
    if ((changed & CR4_SMAP) !== 0) this.engine.selectBanks(this.block);
    this.setWord(L.CPU_CR4_PGE_TOGGLES, 0);
  }

  /** Host-physical address of the topmost EPT table, or -1: guest-physical mappings are made anew. */
  set eptRoot(address: number) {
    this.setLong(L.CPU_EPT_ROOT, address);
    this.setWord(L.CPU_MAPPINGS_KNOWN, 0);
  }

  /** IA32_EFER bits 31:0 (63:32 are reserved). */
  get eferLow(): number {
    return this.word(L.CPU_EFER);
  }

  set eferLow(value: number) {
    this.setWord(L.CPU_EFER, value);
  }

  /** Base of a segment, with FS and GS from the state block. */
  segmentBase(segment: number): number {
    if (segment === 4) return this.long(L.CPU_FS_BASE);
    if (segment === 5) return this.long(L.CPU_GS_BASE);
    return this.segments[segment].base;
  }

  /** Something may be deliverable at the next boundary; cleared when nothing is. */
  get attention(): boolean {
    return this.word(L.CPU_ATTENTION) !== 0;
  }

  set attention(value: boolean) {
    this.setWord(L.CPU_ATTENTION, value ? 1 : 0);
  }

  /** Ticks spent asleep: in HLT, MWAIT, or with an idle host. */
  get sleepTicks(): number {
    return this.memory.f64[(this.block + L.CPU_SLEEP_TICKS) >>> 3];
  }

  get nmiPending(): boolean {
    return this.word(L.CPU_NMI_PENDING) !== 0;
  }

  set nmiPending(value: boolean) {
    this.setWord(L.CPU_NMI_PENDING, value ? 1 : 0);
    this.takeBoundaries();
  }

  get initPending(): boolean {
    return this.#initPending;
  }

  set initPending(value: boolean) {
    this.#initPending = value;
    this.takeBoundaries();
  }

  /** Vector of a pending start-up IPI, or -1. */
  get sipiPending(): number {
    return this.#sipiPending;
  }

  set sipiPending(vector: number) {
    this.#sipiPending = vector;
    this.takeBoundaries();
  }

  /** There may be events that only the host knows. */
  takeBoundaries(): void {
    this.setWord(L.CPU_BOUNDARY, L.BOUNDARY_HOST);
  }

  /** An event whose delivery has begun: injected at VM entry, or waiting for a cache line. */
  get injected(): IdtEvent | null {
    const vector = this.word(L.CPU_INTERRUPT);
    if (vector === 0) return this.#injected;
    return vector === VECTOR_NMI ? NMI : EXTERNAL_INTERRUPTS[vector];
  }

  set injected(event: IdtEvent | null) {
    this.#injected = event;
    this.setWord(L.CPU_INTERRUPT, 0);
  }

  /** Page offset of a virtualized APIC write whose emulation is still to come, or -1. */
  get apicWriteOffset(): number {
    return this.word(L.CPU_APIC_WRITE) - 1;
  }

  set apicWriteOffset(offset: number) {
    this.setWord(L.CPU_APIC_WRITE, offset + 1);
  }

  /** Physical address of the line armed by MONITOR, or -1. */
  get monitoredLine(): number {
    return this.memory.f64[(this.block + L.CPU_MONITORED_LINE) >>> 3];
  }

  set monitoredLine(pa: number) {
    this.memory.f64[(this.block + L.CPU_MONITORED_LINE) >>> 3] = pa;
  }

  /** Takes what happens here; null unless the machine is traced. */
  get trace(): TraceSink | null {
    return this.#trace;
  }

  set trace(sink: TraceSink | null) {
    this.#trace = sink;
    this.setWord(L.CPU_TRACED, sink === null ? 0 : 1);
  }

  /** An event that the interpreter knows as well (REPORT_*), for the trace. */
  report(event: number, first: number, second: number): void {
    if (this.#trace !== null) traceReport(this.#trace, event, first, second);
  }

  // ---- Time and cost

  /** Charges a step at its price in the profile. */
  charge(step: number): void {
    const ticks = this.meter.table.stepTicks[step];
    this.now += ticks;
    this.meter.record(this.id, step, ticks);
  }

  /** Charges a plain instruction class (index into INSTRUCTION_CLASSES). */
  chargeClass(instructionClass: number): void {
    this.now += this.meter.table.classTicks[instructionClass];
  }

  /** The TSC this CPU's software reads: bits beyond 2^53 do not occur. */
  get tsc(): number {
    return Math.floor(this.now / TICKS_PER_CYCLE) + this.long(L.CPU_TSC_OFFSET);
  }

  /** The operation in progress has been tried before. */
  get hasBegun(): boolean {
    return this.word(L.CPU_BEGUN) !== 0;
  }

  /**
   * True on the first attempt of an operation: the moment to charge it. Charge, then act: costs come first, the
   * lines and the turn are waited for next, and everything visible happens at the end, at once.
   */
  begin(): boolean {
    if (this.hasBegun) return false;
    this.setWord(L.CPU_BEGUN, 1);
    this.setWord(L.CPU_CHARGED, 0);
    // What an earlier instruction has collected is not this operation's to take.
    if (!this.lineArriving) this.dropCollection();
    return true;
  }

  /** Ends the operation begun by `begin`. */
  finish(): void {
    this.setWord(L.CPU_BEGUN, 0);
    this.dropCollection();
  }

  // ---- TLBs

  /** Forgets every translation of this CPU. */
  flushTlbs(): void {
    this.engine.flushTlbs(this.block);
  }

  // ---- Being woken

  /** A physical interrupt, NMI, INIT or SIPI has arrived at time `at`. */
  wake(at: number): void {
    this.engine.wake(this.block, at);
  }

  /** Another CPU takes the monitored line from this one, to write to it, at time `at`. */
  loseMonitoredLine(at: number): void {
    this.monitoredLine = -1;
    if (this.activity !== ACTIVITY_MWAIT) return;
    this.activity = ACTIVITY_ACTIVE;
    this.now = Math.max(this.now, at);
    this.charge(STEP.MWAIT_WAKE);
    this.trace?.({ name: 'ipiv_wake' });
    this.wake(at);
  }

  // ---- Running

  /** The host's share of this CPU's turn. */
  run(): void {
    takeTurn(this);
  }

  /** Lets the interpreter run; returns why it stopped. An instruction that has waited runs at once. */
  execute(limit: number): number {
    if ((this.word(L.CPU_MODE) | this.word(L.CPU_CODE_MODE)) !== L.MODE_64) enterCodeContext(this);
    this.setLong(L.CPU_LIMIT, this.word(L.CPU_RETRY) === L.RETRY_NONE ? limit : Math.max(limit, this.now + 1));
    return this.engine.run(this.block);
  }

  /**
   * Ends an operation unless it waits. What a fault causes, an exit or a delivery, is an operation of its own with its
   * own costs: it comes next.
   */
  resolve(outcome: Outcome): Outcome {
    if (outcome === WAIT) return WAIT;
    this.finish();
    // What is decoded for one execution may not outlive a change of registers or segments.
    this.setWord(L.CPU_ONCE, 0);
    if (outcome !== FAULT) return outcome;
    this.faulting = true;
    return REDIRECTED;
  }

  /** An instruction executed by the host has completed. */
  retire(length: number): void {
    this.rip += length;
    this.setLong(L.CPU_RETIRED, this.long(L.CPU_RETIRED) + 1);
  }
}
