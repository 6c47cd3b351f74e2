import type { Code, Mnemonic, Register } from 'iced-x86';

/**
 * An instruction that the interpreter leaves to the host, in plain values (nothing that has to be freed).
 * Registers are iced-x86 `Register` numbers, `code` an iced-x86 `Code`.
 */
export interface DecodedInstruction {
  readonly code: Code;
  readonly mnemonic: Mnemonic;
  readonly length: number;
  readonly operands: readonly Operand[];
  readonly lock: boolean;
  readonly rep: boolean;
  readonly repne: boolean;
  /** Operand-size and address-size in bits, as the instruction uses them. */
  readonly addressSize: 16 | 32 | 64;
  /** The bytes, for error messages. */
  readonly bytes: Uint8Array;
}

export type Operand =
  | { readonly kind: 'register'; readonly register: Register }
  | { readonly kind: 'immediate'; readonly value: bigint }
  | { readonly kind: 'branch'; readonly target: bigint }
  | {
      readonly kind: 'memory';
      readonly base: Register;
      readonly index: Register;
      readonly scale: number;
      readonly displacement: bigint;
      readonly segment: Register;
      readonly size: number;
    };
