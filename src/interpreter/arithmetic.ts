// The two-operand arithmetic and logic instructions: one definition per operation, one function per form.
import { address, toLoad, toModify, toStore } from './memory';
import { after, cut, get, immediate, put, registerA, registerB } from './operand';
import { carry, flagsOfAddition, flagsOfIncrement, flagsOfResult, flagsOfSubtraction } from './flags';

export const ADD = 0;
export const OR = 1;
export const ADC = 2;
export const SBB = 3;
export const AND = 4;
export const SUB = 5;
export const XOR = 6;
export const CMP = 7;
export const TEST = 8;

/** The result of an operation on sign-extended operands, after setting the flags. */
// @ts-ignore: decorator
@inline
export function alu<T>(cpu: usize, op: i32, a: i64, b: i64): i64 {
  let r: i64 = 0;
  if (op == ADD) {
    r = cut<T>(a + b);
    flagsOfAddition(cpu, a, b, r, u64(r) < u64(a));
  } else if (op == ADC) {
    const c = carry(cpu);
    r = cut<T>(a + b + i64(c));
    flagsOfAddition(cpu, a, b, r, c ? u64(r) <= u64(a) : u64(r) < u64(a));
  } else if (op == SUB || op == CMP) {
    r = cut<T>(a - b);
    flagsOfSubtraction(cpu, a, b, r, u64(a) < u64(b));
  } else if (op == SBB) {
    const c = carry(cpu);
    r = cut<T>(a - b - i64(c));
    flagsOfSubtraction(cpu, a, b, r, c ? u64(a) <= u64(b) : u64(a) < u64(b));
  } else {
    if (op == AND || op == TEST) r = a & b;
    else if (op == OR) r = a | b;
    else r = a ^ b;
    flagsOfResult(cpu, r, false, 0);
  }
  return r;
}

/** Register, register. */
// @ts-ignore: decorator
@inline
export function rr<T>(cpu: usize, pc: usize, op: i32): usize {
  const to = registerA(cpu, pc);
  const r = alu<T>(cpu, op, get<T>(to), get<T>(registerB(cpu, pc)));
  if (op != CMP && op != TEST) put<T>(to, r);
  return after(pc);
}

/** Register, immediate. */
// @ts-ignore: decorator
@inline
export function ri<T>(cpu: usize, pc: usize, op: i32): usize {
  const to = registerA(cpu, pc);
  const r = alu<T>(cpu, op, get<T>(to), immediate(pc));
  if (op != CMP && op != TEST) put<T>(to, r);
  return after(pc);
}

/** Register, memory. */
// @ts-ignore: decorator
@inline
export function rm<T>(cpu: usize, pc: usize, op: i32): usize {
  const from = toLoad<T>(cpu, pc, address(cpu, pc));
  if (from == 0) return 0;
  const to = registerA(cpu, pc);
  const r = alu<T>(cpu, op, get<T>(to), get<T>(from));
  if (op != CMP) put<T>(to, r);
  return after(pc);
}

/** Memory, register. */
// @ts-ignore: decorator
@inline
export function mr<T>(cpu: usize, pc: usize, op: i32): usize {
  return memoryAnd<T>(cpu, pc, op, get<T>(registerB(cpu, pc)));
}

/** Memory, immediate. */
// @ts-ignore: decorator
@inline
export function mi<T>(cpu: usize, pc: usize, op: i32): usize {
  return memoryAnd<T>(cpu, pc, op, immediate(pc));
}

// @ts-ignore: decorator
@inline
function memoryAnd<T>(cpu: usize, pc: usize, op: i32, b: i64): usize {
  const va = address(cpu, pc);
  if (op == CMP || op == TEST) {
    const from = toLoad<T>(cpu, pc, va);
    if (from == 0) return 0;
    alu<T>(cpu, op, get<T>(from), b);
  } else {
    const at = toModify<T>(cpu, pc, va);
    if (at == 0) return 0;
    store<T>(at, <T>alu<T>(cpu, op, get<T>(at), b));
  }
  return after(pc);
}

export const INC = 0;
export const DEC = 1;
export const NEG = 2;
export const NOT = 3;

/** The result of a one-operand operation, after setting the flags. */
// @ts-ignore: decorator
@inline
export function unary<T>(cpu: usize, op: i32, a: i64): i64 {
  let r: i64;
  if (op == NOT) return ~a;
  if (op == NEG) {
    r = cut<T>(0 - a);
    flagsOfSubtraction(cpu, 0, a, r, a != 0);
  } else {
    const b: i64 = op == INC ? 1 : -1;
    r = cut<T>(a + b);
    flagsOfIncrement(cpu, a, b, r);
  }
  return r;
}

// @ts-ignore: decorator
@inline
export function r1<T>(cpu: usize, pc: usize, op: i32): usize {
  const at = registerA(cpu, pc);
  put<T>(at, unary<T>(cpu, op, get<T>(at)));
  return after(pc);
}

// @ts-ignore: decorator
@inline
export function m1<T>(cpu: usize, pc: usize, op: i32): usize {
  const at = toModify<T>(cpu, pc, address(cpu, pc));
  if (at == 0) return 0;
  store<T>(at, <T>unary<T>(cpu, op, get<T>(at)));
  return after(pc);
}

// ---- MOV and its kin

// @ts-ignore: decorator
@inline
export function movRr<T>(cpu: usize, pc: usize): usize {
  put<T>(registerA(cpu, pc), get<T>(registerB(cpu, pc)));
  return after(pc);
}

// @ts-ignore: decorator
@inline
export function movRi<T>(cpu: usize, pc: usize): usize {
  put<T>(registerA(cpu, pc), immediate(pc));
  return after(pc);
}

// @ts-ignore: decorator
@inline
export function movRm<T>(cpu: usize, pc: usize): usize {
  const from = toLoad<T>(cpu, pc, address(cpu, pc));
  if (from == 0) return 0;
  put<T>(registerA(cpu, pc), get<T>(from));
  return after(pc);
}

// @ts-ignore: decorator
@inline
export function movMr<T>(cpu: usize, pc: usize): usize {
  const to = toStore<T>(cpu, pc, address(cpu, pc));
  if (to == 0) return 0;
  store<T>(to, load<T>(registerB(cpu, pc)));
  return after(pc);
}

// @ts-ignore: decorator
@inline
export function movMi<T>(cpu: usize, pc: usize): usize {
  const to = toStore<T>(cpu, pc, address(cpu, pc));
  if (to == 0) return 0;
  store<T>(to, <T>immediate(pc));
  return after(pc);
}

/** MOVZX (From unsigned) and MOVSX, MOVSXD (From signed), register source. */
// @ts-ignore: decorator
@inline
export function extendRr<To, From>(cpu: usize, pc: usize): usize {
  put<To>(registerA(cpu, pc), i64(load<From>(registerB(cpu, pc))));
  return after(pc);
}

// @ts-ignore: decorator
@inline
export function extendRm<To, From>(cpu: usize, pc: usize): usize {
  const from = toLoad<From>(cpu, pc, address(cpu, pc));
  if (from == 0) return 0;
  put<To>(registerA(cpu, pc), i64(load<From>(from)));
  return after(pc);
}

/** LEA: the decoder leaves segments out. */
// @ts-ignore: decorator
@inline
export function lea<T>(cpu: usize, pc: usize): usize {
  put<T>(registerA(cpu, pc), i64(address(cpu, pc)));
  return after(pc);
}
