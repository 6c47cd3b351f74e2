/**
 * KVM's own walk of a guest's page tables, for fetching an instruction that it has to emulate and for its second memory
 * operand (paging_tmpl.h, walk_addr; kvm_fetch_guest_virt). Every access needs the cache line, like the processor's walk.
 *
 * Left out: no-execute and protection checks of fetches, accessed and dirty flags (the guest has just executed from there),
 * 5-level paging.
 */
import { CR0_PG, CR0_WP, CR4_PAE, CR4_PSE, CR4_SMAP, EFER_LMA } from '../hardware/cpu/control-register-bits.js';
import { VECTOR_PF } from '../hardware/cpu/exception-vector.js';
import { RFLAGS_AC } from '../hardware/cpu/rflags.js';
import { PAGE_MASK, PAGE_SIZE } from '../hardware/memory/physical-memory.js';
import { VMCS_FIELD } from '../hardware/vmx/vmcs-field.js';
import { cplOf } from './exits/privilege.js';
import type { HostCpu } from './host-cpu.js';

const TWO_32 = 2 ** 32;
const PTE_PRESENT = 1;
const PTE_WRITABLE = 2;
const PTE_USER = 4;
const PTE_LARGE = 0x80;
const ADDRESS_HIGH = 0x000f_ffff;

/** A paging mode: the lowest bit of a linear address that selects an entry, by level, and how wide entries are. */
interface PagingMode {
  readonly shifts: readonly number[];
  readonly entryBytes: 4 | 8;
}

const FOUR_LEVEL: PagingMode = { shifts: [12, 21, 30, 39], entryBytes: 8 };
/** Its four top-level entries are registers. */
const PAE: PagingMode = { shifts: [12, 21], entryBytes: 8 };
const TWO_LEVEL: PagingMode = { shifts: [12, 22], entryBytes: 4 };

/** Not this CPU's turn, or a line is on its way. */
export const GUEST_WAITS = -1;
/** Not mapped, or not memory. */
export const GUEST_UNMAPPED = -2;
/** Mapped, but not for this access. */
export const GUEST_FORBIDDEN = -3;

const PF_PRESENT = 1;
const PF_WRITE = 2;
const PF_USER = 4;

function pagingMode(host: HostCpu): PagingMode {
  if ((host.vcpu.efer & EFER_LMA) !== 0) return FOUR_LEVEL;
  return (host.cpu.vmx.vmread(VMCS_FIELD.GUEST_CR4) & CR4_PAE) !== 0 ? PAE : TWO_LEVEL;
}

/**
 * Guest-physical address of a data access with the guest's privilege, or GUEST_WAITS, or GUEST_FORBIDDEN with #PF queued
 * (kvm_mmu_gva_to_gpa_read, kvm_mmu_gva_to_gpa_write, kvm_inject_emulated_page_fault).
 */
export function translateGuestData(host: HostCpu, linear: number, write: boolean): number {
  const { cpu, vcpu } = host;
  const isUser = cplOf(host) === 3;
  const protects = isUser || (cpu.vmx.vmread(VMCS_FIELD.GUEST_CR0) & CR0_WP) !== 0;
  const needed = (isUser ? PTE_USER : 0) | (write && protects ? PTE_WRITABLE : 0);
  const physical = guestLinearToPhysical(host, linear, needed, !isUser && hasSmap(host) ? PTE_USER : 0);
  if (physical >= 0 || physical === GUEST_WAITS) return physical;
  const present = physical === GUEST_FORBIDDEN ? PF_PRESENT : 0;
  cpu.cr2 = linear;
  vcpu.queueException(VECTOR_PF, present | (write ? PF_WRITE : 0) | (isUser ? PF_USER : 0));
  return GUEST_FORBIDDEN;
}

/** SMAP, and RFLAGS.AC does not override it. */
function hasSmap({ cpu: { vmx } }: HostCpu): boolean {
  if ((vmx.vmread(VMCS_FIELD.GUEST_CR4) & CR4_SMAP) === 0) return false;
  return (vmx.vmread(VMCS_FIELD.GUEST_RFLAGS) & RFLAGS_AC) === 0;
}

/**
 * Guest-physical address behind a guest-linear one, or GUEST_WAITS, GUEST_UNMAPPED or GUEST_FORBIDDEN. The bits that its
 * entries of all levels have must include those of `needed`, and none of `refused`.
 */
