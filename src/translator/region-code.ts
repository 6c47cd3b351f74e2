/**
 * The function of a region. It is called with a block to begin with, runs from block to block as long as whole stretches
 * of instructions fit before the limit, and returns the record to go on with. Whatever is unusual is left to the
 * interpreter, in front of the instruction: time, instructions retired and the CPU block are then as if it had executed
 * everything up to there.
 */
import {
  CPU_CODE_BASE,
  CPU_ITLB,
  CPU_LIMIT,
  CPU_LINE_KIND,
  CPU_REGION_NOW,
  CPU_REGION_RETIRED,
  ENTRY_REGION,
  ITLB_ENTRIES,
  ITLB_ENTRY_SIZE,
  ITLB_MAP,
  ORDER_TRANSLATE_AFTER,
  RECORD_SIZE,
} from '../hardware/cpu/layout.js';
import * as OP from '../hardware/cpu/opcodes.js';
import { R_OP } from '../hardware/cpu/record.js';
import { BlockState } from './block-state.js';
import { writeBranch, writeCalled, writeConditional, type Flow } from './branches.js';
import { readRecord, type CodeRecord } from './code-record.js';
import {
  CPU,
  ENTRY,
  GO,
  IMPORTS,
  LINE_KIND,
  LOCALS,
  NEXT,
  NOW,
  OPERAND,
  REGION,
  REGION_TYPE,
  RETIRED,
  VALUE,
} from './locals.js';
import { operationOf } from './operations.js';
import {
  endsStretch,
  fallsThrough,
  following,
  isCalled,
  isConditional,
  isTranslatable,
  targetOf,
  type Blocks,
  type PageOfRecords,
} from './region.js';
import { moduleWith, WASM, WasmCode } from './wasm-code.js';

/** What a region is made of. */
export interface RegionPlace extends Blocks {
  readonly page: PageOfRecords;
  /** ORDER_ENTRIES. */
  readonly entries: number;
}

export interface RegionCode {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Records that it would not be the same without. */
  readonly records: ReadonlySet<number>;
}

/** The module of a region. */
export function translateRegion(place: RegionPlace): RegionCode {
  const writer = new RegionWriter(place);
  return { bytes: writer.write(), records: writer.records };
}

interface Block {
  readonly records: readonly CodeRecord[];
  /** The record to go on with behind the last one, or 0. */
  readonly behind: number;
}

/** Of a block that is no loop: nothing goes to it from within. */
const NO_LABEL = -1;

/** The instructions that are executed together, after one look at the limit. */
function stretchAt(records: readonly CodeRecord[], from: number): readonly CodeRecord[] {
  let end = from + 1;
  while (end < records.length && !endsStretch(records[end - 1]) && !isCalled(records[end])) end++;
  return records.slice(from, end);
}

class RegionWriter implements Flow {
  readonly code = new WasmCode();
  readonly #place: RegionPlace;
  /** Numbers of the blocks. */
  readonly #blocks: ReadonlyMap<number, number>;
  state = new BlockState(this.code);
  readonly records = new Set<number>();
  #leave = 0;
  #dispatch = 0;
  #indirect = 0;
  /** By block, the label that goes to it directly: the end of what encloses the blocks before it, or its own loop. */
  readonly #labels: number[] = [];
  #current = 0;

  constructor(place: RegionPlace) {
    this.#place = place;
    this.#blocks = new Map(place.heads.map((address, index) => [address, index]));
  }

  write(): Uint8Array<ArrayBuffer> {
    const { code } = this;
    code.get(CPU);
    code.memory(WASM.i64_load, CPU_LINE_KIND);
    code.set(LINE_KIND);
    code.get(ENTRY);
    code.i32(ENTRY_REGION * 8);
    code.op(WASM.i32_shr_u);
    code.set(REGION);
    this.#leave = code.open(WASM.block);
    this.#dispatch = code.open(WASM.loop);
    this.#indirect = code.open(WASM.block);
    this.#writeBlocks();
    code.close();
    this.#writeIndirect();
    code.close();
    code.close();
    code.get(CPU);
    code.get(NOW);
    code.memory(WASM.i64_store, CPU_REGION_NOW);
    code.get(CPU);
    code.get(RETIRED);
    code.memory(WASM.i64_store, CPU_REGION_RETIRED);
    code.get(NEXT);
    return moduleWith(IMPORTS, { type: REGION_TYPE, locals: LOCALS, code });
  }

