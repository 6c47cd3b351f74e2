/**
 * Decodes the instructions with which software talks to memory-mapped devices: MOV between a register or an immediate
 * and memory, MOVZX, MOVSX and MOVSXD, in 64-bit mode (SDM vol. 2, MOV; KVM's emulate.c decodes the same table). The
 * address is not computed: the exit that led here has reported it.
 *
 * Left out: read-modify-write and string instructions, 16/32-bit modes.
 */

/** A decoded access; one object, reused. */
export interface MovAccess {
  /** Memory is written (else read). */
  write: boolean;
  /** Bytes of the memory operand. */
  size: number;
  /** Register operand 0..15, or -1 for an immediate. */
  register: number;
  /** The register operand is AH, CH, DH or BH (register 0..3, bits 15:8). */
  highByte: boolean;
  /** Sign-extended immediate, low 32 bits; high bits follow its sign. */
  immediate: number;
  /** Bytes of the register that a read writes. */
  registerSize: number;
  signExtend: boolean;
  length: number;
}

const OPERAND_SIZE_PREFIX = 0x66;
const ADDRESS_SIZE_PREFIX = 0x67;
const REX_W = 8;
const REX_R = 4;

/** Decodes `bytes` into `access`; false for anything else. */
export function decodeMov(bytes: Uint8Array, access: MovAccess): boolean {
  let at = 0;
  let operand16 = false;
  let address32 = false;
  for (; isLegacyPrefix(bytes[at]); at++) {
    operand16 ||= bytes[at] === OPERAND_SIZE_PREFIX;
    address32 ||= bytes[at] === ADDRESS_SIZE_PREFIX;
  }
  let rex = 0;
  if ((bytes[at] & 0xf0) === 0x40) rex = bytes[at++];
  const operandSize = (rex & REX_W) !== 0 ? 8 : operand16 ? 2 : 4;
  const twoByte = bytes[at] === 0x0f;
  const opcode = twoByte ? 0x0f00 | bytes[at + 1] : bytes[at];
  at += twoByte ? 2 : 1;
  if (!describe(opcode, operandSize, access)) return false;

  if (isOffsetForm(opcode)) {
    access.register = 0;
    access.highByte = false;
    access.length = at + (address32 ? 4 : 8);
    return true;
  }
  const modrm = bytes[at];
  if (modrm >>> 6 === 3) return false;
  const register = ((modrm >>> 3) & 7) | ((rex & REX_R) !== 0 ? 8 : 0);
  const isByteRegister = (access.write ? access.size : access.registerSize) === 1;
  access.highByte = isByteRegister && rex === 0 && register >= 4;
  at += modrmLength(bytes, at);
  if (opcode === 0xc6 || opcode === 0xc7) {
    access.register = -1;
    access.highByte = false;
    const immediateSize = Math.min(4, access.size);
    access.immediate = signed(bytes, at, immediateSize);
    at += immediateSize;
  } else {
    access.register = access.highByte ? register - 4 : register;
  }
  access.length = at;
  return at <= 15;
}

function describe(opcode: number, operandSize: number, access: MovAccess): boolean {
  access.signExtend = false;
  access.registerSize = operandSize;
  access.size = operandSize;
  access.write = false;
  switch (opcode) {
    case 0xa0: // MOV AL, moffs8
      access.size = 1;
      access.registerSize = 1;
      return true;
    case 0xa1: // MOV eAX, moffs
      return true;
    case 0xa2: // MOV moffs8, AL
      access.write = true;
      access.size = 1;
      return true;
    case 0xa3: // MOV moffs, eAX
      access.write = true;
      return true;
    case 0x88: // MOV r/m8, r8
    case 0xc6: // MOV r/m8, imm8
      access.write = true;
      access.size = 1;
      return true;
    case 0x89: // MOV r/m, r
    case 0xc7: // MOV r/m, imm
      access.write = true;
      return true;
    case 0x8a: // MOV r8, r/m8
      access.size = 1;
      access.registerSize = 1;
      return true;
    case 0x8b: // MOV r, r/m
      return true;
    case 0x63: // MOVSXD r, r/m32
      access.size = 4;
      access.signExtend = true;
      return true;
    case 0x0fb6: // MOVZX r, r/m8
    case 0x0fb7: // MOVZX r, r/m16
    case 0x0fbe: // MOVSX r, r/m8
    case 0x0fbf: // MOVSX r, r/m16
      access.size = (opcode & 1) === 0 ? 1 : 2;
      access.signExtend = opcode >= 0x0fbe;
      return true;
    default:
      return false;
  }
}

/** MOV between the accumulator and an address that the instruction holds. */
function isOffsetForm(opcode: number): boolean {
  return opcode >= 0xa0 && opcode <= 0xa3;
}

function isLegacyPrefix(byte: number): boolean {
  return (
    byte === OPERAND_SIZE_PREFIX ||
    byte === ADDRESS_SIZE_PREFIX ||
    byte === 0x2e ||
    byte === 0x36 ||
    byte === 0x3e ||
    byte === 0x26 ||
    byte === 0x64 ||
    byte === 0x65
  );
}

/** Bytes of ModRM, SIB and displacement at `at`. */
function modrmLength(bytes: Uint8Array, at: number): number {
  const modrm = bytes[at];
  const mode = modrm >>> 6;
  const hasSib = (modrm & 7) === 4;
  const base = hasSib ? bytes[at + 1] & 7 : modrm & 7;
  const displacement = mode === 1 ? 1 : mode === 2 || base === 5 ? 4 : 0;
  return 1 + (hasSib ? 1 : 0) + displacement;
}

function signed(bytes: Uint8Array, at: number, size: number): number {
  let value = 0;
  for (let index = size - 1; index >= 0; index--) value = (value << 8) | bytes[at + index];
  const shift = 32 - 8 * size;
  return (value << shift) >> shift;
}
