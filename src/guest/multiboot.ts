/**
 * Multiboot-1 loader (Multiboot Specification 0.6.96): finds the header, says which bytes of the image go where, adds the
 * multiboot information and gives the state in which the kernel starts. The image is ELF32, ELF64 or, with header flag
 * bit 16, anything with address fields. Every bad input is a LoadProblem.
 *
 * Left out: video modes (header flag bit 2) and compressed images.
 */
import { APIC_BASE_BSP, APIC_BASE_ENABLE, DEFAULT_APIC_BASE } from '../hardware/apic/registers.js';
import { CR0_ET, CR0_PE } from '../hardware/cpu/control-register-bits.js';
import { RFLAGS_FIXED } from '../hardware/cpu/rflags.js';
import { nullSegment, type Segment } from '../hardware/cpu/segments.js';
import type { InitialRegisters, MemorySegment } from './boot-image.js';
import { isElf, parseElf } from './elf.js';
import { hex, loadProblem, type LoadProblem } from './load-problem.js';
import {
  buildInformation,
  CONVENTIONAL_END,
  EXTENDED_BASE,
  informationBase,
  MEMORY_LIMIT,
  type InformationOptions,
} from './multiboot-information.js';

/** What a multiboot kernel finds in EAX. */
export const MULTIBOOT_BOOTLOADER_MAGIC = 0x2bad_b002;

const HEADER_MAGIC = 0x1bad_b002;
const SEARCHED = 8192;
const HEADER_SIZE = 12;
const HEADER_SIZE_WITH_ADDRESSES = 32;
const FLAG_ADDRESSES = 1 << 16;
/** Page-aligned modules and memory information: always given. */
const FLAGS_SATISFIED = 0b11;
const FLAGS_REQUIRED = 0xffff;

const CODE_SELECTOR = 0x08;
const DATA_SELECTOR = 0x10;
const ACCESS_CODE_32 = 0xc09b;
const ACCESS_DATA_32 = 0xc093;
const ACCESS_TSS_BUSY = 0x008b;
const TSS_LIMIT = 0x67;
const MIB = 2 ** 20;

/** A kernel ready to be copied into memory, which must be zero elsewhere, and started. */
export interface MultibootImage {
  readonly kind: 'image';
  /** Parts of the image, then the multiboot information. */
  readonly segments: readonly MemorySegment[];
  /** Physical address of the first instruction. */
  readonly entry: number;
  readonly informationAddress: number;
  /** The multiboot magic number. */
  readonly eax: number;
  /** The information's address. */
  readonly ebx: number;
  /** State of the bootstrap processor but for EAX and EBX: flat 32-bit protected mode, paging and interrupts off. */
  readonly registers: InitialRegisters;
  /** End of the highest segment, with the zeroed part that no file bytes back. */
  readonly end: number;
}

/** A piece of memory that the image takes. */
interface Placement {
  /** File offset that a message about it should name. */
  readonly source: number;
  readonly bytes: Uint8Array;
  readonly base: number;
  readonly end: number;
}

interface Kernel {
  readonly kind: 'kernel';
  readonly entry: number;
  readonly placements: readonly Placement[];
}

/** Loads a multiboot image: where its bytes go in guest-physical memory and how it starts. Never throws. */
export function loadMultiboot(image: Uint8Array, options: InformationOptions): MultibootImage | LoadProblem {
  const wrongOption = checkOptions(options);
  if (wrongOption !== null) return wrongOption;
  const header = findHeader(image);
  if (typeof header !== 'number') return header;
  const kernel = readKernel(image, header);
  if (kernel.kind === 'problem') return kernel;
  const information = buildInformation(options, informationBase(conventionalEnd(kernel)));
  const wrong = checkPlacements(kernel, options.memoryBytes) ?? checkInformation(information);
  if (wrong !== null) return wrong;
  const loaded = kernel.placements.filter(({ bytes }) => bytes.length > 0);
  return {
    kind: 'image',
    segments: [...loaded.map(({ base, bytes }) => ({ gpa: base, bytes })), information],
    entry: kernel.entry,
    informationAddress: information.gpa,
    eax: MULTIBOOT_BOOTLOADER_MAGIC,
    ebx: information.gpa,
    registers: entryState(kernel.entry),
    end: Math.max(...kernel.placements.map(({ end }) => end)),
  };
}

