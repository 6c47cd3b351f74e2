// XCHG, XADD, CMPXCHG and everything with a LOCK prefix. The interpreter runs one CPU at a time and holds the line, so
// a locked operation differs from a plain one only in its cost and in being counted.
import { VECTOR_GP } from '../hardware/cpu/exception-vector';
import { ACCESS_RMW, CPU_COUNT_LOCKED, CPU_GPR } from '../hardware/cpu/layout';
import {
  LOCKED_ADC,
  LOCKED_ADD,
  LOCKED_AND,
  LOCKED_BTC,
  LOCKED_BTR,
  LOCKED_BTS,
  LOCKED_CMPXCHG,
  LOCKED_DEC,
  LOCKED_INC,
  LOCKED_NEG,
  LOCKED_NOT,
  LOCKED_OR,
  LOCKED_SBB,
  LOCKED_SUB,
  LOCKED_XADD,
  LOCKED_XOR,
  R_C,
  R_STACK,
} from '../hardware/cpu/record';
import { RFLAGS_ZF } from '../hardware/cpu/rflags';
import { ADC, ADD, AND, CMP, DEC, INC, NEG, NOT, OR, SBB, SUB, XOR, alu, unary } from './arithmetic';
import { BTC, BTR, BTS, bitStringAddress, testBit } from './bit';
import { getFlags, setArithmeticFlags } from './flags';
import { address, slowAccess, toModify } from './memory';
import { after, get, immediate, put, registerA, registerB } from './operand';
import { fault } from './stop';

const RAX = CPU_GPR;
const RCX = CPU_GPR + 8;
const RDX = CPU_GPR + 16;
const RBX = CPU_GPR + 24;

function countLocked(cpu: usize): void {
  store<u64>(cpu, load<u64>(cpu, CPU_COUNT_LOCKED) + 1, CPU_COUNT_LOCKED);
}

// @ts-ignore: decorator
@inline
export function xchgRr<T>(cpu: usize, pc: usize): usize {
  const a = registerA(cpu, pc);
  const b = registerB(cpu, pc);
  const value = get<T>(a);
  put<T>(a, get<T>(b));
  put<T>(b, value);
  return after(pc);
}

/** XCHG with memory is locked without a prefix. */
// @ts-ignore: decorator
@inline
export function xchgMr<T>(cpu: usize, pc: usize): usize {
  const at = toModify<T>(cpu, pc, address(cpu, pc));
  if (at == 0) return 0;
  const b = registerB(cpu, pc);
  const value = get<T>(at);
  store<T>(at, load<T>(b));
  put<T>(b, value);
  countLocked(cpu);
  return after(pc);
}

// @ts-ignore: decorator
@inline
export function xaddRr<T>(cpu: usize, pc: usize): usize {
  const a = registerA(cpu, pc);
  const b = registerB(cpu, pc);
  const old = get<T>(a);
  const sum = alu<T>(cpu, ADD, old, get<T>(b));
  put<T>(b, old);
  put<T>(a, sum);
  return after(pc);
}

// @ts-ignore: decorator
@inline
export function xaddMr<T>(cpu: usize, pc: usize): usize {
  const at = toModify<T>(cpu, pc, address(cpu, pc));
  if (at == 0) return 0;
  const b = registerB(cpu, pc);
  const old = get<T>(at);
  store<T>(at, <T>alu<T>(cpu, ADD, old, get<T>(b)));
  put<T>(b, old);
  return after(pc);
}

// @ts-ignore: decorator
@inline
export function cmpxchgRr<T>(cpu: usize, pc: usize): usize {
  const a = registerA(cpu, pc);
  const old = get<T>(a);
  if (alu<T>(cpu, CMP, get<T>(cpu + RAX), old) == 0) put<T>(a, get<T>(registerB(cpu, pc)));
  else put<T>(cpu + RAX, old);
  return after(pc);
}

/** The destination is written in any case. */
// @ts-ignore: decorator
@inline
export function cmpxchgMr<T>(cpu: usize, pc: usize): usize {
  const at = toModify<T>(cpu, pc, address(cpu, pc));
  if (at == 0) return 0;
  const old = get<T>(at);
  if (alu<T>(cpu, CMP, get<T>(cpu + RAX), old) == 0) store<T>(at, load<T>(registerB(cpu, pc)));
  else put<T>(cpu + RAX, old);
  return after(pc);
}

function setZero(cpu: usize, isZero: bool): void {
  const flags = getFlags(cpu);
  setArithmeticFlags(cpu, isZero ? flags | RFLAGS_ZF : flags & ~RFLAGS_ZF);
}

