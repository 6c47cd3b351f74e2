/**
 * What the interpreter knows of the segment registers outside 64-bit mode: bases, and which offsets may be read and
 * written (SDM vol. 3, 6.3). It is written down before each run, so that nothing has to be told of a loaded segment.
 *
 * Entries of the instruction TLB hold for one mode and, outside 64-bit mode, one code segment.
 */
import type { Cpu } from '../cpu.js';
import * as L from '../layout.js';
import { ACCESS_DB } from '../mode.js';
import { SEGMENT_CS, SEGMENT_GS, SEGMENT_SS } from '../segments.js';
import { highestOffset, isFlat, isPermitted, lowestOffset } from './segmentation.js';

export type CodeCpu = Pick<Cpu, 'block' | 'cr0' | 'engine' | 'segmentBase' | 'segments' | 'setWord' | 'word'>;

/** To be called before the interpreter runs, if CPU_MODE or CPU_CODE_MODE is not MODE_64. */
export function enterCodeContext(cpu: CodeCpu): void {
  const mode = cpu.word(L.CPU_MODE);
  const { base, limit } = cpu.segments[SEGMENT_CS];
  const isSame =
    mode === cpu.word(L.CPU_CODE_MODE) &&
    base >>> 0 === cpu.word(L.CPU_CODE_SEGMENT) &&
    limit === cpu.word(L.CPU_CODE_SEGMENT + 4);
  if (!isSame) {
    cpu.engine.flushInstructionTlbs(cpu.block);
    cpu.setWord(L.CPU_ONCE, 0);
    cpu.setWord(L.CPU_CODE_MODE, mode);
    cpu.setWord(L.CPU_CODE_SEGMENT, base >>> 0);
    cpu.setWord(L.CPU_CODE_SEGMENT + 4, limit);
  }
  if (mode !== L.MODE_64) writeSegments(cpu);
}

function writeSegments(cpu: CodeCpu): void {
  for (let number = 0; number <= SEGMENT_GS; number++) {
    const at = L.CPU_SEGMENTS + number * L.SEGMENT_SIZE;
    cpu.setWord(at + L.SEGMENT_BASE, cpu.segmentBase(number) >>> 0);
    writeRange(cpu, number, at + L.SEGMENT_LOAD, L.ACCESS_READ);
    writeRange(cpu, number, at + L.SEGMENT_STORE, L.ACCESS_WRITE);
  }
  const isFlatStack = isFlat(cpu, SEGMENT_SS) && (cpu.segments[SEGMENT_SS].access & ACCESS_DB) !== 0;
  cpu.setWord(L.CPU_FLAT_STACK, isFlatStack ? 1 : 0);
}

function writeRange(cpu: CodeCpu, number: number, at: number, kind: number): void {
  const segment = cpu.segments[number];
  const lowest = lowestOffset(segment);
  const highest = highestOffset(segment);
  const isEmpty = lowest > highest || !isPermitted(cpu, segment, kind);
  cpu.setWord(at, isEmpty ? 1 : lowest);
  cpu.setWord(at + 4, isEmpty ? 0 : highest);
}
