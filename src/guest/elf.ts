/**
 * Executable files in the Executable and Linkable Format: what a boot loader needs of them, that is the entry point and
 * the loadable segments (System V ABI, chapters 4 and 5). ELF32 and ELF64, little-endian, for the x86 family.
 *
 * Left out: sections, symbols, relocation, dynamic linking, extended program-header numbering (PN_XNUM).
 */
import { hex, loadProblem, type LoadProblem } from './load-problem.js';

/** A loadable segment (PT_LOAD). Addresses and sizes in bytes. */
export interface ElfSegment {
  /** File offset of the program header, for messages. */
  readonly header: number;
  readonly fileOffset: number;
  readonly fileSize: number;
  /** Size in memory; what the file does not give is zero. */
  readonly memorySize: number;
  readonly virtualAddress: number;
  readonly physicalAddress: number;
}

export interface ElfFile {
  readonly kind: 'elf';
  /** Physical address of the first instruction. */
  readonly entry: number;
  /** In file order; segments without memory are left out. */
  readonly segments: readonly ElfSegment[];
}

/** Where the fields of the two classes stand. */
interface ElfLayout {
  readonly name: string;
  readonly headerSize: number;
  readonly entry: number;
  readonly programHeaders: number;
  readonly programHeaderSize: number;
  readonly programHeaderCount: number;
  readonly wide: boolean;
  /** Program header: its size, then its fields. */
  readonly size: number;
  readonly offset: number;
  readonly virtual: number;
  readonly physical: number;
  readonly fileSize: number;
  readonly memorySize: number;
}

// prettier-ignore
const ELF32: ElfLayout = {
  name: 'ELF32', headerSize: 52, entry: 24, programHeaders: 28, programHeaderSize: 42, programHeaderCount: 44, wide: false,
  size: 32, offset: 4, virtual: 8, physical: 12, fileSize: 16, memorySize: 20,
};
// prettier-ignore
const ELF64: ElfLayout = {
  name: 'ELF64', headerSize: 64, entry: 24, programHeaders: 32, programHeaderSize: 54, programHeaderCount: 56, wide: true,
  size: 56, offset: 8, virtual: 16, physical: 24, fileSize: 32, memorySize: 40,
};

const ELF_MAGIC = 0x464c_457f;
const EI_CLASS = 4;
const EI_DATA = 5;
const IDENT_SIZE = 16;
const ELFCLASS32 = 1;
const ELFCLASS64 = 2;
const ELFDATA2LSB = 1;
const E_TYPE = 16;
const E_MACHINE = 18;
const ET_EXEC = 2;
const EM_386 = 3;
const EM_X86_64 = 62;
const PT_LOAD = 1;
const DAMAGED = 'the file is damaged or was copied in part; build or copy it again';

/** Whether the file claims to be ELF. */
export function isElf(image: Uint8Array): boolean {
  return image.length >= 4 && viewOf(image).getUint32(0, true) === ELF_MAGIC;
}

/** The loadable segments and the entry point of an executable. Never throws. */
export function parseElf(image: Uint8Array): ElfFile | LoadProblem {
  const view = viewOf(image);
  const layout = layoutOf(image);
  if ('kind' in layout) return layout;
  const wrong = checkHeader(view, layout);
  if (wrong !== null) return wrong;
  const segments = readSegments(view, layout);
  if (!Array.isArray(segments)) return segments;
  return { kind: 'elf', entry: physicalEntry(word(view, layout.entry, layout.wide), segments), segments };
}

function viewOf(image: Uint8Array): DataView {
  return new DataView(image.buffer, image.byteOffset, image.byteLength);
}

function layoutOf(image: Uint8Array): ElfLayout | LoadProblem {
  if (!isElf(image)) return loadProblem(0, 'not an ELF file', 'give the .flat or .elf file of a multiboot kernel');
  const layout = { [ELFCLASS32]: ELF32, [ELFCLASS64]: ELF64 }[image[EI_CLASS]];
  if (layout === undefined && image.length >= IDENT_SIZE) {
    return loadProblem(EI_CLASS, `ELF class ${image[EI_CLASS]} is neither 32 nor 64 bits`, DAMAGED);
  }
  if (layout === undefined || image.length < layout.headerSize) {
    return loadProblem(image.length, `truncated ELF header: the file ends after ${image.length} bytes`, DAMAGED);
  }
  return layout;
}