function checkOptions({ commandLine, environment, memoryBytes }: InformationOptions): LoadProblem | null {
  if (!Number.isInteger(memoryBytes) || memoryBytes < 2 * MIB || memoryBytes > MEMORY_LIMIT) {
    return loadProblem(0, `${memoryBytes / MIB} MiB of memory`, 'give the machine between 2 and 3072 MiB');
  }
  if (!commandLine.includes('\0') && !environment.includes('\0')) return null;
  return loadProblem(0, 'a zero byte in the command line or in the environment', 'remove it: it would end the text');
}

/** Offset of the multiboot header: 4-byte aligned, whole within the first 8192 bytes, checksum right. */
function findHeader(image: Uint8Array): number | LoadProblem {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const last = Math.min(image.length, SEARCHED) - HEADER_SIZE;
  let damaged = -1;
  for (let at = 0; at <= last; at += 4) {
    if (view.getUint32(at, true) !== HEADER_MAGIC) continue;
    const sum = HEADER_MAGIC + view.getUint32(at + 4, true) + view.getUint32(at + 8, true);
    if (sum % 2 ** 32 === 0) return checkFlags(view, at);
    damaged = at;
  }
  if (damaged >= 0) {
    return loadProblem(damaged, 'multiboot header with a wrong checksum', 'magic, flags and checksum must add up to 0');
  }
  // Of a file that is cut off so early, this is the matter.
  const executable = isElf(image) && image.length < SEARCHED ? parseElf(image) : null;
  if (executable?.kind === 'problem') return executable;
  const hint = 'boot takes multiboot-1 kernels, such as the .flat files of kvm-unit-tests';
  return loadProblem(0, `no multiboot header in the first ${SEARCHED} bytes`, hint);
}

function checkFlags(view: DataView, at: number): number | LoadProblem {
  const flags = view.getUint32(at + 4, true);
  if ((flags & FLAGS_REQUIRED & ~FLAGS_SATISFIED) === 0) return at;
  const message = `multiboot header flags ${hex(flags)} ask for what this loader does not have`;
  return loadProblem(
    at + 4,
    message,
    'of flags 0-15 only 0 (page-aligned modules) and 1 (memory information) are supported',
  );
}

function readKernel(image: Uint8Array, header: number): Kernel | LoadProblem {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  if ((view.getUint32(header + 4, true) & FLAG_ADDRESSES) !== 0) return readAddressFields(image, view, header);
  if (!isElf(image)) {
    const hint = 'set header flag bit 16 and fill in the address fields, or link the kernel as ELF';
    return loadProblem(header, 'the multiboot header has no address fields and the file is not ELF', hint);
  }
  const elf = parseElf(image);
  if (elf.kind === 'problem') return elf;
  const placements = elf.segments.map((segment) => ({
    source: segment.header,
    bytes: image.subarray(segment.fileOffset, segment.fileOffset + segment.fileSize),
    base: segment.physicalAddress,
    end: segment.physicalAddress + segment.memorySize,
  }));
  return { kind: 'kernel', entry: elf.entry, placements };
}

/** Header fields 12-28: header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr. */
function readAddressFields(image: Uint8Array, view: DataView, header: number): Kernel | LoadProblem {
  if (header + HEADER_SIZE_WITH_ADDRESSES > image.length) {
    return loadProblem(header, 'the file ends within the multiboot header', 'build or copy it again');
  }
  const field = (index: number): number => view.getUint32(header + HEADER_SIZE + 4 * index, true);
  const [headerAddress, load, loadEnd, bssEnd, entry] = [field(0), field(1), field(2), field(3), field(4)];
  const fileOffset = header - (headerAddress - load);
  const bytes = loadEnd === 0 ? image.length - fileOffset : loadEnd - load;
  if (load > headerAddress || fileOffset < 0 || bytes < 0 || fileOffset + bytes > image.length) {
    const message = `address fields load ${hex(load)}-${hex(loadEnd)} with the header at ${hex(headerAddress)}, which this file does not hold`;
    return loadProblem(header + HEADER_SIZE, message, 'load_addr <= header_addr, and load_end_addr within the file');
  }
  if (bssEnd !== 0 && bssEnd < load + bytes) {
    return loadProblem(
      header + HEADER_SIZE,
      `bss_end_addr ${hex(bssEnd)} lies before the end of the data`,
      'use 0 for none',
    );
  }
  const end = bssEnd === 0 ? load + bytes : bssEnd;
  const placement = { source: header, bytes: image.subarray(fileOffset, fileOffset + bytes), base: load, end };
  return { kind: 'kernel', entry, placements: [placement] };
}

