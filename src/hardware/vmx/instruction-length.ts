/**
 * Length of the instruction at RIP, for VM exits that the memory access of an instruction causes (APIC-access exits,
 * EPT violations): the record that the interpreter was about to execute knows it.
 */
import type { Cpu } from '../cpu/cpu.js';
import { instructionTlbMap } from '../cpu/instruction-tlb.js';
import { CPU_ONCE, CPU_ONCE_RIP } from '../cpu/layout.js';
import { R_LENGTH } from '../cpu/record.js';

/** Bytes, or 0 when the instruction has not been decoded. */
export function instructionLength(cpu: Cpu): number {
  const record = recordAt(cpu, cpu.rip);
  return record === 0 ? 0 : cpu.memory.u8[record + R_LENGTH];
}

function recordAt(cpu: Cpu, rip: number): number {
  const { u32 } = cpu.memory;
  if (cpu.word(CPU_ONCE) !== 0 && cpu.long(CPU_ONCE_RIP) === rip) return cpu.word(CPU_ONCE);
  const map = instructionTlbMap(cpu.memory, cpu, rip);
  return map === 0 ? 0 : u32[(map >>> 2) + (rip & 4095)];
}
