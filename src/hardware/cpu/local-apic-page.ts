/**
 * The physical local APIC's register page as machine code sees it in xAPIC mode (SDM vol. 3, 12.4.1): 32-bit registers
 * at multiples of 16, to be accessed with aligned 4-byte accesses.
 *
 * Other accesses are undefined in the architecture. Here reads of one to four bytes inside a register work, reads
 * elsewhere give 0, and writes of another size or offset are dropped.
 */
import type { Cpu } from './cpu.js';

export const LOCAL_APIC_PAGE_SIZE = 4096;

const SLOT = 15;

/** Reads the APIC page at `offset` into `bytes`, or writes `bytes` to it. The CPU has waited for its turn. */
export function accessDevice(cpu: Cpu, offset: number, bytes: Uint8Array, write: boolean): void {
  if (write) writePage(cpu, offset, bytes);
  else readPage(cpu, offset, bytes);
}

function readPage(cpu: Cpu, offset: number, bytes: Uint8Array): void {
  const first = offset & SLOT;
  const value = first + bytes.length <= 4 ? cpu.apic.readRegister(offset - first) : 0;
  for (let byte = 0; byte < bytes.length; byte++) bytes[byte] = value >>> (8 * (first + byte));
}

function writePage(cpu: Cpu, offset: number, bytes: Uint8Array): void {
  if (bytes.length !== 4 || (offset & SLOT) !== 0) return;
  const [b0, b1, b2, b3] = bytes as unknown as readonly [number, number, number, number];
  writeApicRegister(cpu, offset, (b0 | (b1 << 8) | (b2 << 16) | (b3 << 24)) >>> 0);
}

/** Writes the register at `offset`, a multiple of 16, and sends what comes of it. */
export function writeApicRegister(cpu: Cpu, offset: number, value: number): void {
  cpu.bus.route(cpu, cpu.apic.writeRegister(offset, value));
  cpu.attention = true;
}
