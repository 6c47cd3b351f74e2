// Shifts and rotates (SDM vol. 2: SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR, SHLD, SHRD). Flags that the SDM leaves undefined
// are set as if the count were 1.
import { CPU_GPR } from '../hardware/cpu/layout';
import { address, toModify } from './memory';
import { after, bits, cut, get, immediate, put, registerA, registerB, unsigned } from './operand';
import { carry, flagsOfResult, setCarry, setOverflow } from './flags';

export const ROL = 0;
export const ROR = 1;
export const RCL = 2;
export const RCR = 3;
export const SHL = 4;
export const SHR = 5;
export const SAR = 7;

const CL = CPU_GPR + 8;

/** The result of an operation with its raw count, after setting the flags. */
// @ts-ignore: decorator
@inline
export function shift<T>(cpu: usize, op: i32, a: i64, rawCount: u64): i64 {
  const count = rawCount & (sizeof<T>() == 8 ? 63 : 31);
  if (count == 0) return a;
  if (op == SHL) return shiftLeft<T>(cpu, a, count);
  if (op == SHR) return shiftRight<T>(cpu, a, count);
  if (op == SAR) return shiftArithmetic<T>(cpu, a, count);
  if (op == ROL) return rotateLeft<T>(cpu, a, count);
  if (op == ROR) return rotateRight<T>(cpu, a, count);
  if (op == RCL) return rotateCarryLeft<T>(cpu, a, count);
  return rotateCarryRight<T>(cpu, a, count);
}

/** Bit 0 of a word, as the sign. */
// @ts-ignore: decorator
@inline
function asSign(bit: u64): i64 {
  return i64(bit << 63);
}

// @ts-ignore: decorator
@inline
function shiftLeft<T>(cpu: usize, a: i64, count: u64): i64 {
  const out = sizeof<T>() == 8 ? u64(a) >> (64 - count) : (unsigned<T>(a) << count) >> bits<T>();
  const r = cut<T>(a << count);
  flagsOfResult(cpu, r, (out & 1) != 0, r ^ asSign(out));
  return r;
}

// @ts-ignore: decorator
@inline
function shiftRight<T>(cpu: usize, a: i64, count: u64): i64 {
  const u = unsigned<T>(a);
  const r = cut<T>(i64(u >> count));
  flagsOfResult(cpu, r, ((u >> (count - 1)) & 1) != 0, r ^ cut<T>(r << 1));
  return r;
}

// @ts-ignore: decorator
@inline
function shiftArithmetic<T>(cpu: usize, a: i64, count: u64): i64 {
  const r = a >> count;
  flagsOfResult(cpu, r, ((a >> (count - 1)) & 1) != 0, 0);
  return r;
}

function rotateLeft<T>(cpu: usize, a: i64, count: u64): i64 {
  const u = unsigned<T>(a);
  const by = count & (bits<T>() - 1);
  const r = by == 0 ? a : cut<T>(i64((u << by) | (u >> (bits<T>() - by))));
  setCarry(cpu, (r & 1) != 0);
  setOverflow(cpu, r ^ asSign(u64(r)));
  return r;
}

function rotateRight<T>(cpu: usize, a: i64, count: u64): i64 {
  const u = unsigned<T>(a);
  const by = count & (bits<T>() - 1);
  const r = by == 0 ? a : cut<T>(i64((u >> by) | (u << (bits<T>() - by))));
  setCarry(cpu, r < 0);
  setOverflow(cpu, r ^ cut<T>(r << 1));
  return r;
}

function rotateCarryLeft<T>(cpu: usize, a: i64, count: u64): i64 {
  let by = sizeof<T>() <= 2 ? count % (bits<T>() + 1) : count;
  if (by == 0) return a;
  let c = u64(carry(cpu));
  let r = a;
  for (; by > 0; by--) {
    const out = r < 0;
    r = cut<T>((r << 1) | i64(c));
    c = u64(out);
  }
  setCarry(cpu, c != 0);
  setOverflow(cpu, r ^ asSign(c));
  return r;
}

function rotateCarryRight<T>(cpu: usize, a: i64, count: u64): i64 {
  let by = sizeof<T>() <= 2 ? count % (bits<T>() + 1) : count;
  if (by == 0) return a;
  let c = u64(carry(cpu));
  let u = unsigned<T>(a);
  for (; by > 0; by--) {
    const out = u & 1;
    u = (u >> 1) | (c << (bits<T>() - 1));
    c = out;
  }
  const r = cut<T>(i64(u));
  setCarry(cpu, c != 0);
  setOverflow(cpu, r ^ cut<T>(r << 1));
  return r;
}

/** Register by immediate. */
// @ts-ignore: decorator
@inline
export function shiftRi<T>(cpu: usize, pc: usize, op: i32): usize {
  const at = registerA(cpu, pc);
  put<T>(at, shift<T>(cpu, op, get<T>(at), immediate(pc)));
  return after(pc);
}

