/**
 * Segment descriptors in the GDT and LDT (SDM vol. 3, 3.4.5 and 3.5), and the loading of CS.
 */
import type { Cpu } from './cpu.js';
import { VECTOR_GP } from './exception-vector.js';
import { fault } from './fault.js';
import { ACCESS_READ, ACCESS_RMW, PRIVILEGE_IMPLICIT } from './layout.js';
import { isCanonical, LinearRange } from './linear-access.js';
import { ACCESS_DB, ACCESS_L, inLongMode, updateMode } from './mode.js';
import { DONE, type Outcome } from './outcome.js';
import { ACCESS_UNUSABLE, SEGMENT_CS, SEGMENT_LDTR, type Segment } from './segments.js';

export const ACCESS_ACCESSED = 1 << 0;
/** Writable (data) or readable (code). */
export const ACCESS_RW = 1 << 1;
/** Conforming (code) or expand-down (data). */
export const ACCESS_CONFORMING = 1 << 2;
export const ACCESS_CODE = 1 << 3;
export const ACCESS_S = 1 << 4;
export const ACCESS_P = 1 << 7;
export const ACCESS_G = 1 << 15;
export const ACCESS_DPL_SHIFT = 5;
const ACCESS_TYPE = 15;

const SELECTOR_TI = 4;
const GRANULARITY = 0xfff;
const DESCRIPTOR_SIZE = 8;
const SYSTEM_DESCRIPTOR_SIZE = 16;

/** A descriptor as read from memory, and where it stands. */
export class Descriptor {
  readonly range = new LinearRange();
  low = 0;
  high = 0;
  /** VMX format. */
  access = 0;

  /** Is there a descriptor that `selector` names? */
  exists(cpu: Cpu, selector: number): boolean {
    const ldtr = cpu.segments[SEGMENT_LDTR];
    const local = (selector & SELECTOR_TI) !== 0;
    if (isNull(selector) || (local && (ldtr.access & ACCESS_UNUSABLE) !== 0)) return false;
    return (selector & 0xfff8) + DESCRIPTOR_SIZE - 1 <= (local ? ldtr : cpu.gdtr).limit;
  }

  /**
   * Reads the descriptor that `selector` (not null) names. A selector beyond its table is fault `vector` with the
   * selector as error code plus `ext`. `setBit` is the bit of the upper word that the loading will set (accessed 8,
   * busy 9), or 0.
   */
  read(cpu: Cpu, selector: number, vector: number, ext: number, setBit: number, size = DESCRIPTOR_SIZE): Outcome {
    const ldtr = cpu.segments[SEGMENT_LDTR];
    const local = (selector & SELECTOR_TI) !== 0;
    if (local && (ldtr.access & ACCESS_UNUSABLE) !== 0) return fault(cpu, vector, errorCode(selector, ext));
    const table = local ? ldtr : cpu.gdtr;
    const offset = selector & 0xfff8;
    if (offset + size - 1 > table.limit) return fault(cpu, vector, errorCode(selector, ext));
    const va = table.base + offset;
    if (!isCanonical(va) || !isCanonical(va + size - 1)) return fault(cpu, VECTOR_GP, ext);
    let outcome = this.range.map(cpu, va, size, ACCESS_READ, PRIVILEGE_IMPLICIT);
    if (outcome !== DONE) return outcome;
    this.#take(cpu, size);
    if (setBit !== 0 && (this.high & setBit) === 0) {
      outcome = this.range.map(cpu, va, size, ACCESS_RMW, PRIVILEGE_IMPLICIT);
    }
    return outcome;
  }

  /** Reads a 16-byte descriptor: TSS, LDT. */
  readSystem(cpu: Cpu, selector: number, vector: number, setBit: number): Outcome {
    return this.read(cpu, selector, vector, 0, setBit, SYSTEM_DESCRIPTOR_SIZE);
  }

