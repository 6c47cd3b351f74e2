/**
 * IN, OUT, INS and OUTS (SDM vol. 2; vol. 1, 19.5): I/O privilege, the I/O permission bitmap, VM exits, and the ports of a CPU
 * outside VMX non-root operation.
 */
import { Mnemonic, Register } from 'iced-x86';
import { EXIT_REASON_IO_INSTRUCTION } from '../../vmx/exit-reason.js';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { generalProtection } from '../fault.js';
import { ACCESS_READ, ACCESS_WRITE, PRIVILEGE_IMPLICIT } from '../layout.js';
import { addressBytes } from '../legacy/operand-size.js';
import { inProtectedMode } from '../legacy/segmentation.js';
import { LinearRange } from '../linear-access.js';
import { DONE, PASS, WAIT, type Outcome } from '../outcome.js';
import { SEGMENT_TR } from '../segments.js';
import { hasIoPrivilege } from './flags.js';
import { chargeSystem, intercept, type Handler, type HandlerTable } from './handler.js';
import {
  addressSizeCode,
  gprNumber,
  mapOperand,
  memoryOperand,
  operandRange,
  registerOperand,
  segmentNumber,
} from './operands.js';
import { elementStep, memoryOperands, moveRegister, repeated } from './repetition.js';

/** I/O ports of a CPU outside VMX non-root operation. */
export interface Ports {
  /** Value of a port, zero-extended. */
  read(port: number, size: IoSize): number;
  write(port: number, size: IoSize, value: number): void;
}

export type IoSize = 1 | 2 | 4;

const RAX = 0;
const RDX = 2;
const QUALIFICATION_IN = 1 << 3;
const QUALIFICATION_STRING = 1 << 4;
const QUALIFICATION_REP = 1 << 5;
const QUALIFICATION_IMMEDIATE = 1 << 6;
const PORT_SHIFT = 0x1_0000;
const TSS_IO_MAP_BASE = 102;

function accumulatorSize(register: Register): IoSize {
  if (register === Register.AL) return 1;
  return register === Register.AX ? 2 : 4;
}

/** Port number: an immediate byte, or DX. */
function portOf(cpu: Cpu, instruction: DecodedInstruction, index: number): number {
  const operand = instruction.operands.at(index);
  return operand?.kind === 'immediate' ? Number(operand.value) & 0xff : cpu.gprLow(RDX) & 0xffff;
}

const taskState = new LinearRange();

/** DONE = allowed. Without I/O privilege every port of the access needs a zero bit in the TSS's I/O map. */
function checkPermission(cpu: Cpu, port: number, size: IoSize): Outcome {
  if (!inProtectedMode(cpu) || hasIoPrivilege(cpu)) return DONE;
  const tr = cpu.segments[SEGMENT_TR];
  if (TSS_IO_MAP_BASE + 1 > tr.limit) return generalProtection(cpu);
  let outcome = taskState.map(cpu, tr.base + TSS_IO_MAP_BASE, 2, ACCESS_READ, PRIVILEGE_IMPLICIT);
  if (outcome !== DONE) return outcome;
  const at = taskState.read16(cpu.memory, 0) + (port >>> 3);
  if (at + 1 > tr.limit) return generalProtection(cpu);
  outcome = taskState.map(cpu, tr.base + at, 2, ACCESS_READ, PRIVILEGE_IMPLICIT);
  if (outcome !== DONE) return outcome;
  const bits = (taskState.read16(cpu.memory, 0) >>> (port & 7)) & ((1 << size) - 1);
  return bits === 0 ? DONE : generalProtection(cpu);
}

function input(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  const size = accumulatorSize(registerOperand(instruction, 0));
  const port = portOf(cpu, instruction, 1);
  let outcome = checkPermission(cpu, port, size);
  if (outcome !== DONE) return outcome;
  outcome = interceptPort(cpu, instruction, 1, port, size, QUALIFICATION_IN);
  if (outcome !== PASS) return outcome;
  chargeSystem(cpu);
  if (cpu.clock.mustWait(cpu)) return WAIT;
  const value = cpu.ports === null ? 0xffff_ffff : cpu.ports.read(port, size);
  storeAccumulator(cpu, size, value);
  return DONE;
}

function storeAccumulator(cpu: Cpu, size: IoSize, value: number): void {
  const old = cpu.gprLow(RAX);
  if (size === 4) cpu.setGprWords(RAX, 0, value >>> 0);
  else if (size === 2) cpu.setGprWords(RAX, cpu.gprHigh(RAX), ((old & ~0xffff) | (value & 0xffff)) >>> 0);
  else cpu.setGprWords(RAX, cpu.gprHigh(RAX), ((old & ~0xff) | (value & 0xff)) >>> 0);
}

