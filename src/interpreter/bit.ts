// Bit tests, bit scans, BMI1 and BMI2, byte swaps, CRC32, CMOVcc and SETcc.
import { CPU_FLIP } from '../hardware/cpu/layout';
import { address, toLoad, toModify, toStore } from './memory';
import { after, bits, cut, get, immediate, put, registerA, registerB, registerC, unsigned } from './operand';
import { carry, condition, flagsOfResult, overflow, setCarry, setOverflow } from './flags';
import { R_C } from '../hardware/cpu/record';

export const BT = 0;
export const BTS = 1;
export const BTR = 2;
export const BTC = 3;

/** The operand with one bit changed; the bit's old value goes to CF. */
// @ts-ignore: decorator
@inline
export function testBit<T>(cpu: usize, op: i32, a: i64, bit: i64): i64 {
  const mask = i64(1) << (bit & (bits<T>() - 1));
  setCarry(cpu, (a & mask) != 0);
  if (op == BTS) return a | mask;
  if (op == BTR) return a & ~mask;
  return a ^ mask;
}

// @ts-ignore: decorator
@inline
export function bitRr<T>(cpu: usize, pc: usize, op: i32): usize {
  const at = registerA(cpu, pc);
  const r = testBit<T>(cpu, op, get<T>(at), get<T>(registerB(cpu, pc)));
  if (op != BT) put<T>(at, r);
  return after(pc);
}

// @ts-ignore: decorator
@inline
export function bitRi<T>(cpu: usize, pc: usize, op: i32): usize {
  const at = registerA(cpu, pc);
  const r = testBit<T>(cpu, op, get<T>(at), immediate(pc));
  if (op != BT) put<T>(at, r);
  return after(pc);
}

/** Address of the operand-sized piece of a bit string that holds the bit numbered by the register. */
// @ts-ignore: decorator
@inline
export function bitStringAddress<T>(cpu: usize, pc: usize): u64 {
  const bit = get<T>(registerB(cpu, pc));
  const shift: i64 = sizeof<T>() == 8 ? 6 : sizeof<T>() == 4 ? 5 : 4;
  return address(cpu, pc) + u64((bit >> shift) * sizeof<T>());
}

// @ts-ignore: decorator
@inline
export function bitMr<T>(cpu: usize, pc: usize, op: i32): usize {
  return bitMemory<T>(cpu, pc, op, bitStringAddress<T>(cpu, pc), get<T>(registerB(cpu, pc)));
}

// @ts-ignore: decorator
@inline
export function bitMi<T>(cpu: usize, pc: usize, op: i32): usize {
  return bitMemory<T>(cpu, pc, op, address(cpu, pc), immediate(pc));
}

// @ts-ignore: decorator
@inline
function bitMemory<T>(cpu: usize, pc: usize, op: i32, va: u64, bit: i64): usize {
  const at = op == BT ? toLoad<T>(cpu, pc, va) : toModify<T>(cpu, pc, va);
  if (at == 0) return 0;
  const r = testBit<T>(cpu, op, get<T>(at), bit);
  if (op != BT) store<T>(at, <T>r);
  return after(pc);
}

export const BSF = 0;
export const BSR = 1;
export const TZCNT = 2;
export const LZCNT = 3;
export const POPCNT = 4;
export const BLSI = 5;
export const BLSMSK = 6;
export const BLSR = 7;
export const ADCX = 8;
export const ADOX = 9;
export const MOVBE = 10;

/** Register from one source. */
// @ts-ignore: decorator
@inline
function scan<T>(cpu: usize, pc: usize, op: i32, source: i64): usize {
  const u = unsigned<T>(source);
  const to = registerA(cpu, pc);
  if (op == BSF || op == BSR) {
    flagsOfResult(cpu, source, false, 0);
    if (u == 0) return after(pc); // the destination stays
    put<T>(to, op == BSF ? ctz<i64>(i64(u)) : 63 - clz<i64>(i64(u)));
  } else if (op == TZCNT || op == LZCNT) {
    const r: i64 = u == 0 ? bits<T>() : op == TZCNT ? ctz<i64>(i64(u)) : clz<i64>(i64(u)) - (64 - bits<T>());
    flagsOfResult(cpu, r, u == 0, 0);
    put<T>(to, r);
  } else if (op == POPCNT) {
    flagsOfResult(cpu, i64(u != 0), false, 0);
    store<u32>(cpu, u32(u == 0), CPU_FLIP); // PF is 0 always
    put<T>(to, popcnt<i64>(i64(u)));
  } else if (op == ADCX || op == ADOX) {
    put<T>(to, addWithOneFlag<T>(cpu, op, get<T>(to), source));
  } else if (op == MOVBE) {
    put<T>(to, i64(bswap<T>(<T>source)));
  } else {
    let r: i64;
    if (op == BLSI) r = source & (0 - source);
    else if (op == BLSMSK) r = source ^ (source - 1);
    else r = source & (source - 1);
    r = cut<T>(r);
    flagsOfResult(cpu, r, op == BLSI ? u != 0 : u == 0, 0);
    put<T>(to, r);
  }
  return after(pc);
}

