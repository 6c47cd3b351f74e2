/**
 * KVM's own walk of a guest's page tables, for fetching an instruction that it has to emulate (paging_tmpl.h, walk_addr;
 * kvm_fetch_guest_virt). Every access needs the cache line, like the processor's walk.
 *
 * Left out: permission checks and accessed flags (the guest has just executed from there), paging modes other than
 * 4-level.
 */
import { VMCS_FIELD } from '../hardware/vmx/vmcs-field.js';
import type { HostCpu } from './host-cpu.js';

const TWO_32 = 2 ** 32;
const PTE_PRESENT = 1;
const PTE_LARGE = 0x80;
const ADDRESS_HIGH = 0x000f_ffff;
const PAGE_SIZES = [2 ** 12, 2 ** 21, 2 ** 30, 2 ** 39] as const;
const CR0_PG = 0x8000_0000;

/** Not this CPU's turn, or a line is on its way. */
export const GUEST_WAITS = -1;
/** Not mapped, or not memory. */
export const GUEST_UNMAPPED = -2;

/** Host-physical address behind a canonical guest-linear one, or GUEST_WAITS or GUEST_UNMAPPED. */
export function guestLinearToHost(host: HostCpu, linear: number): number {
  const { vmx } = host.cpu;
  if ((vmx.vmread(VMCS_FIELD.GUEST_CR0) & CR0_PG) === 0) return hostAddress(host, linear);
  let table = pageAddress(vmx.vmread(VMCS_FIELD.GUEST_CR3));
  for (let level = 3; level >= 0; level--) {
    const size = PAGE_SIZES[level];
    const entry = hostAddress(host, table + (Math.floor(linear / size) & 511) * 8);
    if (entry < 0) return entry;
    if (!host.cpu.lines.hold(host.cpu, entry, false)) return GUEST_WAITS;
    const low = host.cpu.memory.read32(entry);
    if ((low & PTE_PRESENT) === 0) return GUEST_UNMAPPED;
    const next = (host.cpu.memory.read32(entry + 4) & ADDRESS_HIGH) * TWO_32 + ((low & 0xffff_f000) >>> 0);
    if (level === 0 || (level < 3 && (low & PTE_LARGE) !== 0)) {
      return hostAddress(host, next - (next % size) + (linear - Math.floor(linear / size) * size));
    }
    table = next;
  }
  return GUEST_UNMAPPED;
}

/** Fetches up to `bytes.length` bytes at `linear`; how many, or GUEST_WAITS or GUEST_UNMAPPED. */
export function fetchInstruction(host: HostCpu, linear: number, bytes: Uint8Array): number {
  const { memory } = host.cpu;
  for (let fetched = 0; fetched < bytes.length;) {
    const address = linear + fetched;
    const pa = guestLinearToHost(host, address);
    if (pa === GUEST_WAITS) return GUEST_WAITS;
    if (pa < 0) return fetched === 0 ? GUEST_UNMAPPED : fetched;
    if (!host.cpu.lines.hold(host.cpu, pa, false)) return GUEST_WAITS;
    // Cache lines do not cross pages: what stands in this one is contiguous.
    const length = Math.min(bytes.length - fetched, 64 - (pa % 64));
    bytes.set(memory.bytes(pa, length), fetched);
    fetched += length;
  }
  return bytes.length;
}

function hostAddress(host: HostCpu, guestPhysical: number): number {
  const address = host.vm.mmu.hostPhysical(guestPhysical);
  return address < 0 ? GUEST_UNMAPPED : address;
}

function pageAddress(cr3: number): number {
  return cr3 - (cr3 % 4096);
}
