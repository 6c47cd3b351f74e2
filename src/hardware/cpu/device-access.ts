/**
 * Physical addresses without memory: the local APIC of the CPU, devices, or nothing, which reads as all ones. The CPU has waited
 * for its turn.
 */
import { PAGE_MASK } from '../memory/physical-memory.js';
import type { Cpu } from './cpu.js';
import { accessDevice, LOCAL_APIC_PAGE_SIZE } from './local-apic-page.js';

function isLocalApic({ apic: { basePage } }: Cpu, pa: number): boolean {
  return pa >= basePage && pa < basePage + LOCAL_APIC_PAGE_SIZE;
}

/** Is this an access to a register of the local APIC as software is to make it, aligned and of 4 bytes? */
export function isApicRegister(cpu: Cpu, pa: number, size: number): boolean {
  return size === 4 && (pa & 15) === 0 && isLocalApic(cpu, pa);
}

/** Fills `bytes`. */
export function readDevice(cpu: Cpu, pa: number, bytes: Uint8Array): void {
  bytes.fill(0xff);
  if (isLocalApic(cpu, pa)) accessDevice(cpu, pa & PAGE_MASK, bytes, false);
  else cpu.deviceMemory?.read(pa, bytes);
}

export function writeDevice(cpu: Cpu, pa: number, bytes: Uint8Array): void {
  if (isLocalApic(cpu, pa)) accessDevice(cpu, pa & PAGE_MASK, bytes, true);
  else cpu.deviceMemory?.write(pa, bytes);
}
