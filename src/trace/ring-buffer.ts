/**
 * Pages of the kernel's ring buffer (include/linux/ring_buffer.h): a time stamp, how much is used, and events that each
 * tell the time since the one before.
 */
import { ByteWriter } from './byte-writer.js';

/** Bytes of a page. */
export const PAGE_SIZE = 4096;
const HEADER_SIZE = 16;
const DATA_SIZE = PAGE_SIZE - HEADER_SIZE;
/** In the word that tells how much is used: events are missing before this page, and their number follows the data. */
const MISSED_EVENTS = 2 ** 31;
const MISSED_STORED = 2 ** 30;
const COUNT_SIZE = 8;

const DELTA_BITS = 27;
const TYPE_TIME_EXTEND = 30;
const LONGEST_SHORT_RECORD = 28 * 4;

/** An event record and its time in the unit of the trace clock. */
export interface TimedRecord {
  readonly time: number;
  readonly bytes: Uint8Array;
}

/** What `events/header_page` says of these pages. */
export const HEADER_PAGE = [
  '\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;',
  '\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;',
  '\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;',
  `\tfield: char data;\toffset:${HEADER_SIZE};\tsize:${DATA_SIZE};\tsigned:1;`,
  '',
].join('\n');

/** What `events/header_event` says of the words before each record. */
export const HEADER_EVENT = [
  '# compressed entry header',
  '\ttype_len    :    5 bits',
  '\ttime_delta  :   27 bits',
  '\tarray       :   32 bits',
  '',
  '\tpadding     : type == 29',
  `\ttime_extend : type == ${TYPE_TIME_EXTEND}`,
  '\ttime_stamp : type == 31',
  '\tdata max type_len  == 28',
  '',
].join('\n');

/** The pages of one CPU, of which `lost` earlier events are missing. */
export function ringBufferPages(records: Iterable<TimedRecord>, lost: number): Uint8Array {
  const pages = new ByteWriter();
  let missing = lost;
  let data = new ByteWriter();
  let begin = 0;
  let before = 0;
  const flush = (): void => {
    if (data.length > 0) writePage(pages, begin, data.finish(), missing);
    missing = 0;
    data = new ByteWriter();
  };
  for (const { time, bytes } of records) {
    if (data.length + sizeOf(time - before, bytes) + COUNT_SIZE > DATA_SIZE) flush();
    if (data.length === 0) begin = before = time;
    writeRecord(data, time - before, bytes);
    before = time;
  }
  flush();
  return pages.finish();
}

function writePage(pages: ByteWriter, begin: number, data: Uint8Array, missing: number): void {
  const flags = missing > 0 ? MISSED_EVENTS + MISSED_STORED : 0;
  pages
    .u64(begin)
    .u64(data.length + flags)
    .bytes(data);
  if (missing > 0) pages.u64(missing);
  pages.align(PAGE_SIZE);
}

function needsExtension(delta: number): boolean {
  return delta >= 2 ** DELTA_BITS;
}

function sizeOf(delta: number, bytes: Uint8Array): number {
  return (needsExtension(delta) ? 8 : 0) + (bytes.length > LONGEST_SHORT_RECORD ? 8 : 4) + bytes.length;
}

function writeRecord(data: ByteWriter, delta: number, bytes: Uint8Array): void {
  const isFar = needsExtension(delta);
  if (isFar) {
    data.u32(header(TYPE_TIME_EXTEND, delta % 2 ** DELTA_BITS)).u32(Math.floor(delta / 2 ** DELTA_BITS));
  }
  const rest = isFar ? 0 : delta;
  if (bytes.length > LONGEST_SHORT_RECORD) data.u32(header(0, rest)).u32(bytes.length + 4);
  else data.u32(header(bytes.length / 4, rest));
  data.bytes(bytes);
}

/** Type or length in bits 4:0, time since the last event above. */
function header(typeLength: number, delta: number): number {
  return delta * 32 + typeLength;
}