export function guestLinearToPhysical(host: HostCpu, linear: number, needed = 0, refused = 0): number {
  const { vmx } = host.cpu;
  if ((vmx.vmread(VMCS_FIELD.GUEST_CR0) & CR0_PG) === 0) return linear;
  const mode = pagingMode(host);
  const { shifts, entryBytes } = mode;
  let table = mode === PAE ? pageDirectory(host, linear) : pageAligned(vmx.vmread(VMCS_FIELD.GUEST_CR3));
  if (table < 0) return GUEST_UNMAPPED;
  let rights = needed | refused;
  for (let level = shifts.length - 1; level >= 0; level--) {
    const shift = shifts[level];
    const entry = hostAddress(host, table + (shiftRight(linear, shift) & (PAGE_SIZE / entryBytes - 1)) * entryBytes);
    if (entry < 0) return entry;
    if (!host.cpu.lines.hold(host.cpu, entry, false)) return GUEST_WAITS;
    const low = host.cpu.memory.read32(entry);
    if ((low & PTE_PRESENT) === 0) return GUEST_UNMAPPED;
    rights &= low;
    const high = entryBytes === 8 ? host.cpu.memory.read32(entry + 4) & ADDRESS_HIGH : 0;
    if (level === 0 || ((low & PTE_LARGE) !== 0 && mayBeLarge(host, level, entryBytes))) {
      if (rights !== needed) return GUEST_FORBIDDEN;
      const offset = (1 << shift) - 1;
      return high * TWO_32 + (((low & ~offset) | (linear & offset)) >>> 0);
    }
    table = high * TWO_32 + ((low & 0xffff_f000) >>> 0);
  }
  return GUEST_UNMAPPED;
}

/** Bits 31:0 of `address` >> `shift`. */
function shiftRight(address: number, shift: number): number {
  const high = Math.floor(address / TWO_32);
  return shift < 32 ? (address >>> shift) | (high << (32 - shift)) : high >> (shift - 32);
}

/** kvm_pdptr_read: the page directory of a linear address in PAE paging, or GUEST_UNMAPPED. */
function pageDirectory({ cpu }: HostCpu, linear: number): number {
  const field = VMCS_FIELD.GUEST_PDPTR0 + 2 * (linear >>> 30);
  const low = cpu.vmx.vmreadLow(field);
  if ((low & PTE_PRESENT) === 0) return GUEST_UNMAPPED;
  return (cpu.vmx.vmreadHigh(field) & ADDRESS_HIGH) * TWO_32 + ((low & 0xffff_f000) >>> 0);
}

function pageAligned(address: number): number {
  return address - (address % PAGE_SIZE);
}

function mayBeLarge({ cpu }: HostCpu, level: number, entryBytes: number): boolean {
  return level < 3 && (entryBytes === 8 || (cpu.vmx.vmread(VMCS_FIELD.GUEST_CR4) & CR4_PSE) !== 0);
}

/** Fetches up to `bytes.length` bytes at `linear`; how many, or GUEST_WAITS or GUEST_UNMAPPED. */
export function fetchInstruction(host: HostCpu, linear: number, bytes: Uint8Array): number {
  const { cpu } = host;
  for (let fetched = 0; fetched < bytes.length;) {
    const address = linear + fetched;
    const gpa = guestLinearToPhysical(host, address);
    if (gpa === GUEST_WAITS) return GUEST_WAITS;
    const pa = gpa < 0 ? gpa : hostAddress(host, gpa);
    if (pa < 0) return fetched === 0 ? GUEST_UNMAPPED : fetched;
    const length = Math.min(bytes.length - fetched, PAGE_SIZE - (pa & PAGE_MASK));
    if (!holdLines(host, pa, length)) return GUEST_WAITS;
    for (let index = 0; index < length; index++) bytes[fetched + index] = cpu.memory.read8(pa + index);
    fetched += length;
  }
  return bytes.length;
}

/** Gets the lines of `length` bytes, which is one or two of them, for reading. False: wait, then call again. */
function holdLines({ cpu }: HostCpu, pa: number, length: number): boolean {
  const last = pa + length - 1;
  return cpu.lines.hold(cpu, pa, false) && (last >>> 6 === pa >>> 6 || cpu.lines.hold(cpu, last, false));
}

function hostAddress(host: HostCpu, guestPhysical: number): number {
  const address = host.vm.mmu.hostPhysical(guestPhysical);
  return address < 0 ? GUEST_UNMAPPED : address;
}
