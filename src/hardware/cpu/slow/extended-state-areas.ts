/**
 * FXSAVE, FXRSTOR, XSAVE and XRSTOR (SDM vol. 1, 10.5 and 13.7 to 13.8), and the control instructions of the x87 unit.
 *
 * Left out: x87 arithmetic, FNSAVE and FNSTENV; XSAVEOPT, XSAVEC, XSAVES, which CPUID does not announce.
 */
import { Mnemonic, Register } from 'iced-x86';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import {
  extendedState,
  FX_CONTROL,
  FX_MXCSR,
  FX_SIZE,
  FX_STACK,
  FX_STATUS,
  FX_XMM,
  initializeSse,
  initializeX87,
  MXCSR_BITS,
  readState16,
  writeState16,
  x87Available,
  XMM_SIZE,
} from '../extended-state.js';
import { fault, generalProtection, invalidOpcode, VECTOR_MF, VECTOR_NM } from '../fault.js';
import { ACCESS_READ, ACCESS_RMW, ACCESS_WRITE, CPU_MODE, MODE_64 } from '../layout.js';
import { CR0_MP, CR0_TS, CR4_OSXSAVE } from '../mode.js';
import { DONE, type Outcome } from '../outcome.js';
import { hasPendingX87Exception } from '../vector/mmx-state.js';
import { chargeSystem, type Handler, type HandlerTable } from './handler.js';
import { mapOperand, memoryOperand, operandRange, registerOperand, writeWord, type MemoryOperand } from './operands.js';

const RAX = 0;
const X87 = 1;
const SSE = 2;
const HEADER = FX_SIZE;
const HEADER_SIZE = 64;
/** XCOMP_BV and the bytes behind it must be 0 in the standard format. */
const HEADER_RESERVED_END = 24;

function mapArea(cpu: Cpu, instruction: DecodedInstruction, size: number, access: number, alignment: number): Outcome {
  return mapOperand(cpu, instruction, memoryOperand(instruction, 0) as MemoryOperand, size, access, alignment);
}

/** Outside 64-bit mode there are eight XMM registers. */
function xmmEnd(cpu: Cpu): number {
  return FX_XMM + (cpu.word(CPU_MODE) === MODE_64 ? 16 : 8) * XMM_SIZE;
}

function save(cpu: Cpu, from: number, to: number): void {
  const state = extendedState(cpu);
  for (let at = from; at < to; at++) operandRange.write8(cpu.memory, at, state[at]);
}

function restore(cpu: Cpu, from: number, to: number): void {
  const state = extendedState(cpu);
  for (let at = from; at < to; at++) state[at] = operandRange.read8(cpu.memory, at);
}

function hasValidMxcsr(cpu: Cpu): boolean {
  return (operandRange.read32(cpu.memory, FX_MXCSR) & ~MXCSR_BITS) === 0;
}

function fxsave(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  let outcome = x87Available(cpu);
  if (outcome !== DONE) return outcome;
  chargeSystem(cpu);
  outcome = mapArea(cpu, instruction, FX_SIZE, ACCESS_WRITE, 16);
  if (outcome === DONE) save(cpu, 0, xmmEnd(cpu));
  return outcome;
}

function fxrstor(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  let outcome = x87Available(cpu);
  if (outcome !== DONE) return outcome;
  chargeSystem(cpu);
  outcome = mapArea(cpu, instruction, FX_SIZE, ACCESS_READ, 16);
  if (outcome !== DONE) return outcome;
  if (!hasValidMxcsr(cpu)) return generalProtection(cpu);
  restore(cpu, 0, FX_MXCSR + 4);
  restore(cpu, FX_STACK, xmmEnd(cpu));
  return DONE;
}

function xsaveAvailable(cpu: Cpu): Outcome {
  if ((cpu.cr4 & CR4_OSXSAVE) === 0) return invalidOpcode(cpu);
  return (cpu.cr0 & CR0_TS) !== 0 ? fault(cpu, VECTOR_NM) : DONE;
}

/** Requested-feature bitmap; bits 63:32 of XCR0 are 0. */
function requested(cpu: Cpu): number {
  return cpu.msrs.xcr0 & cpu.gprLow(RAX);
}

function xsave(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  let outcome = xsaveAvailable(cpu);
  if (outcome !== DONE) return outcome;
  chargeSystem(cpu);
  outcome = mapArea(cpu, instruction, FX_SIZE + HEADER_SIZE, ACCESS_RMW, 64);
  if (outcome !== DONE) return outcome;
  const features = requested(cpu);
  if ((features & X87) !== 0) {
    save(cpu, 0, FX_MXCSR);
    save(cpu, FX_STACK, FX_XMM);
  }
  if ((features & SSE) !== 0) {
    save(cpu, FX_MXCSR, FX_STACK);
    save(cpu, FX_XMM, xmmEnd(cpu));
  }
  operandRange.write32(cpu.memory, HEADER, operandRange.read32(cpu.memory, HEADER) | features);
  return DONE;
}

