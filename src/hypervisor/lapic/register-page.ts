/**
 * The register page of a vCPU's local APIC: 4 KiB of host-physical memory that is the virtual-APIC page at the same
 * time, so the processor changes it behind KVM's back (`apic->regs`, lapic.c).
 *
 * Accessors are raw. Only IRR and TMR are ever touched by other CPUs; who uses those holds their lines.
 */
import type { PhysicalMemory } from '../../hardware/memory/physical-memory.js';
import { APIC_IRR, APIC_ISR, APIC_TASKPRI } from './registers.js';

/** Registers of a 256-bit vector set stand 16 bytes apart. */
const VECTOR_WORDS = 8;

export class RegisterPage {
  readonly #memory: PhysicalMemory;
  /** Host-physical address. */
  readonly address: number;

  constructor(memory: PhysicalMemory, address: number) {
    this.#memory = memory;
    this.address = address;
  }

  read(offset: number): number {
    return this.#memory.read32(this.address + offset);
  }

  write(offset: number, value: number): void {
    this.#memory.write32(this.address + offset, value >>> 0);
  }

  /** Whether `vector` is in the set at `base` (APIC_ISR, APIC_TMR, APIC_IRR). */
  testVector(base: number, vector: number): boolean {
    return (this.read(vectorRegister(base, vector)) & (1 << (vector & 31))) !== 0;
  }

  setVector(base: number, vector: number): void {
    const register = vectorRegister(base, vector);
    this.write(register, this.read(register) | (1 << (vector & 31)));
  }

  clearVector(base: number, vector: number): void {
    const register = vectorRegister(base, vector);
    this.write(register, this.read(register) & ~(1 << (vector & 31)));
  }

  /** Highest vector of the set at `base`, or -1. */
  highestVector(base: number): number {
    const { u32 } = this.#memory;
    const first = this.#memory.wordAt(this.address + base);
    for (let word = VECTOR_WORDS - 1; word >= 0; word--) {
      const bits = u32[first + word * 4];
      if (bits !== 0) return word * 32 + 31 - Math.clz32(bits);
    }
    return -1;
  }

  /** Processor priority from TPR and the highest vector in service (SDM vol. 3, 12.8.3.1). */
  get processorPriority(): number {
    const taskPriority = this.read(APIC_TASKPRI) & 0xff;
    const inService = Math.max(0, this.highestVector(APIC_ISR)) & 0xf0;
    return (taskPriority & 0xf0) >= inService ? taskPriority : inService;
  }

  /** Highest requested vector if its class exceeds the processor priority's, or -1 (apic_has_interrupt_for_ppr). */
  get deliverableVector(): number {
    const requested = this.highestVector(APIC_IRR);
    return requested >= 0 && (requested & 0xf0) > (this.processorPriority & 0xf0) ? requested : -1;
  }
}

/** Offset of the register of a vector set at `base` that holds `vector`. */
export function vectorRegister(base: number, vector: number): number {
  return base + ((vector & 0xe0) >>> 1);
}
