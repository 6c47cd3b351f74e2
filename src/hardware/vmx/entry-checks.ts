/**
 * VM-entry checks on the VMX controls and on the host-state area (SDM vol. 3, 27.2). The guest-state area is checked
 * in guest-state-checks.ts.
 *
 * Each function returns null, or the first rule that the VMCS breaks: the processor reports only an error number, the
 * sentence is for the people who debug a hypervisor. Left out: SMM, VM functions, PML and what else is not modelled
 * (those controls are not allowed to be 1), and the comparison of the host address-space size with the current
 * IA32_EFER.LMA, because root software may be a model without a mode.
 */
import { CR0_PE, CR4_PAE, CR4_PCIDE, EFER_LMA, EFER_LME, EFER_NXE, EFER_SCE } from '../cpu/control-register-bits.js';
import { MAXPHYADDR } from '../cpu/layout.js';
import type { PhysicalMemory } from '../memory/physical-memory.js';
import type { ActiveControls } from './active-controls.js';
import { CR0_FIXED0, CR3_TARGETS, CR4_FIXED0, CR4_FIXED1, MSR_AREA_LIMIT, type VmxCapabilities } from './capability.js';
import * as C from './controls.js';
import {
  INTR_INFO_DELIVER_ERROR_CODE,
  INTR_INFO_RESERVED,
  INTR_INFO_TYPE_SHIFT,
  INTR_INFO_VALID,
  INTR_INFO_VECTOR_MASK,
  isSoftwareEvent,
  pushesErrorCode,
} from './interruption-information.js';
import type { Vmcs } from './vmcs.js';
import { VMCS_FIELD } from './vmcs-field.js';

const F = VMCS_FIELD;

const PAGE_OFFSET = 0xfff;
const VTPR = 0x80;
const EFER_DEFINED = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
const MAX_INSTRUCTION_LENGTH = 15;

/** A rule that a VMCS breaks, as a sentence, or null. */
export type BrokenRule = string | null;

// ---- Formats shared by all areas

/** Bits from MAXPHYADDR on are 0. */
export function fitsPhysicalAddress(vmcs: Vmcs, field: number): boolean {
  return vmcs.readHigh(field) >>> (MAXPHYADDR - 32) === 0;
}

function isPhysicalAddress(vmcs: Vmcs, field: number, alignmentMask: number): boolean {
  return (vmcs.read32(field) & alignmentMask) === 0 && fitsPhysicalAddress(vmcs, field);
}

/** Bits 63:47 are all equal. */
export function isCanonical(vmcs: Vmcs, field: number): boolean {
  const sign = (vmcs.readHigh(field) | 0) >> 15;
  return sign === 0 || sign === -1;
}

/** Each of the eight entries is UC, WC, WT, WP, WB or UC-. */
export function isPatValue(high: number, low: number): boolean {
  for (let shift = 0; shift < 32; shift += 8) {
    if (!isMemoryType((low >>> shift) & 0xff) || !isMemoryType((high >>> shift) & 0xff)) return false;
  }
  return true;
}

function isMemoryType(type: number): boolean {
  return type <= 7 && type !== 2 && type !== 3;
}

export function isEferValue(high: number, low: number): boolean {
  return high === 0 && (low & ~EFER_DEFINED) === 0;
}

// ---- VMX controls: VM-instruction error 7

/** Everything that depends on control fields alone. */
export function checkControls(vmcs: Vmcs, controls: ActiveControls, capabilities: VmxCapabilities): BrokenRule {
  return (
    checkAllowedSettings(controls, capabilities) ??
    checkExecutionControls(vmcs, controls) ??
    checkApicVirtualization(vmcs, controls) ??
    checkTranslation(vmcs, controls) ??
    checkMsrAreas(vmcs)
  );
}

function checkAllowedSettings(controls: ActiveControls, capabilities: VmxCapabilities): BrokenRule {
  const { pin, primary, secondary, exit, entry } = controls;
  const may = capabilities;
  if (!isAllowed(pin, may.pinAllowed0, may.pinAllowed1)) return 'reserved pin-based control';
  if (!isAllowed(primary, may.primaryAllowed0, may.primaryAllowed1)) return 'reserved primary control';
  if (!isAllowed(secondary, 0, may.secondaryAllowed1)) return 'reserved secondary control';
  if (!isAllowed(controls.tertiaryLow, 0, may.tertiaryAllowed1Low)) return 'reserved tertiary control in bits 31:0';
  if (!isAllowed(controls.tertiaryHigh, 0, may.tertiaryAllowed1High)) return 'reserved tertiary control in bits 63:32';
  if (!isAllowed(exit, may.exitAllowed0, may.exitAllowed1)) return 'reserved VM-exit control';
  if (!isAllowed(entry, may.entryAllowed0, may.entryAllowed1)) return 'reserved VM-entry control';
  return null;
}

