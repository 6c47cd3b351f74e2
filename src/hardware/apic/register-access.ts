/**
 * What may be read and written in which mode: registers (SDM vol. 3, table 12-1 and table 12-6) and their bits.
 */
import {
  APIC_APR,
  APIC_CURRENT_COUNT,
  APIC_DFR,
  APIC_DIVIDE,
  APIC_EOI,
  APIC_ESR,
  APIC_ICR,
  APIC_ICR_HIGH,
  APIC_ID,
  APIC_INITIAL_COUNT,
  APIC_IRR,
  APIC_ISR,
  APIC_LDR,
  APIC_LVT_CMCI,
  APIC_LVT_ERROR,
  APIC_LVT_LINT0,
  APIC_LVT_LINT1,
  APIC_LVT_PERFMON,
  APIC_LVT_THERMAL,
  APIC_LVT_TIMER,
  APIC_PPR,
  APIC_RRD,
  APIC_SELF_IPI,
  APIC_SVR,
  APIC_TMR,
  APIC_TPR,
  APIC_VERSION,
  ICR_RESERVED,
} from './registers.js';

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

/** Registers whose reading is defined in xAPIC mode: bits 31:0 and 63:32 of a mask by offset >> 4. */
export function readableRegisters(): [low: number, high: number] {
  const half = (first: number) => {
    let mask = 0;
    for (let bit = 0; bit < 32; bit++) if (isReadable(first + bit, false)) mask |= 1 << bit;
    return mask;
  };
  return [half(0), half(32)];
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