/** Register by CL. */
// @ts-ignore: decorator
@inline
export function shiftRc<T>(cpu: usize, pc: usize, op: i32): usize {
  const at = registerA(cpu, pc);
  put<T>(at, shift<T>(cpu, op, get<T>(at), load<u8>(cpu, CL)));
  return after(pc);
}

// @ts-ignore: decorator
@inline
export function shiftMi<T>(cpu: usize, pc: usize, op: i32): usize {
  return shiftMemory<T>(cpu, pc, op, immediate(pc));
}

// @ts-ignore: decorator
@inline
export function shiftMc<T>(cpu: usize, pc: usize, op: i32): usize {
  return shiftMemory<T>(cpu, pc, op, load<u8>(cpu, CL));
}

// @ts-ignore: decorator
@inline
function shiftMemory<T>(cpu: usize, pc: usize, op: i32, count: u64): usize {
  const at = toModify<T>(cpu, pc, address(cpu, pc));
  if (at == 0) return 0;
  store<T>(at, <T>shift<T>(cpu, op, get<T>(at), count));
  return after(pc);
}

// ---- Double shifts

/** SHLD: `a` moves left, `b` comes in from the right. 16-bit counts over 16 are undefined; here they wrap. */
function doubleLeft<T>(cpu: usize, a: i64, b: i64, rawCount: u64): i64 {
  const count = rawCount & (sizeof<T>() == 8 ? 63 : 31);
  if (count == 0) return a;
  let r: i64;
  let out: u64;
  if (sizeof<T>() == 2) {
    const wide = (unsigned<T>(a) << 32) | (unsigned<T>(b) << 16) | unsigned<T>(a);
    r = cut<T>(i64((wide << count) >> 32));
    out = (wide << count) >> 48;
  } else {
    const u = unsigned<T>(a);
    r = cut<T>(i64((u << count) | (unsigned<T>(b) >> (bits<T>() - count))));
    out = u >> (bits<T>() - count);
  }
  flagsOfResult(cpu, r, (out & 1) != 0, r ^ a);
  return r;
}

/** SHRD: `a` moves right, `b` comes in from the left. */
function doubleRight<T>(cpu: usize, a: i64, b: i64, rawCount: u64): i64 {
  const count = rawCount & (sizeof<T>() == 8 ? 63 : 31);
  if (count == 0) return a;
  let r: i64;
  let out: u64;
  if (sizeof<T>() == 2) {
    const wide = (unsigned<T>(a) << 32) | (unsigned<T>(b) << 16) | unsigned<T>(a);
    r = cut<T>(i64(wide >> count));
    out = wide >> (count - 1);
  } else {
    const u = unsigned<T>(a);
    r = cut<T>(i64((u >> count) | (unsigned<T>(b) << (bits<T>() - count))));
    out = u >> (count - 1);
  }
  flagsOfResult(cpu, r, (out & 1) != 0, r ^ a);
  return r;
}

// @ts-ignore: decorator
@inline
function double<T>(cpu: usize, left: bool, a: i64, b: i64, count: u64): i64 {
  return left ? doubleLeft<T>(cpu, a, b, count) : doubleRight<T>(cpu, a, b, count);
}

// @ts-ignore: decorator
@inline
export function doubleRri<T>(cpu: usize, pc: usize, left: bool): usize {
  const at = registerA(cpu, pc);
  put<T>(at, double<T>(cpu, left, get<T>(at), get<T>(registerB(cpu, pc)), immediate(pc)));
  return after(pc);
}

// @ts-ignore: decorator
@inline
export function doubleRrc<T>(cpu: usize, pc: usize, left: bool): usize {
  const at = registerA(cpu, pc);
  put<T>(at, double<T>(cpu, left, get<T>(at), get<T>(registerB(cpu, pc)), load<u8>(cpu, CL)));
  return after(pc);
}

// @ts-ignore: decorator
@inline
function doubleMemory<T>(cpu: usize, pc: usize, left: bool, count: u64): usize {
  const at = toModify<T>(cpu, pc, address(cpu, pc));
  if (at == 0) return 0;
  store<T>(at, <T>double<T>(cpu, left, get<T>(at), get<T>(registerB(cpu, pc)), count));
  return after(pc);
}

// @ts-ignore: decorator
@inline
export function doubleMri<T>(cpu: usize, pc: usize, left: bool): usize {
  return doubleMemory<T>(cpu, pc, left, immediate(pc));
}

// @ts-ignore: decorator
@inline
export function doubleMrc<T>(cpu: usize, pc: usize, left: bool): usize {
  return doubleMemory<T>(cpu, pc, left, load<u8>(cpu, CL));
}
