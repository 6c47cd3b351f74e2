/**
 * VMX instructions in machine code (SDM vol. 3, chapter 31): VM exits in VMX non-root operation, and outside it what the
 * VMX unit does, with the checks of mode, privilege and operands that are not the unit's.
 *
 * Left out: VMCALL as a way into SMM, VMFUNC.
 */
import { Mnemonic } from 'iced-x86';
import { CR0_FIXED0, CR0_FIXED1, CR4_FIXED0 } from '../../vmx/capability.js';
import * as E from '../../vmx/exit-reason.js';
import {
  VMX_FAIL_INVALID,
  VMX_FAIL_VALID,
  VMX_SUCCEED,
  VMX_WAIT,
  type VmxEntryResult,
  type VmxResult,
  type VmxUnit,
} from '../../vmx/vmx-unit.js';
import { CR4_VMXE } from '../control-register-bits.js';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { generalProtection, invalidOpcode } from '../fault.js';
import { ACCESS_READ, ACCESS_WRITE, CPU_MODE, MODE_64 } from '../layout.js';
import { inProtectedMode } from '../legacy/segmentation.js';
import { in64BitMode, inLongMode } from '../mode.js';
import { DONE, PASS, REDIRECTED, WAIT, type Outcome } from '../outcome.js';
import { RFLAGS_ARITHMETIC, RFLAGS_CF, RFLAGS_ZF } from '../rflags.js';
import { chargeSystem, intercept, type Handler, type HandlerTable } from './handler.js';
import {
  displacement,
  gprNumber,
  instructionInformation,
  mapOperand,
  memoryOperand,
  operandRange,
  registerOperand,
  writeRegister,
  type MemoryOperand,
} from './operands.js';

const POINTER_SIZE = 8;
const DESCRIPTOR_SIZE = 16;
const NO_VMCS_WORD = 0xffff_ffff;

/** What an instruction does outside VMX non-root operation, once it may. */
type RootHandler = (cpu: Cpu, instruction: DecodedInstruction, vmx: VmxUnit) => Outcome;

/** Operands that the instruction information of a VM exit describes: the first, and that of reg2. */
interface Described {
  readonly operand?: number;
  readonly second?: number;
}

/** An exit in non-root operation; outside, #UD and #GP as the SDM has them for all VMX instructions but VMXON. */
function vmxInstruction(reason: number, root: RootHandler, described: Described = {}): Handler {
  return (cpu, instruction) => {
    if (!isValidMode(cpu)) return invalidOpcode(cpu);
    if (cpu.nonRoot !== null) return exit(cpu, instruction, reason, described);
    if (!cpu.vmx.inVmxOperation) return invalidOpcode(cpu);
    if (cpu.cpl !== 0) return generalProtection(cpu);
    chargeSystem(cpu);
    return root(cpu, instruction, cpu.vmx);
  };
}

/** Neither real-address mode nor compatibility mode. */
function isValidMode(cpu: Cpu): boolean {
  return inProtectedMode(cpu) && (!inLongMode(cpu) || in64BitMode(cpu));
}

function exit(cpu: Cpu, instruction: DecodedInstruction, reason: number, described: Described): Outcome {
  const { operand = -1, second = -1 } = described;
  let info = operand < 0 ? 0 : instructionInformation(instruction, operand);
  if (second >= 0) info = (info | (gprNumber(registerOperand(instruction, second)) << 28)) >>> 0;
  const qualification =
    operand < 0 || memoryOperand(instruction, operand) === null ? 0 : displacement(cpu, instruction, operand);
  const outcome = intercept(cpu, reason, qualification, instruction.length, info);
  return outcome === PASS ? invalidOpcode(cpu) : outcome;
}

/** VMsucceed, VMfailInvalid and VMfailValid (31.2). */
function conclude(cpu: Cpu, result: VmxResult): Outcome {
  const flag = result === VMX_FAIL_INVALID ? RFLAGS_CF : result === VMX_FAIL_VALID ? RFLAGS_ZF : 0;
  cpu.rflags = (cpu.rflags & ~RFLAGS_ARITHMETIC) | flag;
  return DONE;
}

/** A 64-bit physical address in memory: the operand of VMXON, VMCLEAR and VMPTRLD. */
const pointer = { value: 0 };

