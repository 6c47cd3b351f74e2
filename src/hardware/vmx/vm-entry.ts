/**
 * VM entry (SDM vol. 3, chapter 27): checks, guest state, APIC state, MSRs, in that order; event injection is left to
 * the CPU's run loop as its first act in the guest.
 *
 * Checks are repeated only for what has been written since they last passed. Interrupt-window and NMI-window exiting, which
 * come and go with single events, are looked at without the other controls; the guest-state and host-state areas only when
 * they have been written themselves, or a control has changed that they depend on.
 */
import { STEP } from '../../cost/step.js';
import type { Cpu } from '../cpu/cpu.js';
import { PASS, WAIT } from '../cpu/outcome.js';
import type { VmxCapabilities } from './capability.js';
import * as C from './controls.js';
import {
  checkControls,
  checkHostState,
  checkInjection,
  checkTprThreshold,
  checkWindows,
  type BrokenRule,
} from './entry-checks.js';
import { EXIT_REASON_INVALID_STATE, EXIT_REASON_MSR_LOAD_FAIL } from './exit-reason.js';
import { checkGuestState } from './guest-state-checks.js';
import { loadMsrs } from './msr-areas.js';
import type { NonRootOperation } from './non-root-operation.js';
import { failEntry } from './vm-exit.js';
import type { Vmcs } from './vmcs.js';
import { VMCS_FIELD } from './vmcs-field.js';
import { ERROR_ENTRY_INVALID_CONTROLS, ERROR_ENTRY_INVALID_HOST_STATE } from './vm-instruction-error.js';

const F = VMCS_FIELD;
const VTPR = 0x80;

/** The guest runs, or the entry has failed with a VM exit. */
export const ENTRY_DONE = 0;
/** Not this CPU's turn. Other results are VM-instruction errors. */
export const ENTRY_WAITS = -1;

export class VmEntry {
  readonly #cpu: Cpu;
  readonly #nonRoot: NonRootOperation;
  readonly #capabilities: VmxCapabilities;
  /** The rule that the last failed entry broke. */
  brokenRule: BrokenRule = null;

  constructor(cpu: Cpu, nonRoot: NonRootOperation, capabilities: VmxCapabilities) {
    this.#cpu = cpu;
    this.#nonRoot = nonRoot;
    this.#capabilities = capabilities;
  }

  /** ENTRY_DONE, ENTRY_WAITS, or the VM-instruction error (7 or 8). */
  enter(vmcs: Vmcs): number {
    const outcome = this.#mayResume(vmcs) ? this.#nonRoot.resume(vmcs) : PASS;
    if (outcome === PASS) return this.#enter(vmcs);
    this.brokenRule = null;
    return outcome === WAIT ? ENTRY_WAITS : ENTRY_DONE;
  }

  /** No check could fail, as far as the controls are concerned, which are in force. */
  #mayResume(vmcs: Vmcs): boolean {
    if (!vmcs.isNearlyClean) return false;
    if (!vmcs.windowsDirty) return true;
    const nonRoot = this.#nonRoot;
    nonRoot.loadControls(vmcs);
    return checkWindows(nonRoot.controls, this.#capabilities) === null;
  }

  #enter(vmcs: Vmcs): number {
    const cpu = this.#cpu;
    if (cpu.begin()) cpu.charge(STEP.VM_ENTRY);
    this.#nonRoot.loadControls(vmcs);
    if (!this.#holdVirtualTpr()) return ENTRY_WAITS;
    const error = this.#check(vmcs);
    if (error !== 0) return error;
    const { controls } = this.#nonRoot;
    const failure = checkGuestState(vmcs, controls, cpu.memory);
    if (failure !== null) {
      this.brokenRule = failure.rule;
      return this.#fail(vmcs, EXIT_REASON_INVALID_STATE, failure.qualification);
    }
    this.#enterVirtualApic(vmcs);
    this.#nonRoot.guest.load(vmcs, controls);
    const failed = this.#loadMsrs(vmcs);
    if (failed !== 0) {
      this.brokenRule = 'VM-entry MSR-load area';
      return this.#fail(vmcs, EXIT_REASON_MSR_LOAD_FAIL, failed);
    }
    vmcs.markClean();
    vmcs.launched = true;
    this.#nonRoot.start(vmcs);
    return ENTRY_DONE;
  }

  /** The virtual TPR is read by a check, by PPR virtualization and for the TPR threshold. */
  #holdVirtualTpr(): boolean {
    const { controls, state } = this.#nonRoot;
    if (!controls.has(C.CPU_BASED_TPR_SHADOW) || !this.#cpu.memory.isRam(state.virtualApicPage)) return true;
    return this.#cpu.lines.hold(this.#cpu, state.virtualApicPage + VTPR, state.virtualInterruptDelivery);
  }

  #check(vmcs: Vmcs): number {
    const { controls } = this.#nonRoot;
    const { memory } = this.#cpu;
    this.brokenRule =
      this.#checkControls(vmcs) ?? checkInjection(vmcs, controls) ?? checkTprThreshold(vmcs, controls, memory);
    if (this.brokenRule !== null) return ERROR_ENTRY_INVALID_CONTROLS;
    if (vmcs.hostDirty) this.brokenRule = checkHostState(vmcs, controls);
    return this.brokenRule === null ? 0 : ERROR_ENTRY_INVALID_HOST_STATE;
  }

  #checkControls(vmcs: Vmcs): BrokenRule {
    const { controls } = this.#nonRoot;
    if (vmcs.controlsDirty) return checkControls(vmcs, controls, this.#capabilities);
    return vmcs.windowsDirty ? checkWindows(controls, this.#capabilities) : null;
  }

  /** Guest interrupt status, PPR virtualization, evaluation. */
  #enterVirtualApic(vmcs: Vmcs): void {
    const { state, virtualApic } = this.#nonRoot;
    const status = state.virtualInterruptDelivery ? vmcs.read32(F.GUEST_INTR_STATUS) : 0;
    state.rvi = status & 0xff;
    state.svi = status >>> 8;
    virtualApic.enter();
  }

  #loadMsrs(vmcs: Vmcs): number {
    const count = vmcs.read32(F.VM_ENTRY_MSR_LOAD_COUNT);
    return count === 0 ? 0 : loadMsrs(this.#cpu, vmcs.readLong(F.VM_ENTRY_MSR_LOAD_ADDR), count);
  }

  #fail(vmcs: Vmcs, reason: number, qualification: number): number {
    failEntry(this.#cpu, vmcs, this.#nonRoot.controls, reason, qualification);
    this.#nonRoot.tlb.forget();
    return ENTRY_DONE;
  }
}
