/**
 * Tables that a 64-bit guest finds when it starts: page tables, descriptors, task-state segments (SDM volume 3,
 * chapters 3-8). Identity-mapped; accessed and dirty flags are set, so the processor writes none of them.
 */
import { APIC_BASE_BSP, APIC_BASE_ENABLE } from '../hardware/apic/registers.js';
import { CR0_ET, CR0_PE, CR0_PG, CR0_WP, CR4_PAE, EFER_LMA, EFER_LME } from '../hardware/cpu/control-register-bits.js';
import { RFLAGS_FIXED } from '../hardware/cpu/rflags.js';
import type { Segment } from '../hardware/cpu/segments.js';
import { nullSegment } from '../hardware/cpu/segments.js';
import * as M from './memory-map.js';

/** Bytes at a guest-physical address. */
export interface MemorySegment {
  readonly gpa: number;
  readonly bytes: Uint8Array;
}

/** A gate of the interrupt-descriptor table with its final address. */
export interface PlacedGate {
  readonly vector: number;
  readonly address: number;
  readonly dpl: 0 | 3;
}

/** Architectural state in which a vCPU starts; general-purpose registers other than RSP are 0. */
export interface InitialRegisters {
  readonly rip: number;
  readonly rsp: number;
  readonly rflags: number;
  readonly cr0: number;
  readonly cr3: number;
  readonly cr4: number;
  readonly efer: number;
  /** IA32_APIC_BASE bits 31:0; bits 63:32 are 0. */
  readonly apicBase: number;
  /** ES CS SS DS FS GS LDTR TR, including the bases of FS and GS. */
  readonly segments: readonly Segment[];
  readonly gdtr: { readonly base: number; readonly limit: number };
  readonly idtr: { readonly base: number; readonly limit: number };
}

const PAGE_PRESENT = 0x01;
const PAGE_WRITABLE = 0x02;
const PAGE_USER = 0x04;
const PAGE_CACHE_DISABLE = 0x10;
const PAGE_ACCESSED = 0x20;
const PAGE_DIRTY = 0x40;
const PAGE_LARGE = 0x80;
const TABLE = PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER | PAGE_ACCESSED;
const MAPPED = PAGE_PRESENT | PAGE_WRITABLE | PAGE_ACCESSED | PAGE_DIRTY;
const ENTRIES = 512;

// Segment access rights in the VMX format: G, L or D/B, P, DPL, S, type
const ACCESS_CODE_64 = 0xa09b;
const ACCESS_DATA = 0xc093;
const ACCESS_TSS_BUSY = 0x008b;
const DPL_3 = 3 << 5;
const TSS_SIZE = 104;
const TSS_RSP0 = 4;
const TSS_IO_MAP = 102;
const IDT_ENTRIES = 256;
const GATE_SIZE = 16;
const GATE_INTERRUPT_64 = 0x8e;

/** Page tables: memory in 2-MiB pages, the local APIC in a 4-KiB page. */
export function pageTables(vcpus: number, userPages: boolean): MemorySegment[] {
  const large = Array.from({ length: M.memoryBytes(vcpus) / M.LARGE_PAGE }, (_, index): [number, number] => {
    const address = index * M.LARGE_PAGE;
    const user = userPages && address >= M.DATA && address < M.PER_CPU_BASE ? PAGE_USER : 0;
    return [index, address | MAPPED | PAGE_LARGE | user];
  });
  const apicIndex = (M.LOCAL_APIC % 2 ** 30) / M.LARGE_PAGE;
  return [
    table(M.PML4, [[0, M.PDPT | TABLE]]),
    table(M.PDPT, [
      [0, M.MEMORY_DIRECTORY | TABLE],
      [3, M.APIC_DIRECTORY | TABLE],
    ]),
    table(M.MEMORY_DIRECTORY, large),
    table(M.APIC_DIRECTORY, [[apicIndex, M.APIC_TABLE | TABLE]]),
    table(M.APIC_TABLE, [[0, M.LOCAL_APIC + (MAPPED | PAGE_CACHE_DISABLE)]]),
  ];
}

function table(gpa: number, entries: readonly (readonly [index: number, entry: number])[]): MemorySegment {
  const words = new BigUint64Array(ENTRIES);
  for (const [index, entry] of entries) words[index] = BigInt(entry);
  return { gpa, bytes: new Uint8Array(words.buffer) };
}

