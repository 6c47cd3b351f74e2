/** Local variables of a region's function, and the functions that it imports. */
import { I32, I64, type Import } from './wasm-code.js';

// Parameters
export const CPU = 0;
/** The entry of a record (layout.ts): the block to go to, and this region. */
export const ENTRY = 1;
export const NOW = 2;
export const RETIRED = 3;
// 64 bits
export const LIMIT = 4;
/** The general-purpose registers, in the order of the CPU block. */
export const FIRST_REGISTER = 5;
/** Operands and result of the last operation that set flags, sign-extended; CF and the sign of OF where they do not follow. */
export const FLAGS_A = 21;
export const FLAGS_B = 22;
export const FLAGS_RESULT = 23;
export const FLAGS_CARRY = 24;
export const FLAGS_OVERFLOW = 25;
export const ADDRESS = 26;
export const VALUE = 27;
/** What an access by the interpreter has come to. */
export const FOUND = 28;
// 32 bits
export const OPERAND = 29;
export const NEXT = 30;
export const TLB = 31;
export const REGION = 32;

export const LOCALS: readonly number[] = Array.from({ length: REGION - RETIRED }, (_, index) =>
  LIMIT + index < OPERAND ? I64 : I32,
);

export const REGION_TYPE = { parameters: [I32, I32, I64, I64], result: I32 };

// Numbers of the imports
export const ACCESS = 0;
export const GO = 1;
export const MULTIPLY_HIGH = 2;
export const RARE = 3;
export const SPIN = 4;
export const IRET = 5;

export const IMPORTS: readonly Import[] = [
  { name: 'accessFromRegion', type: { parameters: [I32, I64, I32, I32, I32, I64, I64, I32], result: I64 } },
  { name: 'go', type: { parameters: [I32, I64], result: I32 } },
  { name: 'multiplyHighSigned', type: { parameters: [I64, I64], result: I64 } },
  { name: 'rare', type: { parameters: [I32, I32, I64], result: I32 } },
  { name: 'spinFromRegion', type: { parameters: [I32, I32, I64], result: I32 } },
  { name: 'iretq', type: { parameters: [I32, I32], result: I32 } },
];
