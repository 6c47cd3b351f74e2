/**
 * VM-entry checks on the guest-state area (SDM vol. 3, 27.3.1). A failure is a VM exit with reason 33.
 *
 * What changes with every entry (RIP, event injection) is checked every time; the rest only when software has written
 * it: the processor itself never saves a state that it would refuse to load.
 */
import {
  ACTIVITY_ACTIVE,
  ACTIVITY_HLT,
  ACTIVITY_SHUTDOWN,
  ACTIVITY_WAIT_FOR_SIPI,
  BLOCKING_BY_MOV_SS,
  BLOCKING_BY_NMI,
  BLOCKING_BY_STI,
  BLOCKING_BY_STI_OR_MOV_SS,
} from '../cpu/activity.js';
import { CR0_PE, CR0_PG, CR4_PAE, CR4_PCIDE, EFER_LMA, EFER_LME } from '../cpu/control-register-bits.js';
import { isValidPdpte, POINTERS } from '../cpu/page-directory-pointers.js';
import { RFLAGS_IF, RFLAGS_TF, RFLAGS_VM } from '../cpu/rflags.js';
import {
  SEGMENT_CS,
  SEGMENT_FS,
  SEGMENT_GS,
  SEGMENT_LDTR,
  SEGMENT_SS,
  SEGMENT_TR,
  ACCESS_UNUSABLE,
} from '../cpu/segments.js';
import type { PhysicalMemory } from '../memory/physical-memory.js';
import type { ActiveControls } from './active-controls.js';
import { VMCS_REVISION } from './capability.js';
import * as C from './controls.js';
import { fitsPhysicalAddress, isCanonical, isEferValue, isPatValue, isVmxCr0, isVmxCr4 } from './entry-checks.js';
import type { BrokenRule } from './entry-checks.js';
import { INTR_INFO_TYPE_SHIFT, INTR_INFO_VALID, INTR_INFO_VECTOR_MASK } from './interruption-information.js';
import { VMCS_FIELD } from './vmcs-field.js';
import type { Vmcs } from './vmcs.js';

const F = VMCS_FIELD;

/** Exit qualifications of reason 33 (SDM 27.8). */
export const INVALID_STATE_OTHER = 0;
export const INVALID_STATE_PDPTE = 2;
export const INVALID_STATE_NMI = 3;
export const INVALID_STATE_LINK_POINTER = 4;

export interface GuestStateFailure {
  readonly qualification: number;
  readonly rule: string;
}

const RFLAGS_RESERVED = 0xffc0_8028;
const DEBUGCTL_BTF = 2;
const DEBUGCTL_RESERVED = 0xffff_003c;
const PENDING_DEBUG_BS = 1 << 14;
/** Bits other than B3-B0, enabled breakpoint (12), BS (14) and RTM (16). */
const PENDING_DEBUG_RESERVED = 0xfffe_aff0;
const INTERRUPTIBILITY_RESERVED = 0xffff_ffe0;
const BLOCKING_BY_SMI_OR_ENCLAVE = 0x14;

// Access rights
const AR_S = 1 << 4;
const AR_P = 1 << 7;
const AR_L = 1 << 13;
const AR_DB = 1 << 14;
const AR_G = 1 << 15;
const AR_RESERVED = 0xfffe_0f00;
const VIRTUAL_8086_AR = 0xf3;

function typeOf(accessRights: number): number {
  return accessRights & 15;
}

function dplOf(accessRights: number): number {
  return (accessRights >>> 5) & 3;
}

function selectorOf(vmcs: Vmcs, segment: number): number {
  return vmcs.read32(F.GUEST_ES_SELECTOR + 2 * segment);
}

function accessOf(vmcs: Vmcs, segment: number): number {
  return vmcs.read32(F.GUEST_ES_AR_BYTES + 2 * segment);
}

function isUsable(vmcs: Vmcs, segment: number): boolean {
  return (accessOf(vmcs, segment) & ACCESS_UNUSABLE) === 0;
}

