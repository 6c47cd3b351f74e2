/**
 * LGDT, LIDT, SGDT, SIDT, LLDT, SLDT, LTR, STR (SDM vol. 2).
 */
import { Code, Mnemonic } from 'iced-x86';
import { EXIT_REASON_GDTR_IDTR, EXIT_REASON_LDTR_TR } from '../../vmx/exit-reason.js';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { Descriptor, DESCRIPTOR_BUSY, errorCode, isNull, loadNullSelector } from '../descriptor.js';
import { VECTOR_GP, VECTOR_NP } from '../exception-vector.js';
import { fault, generalProtection, invalidOpcode } from '../fault.js';
import { inProtectedMode } from '../legacy/segmentation.js';
import { ACCESS_READ, ACCESS_WRITE, CPU_MODE, MODE_64 } from '../layout.js';
import { inLongMode } from '../mode.js';
import { isCanonical, LinearRange } from '../linear-access.js';
import { DONE, PASS, type Outcome } from '../outcome.js';
import { SEGMENT_LDTR, SEGMENT_TR } from '../segments.js';
import { chargeSystem, intercept, isPrevented, privileged, type Handler, type HandlerTable } from './handler.js';
import {
  displacement,
  instructionInformation,
  mapOperand,
  memoryOperand,
  operandRange,
  readWord,
  word,
  writeWord,
  type MemoryOperand,
} from './operands.js';

/** Bits of a base that LGDT and LIDT with 16-bit operands load. */
const BASE_24 = 0xff_ffff;
const TYPE_AVAILABLE_TSS_16 = 1;
const TYPE_LDT = 2;
const TYPE_AVAILABLE_TSS = 9;
/** Instruction identity, bits 29:28 of the VM-exit instruction information. */
const IDENTITY_SHIFT = 28;
const OPERAND_SIZE_32 = 1 << 11;
const SGDT = 0;
const SIDT = 1;
const LGDT = 2;
const LIDT = 3;
const SLDT = 0;
const STR = 1;
const LLDT = 2;
const LTR = 3;

function interceptTable(cpu: Cpu, instruction: DecodedInstruction, reason: number, identity: number): Outcome {
  if (cpu.nonRoot === null) return PASS;
  const size = reason === EXIT_REASON_GDTR_IDTR ? OPERAND_SIZE_32 : 0;
  const info = instructionInformation(instruction, 0) | size | (identity << IDENTITY_SHIFT);
  return intercept(cpu, reason, displacement(cpu, instruction, 0), instruction.length, info);
}

/** What SGDT and SIDT store: the base, behind the two bytes of the limit, is what is to be aligned. */
const stored = new LinearRange(2);

/** Limit and base: the base has 64 bits in 64-bit mode, else 32. */
function tableRegisterSize(cpu: Cpu): number {
  return cpu.word(CPU_MODE) === MODE_64 ? 10 : 6;
}

function readBase(cpu: Cpu, { code }: DecodedInstruction): number {
  if (cpu.word(CPU_MODE) === MODE_64) return operandRange.readSigned(cpu.memory, 2);
  const base = operandRange.read32(cpu.memory, 2);
  return code === Code.Lgdt_m1632_16 || code === Code.Lidt_m1632_16 ? base & BASE_24 : base;
}

function loadTable(identity: typeof LGDT | typeof LIDT): Handler {
  return privileged((cpu, instruction) => {
    let outcome = interceptTable(cpu, instruction, EXIT_REASON_GDTR_IDTR, identity);
    if (outcome !== PASS) return outcome;
    chargeSystem(cpu);
    const operand = memoryOperand(instruction, 0) as MemoryOperand;
    outcome = mapOperand(cpu, instruction, operand, tableRegisterSize(cpu), ACCESS_READ);
    if (outcome !== DONE) return outcome;
    const base = readBase(cpu, instruction);
    if (!isCanonical(base)) return generalProtection(cpu);
    const table = identity === LGDT ? cpu.gdtr : cpu.idtr;
    table.limit = operandRange.read16(cpu.memory, 0);
    table.base = base;
    return DONE;
  });
}

