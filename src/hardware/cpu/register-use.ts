/** Which parts of which general-purpose registers an instruction reads and writes, as iced-x86 knows them. */
import { OpAccess, Register, type InstructionInfo, type UsedRegister } from 'iced-x86';

/** Register parts: bits 7:0, 15:8, 31:16 and 63:32. */
export const PARTS_LOW = 1;
export const PARTS_HIGH = 2;
export const PARTS_16 = 3;
export const PARTS_32 = 7;
export const PARTS_64 = 15;

export interface RegisterUse {
  /** 0 RAX .. 15 R15, or -1 for what is no general-purpose register. */
  readonly number: number;
  readonly parts: number;
  readonly isRead: boolean;
  readonly isWritten: boolean;
}

export function registerUses(info: InstructionInfo): RegisterUse[] {
  return (info.usedRegisters() as UsedRegister[]).map((used) => {
    const { register, access } = used;
    used.free();
    return {
      number: registerNumber(register),
      parts: registerParts(register),
      isRead: access !== OpAccess.Write && access !== OpAccess.None && access !== OpAccess.NoMemAccess,
      isWritten: access >= OpAccess.Write && access <= OpAccess.ReadCondWrite,
    };
  });
}

/** 0 RAX .. 15 R15, or -1 for what is no general-purpose register. */
export function registerNumber(register: Register): number {
  if (register >= Register.AL && register <= Register.BL) return register - Register.AL;
  if (register >= Register.AH && register <= Register.BH) return register - Register.AH;
  if (register >= Register.SPL && register <= Register.R15L) return register - Register.SPL + 4;
  if (register >= Register.AX && register <= Register.R15) return (register - Register.AX) % 16;
  return -1;
}

/** The parts that the name of a general-purpose register stands for. */
export function registerParts(register: Register): number {
  if (register >= Register.RAX) return PARTS_64;
  if (register >= Register.EAX) return PARTS_32;
  if (register >= Register.AX) return PARTS_16;
  return register >= Register.AH && register <= Register.BH ? PARTS_HIGH : PARTS_LOW;
}
