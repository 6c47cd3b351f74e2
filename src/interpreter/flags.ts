// RFLAGS (SDM vol. 1, 3.4.3). Arithmetic instructions store what the flags follow from; conditions work out what they
// need. See layout.ts for the representation.
import {
  CPU_CF,
  CPU_FA,
  CPU_FLIP,
  CPU_FO,
  CPU_RESULT,
  CPU_SYSTEM_FLAGS,
} from '../hardware/cpu/layout';
import {
  RFLAGS_AC,
  RFLAGS_AF,
  RFLAGS_ARITHMETIC,
  RFLAGS_CF,
  RFLAGS_FIXED,
  RFLAGS_OF,
  RFLAGS_PF,
  RFLAGS_SF,
  RFLAGS_ZF,
} from '../hardware/cpu/rflags';
import { selectBanks } from './tlb-bank';


// One 64-bit store sets CF and clears CPU_FLIP.
// @ts-ignore: decorator
@inline
function setCarryAndClearFlip(cpu: usize, carry: bool): void {
  store<u64>(cpu, u64(carry), CPU_CF);
}

/** r = a + b (+ carry in); all sign-extended. */
// @ts-ignore: decorator
@inline
export function flagsOfAddition(cpu: usize, a: i64, b: i64, r: i64, carry: bool): void {
  setCarryAndClearFlip(cpu, carry);
  store<i64>(cpu, r, CPU_RESULT);
  store<i64>(cpu, (a ^ r) & (b ^ r), CPU_FO);
  store<i64>(cpu, a ^ b ^ r, CPU_FA);
}

/** r = a - b (- borrow in); all sign-extended. */
// @ts-ignore: decorator
@inline
export function flagsOfSubtraction(cpu: usize, a: i64, b: i64, r: i64, carry: bool): void {
  setCarryAndClearFlip(cpu, carry);
  store<i64>(cpu, r, CPU_RESULT);
  store<i64>(cpu, (a ^ b) & (a ^ r), CPU_FO);
  store<i64>(cpu, a ^ b ^ r, CPU_FA);
}

/** INC (b = 1) and DEC (b = -1): as an addition, but CF stays. */
// @ts-ignore: decorator
@inline
export function flagsOfIncrement(cpu: usize, a: i64, b: i64, r: i64): void {
  store<u32>(cpu, 0, CPU_FLIP);
  store<i64>(cpu, r, CPU_RESULT);
  store<i64>(cpu, (a ^ r) & (b ^ r), CPU_FO);
  store<i64>(cpu, a ^ 1 ^ r, CPU_FA);
}

/** Result, CF and OF (in the sign of `overflow`); AF is cleared. */
// @ts-ignore: decorator
@inline
export function flagsOfResult(cpu: usize, r: i64, carry: bool, overflow: i64): void {
  setCarryAndClearFlip(cpu, carry);
  store<i64>(cpu, r, CPU_RESULT);
  store<i64>(cpu, overflow, CPU_FO);
  store<i64>(cpu, 0, CPU_FA);
}

// @ts-ignore: decorator
@inline
export function setCarry(cpu: usize, carry: bool): void {
  store<u32>(cpu, u32(carry), CPU_CF);
}

/** OF becomes the sign of `overflow`. */
// @ts-ignore: decorator
@inline
export function setOverflow(cpu: usize, overflow: i64): void {
  store<i64>(cpu, overflow, CPU_FO);
}

// @ts-ignore: decorator
@inline
export function carry(cpu: usize): bool {
  return load<u32>(cpu, CPU_CF) != 0;
}

// @ts-ignore: decorator
@inline
export function overflow(cpu: usize): bool {
  return load<i64>(cpu, CPU_FO) < 0;
}

// @ts-ignore: decorator
@inline
export function zero(cpu: usize): bool {
  return load<i64>(cpu, CPU_RESULT) == 0;
}

// @ts-ignore: decorator
@inline
function signWord(cpu: usize): i64 {
  return load<i64>(cpu, CPU_RESULT) ^ (i64(load<u32>(cpu, CPU_FLIP)) << 32);
}

// @ts-ignore: decorator
@inline
export function sign(cpu: usize): bool {
  return signWord(cpu) < 0;
}

// @ts-ignore: decorator
@inline
export function parity(cpu: usize): bool {
  const ones = popcnt<u32>(load<u8>(cpu, CPU_RESULT)) ^ load<u32>(cpu, CPU_FLIP);
  return (ones & 1) == 0;
}

// @ts-ignore: decorator
@inline
export function less(cpu: usize): bool {
  return (signWord(cpu) ^ load<i64>(cpu, CPU_FO)) < 0;
}

/** Condition code of Jcc, SETcc and CMOVcc (SDM vol. 1, appendix B). */
export function condition(cpu: usize, code: u32): bool {
  let holds: bool;
  switch (code >> 1) {
    case 0: holds = overflow(cpu); break;
    case 1: holds = carry(cpu); break;
    case 2: holds = zero(cpu); break;
    case 3: holds = carry(cpu) || zero(cpu); break;
    case 4: holds = sign(cpu); break;
    case 5: holds = parity(cpu); break;
    case 6: holds = less(cpu); break;
    case 7: holds = less(cpu) || zero(cpu); break;
    default: return true; // CONDITION_ALWAYS
  }
  return holds != bool(code & 1);
}

export function getFlags(cpu: usize): u32 {
  let flags = load<u32>(cpu, CPU_SYSTEM_FLAGS) | 2;
  if (carry(cpu)) flags |= RFLAGS_CF;
  if (parity(cpu)) flags |= RFLAGS_PF;
  if ((load<i64>(cpu, CPU_FA) & 0x10) != 0) flags |= RFLAGS_AF;
  if (zero(cpu)) flags |= RFLAGS_ZF;
  if (sign(cpu)) flags |= RFLAGS_SF;
  if (overflow(cpu)) flags |= RFLAGS_OF;
  return flags;
}

/** Sets CF, PF, AF, ZF, SF and OF; the others stay. */
export function setArithmeticFlags(cpu: usize, flags: u32): void {
  const isZero = (flags & RFLAGS_ZF) != 0;
  const isNegative = (flags & RFLAGS_SF) != 0;
  // Results that stand for the flags: 0 (even parity, positive), 1 and the most negative one (odd parity).
  const result: i64 = isZero ? 0 : isNegative ? i64.MIN_VALUE | 1 : 1;
  store<u32>(cpu, flags & RFLAGS_CF, CPU_CF);
  store<i64>(cpu, result, CPU_RESULT);
  store<i64>(cpu, (flags & RFLAGS_OF) != 0 ? i64.MIN_VALUE : 0, CPU_FO);
  store<i64>(cpu, flags & RFLAGS_AF, CPU_FA);
  let flip: u32 = ((flags & RFLAGS_PF) != 0) != isZero ? 1 : 0;
  if (isZero && isNegative) flip |= 0x80000000;
  store<u32>(cpu, flip, CPU_FLIP);
}

export function setFlags(cpu: usize, flags: u32): void {
  setArithmeticFlags(cpu, flags);
  setSystemFlags(cpu, flags & ~RFLAGS_ARITHMETIC | RFLAGS_FIXED);
}

/** Sets all flags but CF, PF, AF, ZF, SF and OF. */
export function setSystemFlags(cpu: usize, flags: u32): void {
  const changed = load<u32>(cpu, CPU_SYSTEM_FLAGS) ^ flags;
  store<u32>(cpu, flags, CPU_SYSTEM_FLAGS);
  if (changed & RFLAGS_AC) selectBanks(cpu);
}