// @ts-ignore: decorator
@inline
function addWithOneFlag<T>(cpu: usize, op: i32, a: i64, b: i64): i64 {
  const c = op == ADCX ? carry(cpu) : overflow(cpu);
  const r = cut<T>(a + b + i64(c));
  const out = c ? u64(r) <= u64(a) : u64(r) < u64(a);
  if (op == ADCX) setCarry(cpu, out);
  else setOverflow(cpu, i64(out) << 63);
  return r;
}

// @ts-ignore: decorator
@inline
export function scanRr<T>(cpu: usize, pc: usize, op: i32): usize {
  return scan<T>(cpu, pc, op, get<T>(registerB(cpu, pc)));
}

// @ts-ignore: decorator
@inline
export function scanRm<T>(cpu: usize, pc: usize, op: i32): usize {
  const from = toLoad<T>(cpu, pc, address(cpu, pc));
  return from == 0 ? 0 : scan<T>(cpu, pc, op, get<T>(from));
}

// @ts-ignore: decorator
@inline
export function movbeMr<T>(cpu: usize, pc: usize): usize {
  const to = toStore<T>(cpu, pc, address(cpu, pc));
  if (to == 0) return 0;
  store<T>(to, bswap<T>(load<T>(registerB(cpu, pc))));
  return after(pc);
}

// @ts-ignore: decorator
@inline
export function bswapR<T>(cpu: usize, pc: usize): usize {
  const at = registerA(cpu, pc);
  put<T>(at, i64(bswap<T>(load<T>(at))));
  return after(pc);
}

export const ANDN = 0;
export const BEXTR = 1;
export const BZHI = 2;
export const PDEP = 3;
export const PEXT = 4;
export const SARX = 5;
export const SHLX = 6;
export const SHRX = 7;
export const RORX = 8;

/** Register from two sources; for BEXTR, BZHI and the shifts `b` is the control. */
// @ts-ignore: decorator
@inline
function combine<T>(cpu: usize, pc: usize, op: i32, a: i64, b: i64): usize {
  let r: i64;
  const count = u64(b) & (bits<T>() - 1);
  if (op == ANDN) {
    r = ~a & b;
    flagsOfResult(cpu, r, false, 0);
  } else if (op == BEXTR) {
    r = cut<T>(extract(unsigned<T>(a), u32(b) & 0xff, (u32(b) >> 8) & 0xff));
    flagsOfResult(cpu, r, false, 0);
  } else if (op == BZHI) {
    const keep = u64(b) & 0xff;
    r = keep >= bits<T>() ? a : cut<T>(a & ((i64(1) << keep) - 1));
    flagsOfResult(cpu, r, keep >= bits<T>(), 0);
  } else if (op == PDEP) r = deposit(u64(a), unsigned<T>(b));
  else if (op == PEXT) r = gather(u64(a), unsigned<T>(b));
  else if (op == SARX) r = a >> count;
  else if (op == SHLX) r = a << count;
  else if (op == SHRX) r = i64(unsigned<T>(a) >> count);
  else r = count == 0 ? a : i64((unsigned<T>(a) >> count) | (unsigned<T>(a) << (bits<T>() - count)));
  put<T>(registerA(cpu, pc), r);
  return after(pc);
}

function extract(value: u64, start: u32, length: u32): i64 {
  const field = start > 63 ? 0 : value >> start;
  return i64(length > 63 ? field : field & ((u64(1) << length) - 1));
}