function output(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  const size = accumulatorSize(registerOperand(instruction, 1));
  const port = portOf(cpu, instruction, 0);
  let outcome = checkPermission(cpu, port, size);
  if (outcome !== DONE) return outcome;
  outcome = interceptPort(cpu, instruction, 0, port, size, 0);
  if (outcome !== PASS) return outcome;
  chargeSystem(cpu);
  if (cpu.clock.mustWait(cpu)) return WAIT;
  const value = cpu.gprLow(RAX);
  cpu.ports?.write(port, size, size === 4 ? value : value & ((1 << (size * 8)) - 1));
  return DONE;
}

function interceptPort(
  cpu: Cpu,
  instruction: DecodedInstruction,
  portIndex: number,
  port: number,
  size: IoSize,
  direction: number,
): Outcome {
  const immediate = instruction.operands.at(portIndex)?.kind === 'immediate' ? QUALIFICATION_IMMEDIATE : 0;
  const qualification = port * PORT_SHIFT + (immediate | direction | (size - 1));
  return intercept(cpu, EXIT_REASON_IO_INSTRUCTION, qualification, instruction.length);
}

/** INS and OUTS: VM exits, with address size and segment in the instruction information. */
function stringIo(size: IoSize, direction: number): Handler {
  return (cpu, instruction) => {
    const port = cpu.gprLow(RDX) & 0xffff;
    const permission = checkPermission(cpu, port, size);
    if (permission !== DONE) return permission;
    const repeats = instruction.rep || instruction.repne ? QUALIFICATION_REP : 0;
    const qualification = port * PORT_SHIFT + (QUALIFICATION_STRING | repeats | direction | (size - 1));
    const memory = memoryOperand(instruction, direction === 0 ? 1 : 0);
    const segment = memory === null ? 0 : Math.max(segmentNumber(memory.segment), 0);
    const info = (addressSizeCode(instruction) << 7) | (segment << 15);
    const outcome = intercept(cpu, EXIT_REASON_IO_INSTRUCTION, qualification, instruction.length, info);
    if (outcome !== PASS) return outcome;
    chargeSystem(cpu);
    return repeated(cpu, instruction, () => transferElement(cpu, instruction, port, size, direction !== 0));
  };
}

/** One element between a port and memory at ES:rDI (INS) or at rSI (OUTS). */
function transferElement(
  cpu: Cpu,
  instruction: DecodedInstruction,
  port: number,
  size: IoSize,
  isInput: boolean,
): Outcome {
  const [operand] = memoryOperands(instruction);
  const sized = { ...instruction, addressSize: (addressBytes(operand.base) * 8) as 16 | 32 | 64 };
  const outcome = mapOperand(cpu, sized, operand, size, isInput ? ACCESS_WRITE : ACCESS_READ);
  if (outcome !== DONE) return outcome;
  if (cpu.clock.mustWait(cpu)) return WAIT;
  if (isInput) storeElement(cpu, size, cpu.ports === null ? 0xffff_ffff : cpu.ports.read(port, size));
  else cpu.ports?.write(port, size, loadElement(cpu, size));
  moveRegister(cpu, gprNumber(operand.base), addressBytes(operand.base), elementStep(cpu, size));
  return DONE;
}

function storeElement({ memory }: Cpu, size: IoSize, value: number): void {
  if (size === 4) operandRange.write32(memory, 0, value);
  else if (size === 2) operandRange.write16(memory, 0, value & 0xffff);
  else operandRange.write8(memory, 0, value & 0xff);
}

function loadElement({ memory }: Cpu, size: IoSize): number {
  if (size === 4) return operandRange.read32(memory, 0);
  return size === 2 ? operandRange.read16(memory, 0) : operandRange.read8(memory, 0);
}

export const IO_INSTRUCTIONS: HandlerTable = [
  [Mnemonic.In, input],
  [Mnemonic.Out, output],
  [Mnemonic.Insb, stringIo(1, QUALIFICATION_IN)],
  [Mnemonic.Insw, stringIo(2, QUALIFICATION_IN)],
  [Mnemonic.Insd, stringIo(4, QUALIFICATION_IN)],
  [Mnemonic.Outsb, stringIo(1, 0)],
  [Mnemonic.Outsw, stringIo(2, 0)],
  [Mnemonic.Outsd, stringIo(4, 0)],
];
