/**
 * The function of a region. It is called with a block to begin with, runs from block to block as long as whole stretches
 * of instructions fit before the limit, and returns the record to go on with. Whatever is unusual is left to the
 * interpreter, in front of the instruction: time, instructions retired and the CPU block are then as if it had executed
 * everything up to there.
 */
import {
  CPU_CODE_BASE,
  CPU_LIMIT,
  CPU_REGION_NOW,
  CPU_REGION_RETIRED,
  CPU_TLB,
  ENTRY_BLOCK,
  ENTRY_REGION,
  RECORD_SIZE,
} from '../hardware/cpu/layout.js';
import * as OP from '../hardware/cpu/opcodes.js';
import { R_OP } from '../hardware/cpu/record.js';
import { BlockState } from './block-state.js';
import { CodeRecord } from './code-record.js';
import {
  BLOCK,
  CPU,
  GO,
  IMPORTS,
  LIMIT,
  LOCALS,
  NEXT,
  NOW,
  OPERAND,
  RARE,
  REGION_TYPE,
  RETIRED,
  TLB,
  VALUE,
} from './locals.js';
import { pushTargetInMemory } from './memory-operand.js';
import { translationOf } from './operations.js';
import { following, isBranch, isConditional, isRare, isTranslatable, recordAt, type PageOfRecords } from './region.js';
import { accessPop, accessPush, finishPop, finishPush } from './stack.js';
import type { Operation, Translation } from './translation.js';
import { moduleWith, WASM, WasmCode } from './wasm-code.js';

/** What a region is translated for. */
export interface RegionPlace {
  readonly page: PageOfRecords;
  /** Records at which its blocks begin. */
  readonly blocks: readonly number[];
  /** Its index in the table. */
  readonly index: number;
  /** ORDER_ENTRIES. */
  readonly entries: number;
}

/** The module of a region. */
export function translateRegion(place: RegionPlace): Uint8Array<ArrayBuffer> {
  return new RegionWriter(place).write();
}

class RegionWriter implements Translation {
  readonly code = new WasmCode();
  readonly #place: RegionPlace;
  readonly #blocks: ReadonlyMap<number, number>;
  state = new BlockState(this.code);
  #leave = 0;
  #dispatch = 0;
  /** By block, the label that goes to it directly: the end of what encloses the blocks before it, or its own loop. */
  readonly #labels: number[] = [];
  #current = 0;

  constructor(place: RegionPlace) {
    this.#place = place;
    this.#blocks = new Map(place.blocks.map((address, index) => [address, index]));
  }

  write(): Uint8Array<ArrayBuffer> {
    const { code } = this;
    const { blocks, page } = this.#place;
    code.get(CPU);
    code.memory(WASM.i64_load, CPU_LIMIT);
    code.set(LIMIT);
    code.get(CPU);
    code.memory(WASM.i32_load, CPU_TLB);
    code.set(TLB);
    this.#leave = code.open(WASM.block);
    this.#dispatch = code.open(WASM.loop);
    for (let index = blocks.length - 1; index >= 0; index--) this.#labels[index] = code.open(WASM.block);
    code.get(BLOCK);
    code.branchTable(this.#labels);
    code.close();
    for (const [index, address] of blocks.entries()) {
      this.#current = index;
      this.#labels[index] = code.open(WASM.loop);
      this.#writeBlock(new CodeRecord(page.view, address));
      code.close();
      // What follows stands behind the end of the next block's label.
      if (index + 1 < blocks.length) code.close();
    }
    code.close();
    code.close();
    code.get(CPU);
    code.get(NOW);
    code.memory(WASM.i64_store, CPU_REGION_NOW);
    code.get(CPU);
    code.get(RETIRED);
    code.memory(WASM.i64_store, CPU_REGION_RETIRED);
    code.get(NEXT);
    return moduleWith(REGION_TYPE, LOCALS, code, IMPORTS);
  }

  // ---- Blocks

  /** Every path through it ends with a branch. */
  #writeBlock(head: CodeRecord): void {
    const { page } = this.#place;
    this.state = new BlockState(this.code);
    let record: CodeRecord = head;
    let checked = 0;
    for (;;) {
      if (checked === 0) checked = this.#checkLimit(record);
      checked--;
      if (isBranch(record) && !isConditional(record)) {
        this.#writeBranch(record);
        return;
      }
      if (isConditional(record)) this.#writeConditional(record);
      else if (isRare(record)) this.#writeRare(record);
      else {
        (translationOf(record.opcode) as Operation)(this, record);
        this.#count(record);
      }
      const next = following(page, record);
      if (next === null) {
        this.#leaveFor(record.at + RECORD_SIZE);
        return;
      }
      const block = this.#blocks.get(next.at);
      if (block !== undefined) {
        this.#goToBlock(block);
        return;
      }
      if (next.isTranslated || !isTranslatable(next)) {
        this.#leaveFor(next.at);
        return;
      }
      record = next;
    }
  }

