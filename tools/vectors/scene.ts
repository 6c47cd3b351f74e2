import { OpKind, Register, RegisterExt, type Instruction } from 'iced-x86';
import type { RegisterValue, WindowWord } from '../../test/support/vector-file.js';
import {
  emptyState,
  fillState,
  mix,
  WINDOW_ADDRESS,
  WINDOW_SIZE,
  type ProcessorState,
} from '../../test/support/vector-state.js';

const RSP = 4;

/** The processor state before one instruction, as it is being arranged for it, and the choices made on the way. */
export class Scene {
  /** Number of the initial state. */
  readonly number: number;
  readonly state: ProcessorState = emptyState();
  /** The instruction's addresses are 32 bits wide. */
  readonly narrowAddress: boolean;
  /** No address depends on a register that an earlier instruction may have changed. */
  readonly fixedAddresses: boolean;
  readonly #registers = new Map<number, bigint>();
  readonly #window = new Map<number, bigint>();
  #random: number;

  /** @param number of the initial state; @param attempt varies the choices */
  constructor(number: number, attempt: number, fixedAddresses = false) {
    this.fixedAddresses = fixedAddresses;
    this.number = number;
    fillState(this.state, number);
    this.#random = mix(number * 31 + attempt + 77);
    this.narrowAddress = this.chance(0.12);
  }

  // ---- Choices

  next(): number {
    this.#random = (this.#random + 0x9e37_79b9) >>> 0;
    return mix(this.#random);
  }

  below(limit: number): number {
    return this.next() % limit;
  }

  chance(probability: number): boolean {
    return this.next() < probability * 2 ** 32;
  }

  /** A random 64-bit word. */
  word(): bigint {
    return (BigInt(this.next()) << 32n) | BigInt(this.next());
  }

  /** A displacement that fits in a byte, or not, or none. */
  displacement(): number {
    const choice = this.below(3);
    return choice === 0 ? 0 : choice === 1 ? this.below(256) - 128 : this.below(0x2_0000) - 0x1_0000;
  }

  // ---- Contents

  get(register: number): bigint {
    const { registers } = this.state;
    const initial = (BigInt(registers[register * 2 + 1]) << 32n) | BigInt(registers[register * 2]);
    return this.#registers.get(register) ?? initial;
  }

  set(register: number, value: bigint): void {
    this.#registers.set(register, BigInt.asUintN(64, value));
  }

  isSet(register: number): boolean {
    return register === RSP || this.#registers.has(register);
  }

  /** Sets the low `bits` of a register. */
  setAccumulator(register: number, bits: number, value: bigint): void {
    const upper = bits === 64 ? 0n : (this.get(register) >> BigInt(bits)) << BigInt(bits);
    this.set(register, upper | BigInt.asUintN(bits, value));
  }

  /** A register that may still be chosen for an address, other than `taken`. */
  freeRegister(allowStack: boolean, taken: number | null): number {
    for (;;) {
      const register = this.below(16);
      if (register === taken) continue;
      if (register === RSP ? allowStack : !this.#registers.has(register)) return register;
    }
  }

  /** Gives a register a small value, with garbage above the width of addresses. */
  setSmall(register: number): number {
    const small = this.below(2000) - 1000;
    const upper = this.narrowAddress ? this.word() << 32n : 0n;
    this.set(register, this.narrowAddress ? BigInt.asUintN(32, BigInt(small)) | upper : BigInt(small));
    return small;
  }

  /** Stores eight bytes at the address in a register. */
  store(register: number, value: bigint): void {
    this.storeAt(Number(this.get(register)), value);
  }

  /** Does nothing outside the window. */
  storeAt(address: number, value: bigint): void {
    const offset = address - WINDOW_ADDRESS;
    if (offset >= 0 && offset + 8 <= WINDOW_SIZE) this.#window.set(offset, BigInt.asUintN(64, value));
  }

  /** Reads memory as the instruction will find it. */
  load(address: number, bytes: number): bigint {
    const window = this.windowBytes();
    let value = 0n;
    for (let i = bytes - 1; i >= 0; i--) {
      const at = address + i - WINDOW_ADDRESS;
      value = (value << 8n) | BigInt(at >= 0 && at < WINDOW_SIZE ? window[at] : 0);
    }
    return value;
  }

  /** Linear address of the memory operand. */
  effectiveAddress(instruction: Instruction): number {
    const { memoryBase, memoryIndex, memoryIndexScale, memoryDisplacement } = instruction;
    if (memoryBase === Register.RIP) return Number(memoryDisplacement);
    const sum = this.#named(memoryBase) + this.#named(memoryIndex) * BigInt(memoryIndexScale) + memoryDisplacement;
    return Number(BigInt.asUintN(this.narrowAddress ? 32 : 64, sum));
  }

  #named(register: Register): bigint {
    return register === Register.None ? 0n : this.get(RegisterExt.number(register));
  }

  /** Value of operand 0, a register or memory. */
  operandValue(instruction: Instruction): bigint {
    if (instruction.opKind(0) === OpKind.Memory) return this.load(this.effectiveAddress(instruction), 8);
    const register = instruction.opRegister(0);
    const value = this.get(RegisterExt.number(RegisterExt.fullRegister(register)));
    return isHighByte(register) ? value >> 8n : value;
  }

  /** Makes operand 0, 64 bits wide, equal to `value`. */
  setOperand(instruction: Instruction, value: bigint): void {
    if (instruction.opKind(0) === OpKind.Memory) this.storeAt(this.effectiveAddress(instruction), value);
    else this.set(RegisterExt.number(instruction.opRegister(0)), value);
  }

  // ---- Result

  windowBytes(): Uint8Array {
    const window = this.state.window.slice();
    const view = new DataView(window.buffer);
    for (const [offset, value] of this.#window) view.setBigUint64(offset, value, true);
    return window;
  }

  get registersBefore(): RegisterValue[] {
    return [...this.#registers].map(([register, value]) => ({ register, value }));
  }

  get windowBefore(): WindowWord[] {
    return [...this.#window].map(([offset, value]) => ({ offset, value }));
  }
}

function isHighByte(register: Register): boolean {
  return register >= Register.AH && register <= Register.BH;
}
