/**
 * Length of the instruction at RIP, for VM exits that the memory access of an instruction causes (APIC-access exits,
 * EPT violations): the record that the interpreter was about to execute knows it.
 */
import type { Cpu } from '../cpu/cpu.js';
import { CPU_ITLB, CPU_ONCE, CPU_ONCE_RIP, ITLB_ENTRIES, ITLB_ENTRY_SIZE } from '../cpu/layout.js';
import { R_LENGTH } from '../cpu/record.js';

const ITLB_CODE_MAP = 8;

/** Bytes, or 0 when the instruction has not been decoded. */
export function instructionLength(cpu: Cpu): number {
  const record = recordAt(cpu, cpu.rip);
  return record === 0 ? 0 : cpu.memory.u8[record + R_LENGTH];
}

function recordAt(cpu: Cpu, rip: number): number {
  const { u32 } = cpu.memory;
  if (cpu.word(CPU_ONCE) !== 0 && cpu.long(CPU_ONCE_RIP) === rip) return cpu.word(CPU_ONCE);
  const entry = cpu.word(CPU_ITLB) + ((rip >>> 12) & (ITLB_ENTRIES - 1)) * ITLB_ENTRY_SIZE;
  if (u32[entry >>> 2] !== ((rip & ~4095) | 1) >>> 0) return 0;
  const codeMap = u32[(entry + ITLB_CODE_MAP) >>> 2];
  return u32[(codeMap >>> 2) + (rip & 4095)];
}
