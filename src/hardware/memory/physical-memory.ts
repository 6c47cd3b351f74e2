import type { MeterTables } from '../../cost/meter.js';
import { STEP_NAMES } from '../../cost/step.js';
import {
  CPU_GUEST_APIC_PAGE,
  CPU_BLOCKS,
  CPU_COLLECTED_AT,
  CPU_DROPPED_AT,
  CPU_EPT_ROOT,
  CPU_HOST_TURN,
  CPU_LINE_MASKS,
  CPU_LOST_LINE_AT,
  CPU_MONITORED_LINE,
  CPU_RUNS_CODE,
  CPU_STEP_COUNTS,
  CPU_STEP_TICKS,
  CPU_STRIDE,
  ENTRY_SIZE,
  HAS_CODE,
  LINE_MASK_SIZE,
  ORDER_CODE_MAPS,
  ORDER_CPUS,
  ORDER_ENTRIES,
  ORDER_FLIGHT_LATENCY,
  ORDER_OBSERVED,
  ORDER_PAGES,
  ORDER_RAM,
  ORDER_RAM_BYTES,
  ORDER_TRACKED_PAGES,
  RECORD_SIZE,
} from '../cpu/layout.js';

export const PAGE_SIZE = 4096;
/** The bits of an address within a page. */
export const PAGE_MASK = PAGE_SIZE - 1;
export const PAGE_SHIFT = 12;
/** Bytes of a cache line. */
export const LINE_SIZE = 64;
export const LINE_SHIFT = 6;
export const LINES_PER_PAGE = 64;
const WASM_PAGE = 65536;
const TWO_32 = 2 ** 32;

export interface MemoryOptions {
  readonly cpus: number;
  /** Host-physical memory, bytes, a multiple of 4096. */
  readonly ramBytes: number;
  /** How many pages can be shared between CPUs. */
  readonly trackedPages?: number;
  /** How many predecoded instructions are kept. */
  readonly records?: number;
  /** How many pages with decoded code are kept. */
  readonly codePages?: number;
}

/** Id of the CPU whose state block is at `block`. */
export function cpuOfBlock(block: number): number {
  return (block - CPU_BLOCKS) / CPU_STRIDE;
}

/**
 * Host-physical memory and everything the interpreter shares with the host, in one WebAssembly.Memory that never
 * grows. Physical addresses are numbers; `ram + pa` is the byte index in `u8`. Accessors here bypass line ownership
 * and time: they are for whoever holds the line, and for setting a machine up.
 */
export class PhysicalMemory {
  readonly wasm: WebAssembly.Memory;
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly u64: BigUint64Array;
  readonly f64: Float64Array;
  readonly view: DataView;
  readonly ramBytes: number;
  /** Byte addresses in the WebAssembly memory. */
  readonly lineMasks: number;
  readonly pages: number;
  readonly pageOfIndex: number;
  /** Per physical page a 64-bit mask of the lines in which decoded instructions lie. */
  readonly codeLines: number;
  readonly lineOwners: number;
  readonly lineBusy: number;
  readonly lineLatency: number;
  readonly flightLatency: number;
  readonly stepTicks: number;
  readonly stepCounts: number;
  readonly chargedTicks: number;
  /** Per physical page HAS_CODE and the address of its code map for 64-bit mode, or 0. */
  readonly pageCode: number;
  /** Per CPU and tracked page a byte: 1 = the CPU runs the code of the page. */
  readonly codeRunners: number;
  readonly records: number;
  readonly recordsEnd: number;
  readonly entries: number;
  readonly codeMaps: number;
  readonly codePages: number;
  readonly ram: number;
  readonly trackedPages: number;
  readonly cpus: number;
  /** Where the records and the code maps end that have been used so far. */
  recordsUsed: number;
  mapsUsed: number;
  /** Per physical page 1 if the host has written to it, or has had its bytes. */
  readonly #written: Uint8Array;

