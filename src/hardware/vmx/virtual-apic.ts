/**
 * APIC virtualization of one logical processor in VMX non-root operation (SDM vol. 3, chapter 30), and the joint to the
 * VMX unit: it asks this unit about accesses to the APIC and about physical interrupts, and performs the VM exits.
 *
 * Every operation follows "charge, then act": its steps are charged on the first attempt, then it waits until this CPU
 * is next and has all the lines, then everything happens at once.
 */
import { STEP } from '../../cost/step.js';
import {
  APIC_ICR,
  APIC_ICR_HIGH,
  APIC_IRR,
  APIC_ISR,
  APIC_TPR,
  X2APIC_MSR_BASE,
  X2APIC_MSR_LAST,
} from '../apic/registers.js';
import { priorityClass } from '../apic/vectors.js';
import { ACTIVITY_ACTIVE, ACTIVITY_MWAIT } from '../cpu/activity.js';
import type { Cpu } from '../cpu/cpu.js';
import { chargeWake, isNotification } from '../cpu/interrupts.js';
import {
  ACCESS_READ,
  ACCESS_WRITE,
  CPU_EXIT_QUALIFICATION,
  CPU_EXIT_REASON,
  EXITS,
  REPORT_DELIVERY,
  REPORT_EOI,
} from '../cpu/layout.js';
import { DONE, FAULT, PASS, REDIRECTED, WAIT, type Outcome } from '../cpu/outcome.js';
import { accessQualification, virtualizesAccess } from './apic-access.js';
import { EXIT_REASON_APIC_ACCESS } from './exit-reason.js';
import { postUserInterrupts } from './user-interrupts.js';
import { VirtualApicPage } from './virtual-apic-page.js';
import type { VirtualizationState } from './virtualization-state.js';
import { readX2apicMsr, writeX2apicMsr } from './x2apic-msr.js';

/** The VM exits that APIC virtualization can cause; the VMX unit performs them and returns REDIRECTED. */
export interface ApicExits {
  /** RIP is already right: at the instruction for a fault-like exit, behind it for a trap-like one. */
  exit(reason: number, qualification: number, trapLike: boolean): Outcome;
  /** Exit 1. `vector` has been acknowledged; -1 without "acknowledge interrupt on exit". */
  externalInterrupt(vector: number): Outcome;
}

export class VirtualApic {
  readonly cpu: Cpu;
  readonly state: VirtualizationState;
  readonly exits: ApicExits;
  readonly page: VirtualApicPage;

  constructor(cpu: Cpu, state: VirtualizationState, exits: ApicExits) {
    this.cpu = cpu;
    this.state = state;
    this.exits = exits;
    this.page = new VirtualApicPage(cpu, state);
  }

  // ---- For the operations in the files beside this one

  mustWait(): boolean {
    return this.cpu.clock.mustWait(this.cpu);
  }

  /** What happens in the virtual-APIC page alone is an act only if some other CPU has touched that page. */
  mustWaitForPage(): boolean {
    const { cpu, state } = this;
    const { clock, lines } = cpu;
    return lines.isPrivate(cpu, state.virtualApicPage) ? clock.mustWaitForEvent(cpu) : clock.mustWait(cpu);
  }

  /** The trap-like exit that an operation of the interpreter has come to, of an instruction that has not retired yet. */
  exitAfter(length: number): Outcome {
    this.cpu.retire(length);
    this.cpu.shadow = 0;
    return this.finishExit();
  }

  /** The trap-like exit that an operation of the interpreter has come to. */
  finishExit(): Outcome {
    const { cpu, exits } = this;
    return exits.exit(cpu.word(CPU_EXIT_REASON), cpu.word(CPU_EXIT_QUALIFICATION), true);
  }

  // ---- VM entry

  /** With virtual-interrupt delivery: PPR virtualization and evaluation (SDM 27.3.2.5). The caller holds VTPR and VPPR. */
  enter(): void {
    const { cpu, state } = this;
    state.recognized = false;
    if (!state.virtualInterruptDelivery) return;
    cpu.engine.virtualizePpr(cpu.block);
    cpu.engine.evaluatePendingVirtualInterrupts(cpu.block);
  }

  /** Without virtual-interrupt delivery, VM entry and TPR virtualization exit while VTPR[7:4] is below the threshold. */
  get tprBelowThreshold(): boolean {
    const { cpu, state } = this;
    return state.tprShadow && !state.virtualInterruptDelivery && cpu.engine.isTprBelowThreshold(cpu.block) !== 0;
  }

  // ---- Accesses to the APIC

  /** NonRoot.apicAccess. */
  apicAccess(offset: number, size: number, access: number): Outcome {
    const { cpu, state } = this;
    if (!virtualizesAccess(state, offset, size, access)) {
      const qualification = accessQualification(state, offset, size, access, cpu.delivering !== null);
      return this.exits.exit(EXIT_REASON_APIC_ACCESS, qualification, false);
    }
    if (cpu.begin()) {
      if (access !== ACCESS_WRITE) cpu.charge(STEP.APIC_PAGE_READ);
      if (access !== ACCESS_READ) cpu.charge(STEP.APIC_PAGE_WRITE);
    }
    return DONE;
  }

  /** NonRoot.apicWriteEmulation. */
  apicWriteEmulation(offset: number): Outcome {
    const outcome = this.cpu.engine.emulateApicWrite(this.cpu.block, offset);
    return outcome === EXITS ? this.finishExit() : (outcome as Outcome);
  }

