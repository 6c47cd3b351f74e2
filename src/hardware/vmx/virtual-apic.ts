/**
 * One logical processor's APIC virtualization in VMX non-root operation (SDM vol. 3, chapter 30).
 */
import type { Cpu } from '../cpu/cpu.js';
import { PASS, type Outcome } from '../cpu/outcome.js';
import type { VirtualizationState } from './virtualization-state.js';

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

  constructor(cpu: Cpu, state: VirtualizationState, exits: ApicExits) {
    this.cpu = cpu;
    this.state = state;
    this.exits = exits;
  }

  /** VM entry, controls and guest interrupt status loaded: PPR virtualization and evaluation. DONE or WAIT. */
  enter(): Outcome {
    return PASS;
  }

  /** NonRoot.apicAccess. */
  apicAccess(_offset: number, _size: number, _access: number): Outcome {
    return PASS;
  }

  /** NonRoot.apicWriteEmulation. */
  apicWriteEmulation(_offset: number): Outcome {
    return PASS;
  }

  /** RDMSR of 800H-8FFH that the MSR bitmap lets through. DONE = EDX:EAX set; PASS = reaches the physical APIC. */
  rdmsr(_msr: number): Outcome {
    return PASS;
  }

  /** WRMSR of 800H-8FFH that the MSR bitmap lets through. A trap-like exit has moved RIP by `length`. */
  wrmsr(_msr: number, _hi: number, _lo: number, _length: number): Outcome {
    return PASS;
  }

  /** MOV from CR8: VTPR[7:4], or -1 without TPR shadow. */
  readCr8(): number {
    return -1;
  }

  /** MOV to CR8: DONE, PASS without TPR shadow, WAIT, or REDIRECTED = TPR-below-threshold exit (RIP moved). */
  writeCr8(_value: number, _length: number): Outcome {
    return PASS;
  }

  /** A recognized virtual interrupt can be delivered at this boundary: IF = 1, no blocking by STI or MOV SS. */
  get deliverable(): boolean {
    return false;
  }

  /** Delivers the recognized virtual interrupt; the event is left in `cpu.injected`. REDIRECTED or WAIT. */
  deliverVirtualInterrupt(): Outcome {
    return PASS;
  }

  /** The physical APIC requests service and external-interrupt exiting is 1: posted-interrupt processing or exit 1. */
  processPhysicalInterrupt(): Outcome {
    return PASS;
  }

  /** NonRoot.senduipi. */
  senduipi(_notificationVector: number, _notificationDestination: number): Outcome {
    return PASS;
  }
}