function isAllowed(value: number, allowed0: number, allowed1: number): boolean {
  return (~value & allowed0) === 0 && (value & ~allowed1) === 0;
}

/** What interrupt-window and NMI-window exiting have to do with, where no other control has changed. */
export function checkWindows(
  controls: ActiveControls,
  { primaryAllowed0, primaryAllowed1 }: VmxCapabilities,
): BrokenRule {
  return isAllowed(controls.primary, primaryAllowed0, primaryAllowed1)
    ? checkNmiWindow(controls)
    : 'reserved primary control';
}

function checkNmiWindow(controls: ActiveControls): BrokenRule {
  const exits = controls.has(C.CPU_BASED_NMI_WINDOW_EXITING);
  return exits && !controls.hasPin(C.PIN_BASED_VIRTUAL_NMIS) ? 'NMI-window exiting without virtual NMIs' : null;
}

function checkExecutionControls(vmcs: Vmcs, controls: ActiveControls): BrokenRule {
  if (controls.cr3TargetCount > CR3_TARGETS) return 'more CR3-target values than supported';
  if (controls.has(C.CPU_BASED_USE_IO_BITMAPS)) {
    if (!isPhysicalAddress(vmcs, F.IO_BITMAP_A, PAGE_OFFSET)) return 'I/O-bitmap A address';
    if (!isPhysicalAddress(vmcs, F.IO_BITMAP_B, PAGE_OFFSET)) return 'I/O-bitmap B address';
  }
  if (controls.has(C.CPU_BASED_USE_MSR_BITMAPS) && !isPhysicalAddress(vmcs, F.MSR_BITMAP, PAGE_OFFSET)) {
    return 'MSR-bitmap address';
  }
  const virtualNmis = controls.hasPin(C.PIN_BASED_VIRTUAL_NMIS);
  if (virtualNmis && !controls.hasPin(C.PIN_BASED_NMI_EXITING)) return 'virtual NMIs without NMI exiting';
  const windows = checkNmiWindow(controls);
  if (windows !== null) return windows;
  const timer = controls.hasPin(C.PIN_BASED_VMX_PREEMPTION_TIMER);
  if (!timer && controls.onExit(C.VM_EXIT_SAVE_VMX_PREEMPTION_TIMER)) return 'saving a preemption timer that is off';
  return null;
}

function checkApicVirtualization(vmcs: Vmcs, controls: ActiveControls): BrokenRule {
  const { secondary } = controls;
  const vid = controls.has2(C.SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY);
  const accesses = controls.has2(C.SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES);
  const ipiv = controls.has3(C.TERTIARY_EXEC_IPI_VIRT);
  if (controls.has(C.CPU_BASED_TPR_SHADOW)) {
    if (!isPhysicalAddress(vmcs, F.VIRTUAL_APIC_PAGE_ADDR, PAGE_OFFSET)) return 'virtual-APIC address';
    if (!vid && (vmcs.read32(F.TPR_THRESHOLD) & ~15) !== 0) return 'TPR threshold bits 31:4';
  } else {
    if ((secondary & NEED_TPR_SHADOW) !== 0) return 'APIC virtualization without TPR shadow';
    if (ipiv) return 'IPI virtualization without TPR shadow';
  }
  if (accesses) {
    if (controls.has2(C.SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE)) return 'APIC accesses and x2APIC mode both virtualized';
    if (!isPhysicalAddress(vmcs, F.APIC_ACCESS_ADDR, PAGE_OFFSET)) return 'APIC-access address';
  }
  if (vid && !controls.hasPin(C.PIN_BASED_EXT_INTR_MASK)) {
    return 'virtual-interrupt delivery without external-interrupt exiting';
  }
  return checkPostedInterrupts(vmcs, controls, vid) ?? (ipiv ? checkPidPointerTable(vmcs) : null);
}

const NEED_TPR_SHADOW =
  C.SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE |
  C.SECONDARY_EXEC_APIC_REGISTER_VIRT |
  C.SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY;

function checkPostedInterrupts(vmcs: Vmcs, controls: ActiveControls, vid: boolean): BrokenRule {
  if (!controls.hasPin(C.PIN_BASED_POSTED_INTR)) return null;
  if (!vid) return 'posted interrupts without virtual-interrupt delivery';
  if (!controls.onExit(C.VM_EXIT_ACK_INTR_ON_EXIT)) return 'posted interrupts without acknowledge interrupt on exit';
  if (vmcs.read32(F.POSTED_INTR_NV) > 0xff) return 'posted-interrupt notification vector bits 15:8';
  if (!isPhysicalAddress(vmcs, F.POSTED_INTR_DESC_ADDR, 0x3f)) return 'posted-interrupt descriptor address';
  return null;
}

