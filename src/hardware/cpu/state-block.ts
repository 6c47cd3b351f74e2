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
  readonly #word: number;
  readonly #time: number;

  // Nothing may use the block before the CPU is complete: V8 would take the accessors below for megamorphic.
  constructor(memory: PhysicalMemory, cpu: number) {
    this.memory = memory;
    this.block = memory.cpuBlock(cpu);
    this.#word = this.block >>> 2;
    this.#time = (this.block + L.CPU_NOW) >>> 3;
  }

  /** This CPU's clock, in ticks. */
  get now(): number {
    return this.memory.f64[this.#time];
  }

  set now(value: number) {
    this.memory.f64[this.#time] = value;
  }

  /** What the CPU does in the order of CPUs: RUNNING, WAITING, PARKED, ASLEEP, or 0 while it is no part of it. */
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
    return this.memory.u32[this.#word + (offset >>> 2)];
  }

  setWord(offset: number, value: number): void {
    this.memory.u32[this.#word + (offset >>> 2)] = value;
  }

  /** A 64-bit field of the state block as a signed number: exact for canonical addresses and for times. */
  long(offset: number): number {
    const at = this.#word + (offset >>> 2);
    return this.memory.i32[at + 1] * TWO_32 + this.memory.u32[at];
  }

  setLong(offset: number, value: number): void {
    const at = this.#word + (offset >>> 2);
    this.memory.u32[at] = value >>> 0;
    this.memory.i32[at + 1] = Math.floor(value * PER_TWO_32);
  }

  /** General-purpose register by SDM number (0 RAX .. 15 R15), unsigned 64-bit. */
  gpr(register: number): bigint {
    return this.memory.u64[(this.block >>> 3) + register];
  }

  setGpr(register: number, value: bigint): void {
    this.memory.u64[(this.block >>> 3) + register] = value;
  }

  gprLow(register: number): number {
    return this.memory.u32[this.#word + register * 2];
  }

  gprHigh(register: number): number {
    return this.memory.u32[this.#word + register * 2 + 1];
  }

  setGprWords(register: number, high: number, low: number): void {
    this.memory.u32[this.#word + register * 2] = low;
    this.memory.u32[this.#word + register * 2 + 1] = high;
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
