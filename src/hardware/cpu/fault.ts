import type { Cpu } from './cpu.js';
import { VECTOR_DB, VECTOR_DF, VECTOR_GP, VECTOR_MC, VECTOR_UD } from './exception-vector.js';
import { FAULT, type Outcome } from './outcome.js';

/** Event types, as in VM-entry and VM-exit interruption information. */
export const EVENT_EXTERNAL = 0;
export const EVENT_NMI = 2;
export const EVENT_EXCEPTION = 3;
export const EVENT_SOFTWARE_INTERRUPT = 4;
export const EVENT_PRIVILEGED_SOFTWARE = 5;
export const EVENT_SOFTWARE_EXCEPTION = 6;

/** An event on its way through the IDT. */
export interface IdtEvent {
  readonly type: number;
  readonly vector: number;
  readonly errorCode: number | null;
  /** Instruction length, for software events (RIP is pushed behind the instruction); 0 otherwise. */
  readonly length: number;
}

/** Why an operation returned FAULT. */
export type Fault =
  | {
      readonly kind: 'exception';
      readonly vector: number;
      readonly errorCode: number | null;
      /** Faulting linear address (#PF), canonical and sign-extended; conditions as in DR6 (#DB); 0 otherwise. */
      readonly address: number;
    }
  | {
      readonly kind: 'ept';
      /** True for a misconfiguration (exit 49), false for a violation (exit 48). */
      readonly misconfiguration: boolean;
      readonly guestPhysical: number;
      /** Exit qualification of a violation, bits 8:0 and 12. */
      readonly qualification: number;
      /** Linear address that was being translated. */
      readonly linear: number;
    };

/** A fault while an event was being delivered. */
export interface DeliveryFault {
  /** Vector of the event. */
  readonly delivering: number;
  readonly vector: number;
  readonly errorCode: number | null;
  /** Where the event had interrupted what, signed. */
  readonly rip: number;
  readonly mode: string;
}

/** Sets cpu.fault to an exception (not #PF); returns FAULT. */
export function fault(cpu: Cpu, vector: number, errorCode: number | null = null): Outcome {
  cpu.fault = { kind: 'exception', vector, errorCode, address: 0 };
  return FAULT;
}

/** #GP(0). */
export function generalProtection(cpu: Cpu): Outcome {
  return fault(cpu, VECTOR_GP, 0);
}

/** #UD. */
export function invalidOpcode(cpu: Cpu): Outcome {
  return fault(cpu, VECTOR_UD);
}

/** EXT bit of error codes: the event did not come from an INT instruction. */
export function externalBit({ type }: IdtEvent): number {
  return type === EVENT_SOFTWARE_INTERRUPT || type === EVENT_SOFTWARE_EXCEPTION ? 0 : 1;
}

/** Is the event a fault, whose handler returns to the instruction that caused it? RFLAGS.RF is pushed set for these. */
export function isFault({ type, vector }: Pick<IdtEvent, 'type' | 'vector'>): boolean {
  return type === EVENT_EXCEPTION && vector !== VECTOR_DB && vector !== VECTOR_DF && vector !== VECTOR_MC;
}