  constructor(options: MemoryOptions) {
    const { cpus, ramBytes, trackedPages = 1024, records = 1 << 16, codePages = 64 } = options;
    this.cpus = cpus;
    this.ramBytes = ramBytes;
    this.trackedPages = trackedPages;
    this.#written = new Uint8Array(ramBytes / PAGE_SIZE);
    this.codePages = codePages;
    this.lineMasks = CPU_BLOCKS + cpus * CPU_STRIDE;
    this.codeLines = this.lineMasks + cpus * trackedPages * LINE_MASK_SIZE;
    this.lineBusy = this.codeLines + (ramBytes / PAGE_SIZE) * 8;
    this.lineLatency = this.lineBusy + trackedPages * LINES_PER_PAGE * 8;
    this.flightLatency = this.lineLatency + cpus * cpus * 8;
    this.stepTicks = this.flightLatency + cpus * cpus * 8;
    this.stepCounts = this.stepTicks + STEP_NAMES.length * 8;
    this.chargedTicks = this.stepCounts + cpus * STEP_NAMES.length * 8;
    this.lineOwners = this.chargedTicks + cpus * STEP_NAMES.length * 8;
    this.pageOfIndex = this.lineOwners + trackedPages * LINES_PER_PAGE * 4;
    this.pages = this.pageOfIndex + trackedPages * 4;
    this.pageCode = this.pages + (ramBytes / PAGE_SIZE) * 4;
    this.codeRunners = this.pageCode + (ramBytes / PAGE_SIZE) * 4;
    this.records = alignUp(this.codeRunners + cpus * trackedPages, PAGE_SIZE);
    this.recordsEnd = this.records + records * RECORD_SIZE;
    this.recordsUsed = this.records;
    this.entries = this.recordsEnd;
    this.codeMaps = alignUp(this.entries + records * ENTRY_SIZE, PAGE_SIZE);
    this.mapsUsed = this.codeMaps;
    this.ram = alignUp(this.codeMaps + codePages * PAGE_SIZE * 4, PAGE_SIZE);
    const pages = alignUp(this.ram + ramBytes, WASM_PAGE) / WASM_PAGE;
    this.wasm = takeSpare(pages) ?? new WebAssembly.Memory({ initial: pages, maximum: pages });
    const { buffer } = this.wasm;
    this.u8 = new Uint8Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u64 = new BigUint64Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.view = new DataView(buffer);
    this.#describe();
  }