  /** RDMSR of 800H-8FFH that the MSR bitmap lets through. DONE = EDX:EAX set; PASS = reaches the physical APIC. */
  rdmsr(msr: number): Outcome {
    return this.#virtualizesMsr(msr) ? readX2apicMsr(this, msr) : PASS;
  }

  /** WRMSR of 800H-8FFH that the MSR bitmap lets through. A trap-like exit has moved RIP by `length`. */
  wrmsr(msr: number, hi: number, lo: number, length: number): Outcome {
    return this.#virtualizesMsr(msr) ? writeX2apicMsr(this, msr, hi, lo, length) : PASS;
  }

  #virtualizesMsr(msr: number): boolean {
    return this.state.virtualizeX2apic && msr >= X2APIC_MSR_BASE && msr <= X2APIC_MSR_LAST;
  }

  /** MOV from CR8: VTPR[7:4], or -1 without TPR shadow. */
  readCr8(): number {
    return this.state.tprShadow ? priorityClass(this.page.vtpr) : -1;
  }

  /** MOV to CR8: DONE, PASS without TPR shadow, WAIT, or REDIRECTED = TPR-below-threshold exit (RIP moved). */
  writeCr8(value: number, length: number): Outcome {
    const { cpu, page, state } = this;
    if (!state.tprShadow) return PASS;
    if (this.mustWaitForPage() || !page.collect(APIC_TPR, true)) return WAIT;
    page.write(APIC_TPR, (value & 15) << 4);
    return cpu.engine.virtualizeTpr(cpu.block) === EXITS ? this.exitAfter(length) : DONE;
  }

  /**
   * NonRoot.senduipi: the notification goes into the virtual ICR and APIC-write emulation follows the instruction.
   * PASS without TPR shadow; WAIT has changed nothing.
   */
  senduipi(notificationVector: number, notificationDestination: number): Outcome {
    const { cpu, page, state } = this;
    if (!state.tprShadow) return PASS;
    if (this.mustWait() || !page.collect(APIC_ICR, true)) return WAIT;
    page.write(APIC_ICR, notificationVector);
    if (state.virtualizeApicAccesses) page.write(APIC_ICR_HIGH, ((notificationDestination >>> 8) & 0xff) << 24);
    else page.write(APIC_ICR + 4, notificationDestination);
    cpu.apicWriteOffset = APIC_ICR;
    return DONE;
  }

  // ---- Interrupts

  /** A recognized virtual interrupt can be delivered at this boundary: IF = 1, no blocking by STI or MOV SS. */
  get deliverable(): boolean {
    const { cpu, state } = this;
    return state.recognized && cpu.shadow === 0 && cpu.interruptsEnabled;
  }

  /**
   * Delivers the recognized virtual interrupt: through the IDT (the event is left in `cpu.injected`), or as a
   * user-interrupt notification. REDIRECTED, WAIT, or FAULT = the user posted-interrupt descriptor is not accessible.
   */
  deliverVirtualInterrupt(): Outcome {
    const { cpu, state } = this;
    if (isNotification(cpu, state.rvi)) return this.#notifyUser();
    return cpu.engine.deliverVirtualInterrupt(cpu.block) === WAIT ? WAIT : REDIRECTED;
  }

  /** User-interrupt notification processing ends with an EOI of its own, which causes no exit (SDM 30.2.3). */
  #notifyUser(): Outcome {
    const { cpu, page } = this;
    const { block, engine } = cpu;
    if (cpu.begin()) {
      chargeWake(cpu);
      cpu.charge(STEP.VIRTUAL_INTERRUPT_DELIVERY);
      cpu.charge(STEP.USER_INTERRUPT_NOTIFICATION);
    }
    if (cpu.clock.mustWait(cpu) || !page.collect(APIC_TPR, true)) return WAIT;
    if (!page.collectVector(APIC_ISR) || !page.collectVector(APIC_IRR)) return WAIT;
    const outcome = postUserInterrupts(cpu);
    if (outcome === WAIT) return WAIT;
    this.#wakeUp();
    const vector = engine.takeVirtualInterrupt(block);
    cpu.report(REPORT_DELIVERY, vector, 0);
    engine.retireVirtualInterrupt(block);
    cpu.report(REPORT_EOI, vector, 0);
    engine.evaluatePendingVirtualInterrupts(block);
    return outcome === FAULT ? FAULT : REDIRECTED;
  }

  /** The physical APIC requests service and external-interrupt exiting is 1: posted-interrupt processing or exit 1. */
  processPhysicalInterrupt(): Outcome {
    const { cpu } = this;
    return cpu.engine.isNotification(cpu.block) === 0 ? this.#exitForInterrupt() : this.#processNotification();
  }

  #exitForInterrupt(): Outcome {
    const { cpu, state } = this;
    if (cpu.begin()) {
      chargeWake(cpu);
      cpu.charge(STEP.INTERRUPT_RECOGNITION);
    }
    return this.exits.externalInterrupt(state.ackOnExit ? cpu.apic.acknowledge() : -1);
  }

  /** A notification alone does not end HLT: delivery of the virtual interrupt does. */
  #processNotification(): Outcome {
    const { cpu } = this;
    const isInMwait = cpu.activity === ACTIVITY_MWAIT;
    if (isInMwait && !cpu.hasBegun) chargeWake(cpu);
    if (cpu.engine.processNotification(cpu.block) === WAIT) return WAIT;
    if (isInMwait) this.#wakeUp();
    return REDIRECTED;
  }

  #wakeUp(): void {
    this.cpu.activity = ACTIVITY_ACTIVE;
    this.cpu.monitoredLine = -1;
  }
}
