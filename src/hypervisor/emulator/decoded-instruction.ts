/**
 * Decodes what KVM's emulator knows of the instruction set (opcode_table and twobyte_table, emulate.c), in 16-, 32- and
 * 64-bit code: MOV in all its forms, arithmetic and bit instructions with one memory operand, string instructions and string
 * I/O.
 *
 * Left out: shifts, CMOVcc, SETcc, PUSH, POP and CALL with a device as their operand, SSE moves.
 */
import {
  Decoder,
  DecoderOptions,
  MemorySizeExt,
  Mnemonic,
  OpKind,
  Register,
  RegisterExt,
  type Instruction,
} from 'iced-x86';

/** A general-purpose register as an operand. */
export interface RegisterOperand {
  /** 0 RAX .. 15 R15. */
  readonly number: number;
  /** Bytes. */
  readonly size: number;
  /** AH, CH, DH or BH: bits 15:8 of registers 0-3. */
  readonly high: boolean;
}

/** What an instruction does with its operands. */
export type Operation =
  | ('move' | 'move-zero-extended' | 'move-sign-extended' | 'exchange' | 'exchange-add' | 'compare-exchange')
  | ('add' | 'or' | 'adc' | 'sbb' | 'and' | 'sub' | 'xor' | 'cmp' | 'test')
  | ('inc' | 'dec' | 'not' | 'neg')
  | ('bt' | 'bts' | 'btr' | 'btc')
  | 'store-machine-status'
  | ('movs' | 'stos' | 'lods' | 'cmps' | 'scas' | 'ins' | 'outs');

export interface EmulatedInstruction {
  readonly operation: Operation;
  readonly length: number;
  /** Bytes of the memory operand, or of one element. */
  readonly size: number;
  /** The memory operand is the first one. */
  readonly memoryFirst: boolean;
  /** The other operand: a register, or else the immediate, sign-extended to 64 bits and unsigned. */
  readonly register: RegisterOperand | null;
  readonly immediate: bigint;
  // String instructions
  readonly repeats: boolean;
  /** The prefix is REPNE: CMPS and SCAS end at elements that are equal, not at others. */
  readonly endsAtEqual: boolean;
  /** Bytes of the index registers and the count. */
  readonly addressSize: number;
  /** Segment of the source: 0 ES .. 5 GS. */
  readonly segment: number;
}

// prettier-ignore
const OPERATIONS = new Map<Mnemonic, Operation>([
  [Mnemonic.Mov,   'move'], [Mnemonic.Movnti, 'move'],
  [Mnemonic.Movzx, 'move-zero-extended'],
  [Mnemonic.Movsx, 'move-sign-extended'], [Mnemonic.Movsxd, 'move-sign-extended'],
  [Mnemonic.Xchg,  'exchange'], [Mnemonic.Xadd, 'exchange-add'], [Mnemonic.Cmpxchg, 'compare-exchange'],
  [Mnemonic.Add,   'add'], [Mnemonic.Or,  'or'],  [Mnemonic.Adc, 'adc'], [Mnemonic.Sbb, 'sbb'],
  [Mnemonic.And,   'and'], [Mnemonic.Sub, 'sub'], [Mnemonic.Xor, 'xor'],
  [Mnemonic.Cmp,   'cmp'], [Mnemonic.Test, 'test'],
  [Mnemonic.Inc,   'inc'], [Mnemonic.Dec, 'dec'], [Mnemonic.Not, 'not'], [Mnemonic.Neg, 'neg'],
  [Mnemonic.Bt,    'bt'],  [Mnemonic.Bts, 'bts'], [Mnemonic.Btr, 'btr'], [Mnemonic.Btc, 'btc'],
  [Mnemonic.Smsw,  'store-machine-status'],
  ...strings('movs',  Mnemonic.Movsb, Mnemonic.Movsw, Mnemonic.Movsd, Mnemonic.Movsq),
  ...strings('stos',  Mnemonic.Stosb, Mnemonic.Stosw, Mnemonic.Stosd, Mnemonic.Stosq),
  ...strings('lods',  Mnemonic.Lodsb, Mnemonic.Lodsw, Mnemonic.Lodsd, Mnemonic.Lodsq),
  ...strings('cmps',  Mnemonic.Cmpsb, Mnemonic.Cmpsw, Mnemonic.Cmpsd, Mnemonic.Cmpsq),
  ...strings('scas',  Mnemonic.Scasb, Mnemonic.Scasw, Mnemonic.Scasd, Mnemonic.Scasq),
  ...strings('ins',   Mnemonic.Insb,  Mnemonic.Insw,  Mnemonic.Insd),
  ...strings('outs',  Mnemonic.Outsb, Mnemonic.Outsw, Mnemonic.Outsd),
]);

