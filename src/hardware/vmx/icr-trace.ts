import type { IcrOutcome } from '../../trace/event.js';
import type { Cpu } from '../cpu/cpu.js';

/** Reports a write to the virtual ICR, once it is known what becomes of it. */
export function traceIcrWrite(cpu: Cpu, high: number, low: number, outcome: IcrOutcome): void {
  cpu.trace?.({ name: 'ipiv_icr_write', icr: (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0), outcome });
}
