/**
 * Regions that this process has translated, for the next run of the same guest: what a module consists of follows from the
 * records that were translated, and from where they and the tables beside them stand.
 */
import { RECORD_SIZE } from '../hardware/cpu/layout.js';
import * as OP from '../hardware/cpu/opcodes.js';
import { R_OFFSET, R_OP, R_TARGET } from '../hardware/cpu/record.js';
import { isDirectBranch, recordAt, type PageOfRecords } from './region.js';

const MOST_REGIONS = 64;
const WORDS = RECORD_SIZE / 4;

export interface TranslatedRegion {
  /** Records at which the blocks begin. */
  readonly heads: readonly number[];
  readonly module: WebAssembly.Module;
}

interface CachedRegion extends TranslatedRegion {
  readonly map: number;
  readonly entries: number;
  readonly copies: readonly RecordCopy[];
}

/** A record as it was, and where the code map had it. */
interface RecordCopy {
  readonly at: number;
  readonly isInMap: boolean;
  readonly words: readonly number[];
}

/** The latest stands last. */
const regions: CachedRegion[] = [];

/** A translation of the page as it is now, with blocks that begin at all of `heads`. */
export function findRegion(
  page: PageOfRecords,
  entries: number,
  heads: readonly number[],
): TranslatedRegion | undefined {
  return regions.findLast(
    (each) =>
      each.map === page.map &&
      each.entries === entries &&
      heads.every((head) => each.heads.includes(head)) &&
      each.copies.every((copy) => isUnchanged(page, copy)),
  );
}

/** Keeps a translation that was made of `records`, and of nothing where the address is 0. */
export function keepRegion(
  page: PageOfRecords,
  entries: number,
  region: TranslatedRegion,
  records: Iterable<number>,
): void {
  if (regions.length === MOST_REGIONS) regions.shift();
  const copies = [...records].filter((at) => at !== 0).map((at) => copyOf(page, at));
  regions.push({ ...region, map: page.map, entries, copies });
}

function copyOf(page: PageOfRecords, at: number): RecordCopy {
  const words = Array.from({ length: WORDS }, (_, index) => wordOf(page.view, at, index * 4));
  return { at, isInMap: placeOf(page, at) === at, words };
}

function isUnchanged(page: PageOfRecords, { at, isInMap, words }: RecordCopy): boolean {
  for (let index = 0; index < WORDS; index++) {
    if (wordOf(page.view, at, index * 4) !== words[index]) return false;
  }
  return (placeOf(page, at) === at) === isInMap;
}

/** The record that the code map has at the offset of another one. */
function placeOf(page: PageOfRecords, at: number): number {
  return recordAt(page, page.view.getUint16(at + R_OFFSET, true));
}

/** A word of a record without what changes while it runs. */
function wordOf(view: DataView, at: number, offset: number): number {
  const word = view.getUint32(at + offset, true);
  if (offset === R_OP) return word & ~OP.TRANSLATED;
  return offset === R_TARGET && isDirectBranch(view.getUint16(at + R_OP, true) & ~OP.TRANSLATED) ? 0 : word;
}