/** Global-descriptor table: flat segments and one busy TSS per CPU. */
export function globalDescriptors(vcpus: number): MemorySegment {
  const view = new DataView(new ArrayBuffer(M.TSS_SELECTOR + vcpus * 16));
  view.setBigUint64(M.KERNEL_CODE_SELECTOR, descriptor(0, 0xf_ffff, ACCESS_CODE_64), true);
  view.setBigUint64(M.DATA_SELECTOR, descriptor(0, 0xf_ffff, ACCESS_DATA), true);
  view.setBigUint64(M.USER_DATA_SELECTOR & ~7, descriptor(0, 0xf_ffff, ACCESS_DATA | DPL_3), true);
  view.setBigUint64(M.USER_CODE_SELECTOR & ~7, descriptor(0, 0xf_ffff, ACCESS_CODE_64 | DPL_3), true);
  for (let cpu = 0; cpu < vcpus; cpu++) {
    const base = M.perCpu(cpu) + M.PER_CPU_TSS;
    view.setBigUint64(M.TSS_SELECTOR + cpu * 16, descriptor(base, TSS_SIZE - 1, ACCESS_TSS_BUSY), true);
  }
  return { gpa: M.GDT, bytes: new Uint8Array(view.buffer) };
}

/** Access rights are bits 55:40 of a descriptor, with the limit's high bits in between. */
function descriptor(base: number, limit: number, access: number): bigint {
  const low = (BigInt(base & 0xffff) << 16n) | BigInt(limit & 0xffff);
  const middle = BigInt((base >>> 16) & 0xff) | (BigInt(access) << 8n) | (BigInt(limit >>> 16) << 16n);
  return low | (middle << 32n) | (BigInt(base >>> 24) << 56n);
}

/** Interrupt-descriptor table; vectors without a gate are not present. */
export function interruptDescriptors(gates: readonly PlacedGate[]): MemorySegment {
  const view = new DataView(new ArrayBuffer(IDT_ENTRIES * GATE_SIZE));
  for (const { vector, address, dpl } of gates) {
    const at = vector * GATE_SIZE;
    view.setUint16(at, address & 0xffff, true);
    view.setUint16(at + 2, M.KERNEL_CODE_SELECTOR, true);
    view.setUint8(at + 5, GATE_INTERRUPT_64 | (dpl << 5));
    view.setUint16(at + 6, address >>> 16, true);
  }
  return { gpa: M.IDT, bytes: new Uint8Array(view.buffer) };
}

/** What a CPU finds through GS, and its task-state segment with the stack for privilege level 0. */
export function perCpuArea(cpu: number): MemorySegment[] {
  const base = M.perCpu(cpu);
  const data = new DataView(new ArrayBuffer(M.MONITORED_LINE));
  data.setUint32(M.GS_CPU_NUMBER, cpu, true);
  data.setBigUint64(M.GS_APIC_ACCESSORS, BigInt(M.APIC_ACCESSORS), true);
  data.setBigUint64(M.GS_MONITORED, BigInt(base + M.MONITORED_LINE), true);
  const tss = new DataView(new ArrayBuffer(TSS_SIZE));
  tss.setBigUint64(TSS_RSP0, BigInt(base + M.PER_CPU_STACK_TOP), true);
  tss.setUint16(TSS_IO_MAP, TSS_SIZE, true);
  return [
    { gpa: base + M.PER_CPU_DATA, bytes: new Uint8Array(data.buffer) },
    { gpa: base + M.PER_CPU_TSS, bytes: new Uint8Array(tss.buffer) },
  ];
}

/** The state in which a CPU starts at `rip`: 64-bit mode, privilege level 0, interrupts disabled. */
export function initialRegisters(cpu: number, rip: number, vcpus: number): InitialRegisters {
  const base = M.perCpu(cpu);
  const data = (segmentBase = 0): Segment => segment(M.DATA_SELECTOR, segmentBase, 0xffff_ffff, ACCESS_DATA);
  const code = segment(M.KERNEL_CODE_SELECTOR, 0, 0xffff_ffff, ACCESS_CODE_64);
  const task = segment(M.TSS_SELECTOR + cpu * 16, base + M.PER_CPU_TSS, TSS_SIZE - 1, ACCESS_TSS_BUSY);
  return {
    rip,
    rsp: base + M.PER_CPU_STACK_TOP,
    rflags: RFLAGS_FIXED,
    cr0: (CR0_PE | CR0_ET | CR0_WP | CR0_PG) >>> 0,
    cr3: M.PML4,
    cr4: CR4_PAE,
    efer: EFER_LME | EFER_LMA,
    apicBase: M.LOCAL_APIC + (APIC_BASE_ENABLE | (cpu === 0 ? APIC_BASE_BSP : 0)),
    segments: [data(), code, data(), data(), data(), data(base + M.PER_CPU_DATA), nullSegment(), task],
    gdtr: { base: M.GDT, limit: M.TSS_SELECTOR + vcpus * 16 - 1 },
    idtr: { base: M.IDT, limit: IDT_ENTRIES * GATE_SIZE - 1 },
  };
}

function segment(selector: number, base: number, limit: number, access: number): Segment {
  return { selector, base, limit, access };
}
