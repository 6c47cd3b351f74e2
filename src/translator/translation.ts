/** What the translations of instructions have in common. */
import type { BlockState } from './block-state.js';
import type { CodeRecord } from './code-record.js';
import type { WasmCode } from './wasm-code.js';

/** Where an operation writes itself to. */
export interface Translation {
  readonly code: WasmCode;
  readonly state: BlockState;
  /** Leaves translated code in front of the instruction. */
  leaveBefore(record: CodeRecord): void;
}

export type Operation = (to: Translation, record: CodeRecord) => void;

/** Operands of two-operand instructions: R register, M memory, I immediate. */
export type Form = 'RR' | 'RI' | 'RM' | 'MR' | 'MI';
