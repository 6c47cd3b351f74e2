// Segments of 64-bit mode that are loaded already: a descriptor that says what the segment register holds changes nothing.
import {
  CPU_CPL,
  CPU_GDTR,
  CPU_SEGMENT_REGISTERS,
  REGISTER_ACCESS,
  REGISTER_BASE,
  REGISTER_LIMIT,
  REGISTER_SELECTOR,
  SEGMENT_REGISTER_SIZE,
} from '../hardware/cpu/layout';
import { heldForSystem } from './held-memory';

const CS = CPU_SEGMENT_REGISTERS + SEGMENT_REGISTER_SIZE;
const SS = CPU_SEGMENT_REGISTERS + 2 * SEGMENT_REGISTER_SIZE;

const SELECTOR_TI: u32 = 4;
const DESCRIPTOR_SIZE: u32 = 8;
/** Access rights: P, S, and of the type "code", "conforming" and "accessed" in code, "code", "writable" in data. */
const PRESENT_CODE_64: u32 = 0x2099;
const CODE_MASK: u32 = 0x609d;
const PRESENT_STACK: u32 = 0x0093;
const STACK_MASK: u32 = 0x009b;
const ACCESS_BITS: u32 = 0xf0ff;

/** Would loading CS with `selector`, at this privilege level, leave it as it is? */
export function isCurrentCode(cpu: usize, selector: u32): bool {
  return isCurrent(cpu, CS, selector, CODE_MASK, PRESENT_CODE_64);
}

/** Would loading SS with `selector` leave it as it is? */
export function isCurrentStack(cpu: usize, selector: u32): bool {
  return isCurrent(cpu, SS, selector, STACK_MASK, PRESENT_STACK);
}

/** DPL and RPL equal CPL, the descriptor stands in the GDT, and this CPU holds its line. */
function isCurrent(cpu: usize, register: usize, selector: u32, mask: u32, rights: u32): bool {
  const cpl = load<u32>(cpu, CPU_CPL);
  const access = load<u32>(cpu + register, REGISTER_ACCESS);
  if (load<u32>(cpu + register, REGISTER_SELECTOR) != selector || (selector & 7) != cpl) return false;
  if ((access & (mask | 0x60)) != (rights | (cpl << 5))) return false;
  const offset = selector & 0xfff8;
  if (offset == 0 || offset + DESCRIPTOR_SIZE - 1 > load<u32>(cpu, CPU_GDTR + REGISTER_LIMIT)) return false;
  const at = heldForSystem(cpu, load<u64>(cpu, CPU_GDTR + REGISTER_BASE) + offset, DESCRIPTOR_SIZE);
  return at != 0 && describes(load<u64>(at), cpu + register, access);
}

function describes(descriptor: u64, register: usize, access: u32): bool {
  const base = ((descriptor >> 16) & 0xffffff) | ((descriptor >> 56) << 24);
  const limit = u32(descriptor & 0xffff) | (u32(descriptor >> 32) & 0xf0000);
  const isInPages = (descriptor >> 55) & 1;
  return (
    (u32(descriptor >> 40) & ACCESS_BITS) == access &&
    base == load<u64>(register, REGISTER_BASE) &&
    (isInPages != 0 ? (limit << 12) | 0xfff : limit) == load<u32>(register, REGISTER_LIMIT)
  );
}