/** Null when the guest state can be loaded. */
export function checkGuestState(
  vmcs: Vmcs,
  controls: ActiveControls,
  memory: PhysicalMemory,
): GuestStateFailure | null {
  const isDirty = vmcs.guestDirty;
  if (isDirty) {
    const rule = checkRegisters(vmcs, controls);
    if (rule !== null) return { qualification: INVALID_STATE_OTHER, rule };
    if (!isLinkPointer(vmcs, memory)) {
      return { qualification: INVALID_STATE_LINK_POINTER, rule: 'VMCS link pointer' };
    }
    if (!arePdptesLoadable(vmcs, controls, memory)) {
      return { qualification: INVALID_STATE_PDPTE, rule: 'reserved bits of a PDPTE' };
    }
  }
  const dependsOnFlags = isDirty || vmcs.flagsDirty;
  const rule =
    checkRip(vmcs, controls) ??
    (dependsOnFlags ? checkRflags(vmcs, controls) : null) ??
    (dependsOnFlags || vmcs.nonRegisterStateDirty ? checkNonRegisterState(vmcs) : null);
  if (rule !== null) return { qualification: INVALID_STATE_OTHER, rule };
  return checkInjectedEvent(vmcs, controls);
}

function checkRegisters(vmcs: Vmcs, controls: ActiveControls): BrokenRule {
  return (
    checkControlRegisters(vmcs, controls) ??
    checkMsrs(vmcs, controls) ??
    checkSegments(vmcs, controls) ??
    checkDescriptorTables(vmcs)
  );
}

// ---- Control registers, debug registers, MSRs (27.3.1.1)

function checkControlRegisters(vmcs: Vmcs, controls: ActiveControls): BrokenRule {
  const cr0 = vmcs.read32(F.GUEST_CR0);
  const cr4 = vmcs.read32(F.GUEST_CR4);
  const unrestricted = controls.has2(C.SECONDARY_EXEC_UNRESTRICTED_GUEST);
  const fixed = unrestricted ? (cr0 | CR0_PE | CR0_PG) >>> 0 : cr0;
  if (!isVmxCr0(vmcs.readHigh(F.GUEST_CR0), fixed)) return 'guest CR0';
  if ((cr0 & CR0_PG) !== 0 && (cr0 & CR0_PE) === 0) return 'guest CR0.PG without CR0.PE';
  if (!isVmxCr4(vmcs.readHigh(F.GUEST_CR4), cr4)) return 'guest CR4';
  if (controls.onEntry(C.VM_ENTRY_IA32E_MODE)) {
    if ((cr0 & CR0_PG) === 0) return 'guest CR0.PG in IA-32e mode';
    if ((cr4 & CR4_PAE) === 0) return 'guest CR4.PAE in IA-32e mode';
  } else if ((cr4 & CR4_PCIDE) !== 0) return 'guest CR4.PCIDE outside IA-32e mode';
  return fitsPhysicalAddress(vmcs, F.GUEST_CR3) ? null : 'guest CR3';
}

function checkMsrs(vmcs: Vmcs, controls: ActiveControls): BrokenRule {
  if (controls.onEntry(C.VM_ENTRY_LOAD_DEBUG_CONTROLS)) {
    const reserved = vmcs.readHigh(F.GUEST_IA32_DEBUGCTL) | (vmcs.read32(F.GUEST_IA32_DEBUGCTL) & DEBUGCTL_RESERVED);
    if (reserved !== 0) return 'guest IA32_DEBUGCTL';
    if (vmcs.readHigh(F.GUEST_DR7) !== 0) return 'guest DR7';
  }
  if (!isCanonical(vmcs, F.GUEST_SYSENTER_ESP)) return 'guest IA32_SYSENTER_ESP';
  if (!isCanonical(vmcs, F.GUEST_SYSENTER_EIP)) return 'guest IA32_SYSENTER_EIP';
  if (controls.onEntry(C.VM_ENTRY_LOAD_IA32_PAT)) {
    if (!isPatValue(vmcs.readHigh(F.GUEST_IA32_PAT), vmcs.read32(F.GUEST_IA32_PAT))) return 'guest IA32_PAT';
  }
  return controls.onEntry(C.VM_ENTRY_LOAD_IA32_EFER) ? checkEfer(vmcs, controls) : null;
}

