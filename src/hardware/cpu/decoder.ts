/**
 * Predecodes instructions for the interpreter (SDM vol. 2, chapter 2, by way of iced-x86).
 *
 * Records are keyed by physical address. In 64-bit mode they hold for every linear address that maps to it, in the other
 * modes for one instruction pointer (code-pages.ts). Straight-line runs are decoded and kept until their page is
 * written; code that begins within a page, or whose limit lies within one, is decoded for one execution. Fetching code
 * touches its page, and needs its lines where another CPU may be writing to them (memory/lines.ts).
 *
 * Left out: fetches from devices raise #UD.
 */
import { DecoderError, Instruction, type Decoder as IcedDecoder } from 'iced-x86';
import type { CostTable } from '../../cost/step.js';
import type { PageCode } from '../memory/lines.js';
import { LINE_SIZE, PAGE_MASK, PAGE_SIZE, type PhysicalMemory } from '../memory/physical-memory.js';
import { translate } from '../memory/walk.js';
import { CodePages } from './code-pages.js';
import { CodeRecords } from './code-records.js';
import type { CodeTranslator } from './code-translator.js';
import type { Cpu } from './cpu.js';
import type { DecodedInstruction } from './decoded-instruction.js';
import { VECTOR_GP, VECTOR_UD } from './exception-vector.js';
import { instructionTlbMap } from './instruction-tlb.js';
import type { KnownCode } from './known-code.js';
import * as L from './layout.js';
import { privilegeOf } from './mode.js';
import { bitnessOf, isFetchable, isLong, isPageOfCode, newDecoder, originOf, variantOf, type Fetch } from './fetch.js';
import * as OP from './opcodes.js';
import { FAULT, PASS, WAIT, type Outcome } from './outcome.js';
import { SEGMENT_CS } from './segments.js';
import { findSpinLoop, type SpinLoop } from './spin-loop.js';

const LONGEST_INSTRUCTION = 15;
const LONGEST_RUN = 64;
const CANONICAL_LIMIT = 2 ** 47;
const TWO_32 = 2 ** 32;
const NO_BYTES = new Uint8Array();

/** What the decoder needs of a CPU. */
export type DecodingCpu = Pick<
  Cpu,
  | 'block'
  | 'cpl'
  | 'cr0'
  | 'engine'
  | 'fault'
  | 'flushTlbs'
  | 'lines'
  | 'long'
  | 'memory'
  | 'now'
  | 'rip'
  | 'segmentBase'
  | 'segments'
  | 'setLong'
  | 'setWord'
  | 'word'
>;

export class Decoder {
  readonly #memory: PhysicalMemory;
  readonly #pages: CodePages;
  readonly #records: CodeRecords;
  readonly #translator: CodeTranslator | null;
  readonly #known: KnownCode | null;
  readonly #cpus: DecodingCpu[] = [];
  /** Of the instruction that a CPU has decoded for one execution. */
  readonly #onceBytes = new Map<DecodingCpu, Uint8Array>();
  readonly #instruction = new Instruction();

  constructor(
    memory: PhysicalMemory,
    costs: CostTable,
    translator: CodeTranslator | null = null,
    known: KnownCode | null = null,
  ) {
    this.#memory = memory;
    this.#translator = translator;
    this.#known = known;
    known?.prepare(costs);
    this.#pages = new CodePages(memory, translator);
    this.#records = new CodeRecords(memory, costs);
  }

  /** The instruction of a record that the host has to execute. */
  instruction(record: number): DecodedInstruction {
    return this.#records.instruction(record);
  }

  /** The spin loop that the branch of `record` closes. */
  spinLoop(record: number): SpinLoop | null {
    return this.#records.spinLoop(record);
  }

  /** `cpu` has gone to `record`, where it is now, often. Only code of 64-bit mode is translated. */
  translate(cpu: DecodingCpu, record: number): void {
    if (!isLong(cpu)) return;
    this.#translator?.translate(instructionTlbMap(this.#memory, cpu, cpu.long(L.CPU_CODE_BASE)), record);
  }

