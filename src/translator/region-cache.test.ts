import { describe, expect, it } from 'vitest';
import { RECORD_SIZE } from '../hardware/cpu/layout.js';
import { ADD_RI64, JMP_J, TRANSLATED } from '../hardware/cpu/opcodes.js';
import { R_IMMEDIATE, R_OFFSET, R_OP, R_TARGET } from '../hardware/cpu/record.js';
import { findRegion, keepRegion } from './region-cache.js';
import type { PageOfRecords } from './region.js';

const RECORDS = 0x4000;
const ADD = RECORDS;
const JUMP = RECORDS + RECORD_SIZE;
const EMPTY = new WebAssembly.Module(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));

/** A page with an ADD and a JMP; `entries` tells the pages of the tests apart. */
function pageWithRecords(): PageOfRecords {
  const page = { view: new DataView(new ArrayBuffer(0x5000)), map: 0 };
  for (const [offset, at, opcode] of [
    [0, ADD, ADD_RI64],
    [4, JUMP, JMP_J],
  ]) {
    page.view.setUint16(at + R_OP, opcode, true);
    page.view.setUint16(at + R_OFFSET, offset, true);
    page.view.setUint32(page.map + offset * 4, at, true);
  }
  return page;
}

describe('regions that are kept', () => {
  const kept = (entries: number): PageOfRecords => {
    const page = pageWithRecords();
    keepRegion(page, entries, { heads: [ADD], module: EMPTY }, [0, ADD, JUMP]);
    return page;
  };

  it('are found again for the same records', () => {
    kept(1);
    expect(findRegion(pageWithRecords(), 1, [ADD])?.module).toBe(EMPTY);
  });

  it('do not depend on what the interpreter notes in a record', () => {
    const page = kept(2);
    page.view.setUint16(ADD + R_OP, ADD_RI64 | TRANSLATED, true);
    page.view.setUint32(JUMP + R_TARGET, ADD, true);
    expect(findRegion(page, 2, [ADD])).toBeDefined();
  });

  it('are not found when a record has changed', () => {
    const page = kept(3);
    page.view.setBigInt64(ADD + R_IMMEDIATE, 1n, true);
    expect(findRegion(page, 3, [ADD])).toBeUndefined();
  });

  it('are not found when the code map has another record, or none yet', () => {
    const page = kept(4);
    page.view.setUint32(page.map, 0, true);
    expect(findRegion(page, 4, [ADD])).toBeUndefined();
  });

  it('are not found for a block that they do not have', () => {
    expect(findRegion(kept(5), 5, [ADD, JUMP])).toBeUndefined();
  });

  it('are not found where tables stand elsewhere', () => {
    expect(findRegion(kept(6), 7, [ADD])).toBeUndefined();
  });
});