function deposit(source: u64, mask: u64): i64 {
  let r: u64 = 0;
  for (; mask != 0; mask &= mask - 1) {
    if (source & 1) r |= mask & (0 - mask);
    source >>= 1;
  }
  return i64(r);
}

function gather(source: u64, mask: u64): i64 {
  let r: u64 = 0;
  for (let bit: u64 = 1; mask != 0; mask &= mask - 1) {
    if (source & mask & (0 - mask)) r |= bit;
    bit <<= 1;
  }
  return i64(r);
}

// @ts-ignore: decorator
@inline
export function combineRrr<T>(cpu: usize, pc: usize, op: i32): usize {
  return combine<T>(cpu, pc, op, get<T>(registerB(cpu, pc)), get<T>(registerC(cpu, pc)));
}

/** The second source is in memory (ANDN, PDEP, PEXT). */
// @ts-ignore: decorator
@inline
export function combineRrm<T>(cpu: usize, pc: usize, op: i32): usize {
  const from = toLoad<T>(cpu, pc, address(cpu, pc));
  return from == 0 ? 0 : combine<T>(cpu, pc, op, get<T>(registerB(cpu, pc)), get<T>(from));
}

/** The first source is in memory (BEXTR, BZHI, SARX, SHLX, SHRX). */
// @ts-ignore: decorator
@inline
export function combineRmr<T>(cpu: usize, pc: usize, op: i32): usize {
  const from = toLoad<T>(cpu, pc, address(cpu, pc));
  return from == 0 ? 0 : combine<T>(cpu, pc, op, get<T>(from), get<T>(registerB(cpu, pc)));
}

// @ts-ignore: decorator
@inline
export function rorxRri<T>(cpu: usize, pc: usize): usize {
  return combine<T>(cpu, pc, RORX, get<T>(registerB(cpu, pc)), immediate(pc));
}

// @ts-ignore: decorator
@inline
export function rorxRmi<T>(cpu: usize, pc: usize): usize {
  const from = toLoad<T>(cpu, pc, address(cpu, pc));
  return from == 0 ? 0 : combine<T>(cpu, pc, RORX, get<T>(from), immediate(pc));
}

// ---- CRC32 (polynomial 11EDC6F41H, reflected)

function crc32(crc: u32, value: u64, size: u32): u32 {
  for (let i: u32 = 0; i < size; i++) {
    crc ^= u32(value & 0xff);
    for (let bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
    value >>= 8;
  }
  return crc;
}

// @ts-ignore: decorator
@inline
export function crcRr<T>(cpu: usize, pc: usize): usize {
  const at = registerA(cpu, pc);
  put<u32>(at, crc32(load<u32>(at), u64(get<T>(registerB(cpu, pc))), u32(sizeof<T>())));
  return after(pc);
}

// @ts-ignore: decorator
@inline
export function crcRm<T>(cpu: usize, pc: usize): usize {
  const from = toLoad<T>(cpu, pc, address(cpu, pc));
  if (from == 0) return 0;
  const at = registerA(cpu, pc);
  put<u32>(at, crc32(load<u32>(at), u64(get<T>(from)), u32(sizeof<T>())));
  return after(pc);
}

// ---- Conditions as data

// @ts-ignore: decorator
@inline
export function cmovRr<T>(cpu: usize, pc: usize): usize {
  const to = registerA(cpu, pc);
  put<T>(to, condition(cpu, load<u8>(pc, R_C)) ? get<T>(registerB(cpu, pc)) : get<T>(to));
  return after(pc);
}

/** The load happens, and may fault, whatever the condition. */
// @ts-ignore: decorator
@inline
export function cmovRm<T>(cpu: usize, pc: usize): usize {
  const from = toLoad<T>(cpu, pc, address(cpu, pc));
  if (from == 0) return 0;
  const to = registerA(cpu, pc);
  put<T>(to, condition(cpu, load<u8>(pc, R_C)) ? get<T>(from) : get<T>(to));
  return after(pc);
}

export function setccR(cpu: usize, pc: usize): usize {
  store<u8>(registerA(cpu, pc), u8(condition(cpu, load<u8>(pc, R_C))));
  return after(pc);
}

export function setccM(cpu: usize, pc: usize): usize {
  const to = toStore<u8>(cpu, pc, address(cpu, pc));
  if (to == 0) return 0;
  store<u8>(to, u8(condition(cpu, load<u8>(pc, R_C))));
  return after(pc);
}
