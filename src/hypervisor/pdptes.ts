/**
 * Page-directory-pointer-table entries of a guest with PAE paging outside IA-32e mode (load_pdptrs, x86.c;
 * vmx_ept_load_pdptrs, vmx.c). The processor loads them itself when the guest writes CR3; KVM does when a write to CR0 or CR4
 * that it handles switches PAE paging on.
 */
import { isValidPdpte, POINTERS } from '../hardware/cpu/page-directory-pointers.js';
import { VMCS_FIELD } from '../hardware/vmx/vmcs-field.js';
import type { HostCpu } from './host-cpu.js';

const TABLE_ADDRESS = 0xffff_ffe0;

/** Loads the entries at `cr3` into the VMCS, or not if one of them is invalid or there is no memory: #GP for the guest. */
export function loadPdptes(host: HostCpu, cr3: number): 'loaded' | 'invalid' | 'wait' {
  const { cpu, vm } = host;
  const { memory, vmx } = cpu;
  const table = vm.mmu.hostPhysical((cr3 & TABLE_ADDRESS) >>> 0);
  if (table < 0) return 'invalid';
  if (!cpu.lines.hold(cpu, table, false)) return 'wait';
  const entries = Array.from({ length: POINTERS }, (_, index) => table + 8 * index);
  if (!entries.every((at) => isValidPdpte(memory.read32(at), memory.read32(at + 4)))) return 'invalid';
  entries.forEach((at, index) => {
    const entry = (BigInt(memory.read32(at + 4)) << 32n) | BigInt(memory.read32(at));
    vmx.vmwrite64(VMCS_FIELD.GUEST_PDPTR0 + 2 * index, entry);
  });
  return 'loaded';
}
