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
import { DecoderError, FlowControl, Instruction } from 'iced-x86';
import type { CostTable } from '../../cost/step.js';
import type { PageCode } from '../memory/lines.js';
import type { PhysicalMemory } from '../memory/physical-memory.js';
import { translate } from '../memory/walk.js';
import { CodePages } from './code-pages.js';
import type { Cpu } from './cpu.js';
import type { DecodedInstruction } from './decoded-instruction.js';
import { VECTOR_GP, VECTOR_UD } from './fault.js';
import * as L from './layout.js';
import { bitnessOf, isFetchable, isLong, isPageOfCode, newDecoder, originOf, variantOf, type Fetch } from './fetch.js';
import { dependsOnStack, writeLegacyRecord } from './legacy-code.js';
import * as OP from './opcodes.js';
import { OpcodeSelector } from './opcode-selection.js';
import { FAULT, PASS, WAIT, type Outcome } from './outcome.js';
import * as R from './record.js';
import { describeInstruction, writeRecord } from './record-encoding.js';
import { SEGMENT_CS } from './segments.js';
import { findSpinLoop, type SpinLoop } from './spin-loop.js';
import { forbidStores } from './tlb.js';

const PAGE_SIZE = 4096;
const LINE_SIZE = 64;
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
  readonly #selector: OpcodeSelector;
  readonly #cpus: DecodingCpu[] = [];
  readonly #instructions = new Map<number, DecodedInstruction>();
  /** Of the instruction that a CPU has decoded for one execution. */
  readonly #onceBytes = new Map<DecodingCpu, Uint8Array>();
  /** By record of the branch. */
  readonly #spinLoops = new Map<number, SpinLoop>();
  readonly #instruction = new Instruction();
  /** The page that a CPU made be dropped last, and the instruction that did: it runs without decoding the page again. */
  readonly #dropped = new Map<DecodingCpu, { readonly page: number; readonly retired: number }>();

  constructor(memory: PhysicalMemory, costs: CostTable) {
    this.#memory = memory;
    this.#pages = new CodePages(memory);
    this.#selector = new OpcodeSelector(costs);
  }

  add(cpu: DecodingCpu): void {
    this.#cpus.push(cpu);
  }

  /** The instruction of a record that the host has to execute. */
  instruction(record: number): DecodedInstruction {
    const instruction = this.#instructions.get(record);
    if (instruction === undefined) throw new RangeError(`no instruction is kept for record ${record.toString(16)}H`);
    return instruction;
  }

  /** The bytes at cpu.rip, as far as the instruction TLB knows where they are. For traces and breakpoints. */
  fetchedBytes(cpu: DecodingCpu): Uint8Array {
    if (cpu.word(L.CPU_ONCE) !== 0 && cpu.long(L.CPU_ONCE_RIP) === cpu.rip) return this.#onceBytes.get(cpu) ?? NO_BYTES;
    const map = this.#instructionTlbMap(cpu, cpu.rip);
    if (map === 0) return NO_BYTES;
    const offset = cpu.rip & (PAGE_SIZE - 1);
    const next = this.#instructionTlbMap(cpu, cpu.rip - offset + PAGE_SIZE);
    const fetch = { page: this.#pages.pageOf(map), offset, rip: cpu.rip };
    return this.#bytes(fetch, offset + LONGEST_INSTRUCTION > PAGE_SIZE && next !== 0 ? this.#pages.pageOf(next) : -1);
  }

  /** The spin loop that the branch of `record` closes. */
  spinLoop(record: number): SpinLoop | null {
    return this.#spinLoops.get(record) ?? null;
  }

  hasCode(page: number): boolean {
    return this.#pages.has(page);
  }

  /** The code of a page that has or had some. */
  codeOf(page: number): PageCode | undefined {
    return this.#pages.codeOf(page);
  }

  /** Forgets the decoded code of a page that `cpu` is about to write. */
  drop(cpu: DecodingCpu, page: number): void {
    if (!this.#pages.has(page)) return;
    this.#pages.drop(page);
    for (const each of this.#cpus) each.setWord(L.CPU_ONCE, 0);
    this.#dropped.set(cpu, { page, retired: cpu.long(L.CPU_RETIRED) });
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
    if (!cpu.lines.joinCode(cpu as Cpu, fetch.page, this.#codeAt(fetch.page))) return WAIT;
    const known = this.#pages.record(map, offset);
    if (known !== 0 && this.#opcode(known) !== OP.CROSS) return PASS;
    return cpu.lines.fetch(cpu as Cpu, pa) ? this.#decodeRun(cpu, fetch) : WAIT;
  }

  /**
   * Physical address of the byte at `rip` for fetching, or minus an outcome. Pages in the instruction TLB are not
   * walked for again: whether an instruction is decoded already depends on the other CPUs and must not cost anything.
   */
  #fetch(cpu: DecodingCpu, rip: number): number {
    const map = this.#instructionTlbMap(cpu, rip);
    if (map !== 0) return this.#pages.pageOf(map) + (rip & (PAGE_SIZE - 1));
    const linear = isLong(cpu) ? rip : (rip + cpu.segmentBase(SEGMENT_CS)) % TWO_32;
    const pa = translate(cpu as Cpu, linear, L.ACCESS_FETCH, cpu.cpl === 3);
    if (pa < 0) return pa;
    if (!this.#memory.isRam(pa)) return -raise(cpu, VECTOR_UD, null);
    return cpu.lines.touch(cpu as Cpu, pa) ? pa : -WAIT;
  }

  /** True while the instruction that made its own page be dropped has not retired. */
  #isStoringToItself(cpu: DecodingCpu, page: number): boolean {
    const last = this.#dropped.get(cpu);
    return last?.page === page && last.retired === cpu.long(L.CPU_RETIRED);
  }

  /** The code of a page that is open. */
  #codeAt(page: number): PageCode {
    const code = this.#pages.codeOf(page);
    if (code === undefined) throw new RangeError(`page ${page.toString(16)}H was never opened for code`);
    return code;
  }

  #opcode(record: number): number {
    return this.#memory.view.getUint16(record, true);
  }

  /** Makes a page executable at an instruction pointer: from now on a store to it is noticed. Returns its map. */
  #open(cpu: DecodingCpu, page: number, rip: number): number {
    const isNew = !this.#pages.has(page);
    const variant = variantOf(cpu, rip);
    let map = this.#pages.open(page, variant);
    if (map === 0) {
      this.#forgetAll();
      map = this.#pages.open(page, variant);
    }
    if (isNew) {
      this.#codeAt(page).since = cpu.now;
      for (const each of this.#cpus) forbidStores(each, page);
    }
    this.#enterInstructionTlb(cpu, rip, map);
    return map;
  }

  #enterInstructionTlb(cpu: DecodingCpu, rip: number, map: number): void {
    const { u32 } = this.#memory;
    const at = (cpu.word(L.CPU_ITLB) >>> 2) + ((rip >>> 12) & (L.ITLB_ENTRIES - 1)) * 4;
    u32[at] = ((rip & ~(PAGE_SIZE - 1)) | 1) >>> 0;
    u32[at + 1] = Math.floor(rip / TWO_32);
    u32[at + 2] = map;
  }

  /** The map that the instruction TLB has for `rip`, or 0. */
  #instructionTlbMap(cpu: DecodingCpu, rip: number): number {
    const { u32 } = this.#memory;
    const at = (cpu.word(L.CPU_ITLB) >>> 2) + ((rip >>> 12) & (L.ITLB_ENTRIES - 1)) * 4;
    const isHit = u32[at] === ((rip & ~(PAGE_SIZE - 1)) | 1) >>> 0 && u32[at + 1] === Math.floor(rip / TWO_32) >>> 0;
    return isHit ? u32[at + 2] : 0;
  }

  #flushTlbs(): void {
    for (const cpu of this.#cpus) cpu.flushTlbs();
  }

  #forgetAll(): void {
    this.#pages.dropAll();
    this.#instructions.clear();
    this.#spinLoops.clear();
    this.#flushTlbs();
    for (const cpu of this.#cpus) {
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
    const origin = originOf(cpu, fetch);
    const loops: { branch: number; head: number }[] = [];
    const decoder = newDecoder(cpu, this.#memory.bytes(fetch.page, PAGE_SIZE));
    decoder.position = fetch.offset;
    decoder.ip = BigInt(origin + fetch.offset);
    let offset = fetch.offset;
    let at = start;
    let isOpen = true;
    let missing = -1;
    while (isOpen && offset < PAGE_SIZE && at < start + LONGEST_RUN * L.RECORD_SIZE) {
      if (this.#pages.record(map, offset) !== 0 && offset !== fetch.offset) break;
      decoder.decodeOut(this.#instruction);
      if (decoder.lastError === DecoderError.NoMoreBytes) break;
      missing = this.#missingLine(cpu, fetch.page + offset, this.#instruction.length);
      if (missing >= 0) break;
      this.#addCode(fetch.page, offset, this.#instruction.length);
      isOpen = this.#place(cpu, at, fetch.page + offset, BigInt(origin));
      this.#pages.setRecord(map, offset, at);
      const head = this.#backwardTarget(at, offset);
      if (head >= 0) loops.push({ branch: offset, head });
      offset += this.#instruction.length;
      at += L.RECORD_SIZE;
    }
    decoder.free();
    if (at === start && missing >= 0) {
      this.#pages.trim(start);
      return cpu.lines.fetch(cpu as Cpu, missing) ? PASS : WAIT;
    }
    if (at === start) return this.#decodeCrossing(cpu, fetch, start);
    if (isOpen) {
      this.#writeLink(at, offset, offset < PAGE_SIZE ? this.#pages.record(map, offset) : 0);
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
    const code = this.#codeAt(page);
    lines.addCode(page + offset, code);
    lines.addCode(page + offset + length - 1, code);
  }

  /** Writes the record of `#instruction`, which lies at `pa`; false when nothing follows it in sequence. */
  #place(cpu: DecodingCpu, at: number, pa: number, origin: bigint): boolean {
    this.#write(cpu, at, this.#memory.bytes(pa, this.#instruction.length), origin);
    const { flowControl } = this.#instruction;
    return flowControl === FlowControl.Next || flowControl === FlowControl.ConditionalBranch;
  }

  /** Writes the record of `#instruction`, which consists of `bytes`, and keeps what the host may need of it. */
  #write(cpu: DecodingCpu, at: number, bytes: Uint8Array, origin: bigint): void {
    const instruction = this.#instruction;
    const selection = this.#selector.select(instruction);
    const write = isLong(cpu) ? writeRecord : writeLegacyRecord;
    const opcode = write(this.#memory, at, instruction, selection, origin);
    if (mayReachHost(opcode)) this.#instructions.set(at, describeInstruction(instruction, bytes));
  }

  #writeLink(at: number, offset: number, record: number): void {
    const { view, u8 } = this.#memory;
    u8.fill(0, at, at + L.RECORD_SIZE);
    view.setUint16(at + R.R_OP, OP.LINK, true);
    view.setUint16(at + R.R_OFFSET, offset, true);
    view.setUint32(at + R.R_TARGET, record, true);
  }

  /** Page offset that the branch at `offset` goes back to, or -1. */
  #backwardTarget(record: number, offset: number): number {
    const opcode = this.#opcode(record);
    const isBranch = opcode === OP.JMP_J || (opcode >= OP.JCC0 && opcode <= OP.JCC15);
    const target = isBranch ? this.#memory.view.getInt32(record + R.R_TARGET_OFFSET, true) : -1;
    return target <= offset ? target : -1;
  }

  // ---- Spin loops

  #markSpinLoop(cpu: DecodingCpu, fetch: Fetch, branch: number, head: number): void {
    const code = { bytes: this.#memory.bytes(fetch.page, PAGE_SIZE), bitness: bitnessOf(cpu) };
    const loop = findSpinLoop(code, head, branch, (instruction) => this.#selector.select(instruction).ticks);
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
    if (record === 0 || loop.exits.some((exit) => this.#pages.record(map, exit) === 0)) return;
    for (const exit of loop.exits) this.#writeExit(this.#pages.record(map, exit), record);
    this.#writeSpin(record, loop);
  }

  #writeSpin(record: number, loop: SpinLoop): void {
    const { view } = this.#memory;
    if (this.#opcode(record) === OP.JMP_J) view.setUint8(record + R.R_C, R.CONDITION_ALWAYS);
    view.setUint16(record + R.R_OP, OP.SPIN, true);
    view.setUint32(record + R.R_TICKS, loop.ticks, true);
    view.setUint8(record + R.R_INSTRUCTIONS, loop.instructions);
    view.setUint8(record + R.R_PAUSES, loop.pauses);
    view.setUint8(record + R.R_RDTSCS, loop.rdtscs);
    view.setUint32(record + R.R_INTERVAL, loop.pauseInterval, true);
    this.#spinLoops.set(record, loop);
  }

  #writeExit(exit: number, branch: number): void {
    const { view } = this.#memory;
    view.setUint16(exit + R.R_OP, OP.SPIN_EXIT, true);
    view.setUint32(exit + R.R_TICKS, branch, true);
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
    const decoder = newDecoder(cpu, bytes);
    decoder.ip = ip;
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
    const nextMap = this.#open(cpu, next, nextRip);
    const map = this.#open(cpu, fetch.page, fetch.rip);
    if (!cpu.lines.joinCode(cpu as Cpu, next, this.#codeAt(next))) return WAIT;
    if (!cpu.lines.fetch(cpu as Cpu, next) || !cpu.lines.fetch(cpu as Cpu, fetch.page + PAGE_SIZE - 1)) return WAIT;
    const at = this.#pages.allocate(3);
    if (at === 0 || nextMap === map) return PASS;
    this.#pages.join(fetch.page, next);
    this.#writeLink(at, fetch.offset, nextMap);
    this.#memory.view.setUint16(at + R.R_OP, OP.CROSS, true);
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
    this.#write(cpu, at, bytes, BigInt(origin));
    this.#writeLink(at + L.RECORD_SIZE, fetch.offset + this.#instruction.length, 0);
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

const SOMETIMES_SLOW: readonly number[] = [OP.RDTSC, OP.PAUSE, OP.IRETQ];

/** RDTSC and PAUSE are left to the host while they cause VM exits or faults, IRETQ if it is not the plain case. */
function mayReachHost(opcode: number): boolean {
  return opcode === OP.SLOW || SOMETIMES_SLOW.includes(opcode) || dependsOnStack(opcode);
}

function raise(cpu: DecodingCpu, vector: number, errorCode: number | null): Outcome {
  cpu.fault = { kind: 'exception', vector, errorCode, address: 0 };
  return FAULT;
}