/** End of what the kernel takes of conventional memory. */
function conventionalEnd({ placements }: Kernel): number {
  return Math.max(0, ...placements.filter(({ base }) => base < CONVENTIONAL_END).map(({ end }) => end));
}

function checkInformation({ gpa, bytes }: MemorySegment): LoadProblem | null {
  const room = Math.max(0, CONVENTIONAL_END - gpa);
  if (bytes.length <= room) return null;
  const message = `command line, environment and memory map need ${bytes.length} bytes`;
  const hint = `shorten them, or link the kernel at ${hex(EXTENDED_BASE)} or above: the image leaves ${room} below the first MiB`;
  return loadProblem(0, message, hint);
}

function checkPlacements(kernel: Kernel, memoryBytes: number): LoadProblem | null {
  const end = Math.max(...kernel.placements.map((placement) => placement.end));
  for (const placement of kernel.placements) {
    const wrong = checkPlacement(placement, memoryBytes, end);
    if (wrong !== null) return wrong;
  }
  return checkOverlap(kernel.placements) ?? checkEntry(kernel, memoryBytes);
}

/** `kernelEnd`: end of the last placement. */
function checkPlacement({ source, base, end }: Placement, memoryBytes: number, kernelEnd: number): LoadProblem | null {
  const range = `segment [${hex(base)}, ${hex(end)})`;
  if (end > memoryBytes) {
    const enough = Math.ceil(kernelEnd / MIB);
    const hint = kernelEnd <= MEMORY_LIMIT ? `give it at least ${enough} MiB` : 'link the kernel lower';
    return loadProblem(source, `${range} does not fit in the machine's ${memoryBytes / MIB} MiB of memory`, hint);
  }
  if (base < EXTENDED_BASE && end > CONVENTIONAL_END) {
    const hint = `link the kernel at ${hex(EXTENDED_BASE)} or above`;
    return loadProblem(
      source,
      `${range} lies where there is no memory, between ${hex(CONVENTIONAL_END)} and 1 MiB`,
      hint,
    );
  }
  return null;
}

function checkOverlap(placements: readonly Placement[]): LoadProblem | null {
  const sorted = placements.toSorted((a, b) => a.base - b.base);
  const index = sorted.findIndex(({ base }, i) => i > 0 && base < sorted[i - 1].end);
  if (index < 0) return null;
  const { source, base } = sorted[index];
  return loadProblem(
    source,
    `segments overlap at ${hex(base)}`,
    'give each segment of the kernel its own physical addresses',
  );
}

function checkEntry({ entry, placements }: Kernel, memoryBytes: number): LoadProblem | null {
  if (placements.some(({ base, end }) => entry >= base && entry < end)) return null;
  const message = `the entry point ${hex(entry)} is in no segment${entry < memoryBytes ? '' : ' and outside memory'}`;
  return loadProblem(placements[0].source, message, 'check the ENTRY symbol of the linker script');
}

/** Machine state of the specification's section 3.2. */
function entryState(entry: number): InitialRegisters {
  const flat = (selector: number, access: number): Segment => ({ selector, base: 0, limit: 0xffff_ffff, access });
  const data = flat(DATA_SELECTOR, ACCESS_DATA_32);
  const task = { selector: 0, base: 0, limit: TSS_LIMIT, access: ACCESS_TSS_BUSY };
  return {
    rip: entry,
    rsp: 0,
    rflags: RFLAGS_FIXED,
    cr0: CR0_PE | CR0_ET,
    cr3: 0,
    cr4: 0,
    efer: 0,
    apicBase: DEFAULT_APIC_BASE + (APIC_BASE_ENABLE | APIC_BASE_BSP),
    segments: [data, flat(CODE_SELECTOR, ACCESS_CODE_32), data, data, data, data, nullSegment(), task],
    gdtr: { base: 0, limit: 0 },
    idtr: { base: 0, limit: 0 },
  };
}
