/**
 * Segmentation outside 64-bit mode (SDM vol. 3, 3.4 and 6.3 to 6.6): which offsets of a segment may be accessed how, and
 * where they lie.
 *
 * In real-address mode the type of a segment does not matter, its limit does: a limit loaded in protected mode stays.
 * Left out: virtual-8086 mode.
 */
import { CR0_PE } from '../control-register-bits.js';
import type { Cpu } from '../cpu.js';
import { VECTOR_GP, VECTOR_SS } from '../exception-vector.js';
import { fault } from '../fault.js';
import { ACCESS_READ } from '../layout.js';
import type { LinearRange } from '../linear-access.js';
import { ACCESS_DB } from '../mode.js';
import type { Outcome } from '../outcome.js';
import { ACCESS_UNUSABLE, SEGMENT_SS, type Segment } from '../segments.js';

const TYPE_RW = 1 << 1;
const TYPE_EXPAND_DOWN = 1 << 2;
const TYPE_CODE = 1 << 3;
const LARGEST_OFFSET = 0xffff_ffff;
const LARGEST_OFFSET_16 = 0xffff;

export type SegmentedCpu = Pick<Cpu, 'cr0' | 'segmentBase' | 'segments'>;

/** CR0.PE. */
export function inProtectedMode(cpu: Pick<Cpu, 'cr0'>): boolean {
  return (cpu.cr0 & CR0_PE) !== 0;
}

function isExpandDown(access: number): boolean {
  return (access & (TYPE_CODE | TYPE_EXPAND_DOWN)) === TYPE_EXPAND_DOWN;
}

/** The lowest offset within the limit; one above the highest if there is none. */
export function lowestOffset({ access, limit }: Segment): number {
  return isExpandDown(access) ? limit + 1 : 0;
}

/** The highest offset within the limit. */
export function highestOffset({ access, limit }: Segment): number {
  if (!isExpandDown(access)) return limit;
  return (access & ACCESS_DB) !== 0 ? LARGEST_OFFSET : LARGEST_OFFSET_16;
}

/** Do bytes `offset` to `offset + size - 1` lie within the limit? Offsets are unsigned. */
export function isWithinLimit(segment: Segment, offset: number, size: number): boolean {
  return offset >= lowestOffset(segment) && offset + size - 1 <= highestOffset(segment);
}

function allows(access: number, kind: number): boolean {
  const readsOnly = kind === ACCESS_READ;
  if ((access & TYPE_CODE) !== 0) return readsOnly && (access & TYPE_RW) !== 0;
  return readsOnly || (access & TYPE_RW) !== 0;
}

/** May a segment be accessed like this (ACCESS_READ, ACCESS_WRITE, ACCESS_RMW), its limit aside? */
export function isPermitted(cpu: Pick<Cpu, 'cr0'>, { access }: Segment, kind: number): boolean {
  return (access & ACCESS_UNUSABLE) === 0 && (!inProtectedMode(cpu) || allows(access, kind));
}

/** May a segment be accessed like this at these bytes? */
export function isAccessible(cpu: SegmentedCpu, segment: Segment, offset: number, size: number, kind: number): boolean {
  return isPermitted(cpu, segment, kind) && isWithinLimit(segment, offset, size);
}

/** True if offsets are linear addresses and every access is allowed: a writable data segment of 4 GiB at 0. */
export function isFlat(cpu: SegmentedCpu, number: number): boolean {
  const { access, limit } = cpu.segments[number];
  const type = access & (ACCESS_UNUSABLE | TYPE_CODE | TYPE_EXPAND_DOWN | TYPE_RW);
  return type === TYPE_RW && limit === LARGEST_OFFSET && cpu.segmentBase(number) === 0;
}

/** Linear address of `offset` in a segment: bases and sums are 32 bits wide. */
export function segmentedAddress(cpu: SegmentedCpu, number: number, offset: number): number {
  return (cpu.segmentBase(number) + offset) >>> 0;
}

/** Exception of a bad access to segment register `number`. */
export function segmentVector(number: number): number {
  return number === SEGMENT_SS ? VECTOR_SS : VECTOR_GP;
}

/**
 * Maps `size` bytes at `offset` of segment register `number`, with all checks of segmentation, and #GP(0) if the linear
 * address is not aligned.
 */
export function mapSegmented(
  cpu: Cpu,
  range: LinearRange,
  number: number,
  offset: number,
  size: number,
  kind: number,
  alignment = 1,
): Outcome {
  if (!isAccessible(cpu, cpu.segments[number], offset, size, kind)) return fault(cpu, segmentVector(number), 0);
  const address = segmentedAddress(cpu, number, offset);
  if (address % alignment !== 0) return fault(cpu, VECTOR_GP, 0);
  return range.map(cpu, address, size, kind, cpu.privilege);
}
