/**
 * Loading of segment registers in all modes (SDM vol. 3, 3.4.4, 6.4 and 22.1.1); MOV of segment registers, LDS to LSS,
 * SWAPGS and the FS and GS bases, and PUSH and POP of FS and GS in 64-bit mode (SDM vol. 2).
 *
 * Left out: virtual-8086 mode.
 */
import { Code, Mnemonic, Register } from 'iced-x86';
import { BLOCKING_BY_MOV_SS } from '../activity.js';
import { CR4_FSGSBASE } from '../control-register-bits.js';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import {
  ACCESS_CODE,
  ACCESS_G,
  ACCESS_RW,
  ACCESS_S,
  Descriptor,
  DESCRIPTOR_ACCESSED,
  errorCode,
  isNull,
  loadNullSelector,
} from '../descriptor.js';
import { VECTOR_GP, VECTOR_NP, VECTOR_SS } from '../exception-vector.js';
import { fault, generalProtection, invalidOpcode } from '../fault.js';
import { ACCESS_READ, ACCESS_WRITE, CPU_FS_BASE, CPU_GS_BASE } from '../layout.js';
import { canonical, isCanonical, isCanonicalPair, highWord, LinearRange } from '../linear-access.js';
import { inProtectedMode } from '../legacy/segmentation.js';
import { ACCESS_DB, in64BitMode } from '../mode.js';
import { DONE, type Outcome } from '../outcome.js';
import { SEGMENT_CS, SEGMENT_DS, SEGMENT_ES, SEGMENT_FS, SEGMENT_GS, SEGMENT_SS } from '../segments.js';
import { chargeSystem, privileged, type Handler, type HandlerTable } from './handler.js';
import {
  gprBits,
  gprNumber,
  mapOperand,
  memoryOperand,
  operandRange,
  readWord,
  registerOperand,
  segmentNumber,
  word,
  writeRegister,
  writeWord,
} from './operands.js';

const RSP = 4;
/** Bytes that a real-mode selector counts. */
const PARAGRAPH = 16;
/** Present, data, writable, accessed. */
const REAL_MODE_ACCESS = 0x93;
const descriptor = new Descriptor();
const stack = new LinearRange();

/** Loads ES, SS, DS, FS or GS with every check of the mode. Commits only when it returns DONE. */
export function loadSegment(cpu: Cpu, number: number, selector: number): Outcome {
  if (number === SEGMENT_CS) return invalidOpcode(cpu);
  if (!inProtectedMode(cpu)) return loadRealModeSegment(cpu, number, selector);
  if (isNull(selector)) return loadNull(cpu, number, selector);
  const outcome = descriptor.read(cpu, selector, VECTOR_GP, 0, DESCRIPTOR_ACCESSED);
  if (outcome !== DONE) return outcome;
  const usable = number === SEGMENT_SS ? isStack(selector, cpu.cpl) : isData(selector, cpu.cpl);
  if (!usable) return fault(cpu, VECTOR_GP, errorCode(selector, 0));
  if (!descriptor.present) return fault(cpu, number === SEGMENT_SS ? VECTOR_SS : VECTOR_NP, errorCode(selector, 0));
  descriptor.mark(cpu, DESCRIPTOR_ACCESSED);
  const segment = cpu.segments[number];
  descriptor.load(segment, selector);
  setBase(cpu, number, segment.base);
  return DONE;
}

/** Only selector and base change, and the segment becomes a present data segment: an earlier limit stays. */
export function loadRealModeSegment(cpu: Cpu, number: number, selector: number): Outcome {
  const segment = cpu.segments[number];
  segment.selector = selector;
  segment.base = selector * PARAGRAPH;
  segment.access = (segment.access & (ACCESS_G | ACCESS_DB)) | REAL_MODE_ACCESS;
  setBase(cpu, number, segment.base);
  return DONE;
}

/** A null selector in SS is for 64-bit mode inside privilege level 3. */
function loadNull(cpu: Cpu, number: number, selector: number): Outcome {
  if (number === SEGMENT_SS && (!in64BitMode(cpu) || cpu.cpl === 3 || (selector & 3) !== cpu.cpl)) {
    return generalProtection(cpu);
  }
  loadNullSelector(cpu.segments[number], selector);
  setBase(cpu, number, 0);
  return DONE;
}

/** The bases of FS and GS live in the state block. */
function setBase(cpu: Cpu, number: number, base: number): void {
  if (number === SEGMENT_FS) cpu.setLong(CPU_FS_BASE, base);
  if (number === SEGMENT_GS) cpu.setLong(CPU_GS_BASE, base);
}

/** A writable data segment whose DPL and the selector's RPL equal CPL. */
function isStack(selector: number, cpl: number): boolean {
  const writableData = (descriptor.access & (ACCESS_S | ACCESS_CODE | ACCESS_RW)) === (ACCESS_S | ACCESS_RW);
  return writableData && (selector & 3) === cpl && descriptor.dpl === cpl;
}

/** Data or readable code; unless conforming, RPL and CPL must not exceed DPL. */
function isData(selector: number, cpl: number): boolean {
  if ((descriptor.access & ACCESS_S) === 0) return false;
  if (descriptor.isCode && (descriptor.access & ACCESS_RW) === 0) return false;
  if (descriptor.isCode && descriptor.isConforming) return true;
  return (selector & 3) <= descriptor.dpl && cpl <= descriptor.dpl;
}

