/**
 * The part of a CPU's state that the interpreter works on: a block of the shared memory (layout.ts), with the general
 * registers, RIP and what the run loop passes back and forth.
 */
import type { PhysicalMemory } from '../memory/physical-memory.js';
import * as L from './layout.js';

const TWO_32 = 2 ** 32;
const PER_TWO_32 = 2 ** -32;

export class StateBlock {
  readonly memory: PhysicalMemory;
  /** Byte address of the block in the shared memory. */
  readonly block: number;
  // The block alone: one look at it is as short as V8 can make it, and always inlined.
  readonly #u32: Uint32Array;
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;

  // Nothing may use the block before the CPU is complete: V8 would take the accessors below for megamorphic.
  constructor(memory: PhysicalMemory, cpu: number) {
    const { buffer } = memory.wasm;
    this.memory = memory;
    this.block = memory.cpuBlock(cpu);
    this.#u32 = new Uint32Array(buffer, this.block, L.CPU_STRIDE / 4);
    this.#i32 = new Int32Array(buffer, this.block, L.CPU_STRIDE / 4);
    this.#f64 = new Float64Array(buffer, this.block, L.CPU_STRIDE / 8);
  }

  /** This CPU's clock, in ticks. */
  get now(): number {
    return this.#f64[L.CPU_NOW >>> 3];
  }

  set now(value: number) {
    this.#f64[L.CPU_NOW >>> 3] = value;
  }

  /** What the CPU does in the order of CPUs: RUNNING to ASLEEP, or 0 while it is no part of it. */
  get state(): number {
    return this.word(L.CPU_STATE);
  }

  set state(value: number) {
    this.setWord(L.CPU_STATE, value);
  }

  /** A line has been requested and not been taken yet. */
  get lineArriving(): boolean {
    return this.word(L.CPU_LINE_ARRIVING) !== 0;
  }

  /** Forgets the lines that the operation in progress has collected. */
  dropCollection(): void {
    this.setWord(L.CPU_COLLECTED_COUNT, 0);
  }

  /** A 32-bit word of the state block. */
  word(offset: number): number {
    return this.#u32[offset >>> 2];
  }

  setWord(offset: number, value: number): void {
    this.#u32[offset >>> 2] = value;
  }

  /** A 64-bit field of the state block as a signed number: exact for canonical addresses and for times. */
  long(offset: number): number {
    const at = offset >>> 2;
    return this.#i32[at + 1] * TWO_32 + this.#u32[at];
  }

  setLong(offset: number, value: number): void {
    const at = offset >>> 2;
    this.#u32[at] = value >>> 0;
    this.#i32[at + 1] = Math.floor(value * PER_TWO_32);
  }

  /** General-purpose register by SDM number (0 RAX .. 15 R15), unsigned 64-bit. */
  gpr(register: number): bigint {
    return this.memory.u64[(this.block >>> 3) + register];
  }

  setGpr(register: number, value: bigint): void {
    this.memory.u64[(this.block >>> 3) + register] = value;
  }

  gprLow(register: number): number {
    return this.#u32[register * 2];
  }

  gprHigh(register: number): number {
    return this.#u32[register * 2 + 1];
  }

  setGprWords(register: number, high: number, low: number): void {
    this.#u32[register * 2] = low;
    this.#u32[register * 2 + 1] = high;
  }

  /** Signed number: exact for canonical addresses. */
  gprNumber(register: number): number {
    return this.long(L.CPU_GPR + register * 8);
  }

  setGprNumber(register: number, value: number): void {
    this.setLong(L.CPU_GPR + register * 8, value);
  }

  /** Instruction pointer as a signed, canonical linear address. */
  get rip(): number {
    return this.long(L.CPU_RIP);
  }

  set rip(value: number) {
    this.setLong(L.CPU_RIP, value);
  }
}
