/**
 * One x87 instruction while it is executed (SDM vol. 1, 8.1 and 8.3 to 8.6): the register stack, memory, exceptions with
 * their masked responses, and what is noted of the instruction.
 *
 * The announced processor notes FIP of each instruction, but FDP and the opcode only of one that raises an exception that
 * is not masked (CPUID.7.EBX[6]), and no selectors (EBX[13]).
 */
import { Register } from 'iced-x86';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import {
  extendedState,
  FX_CONTROL,
  FX_DATA,
  FX_INSTRUCTION,
  FX_OPCODE,
  FX_STACK,
  FX_STATUS,
  FX_TAGS,
  readState16,
  setStackTop,
  stackTop,
  summarizeExceptions,
  writeState16,
  writeState64,
  x87Ready,
} from '../extended-state.js';
import { DONE } from '../outcome.js';
import { chargeSystem, type Handler } from '../slow/handler.js';
import { effectiveAddress, mapOperand, memoryOperand, operandRange, registerOperand } from '../slow/operands.js';
import {
  DENORMAL,
  DIVIDE_BY_ZERO,
  EXTENDED,
  indefinite,
  INVALID,
  OVERFLOW,
  PRECISION,
  Rounding,
  UNDERFLOW,
  type Format,
} from '../vector/ieee754.js';

export const C0 = 1 << 8;
export const C1 = 1 << 9;
export const C2 = 1 << 10;
export const C3 = 1 << 14;

/** What an invalid operation gives. */
export const INDEFINITE = indefinite(EXTENDED);

const STACK_FAULT = 1 << 6;
const MASKS = 0x3f;
/** Exceptions that are noticed before there is a result, and with one that cannot be stored. */
const EARLY = INVALID | DENORMAL | DIVIDE_BY_ZERO;
const LATE = OVERFLOW | UNDERFLOW;

const REGISTERS = 8;
const REGISTER_SPACING = 16;
const PRECISION_SHIFT = 8;
const ROUNDING_SHIFT = 10;
/** Bits of a significand by precision control; 1 is reserved. */
const PRECISIONS = [24, 64, 53, 64] as const;
const FIRST_OPCODE = 0xd8;

export class X87Operation {
  readonly cpu: Cpu;
  readonly instruction: DecodedInstruction;
  readonly rounding: Rounding;
  readonly #control: number;
  /** Condition codes that the instruction sets, and to what; C1 is the direction of rounding, if not otherwise said. */
  #changed = C1;
  #conditions = 0;
  #isStoreRefused = false;

