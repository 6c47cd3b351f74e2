/**
 * Control of the x87 unit, its environment and its whole state in memory, in the formats of 14 and 28 bytes for protected mode
 * and for real-address mode (SDM vol. 1, 8.1.10 and 8.1.11; vol. 2), and what moves tags and the top of the stack.
 *
 * Selectors of instructions and operands are 0 (CPUID.7.EBX[13]): linear addresses of real-address mode are offsets.
 */
import { Mnemonic, Register } from 'iced-x86';
import { CR0_MP, CR0_TS } from '../control-register-bits.js';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { VECTOR_NM } from '../exception-vector.js';
import {
  extendedState,
  FX_CONTROL,
  FX_DATA,
  FX_INSTRUCTION,
  FX_OPCODE,
  FX_STACK,
  FX_STATUS,
  FX_TAGS,
  initializeX87,
  readState16,
  readState64,
  setX87Control,
  stackTop,
  setStackTop,
  writeState16,
  writeState64,
  x87Available,
  x87Ready,
  reportX87Exception,
} from '../extended-state.js';
import { fault } from '../fault.js';
import { ACCESS_READ, ACCESS_WRITE } from '../layout.js';
import { inProtectedMode } from '../legacy/segmentation.js';
import { DONE, type Outcome } from '../outcome.js';
import { chargeSystem, type Handler, type HandlerTable } from '../slow/handler.js';
import {
  mapOperand,
  memoryOperand,
  operandRange,
  registerOperand,
  writeWord,
  type MemoryOperand,
} from '../slow/operands.js';
import { extended } from './numbers.js';
import { X87Operation, x87 } from './operation.js';

const RAX = 0;
const ALL_MASKED = 0x3f;
/** FNCLEX leaves condition codes and the top of the stack. */
const CLEARED_STATUS = 0x7f00;
const TOP_SHIFT = 11;
const OPCODE_BITS = 0x7ff;
const RESERVED = 0xffff;
const REGISTERS = 8;
const REGISTER_SIZE = 10;
const REGISTER_SPACING = 16;
const SHORT_SIZE = 14;
const LONG_SIZE = 28;
const TAG_VALID = 0;
const TAG_ZERO = 1;
const TAG_SPECIAL = 2;
const TAG_EMPTY = 3;

/** A control instruction, with its memory operand for `access`; one that does not wait reports no earlier exception. */
function control(
  execute: (cpu: Cpu, instruction: DecodedInstruction) => void,
  { access = 0, waits = false }: { access?: number; waits?: boolean } = {},
): Handler {
  return (cpu, instruction) => {
    let outcome = waits ? x87Ready(cpu) : x87Available(cpu);
    if (outcome !== DONE) return outcome;
    chargeSystem(cpu);
    const memory = memoryOperand(instruction, 0);
    if (memory !== null) outcome = mapOperand(cpu, instruction, memory, memory.size, access);
    if (outcome === DONE) execute(cpu, instruction);
    return outcome;
  };
}

/** FNSTCW and FNSTSW; the latter also to AX. */
function storeWord(offset: number): Handler {
  return (cpu, instruction) => {
    const outcome = x87Available(cpu);
    if (outcome !== DONE) return outcome;
    chargeSystem(cpu);
    const value = readState16(cpu, offset);
    if (registerOperand(instruction, 0) === Register.None) return writeWord(cpu, instruction, 0, value, ACCESS_WRITE);
    cpu.setGprWords(RAX, cpu.gprHigh(RAX), ((cpu.gprLow(RAX) & 0xffff_0000) | value) >>> 0);
    return DONE;
  };
}

function clearExceptions(cpu: Cpu): void {
  writeState16(cpu, FX_STATUS, readState16(cpu, FX_STATUS) & CLEARED_STATUS);
}

function fwait(cpu: Cpu): Outcome {
  if ((cpu.cr0 & (CR0_MP | CR0_TS)) === (CR0_MP | CR0_TS)) return fault(cpu, VECTOR_NM);
  const outcome = reportX87Exception(cpu);
  if (outcome === DONE) chargeSystem(cpu);
  return outcome;
}

// ---- Tags

function tagOf(operation: X87Operation, number: number): number {
  if (operation.isEmpty(number)) return TAG_EMPTY;
  const { real, isUnsupported } = extended(operation.read(number));
  if (isUnsupported || real.isDenormal) return TAG_SPECIAL;
  return real.kind === 'finite' ? TAG_VALID : real.kind === 'zero' ? TAG_ZERO : TAG_SPECIAL;
}

/** The tag word with two bits for each register, by its own number. */
function tagWord(cpu: Cpu, instruction: DecodedInstruction): number {
  const operation = new X87Operation(cpu, instruction);
  const top = stackTop(cpu);
  let word = 0;
  for (let register = 0; register < REGISTERS; register++) {
    word |= tagOf(operation, (register - top) & (REGISTERS - 1)) << (2 * register);
  }
  return word;
}

function setTagWord(cpu: Cpu, word: number): void {
  let tags = 0;
  for (let register = 0; register < REGISTERS; register++) {
    if (((word >>> (2 * register)) & TAG_EMPTY) !== TAG_EMPTY) tags |= 1 << register;
  }
  extendedState(cpu)[FX_TAGS] = tags;
}

// ---- The environment

function environmentSize(instruction: DecodedInstruction): number {
  const { size } = memoryOperand(instruction, 0) as MemoryOperand;
  return size === SHORT_SIZE || size === SHORT_SIZE + REGISTERS * REGISTER_SIZE ? SHORT_SIZE : LONG_SIZE;
}

/** The seven words of an environment; in the long format each has 16 more bits, reserved or those given here. */
interface Environment {
  readonly words: readonly number[];
  readonly upper: readonly number[];
}

