/**
 * A predecoded instruction, as the decoder writes it and the interpreter reads it. Compiled by both tsc and asc:
 * constants only.
 *
 * The record of the next instruction stands behind it. Register operands and the parts of an address are offsets into
 * the CPU block, so that AH is just another offset, an absent index is CPU_ZERO and RIP is CPU_CODE_BASE.
 */
export const R_OP = 0; //            u16: opcode, see opcodes.ts
export const R_COST = 2; //          u16: ticks
export const R_A = 4; //             u8: first register operand
export const R_B = 5; //             u8: second register operand
export const R_C = 6; //             u8: third register operand, condition, or operation
export const R_LENGTH = 7; //        u8: bytes
export const R_OFFSET = 8; //        u16: offset in the page
export const R_BASE = 10; //         u8
export const R_INDEX = 11; //        u8
export const R_SCALE = 12; //        u8: shift of the index; SCALE_SPECIAL: R_ADDRESS_FLAGS count
export const R_SEGMENT = 13; //      u8: CPU_FS_BASE, CPU_GS_BASE or CPU_ZERO; ADDRESS_SEGMENT: number of the segment register
export const R_ADDRESS_FLAGS = 14; //u8: ADDRESS_*
export const R_STACK = 15; //        u8: 1 = a bad memory operand raises #SS instead of #GP
export const R_IMMEDIATE = 16; //    i64, sign-extended to the operand size
export const R_DISPLACEMENT = 24; // i32
export const R_SIZE = 28; //         u8: ADDRESS_SEGMENT: bytes of the memory operand
export const R_RANGE = 29; //        u8: ADDRESS_SEGMENT: SEGMENT_LOAD or SEGMENT_STORE

// Branches have no immediate and no memory operand.
export const R_TICKS = 16; //        u32: spin branch: ticks of one pass; exit of a spin loop: record of its branch
export const R_TARGET_OFFSET = 20; //i32: target, relative to CPU_CODE_BASE
export const R_TARGET = 24; //       u32: record of the target if it is on the same page and known, else 0
export const R_INSTRUCTIONS = 28; // u8: spin branch: instructions of one pass
export const R_PAUSES = 29; //       u8: spin branch: PAUSEs of one pass
export const R_RDTSCS = 30; //       u8: spin branch: RDTSCs of one pass
export const R_INTERVAL = 12; //    u32: spin branch: longest time from one PAUSE to the next, in ticks

export const SCALE_SPECIAL = 64; // the shift uses bits 5:0 only
export const ADDRESS_32 = 1; //     address-size prefix: the sum is cut to 32 bits before the segment base is added
export const ADDRESS_64 = 2; //     the displacement has 64 bits and stands in R_IMMEDIATE
export const ADDRESS_16 = 4; //     the sum is cut to 16 bits
export const ADDRESS_SEGMENT = 8; // outside 64-bit mode: the sum is an offset in a segment with bounds

export const CONDITION_ALWAYS = 16; // R_C of a spin branch that is a JMP

// Operations of a LOCKED_* record (R_C)
export const LOCKED_ADD = 0;
export const LOCKED_OR = 1;
export const LOCKED_ADC = 2;
export const LOCKED_SBB = 3;
export const LOCKED_AND = 4;
export const LOCKED_SUB = 5;
export const LOCKED_XOR = 6;
export const LOCKED_INC = 7;
export const LOCKED_DEC = 8;
export const LOCKED_NEG = 9;
export const LOCKED_NOT = 10;
export const LOCKED_XADD = 11;
export const LOCKED_CMPXCHG = 12;
export const LOCKED_BTS = 13;
export const LOCKED_BTR = 14;
export const LOCKED_BTC = 15;

// Repeat prefixes of a string record (R_C)
export const REPEAT_NONE = 0;
export const REPEAT = 1;
export const REPEAT_WHILE_EQUAL = 2;
export const REPEAT_WHILE_NOT_EQUAL = 3;