function checkEfer(vmcs: Vmcs, controls: ActiveControls): BrokenRule {
  const efer = vmcs.read32(F.GUEST_IA32_EFER);
  if (!isEferValue(vmcs.readHigh(F.GUEST_IA32_EFER), efer)) return 'guest IA32_EFER';
  const longMode = controls.onEntry(C.VM_ENTRY_IA32E_MODE);
  if (((efer & EFER_LMA) !== 0) !== longMode) return 'guest IA32_EFER.LMA against "IA-32e mode guest"';
  const paging = (vmcs.read32(F.GUEST_CR0) & CR0_PG) !== 0;
  if (paging && ((efer & EFER_LME) !== 0) !== longMode) return 'guest IA32_EFER.LME against IA32_EFER.LMA';
  return null;
}

// ---- Segment registers (27.3.1.2)

function checkSegments(vmcs: Vmcs, controls: ActiveControls): BrokenRule {
  if ((vmcs.read32(F.GUEST_RFLAGS) & RFLAGS_VM) !== 0)
    return checkVirtual8086Segments(vmcs) ?? checkSystem(vmcs, controls);
  const unrestricted = controls.has2(C.SECONDARY_EXEC_UNRESTRICTED_GUEST);
  const ss = selectorOf(vmcs, SEGMENT_SS);
  if (!unrestricted && ((ss ^ selectorOf(vmcs, SEGMENT_CS)) & 3) !== 0) return 'RPL of guest SS and CS differ';
  return (
    checkCodeSegment(vmcs, controls, unrestricted) ??
    checkStackSegment(vmcs, unrestricted) ??
    checkDataSegments(vmcs, unrestricted) ??
    checkSystem(vmcs, controls)
  );
}

function checkVirtual8086Segments(vmcs: Vmcs): BrokenRule {
  for (let segment = 0; segment <= SEGMENT_GS; segment++) {
    if (vmcs.readLong(F.GUEST_ES_BASE + 2 * segment) !== selectorOf(vmcs, segment) * 16)
      return 'virtual-8086 segment base';
    if (vmcs.read32(F.GUEST_ES_LIMIT + 2 * segment) !== 0xffff) return 'virtual-8086 segment limit';
    if (accessOf(vmcs, segment) !== VIRTUAL_8086_AR) return 'virtual-8086 segment access rights';
  }
  return null;
}

/** Limit and granularity agree, reserved bits are clear, the segment is present. */
function isPlainDescriptor(vmcs: Vmcs, segment: number): boolean {
  const access = accessOf(vmcs, segment);
  const limit = vmcs.read32(F.GUEST_ES_LIMIT + 2 * segment);
  const granular = (access & AR_G) !== 0;
  if (granular && (limit & 0xfff) !== 0xfff) return false;
  if (!granular && limit >>> 20 !== 0) return false;
  return (access & AR_P) !== 0 && (access & AR_RESERVED) === 0;
}

function checkCodeSegment(vmcs: Vmcs, controls: ActiveControls, unrestricted: boolean): BrokenRule {
  const access = accessOf(vmcs, SEGMENT_CS);
  const type = typeOf(access);
  const dpl = dplOf(access);
  const ssDpl = dplOf(accessOf(vmcs, SEGMENT_SS));
  if ((access & ACCESS_UNUSABLE) !== 0) return 'guest CS is unusable';
  const code = (type & 9) === 9;
  if (!code && !(unrestricted && type === 3)) return 'type of guest CS';
  if ((access & AR_S) === 0 || !isPlainDescriptor(vmcs, SEGMENT_CS)) return 'access rights of guest CS';
  if (type === 3 && dpl !== 0) return 'DPL of guest CS';
  if (code && ((type & 4) === 0 ? dpl !== ssDpl : dpl > ssDpl)) return 'DPL of guest CS against SS';
  const longMode = controls.onEntry(C.VM_ENTRY_IA32E_MODE);
  if (longMode && (access & AR_L) !== 0 && (access & AR_DB) !== 0) return 'guest CS.L with CS.D';
  return vmcs.readHigh(F.GUEST_CS_BASE) === 0 ? null : 'guest CS base';
}