function isValidHeader(cpu: Cpu): boolean {
  const { memory } = cpu;
  if ((operandRange.read32(memory, HEADER) & ~cpu.msrs.xcr0) !== 0) return false;
  for (let at = HEADER + 4; at < HEADER + HEADER_RESERVED_END; at += 4) {
    if (operandRange.read32(memory, at) !== 0) return false;
  }
  return true;
}

/** What the area does not hold goes to its initial configuration. */
function xrstor(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  let outcome = xsaveAvailable(cpu);
  if (outcome !== DONE) return outcome;
  chargeSystem(cpu);
  outcome = mapArea(cpu, instruction, FX_SIZE + HEADER_SIZE, ACCESS_READ, 64);
  if (outcome !== DONE) return outcome;
  const features = requested(cpu);
  const loadsSse = (features & SSE) !== 0;
  if (!isValidHeader(cpu) || (loadsSse && !hasValidMxcsr(cpu))) return generalProtection(cpu);
  const held = operandRange.read32(cpu.memory, HEADER);
  if ((features & X87) !== 0) restoreX87(cpu, (held & X87) !== 0);
  if (loadsSse) restoreSse(cpu, (held & SSE) !== 0);
  return DONE;
}

function restoreX87(cpu: Cpu, isHeld: boolean): void {
  if (isHeld) {
    restore(cpu, 0, FX_MXCSR);
    restore(cpu, FX_STACK, FX_XMM);
  } else {
    initializeX87(cpu);
    extendedState(cpu).fill(0, FX_STACK, FX_XMM);
  }
}

function restoreSse(cpu: Cpu, isHeld: boolean): void {
  restore(cpu, FX_MXCSR, FX_MXCSR + 4);
  if (isHeld) restore(cpu, FX_XMM, xmmEnd(cpu));
  else initializeSse(cpu);
}

// ---- x87 control

function x87(handler: Handler): Handler {
  return (cpu, instruction) => {
    const outcome = x87Available(cpu);
    if (outcome !== DONE) return outcome;
    chargeSystem(cpu);
    return handler(cpu, instruction);
  };
}

const fninit = x87((cpu) => {
  initializeX87(cpu);
  return DONE;
});

/** FNCLEX: status bits 7:0 and 15. */
const fnclex = x87((cpu) => {
  writeState16(cpu, FX_STATUS, readState16(cpu, FX_STATUS) & 0x7f00);
  return DONE;
});

const fldcw = x87((cpu, instruction) => {
  if (hasPendingX87Exception(cpu)) return fault(cpu, VECTOR_MF);
  const outcome = mapOperand(cpu, instruction, memoryOperand(instruction, 0) as MemoryOperand, 2, ACCESS_READ);
  if (outcome === DONE) writeState16(cpu, FX_CONTROL, operandRange.read16(cpu.memory, 0));
  return outcome;
});

/** FNSTCW and FNSTSW; the latter also to AX. */
const storeWord = (offset: number): Handler =>
  x87((cpu, instruction) => {
    const value = readState16(cpu, offset);
    if (registerOperand(instruction, 0) === Register.None) return writeWord(cpu, instruction, 0, value, ACCESS_WRITE);
    cpu.setGprWords(RAX, cpu.gprHigh(RAX), ((cpu.gprLow(RAX) & 0xffff_0000) | value) >>> 0);
    return DONE;
  });

function fwait(cpu: Cpu): Outcome {
  if ((cpu.cr0 & (CR0_MP | CR0_TS)) === (CR0_MP | CR0_TS)) return fault(cpu, VECTOR_NM);
  if (hasPendingX87Exception(cpu)) return fault(cpu, VECTOR_MF);
  chargeSystem(cpu);
  return DONE;
}

export const EXTENDED_STATE_INSTRUCTIONS: HandlerTable = [
  [Mnemonic.Fxsave, fxsave],
  [Mnemonic.Fxsave64, fxsave],
  [Mnemonic.Fxrstor, fxrstor],
  [Mnemonic.Fxrstor64, fxrstor],
  [Mnemonic.Xsave, xsave],
  [Mnemonic.Xsave64, xsave],
  [Mnemonic.Xrstor, xrstor],
  [Mnemonic.Xrstor64, xrstor],
  [Mnemonic.Fninit, fninit],
  [Mnemonic.Fnclex, fnclex],
  [Mnemonic.Fldcw, fldcw],
  [Mnemonic.Fnstcw, storeWord(FX_CONTROL)],
  [Mnemonic.Fnstsw, storeWord(FX_STATUS)],
  [Mnemonic.Fnop, x87((cpu) => (hasPendingX87Exception(cpu) ? fault(cpu, VECTOR_MF) : DONE))],
  [Mnemonic.Wait, fwait],
];
