/**
 * Guest-linear memory as microcode sees it: a range is translated, its cache lines are collected, and only then read
 * or written (SDM vol. 3, 4.1; Intel 64 canonical addresses vol. 1, 3.3.7.1).
 *
 * Left out: ranges on the APIC-access page and structures in device memory, by errors. Operands of instructions may be there
 * (device-operands.ts).
 */
import { translate } from '../memory/walk.js';
import { LINE_SIZE, PAGE_MASK, PAGE_SIZE, type PhysicalMemory } from '../memory/physical-memory.js';
import { CR0_AM, CR4_SMAP } from './control-register-bits.js';
import type { Cpu } from './cpu.js';
import { VECTOR_AC } from './exception-vector.js';
import { ACCESS_READ, CPU_GUEST_APIC_PAGE, CPU_SYSTEM_FLAGS, PRIVILEGE_IMPLICIT, PRIVILEGE_USER } from './layout.js';
import { deviceOperand } from './device-operands.js';
import { fault } from './fault.js';
import { DONE, PASS, WAIT, type Outcome } from './outcome.js';
import { RFLAGS_AC } from './rflags.js';
import { fillTlb, isSpecial, lookUpTlb } from './tlb.js';
import { UnimplementedError } from './unimplemented.js';

const TWO_32 = 2 ** 32;
const CANONICAL_LIMIT = 2 ** 47;

/** Can `va`, an exact integer, be the linear address of a byte? */
export function isCanonical(va: number): boolean {
  return va >= -CANONICAL_LIMIT && va < CANONICAL_LIMIT;
}

/** Are bits 63:47 of hi:lo all equal? */
export function isCanonicalPair(hi: number): boolean {
  const sign = (hi | 0) >> 15;
  return sign === 0 || sign === -1;
}

/** The canonical address hi:lo as a signed number. */
export function canonical(hi: number, lo: number): number {
  return (hi | 0) * TWO_32 + (lo >>> 0);
}

/** Upper and lower word of a canonical address. */
export function highWord(value: number): number {
  return Math.floor(value / TWO_32) >>> 0;
}

/**
 * Host-physical address of the byte at canonical `va` for an access with a privilege (PRIVILEGE_*), or -WAIT or -FAULT with
 * cpu.fault set.
 */
export function translateLinear(cpu: Cpu, va: number, access: number, privilege: number): number {
  if (privilege !== cpu.privilege && !isAsInstructions(cpu, privilege)) {
    return checkedTranslation(cpu, va, access, privilege);
  }
  const cached = lookUpTlb(cpu, va, access !== ACCESS_READ);
  if (cached >= 0) return cached;
  const outcome = fillTlb(cpu, va, access);
  if (outcome !== PASS) return -outcome;
  const pa = lookUpTlb(cpu, va, access !== ACCESS_READ);
  return pa >= 0 ? pa : checkedTranslation(cpu, va, access, privilege);
}

/** Implicit accesses are like those of instructions below CPL 3, but for RFLAGS.AC with SMAP. */
function isAsInstructions(cpu: Cpu, privilege: number): boolean {
  if (privilege !== PRIVILEGE_IMPLICIT || cpu.cpl === 3) return false;
  return (cpu.cr4 & CR4_SMAP) === 0 || (cpu.word(CPU_SYSTEM_FLAGS) & RFLAGS_AC) === 0;
}

function checkedTranslation(cpu: Cpu, va: number, access: number, privilege: number): number {
  const pa = translate(cpu, va, access, privilege);
  if (pa < 0) return pa;
  if (isSpecial(cpu, pa - (pa % PAGE_SIZE))) return deviceAddress(cpu, pa);
  if (!cpu.lines.touch(cpu, pa)) return -WAIT;
  if (access !== ACCESS_READ) cpu.lines.prepareStore(cpu, pa);
  return pa;
}

function deviceAddress(cpu: Cpu, pa: number): number {
  if (pa - (pa % PAGE_SIZE) !== cpu.long(CPU_GUEST_APIC_PAGE)) return pa;
  throw new UnimplementedError(
    `an operand of microcode on the APIC-access page, offset ${(pa % PAGE_SIZE).toString(16)}H,`,
    cpu,
  );
}

/** Of operands of some sizes, in bytes (SDM vol. 3, table 6-7): pointers of 48 and 80 bits, extended precision. */
const ALIGNMENT = new Map([
  [6, 4],
  [10, 8],
]);

/** Is alignment checked, and an operand of `size` bytes not aligned? Areas are aligned like what they consist of. */
function isMisaligned(cpu: Cpu, va: number, size: number): boolean {
  if ((cpu.cr0 & CR0_AM) === 0 || (cpu.word(CPU_SYSTEM_FLAGS) & RFLAGS_AC) === 0) return false;
  const alignment = ALIGNMENT.get(size) ?? Math.min(size & -size, 16);
  return va % alignment !== 0;
}

