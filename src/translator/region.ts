/**
 * What is translated together: the blocks of a page that can be reached from its hot records without leaving it. A block
 * begins where something goes to, or where the interpreter begins to run often, and ends with what does not fall through,
 * with what is not translated, or in front of a block that is a join. Where the interpreter begins is none: the block
 * before it goes on, and what follows is there twice.
 */
import { RECORD_SIZE } from '../hardware/cpu/layout.js';
import * as OP from '../hardware/cpu/opcodes.js';
import { CONDITION_ALWAYS } from '../hardware/cpu/record.js';
import { PAGE_SIZE } from '../hardware/memory/physical-memory.js';
import { readRecord, type CodeRecord } from './code-record.js';
import { hasPlainAddress } from './memory-operand.js';
import { operationOf } from './operations.js';

const MOST_BLOCKS = 128;
const MOST_INSTRUCTIONS = 600;

const DIRECT_BRANCHES: ReadonlySet<number> = new Set([
  ...[OP.JMP_J, OP.CALL_J, OP.SPIN, OP.SPIN_EXIT],
  ...Array.from({ length: 16 }, (_, condition) => OP.JCC0 + condition),
  ...[OP.LOOP32, OP.LOOPE32, OP.LOOPNE32, OP.JCXZ32, OP.LOOP64, OP.LOOPE64, OP.LOOPNE64, OP.JCXZ64],
]);
const CALLS: readonly number[] = [OP.CALL_J, OP.CALL_R64, OP.CALL_M64];
const WITHOUT_FALL_THROUGH: readonly number[] = [OP.JMP_J, OP.RET, OP.JMP_R64, OP.JMP_M64, OP.IRETQ, ...CALLS];
/** The interpreter always stops at them. */
const STOPS: readonly number[] = [OP.SLOW, OP.MARKER, OP.WRMSR];

/** Decoded code of one page. */
export interface PageOfRecords {
  readonly view: DataView;
  /** Address of the code map. */
  readonly map: number;
}

export interface Blocks {
  /** Records at which they begin. */
  readonly heads: readonly number[];
  /** Those in front of which another block ends. */
  readonly joins: ReadonlySet<number>;
}

/** The record at an offset of the page, or beyond, or 0. */
export function recordAt({ view, map }: PageOfRecords, offset: number): number {
  return offset >= 0 && offset < PAGE_SIZE ? view.getUint32(map + offset * 4, true) : 0;
}

/** Has it a target of its own? Then the record remembers where that stands. */
export function isDirectBranch(opcode: number): boolean {
  return DIRECT_BRANCHES.has(opcode);
}

/** The record that a direct branch goes to; 0 if it is not known, on another page, or the instruction is none. */
export function targetOf(page: PageOfRecords, record: CodeRecord): number {
  return isDirectBranch(record.opcode) ? recordAt(page, record.targetOffset) : 0;
}

/** Is it executed by a function of the interpreter? */
export function isCalled(record: CodeRecord): boolean {
  const { opcode } = record;
  if (operationOf(record) !== undefined) return false;
  return (opcode >= OP.SPIN && opcode <= OP.JCXZ64) || opcode === OP.WRMSR;
}

/** Can translated code execute it, alone or by a call of the interpreter? */
export function isTranslatable(record: CodeRecord): boolean {
  const { opcode } = record;
  if (operationOf(record) !== undefined) return hasPlainAddress(record);
  return isCalled(record) || isDirectBranch(opcode) || WITHOUT_FALL_THROUGH.includes(opcode);
}

export function isConditional({ opcode }: CodeRecord): boolean {
  return opcode >= OP.JCC0 && opcode <= OP.JCC15;
}

/** Can control go on behind it at once? */
export function fallsThrough({ opcode, c }: CodeRecord): boolean {
  if (opcode === OP.SPIN) return c !== CONDITION_ALWAYS;
  return !WITHOUT_FALL_THROUGH.includes(opcode) && !STOPS.includes(opcode);
}

/** Can control go anywhere else, or is the interpreter called, which may stop? */
export function endsStretch(record: CodeRecord): boolean {
  return isDirectBranch(record.opcode) || !fallsThrough(record) || isCalled(record);
}

/** The record that control reaches at `address`, over links; null where nothing is decoded yet. */
export function follow(page: PageOfRecords, address: number): CodeRecord | null {
  const record = readRecord(page.view, address);
  if (record.opcode !== OP.LINK) return record;
  const next = record.target === 0 ? recordAt(page, record.offset) : record.target;
  return next === 0 ? null : follow(page, next);
}

/** The record behind another one. */
export function following(page: PageOfRecords, { at }: CodeRecord): CodeRecord | null {
  return follow(page, at + RECORD_SIZE);
}

/** The blocks that can be reached from `entries`. */
export function findBlocks(page: PageOfRecords, entries: readonly number[]): Blocks {
  const heads: number[] = [];
  const joins = new Set<number>();
  const addHead = (address: number): boolean => {
    if (address === 0 || heads.length === MOST_BLOCKS) return false;
    const record = readRecord(page.view, address);
    if (record.isTranslated || !isTranslatable(record)) return false;
    if (!heads.includes(address)) heads.push(address);
    return true;
  };
  const addJoin = (address: number): void => {
    if (addHead(address)) joins.add(address);
  };
  for (const entry of entries) addHead(entry);
  let instructions = 0;
  for (let index = 0; index < heads.length && instructions < MOST_INSTRUCTIONS; index++) {
    let record: CodeRecord | null = readRecord(page.view, heads[index]);
    while (record !== null && !record.isTranslated) {
      instructions++;
      addJoin(targetOf(page, record));
      const isLast: boolean = !isTranslatable(record) || !fallsThrough(record);
      if (isLast && (CALLS.includes(record.opcode) || !WITHOUT_FALL_THROUGH.includes(record.opcode))) {
        addJoin(recordAt(page, record.offset + record.length));
      }
      record = isLast ? null : following(page, record);
      if (record !== null && joins.has(record.at)) break;
    }
  }
  return { heads, joins };
}
