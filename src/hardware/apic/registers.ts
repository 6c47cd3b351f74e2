/**
 * The registers of a local APIC: offsets in its 4-KiB page (xAPIC), the MSRs of the same registers (x2APIC), and bits.
 * SDM vol. 3, table 12-1 and table 12-6. This file is compiled by both tsc and asc: it holds constants only.
 *
 * Left out: the remote-read register (read as 0) and the arbitration-priority register (read as the PPR).
 */
export const APIC_ID = 0x020;
export const APIC_VERSION = 0x030;
export const APIC_TPR = 0x080;
export const APIC_APR = 0x090;
export const APIC_PPR = 0x0a0;
export const APIC_EOI = 0x0b0;
export const APIC_RRD = 0x0c0;
export const APIC_LDR = 0x0d0;
export const APIC_DFR = 0x0e0;
export const APIC_SVR = 0x0f0;
export const APIC_ISR = 0x100;
export const APIC_TMR = 0x180;
export const APIC_IRR = 0x200;
export const APIC_ESR = 0x280;
export const APIC_LVT_CMCI = 0x2f0;
/** ICR bits 31:0; the whole 64-bit ICR in x2APIC mode. */
export const APIC_ICR = 0x300;
/** ICR bits 63:32; only in xAPIC mode. */
export const APIC_ICR_HIGH = 0x310;
export const APIC_LVT_TIMER = 0x320;
export const APIC_LVT_THERMAL = 0x330;
export const APIC_LVT_PERFMON = 0x340;
export const APIC_LVT_LINT0 = 0x350;
export const APIC_LVT_LINT1 = 0x360;
export const APIC_LVT_ERROR = 0x370;
export const APIC_INITIAL_COUNT = 0x380;
export const APIC_CURRENT_COUNT = 0x390;
export const APIC_DIVIDE = 0x3e0;
/** Only in x2APIC mode. */
export const APIC_SELF_IPI = 0x3f0;

/** MSR of the x2APIC register at `offset`: X2APIC_MSR_BASE + (offset >> 4). */
export const X2APIC_MSR_BASE = 0x800;
/** MSR of the ICR. */
export const X2APIC_MSR_ICR = 0x830;
/** The architecture reserves MSRs 800H-8FFH for the x2APIC. */
export const X2APIC_MSR_LAST = 0x8ff;

/** IA32_APIC_BASE (MSR 1BH). */
export const APIC_BASE_BSP = 1 << 8;
export const APIC_BASE_EXTD = 1 << 10;
export const APIC_BASE_ENABLE = 1 << 11;
export const DEFAULT_APIC_BASE = 0xfee0_0000;

export const SVR_SOFTWARE_ENABLE = 1 << 8;
export const SVR_SUPPRESS_EOI_BROADCAST = 1 << 12;

export const LVT_MASKED = 1 << 16;
export const LVT_DELIVERY_MODE = 7 << 8;
export const LVT_EXTINT = 7 << 8;

/** The vectors below are the processor's own: an interrupt must not have one (SDM 12.5.2). */
export const FIRST_LEGAL_VECTOR = 16;

/** Errors collected for the ESR (SDM 12.5.3). */
export const ESR_SEND_ILLEGAL_VECTOR = 1 << 5;
export const ESR_RECEIVE_ILLEGAL_VECTOR = 1 << 6;
export const ESR_ILLEGAL_REGISTER = 1 << 7;

/** Version 15H, LVT entries 0-6, EOI-broadcast suppression. */
export const VERSION_VALUE = 0x0106_0015;

/** Bits 18:17 of the LVT timer register. */
export const TIMER_ONE_SHOT = 0;
export const TIMER_PERIODIC = 1;
export const TIMER_TSC_DEADLINE = 2;

/** Delivery status, read-only in xAPIC mode; sending is instantaneous here, so it always reads 0. */
export const ICR_BUSY = 1 << 12;
export const ICR_LOGICAL = 1 << 11;
export const ICR_ASSERT = 1 << 14;
export const ICR_LEVEL = 1 << 15;
export const ICR_SHORTHAND = 3 << 18;
export const ICR_DELIVERY_MODE = 7 << 8;
export const ICR_NMI = 4 << 8;

/** ICR bits 31:20, 17:16 and 13. Bit 12 is ignored in x2APIC mode and reads as 0. */
export const ICR_RESERVED = 0xfff3_2000;