  /** Leaves unless the instructions from `record` to the next branch fit before the limit; returns how many they are. */
  #checkLimit(record: CodeRecord): number {
    const { code, state } = this;
    const stretch = this.#stretch(record);
    code.get(NOW);
    const before = state.ticks + stretch.slice(0, -1).reduce((sum, each) => sum + each.ticks, 0);
    if (before !== 0) {
      code.i64(before);
      code.op(WASM.i64_add);
    }
    code.get(LIMIT);
    code.op(WASM.i64_ge_u);
    code.open(WASM.if);
    this.leaveBefore(record);
    code.close();
    return stretch.length;
  }

  #stretch(from: CodeRecord): readonly CodeRecord[] {
    const stretch = [from];
    for (let record = from; !isBranch(record);) {
      const next = following(this.#place.page, record);
      if (next === null || this.#blocks.has(next.at) || next.isTranslated || !isTranslatable(next)) break;
      stretch.push(next);
      record = next;
    }
    return stretch;
  }

  #count(record: CodeRecord): void {
    this.state.ticks += record.ticks;
    this.state.instructions++;
  }

  // ---- Leaving

  leaveBefore(record: CodeRecord): void {
    this.#leaveFor(record.at);
  }

  #leaveFor(address: number): void {
    const { code } = this;
    this.state.settle();
    code.i32(address);
    code.set(NEXT);
    code.branch(WASM.br, this.#leave);
  }

  /** Goes on with a block; the state is settled. */
  #goToBlock(block: number): void {
    const { code } = this;
    this.state.settle();
    if (block >= this.#current) {
      code.branch(WASM.br, this.#labels[block]);
      return;
    }
    code.i32(block);
    code.set(BLOCK);
    code.branch(WASM.br, this.#dispatch);
  }

  /** To the target of a direct branch. */
  #goToTarget(record: CodeRecord): void {
    const { code } = this;
    const target = recordAt(this.#place.page, record.targetOffset);
    const block = this.#blocks.get(target);
    if (block !== undefined) {
      this.#goToBlock(block);
      return;
    }
    this.state.settle();
    code.get(CPU);
    this.#pushLinear(record.targetOffset);
    code.call(GO);
    code.set(NEXT);
    code.branch(WASM.br, this.#leave);
  }

  #pushLinear(offset: number): void {
    const { code } = this;
    code.get(CPU);
    code.memory(WASM.i64_load, CPU_CODE_BASE);
    code.i64(offset);
    code.op(WASM.i64_add);
  }

  /** To the address in VALUE. */
  #goToValue(): void {
    const { code } = this;
    this.state.settle();
    code.get(CPU);
    code.get(VALUE);
    code.call(GO);
    code.tee(NEXT);
    code.memory(WASM.i32_load16_u, R_OP);
    code.i32(OP.TRANSLATED);
    code.op(WASM.i32_ge_u);
    code.open(WASM.if);
    code.get(NEXT);
    code.i32(3);
    code.op(WASM.i32_shr_u);
    code.tee(OPERAND);
    code.memory(WASM.i32_load16_u, this.#place.entries + ENTRY_REGION);
    code.i32(this.#place.index);
    code.op(WASM.i32_eq);
    code.open(WASM.if);
    code.get(OPERAND);
    code.memory(WASM.i32_load16_u, this.#place.entries + ENTRY_BLOCK);
    code.set(BLOCK);
    code.branch(WASM.br, this.#dispatch);
    code.close();
    code.close();
    code.branch(WASM.br, this.#leave);
  }

  /** Calls the interpreter, which may stop, or go somewhere else. */
  #writeRare(record: CodeRecord): void {
    const { code, state } = this;
    state.release();
    code.get(CPU);
    code.i32(record.at);
    code.get(NOW);
    code.call(RARE);
    code.tee(NEXT);
    code.i32(record.at + RECORD_SIZE);
    code.op(WASM.i32_ne);
    code.get(CPU);
    code.memory(WASM.i64_load, CPU_LIMIT);
    code.op(WASM.i64_eqz, WASM.i32_or);
    code.open(WASM.if);
    code.get(NEXT);
    code.op(WASM.i32_eqz);
    code.open(WASM.if);
    this.leaveBefore(record);
    code.close();
    this.#count(record);
    state.settle();
    code.branch(WASM.br, this.#leave);
    code.close();
  }

  // ---- Branches

  #writeConditional(record: CodeRecord): void {
    const { code, state } = this;
    state.pushCondition(record.opcode - OP.JCC0);
    this.#count(record);
    code.open(WASM.if);
    this.#goToTarget(record);
    code.close();
  }

  #writeBranch(record: CodeRecord): void {
    const { code, state } = this;
    switch (record.opcode) {
      case OP.JMP_J:
        this.#count(record);
        this.#goToTarget(record);
        return;
      case OP.CALL_J:
        accessPush(this, record);
        this.#storeReturn(record);
        this.#count(record);
        this.#goToTarget(record);
        return;
      case OP.RET:
        accessPop(this, record);
        code.get(OPERAND);
        code.memory(WASM.i64_load, 0);
        this.#leaveUnlessCanonical(record);
        finishPop(this, 8n + record.immediate);
        break;
      case OP.JMP_R64:
        state.pushRegister(record.a);
        this.#leaveUnlessCanonical(record);
        break;
      case OP.JMP_M64:
        pushTargetInMemory(this, record);
        this.#leaveUnlessCanonical(record);
        break;
      case OP.CALL_R64:
        state.pushRegister(record.a);
        this.#leaveUnlessCanonical(record);
        accessPush(this, record);
        this.#storeReturn(record);
        break;
      default:
        pushTargetInMemory(this, record);
        this.#leaveUnlessCanonical(record);
        accessPush(this, record);
        this.#storeReturn(record);
    }
    this.#count(record);
    this.#goToValue();
  }

  /** Pops the address to go to into VALUE; one that is not canonical faults in the interpreter. */
  #leaveUnlessCanonical(record: CodeRecord): void {
    const { code } = this;
    code.tee(VALUE);
    code.i64(16);
    code.op(WASM.i64_shl);
    code.i64(16);
    code.op(WASM.i64_shr_s);
    code.get(VALUE);
    code.op(WASM.i64_ne);
    code.open(WASM.if);
    this.leaveBefore(record);
    code.close();
  }

  #storeReturn(record: CodeRecord): void {
    this.code.get(OPERAND);
    this.#pushLinear(record.offset + record.length);
    this.code.memory(WASM.i64_store, 0);
    finishPush(this);
  }
}