function checkPidPointerTable(vmcs: Vmcs): BrokenRule {
  if (!isPhysicalAddress(vmcs, F.PID_POINTER_TABLE, 7)) return 'PID-pointer table address';
  const last = vmcs.readLong(F.PID_POINTER_TABLE) + 8 * vmcs.read32(F.LAST_PID_POINTER_INDEX);
  return last + 7 < 2 ** MAXPHYADDR ? null : 'last entry of the PID-pointer table';
}

function checkTranslation(vmcs: Vmcs, controls: ActiveControls): BrokenRule {
  const ept = controls.has2(C.SECONDARY_EXEC_ENABLE_EPT);
  if (ept && !isEptPointer(vmcs)) return 'EPT pointer';
  if (!ept && controls.has2(C.SECONDARY_EXEC_UNRESTRICTED_GUEST)) return 'unrestricted guest without EPT';
  if (controls.has2(C.SECONDARY_EXEC_ENABLE_VPID) && controls.vpid === 0) return 'VPID 0';
  return null;
}

/** Memory type UC or WB, 4-level walk, no accessed and dirty flags, bits 11:7 clear. */
function isEptPointer(vmcs: Vmcs): boolean {
  const low = vmcs.read32(F.EPT_POINTER) & PAGE_OFFSET;
  const type = low & 7;
  return (type === 0 || type === 6) && low >>> 3 === 3 && fitsPhysicalAddress(vmcs, F.EPT_POINTER);
}

function checkMsrAreas(vmcs: Vmcs): BrokenRule {
  if (!isMsrArea(vmcs, F.VM_EXIT_MSR_STORE_COUNT, F.VM_EXIT_MSR_STORE_ADDR)) return 'VM-exit MSR-store area';
  if (!isMsrArea(vmcs, F.VM_EXIT_MSR_LOAD_COUNT, F.VM_EXIT_MSR_LOAD_ADDR)) return 'VM-exit MSR-load area';
  if (!isMsrArea(vmcs, F.VM_ENTRY_MSR_LOAD_COUNT, F.VM_ENTRY_MSR_LOAD_ADDR)) return 'VM-entry MSR-load area';
  return null;
}

function isMsrArea(vmcs: Vmcs, countField: number, addressField: number): boolean {
  const count = vmcs.read32(countField);
  if (count === 0) return true;
  const last = vmcs.readLong(addressField) + count * 16 - 1;
  return count <= MSR_AREA_LIMIT && isPhysicalAddress(vmcs, addressField, 15) && last < 2 ** MAXPHYADDR;
}

/** SDM 27.2.1.1: TPR threshold against the virtual TPR. The caller holds the line. */
export function checkTprThreshold(vmcs: Vmcs, controls: ActiveControls, memory: PhysicalMemory): BrokenRule {
  if (!controls.has(C.CPU_BASED_TPR_SHADOW)) return null;
  if ((controls.secondary & THRESHOLD_UNCHECKED) !== 0) return null;
  const vtpr = memory.read32(vmcs.readLong(F.VIRTUAL_APIC_PAGE_ADDR) + VTPR);
  return (vmcs.read32(F.TPR_THRESHOLD) & 15) > ((vtpr >>> 4) & 15) ? 'TPR threshold above the virtual TPR' : null;
}

const THRESHOLD_UNCHECKED = C.SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES | C.SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY;

/** SDM 27.2.1.3: the fields of event injection. */
export function checkInjection(vmcs: Vmcs, controls: ActiveControls): BrokenRule {
  const information = vmcs.read32(F.VM_ENTRY_INTR_INFO_FIELD);
  if ((information & INTR_INFO_VALID) === 0) return null;
  const vector = information & INTR_INFO_VECTOR_MASK;
  const type = (information >>> INTR_INFO_TYPE_SHIFT) & 7;
  if ((information & INTR_INFO_RESERVED) !== 0) return 'reserved bits of the VM-entry interruption information';
  if (type === 1 || type === 7) return 'reserved type of injected event';
  if (type === 2 && vector !== 2) return 'injected NMI with a vector other than 2';
  if (type === 3 && vector > 31) return 'injected exception with a vector above 31';
  const protectedMode =
    !controls.has2(C.SECONDARY_EXEC_UNRESTRICTED_GUEST) || (vmcs.read32(F.GUEST_CR0) & CR0_PE) !== 0;
  const deliver = (information & INTR_INFO_DELIVER_ERROR_CODE) !== 0;
  if (deliver !== (protectedMode && pushesErrorCode(type, vector))) return 'error-code flag of the injected event';
  if (deliver && vmcs.read32(F.VM_ENTRY_EXCEPTION_ERROR_CODE) >>> 16 !== 0) return 'reserved bits of the error code';
  const length = vmcs.read32(F.VM_ENTRY_INSTRUCTION_LEN);
  if (isSoftwareEvent(type) && (length === 0 || length > MAX_INSTRUCTION_LENGTH)) return 'VM-entry instruction length';
  return null;
}