  #take(cpu: Cpu, size: number): void {
    this.low = this.range.read32(cpu.memory, 0);
    this.high = this.range.read32(cpu.memory, 4);
    this.access = (this.high >>> 8) & 0xf0ff;
    this.#upper = size === SYSTEM_DESCRIPTOR_SIZE ? this.range.read32(cpu.memory, 8) | 0 : 0;
  }

  #upper = 0;

  get dpl(): number {
    return (this.access >>> ACCESS_DPL_SHIFT) & 3;
  }

  get present(): boolean {
    return (this.access & ACCESS_P) !== 0;
  }

  /** Type and S: 0-15 system, 16-31 code or data. */
  get type(): number {
    return this.access & (ACCESS_S | ACCESS_TYPE);
  }

  get isCode(): boolean {
    return (this.access & (ACCESS_S | ACCESS_CODE)) === (ACCESS_S | ACCESS_CODE);
  }

  get isConforming(): boolean {
    return (this.access & ACCESS_CONFORMING) !== 0;
  }

  /** A code segment of 64-bit mode: L set, D clear. */
  get is64Bit(): boolean {
    return (this.access & (ACCESS_L | ACCESS_DB)) === ACCESS_L;
  }

  /** L and D both set: reserved in IA-32e mode. */
  hasBothSizes(cpu: Cpu): boolean {
    return inLongMode(cpu) && (this.access & (ACCESS_L | ACCESS_DB)) === (ACCESS_L | ACCESS_DB);
  }

  /** May an instruction pointer of this code segment be `rip`? */
  contains(cpu: Cpu, rip: number): boolean {
    return inLongMode(cpu) && this.is64Bit ? isCanonical(rip) : rip >= 0 && rip <= this.limit;
  }

  get base(): number {
    const low = ((this.low >>> 16) | ((this.high & 0xff) << 16) | (this.high & 0xff00_0000)) >>> 0;
    return this.#upper * 2 ** 32 + low;
  }

  get limit(): number {
    const limit = (this.low & 0xffff) | (this.high & 0x000f_0000);
    return (this.access & ACCESS_G) === 0 ? limit : ((limit << 12) | GRANULARITY) >>> 0;
  }

  /** Sets a bit of the upper word in memory that `read` was told of. */
  mark(cpu: Cpu, bit: number): void {
    if ((this.high & bit) !== 0) return;
    this.high |= bit;
    this.access = (this.high >>> 8) & 0xf0ff;
    this.range.write32(cpu.memory, 4, this.high);
  }

  /** Fills the hidden part of a segment register. */
  load(segment: Segment, selector: number): void {
    segment.selector = selector;
    segment.base = this.base;
    segment.limit = this.limit;
    segment.access = this.access;
  }
}

/** Bits of the upper word that loading sets. */
export const DESCRIPTOR_ACCESSED = 1 << 8;
export const DESCRIPTOR_BUSY = 1 << 9;

/** Error code for a selector: index and TI, with EXT. */
export function errorCode(selector: number, ext: number): number {
  return (selector & 0xfffc) | ext;
}

export function isNull(selector: number): boolean {
  return (selector & 0xfffc) === 0;
}

/** Loads CS from a descriptor that has been checked, with CPL `cpl`. */
export function loadCodeSegment(cpu: Cpu, descriptor: Descriptor, selector: number, cpl: number): void {
  const cs = cpu.segments[SEGMENT_CS];
  const modeChanges = ((descriptor.access ^ cs.access) & (ACCESS_L | ACCESS_DB)) !== 0;
  descriptor.mark(cpu, DESCRIPTOR_ACCESSED);
  descriptor.load(cs, (selector & 0xfffc) | cpl);
  if (cpu.cpl !== cpl) cpu.cpl = cpl;
  if (modeChanges) updateMode(cpu);
}

/** Gives a segment register the null selector that 64-bit mode allows for stacks and data. */
export function loadNullSelector(segment: Segment, selector: number): void {
  segment.selector = selector;
  segment.base = 0;
  segment.limit = 0;
  segment.access = ACCESS_UNUSABLE | ((selector & 3) << ACCESS_DPL_SHIFT);
}
