/**
 * The registers of a local APIC: offsets in its 4-KiB page (xAPIC), the MSRs of the same registers (x2APIC), and what
 * may be read and written in which mode. SDM vol. 3, table 12-1 and table 12-6.
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

export const SVR_SOFTWARE_ENABLE = 1 << 8;
export const SVR_SUPPRESS_EOI_BROADCAST = 1 << 12;

export const LVT_MASKED = 1 << 16;

/** Errors collected for the ESR (SDM 12.5.3). */
export const ESR_SEND_ILLEGAL_VECTOR = 1 << 5;
export const ESR_RECEIVE_ILLEGAL_VECTOR = 1 << 6;
export const ESR_ILLEGAL_REGISTER = 1 << 7;

/** Version 15H, LVT entries 0-6, EOI-broadcast suppression. */
export const VERSION_VALUE = 0x0106_0015;

/** Bits that exist in each LVT register; the others are reserved. */
const LVT_BITS: readonly (readonly [offset: number, bits: number])[] = [
  [APIC_LVT_CMCI, /*   */ 0x117ff],
  [APIC_LVT_TIMER, /*  */ 0x710ff],
  [APIC_LVT_THERMAL, /**/ 0x117ff],
  [APIC_LVT_PERFMON, /**/ 0x117ff],
  [APIC_LVT_LINT0, /*  */ 0x1f7ff],
  [APIC_LVT_LINT1, /*  */ 0x1f7ff],
  [APIC_LVT_ERROR, /*  */ 0x110ff],
];
const LVT_BITS_BY_INDEX = new Map(LVT_BITS.map(([offset, bits]) => [offset >> 4, bits]));

/** Offsets of the LVT registers. */
export const LVT_OFFSETS: readonly number[] = LVT_BITS.map(([offset]) => offset);

/** Bits that exist in the LVT register at `offset`, or 0 when there is no LVT register. */
export function lvtBits(offset: number): number {
  return LVT_BITS_BY_INDEX.get(offset >> 4) ?? 0;
}

const X = 1; // readable in xAPIC mode
const x = 2; // writable in xAPIC mode
const M = 4; // readable in x2APIC mode
const m = 8; // writable in x2APIC mode

/** Offset, number of consecutive registers, access. */
const ACCESS: readonly (readonly [offset: number, count: number, access: number])[] = [
  [APIC_ID, /*           */ 1, X | x | M],
  [APIC_VERSION, /*      */ 1, X | M],
  [APIC_TPR, /*          */ 1, X | x | M | m],
  [APIC_APR, /*          */ 1, X],
  [APIC_PPR, /*          */ 1, X | M],
  [APIC_EOI, /*          */ 1, X | x | m],
  [APIC_RRD, /*          */ 1, X],
  [APIC_LDR, /*          */ 1, X | x | M],
  [APIC_DFR, /*          */ 1, X | x],
  [APIC_SVR, /*          */ 1, X | x | M | m],
  [APIC_ISR, /*          */ 8, X | M],
  [APIC_TMR, /*          */ 8, X | M],
  [APIC_IRR, /*          */ 8, X | M],
  [APIC_ESR, /*          */ 1, X | x | M | m],
  [APIC_LVT_CMCI, /*     */ 1, X | x | M | m],
  [APIC_ICR, /*          */ 1, X | x | M | m],
  [APIC_ICR_HIGH, /*     */ 1, X | x],
  [APIC_LVT_TIMER, /*    */ 6, X | x | M | m],
  [APIC_INITIAL_COUNT, /**/ 1, X | x | M | m],
  [APIC_CURRENT_COUNT, /**/ 1, X | M],
  [APIC_DIVIDE, /*       */ 1, X | x | M | m],
  [APIC_SELF_IPI, /*     */ 1, m],
];

const ACCESS_BY_INDEX = new Uint8Array(256);
for (const [offset, count, access] of ACCESS) ACCESS_BY_INDEX.fill(access, offset >> 4, (offset >> 4) + count);

/** True when reading the register (offset >> 4) is defined in the given mode. */
export function isReadable(index: number, x2apic: boolean): boolean {
  return (ACCESS_BY_INDEX[index] & (x2apic ? M : X)) !== 0;
}

/** True when writing the register (offset >> 4) is defined in the given mode. */
export function isWritable(index: number, x2apic: boolean): boolean {
  return (ACCESS_BY_INDEX[index] & (x2apic ? m : x)) !== 0;
}

/** Bits that must be 0 in the low 32 bits of a WRMSR to the register at `offset` (bits 63:32 must be 0 but for the ICR). */
export function x2apicReservedBits(offset: number): number {
  switch (offset) {
    case APIC_TPR:
    case APIC_SELF_IPI:
      return 0xffff_ff00;
    case APIC_EOI:
    case APIC_ESR:
      return 0xffff_ffff;
    case APIC_SVR:
      return 0xffff_ec00;
    case APIC_ICR:
      return ICR_RESERVED;
    case APIC_DIVIDE:
      return 0xffff_fff4;
    case APIC_INITIAL_COUNT:
      return 0;
    default:
      return ~lvtBits(offset);
  }
}

/** ICR bits 31:20, 17:16 and 13. Bit 12 is ignored in x2APIC mode and reads as 0. */
export const ICR_RESERVED = 0xfff3_2000;