/**
 * A range of linear memory (at most one page long) that microcode is about to use. One object serves one operand of
 * one microcode flow; every attempt maps it anew.
 */
export class LinearRange {
  /** Bytes in front of the part that is aligned: a pseudo-descriptor has its limit there (SDM vol. 3, 3.5.1). */
  readonly #head: number;
  #pa = 0;
  /** Physical address of the second page, less the bytes on the first one. */
  #rest = 0;
  /** Bytes on the first page. */
  #split = 0;
  /** What stands in for device memory. */
  #device: Uint8Array | null = null;

  constructor(head = 0) {
    this.#head = head;
  }

  /**
   * Translates `size` bytes at canonical `va` and collects their lines. DONE; WAIT; or FAULT with cpu.fault set. The
   * addresses of all bytes must be canonical.
   */
  map(cpu: Cpu, va: number, size: number, access: number, privilege: number): Outcome {
    const offset = va & PAGE_MASK;
    const pa = translateLinear(cpu, va, access, privilege);
    if (pa < 0) return -pa as Outcome;
    this.#pa = pa;
    this.#split = Math.min(size, PAGE_SIZE - offset);
    this.#device = null;
    if (this.#split < size) {
      const next = translateLinear(cpu, va + this.#split, access, privilege);
      if (next < 0) return -next as Outcome;
      this.#rest = next - this.#split;
    }
    if (privilege === PRIVILEGE_USER && isMisaligned(cpu, va + this.#head, size - this.#head))
      return fault(cpu, VECTOR_AC, 0);
    if (!cpu.memory.isRam(pa) || !cpu.memory.isRam(this.address(size - 1))) {
      return this.#mapDevice(cpu, size, access, privilege);
    }
    return this.#collect(cpu, size, access !== ACCESS_READ) ? DONE : WAIT;
  }

  #mapDevice(cpu: Cpu, size: number, access: number, privilege: number): Outcome {
    if (this.#split < size)
      throw new UnimplementedError('an operand of microcode across pages, in device memory,', cpu);
    if (privilege !== PRIVILEGE_IMPLICIT && cpu.clock.mustWait(cpu)) return WAIT;
    this.#device = deviceOperand(cpu, this.#pa, size, privilege === PRIVILEGE_IMPLICIT ? null : access).bytes;
    return DONE;
  }

  #collect(cpu: Cpu, size: number, write: boolean): boolean {
    for (let offset = 0; offset < size; offset = this.#nextLine(offset)) {
      if (!cpu.lines.collect(cpu, this.address(offset), write)) return false;
    }
    return true;
  }

  #nextLine(offset: number): number {
    const next = offset + LINE_SIZE - (this.address(offset) & (LINE_SIZE - 1));
    return offset < this.#split ? Math.min(next, this.#split) : next;
  }

  /** Host-physical address of the byte at `offset`. */
  address(offset: number): number {
    return (offset < this.#split ? this.#pa : this.#rest) + offset;
  }

  read8(memory: PhysicalMemory, offset: number): number {
    return this.#device === null ? memory.read8(this.address(offset)) : this.#device[offset];
  }

  read16(memory: PhysicalMemory, offset: number): number {
    return this.read8(memory, offset) | (this.read8(memory, offset + 1) << 8);
  }

  read32(memory: PhysicalMemory, offset: number): number {
    const pa = this.address(offset);
    if ((pa & 3) === 0 && this.#device === null) return memory.read32(pa);
    return (this.read16(memory, offset) | (this.read16(memory, offset + 2) << 16)) >>> 0;
  }

  /** A 64-bit word as a signed number: exact for canonical addresses. */
  readSigned(memory: PhysicalMemory, offset: number): number {
    return (this.read32(memory, offset + 4) | 0) * TWO_32 + this.read32(memory, offset);
  }

  write8(memory: PhysicalMemory, offset: number, value: number): void {
    if (this.#device === null) memory.write8(this.address(offset), value);
    else this.#device[offset] = value;
  }

  write16(memory: PhysicalMemory, offset: number, value: number): void {
    this.write8(memory, offset, value & 0xff);
    this.write8(memory, offset + 1, (value >>> 8) & 0xff);
  }

  write32(memory: PhysicalMemory, offset: number, value: number): void {
    const pa = this.address(offset);
    if ((pa & 3) === 0 && this.#device === null) {
      memory.write32(pa, value >>> 0);
      return;
    }
    this.write16(memory, offset, value & 0xffff);
    this.write16(memory, offset + 2, value >>> 16);
  }

  /** A 64-bit word from a signed number. */
  writeSigned(memory: PhysicalMemory, offset: number, value: number): void {
    this.write32(memory, offset, value >>> 0);
    this.write32(memory, offset + 4, highWord(value));
  }
}
