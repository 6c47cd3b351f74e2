/**
 * Byte offsets in the VMCS region of the fields that the interpreter accesses, eight bytes each. This file is compiled by both
 * tsc and asc: it holds constants only.
 */
export const VMCS_EXIT_REASON = 64;
export const VMCS_EXIT_QUALIFICATION = 72;
export const VMCS_EXIT_INTERRUPTION = 80;
export const VMCS_EXIT_ERROR_CODE = 88;
export const VMCS_IDT_VECTORING = 96;
export const VMCS_EXIT_INSTRUCTION_LENGTH = 104;
export const VMCS_ENTRY_INTERRUPTION = 112;
export const VMCS_GUEST_RIP = 120;
export const VMCS_GUEST_RSP = 128;
export const VMCS_GUEST_RFLAGS = 136;
export const VMCS_GUEST_INTERRUPTIBILITY = 144;
export const VMCS_GUEST_ACTIVITY = 152;
export const VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS = 160;
export const VMCS_GUEST_DR7 = 168;
export const VMCS_GUEST_UINV = 176;
export const VMCS_GUEST_INTERRUPT_STATUS = 184;
/** Where the other fields begin. */
export const VMCS_OTHER_FIELDS = 192;