function readPointer(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  const operand = memoryOperand(instruction, 0) as MemoryOperand;
  const outcome = mapOperand(cpu, instruction, operand, POINTER_SIZE, ACCESS_READ);
  if (outcome !== DONE) return outcome;
  pointer.value = operandRange.read32(cpu.memory, 4) * 2 ** 32 + operandRange.read32(cpu.memory, 0);
  return DONE;
}

function withPointer(operate: (vmx: VmxUnit, address: number) => VmxResult): RootHandler {
  return (cpu, instruction, vmx) => {
    const outcome = readPointer(cpu, instruction);
    return outcome === DONE ? conclude(cpu, operate(vmx, pointer.value)) : outcome;
  };
}

/** VMXON leads into VMX operation if the control registers have the values that it fixes. */
function vmxon(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  if (!isValidMode(cpu) || (cpu.cr4 & CR4_VMXE) === 0) return invalidOpcode(cpu);
  if (cpu.nonRoot !== null) return exit(cpu, instruction, E.EXIT_REASON_VMON, { operand: 0 });
  if (cpu.cpl !== 0 || (!cpu.vmx.inVmxOperation && !areControlRegistersFixed(cpu))) return generalProtection(cpu);
  chargeSystem(cpu);
  const outcome = readPointer(cpu, instruction);
  return outcome === DONE ? conclude(cpu, cpu.vmx.vmxon(pointer.value)) : outcome;
}

function areControlRegistersFixed({ cr0, cr4 }: Cpu): boolean {
  return ((~cr0 & CR0_FIXED0) | (cr0 & ~CR0_FIXED1) | (~cr4 & CR4_FIXED0)) === 0;
}

function vmptrst(cpu: Cpu, instruction: DecodedInstruction, vmx: VmxUnit): Outcome {
  const operand = memoryOperand(instruction, 0) as MemoryOperand;
  const outcome = mapOperand(cpu, instruction, operand, POINTER_SIZE, ACCESS_WRITE);
  if (outcome !== DONE) return outcome;
  const address = vmx.vmptrst();
  operandRange.write32(cpu.memory, 0, address < 0 ? NO_VMCS_WORD : address >>> 0);
  operandRange.write32(cpu.memory, 4, address < 0 ? NO_VMCS_WORD : Math.floor(address / 2 ** 32));
  return conclude(cpu, VMX_SUCCEED);
}

/** Bytes of the register operands, and of the memory operands of VMREAD and VMWRITE. */
function wordSize(cpu: Cpu): 4 | 8 {
  return cpu.word(CPU_MODE) === MODE_64 ? 8 : 4;
}

/** A field encoding in a register; what has more than 32 bits names no field. */
function encodingIn(cpu: Cpu, instruction: DecodedInstruction, index: number): number {
  const value = cpu.gpr(gprNumber(registerOperand(instruction, index)));
  return Number(wordSize(cpu) === 8 ? value : BigInt.asUintN(32, value));
}

/** VMREAD: memory is checked only for a field that exists. */
function vmread(cpu: Cpu, instruction: DecodedInstruction, vmx: VmxUnit): Outcome {
  const value = vmx.vmread64(encodingIn(cpu, instruction, 1));
  const result = vmx.readResult;
  if (result !== VMX_SUCCEED) return conclude(cpu, result);
  const low = Number(value & 0xffff_ffffn);
  const high = Number(value >> 32n);
  const memory = memoryOperand(instruction, 0);
  if (memory === null) writeRegister(cpu, registerOperand(instruction, 0), high, low);
  else {
    const outcome = mapOperand(cpu, instruction, memory, wordSize(cpu), ACCESS_WRITE);
    if (outcome !== DONE) return outcome;
    operandRange.write32(cpu.memory, 0, low);
    if (wordSize(cpu) === 8) operandRange.write32(cpu.memory, 4, high);
  }
  return conclude(cpu, result);
}

function vmwrite(cpu: Cpu, instruction: DecodedInstruction, vmx: VmxUnit): Outcome {
  const field = encodingIn(cpu, instruction, 0);
  const wide = wordSize(cpu) === 8;
  const memory = memoryOperand(instruction, 1);
  if (memory === null) {
    const register = gprNumber(registerOperand(instruction, 1));
    return conclude(cpu, vmx.vmwriteWords(field, wide ? cpu.gprHigh(register) : 0, cpu.gprLow(register)));
  }
  const outcome = mapOperand(cpu, instruction, memory, wordSize(cpu), ACCESS_READ);
  if (outcome !== DONE) return outcome;
  const high = wide ? operandRange.read32(cpu.memory, 4) : 0;
  return conclude(cpu, vmx.vmwriteWords(field, high, operandRange.read32(cpu.memory, 0)));
}

