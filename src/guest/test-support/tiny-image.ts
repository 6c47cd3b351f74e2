import { elf } from './elf-image.js';

const BASE = 0x10_0000;
const HEADER = '02b0ad1b00000000fe4f52e4';
const HEADER_SIZE = 12;

/** A multiboot kernel of a few bytes of 32-bit code, in hexadecimal digits, behind its header. */
export function tinyImage(code: string): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.from(`${HEADER}${code.replaceAll(' ', '')}`, 'hex');
  return elf({ bits: 32, entry: BASE + HEADER_SIZE, segments: [{ physical: BASE, bytes, memorySize: 0x1000 }] });
}