// ---- Host-state area: VM-instruction error 8

export function checkHostState(vmcs: Vmcs, controls: ActiveControls): BrokenRule {
  return (
    checkHostControlRegisters(vmcs) ??
    checkHostMsrs(vmcs, controls) ??
    checkHostSegments(vmcs, controls) ??
    checkHostAddressSpace(vmcs, controls)
  );
}

/** Fixed bits of CR0 and CR4 in VMX operation. */
export function isVmxCr0(high: number, low: number): boolean {
  return high === 0 && (~low & CR0_FIXED0) === 0;
}

export function isVmxCr4(high: number, low: number): boolean {
  return high === 0 && (~low & CR4_FIXED0) === 0 && (low & ~CR4_FIXED1) === 0;
}

function checkHostControlRegisters(vmcs: Vmcs): BrokenRule {
  if (!isVmxCr0(vmcs.readHigh(F.HOST_CR0), vmcs.read32(F.HOST_CR0))) return 'host CR0';
  if (!isVmxCr4(vmcs.readHigh(F.HOST_CR4), vmcs.read32(F.HOST_CR4))) return 'host CR4';
  if (!fitsPhysicalAddress(vmcs, F.HOST_CR3)) return 'host CR3';
  return null;
}

function checkHostMsrs(vmcs: Vmcs, controls: ActiveControls): BrokenRule {
  if (!isCanonical(vmcs, F.HOST_IA32_SYSENTER_ESP)) return 'host IA32_SYSENTER_ESP';
  if (!isCanonical(vmcs, F.HOST_IA32_SYSENTER_EIP)) return 'host IA32_SYSENTER_EIP';
  if (controls.onExit(C.VM_EXIT_LOAD_IA32_PAT)) {
    if (!isPatValue(vmcs.readHigh(F.HOST_IA32_PAT), vmcs.read32(F.HOST_IA32_PAT))) return 'host IA32_PAT';
  }
  if (controls.onExit(C.VM_EXIT_LOAD_IA32_EFER)) {
    const efer = vmcs.read32(F.HOST_IA32_EFER);
    if (!isEferValue(vmcs.readHigh(F.HOST_IA32_EFER), efer)) return 'host IA32_EFER';
    const longMode = controls.onExit(C.VM_EXIT_HOST_ADDR_SPACE_SIZE) ? EFER_LME | EFER_LMA : 0;
    if ((efer & (EFER_LME | EFER_LMA)) !== longMode) return 'host IA32_EFER against the host address-space size';
  }
  return null;
}

const HOST_SELECTORS = [
  F.HOST_ES_SELECTOR,
  F.HOST_CS_SELECTOR,
  F.HOST_SS_SELECTOR,
  F.HOST_DS_SELECTOR,
  F.HOST_FS_SELECTOR,
  F.HOST_GS_SELECTOR,
  F.HOST_TR_SELECTOR,
] as const;

const HOST_BASES = [F.HOST_FS_BASE, F.HOST_GS_BASE, F.HOST_GDTR_BASE, F.HOST_IDTR_BASE, F.HOST_TR_BASE] as const;

function checkHostSegments(vmcs: Vmcs, controls: ActiveControls): BrokenRule {
  if (HOST_SELECTORS.some((field) => (vmcs.read32(field) & 7) !== 0)) return 'TI or RPL of a host selector';
  if (vmcs.read32(F.HOST_CS_SELECTOR) === 0) return 'host CS selector';
  if (vmcs.read32(F.HOST_TR_SELECTOR) === 0) return 'host TR selector';
  const longMode = controls.onExit(C.VM_EXIT_HOST_ADDR_SPACE_SIZE);
  if (!longMode && vmcs.read32(F.HOST_SS_SELECTOR) === 0) return 'host SS selector';
  return HOST_BASES.every((field) => isCanonical(vmcs, field)) ? null : 'host segment base';
}

function checkHostAddressSpace(vmcs: Vmcs, controls: ActiveControls): BrokenRule {
  const cr4 = vmcs.read32(F.HOST_CR4);
  if (controls.onExit(C.VM_EXIT_HOST_ADDR_SPACE_SIZE)) {
    if ((cr4 & CR4_PAE) === 0) return 'host CR4.PAE in a 64-bit host';
    return isCanonical(vmcs, F.HOST_RIP) ? null : 'host RIP';
  }
  if (controls.onEntry(C.VM_ENTRY_IA32E_MODE)) return 'IA-32e mode guest of a 32-bit host';
  if ((cr4 & CR4_PCIDE) !== 0) return 'host CR4.PCIDE in a 32-bit host';
  return vmcs.readHigh(F.HOST_RIP) === 0 ? null : 'host RIP';
}