function checkStackSegment(vmcs: Vmcs, unrestricted: boolean): BrokenRule {
  const access = accessOf(vmcs, SEGMENT_SS);
  const dpl = dplOf(access);
  if (!unrestricted && dpl !== (selectorOf(vmcs, SEGMENT_SS) & 3)) return 'DPL of guest SS against its RPL';
  const realMode = (vmcs.read32(F.GUEST_CR0) & CR0_PE) === 0;
  if (dpl !== 0 && (realMode || typeOf(accessOf(vmcs, SEGMENT_CS)) === 3)) return 'DPL of guest SS';
  if ((access & ACCESS_UNUSABLE) !== 0) return null;
  if (typeOf(access) !== 3 && typeOf(access) !== 7) return 'type of guest SS';
  if ((access & AR_S) === 0 || !isPlainDescriptor(vmcs, SEGMENT_SS)) return 'access rights of guest SS';
  return vmcs.readHigh(F.GUEST_SS_BASE) === 0 ? null : 'guest SS base';
}

function checkDataSegments(vmcs: Vmcs, unrestricted: boolean): BrokenRule {
  for (let segment = 0; segment <= SEGMENT_GS; segment++) {
    if (segment === SEGMENT_CS || segment === SEGMENT_SS) continue;
    const base = F.GUEST_ES_BASE + 2 * segment;
    if (segment >= SEGMENT_FS && !isCanonical(vmcs, base)) return 'guest FS or GS base';
    if (!isUsable(vmcs, segment)) continue;
    if (!isDataSegment(vmcs, segment, unrestricted)) return 'access rights of a guest data segment';
    if (segment < SEGMENT_FS && vmcs.readHigh(base) !== 0) return 'guest DS or ES base';
  }
  return null;
}

function isDataSegment(vmcs: Vmcs, segment: number, unrestricted: boolean): boolean {
  const access = accessOf(vmcs, segment);
  const type = typeOf(access);
  const readable = (type & 8) === 0 || (type & 2) !== 0;
  const rpl = selectorOf(vmcs, segment) & 3;
  if ((type & 1) === 0 || !readable || (access & AR_S) === 0) return false;
  if (!unrestricted && type <= 11 && dplOf(access) < rpl) return false;
  return isPlainDescriptor(vmcs, segment);
}

/** TR and LDTR. */
function checkSystem(vmcs: Vmcs, controls: ActiveControls): BrokenRule {
  const tr = accessOf(vmcs, SEGMENT_TR);
  const busy = typeOf(tr) === 11 || (typeOf(tr) === 3 && !controls.onEntry(C.VM_ENTRY_IA32E_MODE));
  if (!busy || (tr & (AR_S | ACCESS_UNUSABLE)) !== 0 || !isPlainDescriptor(vmcs, SEGMENT_TR)) {
    return 'access rights of guest TR';
  }
  if ((selectorOf(vmcs, SEGMENT_TR) & 4) !== 0) return 'TI of guest TR';
  if (!isCanonical(vmcs, F.GUEST_TR_BASE)) return 'guest TR base';
  if (!isUsable(vmcs, SEGMENT_LDTR)) return null;
  const ldtr = accessOf(vmcs, SEGMENT_LDTR);
  if (typeOf(ldtr) !== 2 || (ldtr & AR_S) !== 0 || !isPlainDescriptor(vmcs, SEGMENT_LDTR)) {
    return 'access rights of guest LDTR';
  }
  if ((selectorOf(vmcs, SEGMENT_LDTR) & 4) !== 0) return 'TI of guest LDTR';
  return isCanonical(vmcs, F.GUEST_LDTR_BASE) ? null : 'guest LDTR base';
}

function checkDescriptorTables(vmcs: Vmcs): BrokenRule {
  if (!isCanonical(vmcs, F.GUEST_GDTR_BASE) || !isCanonical(vmcs, F.GUEST_IDTR_BASE)) return 'guest GDTR or IDTR base';
  const limits = vmcs.read32(F.GUEST_GDTR_LIMIT) | vmcs.read32(F.GUEST_IDTR_LIMIT);
  return limits >>> 16 === 0 ? null : 'guest GDTR or IDTR limit';
}

