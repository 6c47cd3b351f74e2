/**
 * VM exits (SDM vol. 3, chapter 28): exit information into the VMCS, guest state saved, MSR areas, host state loaded.
 * Which events exit is decided in non-root-operation.ts and by APIC virtualization.
 */
import { STEP } from '../../cost/step.js';
import { CR0_PE } from '../cpu/control-register-bits.js';
import type { Cpu } from '../cpu/cpu.js';
import type { IdtEvent } from '../cpu/fault.js';
import { CPU_MARK_BRANCH } from '../cpu/layout.js';
import type { ActiveControls } from './active-controls.js';
import { EXIT_REASON_FAILED_VMENTRY } from './exit-reason.js';
import type { GuestState } from './guest-state.js';
import { loadHostState } from './host-state.js';
import { encodeInterruption, INTR_INFO_VALID, isSoftwareEvent } from './interruption-information.js';
import { loadMsrs, storeMsrs } from './msr-areas.js';
import type { Vmcs } from './vmcs.js';
import { VMCS_FIELD } from './vmcs-field.js';

const F = VMCS_FIELD;

/** VMX-abort indicators (SDM 28.7). */
export const VMX_ABORT_SAVING_GUEST_MSRS = 1;
export const VMX_ABORT_LOADING_HOST_MSRS = 4;

/** The processor is shut down beyond repair: an MSR area of the hypervisor is wrong. */
export class VmxAbortError extends Error {
  readonly indicator: number;

  constructor(indicator: number, entry: number) {
    super(`VMX abort ${String(indicator)}: entry ${String(entry)} of the MSR area cannot be processed`);
    this.name = 'VmxAbortError';
    this.indicator = indicator;
  }
}

/** Basic exit information (28.2.1); the other fields are invalid unless written afterwards or passed. */
export interface ExitInformation {
  reason: number;
  /** Signed number: exact for addresses. */
  qualification: number;
  /** Instruction length; 0 where it is undefined. */
  length: number;
  /** VM-exit interruption information, 0 = not valid. */
  interruption: number;
  errorCode: number;
  /** The event whose delivery the exit interrupted. */
  vectoring: IdtEvent | null;
}

/** Records an exit and saves the guest: what only happens when non-root operation really ends. */
export function leaveGuest(
  cpu: Cpu,
  vmcs: Vmcs,
  controls: ActiveControls,
  guest: GuestState,
  exit: ExitInformation,
): void {
  cpu.charge(STEP.VM_EXIT);
  recordExit(cpu, vmcs, exit);
  guest.save(vmcs, controls);
  const count = vmcs.read32(F.VM_EXIT_MSR_STORE_COUNT);
  const failed = count === 0 ? 0 : storeMsrs(cpu, vmcs.readLong(F.VM_EXIT_MSR_STORE_ADDR), count, controls.tscOffset);
  if (failed !== 0) abort(vmcs, VMX_ABORT_SAVING_GUEST_MSRS, failed);
  cpu.setWord(CPU_MARK_BRANCH, 0);
  cpu.monitoredLine = -1;
  loadHost(cpu, vmcs, controls);
}

function recordExit(cpu: Cpu, vmcs: Vmcs, exit: ExitInformation): void {
  vmcs.write32(F.VM_EXIT_REASON, exit.reason);
  vmcs.writeLong(F.EXIT_QUALIFICATION, exit.qualification);
  vmcs.write32(F.VM_EXIT_INTR_INFO, exit.interruption);
  vmcs.write32(F.VM_EXIT_INTR_ERROR_CODE, exit.errorCode);
  const { vectoring } = exit;
  if (vectoring === null) {
    vmcs.write32(F.IDT_VECTORING_INFO_FIELD, 0);
    vmcs.write32(F.VM_EXIT_INSTRUCTION_LEN, exit.length);
  } else {
    recordVectoring(cpu, vmcs, vectoring);
    vmcs.write32(F.VM_EXIT_INSTRUCTION_LEN, isSoftwareEvent(vectoring.type) ? vectoring.length : exit.length);
  }
  const injected = vmcs.read32(F.VM_ENTRY_INTR_INFO_FIELD);
  if ((injected & INTR_INFO_VALID) !== 0) vmcs.write32(F.VM_ENTRY_INTR_INFO_FIELD, injected & ~INTR_INFO_VALID);
}

/** Events of real-address mode have no error codes (28.2.4). */
function recordVectoring(cpu: Cpu, vmcs: Vmcs, event: IdtEvent): void {
  const { vector, type, errorCode } = event;
  const isProtected = (cpu.cr0 & CR0_PE) !== 0;
  vmcs.write32(F.IDT_VECTORING_INFO_FIELD, encodeInterruption(vector, type, isProtected && errorCode !== null));
  vmcs.write32(F.IDT_VECTORING_ERROR_CODE, errorCode ?? 0);
}

/** A VM entry that fails on guest state or MSR loading: exit 33 or 34 (27.8). Guest state is not saved. */
export function failEntry(cpu: Cpu, vmcs: Vmcs, controls: ActiveControls, reason: number, qualification: number): void {
  vmcs.write32(F.VM_EXIT_REASON, (reason | EXIT_REASON_FAILED_VMENTRY) >>> 0);
  vmcs.writeLong(F.EXIT_QUALIFICATION, qualification);
  loadHost(cpu, vmcs, controls);
}

function loadHost(cpu: Cpu, vmcs: Vmcs, controls: ActiveControls): void {
  loadHostState(cpu, vmcs, controls);
  const count = vmcs.read32(F.VM_EXIT_MSR_LOAD_COUNT);
  if (count === 0) return;
  const failed = loadMsrs(cpu, vmcs.readLong(F.VM_EXIT_MSR_LOAD_ADDR), count);
  if (failed !== 0) abort(vmcs, VMX_ABORT_LOADING_HOST_MSRS, failed);
}

function abort(vmcs: Vmcs, indicator: number, entry: number): never {
  vmcs.abortIndicator = indicator;
  throw new VmxAbortError(indicator, entry);
}
