/**
 * A multiboot image that runs given bytes as code in one of the processor's modes, with given registers. Whatever faults
 * goes on at the next byte, as long as its stack is in order.
 */
import { elf, type ElfPart } from '../../src/guest/test-support/elf-image.js';

export const CODE_MODES = ['16-bit real', '16-bit protected', '32-bit', '64-bit'] as const;
export type CodeMode = (typeof CODE_MODES)[number];

const ENTRY = 0x10_0000;
const TABLES = 0x11_0000;
const IDT = TABLES + 0x1000;
const HANDLERS = TABLES + 0x3000;
const CODE = TABLES + 0x8000;
const PML4 = 0x12_0000;
const STACK = 0x30_0000;
const REAL_CODE = 0xb000;
const REAL_HANDLER = 0x7000;
const REAL_STACK = 0x6000;
const REAL_ENTRY = 0x7f00;

const CODE_32 = 0x08;
const CODE_16 = 0x18;
const DATA_16 = 0x20;
const CODE_64 = 0x28;
const CODE_16_LOW = 0x30;
const DESCRIPTORS = [
  0n,
  0x00cf_9b00_0000_ffffn,
  0x00cf_9300_0000_ffffn,
  0x0000_9b11_8000_ffffn, // based at CODE
  0x0000_9300_0000_ffffn,
  0x00af_9b00_0000_ffffn,
  0x0000_9b00_0000_ffffn,
];
const WITH_ERROR_CODE = [8, 10, 11, 12, 13, 14, 17, 21];
const VECTORS = 256;
const RAX = 0;
const RSP = 4;

const hex = (text: string): number[] => [...Buffer.from(text.replaceAll(' ', ''), 'hex')];
const word = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
const pointer = (limit: number, base: number): number[] => [limit & 0xff, limit >>> 8, ...word(base), 0, 0, 0, 0];

/** `registers` are the low words of RAX to RDI; RSP has its own. */
export function randomCodeGuest(mode: CodeMode, code: Uint8Array, registers: readonly number[]): Uint8Array {
  const parts: ElfPart[] = [
    { physical: ENTRY, bytes: Uint8Array.from(prologue(mode, registers)), memorySize: 0x1000 },
    { physical: TABLES, bytes: tables(mode === '64-bit'), memorySize: CODE - TABLES },
    { physical: CODE, bytes: code, memorySize: 0x8000 },
    { physical: PML4, bytes: pageTables(), memorySize: 0x4000 },
  ];
  if (mode === '16-bit real') {
    const vector = word(REAL_HANDLER);
    parts.push({ physical: 0, bytes: Uint8Array.from(Array.from({ length: VECTORS }, () => vector).flat()) });
    parts.push({ physical: REAL_HANDLER, bytes: Uint8Array.from(hex('55 89e5 ff4602 5d cf')) });
    parts.push({ physical: REAL_ENTRY, bytes: Uint8Array.from(realEntry(registers)) });
    parts.push({ physical: REAL_CODE, bytes: code });
  }
  return elf({ bits: 32, entry: ENTRY + 12, segments: parts.toSorted((a, b) => a.physical - b.physical) });
}

/** 32-bit code, behind the multiboot header. */
function prologue(mode: CodeMode, registers: readonly number[]): number[] {
  const tablePointer = (opcode: string, index: number): number[] => [
    ...hex(opcode),
    ...word(TABLES + 0x800 + index * 16),
  ];
  const start = [...hex('02b0ad1b 00000000 fe4f52e4'), ...tablePointer('0f0115', 0)];
  if (mode === '16-bit real') {
    const narrow = [...hex('66b8'), DATA_16, 0, ...hex('8ed8 8ec0 8ed0')];
    const rest = [...loadRegisters(registers, REAL_STACK), 0xea, ...word(REAL_ENTRY), CODE_16_LOW, 0];
    return [...start, ...tablePointer('0f011d', 2), ...narrow, ...rest];
  }
  start.push(...tablePointer('0f011d', 1));
  if (mode === '64-bit') {
    start.push(...hex('b820060000 0f22e0 b8'), ...word(PML4), ...hex('0f22d8 b9800000c0 0f32 0d01010000 0f30'));
    start.push(...hex('0f20c0 0d00000080 0f22c0'));
  }
  const far = mode === '16-bit protected' ? [0, CODE_16] : [CODE, mode === '64-bit' ? CODE_64 : CODE_32];
  return [...start, ...loadRegisters(registers, STACK), 0xea, ...word(far[0]), far[1], 0];
}

function loadRegisters(registers: readonly number[], stack: number): number[] {
  return registers.flatMap((value, register) => [0xb8 + register, ...word(register === RSP ? stack : value)]);
}

/** 16-bit code at REAL_ENTRY: leaves protected mode. */
function realEntry(registers: readonly number[]): number[] {
  return [...hex('0f20c0 24fe 0f22c0 66b8'), ...word(registers[RAX]), ...hex('ea 0000 000b')];
}

/** GDT, pointers to the tables, IDT and handlers. */
function tables(isLong: boolean): Uint8Array {
  const bytes = new Uint8Array(CODE - TABLES);
  const view = new DataView(bytes.buffer);
  DESCRIPTORS.forEach((descriptor, index) => {
    view.setBigUint64(index * 8, descriptor, true);
  });
  const size = isLong ? 16 : 8;
  bytes.set(pointer(DESCRIPTORS.length * 8 - 1, TABLES), 0x800);
  bytes.set(pointer(VECTORS * size - 1, IDT), 0x810);
  bytes.set(pointer(VECTORS * 4 - 1, 0), 0x820);
  for (let vector = 0; vector < VECTORS; vector++) {
    const handler = HANDLERS + vector * 16;
    view.setUint32(IDT - TABLES + vector * size, ((isLong ? CODE_64 : CODE_32) << 16) | (handler & 0xffff), true);
    view.setUint32(IDT - TABLES + vector * size + 4, ((handler & 0xffff_0000) | 0xee00) >>> 0, true);
    bytes.set(handlerCode(vector, isLong), handler - TABLES);
  }
  return bytes;
}

/** Takes the error code away and goes on at the next byte; behind an INT, at once. */
function handlerCode(vector: number, isLong: boolean): number[] {
  const drop = WITH_ERROR_CODE.includes(vector) ? hex(isLong ? '4883c408' : '83c404') : [];
  const skip = vector < 32 ? hex(isLong ? '4883042401' : '83042401') : [];
  return [...drop, ...skip, ...hex(isLong ? '48cf' : 'cf')];
}

/** 1 GiB at its own addresses, in pages of 2 MiB. */
function pageTables(): Uint8Array {
  const view = new DataView(new ArrayBuffer(0x3000));
  view.setUint32(0, (PML4 + 0x1000) | 7, true);
  view.setUint32(0x1000, (PML4 + 0x2000) | 7, true);
  for (let page = 0; page < 512; page++) view.setUint32(0x2000 + page * 8, (page << 21) | 0x87, true);
  return new Uint8Array(view.buffer);
}