export function cmpxchg8b(cpu: usize, pc: usize): usize {
  const at = toModify<u64>(cpu, pc, address(cpu, pc));
  if (at == 0) return 0;
  const old = load<u64>(at);
  const equal = old == ((u64(load<u32>(cpu, RDX)) << 32) | load<u32>(cpu, RAX));
  if (equal) store<u64>(at, (u64(load<u32>(cpu, RCX)) << 32) | load<u32>(cpu, RBX));
  else {
    store<u64>(cpu, old & 0xffffffff, RAX);
    store<u64>(cpu, old >> 32, RDX);
  }
  setZero(cpu, equal);
  return after(pc);
}

/** The operand must be aligned, so it never crosses a line. */
export function cmpxchg16b(cpu: usize, pc: usize): usize {
  const va = address(cpu, pc);
  if (va & 15) return fault(cpu, VECTOR_GP, 0);
  const at = slowAccess(cpu, va, 16, ACCESS_RMW, load<u8>(pc, R_STACK));
  if (at == 0) return 0;
  const low = load<u64>(at);
  const high = load<u64>(at, 8);
  const equal = low == load<u64>(cpu, RAX) && high == load<u64>(cpu, RDX);
  if (equal) {
    store<u64>(at, load<u64>(cpu, RBX));
    store<u64>(at, load<u64>(cpu, RCX), 8);
  } else {
    store<u64>(cpu, low, RAX);
    store<u64>(cpu, high, RDX);
  }
  setZero(cpu, equal);
  return after(pc);
}

export function lockedCmpxchg8b(cpu: usize, pc: usize): usize {
  const next = cmpxchg8b(cpu, pc);
  if (next != 0) countLocked(cpu);
  return next;
}

export function lockedCmpxchg16b(cpu: usize, pc: usize): usize {
  const next = cmpxchg16b(cpu, pc);
  if (next != 0) countLocked(cpu);
  return next;
}

/** LOCK with a register operand or none. */
export function lockedR<T>(cpu: usize, pc: usize): usize {
  const op = i32(load<u8>(pc, R_C));
  const va = op >= LOCKED_BTS ? bitStringAddress<T>(cpu, pc) : address(cpu, pc);
  return locked<T>(cpu, pc, va, get<T>(registerB(cpu, pc)));
}

/** LOCK with an immediate operand. */
export function lockedI<T>(cpu: usize, pc: usize): usize {
  return locked<T>(cpu, pc, address(cpu, pc), immediate(pc));
}

function locked<T>(cpu: usize, pc: usize, va: u64, b: i64): usize {
  const at = toModify<T>(cpu, pc, va);
  if (at == 0) return 0;
  const a = get<T>(at);
  countLocked(cpu);
  let r: i64 = a;
  switch (i32(load<u8>(pc, R_C))) {
    case LOCKED_ADD: r = alu<T>(cpu, ADD, a, b); break;
    case LOCKED_OR: r = alu<T>(cpu, OR, a, b); break;
    case LOCKED_ADC: r = alu<T>(cpu, ADC, a, b); break;
    case LOCKED_SBB: r = alu<T>(cpu, SBB, a, b); break;
    case LOCKED_AND: r = alu<T>(cpu, AND, a, b); break;
    case LOCKED_SUB: r = alu<T>(cpu, SUB, a, b); break;
    case LOCKED_XOR: r = alu<T>(cpu, XOR, a, b); break;
    case LOCKED_INC: r = unary<T>(cpu, INC, a); break;
    case LOCKED_DEC: r = unary<T>(cpu, DEC, a); break;
    case LOCKED_NEG: r = unary<T>(cpu, NEG, a); break;
    case LOCKED_NOT: r = unary<T>(cpu, NOT, a); break;
    case LOCKED_XADD: {
      r = alu<T>(cpu, ADD, a, b);
      put<T>(registerB(cpu, pc), a);
      break;
    }
    case LOCKED_CMPXCHG: {
      if (alu<T>(cpu, CMP, get<T>(cpu + RAX), a) == 0) r = b;
      else put<T>(cpu + RAX, a);
      break;
    }
    case LOCKED_BTS: r = testBit<T>(cpu, BTS, a, b); break;
    case LOCKED_BTR: r = testBit<T>(cpu, BTR, a, b); break;
    case LOCKED_BTC: r = testBit<T>(cpu, BTC, a, b); break;
  }
  store<T>(at, <T>r);
  return after(pc);
}