/** VMLAUNCH and VMRESUME: the guest goes on, or a VM exit has loaded the host state, unless they fail. */
function entry(enter: (vmx: VmxUnit) => VmxEntryResult): RootHandler {
  return (cpu, _instruction, vmx) => {
    const result = enter(vmx);
    if (result === VMX_WAIT) return WAIT;
    if (result !== VMX_SUCCEED) return conclude(cpu, result);
    cpu.retire(0);
    return REDIRECTED;
  };
}

/** INVEPT and INVVPID: a type in a register, a descriptor of 16 bytes in memory. */
function invalidate(operate: (vmx: VmxUnit, type: number, cpu: Cpu) => VmxResult): RootHandler {
  return (cpu, instruction, vmx) => {
    const operand = memoryOperand(instruction, 1) as MemoryOperand;
    const outcome = mapOperand(cpu, instruction, operand, DESCRIPTOR_SIZE, ACCESS_READ);
    return outcome === DONE ? conclude(cpu, operate(vmx, encodingIn(cpu, instruction, 0), cpu)) : outcome;
  };
}

function invept(vmx: VmxUnit, type: number, { memory }: Cpu): VmxResult {
  return vmx.invept(type, operandRange.readSigned(memory, 0));
}

/** The VPID in bits 15:0, a linear address in bits 127:64; the bits between must be 0. */
function invvpid(vmx: VmxUnit, type: number, { memory }: Cpu): VmxResult {
  const isReserved = (operandRange.read32(memory, 0) & 0xffff_0000) !== 0 || operandRange.read32(memory, 4) !== 0;
  if (isReserved) return vmx.refuseInvalidation();
  return vmx.invvpid(type, operandRange.read16(memory, 0), operandRange.readSigned(memory, 8));
}

// prettier-ignore
/** An INIT that VMX operation has blocked comes now. */
function vmxoff(cpu: Cpu, vmx: VmxUnit): Outcome {
  cpu.attention = true;
  return conclude(cpu, vmx.vmxoff());
}

export const VMX_INSTRUCTIONS: HandlerTable = [
  [Mnemonic.Vmcall, vmxInstruction(E.EXIT_REASON_VMCALL, (cpu, _, vmx) => conclude(cpu, vmx.vmcall()))],
  [
    Mnemonic.Vmclear,
    vmxInstruction(
      E.EXIT_REASON_VMCLEAR,
      withPointer((vmx, at) => vmx.vmclear(at)),
      { operand: 0 },
    ),
  ],
  [
    Mnemonic.Vmlaunch,
    vmxInstruction(
      E.EXIT_REASON_VMLAUNCH,
      entry((vmx) => vmx.vmlaunch()),
    ),
  ],
  [
    Mnemonic.Vmptrld,
    vmxInstruction(
      E.EXIT_REASON_VMPTRLD,
      withPointer((vmx, at) => vmx.vmptrld(at)),
      { operand: 0 },
    ),
  ],
  [Mnemonic.Vmptrst, vmxInstruction(E.EXIT_REASON_VMPTRST, vmptrst, { operand: 0 })],
  [Mnemonic.Vmread, vmxInstruction(E.EXIT_REASON_VMREAD, vmread, { operand: 0, second: 1 })],
  [
    Mnemonic.Vmresume,
    vmxInstruction(
      E.EXIT_REASON_VMRESUME,
      entry((vmx) => vmx.vmresume()),
    ),
  ],
  [Mnemonic.Vmwrite, vmxInstruction(E.EXIT_REASON_VMWRITE, vmwrite, { operand: 1, second: 0 })],
  [Mnemonic.Vmxoff, vmxInstruction(E.EXIT_REASON_VMOFF, (cpu, _, vmx) => vmxoff(cpu, vmx))],
  [Mnemonic.Vmxon, vmxon],
  [Mnemonic.Invept, vmxInstruction(E.EXIT_REASON_INVEPT, invalidate(invept), { operand: 1, second: 0 })],
  [Mnemonic.Invvpid, vmxInstruction(E.EXIT_REASON_INVVPID, invalidate(invvpid), { operand: 1, second: 0 })],
  [Mnemonic.Vmfunc, vmxInstruction(E.EXIT_REASON_VMFUNC, (cpu) => invalidOpcode(cpu))],
];
