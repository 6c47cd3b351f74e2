/**
 * The MSR-load and MSR-store areas of VM entry and VM exit (SDM vol. 3, 27.4, 28.4, 28.6). An entry has 16 bytes: MSR
 * index, reserved, value. Like the VMCS itself the areas are read through the processor: no line traffic.
 */
import type { Cpu } from '../cpu/cpu.js';
import { MSR_IA32_TSC, readMsr, writeMsr } from '../cpu/msrs.js';

const ENTRY_SIZE = 16;
const MSR_IA32_SMM_MONITOR_CTL = 0x9b;
const MSR_FS_BASE = 0xc000_0100;
const MSR_GS_BASE = 0xc000_0101;

/** Loads `count` MSRs. Returns 0, or the 1-based number of the entry that cannot be loaded. */
export function loadMsrs(cpu: Cpu, area: number, count: number): number {
  cpu.systemStateChanged = true;
  for (let index = 0; index < count; index++) {
    if (!loadMsr(cpu, area + index * ENTRY_SIZE)) return index + 1;
  }
  return 0;
}

function loadMsr(cpu: Cpu, entry: number): boolean {
  const { memory } = cpu;
  const msr = memory.read32(entry);
  if (memory.read32(entry + 4) !== 0) return false;
  if (msr === MSR_FS_BASE || msr === MSR_GS_BASE || msr === MSR_IA32_SMM_MONITOR_CTL) return false;
  if (isX2apicMsr(cpu, msr)) return false;
  return writeMsr(cpu, msr, memory.read32(entry + 12), memory.read32(entry + 8));
}

/**
 * Stores `count` MSRs; IA32_TIME_STAMP_COUNTER without the guest's `tscOffset`. Returns 0, or the 1-based number of the entry
 * that cannot be read.
 */
export function storeMsrs(cpu: Cpu, area: number, count: number, tscOffset: number): number {
  const { memory } = cpu;
  for (let index = 0; index < count; index++) {
    const entry = area + index * ENTRY_SIZE;
    const msr = memory.read32(entry);
    const value = memory.read32(entry + 4) !== 0 || isX2apicMsr(cpu, msr) ? null : readMsr(cpu, msr);
    if (value === null) return index + 1;
    if (msr === MSR_IA32_TSC) memory.writeNumber(entry + 8, cpu.tsc - tscOffset);
    else {
      memory.write32(entry + 8, value.lo);
      memory.write32(entry + 12, value.hi);
    }
  }
  return 0;
}

function isX2apicMsr(cpu: Cpu, msr: number): boolean {
  return cpu.apic.x2apic && msr >>> 8 === 8;
}
