import { Register } from 'iced-x86';

/** A register operand: iced-x86's number and its width in bits. */
export interface RegisterOperand {
  readonly kind: 'register';
  readonly register: Register;
  readonly bits: 32 | 64;
}

/** A memory operand of a given width; without base and index the displacement is an absolute address. */
export interface MemoryOperandSpec {
  readonly kind: 'memory';
  readonly bits: 32 | 64;
  readonly base: RegisterOperand | null;
  /** Scaled by the operand's size. */
  readonly index: RegisterOperand | null;
  readonly displacement: number;
  readonly gs: boolean;
}

export type Operand = RegisterOperand | MemoryOperandSpec;

function register32(register: Register): RegisterOperand {
  return { kind: 'register', register, bits: 32 };
}

function register64(register: Register): RegisterOperand {
  return { kind: 'register', register, bits: 64 };
}

export const EAX = register32(Register.EAX);
export const ECX = register32(Register.ECX);
export const EDX = register32(Register.EDX);
export const EBX = register32(Register.EBX);
export const EBP = register32(Register.EBP);
export const ESI = register32(Register.ESI);
export const EDI = register32(Register.EDI);
export const RAX = register64(Register.RAX);
export const RCX = register64(Register.RCX);
export const RDX = register64(Register.RDX);
export const RBX = register64(Register.RBX);
export const RSP = register64(Register.RSP);
export const RBP = register64(Register.RBP);
export const RSI = register64(Register.RSI);
export const RDI = register64(Register.RDI);
export const R12 = register64(Register.R12);
export const R13 = register64(Register.R13);
export const R14 = register64(Register.R14);
export const R15 = register64(Register.R15);

type Address = readonly [base: RegisterOperand, displacement?: number] | readonly [address: number];

function memory(bits: 32 | 64, gs: boolean, [first, displacement = 0]: Address): MemoryOperandSpec {
  if (typeof first === 'number') return { kind: 'memory', bits, base: null, index: null, displacement: first, gs };
  return { kind: 'memory', bits, base: first, index: null, displacement, gs };
}

/** Four bytes at `[base + displacement]` or at an absolute address below 2 GiB. */
export function dword(...address: Address): MemoryOperandSpec {
  return memory(32, false, address);
}

/** Eight bytes at `[base + displacement]` or at an absolute address below 2 GiB. */
export function qword(...address: Address): MemoryOperandSpec {
  return memory(64, false, address);
}

/** Element `index` of an array of four-byte words at an address below 2 GiB. */
export function dwordElement(array: number, index: RegisterOperand): MemoryOperandSpec {
  return { kind: 'memory', bits: 32, base: null, index, displacement: array, gs: false };
}

/** Four bytes of the per-CPU area. */
export function perCpuDword(offset: number): MemoryOperandSpec {
  return memory(32, true, [offset]);
}

/** Eight bytes of the per-CPU area. */
export function perCpuQword(offset: number): MemoryOperandSpec {
  return memory(64, true, [offset]);
}