  // ---- Blocks

  #writeBlocks(): void {
    const { code } = this;
    const { heads } = this.#place;
    for (let index = heads.length - 1; index >= 0; index--) this.#labels[index] = code.open(WASM.block);
    code.get(ENTRY);
    code.i32(0xffff);
    code.op(WASM.i32_and);
    code.branchTable(this.#labels);
    for (const [index, address] of heads.entries()) {
      // The end of the label that goes to it.
      code.close();
      this.#current = index;
      this.#writeBlock(this.#blockAt(address));
    }
  }

  /** A block that is gone to from within is a loop. */
  #writeBlock({ records, behind }: Block): void {
    const { code } = this;
    const [head] = records;
    const loops = behind === head.at || records.some((each) => targetOf(this.#place.page, each) === head.at);
    this.#labels[this.#current] = loops ? code.open(WASM.loop) : NO_LABEL;
    this.state = new BlockState(code);
    this.records.add(behind);
    let checked = 0;
    for (const [number, record] of records.entries()) {
      // Behind it stands the next one, or a link to it.
      this.records.add(record.at).add(record.at + RECORD_SIZE);
      if (number === checked) checked += this.#checkLimit(records, number);
      this.#writeInstruction(record);
    }
    if (behind !== 0) this.goToRecord(behind);
    if (loops) code.close();
  }

  #blockAt(address: number): Block {
    const { page, joins } = this.#place;
    let record = readRecord(page.view, address);
    const records = [record];
    while (fallsThrough(record)) {
      const next = following(page, record);
      if (next === null) return { records, behind: record.at + RECORD_SIZE };
      if (joins.has(next.at) || !this.#isWithin(next)) return { records, behind: next.at };
      records.push(next);
      record = next;
    }
    return { records, behind: 0 };
  }

  #writeInstruction(record: CodeRecord): void {
    const operation = operationOf(record);
    if (operation !== undefined) {
      operation(this, record);
      this.count(record);
    } else if (isCalled(record)) {
      writeCalled(this, record, targetOf(this.#place.page, record));
    } else if (isConditional(record)) {
      writeConditional(this, record);
    } else {
      writeBranch(this, record);
    }
  }

  /** Can the block that comes to a record go on with it? */
  #isWithin(record: CodeRecord): boolean {
    return isTranslatable(record) && (!record.isTranslated || this.#blocks.has(record.at));
  }

  /** Leaves unless a stretch of instructions fits before the limit; returns how many they are. */
  #checkLimit(records: readonly CodeRecord[], from: number): number {
    const { code, state } = this;
    const stretch = stretchAt(records, from);
    state.lastTicks = state.ticks + stretch.slice(0, -1).reduce((sum, each) => sum + each.ticks, 0);
    code.get(NOW);
    if (state.lastTicks !== 0) {
      code.i64(state.lastTicks);
      code.op(WASM.i64_add);
    }
    code.get(CPU);
    code.memory(WASM.i64_load, CPU_LIMIT);
    code.op(WASM.i64_ge_u);
    code.open(WASM.if);
    this.leaveBefore(records[from]);
    code.close();
    return stretch.length;
  }

  count(record: CodeRecord): void {
    this.state.ticks += record.ticks;
    this.state.instructions++;
  }

  // ---- Leaving

  leaveBefore(record: CodeRecord): void {
    this.#leaveFor(record.at);
  }

  #leaveFor(address: number): void {
    this.code.i32(address);
    this.code.set(NEXT);
    this.leaveForNext();
  }