  add(cpu: DecodingCpu): void {
    this.#cpus.push(cpu);
  }

  /** The bytes at cpu.rip, as far as the instruction TLB knows where they are. For traces and breakpoints. */
  fetchedBytes(cpu: DecodingCpu): Uint8Array {
    if (cpu.word(L.CPU_ONCE) !== 0 && cpu.long(L.CPU_ONCE_RIP) === cpu.rip) return this.#onceBytes.get(cpu) ?? NO_BYTES;
    const map = instructionTlbMap(this.#memory, cpu, cpu.rip);
    if (map === 0) return NO_BYTES;
    const offset = cpu.rip & PAGE_MASK;
    const next = instructionTlbMap(this.#memory, cpu, cpu.rip - offset + PAGE_SIZE);
    const fetch = { page: this.#pages.pageOf(map), offset, rip: cpu.rip };
    return this.#bytes(fetch, offset + LONGEST_INSTRUCTION > PAGE_SIZE && next !== 0 ? this.#pages.pageOf(next) : -1);
  }

  hasCode(page: number): boolean {
    return this.#memory.hasCode(page);
  }

  /** The code of a page that has or had some. */
  codeOf(page: number): PageCode | undefined {
    return this.#pages.codeOf(page);
  }

  /** Forgets the decoded code of a page that `cpu` is about to write. */
  drop(cpu: DecodingCpu, page: number): void {
    if (!this.hasCode(page)) return;
    this.#pages.drop(page);
    for (const each of this.#cpus) each.setWord(L.CPU_ONCE, 0);
    cpu.setWord(L.CPU_DROPPED_PAGE, page);
    cpu.setLong(L.CPU_DROPPED_AT, cpu.long(L.CPU_RETIRED));
  }

  /** Decodes at cpu.rip. PASS: the interpreter can go on. WAIT or FAULT: as for any access. */
  decode(cpu: DecodingCpu): Outcome {
    // Branches of the interpreter do not wrap at 4 GiB.
    if (!isLong(cpu)) cpu.rip = cpu.rip >>> 0;
    const { rip } = cpu;
    if (isLong(cpu) && (rip < -CANONICAL_LIMIT || rip >= CANONICAL_LIMIT)) return raise(cpu, VECTOR_GP, 0);
    if (!isFetchable(cpu, rip, 1)) return raise(cpu, VECTOR_GP, 0);
    const pa = this.#fetch(cpu, rip);
    if (pa < 0) return -pa as Outcome;
    const offset = pa % PAGE_SIZE;
    const fetch = { page: pa - offset, offset, rip };
    const isKept = isPageOfCode(cpu, rip) && !this.#isStoringToItself(cpu, fetch.page);
    if (!isKept) return this.#decodeOnce(cpu, fetch);
    const map = this.#open(cpu, fetch.page, rip);
    if (!cpu.lines.joinCode(cpu as Cpu, fetch.page)) return WAIT;
    const known = this.#pages.record(map, offset);
    if (known !== 0 && this.#records.opcode(known) !== OP.CROSS) return PASS;
    return cpu.lines.fetch(cpu as Cpu, pa) ? this.#decodeRun(cpu, fetch) : WAIT;
  }

  /**
   * Physical address of the byte at `rip` for fetching, or minus an outcome. Pages in the instruction TLB are not
   * walked for again: whether an instruction is decoded already depends on the other CPUs and must not cost anything.
   */
  #fetch(cpu: DecodingCpu, rip: number): number {
    const map = instructionTlbMap(this.#memory, cpu, rip);
    if (map !== 0) return this.#pages.pageOf(map) + (rip & PAGE_MASK);
    const linear = isLong(cpu) ? rip : (rip + cpu.segmentBase(SEGMENT_CS)) % TWO_32;
    const pa = translate(cpu as Cpu, linear, L.ACCESS_FETCH, privilegeOf(cpu.cpl));
    if (pa < 0) return pa;
    if (!this.#memory.isRam(pa)) return -raise(cpu, VECTOR_UD, null);
    return cpu.lines.touch(cpu as Cpu, pa) ? pa : -WAIT;
  }

  /**
   * True while the instruction that made its own page, or one of them, be dropped has not retired: it runs without decoding
   * the page again.
   */
  #isStoringToItself(cpu: DecodingCpu, page: number): boolean {
    return cpu.word(L.CPU_DROPPED_PAGE) === page && cpu.long(L.CPU_DROPPED_AT) === cpu.long(L.CPU_RETIRED);
  }

  /** The code of a page that is open. */
  #codeAt(page: number): PageCode {
    const code = this.#pages.codeOf(page);
    if (code === undefined) throw new RangeError(`page ${page.toString(16)}H was never opened for code`);
    return code;
  }

  /** Makes a page executable at an instruction pointer: from now on a store to it is noticed. Returns its map. */
  #open(cpu: DecodingCpu, page: number, rip: number): number {
    const isNew = !this.hasCode(page);
    const variant = variantOf(cpu, rip);
    let map = this.#pages.open(page, variant);
    if (map === 0) {
      this.#forgetAll();
      map = this.#pages.open(page, variant);
    }
    if (isNew) {
      this.#codeAt(page).since = cpu.now;
      for (const each of this.#cpus) each.engine.forbidStores(each.block, page);
    }
    cpu.engine.enterInstructionTlb(cpu.block, rip, map);
    return map;
  }

  #forgetAll(): void {
    this.#pages.dropAll();
    this.#records.clear();
    for (const cpu of this.#cpus) {
      cpu.flushTlbs();
      cpu.setWord(L.CPU_MARK_BRANCH, 0);
      cpu.setWord(L.CPU_SPIN_BRANCH, 0);
      cpu.setWord(L.CPU_LOOP, 0);
    }
  }

  /** Room for a run; the page of `fetch` stays executable when everything else has to go. */
  #allocate(cpu: DecodingCpu, fetch: Fetch, count: number): number {
    const at = this.#pages.allocate(count);
    if (at !== 0) return at;
    this.#forgetAll();
    this.#open(cpu, fetch.page, fetch.rip);
    return this.#pages.allocate(count);
  }

  // ---- Runs

  #decodeRun(cpu: DecodingCpu, fetch: Fetch): Outcome {
    const start = this.#allocate(cpu, fetch, LONGEST_RUN + 2);
    const map = this.#pages.open(fetch.page, variantOf(cpu, fetch.rip));
    const known = isLong(cpu) ? this.#known : null;
    const origin = BigInt(originOf(cpu, fetch));
    const loops: { branch: number; head: number }[] = [];
    const bytes = this.#memory.bytes(fetch.page, PAGE_SIZE);
    let decoder: IcedDecoder | null = null;
    let offset = fetch.offset;
    let at = start;
    let isOpen = true;
    let missing = -1;
    while (isOpen && offset < PAGE_SIZE && at < start + LONGEST_RUN * L.RECORD_SIZE) {
      if (this.#pages.record(map, offset) !== 0 && offset !== fetch.offset) break;
      const earlier = known?.instruction(fetch.page, bytes, offset) ?? null;
      if (earlier === null) {
        decoder ??= newDecoder(cpu, bytes, offset, origin + BigInt(offset));
        decoder.decodeOut(this.#instruction);
        if (decoder.lastError === DecoderError.NoMoreBytes) break;
      }
      const length = earlier?.bytes.length ?? this.#instruction.length;
      missing = this.#missingLine(cpu, fetch.page + offset, length);
      if (missing >= 0) break;
      this.#addCode(fetch.page, offset, length);
      const code = bytes.subarray(offset, offset + length);
      if (earlier !== null) {
        isOpen = this.#records.writeKnown(at, earlier);
        decoder?.free();
        decoder = null;
      } else {
        isOpen = this.#records.write(at, this.#instruction, code, isLong(cpu), origin);
        known?.keepInstruction(fetch.page, offset, this.#records.known(at, code, isOpen));
      }
      this.#pages.setRecord(map, offset, at);
      const head = this.#records.backwardTarget(at, offset);
      if (head >= 0) loops.push({ branch: offset, head });
      offset += length;
      at += L.RECORD_SIZE;
    }
    decoder?.free();
    if (at === start && missing >= 0) {
      this.#pages.trim(start);
      return cpu.lines.fetch(cpu as Cpu, missing) ? PASS : WAIT;
    }
    if (at === start) return this.#decodeCrossing(cpu, fetch, start);
    if (isOpen) {
      this.#records.writeLink(at, offset, offset < PAGE_SIZE ? this.#pages.record(map, offset) : 0);
      at += L.RECORD_SIZE;
    }
    this.#pages.trim(at);
    for (const { branch, head } of loops) this.#markSpinLoop(cpu, fetch, branch, head);
    return PASS;
  }

  /** Address in the first line of an instruction on one page that is still to be fetched, or -1. */
  #missingLine(cpu: DecodingCpu, pa: number, length: number): number {
    if (!cpu.lines.isFetchable(cpu as Cpu, pa)) return pa;
    const last = pa + length - 1;
    return cpu.lines.isFetchable(cpu as Cpu, last) ? -1 : last;
  }

  /** `length` bytes of the page at `offset` have been decoded. */
  #addCode(page: number, offset: number, length: number): void {
    const { lines } = this.#cpus[0];
    lines.addCode(page + offset);
    lines.addCode(page + offset + length - 1);
  }

  // ---- Spin loops

  #markSpinLoop(cpu: DecodingCpu, fetch: Fetch, branch: number, head: number): void {
    const loop = this.#spinLoopAt(cpu, fetch.page, branch, head);
    if (loop === null) return;
    const variant = variantOf(cpu, fetch.rip);
    if (this.#pages.record(this.#pages.open(fetch.page, variant), head) === 0) {
      if (!cpu.lines.isFetchable(cpu as Cpu, fetch.page + head)) return;
      this.#decodeRun(cpu, { page: fetch.page, offset: head, rip: fetch.rip - fetch.offset + head });
    }
    const map = this.#pages.open(fetch.page, variant);
    const record = this.#pages.record(map, branch);
    for (let offset = head - (head % LINE_SIZE); offset <= branch; offset += LINE_SIZE) {
      if (!this.#memory.isCode(fetch.page + offset)) return;
    }
    const exits = loop.exits.map((exit) => this.#pages.record(map, exit));
    if (record === 0 || exits.includes(0)) return;
    this.#translator?.forget(map);
    this.#records.markSpinLoop(record, loop, exits);
  }

  #spinLoopAt(cpu: DecodingCpu, page: number, branch: number, head: number): SpinLoop | null {
    const bytes = this.#memory.bytes(page, PAGE_SIZE);
    const known = isLong(cpu) ? this.#known : null;
    const earlier = known?.loop(page, bytes, head, branch);
    if (earlier !== undefined) return earlier;
    const code = { bytes, bitness: bitnessOf(cpu) };
    const loop = findSpinLoop(code, head, branch, (instruction) => this.#records.select(instruction).ticks);
    known?.keepLoop(page, bytes, head, branch, loop);
    return loop;
  }

  // ---- Instructions that cross a page, and those decoded for one execution

  /** The bytes of an instruction on its page, and those on the next page if `next` is its physical address. */
  #bytes(fetch: Fetch, next: number): Uint8Array {
    const onPage = Math.min(LONGEST_INSTRUCTION, PAGE_SIZE - fetch.offset);
    const bytes = new Uint8Array(next < 0 ? onPage : LONGEST_INSTRUCTION);
    bytes.set(this.#memory.bytes(fetch.page + fetch.offset, onPage));
    if (next >= 0) bytes.set(this.#memory.bytes(next, LONGEST_INSTRUCTION - onPage), onPage);
    return bytes;
  }

  /** Decodes into `#instruction`; false if there are too few bytes. */
  #decodeBytes(cpu: DecodingCpu, bytes: Uint8Array, ip: bigint): boolean {
    const decoder = newDecoder(cpu, bytes, 0, ip);
    decoder.decodeOut(this.#instruction);
    const isWhole = decoder.lastError !== DecoderError.NoMoreBytes;
    decoder.free();
    return isWhole;
  }

  #decodeCrossing(cpu: DecodingCpu, fetch: Fetch, start: number): Outcome {
    this.#pages.trim(start);
    const nextRip = fetch.rip + PAGE_SIZE - fetch.offset;
    if (!isPageOfCode(cpu, nextRip)) return this.#decodeOnce(cpu, fetch);
    const next = this.#fetch(cpu, nextRip);
    if (next < 0) return -next as Outcome;
    if (this.#isStoringToItself(cpu, next)) return this.#decodeOnce(cpu, fetch);
    const nextMap = this.#open(cpu, next, nextRip);
    const map = this.#open(cpu, fetch.page, fetch.rip);
    if (!cpu.lines.joinCode(cpu as Cpu, next)) return WAIT;
    if (!cpu.lines.fetch(cpu as Cpu, next) || !cpu.lines.fetch(cpu as Cpu, fetch.page + PAGE_SIZE - 1)) return WAIT;
    const at = this.#pages.allocate(3);
    if (at === 0 || nextMap === map) return PASS;
    this.#pages.join(fetch.page, next);
    this.#records.writeCross(at, fetch.offset, nextMap);
    this.#placeAlone(at + L.RECORD_SIZE, cpu, fetch, next);
    this.#pages.setRecord(map, fetch.offset, at);
    this.#addCode(fetch.page, fetch.offset, PAGE_SIZE - fetch.offset);
    this.#addCode(next, 0, 1);
    return PASS;
  }

  /** One instruction and the link behind it. */
  #placeAlone(at: number, cpu: DecodingCpu, fetch: Fetch, next: number): void {
    const origin = originOf(cpu, fetch);
    const bytes = this.#bytes(fetch, next);
    this.#decodeBytes(cpu, bytes, BigInt(origin + fetch.offset));
    this.#records.write(at, this.#instruction, bytes, isLong(cpu), BigInt(origin));
    this.#records.writeLink(at + L.RECORD_SIZE, fetch.offset + this.#instruction.length, 0);
  }

  #decodeOnce(cpu: DecodingCpu, fetch: Fetch): Outcome {
    let next = -1;
    if (!cpu.lines.fetch(cpu as Cpu, fetch.page + fetch.offset)) return WAIT;
    const onPage = this.#bytes(fetch, next);
    if (!this.#decodeBytes(cpu, onPage, 0n)) {
      if (!isFetchable(cpu, fetch.rip, onPage.length + 1)) return raise(cpu, VECTOR_GP, 0);
      next = this.#fetch(cpu, fetch.rip + PAGE_SIZE - fetch.offset);
      if (next < 0) return -next as Outcome;
      if (!cpu.lines.fetch(cpu as Cpu, next)) return WAIT;
      this.#decodeBytes(cpu, this.#bytes(fetch, next), 0n);
    }
    const last = Math.min(fetch.offset + this.#instruction.length, PAGE_SIZE) - 1;
    if (!cpu.lines.fetch(cpu as Cpu, fetch.page + last)) return WAIT;
    if (!isFetchable(cpu, fetch.rip, this.#instruction.length)) return raise(cpu, VECTOR_GP, 0);
    const at = cpu.block + L.CPU_ONCE_RECORDS;
    this.#placeAlone(at, cpu, fetch, next);
    cpu.setWord(L.CPU_ONCE, at);
    cpu.setLong(L.CPU_ONCE_RIP, cpu.rip);
    this.#onceBytes.set(cpu, this.#bytes(fetch, next));
    return PASS;
  }
}

function raise(cpu: DecodingCpu, vector: number, errorCode: number | null): Outcome {
  cpu.fault = { kind: 'exception', vector, errorCode, address: 0 };
  return FAULT;
}
