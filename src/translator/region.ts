/**
 * What is translated together: the blocks that can be reached from a hot record without leaving its page. A block begins
 * at a record that something goes to, or where the interpreter has executed what is not translated, and ends with a
 * branch that does not fall through, with what is not translated, or in front of another block.
 */
import { RECORD_SIZE } from '../hardware/cpu/layout.js';
import * as OP from '../hardware/cpu/opcodes.js';
import { CodeRecord } from './code-record.js';
import { hasPlainAddress } from './memory-operand.js';
import { translationOf } from './operations.js';

const PAGE_SIZE = 4096;
const MOST_BLOCKS = 64;
const MOST_INSTRUCTIONS = 600;

const BRANCHES: readonly number[] = [
  ...[OP.JMP_J, OP.CALL_J, OP.RET, OP.JMP_R64, OP.JMP_M64, OP.CALL_R64, OP.CALL_M64],
  ...Array.from({ length: 16 }, (_, condition) => OP.JCC0 + condition),
];

/** Decoded code of one page. */
export interface PageOfRecords {
  readonly view: DataView;
  /** Address of the code map. */
  readonly map: number;
}

/** The record at an offset of the page, or beyond, or 0. */
export function recordAt({ view, map }: PageOfRecords, offset: number): number {
  return offset >= 0 && offset < PAGE_SIZE ? view.getUint32(map + offset * 4, true) : 0;
}

/** Can translated code execute it? */
export function isTranslatable(record: CodeRecord): boolean {
  return isBranch(record) || isRare(record) || (translationOf(record.opcode) !== undefined && hasPlainAddress(record));
}

/** Is it left to a function of the interpreter? */
export function isRare({ opcode }: CodeRecord): boolean {
  if (translationOf(opcode) !== undefined) return false;
  return (opcode > OP.IRETQ && opcode < OP.SLOW) || (opcode >= OP.RDTSC && opcode <= OP.JCXZ64);
}

export function isBranch({ opcode }: CodeRecord): boolean {
  return BRANCHES.includes(opcode);
}

export function isConditional({ opcode }: CodeRecord): boolean {
  return opcode >= OP.JCC0 && opcode <= OP.JCC15;
}

/** The record that control reaches at `address`, over links; null where nothing is decoded yet. */
export function follow(page: PageOfRecords, address: number): CodeRecord | null {
  const record = new CodeRecord(page.view, address);
  if (record.opcode !== OP.LINK) return record;
  const next = record.target === 0 ? recordAt(page, record.offset) : record.target;
  return next === 0 ? null : follow(page, next);
}

/** The record behind another one. */
export function following(page: PageOfRecords, { at }: CodeRecord): CodeRecord | null {
  return follow(page, at + RECORD_SIZE);
}

/** Addresses of the records at which the blocks begin; the first is `head`. Empty if `head` has no translation. */
export function findBlocks(page: PageOfRecords, head: number): readonly number[] {
  const blocks: number[] = [];
  let instructions = 0;
  const add = (address: number): void => {
    if (address === 0 || blocks.includes(address) || blocks.length === MOST_BLOCKS) return;
    const record = new CodeRecord(page.view, address);
    if (!record.isTranslated && isTranslatable(record)) blocks.push(address);
  };
  add(head);
  for (let index = 0; index < blocks.length && instructions < MOST_INSTRUCTIONS; index++) {
    let record: CodeRecord | null = new CodeRecord(page.view, blocks[index]);
    while (record !== null && !record.isTranslated && isTranslatable(record)) {
      instructions++;
      const behind = record.offset + record.length;
      if (isConditional(record) || record.opcode === OP.JMP_J || record.opcode === OP.CALL_J) {
        add(recordAt(page, record.targetOffset));
      }
      if (record.opcode === OP.CALL_J || record.opcode === OP.CALL_R64 || record.opcode === OP.CALL_M64) {
        add(recordAt(page, behind));
      }
      if (isBranch(record) && !isConditional(record)) break;
      record = following(page, record);
      if (record !== null && blocks.includes(record.at)) break;
    }
    if (record !== null && !isTranslatable(record)) add(recordAt(page, record.offset + record.length));
    if (record !== null && (record.opcode === OP.SPIN || record.opcode === OP.SPIN_EXIT)) {
      add(recordAt(page, record.targetOffset));
    }
  }
  return blocks;
}