// ---- RIP and RFLAGS (27.3.1.4)

/** In 64-bit mode bits 63:48 must be identical; that bit 47 is like them is not checked: the fetch is #GP then. */
function checkRip(vmcs: Vmcs, controls: ActiveControls): BrokenRule {
  const long = controls.onEntry(C.VM_ENTRY_IA32E_MODE) && (accessOf(vmcs, SEGMENT_CS) & AR_L) !== 0;
  const high = vmcs.readHigh(F.GUEST_RIP);
  const isValid = long ? high >>> 16 === 0 || high >>> 16 === 0xffff : high === 0;
  return isValid ? null : 'guest RIP';
}

export function checkRflags(vmcs: Vmcs, controls: ActiveControls): BrokenRule {
  const rflags = vmcs.read32(F.GUEST_RFLAGS);
  if (vmcs.readHigh(F.GUEST_RFLAGS) !== 0 || (rflags & RFLAGS_RESERVED) !== 0 || (rflags & 2) === 0) {
    return 'reserved bits of guest RFLAGS';
  }
  const protectedMode = (vmcs.read32(F.GUEST_CR0) & CR0_PE) !== 0;
  const longMode = controls.onEntry(C.VM_ENTRY_IA32E_MODE);
  return (rflags & RFLAGS_VM) !== 0 && (longMode || !protectedMode) ? 'guest RFLAGS.VM' : null;
}

// ---- Non-register state (27.3.1.5)

function checkNonRegisterState(vmcs: Vmcs): BrokenRule {
  return checkActivity(vmcs) ?? checkInterruptibility(vmcs) ?? checkPendingDebugExceptions(vmcs);
}

function checkActivity(vmcs: Vmcs): BrokenRule {
  const activity = vmcs.read32(F.GUEST_ACTIVITY_STATE);
  if (activity > ACTIVITY_WAIT_FOR_SIPI) return 'guest activity state';
  if (activity === ACTIVITY_HLT && dplOf(accessOf(vmcs, SEGMENT_SS)) !== 0)
    return 'HLT activity state with SS.DPL above 0';
  const blocking = vmcs.read32(F.GUEST_INTERRUPTIBILITY_INFO) & BLOCKING_BY_STI_OR_MOV_SS;
  return activity !== ACTIVITY_ACTIVE && blocking !== 0 ? 'blocking by STI or MOV SS in an inactive guest' : null;
}

function checkInterruptibility(vmcs: Vmcs): BrokenRule {
  const state = vmcs.read32(F.GUEST_INTERRUPTIBILITY_INFO);
  if ((state & INTERRUPTIBILITY_RESERVED) !== 0) return 'reserved bits of the interruptibility state';
  if ((state & BLOCKING_BY_SMI_OR_ENCLAVE) !== 0) return 'blocking by SMI or enclave interruption';
  const sti = (state & BLOCKING_BY_STI) !== 0;
  if (sti && (state & BLOCKING_BY_MOV_SS) !== 0) return 'blocking by both STI and MOV SS';
  return sti && (vmcs.read32(F.GUEST_RFLAGS) & RFLAGS_IF) === 0 ? 'blocking by STI with RFLAGS.IF = 0' : null;
}

function checkPendingDebugExceptions(vmcs: Vmcs): BrokenRule {
  const pending = vmcs.read32(F.GUEST_PENDING_DBG_EXCEPTIONS);
  if (vmcs.readHigh(F.GUEST_PENDING_DBG_EXCEPTIONS) !== 0 || (pending & PENDING_DEBUG_RESERVED) !== 0) {
    return 'reserved bits of the pending debug exceptions';
  }
  const blocking = vmcs.read32(F.GUEST_INTERRUPTIBILITY_INFO) & BLOCKING_BY_STI_OR_MOV_SS;
  if (blocking === 0 && vmcs.read32(F.GUEST_ACTIVITY_STATE) !== ACTIVITY_HLT) return null;
  const btf = (vmcs.read32(F.GUEST_IA32_DEBUGCTL) & DEBUGCTL_BTF) !== 0;
  const singleStep = (vmcs.read32(F.GUEST_RFLAGS) & RFLAGS_TF) !== 0 && !btf;
  return ((pending & PENDING_DEBUG_BS) !== 0) === singleStep ? null : 'pending single step against RFLAGS.TF';
}

