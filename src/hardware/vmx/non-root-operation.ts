/**
 * VMX non-root operation of one logical processor (SDM vol. 3, chapter 26): what instructions, exceptions and events do
 * instead of what they do outside. APIC virtualization is delegated to VirtualApic.
 *
 * Left out: monitor trap flag, #VE, VM functions, PML, SMM, bus-lock and notify exiting, and "NMI unblocking due to
 * IRET" in exit information.
 */
import { X2APIC_MSR_ICR } from '../apic/registers.js';
import {
  ACTIVITY_ACTIVE,
  ACTIVITY_HLT,
  ACTIVITY_MWAIT,
  ACTIVITY_SHUTDOWN,
  ACTIVITY_WAIT_FOR_SIPI,
  BLOCKING_BY_MOV_SS,
} from '../cpu/activity.js';
import type { Cpu } from '../cpu/cpu.js';
import { VECTOR_DB, VECTOR_DF, VECTOR_PF } from '../cpu/exception-vector.js';
import { EVENT_EXTERNAL, invalidOpcode, isFault } from '../cpu/fault.js';
import { chargeWake, interruptBoundary } from '../cpu/interrupts.js';
import * as L from '../cpu/layout.js';
import type { NonRoot } from '../cpu/non-root.js';
import { DONE, PASS, REDIRECTED, WAIT, type Outcome } from '../cpu/outcome.js';
import { ActiveControls } from './active-controls.js';
import { BITMAP_CLEAR, BITMAP_EXIT, BITMAP_WAITS, ioBitmaps, msrBitmap, type BitmapAnswer } from './bitmaps.js';
import * as C from './controls.js';
import { crAccessExits, guestHostMask, readShadow } from './cr-access.js';
import * as R from './exit-reason.js';
import { GuestState } from './guest-state.js';
import { GuestTlb } from './guest-tlb.js';
import { INTERCEPT_EXIT, INTERCEPT_INVALID_OPCODE, interception } from './instruction-intercepts.js';
import { instructionLength } from './instruction-length.js';
import {
  decodeInterruption,
  encodeInterruption,
  INTR_INFO_VALID,
  losesDebugTraps,
  NMI_INFORMATION,
} from './interruption-information.js';
import { setPauseLoop, startInterception, stopInterception } from './interpreter-intercepts.js';
import { KeptGuest } from './kept-guest.js';
import { PreemptionTimer } from './preemption-timer.js';
import { canDeliverUserInterrupt, deliverUserInterrupt } from './user-interrupts.js';
import { VirtualApic, type ApicExits } from './virtual-apic.js';
import { VirtualizationState } from './virtualization-state.js';
import { leaveGuest, type ExitInformation } from './vm-exit.js';
import type { Vmcs } from './vmcs.js';
import { VMCS_FIELD } from './vmcs-field.js';

const F = VMCS_FIELD;