  leaveForNext(): void {
    this.state.settle();
    this.code.branch(WASM.br, this.#leave);
  }

  #goToBlock(block: number): void {
    const { code } = this;
    this.state.settle();
    if (block >= this.#current) {
      code.branch(WASM.br, this.#labels[block]);
      return;
    }
    code.i32(block);
    code.set(ENTRY);
    code.branch(WASM.br, this.#dispatch);
  }

  goToRecord(address: number): void {
    const block = this.#blocks.get(address);
    if (block === undefined) this.#leaveFor(address);
    else this.#goToBlock(block);
  }

  goToTarget(record: CodeRecord): void {
    const { code } = this;
    const target = targetOf(this.#place.page, record);
    if (this.#blocks.has(target)) {
      this.goToRecord(target);
      return;
    }
    this.pushLinear(record.targetOffset);
    code.set(VALUE);
    this.goToValue();
  }

  pushLinear(offset: number): void {
    const { code } = this;
    code.get(CPU);
    code.memory(WASM.i64_load, CPU_CODE_BASE);
    code.i64(offset);
    code.op(WASM.i64_add);
  }

  goToValue(): void {
    this.state.settle();
    this.code.branch(WASM.br, this.#indirect);
  }

  /** Behind all blocks: to the address in VALUE, as `go` of interpreter/control.ts, which sees to code that is not hot yet. */
  #writeIndirect(): void {
    const { code } = this;
    this.#pushPage();
    code.get(CPU);
    code.memory(WASM.i64_load, CPU_CODE_BASE);
    code.op(WASM.i64_eq);
    code.open(WASM.if);
    code.i32(this.#place.page.map);
    this.#findRecord();
    this.#dispatchMarked();
    code.close();
    code.else();
    this.#writeOtherPage();
    code.close();
    code.get(CPU);
    code.get(VALUE);
    code.call(GO);
    code.set(NEXT);
    code.branch(WASM.br, this.#leave);
  }

  /** Leaves for a record of another page, if it is one at which hot code begins. */
  #writeOtherPage(): void {
    const { code } = this;
    code.get(CPU);
    code.memory(WASM.i32_load, CPU_ITLB);
    code.get(VALUE);
    code.i64(12);
    code.op(WASM.i64_shr_u, WASM.i32_wrap_i64);
    code.i32(ITLB_ENTRIES - 1);
    code.op(WASM.i32_and);
    code.i32(Math.log2(ITLB_ENTRY_SIZE));
    code.op(WASM.i32_shl, WASM.i32_add);
    code.tee(OPERAND);
    code.memory(WASM.i64_load, 0);
    this.#pushPage();
    code.i64(1);
    code.op(WASM.i64_or, WASM.i64_eq);
    code.open(WASM.if);
    code.get(OPERAND);
    code.memory(WASM.i32_load, ITLB_MAP);
    this.#findRecord();
    this.#pushEntry();
    code.i32(ORDER_TRANSLATE_AFTER);
    code.memory(WASM.i32_load, 0);
    code.op(WASM.i32_ge_u);
    code.open(WASM.if);
    code.get(CPU);
    this.#pushPage();
    code.memory(WASM.i64_store, CPU_CODE_BASE);
    code.branch(WASM.br, this.#leave);
    code.close();
    code.close();
    code.close();
  }

  /** Pushes the page of the address in VALUE. */
  #pushPage(): void {
    this.code.get(VALUE);
    this.code.i64(~0xfffn);
    this.code.op(WASM.i64_and);
  }

  /** With a code map on the stack: sets NEXT to the record of the address in VALUE, and opens the case that there is one. */
  #findRecord(): void {
    const { code } = this;
    code.get(VALUE);
    code.op(WASM.i32_wrap_i64);
    code.i32(0xfff);
    code.op(WASM.i32_and);
    code.i32(2);
    code.op(WASM.i32_shl, WASM.i32_add);
    code.memory(WASM.i32_load, 0);
    code.tee(NEXT);
    code.open(WASM.if);
  }

  /** Pushes the entry of the record in NEXT. */
  #pushEntry(): void {
    this.code.get(NEXT);
    this.code.i32(3);
    this.code.op(WASM.i32_shr_u);
    this.code.memory(WASM.i32_load, this.#place.entries);
  }

  goToNext(): void {
    this.state.settle();
    this.#dispatchNext();
    this.code.branch(WASM.br, this.#leave);
  }

  /** Goes to the record in NEXT if one of the blocks begins there. */
  #dispatchNext(): void {
    const { code } = this;
    code.get(NEXT);
    code.memory(WASM.i32_load16_u, R_OP);
    code.i32(OP.TRANSLATED);
    code.op(WASM.i32_ge_u);
    code.open(WASM.if);
    this.#dispatchMarked();
    code.close();
  }

  /** The same for a record that may be in the code map only. */
  #dispatchMarked(): void {
    const { code } = this;
    this.#pushEntry();
    code.tee(ENTRY);
    code.i32(ENTRY_REGION * 8);
    code.op(WASM.i32_shr_u);
    code.get(REGION);
    code.op(WASM.i32_eq);
    code.branch(WASM.br_if, this.#dispatch);
  }
}