  constructor(cpu: Cpu, instruction: DecodedInstruction) {
    this.cpu = cpu;
    this.instruction = instruction;
    this.#control = readState16(cpu, FX_CONTROL);
    this.rounding = new Rounding({ mode: (this.#control >>> ROUNDING_SHIFT) & 3, masks: this.#control & MASKS });
  }

  /** Of the results of addition, subtraction, multiplication, division and square root: as precision control says. */
  get format(): Format {
    return { ...EXTENDED, precision: PRECISIONS[(this.#control >>> PRECISION_SHIFT) & 3] };
  }

  // ---- The register stack

  /** Is ST(number) empty? */
  isEmpty(number: number): boolean {
    const physical = (stackTop(this.cpu) + number) & (REGISTERS - 1);
    return ((extendedState(this.cpu)[FX_TAGS] >>> physical) & 1) === 0;
  }

  #mark(number: number, isValid: boolean): void {
    const bit = 1 << ((stackTop(this.cpu) + number) & (REGISTERS - 1));
    const state = extendedState(this.cpu);
    state[FX_TAGS] = isValid ? state[FX_TAGS] | bit : state[FX_TAGS] & ~bit;
  }

  /** ST(number), whatever its tag. */
  read(number: number): bigint {
    const view = new DataView(extendedState(this.cpu).buffer, this.#offset(number));
    return (BigInt(view.getUint16(8, true)) << 64n) | view.getBigUint64(0, true);
  }

  #offset(number: number): number {
    return extendedState(this.cpu).byteOffset + FX_STACK + number * REGISTER_SPACING;
  }

  /** A result, unless an exception that is not masked prevents it. */
  write(number: number, bits: bigint): void {
    if (!this.isStopped) this.#put(number, bits);
  }

  #put(number: number, bits: bigint): void {
    const view = new DataView(extendedState(this.cpu).buffer, this.#offset(number));
    view.setBigUint64(0, BigInt.asUintN(64, bits), true);
    view.setUint16(8, Number(bits >> 64n), true);
    this.#mark(number, true);
  }

  free(number: number): void {
    this.#mark(number, false);
  }

  /** Moves the top of the stack, tags aside. */
  turn(by: number): void {
    setStackTop(this.cpu, (stackTop(this.cpu) + by) & (REGISTERS - 1));
  }

  pop(): void {
    if (this.isStopped) return;
    this.free(0);
    this.turn(1);
  }

  push(bits: bigint): void {
    if (this.isStopped) return;
    this.turn(-1);
    this.#put(0, bits);
  }

  /** A load: it takes place though its operand is denormal, whether that is masked or not. */
  pushLoaded(bits: bigint): void {
    if (this.isInvalid) return;
    this.turn(-1);
    this.#put(0, bits);
  }

  /** Raises a stack overflow if there is no room for another number. */
  isFull(): boolean {
    const isFull = !this.isEmpty(-1);
    if (isFull) this.#stackFault(C1);
    return isFull;
  }

  /** Raises a stack underflow if one of these registers is empty. */
  lacks(...numbers: readonly number[]): boolean {
    const lacks = numbers.some((number) => this.isEmpty(number));
    if (lacks) this.#stackFault(0);
    return lacks;
  }

  #stackFault(direction: number): void {
    this.rounding.raise(INVALID | STACK_FAULT);
    this.setConditions(C1, direction);
  }

  // ---- Operands

  /** Number of the stack register that operand `index` is; -1 for memory. */
  register(index: number): number {
    const register = registerOperand(this.instruction, index);
    return register === Register.None ? -1 : register - Register.ST0;
  }

  /** Bytes of the memory operand. */
  get memorySize(): number {
    return memoryOperand(this.instruction, 0)?.size ?? 0;
  }

  /** The memory operand, unsigned. */
  load(): bigint {
    let value = 0n;
    for (let byte = this.memorySize - 1; byte >= 0; byte--) {
      value = (value << 8n) | BigInt(operandRange.read8(this.cpu.memory, byte));
    }
    return value;
  }

  /** Stores the memory operand, unless an exception that is not masked prevents it: then nothing is popped, either. */
  store(value: bigint): void {
    this.#isStoreRefused = (this.#unmasked & (EARLY | LATE)) !== 0;
    if (this.#isStoreRefused) return;
    for (let byte = 0; byte < this.memorySize; byte++) {
      operandRange.write8(this.cpu.memory, byte, Number((value >> BigInt(8 * byte)) & 0xffn));
    }
  }

  // ---- Outcome

  get #unmasked(): number {
    const { flags, masks } = this.rounding;
    return flags & MASKS & ~masks;
  }

  /** An exception that is not masked keeps all operands as they are. */
  get isStopped(): boolean {
    return this.#isStoreRefused || (this.#unmasked & EARLY) !== 0;
  }

  /** The operation is invalid, and that is not masked. */
  get isInvalid(): boolean {
    return (this.#unmasked & INVALID) !== 0;
  }

  /** C1 stays as it is. */
  keepC1(): void {
    this.#changed &= ~C1;
  }

  /** Sets the condition codes in `changed` to those in `values`. */
  setConditions(changed: number, values: number): void {
    this.#changed |= changed;
    this.#conditions = (this.#conditions & ~changed) | values;
  }

  /** Notes exceptions, condition codes and pointers. */
  complete(): void {
    const { cpu, instruction, rounding } = this;
    const isEarly = (this.#unmasked & EARLY) !== 0;
    const flags = rounding.flags & (isEarly ? EARLY | STACK_FAULT : this.isStopped ? ~PRECISION : ~0);
    const conditions = this.#conditions | (rounding.isAway && !this.isStopped ? C1 : 0);
    writeState16(cpu, FX_STATUS, (readState16(cpu, FX_STATUS) & ~this.#changed) | conditions | flags);
    summarizeExceptions(cpu);
    writeState64(cpu, FX_INSTRUCTION, BigInt(cpu.rip));
    if (this.#unmasked === 0) return;
    const memory = memoryOperand(instruction, 0);
    writeState16(cpu, FX_OPCODE, opcodeOf(instruction));
    writeState64(cpu, FX_DATA, memory === null ? 0n : effectiveAddress(cpu, instruction, memory));
  }
}

/** The last three bits of the first opcode byte and all of the second, after any prefixes. */
function opcodeOf({ bytes }: DecodedInstruction): number {
  const at = bytes.findIndex((byte) => byte >= FIRST_OPCODE && byte < FIRST_OPCODE + REGISTERS);
  return ((bytes[at] & 7) << 8) | bytes[at + 1];
}

/**
 * An x87 instruction that is not a control instruction: #NM and #MF of an earlier one, its cost, its memory operand for
 * `access`, and then what it does.
 */
export function x87(execute: (operation: X87Operation) => void, access = 0): Handler {
  return (cpu, instruction) => {
    let outcome = x87Ready(cpu);
    if (outcome !== DONE) return outcome;
    chargeSystem(cpu);
    const memory = memoryOperand(instruction, 0);
    if (memory !== null) outcome = mapOperand(cpu, instruction, memory, memory.size, access);
    if (outcome !== DONE) return outcome;
    const operation = new X87Operation(cpu, instruction);
    execute(operation);
    operation.complete();
    return DONE;
  };
}