function environmentOf(cpu: Cpu, instruction: DecodedInstruction): Environment {
  const opcode = readState16(cpu, FX_OPCODE);
  const [code, data] = [FX_INSTRUCTION, FX_DATA].map((offset) => Number(BigInt.asUintN(32, readState64(cpu, offset))));
  const start = [readState16(cpu, FX_CONTROL), readState16(cpu, FX_STATUS), tagWord(cpu, instruction)];
  const none = [RESERVED, RESERVED, RESERVED];
  const [codeHigh, dataHigh] = [code >>> 16, data >>> 16];
  if (inProtectedMode(cpu)) {
    return { words: [...start, code, 0, data, 0], upper: [...none, codeHigh, opcode, dataHigh, RESERVED] };
  }
  // In real-address mode bits 31:16 of addresses stand behind the opcode, and behind 12 zeros.
  const words = [...start, code, (codeHigh << 12) | opcode, data, dataHigh << 12];
  return { words, upper: [...none, RESERVED, codeHigh >>> 4, RESERVED, dataHigh >>> 4] };
}

function storeEnvironment(cpu: Cpu, instruction: DecodedInstruction): void {
  const { words, upper } = environmentOf(cpu, instruction);
  const isLong = environmentSize(instruction) === LONG_SIZE;
  words.forEach((word, index) => {
    operandRange.write16(cpu.memory, index * (isLong ? 4 : 2), word & 0xffff);
    if (isLong) operandRange.write16(cpu.memory, index * 4 + 2, upper[index]);
  });
}

function loadEnvironment(cpu: Cpu, instruction: DecodedInstruction): void {
  const isLong = environmentSize(instruction) === LONG_SIZE;
  const word = (index: number): number => operandRange.read16(cpu.memory, index * (isLong ? 4 : 2));
  const upper = (index: number): number => (isLong ? operandRange.read16(cpu.memory, index * 4 + 2) : 0);
  const status = word(1);
  setStackTop(cpu, (status >>> TOP_SHIFT) & (REGISTERS - 1));
  writeState16(cpu, FX_STATUS, status);
  setX87Control(cpu, word(0));
  setTagWord(cpu, word(2));
  const isProtected = inProtectedMode(cpu);
  const high = (index: number): number =>
    isProtected ? upper(index) : (word(index + 1) >>> 12) | (upper(index + 1) << 4);
  writeState16(cpu, FX_OPCODE, (isProtected ? upper(4) : word(4)) & OPCODE_BITS);
  writeState64(cpu, FX_INSTRUCTION, BigInt((word(3) | (high(3) << 16)) >>> 0));
  writeState64(cpu, FX_DATA, BigInt((word(5) | (high(5) << 16)) >>> 0));
}

// ---- The whole state

function copyRegisters(instruction: DecodedInstruction, copy: (at: number, offset: number) => void): void {
  const start = environmentSize(instruction);
  for (let byte = 0; byte < REGISTERS * REGISTER_SIZE; byte++) {
    const number = Math.floor(byte / REGISTER_SIZE);
    copy(FX_STACK + number * REGISTER_SPACING + (byte % REGISTER_SIZE), start + byte);
  }
}

function saveState(cpu: Cpu, instruction: DecodedInstruction): void {
  storeEnvironment(cpu, instruction);
  const state = extendedState(cpu);
  copyRegisters(instruction, (at, offset) => {
    operandRange.write8(cpu.memory, offset, state[at]);
  });
  initializeX87(cpu);
}

function restoreState(cpu: Cpu, instruction: DecodedInstruction): void {
  loadEnvironment(cpu, instruction);
  const state = extendedState(cpu);
  copyRegisters(instruction, (at, offset) => {
    state[at] = operandRange.read8(cpu.memory, offset);
  });
}

// ---- Tags and the top of the stack

function free(pops: boolean): Handler {
  return x87((operation) => {
    operation.free(operation.register(0));
    if (pops) operation.pop();
  });
}

function turn(by: number): Handler {
  return x87((operation) => {
    operation.turn(by);
  });
}

/** Meant for processors long before this one. */
const nothing = control(() => undefined);

export const X87_CONTROL: HandlerTable = [
  [Mnemonic.Fninit, control(initializeX87)],
  [Mnemonic.Fnclex, control(clearExceptions)],
  [
    Mnemonic.Fldcw,
    control((cpu) => setX87Control(cpu, operandRange.read16(cpu.memory, 0)), { access: ACCESS_READ, waits: true }),
  ],
  [Mnemonic.Fnstcw, storeWord(FX_CONTROL)],
  [Mnemonic.Fnstsw, storeWord(FX_STATUS)],
  [Mnemonic.Fldenv, control(loadEnvironment, { access: ACCESS_READ, waits: true })],
  [
    Mnemonic.Fnstenv,
    control(
      (cpu, instruction) => {
        storeEnvironment(cpu, instruction);
        setX87Control(cpu, readState16(cpu, FX_CONTROL) | ALL_MASKED);
      },
      { access: ACCESS_WRITE },
    ),
  ],
  [Mnemonic.Frstor, control(restoreState, { access: ACCESS_READ, waits: true })],
  [Mnemonic.Fnsave, control(saveState, { access: ACCESS_WRITE })],
  [Mnemonic.Fneni, nothing],
  [Mnemonic.Fndisi, nothing],
  [Mnemonic.Fnsetpm, nothing],
  [Mnemonic.Wait, fwait],
  [Mnemonic.Fnop, x87((operation) => operation.keepC1())],
  [Mnemonic.Ffree, free(false)],
  [Mnemonic.Ffreep, free(true)],
  [Mnemonic.Fincstp, turn(1)],
  [Mnemonic.Fdecstp, turn(-1)],
];
