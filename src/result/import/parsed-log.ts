import type { Override } from '../../scenario/overrides.js';
import type { Problem } from '../../scenario/problem.js';
import type { ExitTable } from '../saved-result.js';

/** One run of one test, as a log has it. */
export interface ParsedRun {
  /** Name of the workload: `ipi`, `inl_from_kernel`. */
  readonly workload: string;
  /** Cycles per iteration around the loop. */
  readonly average: number;
  /** Cycles per iteration inside it, where the log has them. */
  readonly inner: number | null;
  /** The lines that say so. */
  readonly console: readonly string[];
  /** Settings that the log itself gives for this run. */
  readonly settings: readonly Override[];
}

/** One table of `perf kvm stat report`. */
export interface ParsedExitTable {
  readonly table: ExitTable;
  readonly settings: readonly Override[];
}

export interface ForeignLine {
  readonly line: number;
  readonly text: string;
}

/** What one file holds. */
export interface ParsedLog {
  readonly file: string;
  readonly format: 'vmexit' | 'tap' | 'perf-kvm-stat' | 'csv';
  readonly runs: readonly ParsedRun[];
  readonly exitTables: readonly ParsedExitTable[];
  /** Tests that the log says were skipped or failed. */
  readonly skipped: readonly string[];
  /** Lines that are not understood and were not used. */
  readonly foreign: readonly ForeignLine[];
  /** vCPUs, where the log shows how many came up. */
  readonly vcpus: number | null;
  readonly problems: readonly Problem[];
}

/** A log's lines without line ends and terminal colours. */
export function linesOf(text: string): string[] {
  const lines = text.replace(BYTE_ORDER_MARK, '').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => line.replace(/\r+$/, '').replace(ESCAPE_SEQUENCE, ''));
}

const BYTE_ORDER_MARK = /^\uFEFF/;
const ESCAPE_SEQUENCE = new RegExp(`${String.fromCharCode(0x1b)}\\[[0-9;]*[A-Za-z]`, 'g');
