/**
 * The virtual-APIC page: virtual registers at the offsets of the real ones (SDM vol. 3, 30.1.1). Bytes in host-physical
 * memory, found by the VMCS field "virtual-APIC address".
 *
 * Accessors bypass cache-line ownership: the caller has collected the lines (`collect...`) and acts at once.
 */
import { APIC_IRR, APIC_ISR, APIC_PPR, APIC_TPR } from '../apic/registers.js';
import { clearVector, highestVector, setVector, testVector } from '../apic/vectors.js';
import type { Cpu } from '../cpu/cpu.js';
import type { VirtualizationState } from './virtualization-state.js';

/** Registers stand 16 bytes apart. */
const STRIDE_WORDS = 4;
const LINE = 64;

export class VirtualApicPage {
  readonly #cpu: Cpu;
  readonly #state: VirtualizationState;

  constructor(cpu: Cpu, state: VirtualizationState) {
    this.#cpu = cpu;
    this.#state = state;
  }

  read(offset: number): number {
    return this.#cpu.memory.read32(this.#state.virtualApicPage + offset);
  }

  write(offset: number, value: number): void {
    this.#cpu.memory.write32(this.#state.virtualApicPage + offset, value);
  }

  /** VTPR, all 32 bits. */
  get vtpr(): number {
    return this.read(APIC_TPR);
  }

  get vppr(): number {
    return this.read(APIC_PPR);
  }

  /** `register` is APIC_ISR or APIC_IRR: VISR or VIRR. */
  setVector(register: number, vector: number): void {
    setVector(this.#cpu.memory.u32, this.#word(register), STRIDE_WORDS, vector);
  }

  clearVector(register: number, vector: number): void {
    clearVector(this.#cpu.memory.u32, this.#word(register), STRIDE_WORDS, vector);
  }

  testVector(register: number, vector: number): boolean {
    return testVector(this.#cpu.memory.u32, this.#word(register), STRIDE_WORDS, vector);
  }

  /** The highest vector of VISR or VIRR, or 0. */
  highestVector(register: number): number {
    return highestVector(this.#cpu.memory.u32, this.#word(register), STRIDE_WORDS);
  }

  #word(register: number): number {
    const { memory } = this.#cpu;
    return (memory.ram + this.#state.virtualApicPage + register) >>> 2;
  }

  /** The line of one register. False = WAIT. */
  collect(offset: number, write: boolean): boolean {
    return this.#cpu.lines.collect(this.#cpu, this.#state.virtualApicPage + offset, write);
  }

  /** VTPR, VPPR and VEOI share a line. */
  collectPriority(): boolean {
    return this.collect(APIC_TPR, true);
  }

  collectVisr(): boolean {
    return this.collect(APIC_ISR, true) && this.collect(APIC_ISR + LINE, true);
  }

  collectVirr(): boolean {
    return this.collect(APIC_IRR, true) && this.collect(APIC_IRR + LINE, true);
  }
}