function strings(operation: Operation, ...mnemonics: Mnemonic[]): [Mnemonic, Operation][] {
  return mnemonics.map((mnemonic) => [mnemonic, operation]);
}

const ELEMENT_KINDS = new Map<OpKind, number>([
  [OpKind.MemorySegSI, 2],
  [OpKind.MemorySegESI, 4],
  [OpKind.MemorySegRSI, 8],
  [OpKind.MemoryESDI, 2],
  [OpKind.MemoryESEDI, 4],
  [OpKind.MemoryESRDI, 8],
]);

/** Decodes `bytes` as code of 16, 32 or 64 bits; null for what KVM, or this model of it, cannot emulate. */
export function decodeInstruction(bytes: Uint8Array, bitness: 16 | 32 | 64): EmulatedInstruction | null {
  const decoder = new Decoder(bitness, bytes, DecoderOptions.None);
  const instruction = decoder.decode();
  const decoded = describe(instruction);
  instruction.free();
  decoder.free();
  return decoded;
}

/** Name and bytes of an instruction, for messages. */
export function nameInstruction(bytes: Uint8Array, bitness: 16 | 32 | 64): string {
  const decoder = new Decoder(bitness, bytes, DecoderOptions.None);
  const instruction = decoder.decode();
  const name = Mnemonic[instruction.mnemonic].toUpperCase();
  const own = Array.from(bytes.subarray(0, instruction.length), (value) => value.toString(16).padStart(2, '0'));
  instruction.free();
  decoder.free();
  return `${name} (${own.join(' ')})`;
}

function describe(instruction: Instruction): EmulatedInstruction | null {
  const operation = OPERATIONS.get(instruction.mnemonic);
  if (operation === undefined) return null;
  const kinds = Array.from({ length: instruction.opCount }, (_, index) => instruction.opKind(index));
  const element = kinds.find((kind) => ELEMENT_KINDS.has(kind));
  const memory = kinds.indexOf(OpKind.Memory);
  if (element === undefined && memory < 0) return null;
  const other = memory === 0 ? 1 : 0;
  const register = kinds[other] === OpKind.Register ? registerOperand(instruction.opRegister(other)) : null;
  if (kinds[other] === OpKind.Register && register === null) return null;
  const isImmediate = other < kinds.length && register === null && element === undefined;
  return {
    operation,
    length: instruction.length,
    size: MemorySizeExt.size(instruction.memorySize),
    memoryFirst: memory === 0,
    register,
    immediate: isImmediate ? instruction.immediate(other) : 1n,
    repeats: instruction.hasRepPrefix || instruction.hasRepnePrefix,
    endsAtEqual: instruction.hasRepnePrefix,
    addressSize: element === undefined ? 0 : (ELEMENT_KINDS.get(element) ?? 0),
    segment: instruction.memorySegment - Register.ES,
  };
}

/** null for segment registers. */
function registerOperand(register: Register): RegisterOperand | null {
  if (register >= Register.AH && register <= Register.BH) {
    return { number: register - Register.AH, size: 1, high: true };
  }
  if (!RegisterExt.isGPR(register)) return null;
  // Byte registers are counted with AH to BH between BL and SPL.
  const number = RegisterExt.number(register) - (register >= Register.SPL && register <= Register.R15L ? 4 : 0);
  return { number, size: RegisterExt.size(register), high: false };
}