function storeTable(identity: typeof SGDT | typeof SIDT): Handler {
  return (cpu, instruction) => {
    if (isPrevented(cpu)) return generalProtection(cpu);
    let outcome = interceptTable(cpu, instruction, EXIT_REASON_GDTR_IDTR, identity);
    if (outcome !== PASS) return outcome;
    chargeSystem(cpu);
    const operand = memoryOperand(instruction, 0) as MemoryOperand;
    const wide = cpu.word(CPU_MODE) === MODE_64;
    outcome = mapOperand(cpu, instruction, operand, tableRegisterSize(cpu), ACCESS_WRITE, 1, stored);
    if (outcome !== DONE) return outcome;
    const table = identity === SGDT ? cpu.gdtr : cpu.idtr;
    stored.write16(cpu.memory, 0, table.limit);
    if (wide) stored.writeSigned(cpu.memory, 2, table.base);
    else stored.write32(cpu.memory, 2, table.base >>> 0);
    return DONE;
  };
}

function storeSelector(identity: typeof SLDT | typeof STR): Handler {
  const segment = identity === SLDT ? SEGMENT_LDTR : SEGMENT_TR;
  return (cpu, instruction) => {
    if (!inProtectedMode(cpu)) return invalidOpcode(cpu);
    if (isPrevented(cpu)) return generalProtection(cpu);
    const outcome = interceptTable(cpu, instruction, EXIT_REASON_LDTR_TR, identity);
    if (outcome !== PASS) return outcome;
    chargeSystem(cpu);
    return writeWord(cpu, instruction, 0, cpu.segments[segment].selector, ACCESS_WRITE);
  };
}

const descriptor = new Descriptor();

/** LLDT and LTR: a system descriptor in the GDT, of 16 bytes in IA-32e mode. */
function loadSystemSegment(cpu: Cpu, segment: number, selector: number, type: number, setBit: number): Outcome {
  if ((selector & 4) !== 0) return fault(cpu, VECTOR_GP, errorCode(selector, 0));
  const long = inLongMode(cpu);
  const outcome = long
    ? descriptor.readSystem(cpu, selector, VECTOR_GP, setBit)
    : descriptor.read(cpu, selector, VECTOR_GP, 0, setBit);
  if (outcome !== DONE) return outcome;
  const is16BitTss = !long && type === TYPE_AVAILABLE_TSS && descriptor.type === TYPE_AVAILABLE_TSS_16;
  if ((descriptor.type !== type && !is16BitTss) || !isCanonical(descriptor.base))
    return fault(cpu, VECTOR_GP, errorCode(selector, 0));
  if (!descriptor.present) return fault(cpu, VECTOR_NP, errorCode(selector, 0));
  if (setBit !== 0) descriptor.mark(cpu, setBit);
  descriptor.load(cpu.segments[segment], selector);
  return DONE;
}

const lldt = privileged((cpu, instruction) => {
  if (!inProtectedMode(cpu)) return invalidOpcode(cpu);
  let outcome = interceptTable(cpu, instruction, EXIT_REASON_LDTR_TR, LLDT);
  if (outcome !== PASS) return outcome;
  chargeSystem(cpu);
  outcome = readWord(cpu, instruction, 0, ACCESS_READ);
  if (outcome !== DONE) return outcome;
  if (!isNull(word.value)) return loadSystemSegment(cpu, SEGMENT_LDTR, word.value, TYPE_LDT, 0);
  loadNullSelector(cpu.segments[SEGMENT_LDTR], word.value);
  return DONE;
});

const ltr = privileged((cpu, instruction) => {
  if (!inProtectedMode(cpu)) return invalidOpcode(cpu);
  let outcome = interceptTable(cpu, instruction, EXIT_REASON_LDTR_TR, LTR);
  if (outcome !== PASS) return outcome;
  chargeSystem(cpu);
  outcome = readWord(cpu, instruction, 0, ACCESS_READ);
  if (outcome !== DONE) return outcome;
  if (isNull(word.value)) return generalProtection(cpu);
  return loadSystemSegment(cpu, SEGMENT_TR, word.value, TYPE_AVAILABLE_TSS, DESCRIPTOR_BUSY);
});

export const DESCRIPTOR_TABLE_INSTRUCTIONS: HandlerTable = [
  [Mnemonic.Lgdt, loadTable(LGDT)],
  [Mnemonic.Lidt, loadTable(LIDT)],
  [Mnemonic.Sgdt, storeTable(SGDT)],
  [Mnemonic.Sidt, storeTable(SIDT)],
  [Mnemonic.Lldt, lldt],
  [Mnemonic.Ltr, ltr],
  [Mnemonic.Sldt, storeSelector(SLDT)],
  [Mnemonic.Str, storeSelector(STR)],
];
