/**
 * A guest whose state stays in the CPU between a VM exit and the next VM entry, which then are the interpreter's
 * (src/interpreter/vmx-transitions.ts): it saves what software looks at and takes back what software may have changed. The
 * results are those of vm-exit.ts and vm-entry.ts, which see to all other cases.
 */
import { ACTIVITY_ACTIVE } from '../cpu/activity.js';
import type { Cpu } from '../cpu/cpu.js';
import { DONE, PASS, type Outcome } from '../cpu/outcome.js';
import type { ActiveControls } from './active-controls.js';
import { PIN_BASED_VIRTUAL_NMIS } from './controls.js';
import { checkRflags } from './guest-state-checks.js';
import type { GuestTlb } from './guest-tlb.js';
import { NMI_INFORMATION } from './interruption-information.js';
import type { ExitInformation } from './vm-exit.js';
import type { Vmcs } from './vmcs.js';
import { VMCS_FIELD } from './vmcs-field.js';

export class KeptGuest {
  readonly #cpu: Cpu;
  readonly #controls: ActiveControls;
  readonly #tlb: GuestTlb;
  /** Whose guest is in the CPU. */
  #vmcs: Vmcs | null = null;

  constructor(cpu: Cpu, controls: ActiveControls, tlb: GuestTlb) {
    this.#cpu = cpu;
    this.#controls = controls;
    this.#tlb = tlb;
  }

  /** VM exit. False: the guest's state does not stay, and nothing has happened. */
  leave(vmcs: Vmcs, exit: ExitInformation): boolean {
    const { block, engine } = this.#cpu;
    const { reason, qualification, length, interruption, errorCode } = exit;
    const virtualNmis = this.#controls.hasPin(PIN_BASED_VIRTUAL_NMIS) ? 1 : 0;
    const stays =
      this.#stays(exit) &&
      engine.leaveGuest(block, vmcs.address, reason, qualification, length, interruption, errorCode, virtualNmis) !== 0;
    this.#vmcs = stays ? vmcs : null;
    return stays;
  }

  /**
   * Nothing is pending or under way, nothing is blocked but perhaps virtual NMIs, and no register has changed that is in the
   * guest-state area and nowhere else.
   */
  #stays({ interruption, vectoring }: ExitInformation): boolean {
    const cpu = this.#cpu;
    return (
      this.#controls.movesLittle &&
      cpu.rootSoftware !== null &&
      !cpu.systemStateChanged &&
      vectoring === null &&
      interruption !== NMI_INFORMATION &&
      cpu.shadow === 0 &&
      cpu.activity === ACTIVITY_ACTIVE &&
      cpu.debugExceptions.pending === 0 &&
      !cpu.dr.isControlled &&
      cpu.userInterrupts.notificationVector === 0
    );
  }

  /**
   * VM entry with a VMCS that is nearly clean, if the guest has stayed as it was. PASS: nothing but a charge has happened; WAIT;
   * DONE: an event is still to be injected.
   */
  resume(vmcs: Vmcs): Outcome {
    const cpu = this.#cpu;
    if (this.#vmcs !== vmcs || cpu.systemStateChanged || !this.#tlb.isKept) return PASS;
    const { flagsDirty } = vmcs;
    if (flagsDirty && checkRflags(vmcs, this.#controls) !== null) return PASS;
    const outcome = cpu.engine.resumeGuest(cpu.block, vmcs.address) as Outcome;
    if (outcome !== DONE) return outcome;
    if (flagsDirty) cpu.rflags = vmcs.read32(VMCS_FIELD.GUEST_RFLAGS);
    vmcs.markClean();
    return DONE;
  }
}
