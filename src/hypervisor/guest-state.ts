/**
 * Guest-state fields of a VMCS at the start of a vCPU: vmx_vcpu_reset, vmx_set_cr0, vmx_set_cr4, vmx_set_segment
 * (vmx.c). Which CR0 and CR4 bits the guest owns: KVM_POSSIBLE_CR0_GUEST_BITS, KVM_POSSIBLE_CR4_GUEST_BITS
 * (kvm_cache_regs.h).
 */
import { CR0_NE, CR0_TS, CR0_WP, CR4_UINTR, CR4_VMXE } from '../hardware/cpu/control-register-bits.js';
import { RFLAGS_FIXED } from '../hardware/cpu/rflags.js';
import type { Segment } from '../hardware/cpu/segments.js';
import { VMCS_FIELD as F } from '../hardware/vmx/vmcs-field.js';
import { writeField, type VmcsAccess } from './control-shadow.js';

/** KVM_VM_CR0_ALWAYS_OFF: NW, CD. */
const CR0_ALWAYS_OFF = 3 << 29;
/** PVI, TSD, DE, PGE, PCE, OSFXSR, OSXMMEXCPT, FSGSBASE. */
const CR4_GUEST_BITS = (1 << 1) | (1 << 2) | (1 << 3) | (1 << 7) | (1 << 8) | (1 << 9) | (1 << 10) | (1 << 16);

const DR7_FIXED = 0x400;

/** IA32_PAT after reset. */
export const PAT_RESET = 0x0007_0406_0007_0406n;

/** Registers that live in the VMCS; segments in the order ES CS SS DS FS GS LDTR TR. */
export interface InitialGuestState {
  readonly rip: number;
  readonly rsp: number;
  readonly rflags: number;
  readonly cr0: number;
  readonly cr3: number;
  readonly cr4: number;
  readonly efer: number;
  readonly pat: bigint;
  readonly segments: readonly Segment[];
  readonly gdtr: { readonly base: number; readonly limit: number };
  readonly idtr: { readonly base: number; readonly limit: number };
}

/** Writes all guest-state fields but PAT and EFER, which depend on controls. */
export function writeGuestState(
  vmcs: VmcsAccess,
  state: InitialGuestState,
  options: { readonly uintr: boolean; readonly ownsCr0Wp: boolean },
): void {
  // prettier-ignore
  const fields: readonly (readonly [field: number, value: number])[] = [
    [F.GUEST_CR3,                    state.cr3],
    [F.GUEST_GDTR_BASE,              state.gdtr.base],
    [F.GUEST_GDTR_LIMIT,             state.gdtr.limit],
    [F.GUEST_IDTR_BASE,              state.idtr.base],
    [F.GUEST_IDTR_LIMIT,             state.idtr.limit],
    [F.GUEST_DR7,                    DR7_FIXED],
    [F.GUEST_RSP,                    state.rsp],
    [F.GUEST_RIP,                    state.rip],
    [F.GUEST_RFLAGS,                 state.rflags | RFLAGS_FIXED],
    [F.GUEST_PENDING_DBG_EXCEPTIONS, 0],
    [F.GUEST_INTERRUPTIBILITY_INFO,  0],
    [F.GUEST_ACTIVITY_STATE,         0],
    [F.GUEST_IA32_DEBUGCTL,          0],
    [F.GUEST_SYSENTER_CS,            0],
    [F.GUEST_SYSENTER_ESP,           0],
    [F.GUEST_SYSENTER_EIP,           0],
  ];
  for (const [field, value] of fields) writeField(vmcs, field, value);
  state.segments.forEach((segment, index) => {
    writeSegment(vmcs, index, segment);
  });
  writeCr0(vmcs, state.cr0, options.ownsCr0Wp);
  writeCr4(vmcs, state.cr4, options.uintr);
}

/** The fields of consecutive segment registers have consecutive even encodings. */
function writeSegment(vmcs: VmcsAccess, index: number, segment: Segment): void {
  writeField(vmcs, F.GUEST_ES_SELECTOR + 2 * index, segment.selector);
  writeField(vmcs, F.GUEST_ES_BASE + 2 * index, segment.base);
  writeField(vmcs, F.GUEST_ES_LIMIT + 2 * index, segment.limit);
  writeField(vmcs, F.GUEST_ES_AR_BYTES + 2 * index, segment.access);
}

/**
 * vmx_set_cr0 with unrestricted guest: the guest owns TS and with `ownsWp` WP; it reads the other bits from the shadow.
 * Caches stay on.
 */
export function writeCr0(vmcs: VmcsAccess, value: number, ownsWp: boolean): void {
  writeField(vmcs, F.CR0_GUEST_HOST_MASK, ~(ownsWp ? CR0_TS | CR0_WP : CR0_TS));
  writeField(vmcs, F.CR0_READ_SHADOW, value >>> 0);
  writeField(vmcs, F.GUEST_CR0, ((value & ~CR0_ALWAYS_OFF) | CR0_NE) >>> 0);
}

/** vmx_set_cr4: VMXE is on in non-root operation, and hidden. With user interrupts the guest owns CR4.UINTR, too. */
export function writeCr4(vmcs: VmcsAccess, value: number, uintr: boolean): void {
  const owned = uintr ? CR4_GUEST_BITS | CR4_UINTR : CR4_GUEST_BITS;
  writeField(vmcs, F.CR4_GUEST_HOST_MASK, ~owned);
  writeField(vmcs, F.CR4_READ_SHADOW, value >>> 0);
  writeField(vmcs, F.GUEST_CR4, (value | CR4_VMXE) >>> 0);
}
