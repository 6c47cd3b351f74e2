// MUL, IMUL, DIV, IDIV, MULX. After MUL and IMUL SF, ZF and PF follow the lower half; after a division the flags stay.
import { VECTOR_DE } from '../hardware/cpu/exception-vector';
import { CPU_GPR } from '../hardware/cpu/layout';
import { address, toLoad } from './memory';
import { after, bits, cut, get, immediate, put, registerA, registerB, registerC, unsigned } from './operand';
import { flagsOfResult } from './flags';
import { fault } from './stop';

const RAX = CPU_GPR;
const RDX = CPU_GPR + 16;
const AH = CPU_GPR + 1;

/** Upper 64 bits of an unsigned product. */
export function multiplyHigh(a: u64, b: u64): u64 {
  const aLow = a & 0xffffffff;
  const aHigh = a >> 32;
  const bLow = b & 0xffffffff;
  const bHigh = b >> 32;
  const middle = aHigh * bLow + ((aLow * bLow) >> 32);
  const middle2 = aLow * bHigh + (middle & 0xffffffff);
  return aHigh * bHigh + (middle >> 32) + (middle2 >> 32);
}

/** Upper 64 bits of a signed product. */
export function multiplyHighSigned(a: i64, b: i64): i64 {
  return i64(multiplyHigh(u64(a), u64(b))) - ((a >> 63) & b) - ((b >> 63) & a);
}

/** Lower half of a signed product, after setting the flags. */
// @ts-ignore: decorator
@inline
function product<T>(cpu: usize, a: i64, b: i64): i64 {
  const r = cut<T>(a * b);
  const fits = sizeof<T>() == 8 ? multiplyHighSigned(a, b) == r >> 63 : r == a * b;
  flagsOfResult(cpu, r, !fits, i64(!fits) << 63);
  return r;
}

// @ts-ignore: decorator
@inline
export function imulRr<T>(cpu: usize, pc: usize): usize {
  const to = registerA(cpu, pc);
  put<T>(to, product<T>(cpu, get<T>(to), get<T>(registerB(cpu, pc))));
  return after(pc);
}

// @ts-ignore: decorator
@inline
export function imulRm<T>(cpu: usize, pc: usize): usize {
  const from = toLoad<T>(cpu, pc, address(cpu, pc));
  if (from == 0) return 0;
  const to = registerA(cpu, pc);
  put<T>(to, product<T>(cpu, get<T>(to), get<T>(from)));
  return after(pc);
}

// @ts-ignore: decorator
@inline
export function imulRri<T>(cpu: usize, pc: usize): usize {
  put<T>(registerA(cpu, pc), product<T>(cpu, get<T>(registerB(cpu, pc)), immediate(pc)));
  return after(pc);
}

// @ts-ignore: decorator
@inline
export function imulRmi<T>(cpu: usize, pc: usize): usize {
  const from = toLoad<T>(cpu, pc, address(cpu, pc));
  if (from == 0) return 0;
  put<T>(registerA(cpu, pc), product<T>(cpu, get<T>(from), immediate(pc)));
  return after(pc);
}

export const MUL = 0;
export const IMUL = 1;
export const DIV = 2;
export const IDIV = 3;

/** Writes AX, or DX:AX, EDX:EAX, RDX:RAX. */
// @ts-ignore: decorator
@inline
function putPair<T>(cpu: usize, high: i64, low: i64): void {
  if (sizeof<T>() == 1) store<u8>(cpu, u8(high), AH);
  else put<T>(cpu + RDX, high);
  put<T>(cpu + RAX, low);
}

function multiply<T>(cpu: usize, b: i64): void {
  const a = get<T>(cpu + RAX);
  const low = cut<T>(a * b);
  const high =
    sizeof<T>() == 8
      ? i64(multiplyHigh(u64(a), u64(b)))
      : cut<T>(i64((unsigned<T>(a) * unsigned<T>(b)) >> bits<T>()));
  putPair<T>(cpu, high, low);
  flagsOfResult(cpu, low, high != 0, i64(high != 0) << 63);
}

function multiplySigned<T>(cpu: usize, b: i64): void {
  const a = get<T>(cpu + RAX);
  const low = cut<T>(a * b);
  const high = sizeof<T>() == 8 ? multiplyHighSigned(a, b) : cut<T>((a * b) >> bits<T>());
  const fits = high == low >> 63;
  putPair<T>(cpu, high, low);
  flagsOfResult(cpu, low, !fits, i64(!fits) << 63);
}

/** The dividend, when it has at most 64 bits. */
// @ts-ignore: decorator
@inline
function dividend<T>(cpu: usize): u64 {
  if (sizeof<T>() == 1) return load<u16>(cpu, RAX);
  return (unsigned<T>(get<T>(cpu + RDX)) << bits<T>()) | unsigned<T>(get<T>(cpu + RAX));
}

