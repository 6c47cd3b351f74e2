/**
 * FXSAVE, FXRSTOR, XSAVE and XRSTOR (SDM vol. 1, 10.5 and 13.7 to 13.8).
 *
 * Left out: XSAVEOPT, XSAVEC, XSAVES, which CPUID does not announce.
 */
import { Mnemonic } from 'iced-x86';
import { CR0_TS, CR4_OSXSAVE } from '../control-register-bits.js';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { VECTOR_NM } from '../exception-vector.js';
import {
  extendedState,
  FX_CONTROL,
  FX_DATA,
  FX_INSTRUCTION,
  FX_MXCSR,
  FX_OPCODE,
  FX_SIZE,
  FX_STACK,
  FX_TAGS,
  FX_XMM,
  initializeSse,
  initializeX87,
  MXCSR_BITS,
  readState16,
  setX87Control,
  x87Available,
  XMM_SIZE,
} from '../extended-state.js';
import { fault, generalProtection, invalidOpcode } from '../fault.js';
import { ACCESS_READ, ACCESS_RMW, ACCESS_WRITE, CPU_MODE, MODE_64 } from '../layout.js';
import { DONE, type Outcome } from '../outcome.js';
import { chargeSystem, type HandlerTable } from './handler.js';
import { mapOperand, memoryOperand, operandRange, type MemoryOperand } from './operands.js';

const RAX = 0;
const X87 = 1;
const SSE = 2;
const HEADER = FX_SIZE;
const HEADER_SIZE = 64;
const WIDE = new Set<number>([Mnemonic.Fxsave64, Mnemonic.Fxrstor64, Mnemonic.Xsave64, Mnemonic.Xrstor64]);
const OPCODE_HIGH_BITS = 7;
const REGISTER_SIZE = 10;
const REGISTER_SPACING = 16;
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

/** The forms with REX.W have addresses of 64 bits; the others have 32 bits, and a selector, which is 0. */
function addressBytes({ mnemonic }: DecodedInstruction): number {
  return WIDE.has(mnemonic) ? 8 : 4;
}

function saveX87(cpu: Cpu, instruction: DecodedInstruction): void {
  save(cpu, 0, FX_MXCSR);
  for (const address of [FX_INSTRUCTION, FX_DATA]) {
    for (let byte = addressBytes(instruction); byte < 8; byte++) operandRange.write8(cpu.memory, address + byte, 0);
  }
  save(cpu, FX_STACK, FX_XMM);
}

/** What is reserved stays 0. */
function restoreX87(cpu: Cpu, instruction: DecodedInstruction): void {
  const state = extendedState(cpu);
  state.fill(0, 0, FX_MXCSR);
  restore(cpu, FX_CONTROL, FX_TAGS + 1);
  restore(cpu, FX_OPCODE, FX_INSTRUCTION);
  state[FX_INSTRUCTION - 1] &= OPCODE_HIGH_BITS;
  for (const address of [FX_INSTRUCTION, FX_DATA]) restore(cpu, address, address + addressBytes(instruction));
  for (let register = FX_STACK; register < FX_XMM; register += REGISTER_SPACING) {
    restore(cpu, register, register + REGISTER_SIZE);
  }
  setX87Control(cpu, readState16(cpu, FX_CONTROL));
}

function hasValidMxcsr(cpu: Cpu): boolean {
  return (operandRange.read32(cpu.memory, FX_MXCSR) & ~MXCSR_BITS) === 0;
}

function fxsave(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  let outcome = x87Available(cpu);
  if (outcome !== DONE) return outcome;
  chargeSystem(cpu);
  outcome = mapArea(cpu, instruction, FX_SIZE, ACCESS_WRITE, 16);
  if (outcome !== DONE) return outcome;
  saveX87(cpu, instruction);
  save(cpu, FX_MXCSR, FX_STACK);
  save(cpu, FX_XMM, xmmEnd(cpu));
  return DONE;
}

function fxrstor(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  let outcome = x87Available(cpu);
  if (outcome !== DONE) return outcome;
  chargeSystem(cpu);
  outcome = mapArea(cpu, instruction, FX_SIZE, ACCESS_READ, 16);
  if (outcome !== DONE) return outcome;
  if (!hasValidMxcsr(cpu)) return generalProtection(cpu);
  restoreX87(cpu, instruction);
  restore(cpu, FX_MXCSR, FX_MXCSR + 4);
  restore(cpu, FX_XMM, xmmEnd(cpu));
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
  if ((features & X87) !== 0) saveX87(cpu, instruction);
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
  if ((features & X87) !== 0) {
    if ((held & X87) !== 0) restoreX87(cpu, instruction);
    else resetX87(cpu);
  }
  if (loadsSse) restoreSse(cpu, (held & SSE) !== 0);
  return DONE;
}

/** The initial configuration of x87 state. */
function resetX87(cpu: Cpu): void {
  initializeX87(cpu);
  extendedState(cpu).fill(0, FX_STACK, FX_XMM);
}

function restoreSse(cpu: Cpu, isHeld: boolean): void {
  restore(cpu, FX_MXCSR, FX_MXCSR + 4);
  if (isHeld) restore(cpu, FX_XMM, xmmEnd(cpu));
  else initializeSse(cpu);
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
];