/** MOV with a segment register on either side. */
export function moveSegmentRegister(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeSystem(cpu);
  const destination = segmentNumber(registerOperand(instruction, 0));
  if (destination < 0) {
    const source = cpu.segments[segmentNumber(registerOperand(instruction, 1))];
    return writeWord(cpu, instruction, 0, source.selector, ACCESS_WRITE);
  }
  let outcome = readWord(cpu, instruction, 1, ACCESS_READ);
  if (outcome === DONE) outcome = loadSegment(cpu, destination, word.value);
  if (outcome === DONE && destination === SEGMENT_SS) cpu.shadow |= BLOCKING_BY_MOV_SS;
  return outcome;
}

/** PUSH FS, PUSH GS. */
export function pushSegmentRegister(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeSystem(cpu);
  const size = instruction.code === Code.Pushw_FS || instruction.code === Code.Pushw_GS ? 2 : 8;
  const rsp = cpu.gprNumber(RSP) - size;
  if (!isCanonical(rsp) || !isCanonical(rsp + size - 1)) return fault(cpu, VECTOR_SS, 0);
  const outcome = stack.map(cpu, rsp, size, ACCESS_WRITE, cpu.privilege);
  if (outcome !== DONE) return outcome;
  const { selector } = cpu.segments[segmentNumber(registerOperand(instruction, 0))];
  if (size === 8) stack.writeSigned(cpu.memory, 0, selector);
  else stack.write16(cpu.memory, 0, selector);
  cpu.setGprNumber(RSP, rsp);
  return DONE;
}

/** POP FS, POP GS. */
export function popSegmentRegister(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  chargeSystem(cpu);
  const size = instruction.code === Code.Popw_FS || instruction.code === Code.Popw_GS ? 2 : 8;
  const rsp = cpu.gprNumber(RSP);
  if (!isCanonical(rsp) || !isCanonical(rsp + size - 1)) return fault(cpu, VECTOR_SS, 0);
  let outcome = stack.map(cpu, rsp, size, ACCESS_READ, cpu.privilege);
  if (outcome !== DONE) return outcome;
  outcome = loadSegment(cpu, segmentNumber(registerOperand(instruction, 0)), stack.read16(cpu.memory, 0));
  if (outcome === DONE) cpu.setGprNumber(RSP, rsp + size);
  return outcome;
}

/** LDS, LES, LFS, LGS, LSS: a far pointer in memory; the general register is written last. */
function loadFarPointer(number: number): Handler {
  return (cpu, instruction) => {
    chargeSystem(cpu);
    const operand = memoryOperand(instruction, 1);
    if (operand === null) return invalidOpcode(cpu);
    const register = registerOperand(instruction, 0);
    const size = gprBits(register) / 8;
    let outcome = mapOperand(cpu, instruction, operand, size + 2, ACCESS_READ);
    if (outcome !== DONE) return outcome;
    const { memory } = cpu;
    const low = size === 2 ? operandRange.read16(memory, 0) : operandRange.read32(memory, 0);
    const high = size === 8 ? operandRange.read32(memory, 4) : 0;
    outcome = loadSegment(cpu, number, operandRange.read16(memory, size));
    if (outcome === DONE) writeRegister(cpu, register, high, low);
    return outcome;
  };
}

function swapgs(cpu: Cpu): Outcome {
  chargeSystem(cpu);
  const base = cpu.long(CPU_GS_BASE);
  cpu.setLong(CPU_GS_BASE, cpu.msrs.kernelGsBase);
  cpu.msrs.kernelGsBase = base;
  return DONE;
}

function readBase(offset: number): Handler {
  return (cpu, instruction) => {
    if ((cpu.cr4 & CR4_FSGSBASE) === 0) return invalidOpcode(cpu);
    chargeSystem(cpu);
    const base = cpu.long(offset);
    writeRegister(cpu, registerOperand(instruction, 0), highWord(base), base >>> 0);
    return DONE;
  };
}

function writeBase(offset: number): Handler {
  return (cpu, instruction) => {
    if ((cpu.cr4 & CR4_FSGSBASE) === 0) return invalidOpcode(cpu);
    const register = registerOperand(instruction, 0);
    const number = gprNumber(register);
    const hi = gprBits(register) === 64 ? cpu.gprHigh(number) : 0;
    if (!isCanonicalPair(hi)) return generalProtection(cpu);
    chargeSystem(cpu);
    cpu.setLong(offset, canonical(hi, cpu.gprLow(number)));
    return DONE;
  };
}

/** Is this a segment register? (PUSH, POP and MOV share their mnemonics with the general-purpose forms.) */
export function isSegmentRegister(register: Register): boolean {
  return register >= Register.ES && register <= Register.GS;
}

export const SEGMENT_REGISTER_INSTRUCTIONS: HandlerTable = [
  [Mnemonic.Lds, loadFarPointer(SEGMENT_DS)],
  [Mnemonic.Les, loadFarPointer(SEGMENT_ES)],
  [Mnemonic.Lfs, loadFarPointer(SEGMENT_FS)],
  [Mnemonic.Lgs, loadFarPointer(SEGMENT_GS)],
  [Mnemonic.Lss, loadFarPointer(SEGMENT_SS)],
  [Mnemonic.Swapgs, privileged(swapgs)],
  [Mnemonic.Rdfsbase, readBase(CPU_FS_BASE)],
  [Mnemonic.Rdgsbase, readBase(CPU_GS_BASE)],
  [Mnemonic.Wrfsbase, writeBase(CPU_FS_BASE)],
  [Mnemonic.Wrgsbase, writeBase(CPU_GS_BASE)],
];
