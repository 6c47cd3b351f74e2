/**
 * Physical addresses without memory: the local APIC of the CPU, devices, or nothing, which reads as all ones. The CPU has waited
 * for its turn.
 */
import type { Cpu } from './cpu.js';
import { accessDevice, LOCAL_APIC_PAGE_SIZE } from './local-apic-page.js';

const PAGE_MASK = 4095;

function isLocalApic({ apic: { basePage } }: Cpu, pa: number): boolean {
  return pa >= basePage && pa < basePage + LOCAL_APIC_PAGE_SIZE;
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