  /** Tells the interpreter where everything is. */
  #describe(): void {
    const { u32, pages, pageOfIndex, codeLines, lineOwners, lineBusy, lineLatency, stepTicks } = this;
    u32[ORDER_CPUS >>> 2] = this.cpus;
    u32[ORDER_RAM >>> 2] = this.ram;
    u32[ORDER_FLIGHT_LATENCY >>> 2] = this.flightLatency;
    u32[ORDER_RAM_BYTES >>> 2] = this.ramBytes;
    u32[ORDER_CODE_MAPS >>> 2] = this.pageCode;
    u32[ORDER_TRACKED_PAGES >>> 2] = this.trackedPages;
    u32[ORDER_ENTRIES >>> 2] = this.entries - this.records / (RECORD_SIZE / ENTRY_SIZE);
    u32.set([pages, pageOfIndex, codeLines, lineOwners, lineBusy, lineLatency, stepTicks], ORDER_PAGES >>> 2);
    for (let id = 0; id < this.cpus; id++) this.#startBlock(id);
  }

  /** A CPU starts in the hands of the host and without EPT; it has collected, lost and dropped nothing, and monitors no line. */
  #startBlock(id: number): void {
    const block = this.cpuBlock(id);
    this.u32[(block + CPU_LINE_MASKS) >>> 2] = this.lineMasks + id * this.trackedPages * LINE_MASK_SIZE;
    this.u32[(block + CPU_RUNS_CODE) >>> 2] = this.codeRunners + id * this.trackedPages;
    this.u32[(block + CPU_HOST_TURN) >>> 2] = 1;
    this.u32[(block + CPU_STEP_COUNTS) >>> 2] = this.stepCounts + id * STEP_NAMES.length * 8;
    this.u32[(block + CPU_STEP_TICKS) >>> 2] = this.chargedTicks + id * STEP_NAMES.length * 8;
    for (const none of [CPU_COLLECTED_AT, CPU_DROPPED_AT, CPU_EPT_ROOT, CPU_GUEST_APIC_PAGE]) {
      this.i32.fill(-1, (block + none) >>> 2, (block + none + 8) >>> 2);
    }
    this.f64[(block + CPU_LOST_LINE_AT) >>> 3] = -1;
    this.f64[(block + CPU_MONITORED_LINE) >>> 3] = -1;
  }

  /** Where the meter keeps its numbers. */
  get meterTables(): MeterTables {
    const { buffer } = this.wasm;
    return {
      stepTicks: new Float64Array(buffer, this.stepTicks, STEP_NAMES.length),
      counts: new Float64Array(buffer, this.stepCounts, this.cpus * STEP_NAMES.length),
      ticks: new Float64Array(buffer, this.chargedTicks, this.cpus * STEP_NAMES.length),
      observed: new Uint32Array(buffer, ORDER_OBSERVED, 1),
    };
  }

  /** Leaves the memory to the next machine of the same size; this one must not run, nor be looked into, any more. */
  release(): void {
    this.#clear();
    spare = this.wasm;
  }

  /**
   * Makes all of it zeros, as a new memory is. What a CPU stores to it has touched, the interpreter as well as microcode;
   * the host writes through what is here, or to pages whose bytes it has had. A machine uses little of its memory.
   */
  #clear(): void {
    const { u8, ram, records, entries, codeMaps } = this;
    const touched = this.i32.subarray(this.pages >>> 2, (this.pages >>> 2) + this.#written.length);
    this.#written.forEach((written, page) => {
      if (written !== 0 || touched[page] !== 0) u8.fill(0, ram + page * PAGE_SIZE, ram + (page + 1) * PAGE_SIZE);
    });
    u8.fill(0, records, this.recordsUsed);
    u8.fill(0, entries, entries + ((this.recordsUsed - records) / RECORD_SIZE) * ENTRY_SIZE);
    u8.fill(0, codeMaps, this.mapsUsed);
    u8.fill(0, 0, records);
  }

  /** Byte address of the state block of CPU `id`. */
  cpuBlock(id: number): number {
    return CPU_BLOCKS + id * CPU_STRIDE;
  }

  /** True when `pa` is backed by memory (anything else is a device or nothing). */
  isRam(pa: number): boolean {
    return pa >= 0 && pa < this.ramBytes;
  }

  /** Are there decoded instructions in the line of `pa`? */
  isCode(pa: number): boolean {
    return (this.u32[this.#codeWord(pa)] & (1 << ((pa >>> LINE_SHIFT) & 31))) !== 0;
  }

  /** Instructions in the line of `pa` have been decoded. */
  noteCode(pa: number): void {
    const word = this.#codeWord(pa);
    this.u32[word] = this.u32[word] | (1 << ((pa >>> LINE_SHIFT) & 31));
  }

  /** What was decoded on `page` is forgotten. */
  forgetCode(page: number): void {
    const first = this.#codeWord(page);
    this.u32.fill(0, first, first + 2);
    this.u32[this.#pageWord(page)] = 0;
  }

  /** Has `page` been opened for code, and not been forgotten since? */
  hasCode(page: number): boolean {
    return this.u32[this.#pageWord(page)] !== 0;
  }

  /** `page` has code from now on; `map` is the address of its code map for 64-bit mode, or 0. */
  openCode(page: number, map: number): void {
    const word = this.#pageWord(page);
    this.u32[word] = this.u32[word] | map | HAS_CODE;
  }

  #pageWord(page: number): number {
    return (this.pageCode >>> 2) + Math.floor(page / PAGE_SIZE);
  }

  /** CPU `cpu` runs the code of tracked page `index`. */
  runsCode(cpu: number, index: number): boolean {
    return this.u8[this.codeRunners + cpu * this.trackedPages + index] !== 0;
  }

  noteRunner(cpu: number, index: number): void {
    this.u8[this.codeRunners + cpu * this.trackedPages + index] = 1;
  }

  #codeWord(pa: number): number {
    return (this.codeLines >>> 2) + Math.floor(pa / PAGE_SIZE) * 2 + ((pa >>> (LINE_SHIFT + 5)) & 1);
  }

  read8(pa: number): number {
    return this.u8[this.ram + pa];
  }

  write8(pa: number, value: number): void {
    this.#written[pa >>> PAGE_SHIFT] = 1;
    this.u8[this.ram + pa] = value;
  }

  /** Index in `u32` of the word at `pa`. In 32-bit arithmetic, even though V8 has seen addresses as floating-point numbers. */
  wordAt(pa: number): number {
    return ((this.ram | 0) + (pa | 0)) >>> 2;
  }

  /** `pa` must be 4-byte aligned. */
  read32(pa: number): number {
    return this.u32[this.wordAt(pa)];
  }

  write32(pa: number, value: number): void {
    this.#written[pa >>> PAGE_SHIFT] = 1;
    this.u32[this.wordAt(pa)] = value;
  }

  /** `pa` must be 8-byte aligned. */
  read64(pa: number): bigint {
    return this.u64[(this.ram + pa) / 8];
  }

  write64(pa: number, value: bigint): void {
    this.#written[pa >>> PAGE_SHIFT] = 1;
    this.u64[(this.ram + pa) / 8] = value;
  }

  /** A 64-bit word as a number: exact for values below 2^53 (addresses, times). */
  readNumber(pa: number): number {
    return this.read32(pa + 4) * TWO_32 + this.read32(pa);
  }

  writeNumber(pa: number, value: number): void {
    this.write32(pa, value >>> 0);
    this.write32(pa + 4, Math.floor(value / TWO_32));
  }

  /** The bytes [pa, pa + length) of physical memory, not a copy. */
  bytes(pa: number, length: number): Uint8Array {
    const end = (pa + length - 1) >>> PAGE_SHIFT;
    for (let page = pa >>> PAGE_SHIFT; page <= end; page++) this.#written[page] = 1;
    return this.u8.subarray(this.ram + pa, this.ram + pa + length);
  }
}

/** Of the machine that was released last. The garbage collector frees such memory late, and at the price of a full mark. */
let spare: WebAssembly.Memory | null = null;

/** The spare memory, if it has that many WebAssembly pages. */
function takeSpare(pages: number): WebAssembly.Memory | null {
  const memory = spare;
  if (memory?.buffer.byteLength !== pages * WASM_PAGE) return null;
  spare = null;
  return memory;
}

function alignUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