export class NonRootOperation implements NonRoot, ApicExits {
  readonly #cpu: Cpu;
  readonly controls = new ActiveControls();
  readonly state: VirtualizationState;
  readonly virtualApic: VirtualApic;
  readonly guest: GuestState;
  readonly tlb: GuestTlb;
  readonly #timer: PreemptionTimer;
  #vmcs: Vmcs | null = null;
  readonly #kept: KeptGuest;
  /** TPR-below-threshold exit pending from VM entry. */
  #tprBelowThreshold = false;
  /** The exit being made: one object, reused. */
  readonly #exit: ExitInformation = {
    reason: 0,
    qualification: 0,
    length: 0,
    interruption: 0,
    errorCode: 0,
    vectoring: null,
  };

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
    this.state = new VirtualizationState(cpu);
    this.guest = new GuestState(cpu);
    this.tlb = new GuestTlb(cpu);
    this.#kept = new KeptGuest(cpu, this.controls, this.tlb);
    this.#timer = new PreemptionTimer(cpu);
    this.virtualApic = new VirtualApic(cpu, this.state, this);
  }

  get takesBoundaries(): boolean {
    const { controls, state } = this;
    return (
      this.#tprBelowThreshold ||
      this.#timer.expired ||
      controls.has(C.CPU_BASED_NMI_WINDOW_EXITING) ||
      state.interruptWindowExiting ||
      !state.externalInterruptExiting
    );
  }

  get enablesRdtscp(): boolean {
    return this.controls.has2(C.SECONDARY_EXEC_ENABLE_RDTSCP);
  }

  get virtualApicPage(): number {
    return this.state.virtualApicPage;
  }

  get #current(): Vmcs {
    if (this.#vmcs === null) throw new Error('VMX non-root operation without a current VMCS');
    return this.#vmcs;
  }

  // ---- VM entry

  /** What has been written of the controls of `vmcs` comes into force. */
  loadControls(vmcs: Vmcs): void {
    if (vmcs.controlsDirty) this.#loadAllControls(vmcs);
    else if (vmcs.windowsDirty) this.controls.readWindows(vmcs, this.state);
  }

  #loadAllControls(vmcs: Vmcs): void {
    if (this.controls.read(vmcs)) vmcs.markAreasDirty();
    this.controls.fill(this.state, vmcs);
    setPauseLoop(this.#cpu, this.controls);
  }

  /** VM entry to a guest whose state is still in the CPU (KeptGuest#resume). DONE: the guest goes on. */
  resume(vmcs: Vmcs): Outcome {
    const outcome = this.#kept.resume(vmcs);
    if (outcome !== DONE) return outcome;
    this.#tprBelowThreshold = false;
    this.#inject(vmcs);
    this.#cpu.nonRoot = this;
    return DONE;
  }

  /** Everything has been checked and the guest state is loaded: the guest goes on. */
  start(vmcs: Vmcs): void {
    const cpu = this.#cpu;
    const { controls } = this;
    this.#vmcs = vmcs;
    this.tlb.enter(controls, this.state.apicAccessPage);
    this.#tprBelowThreshold = this.virtualApic.tprBelowThreshold;
    const hostOffset = cpu.long(L.CPU_TSC_OFFSET);
    if (controls.tscOffset !== 0) cpu.setLong(L.CPU_TSC_OFFSET, hostOffset + controls.tscOffset);
    if (controls.hasPin(C.PIN_BASED_VMX_PREEMPTION_TIMER)) {
      this.#timer.start(vmcs.read32(F.VMX_PREEMPTION_TIMER_VALUE), hostOffset);
    }
    startInterception(cpu, controls);
    this.#inject(vmcs);
    cpu.nonRoot = this;
    cpu.attention = true;
    if (cpu.activity === ACTIVITY_HLT) cpu.trace?.({ name: 'ipiv_halt', instruction: 'hlt' });
  }

  /** The injected event is delivered before anything else happens (SDM 27.6), and ends blocking by STI and MOV SS (27.7.1). */
  #inject(vmcs: Vmcs): void {
    const information = vmcs.read32(F.VM_ENTRY_INTR_INFO_FIELD);
    if ((information & INTR_INFO_VALID) === 0) return;
    const errorCode = vmcs.read32(F.VM_ENTRY_EXCEPTION_ERROR_CODE);
    const cpu = this.#cpu;
    const event = decodeInterruption(information, errorCode, vmcs.read32(F.VM_ENTRY_INSTRUCTION_LEN));
    if (losesDebugTraps(event, cpu.shadow)) cpu.debugExceptions.pending = 0;
    cpu.injected = event;
    cpu.shadow = 0;
    cpu.activity = ACTIVITY_ACTIVE;
  }

  // ---- VM exits

  #leave(reason: number, qualification: number, length: number, interruption = 0, errorCode = 0): Outcome {
    const exit = this.#exit;
    exit.reason = reason;
    exit.qualification = qualification;
    exit.length = length;
    exit.interruption = interruption;
    exit.errorCode = errorCode;
    exit.vectoring = this.#cpu.delivering;
    if (!this.#kept.leave(this.#current, exit)) this.#performExit();
    const cpu = this.#cpu;
    cpu.delivering = null;
    cpu.injected = null;
    cpu.nonRoot = null;
    return REDIRECTED;
  }

  #performExit(): void {
    const cpu = this.#cpu;
    const { controls, state } = this;
    const vmcs = this.#current;
    const hostOffset = cpu.long(L.CPU_TSC_OFFSET) - controls.tscOffset;
    if (state.virtualInterruptDelivery) vmcs.write32(F.GUEST_INTR_STATUS, (state.svi << 8) | state.rvi);
    this.tlb.exit();
    const virtualNmis = controls.hasPin(C.PIN_BASED_VIRTUAL_NMIS);
    leaveGuest(cpu, vmcs, controls, this.guest, this.#exit);
    if (controls.onExit(C.VM_EXIT_SAVE_VMX_PREEMPTION_TIMER)) {
      vmcs.write32(F.VMX_PREEMPTION_TIMER_VALUE, this.#timer.remaining(hostOffset));
    }
    this.#timer.stop();
    if (virtualNmis) cpu.nmiBlocked = false;
    if (this.#exit.interruption === NMI_INFORMATION) cpu.nmiBlocked = true;
    if (controls.tscOffset !== 0) cpu.setLong(L.CPU_TSC_OFFSET, hostOffset);
    stopInterception(cpu);
  }

  /** An exit between two instructions; a sleeping core wakes for it, but the saved activity state does not change. */
  #leaveAtBoundary(reason: number, qualification: number, interruption = 0): Outcome {
    chargeWake(this.#cpu);
    return this.#leave(reason, qualification, 0, interruption);
  }

  /** ApicExits.exit. */
  exit(reason: number, qualification: number, trapLike: boolean): Outcome {
    if (!trapLike) this.#cpu.debugExceptions.interruptAccess();
    return this.#leave(reason, qualification, trapLike ? 0 : instructionLength(this.#cpu));
  }

  /** ApicExits.externalInterrupt: costs of leaving a sleeping state have been charged. */
  externalInterrupt(vector: number): Outcome {
    const information = vector < 0 ? 0 : encodeInterruption(vector, EVENT_EXTERNAL, false);
    return this.#leave(R.EXIT_REASON_EXTERNAL_INTERRUPT, 0, 0, information);
  }

  // ---- Events at an instruction boundary, in order of priority

  boundary(): Outcome {
    const cpu = this.#cpu;
    const { controls } = this;
    if (this.#tprBelowThreshold) {
      this.#tprBelowThreshold = false;
      return this.#leaveAtBoundary(R.EXIT_REASON_TPR_BELOW_THRESHOLD, 0);
    }
    if (cpu.activity === ACTIVITY_WAIT_FOR_SIPI) return this.#startUpBoundary();
    cpu.sipiPending = -1;
    if (cpu.initPending) return this.#takeInit();
    if (cpu.debugExceptions.isDue) return cpu.debugExceptions.raise();
    if (this.#timer.expired) return this.#leaveAtBoundary(R.EXIT_REASON_PREEMPTION_TIMER, 0);
    const nmiWindow = controls.has(C.CPU_BASED_NMI_WINDOW_EXITING);
    if (nmiWindow && !cpu.nmiBlocked && cpu.shadow === 0) return this.#leaveAtBoundary(R.EXIT_REASON_NMI_WINDOW, 0);
    if (cpu.nmiPending && (cpu.shadow & BLOCKING_BY_MOV_SS) === 0) {
      if (this.#nmiExits()) return this.#takeNmi();
      if (!controls.hasPin(C.PIN_BASED_NMI_EXITING) && !cpu.nmiBlocked) return interruptBoundary(cpu);
    }
    return this.#interruptBoundary();
  }

  /** In wait-for-SIPI everything but a start-up IPI is blocked, and the preemption timer causes no exit. */
  #startUpBoundary(): Outcome {
    const cpu = this.#cpu;
    if (cpu.sipiPending < 0) return PASS;
    const vector = cpu.sipiPending;
    cpu.sipiPending = -1;
    return this.#leaveAtBoundary(R.EXIT_REASON_SIPI_SIGNAL, vector);
  }

  #takeInit(): Outcome {
    if (this.#cpu.clock.mustWait(this.#cpu)) return WAIT;
    this.#cpu.initPending = false;
    return this.#leaveAtBoundary(R.EXIT_REASON_INIT_SIGNAL, 0);
  }

  /** With virtual NMIs, blocking by NMI is the guest's own and does not hold physical NMIs. */
  #nmiExits(): boolean {
    const { controls } = this;
    if (!controls.hasPin(C.PIN_BASED_NMI_EXITING)) return false;
    return controls.hasPin(C.PIN_BASED_VIRTUAL_NMIS) || !this.#cpu.nmiBlocked;
  }

  #takeNmi(): Outcome {
    if (this.#cpu.clock.mustWait(this.#cpu)) return WAIT;
    this.#cpu.nmiPending = false;
    return this.#leaveAtBoundary(R.EXIT_REASON_EXCEPTION_NMI, 0, NMI_INFORMATION);
  }

  #interruptBoundary(): Outcome {
    const cpu = this.#cpu;
    const { controls } = this;
    const shutdown = cpu.activity === ACTIVITY_SHUTDOWN;
    const open = cpu.interruptsEnabled && cpu.shadow === 0 && !shutdown;
    if (open && controls.has(C.CPU_BASED_INTR_WINDOW_EXITING)) {
      return this.#leaveAtBoundary(R.EXIT_REASON_INTERRUPT_WINDOW, 0);
    }
    if (!shutdown && this.virtualApic.deliverable) return this.virtualApic.deliverVirtualInterrupt();
    if (!this.state.externalInterruptExiting) return interruptBoundary(cpu);
    if (!shutdown && cpu.shadow === 0 && cpu.apic.requestsService) return this.virtualApic.processPhysicalInterrupt();
    return this.#lastBoundary();
  }

  /** What a pending virtual interrupt with IF = 0 and a user interrupt do. */
  #lastBoundary(): Outcome {
    const cpu = this.#cpu;
    if (cpu.activity === ACTIVITY_MWAIT && cpu.mwaitBreaksOnInterrupt && this.state.recognized) {
      chargeWake(cpu);
      cpu.activity = ACTIVITY_ACTIVE;
      return REDIRECTED;
    }
    if (cpu.activity !== ACTIVITY_ACTIVE || cpu.shadow !== 0) return PASS;
    return canDeliverUserInterrupt(cpu) ? deliverUserInterrupt(cpu) : PASS;
  }

  // ---- Instructions

  intercept(reason: number, qualification: number, length: number, info = 0): Outcome {
    if (reason === R.EXIT_REASON_IO_INSTRUCTION) return this.#interceptIo(qualification, length, info);
    if (reason === R.EXIT_REASON_CR_ACCESS) {
      if (!crAccessExits(this.#cpu, this.controls, this.#current, qualification)) return PASS;
    } else {
      const answer = interception(reason, this.controls);
      if (answer === INTERCEPT_INVALID_OPCODE) return invalidOpcode(this.#cpu);
      if (answer !== INTERCEPT_EXIT) return PASS;
    }
    return this.#leaveInstruction(reason, qualification, length, info);
  }

  #leaveInstruction(reason: number, qualification: number, length: number, info: number): Outcome {
    this.#current.write32(F.VMX_INSTRUCTION_INFO, info);
    return this.#leave(reason, qualification, length);
  }

  #interceptIo(qualification: number, length: number, info: number): Outcome {
    const answer = ioBitmaps(this.#cpu, this.controls, qualification >>> 16, (qualification & 7) + 1);
    if (answer === BITMAP_CLEAR) return PASS;
    if (answer === BITMAP_WAITS) return WAIT;
    return this.#leaveInstruction(R.EXIT_REASON_IO_INSTRUCTION, qualification, length, info);
  }

  rdmsr(msr: number, length: number): Outcome {
    const answer = msrBitmap(this.#cpu, this.state, msr, false);
    if (answer !== BITMAP_CLEAR) return this.#msrExit(answer, R.EXIT_REASON_MSR_READ, length);
    return this.virtualApic.rdmsr(msr);
  }

  wrmsr(msr: number, hi: number, lo: number, length: number): Outcome {
    const answer = msrBitmap(this.#cpu, this.state, msr, true);
    if (answer === BITMAP_EXIT && msr === X2APIC_MSR_ICR) this.#cpu.report(L.REPORT_ICR_EXITS, hi, lo);
    if (answer !== BITMAP_CLEAR) return this.#msrExit(answer, R.EXIT_REASON_MSR_WRITE, length);
    return this.virtualApic.wrmsr(msr, hi, lo, length);
  }

  #msrExit(answer: BitmapAnswer, reason: number, length: number): Outcome {
    return answer === BITMAP_WAITS ? WAIT : this.#leave(reason, 0, length);
  }

  shadowedCr(cr: 0 | 4, actual: bigint): bigint {
    const mask = guestHostMask(this.#current, cr);
    return (actual & ~mask) | (readShadow(this.#current, cr) & mask);
  }

  mergedCr(cr: 0 | 4, actual: bigint, written: bigint): bigint {
    const mask = guestHostMask(this.#current, cr);
    return (actual & mask) | (written & ~mask);
  }

  readCr8(): number {
    return this.virtualApic.readCr8();
  }

  writeCr8(value: number, length: number): Outcome {
    return this.virtualApic.writeCr8(value, length);
  }

  senduipi(notificationVector: number, notificationDestination: number): Outcome {
    return this.virtualApic.senduipi(notificationVector, notificationDestination);
  }

  // ---- Exceptions and memory

  exception(vector: number, errorCode: number | null, faultAddress: number, type: number, length: number): Outcome {
    if (!this.controls.exceptionExits(vector, errorCode ?? 0)) return PASS;
    const cpu = this.#cpu;
    if (vector === VECTOR_DF) cpu.delivering = null;
    if (isFault({ type, vector })) cpu.debugExceptions.resume();
    const qualification = vector === VECTOR_PF || vector === VECTOR_DB ? faultAddress : 0;
    const information = encodeInterruption(vector, type, errorCode !== null);
    return this.#leave(R.EXIT_REASON_EXCEPTION_NMI, qualification, length, information, errorCode ?? 0);
  }

  tripleFault(): Outcome {
    this.#cpu.delivering = null;
    return this.#leave(R.EXIT_REASON_TRIPLE_FAULT, 0, 0);
  }

  eptEvent(): Outcome {
    const { fault } = this.#cpu;
    if (fault?.kind !== 'ept') throw new Error('EPT event without its description');
    this.#cpu.debugExceptions.interruptAccess();
    const vmcs = this.#current;
    vmcs.writeLong(F.GUEST_PHYSICAL_ADDRESS, fault.guestPhysical);
    const length = instructionLength(this.#cpu);
    if (fault.misconfiguration) return this.#leave(R.EXIT_REASON_EPT_MISCONFIG, 0, length);
    vmcs.writeLong(F.GUEST_LINEAR_ADDRESS, fault.linear);
    return this.#leave(R.EXIT_REASON_EPT_VIOLATION, fault.qualification, length);
  }

  finishExit(): Outcome {
    const cpu = this.#cpu;
    const length = cpu.word(L.CPU_EXIT_LENGTH);
    if (length === 0) return this.virtualApic.finishExit();
    return this.#leaveInstruction(cpu.word(L.CPU_EXIT_REASON), cpu.word(L.CPU_EXIT_QUALIFICATION), length, 0);
  }

  apicAccess(offset: number, size: number, access: number): Outcome {
    return this.virtualApic.apicAccess(offset, size, access);
  }

  apicWriteEmulation(offset: number): Outcome {
    return this.virtualApic.apicWriteEmulation(offset);
  }
}
