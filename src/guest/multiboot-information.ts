/**
 * The multiboot information structure and what it points to: memory map, command line, one module with the environment
 * text, the loader's name (Multiboot Specification 0.6.96, section 3.3). All of it lies in conventional memory, where it is in
 * nobody's way: below the heap of a kernel that is loaded at 1 MiB or above, behind one that is loaded lower, and beyond page 0,
 * which receives start-up code.
 *
 * Left out: boot device, symbols, drives, ROM configuration table, APM, VBE and framebuffer.
 */
import type { MemorySegment } from './boot-image.js';

/** Lowest physical address of the multiboot information structure. */
const INFORMATION_BASE = 0x9000;
/** End of conventional memory: the extended BIOS data area begins. */
export const CONVENTIONAL_END = 0x9_fc00;
/** Start of the read-only memory and, in it, of the ACPI tables. */
export const FIRMWARE_BASE = 0xe_0000;
/** Start of memory above the first MiB. */
export const EXTENDED_BASE = 0x10_0000;
/** Above this are devices. */
export const MEMORY_LIMIT = 0xc000_0000;

// Bits of the flags: which fields are valid
const HAS_MEMORY = 1 << 0;
const HAS_COMMAND_LINE = 1 << 2;
const HAS_MODULES = 1 << 3;
const HAS_MEMORY_MAP = 1 << 6;
const HAS_LOADER_NAME = 1 << 9;

// Offsets of the fields
const FLAGS = 0;
const MEM_LOWER = 4;
const MEM_UPPER = 8;
const CMDLINE = 16;
const MODS_COUNT = 20;
const MODS_ADDR = 24;
const MMAP_LENGTH = 44;
const MMAP_ADDR = 48;
const BOOT_LOADER_NAME = 64;
const STRUCTURE_SIZE = 120;

const MEMORY_AVAILABLE = 1;
const MEMORY_RESERVED = 2;
const MAP_ENTRY_SIZE = 24;
const MODULE_ENTRY_SIZE = 16;
const KIB = 1024;
const PAGE = 4096;
const LOADER_NAME = 'ipiv-bench';

/** A range of the memory map. */
export interface MemoryRange {
  readonly base: number;
  readonly length: number;
  readonly available: boolean;
}

/** The memory map of a machine with `memoryBytes` of memory from address 0, at most MEMORY_LIMIT. */
export function memoryMap(memoryBytes: number): MemoryRange[] {
  const range = (base: number, end: number, available: boolean): MemoryRange => ({
    base,
    length: end - base,
    available,
  });
  return [
    range(0, CONVENTIONAL_END, true),
    range(CONVENTIONAL_END, 0xa_0000, false),
    range(FIRMWARE_BASE, EXTENDED_BASE, false),
    range(EXTENDED_BASE, memoryBytes, true),
  ];
}

export interface InformationOptions {
  readonly commandLine: string;
  /** Text of the module; no module if empty. */
  readonly environment: string;
  readonly memoryBytes: number;
}

/** Where the information lies with an image that takes conventional memory up to `end`. */
export function informationBase(end: number): number {
  return Math.max(INFORMATION_BASE, Math.ceil(end / PAGE) * PAGE);
}

/** Builds everything for `base`. The caller checks that it ends below CONVENTIONAL_END. */
export function buildInformation(
  { commandLine, environment, memoryBytes }: InformationOptions,
  base: number,
): MemorySegment {
  const encoder = new TextEncoder();
  const text = encoder.encode(`${commandLine}\0`);
  const name = encoder.encode(`${LOADER_NAME}\0`);
  const module = encoder.encode(environment);
  const map = memoryMap(memoryBytes);

  const mapAt = STRUCTURE_SIZE;
  const modulesAt = mapAt + map.length * MAP_ENTRY_SIZE;
  const nameAt = modulesAt + MODULE_ENTRY_SIZE;
  const textAt = nameAt + name.length;
  const moduleAt = Math.ceil((textAt + text.length) / PAGE) * PAGE;
  const bytes = new Uint8Array(module.length === 0 ? textAt + text.length : moduleAt + module.length);
  const view = new DataView(bytes.buffer);
  const set = (offset: number, value: number): void => view.setUint32(offset, value, true);

  set(FLAGS, HAS_MEMORY | HAS_COMMAND_LINE | HAS_MODULES | HAS_MEMORY_MAP | HAS_LOADER_NAME);
  set(MEM_LOWER, Math.floor(CONVENTIONAL_END / KIB));
  set(MEM_UPPER, Math.floor((memoryBytes - EXTENDED_BASE) / KIB));
  set(CMDLINE, base + textAt);
  set(MMAP_LENGTH, map.length * MAP_ENTRY_SIZE);
  set(MMAP_ADDR, base + mapAt);
  set(BOOT_LOADER_NAME, base + nameAt);
  map.forEach((range, index) => writeRange(view, mapAt + index * MAP_ENTRY_SIZE, range));
  bytes.set(name, nameAt);
  bytes.set(text, textAt);
  if (module.length > 0) {
    set(MODS_COUNT, 1);
    set(MODS_ADDR, base + modulesAt);
    set(modulesAt, base + moduleAt);
    set(modulesAt + 4, base + moduleAt + module.length);
    set(modulesAt + 8, base + textAt + text.length - 1);
    bytes.set(module, moduleAt);
  }
  return { gpa: base, bytes };
}

/** An entry's size field does not count itself. */
function writeRange(view: DataView, at: number, { base, length, available }: MemoryRange): void {
  view.setUint32(at, MAP_ENTRY_SIZE - 4, true);
  view.setBigUint64(at + 4, BigInt(base), true);
  view.setBigUint64(at + 12, BigInt(length), true);
  view.setUint32(at + 20, available ? MEMORY_AVAILABLE : MEMORY_RESERVED, true);
}
