import { describe, expect, it } from 'vitest';
import { PAGE_SIZE, ringBufferPages, type TimedRecord } from './ring-buffer.js';

/** Reads pages as include/linux/ring_buffer.h describes them. */
function readPages(bytes: Uint8Array): { records: TimedRecord[]; missing: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const records: TimedRecord[] = [];
  let missing = 0;
  expect(bytes.length % PAGE_SIZE).toBe(0);
  for (let page = 0; page < bytes.length; page += PAGE_SIZE) {
    let time = Number(view.getBigUint64(page, true));
    const commit = view.getUint32(page + 8, true);
    const end = page + 16 + (commit & 0xf_ffff);
    if (commit >>> 30 === 3) missing += Number(view.getBigUint64(end, true));
    let at = page + 16;
    while (at < end) {
      const word = view.getUint32(at, true);
      const [type, delta] = [word & 31, word >>> 5];
      if (type === 30) {
        time += delta + view.getUint32(at + 4, true) * 2 ** 27;
        at += 8;
        continue;
      }
      time += delta;
      const length = type === 0 ? view.getUint32(at + 4, true) - 4 : type * 4;
      const begin = at + (type === 0 ? 8 : 4);
      records.push({ time, bytes: bytes.slice(begin, begin + length) });
      at = begin + length;
    }
    expect(at).toBe(end);
  }
  return { records, missing };
}

const record = (time: number, length: number): TimedRecord => ({
  time,
  bytes: new Uint8Array(length).fill(time % 251),
});

describe('ring-buffer pages', () => {
  it('hold every record with its time', () => {
    const records = [record(5, 12), record(5, 112), record(9, 116), record(100_000, 200)];
    expect(readPages(ringBufferPages(records, 0))).toEqual({ records, missing: 0 });
  });

  it('take times that are far apart', () => {
    const records = [0, 2 ** 27 - 1, 2 ** 28, 2 ** 50].map((time) => record(time, 8));
    expect(readPages(ringBufferPages(records, 0)).records).toEqual(records);
  });

  it('go on to the next page', () => {
    const records = Array.from({ length: 1000 }, (_, index) => record(index * 3, 24 + 4 * (index % 40)));
    const pages = ringBufferPages(records, 0);
    expect(pages.length).toBeGreaterThan(PAGE_SIZE);
    expect(readPages(pages).records).toEqual(records);
  });

  it('say on the first page how many events are missing', () => {
    const records = Array.from({ length: 300 }, (_, index) => record(index, 100));
    expect(readPages(ringBufferPages(records, 42))).toEqual({ records, missing: 42 });
  });

  it('are none without records', () => {
    expect(ringBufferPages([], 0)).toHaveLength(0);
  });
});
