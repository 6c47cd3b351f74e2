/**
 * The virtual-APIC page: virtual registers at the offsets of the real ones (SDM vol. 3, 30.1.1). Bytes in host-physical
 * memory, found by the VMCS field "virtual-APIC address".
 *
 * Accessors bypass cache-line ownership: the caller has collected the lines (`collect...`) and acts at once.
 */
import { APIC_TPR } from '../apic/registers.js';
import { testVector } from '../apic/vectors.js';
import type { Cpu } from '../cpu/cpu.js';
import { LINE_SIZE } from '../memory/physical-memory.js';
import type { VirtualizationState } from './virtualization-state.js';

/** Registers stand 16 bytes apart. */
const STRIDE_WORDS = 4;

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

  /** `register` is APIC_ISR or APIC_IRR: VISR or VIRR. */
  testVector(register: number, vector: number): boolean {
    return testVector(this.#cpu.memory.u32, this.#word(register), STRIDE_WORDS, vector);
  }

  #word(register: number): number {
    const { memory } = this.#cpu;
    return memory.wordAt(this.#state.virtualApicPage + register);
  }

  /** The line of one register; VTPR, VPPR and VEOI share one. False = WAIT. */
  collect(offset: number, write: boolean): boolean {
    return this.#cpu.lines.collect(this.#cpu, this.#state.virtualApicPage + offset, write);
  }

  /** Both lines of VISR or VIRR. */
  collectVector(register: number): boolean {
    return this.collect(register, true) && this.collect(register + LINE_SIZE, true);
  }
}
