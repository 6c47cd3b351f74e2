/** Words for numbers, as KVM's trace.h has them. */
export type Symbols = readonly (readonly [value: number, name: string])[];

/** Registers of the local APIC by offset. */
export const APIC_REGISTERS: Symbols = [
  [0x020, 'APIC_ID'],
  [0x030, 'APIC_LVR'],
  [0x080, 'APIC_TASKPRI'],
  [0x090, 'APIC_ARBPRI'],
  [0x0a0, 'APIC_PROCPRI'],
  [0x0b0, 'APIC_EOI'],
  [0x0c0, 'APIC_RRR'],
  [0x0d0, 'APIC_LDR'],
  [0x0e0, 'APIC_DFR'],
  [0x0f0, 'APIC_SPIV'],
  [0x100, 'APIC_ISR'],
  [0x180, 'APIC_TMR'],
  [0x200, 'APIC_IRR'],
  [0x280, 'APIC_ESR'],
  [0x300, 'APIC_ICR'],
  [0x310, 'APIC_ICR2'],
  [0x320, 'APIC_LVTT'],
  [0x330, 'APIC_LVTTHMR'],
  [0x340, 'APIC_LVTPC'],
  [0x350, 'APIC_LVT0'],
  [0x360, 'APIC_LVT1'],
  [0x370, 'APIC_LVTERR'],
  [0x380, 'APIC_TMICT'],
  [0x390, 'APIC_TMCCT'],
  [0x3e0, 'APIC_TDCR'],
  [0x3f0, 'APIC_SELF_IPI'],
  [0x400, 'APIC_EFEAT'],
  [0x410, 'APIC_ECTRL'],
];

/** Delivery modes, bits 10:8 of the ICR. */
export const DELIVERY_MODES: Symbols = [
  [0, 'Fixed'],
  [1, 'LowPrio'],
  [2, 'SMI'],
  [3, 'Res3'],
  [4, 'NMI'],
  [5, 'INIT'],
  [6, 'SIPI'],
  [7, 'ExtINT'],
];

/** Destination shorthands. */
export const SHORTHANDS: Symbols = [
  [0, 'dst'],
  [1, 'self'],
  [2, 'all'],
  [3, 'all-but-self'],
];

/** The name of `value`, in hexadecimal where it has none. */
export function symbolOf(symbols: Symbols, value: number): string {
  return symbols.find(([known]) => known === value)?.[1] ?? `0x${value.toString(16)}`;
}