function checkHeader(view: DataView, layout: ElfLayout): LoadProblem | null {
  const hint = 'build the kernel as a static x86 executable';
  if (view.getUint8(EI_DATA) !== ELFDATA2LSB) return loadProblem(EI_DATA, 'not a little-endian ELF file', hint);
  const type = view.getUint16(E_TYPE, true);
  if (type !== ET_EXEC) return loadProblem(E_TYPE, `ELF type ${type} is not an executable (2)`, hint);
  const machine = view.getUint16(E_MACHINE, true);
  if (machine !== EM_386 && machine !== EM_X86_64) {
    return loadProblem(E_MACHINE, `ELF machine ${machine} is neither 386 (3) nor x86-64 (62)`, hint);
  }
  const size = view.getUint16(layout.programHeaderSize, true);
  if (size >= layout.size) return null;
  return loadProblem(
    layout.programHeaderSize,
    `program headers of ${size} bytes are too small for ${layout.name}`,
    DAMAGED,
  );
}

function readSegments(view: DataView, layout: ElfLayout): ElfSegment[] | LoadProblem {
  const table = word(view, layout.programHeaders, layout.wide);
  const stride = view.getUint16(layout.programHeaderSize, true);
  const count = view.getUint16(layout.programHeaderCount, true);
  if (table + count * stride > view.byteLength) {
    const message = `truncated ELF: ${count} program headers at ${hex(table)} end beyond the file (${view.byteLength} bytes)`;
    return loadProblem(layout.programHeaders, message, DAMAGED);
  }
  const segments: ElfSegment[] = [];
  for (let at = table; at < table + count * stride; at += stride) {
    if (view.getUint32(at, true) !== PT_LOAD) continue;
    const segment = readSegment(view, at, layout);
    const wrong = checkSegment(view, segment);
    if (wrong !== null) return wrong;
    if (segment.memorySize > 0) segments.push(segment);
  }
  return segments.length > 0
    ? segments
    : loadProblem(table, 'the ELF file has nothing to load (no PT_LOAD segment)', DAMAGED);
}

function readSegment(view: DataView, at: number, layout: ElfLayout): ElfSegment {
  return {
    header: at,
    fileOffset: word(view, at + layout.offset, layout.wide),
    fileSize: word(view, at + layout.fileSize, layout.wide),
    memorySize: word(view, at + layout.memorySize, layout.wide),
    virtualAddress: word(view, at + layout.virtual, layout.wide),
    physicalAddress: word(view, at + layout.physical, layout.wide),
  };
}

function checkSegment(view: DataView, { header, fileOffset, fileSize, memorySize }: ElfSegment): LoadProblem | null {
  if (fileSize > memorySize) {
    const message = `segment with ${hex(fileSize)} bytes in the file but room for ${hex(memorySize)} in memory`;
    return loadProblem(header, message, DAMAGED);
  }
  if (fileSize === 0 || fileOffset + fileSize <= view.byteLength) return null;
  const message = `truncated ELF: segment [${hex(fileOffset)}, ${hex(fileOffset + fileSize)}) ends beyond the file (${hex(view.byteLength)})`;
  return loadProblem(header, message, DAMAGED);
}

/** An entry point is a virtual address; paging is off, so it counts where its segment is loaded. */
function physicalEntry(entry: number, segments: readonly ElfSegment[]): number {
  const home = segments.find((s) => entry >= s.virtualAddress && entry < s.virtualAddress + s.memorySize);
  return home === undefined ? entry : entry - home.virtualAddress + home.physicalAddress;
}

/** An address, offset or size. Values of 2^53 and more lose low bits, which no check minds: they exceed any memory. */
function word(view: DataView, at: number, wide: boolean): number {
  const low = view.getUint32(at, true);
  return wide ? view.getUint32(at + 4, true) * 2 ** 32 + low : low;
}
