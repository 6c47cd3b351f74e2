/** Local variables of a region's function, and the functions that it imports. */
import { I32, I64, type Import } from './wasm-code.js';

// Parameters
export const CPU = 0;
/** The entry of a record (layout.ts): the block to go to, and this region. */
export const ENTRY = 1;
export const NOW = 2;
export const RETIRED = 3;
// 64 bits
/** The general-purpose registers, in the order of the CPU block. */
export const FIRST_REGISTER = 4;
/** Operands and result of the last operation that set flags, sign-extended; CF and the sign of OF where they do not follow. */
export const FLAGS_A = 20;
export const FLAGS_B = 21;
export const FLAGS_RESULT = 22;
export const FLAGS_CARRY = 23;
export const FLAGS_OVERFLOW = 24;
export const ADDRESS = 25;
export const VALUE = 26;
/** What a call for an operand has come to. */
export const FOUND = 27;
/** CPU_LINE_KIND. */
export const LINE_KIND = 28;
// 32 bits
export const OPERAND = 29;
export const NEXT = 30;
export const REGION = 31;

export const LOCALS: readonly number[] = Array.from({ length: REGION - RETIRED }, (_, index) =>
  FIRST_REGISTER + index < OPERAND ? I64 : I32,
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
  { name: 'accessFromRegion', type: { parameters: [I32, I64, I32, I64, I64], result: I64 } },
  { name: 'go', type: { parameters: [I32, I64], result: I32 } },
  { name: 'multiplyHighSigned', type: { parameters: [I64, I64], result: I64 } },
  { name: 'rare', type: { parameters: [I32, I32, I64], result: I32 } },
  { name: 'spinFromRegion', type: { parameters: [I32, I32, I64], result: I32 } },
  { name: 'iretq', type: { parameters: [I32, I32], result: I32 } },
];
