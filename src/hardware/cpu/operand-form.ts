/** Operands of an instruction, as the names of opcodes speak of them (opcodes.ts). */
import { MemorySizeExt, Mnemonic, OpKind, Register, type Instruction } from 'iced-x86';

/** Instructions with a count in CL. */
export const SHIFTS = new Set<number>([
  ...[Mnemonic.Shl, Mnemonic.Sal, Mnemonic.Shr, Mnemonic.Sar, Mnemonic.Rol, Mnemonic.Ror, Mnemonic.Rcl],
  ...[Mnemonic.Rcr, Mnemonic.Shld, Mnemonic.Shrd],
]);

/** As instruction.opKind, which calls into WebAssembly three times for one answer. */
export function kindOf(instruction: Instruction, operand: number): OpKind {
  switch (operand) {
    case 0:
      return instruction.op0Kind;
    case 1:
      return instruction.op1Kind;
    default:
      return instruction.opKind(operand);
  }
}

/** As instruction.opRegister, with fewer calls for the same answer. */
export function registerOf(instruction: Instruction, operand: number): Register {
  switch (operand) {
    case 0:
      return instruction.op0Register;
    case 1:
      return instruction.op1Register;
    default:
      return instruction.opRegister(operand);
  }
}

/** Offset of a general-purpose register in the CPU block, or -1 for any other register. */
export function registerSlot(register: Register): number {
  if (register >= Register.RAX && register <= Register.R15) return (register - Register.RAX) * 8;
  if (register >= Register.EAX && register <= Register.R15D) return (register - Register.EAX) * 8;
  if (register >= Register.AX && register <= Register.R15W) return (register - Register.AX) * 8;
  if (register >= Register.SPL && register <= Register.R15L) return (register - Register.SPL + 4) * 8;
  if (register >= Register.AH && register <= Register.BH) return (register - Register.AH) * 8 + 1;
  if (register >= Register.AL && register <= Register.BL) return (register - Register.AL) * 8;
  return -1;
}

function registerBits(register: Register): number {
  if (register >= Register.RAX && register <= Register.R15) return 64;
  if (register >= Register.EAX && register <= Register.R15D) return 32;
  return register >= Register.AX && register <= Register.R15W ? 16 : 8;
}

/** One letter per operand: R register, C the CL register as a count, M memory, I immediate, J branch target. */
export function formOf(instruction: Instruction): string {
  let form = '';
  for (let i = 0; i < instruction.opCount; i++) form += operandLetter(instruction, i);
  return form;
}

function operandLetter(instruction: Instruction, operand: number): string {
  const kind = kindOf(instruction, operand);
  if (kind === OpKind.Memory) return 'M';
  if (isNearBranch(kind)) return 'J';
  if (kind >= OpKind.Immediate8 && kind <= OpKind.Immediate32to64) return 'I';
  if (kind !== OpKind.Register) return '?';
  const register = registerOf(instruction, operand);
  if (register === Register.CL && operand > 0 && SHIFTS.has(instruction.mnemonic)) return 'C';
  return registerSlot(register) < 0 ? '?' : 'R';
}

/** The target of a jump or call. */
export function isNearBranch(kind: OpKind): boolean {
  return kind === OpKind.NearBranch16 || kind === OpKind.NearBranch32 || kind === OpKind.NearBranch64;
}

/** Width of an operand. */
export function operandBits(instruction: Instruction, operand: number): number {
  switch (kindOf(instruction, operand)) {
    case OpKind.Register:
      return registerBits(registerOf(instruction, operand));
    case OpKind.Memory:
      return MemorySizeExt.size(instruction.memorySize) * 8;
    case OpKind.Immediate16:
    case OpKind.Immediate8to16:
      return 16;
    case OpKind.Immediate32:
    case OpKind.Immediate8to32:
      return 32;
    default:
      return 64;
  }
}
