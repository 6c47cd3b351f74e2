/**
 * A stack as microcode uses it, in every mode (SDM vol. 1, 6.2): SS or the stack that a change of privilege switches to,
 * 16, 32 or 64 bits wide. Elements are mapped first, all of them, and read or written then.
 */
import type { Cpu } from '../cpu.js';
import type { Descriptor } from '../descriptor.js';
import { VECTOR_SS } from '../exception-vector.js';
import { fault } from '../fault.js';
import { ACCESS_READ, ACCESS_WRITE, CPU_MODE, MODE_64, PRIVILEGE_SUPERVISOR } from '../layout.js';
import { isCanonical, LinearRange } from '../linear-access.js';
import { ACCESS_DB } from '../mode.js';
import { DONE, type Outcome } from '../outcome.js';
import { nullSegment, SEGMENT_SS, type Segment } from '../segments.js';
import { isAccessible } from './segmentation.js';

const RSP = 4;
/** ENTER and call gates move at most 31 elements besides their own. */
const MOST_ELEMENTS = 40;
const MASK_16 = 0xffff;
const MASK_32 = 0xffff_ffff;

export class Stack {
  readonly #elements = Array.from({ length: MOST_ELEMENTS }, () => new LinearRange());
  readonly #inner = nullSegment();
  #segment: Segment = this.#inner;
  #base = 0;
  #isWide = false;
  #privilege = PRIVILEGE_SUPERVISOR;
  #error = 0;
  /** Largest stack pointer; stack pointers of 64 bits are signed instead. */
  mask = MASK_32;
  /** Stack pointer; nothing here changes it. */
  pointer = 0;

  /** The stack that SS and RSP stand for. */
  useCurrent(cpu: Cpu): this {
    const wide = cpu.word(CPU_MODE) === MODE_64;
    this.#segment = cpu.segments[SEGMENT_SS];
    this.#use(wide, cpu.privilege, 0);
    this.pointer = wide ? cpu.gprNumber(RSP) : (cpu.gprLow(RSP) & this.mask) >>> 0;
    return this;
  }

  /** The stack of an inner privilege level: `error` is the error code of #SS. */
  useInner(descriptor: Descriptor, selector: number, pointer: number, error: number): this {
    this.#segment = this.#inner;
    descriptor.load(this.#inner, selector);
    this.#use(false, PRIVILEGE_SUPERVISOR, error);
    this.pointer = (pointer & this.mask) >>> 0;
    return this;
  }

  /** The stack of an inner privilege level in 64-bit mode. */
  useWide(pointer: number): this {
    this.#use(true, PRIVILEGE_SUPERVISOR, 0);
    this.pointer = pointer;
    return this;
  }

  #use(wide: boolean, privilege: number, error: number): void {
    this.#isWide = wide;
    this.#privilege = privilege;
    this.#error = error;
    this.#base = this.#segment.base;
    this.mask = (this.#segment.access & ACCESS_DB) === 0 ? MASK_16 : MASK_32;
  }

  /** The pointer `bytes` further up (or down), within the width of the stack. */
  moved(bytes: number): number {
    return this.#isWide ? this.pointer + bytes : ((this.pointer + bytes) & this.mask) >>> 0;
  }

  /** Maps `count` elements below the pointer: element 0 is pushed first. */
  mapPushes(cpu: Cpu, count: number, size: number): Outcome {
    for (let element = 0; element < count; element++) {
      const outcome = this.map(cpu, element, -(element + 1) * size, size, ACCESS_WRITE);
      if (outcome !== DONE) return outcome;
    }
    return DONE;
  }

  /** Maps `count` elements from `skipped` bytes above the pointer on: element 0 is popped first. */
  mapPops(cpu: Cpu, count: number, size: number, skipped = 0): Outcome {
    for (let element = 0; element < count; element++) {
      const outcome = this.map(cpu, element, skipped + element * size, size, ACCESS_READ);
      if (outcome !== DONE) return outcome;
    }
    return DONE;
  }

  /** Maps one element, `distance` bytes above the pointer. */
  map(cpu: Cpu, element: number, distance: number, size: number, access: number): Outcome {
    const range = this.#elements[element];
    const at = this.moved(distance);
    if (this.#isWide) {
      if (!isCanonical(at) || !isCanonical(at + size - 1)) return fault(cpu, VECTOR_SS, this.#error);
      return range.map(cpu, at, size, access, this.#privilege);
    }
    if (!isAccessible(cpu, this.#segment, at, size, access)) return fault(cpu, VECTOR_SS, this.#error);
    return range.map(cpu, (this.#base + at) >>> 0, size, access, this.#privilege);
  }

  /** A mapped element: unsigned, or signed with 8 bytes. */
  read(cpu: Cpu, element: number, size: number): number {
    const range = this.#elements[element];
    if (size === 8) return range.readSigned(cpu.memory, 0);
    return size === 4 ? range.read32(cpu.memory, 0) : range.read16(cpu.memory, 0);
  }

  write(cpu: Cpu, element: number, size: number, value: number): void {
    const range = this.#elements[element];
    if (size === 8) range.writeSigned(cpu.memory, 0, value);
    else if (size === 4) range.write32(cpu.memory, 0, value);
    else range.write16(cpu.memory, 0, value & MASK_16);
  }

  /** Makes `pointer` the stack pointer: SP leaves the rest of ESP alone. */
  setPointer(cpu: Cpu, pointer: number): void {
    if (this.#isWide) cpu.setGprNumber(RSP, pointer);
    else if (this.mask === MASK_32) cpu.setGprWords(RSP, 0, pointer >>> 0);
    else cpu.setGprWords(RSP, cpu.gprHigh(RSP), ((cpu.gprLow(RSP) & ~MASK_16) | (pointer & MASK_16)) >>> 0);
  }
}