/** Unsigned division; false: #DE. */
function divide<T>(cpu: usize, divisor: i64): bool {
  const d = unsigned<T>(divisor);
  if (d == 0) return false;
  if (sizeof<T>() == 8) {
    const high = load<u64>(cpu, RDX);
    if (high >= d) return false;
    return divideWide(cpu, high, load<u64>(cpu, RAX), d);
  }
  const n = dividend<T>(cpu);
  const q = n / d;
  if (q >> bits<T>() != 0) return false;
  putPair<T>(cpu, i64(n % d), i64(q));
  return true;
}

/** high:low / d with high < d: quotient to RAX, remainder to RDX. */
function divideWide(cpu: usize, high: u64, low: u64, d: u64): bool {
  let r = high;
  let q = low;
  if (high == 0) {
    r = low % d;
    q = low / d;
  } else {
    for (let i = 0; i < 64; i++) {
      const out = r >> 63;
      r = (r << 1) | (q >> 63);
      q <<= 1;
      if (out != 0 || r >= d) {
        r -= d;
        q |= 1;
      }
    }
  }
  store<u64>(cpu, q, RAX);
  store<u64>(cpu, r, RDX);
  return true;
}

/** Signed division; false: #DE. */
function divideSigned<T>(cpu: usize, d: i64): bool {
  if (d == 0) return false;
  if (sizeof<T>() == 8) return divideWideSigned(cpu, d);
  const n = sizeof<T>() == 4 ? i64(dividend<T>(cpu)) : sizeof<T>() == 2 ? i64(i32(dividend<T>(cpu))) : i64(load<i16>(cpu, RAX));
  if (n == i64.MIN_VALUE && d == -1) return false;
  const q = n / d;
  if (cut<T>(q) != q) return false;
  putPair<T>(cpu, n % d, q);
  return true;
}

function divideWideSigned(cpu: usize, d: i64): bool {
  let high = load<u64>(cpu, RDX);
  let low = load<u64>(cpu, RAX);
  const negative = i64(high) < 0;
  if (negative) {
    low = 0 - low;
    high = ~high + u64(low == 0);
  }
  const magnitude = d < 0 ? 0 - u64(d) : u64(d);
  if (high >= magnitude) return false;
  const rax = load<u64>(cpu, RAX);
  const rdx = load<u64>(cpu, RDX);
  divideWide(cpu, high, low, magnitude);
  const q = load<u64>(cpu, RAX);
  const r = load<u64>(cpu, RDX);
  const negativeQuotient = negative != d < 0;
  if (negativeQuotient ? q > u64(1) << 63 : q >> 63 != 0) {
    store<u64>(cpu, rax, RAX);
    store<u64>(cpu, rdx, RDX);
    return false;
  }
  store<u64>(cpu, negativeQuotient ? 0 - q : q, RAX);
  store<u64>(cpu, negative ? 0 - r : r, RDX);
  return true;
}

// @ts-ignore: decorator
@inline
function wide<T>(cpu: usize, pc: usize, op: i32, b: i64): usize {
  if (op == MUL) multiply<T>(cpu, b);
  else if (op == IMUL) multiplySigned<T>(cpu, b);
  else if (!(op == DIV ? divide<T>(cpu, b) : divideSigned<T>(cpu, b))) return fault(cpu, VECTOR_DE, 0);
  return after(pc);
}

/** One-operand forms, register. */
// @ts-ignore: decorator
@inline
export function wideR<T>(cpu: usize, pc: usize, op: i32): usize {
  return wide<T>(cpu, pc, op, get<T>(registerA(cpu, pc)));
}

// @ts-ignore: decorator
@inline
export function wideM<T>(cpu: usize, pc: usize, op: i32): usize {
  const from = toLoad<T>(cpu, pc, address(cpu, pc));
  return from == 0 ? 0 : wide<T>(cpu, pc, op, get<T>(from));
}

// @ts-ignore: decorator
@inline
function multiplyExtended<T>(cpu: usize, pc: usize, b: i64): usize {
  const a = get<T>(cpu + RDX);
  const high = sizeof<T>() == 8 ? i64(multiplyHigh(u64(a), u64(b))) : i64((unsigned<T>(a) * unsigned<T>(b)) >> bits<T>());
  put<T>(registerB(cpu, pc), a * b);
  put<T>(registerA(cpu, pc), high);
  return after(pc);
}

// @ts-ignore: decorator
@inline
export function mulxRrr<T>(cpu: usize, pc: usize): usize {
  return multiplyExtended<T>(cpu, pc, get<T>(registerC(cpu, pc)));
}

// @ts-ignore: decorator
@inline
export function mulxRrm<T>(cpu: usize, pc: usize): usize {
  const from = toLoad<T>(cpu, pc, address(cpu, pc));
  return from == 0 ? 0 : multiplyExtended<T>(cpu, pc, get<T>(from));
}