function isLinkPointer(vmcs: Vmcs, memory: PhysicalMemory): boolean {
  const low = vmcs.read32(F.VMCS_LINK_POINTER);
  const high = vmcs.readHigh(F.VMCS_LINK_POINTER);
  if (low === 0xffff_ffff && high === 0xffff_ffff) return true;
  if ((low & 0xfff) !== 0 || !fitsPhysicalAddress(vmcs, F.VMCS_LINK_POINTER)) return false;
  const address = vmcs.readLong(F.VMCS_LINK_POINTER);
  return memory.isRam(address) && memory.read32(address) === VMCS_REVISION;
}

// ---- Page-directory-pointer-table entries (27.3.1.6)

function arePdptesLoadable(vmcs: Vmcs, controls: ActiveControls, memory: PhysicalMemory): boolean {
  if (controls.onEntry(C.VM_ENTRY_IA32E_MODE)) return true;
  if ((vmcs.read32(F.GUEST_CR0) & CR0_PG) === 0 || (vmcs.read32(F.GUEST_CR4) & CR4_PAE) === 0) return true;
  const table = vmcs.read32(F.GUEST_CR3) & ~31;
  for (let index = 0; index < POINTERS; index++) {
    const field = F.GUEST_PDPTR0 + 2 * index;
    const inVmcs = controls.eptRoot >= 0;
    const low = inVmcs ? vmcs.read32(field) : memory.read32(table + index * 8);
    const high = inVmcs ? vmcs.readHigh(field) : memory.read32(table + index * 8 + 4);
    if (!isValidPdpte(low, high)) return false;
  }
  return true;
}

// ---- The injected event against the state it meets

/** Activity states that take an injected event, by event type and vector (27.3.1.5). */
function takesEvent(activity: number, type: number, vector: number): boolean {
  if (activity === ACTIVITY_ACTIVE) return true;
  const machineCheck = type === 3 && vector === 18;
  if (activity === ACTIVITY_HLT) return type === 0 || type === 2 || machineCheck || (type === 3 && vector === 1);
  return activity === ACTIVITY_SHUTDOWN && (type === 2 || machineCheck);
}

function checkInjectedEvent(vmcs: Vmcs, controls: ActiveControls): GuestStateFailure | null {
  const information = vmcs.read32(F.VM_ENTRY_INTR_INFO_FIELD);
  if ((information & INTR_INFO_VALID) === 0) return null;
  const type = (information >>> INTR_INFO_TYPE_SHIFT) & 7;
  const vector = information & INTR_INFO_VECTOR_MASK;
  const state = vmcs.read32(F.GUEST_INTERRUPTIBILITY_INFO);
  const shadow = state & BLOCKING_BY_STI_OR_MOV_SS;
  if (!takesEvent(vmcs.read32(F.GUEST_ACTIVITY_STATE), type, vector)) {
    return failure('event injected into an inactive guest that cannot take it');
  }
  if (type === 0 && (vmcs.read32(F.GUEST_RFLAGS) & RFLAGS_IF) === 0) {
    return failure('external interrupt injected with RFLAGS.IF = 0');
  }
  if (type === 0 && shadow !== 0) return failure('external interrupt injected under blocking by STI or MOV SS');
  if (type !== 2) return null;
  if (shadow !== 0) return { qualification: INVALID_STATE_NMI, rule: 'NMI injected under blocking by STI or MOV SS' };
  const virtualNmis = controls.hasPin(C.PIN_BASED_VIRTUAL_NMIS);
  return virtualNmis && (state & BLOCKING_BY_NMI) !== 0 ? failure('NMI injected under virtual-NMI blocking') : null;
}

function failure(rule: string): GuestStateFailure {
  return { qualification: INVALID_STATE_OTHER, rule };
}
