/**
 * What the interpreter must know of a spin loop before it passes over it (src/interpreter/parking.ts): what the loop
 * reads, and, if it waits for the TSC, how long it goes on as it does.
 */
import type { Cpu } from './cpu.js';
import * as L from './layout.js';
import type { SpinLoop } from './spin-loop.js';
import type { SpinRead } from './spin-reads.js';
import { passesBeforeTurn } from './tsc-wait.js';

const NO_REGISTER = -1;
const SEGMENT_FS = 4;
const SEGMENT_GS = 5;

export class Parking {
  readonly #cpu: Cpu;
  /** An event is scheduled for then, to settle the CPU if it is parked: no later than its loop is left. */
  #alarmAt = Infinity;

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
  }

  /** Describes the spin loop at whose head the CPU stands in its state block. */
  describeLoop(): void {
    const cpu = this.#cpu;
    const branch = cpu.word(L.CPU_MARK_BRANCH);
    const loop = cpu.decoder.spinLoop(branch);
    cpu.setWord(L.CPU_LOOP, branch);
    cpu.setWord(L.CPU_LOOP_KIND, kindOf(loop));
    cpu.setWord(L.CPU_LOOP_LAST_READ, loop?.lastRead ?? 0);
    const reads = loop?.reads ?? null;
    const isKnown = reads !== null && reads.length <= L.MOST_LOOP_READS;
    cpu.setWord(L.CPU_LOOP_READ_COUNT, isKnown ? reads.length : L.UNKNOWN_LINES);
    if (isKnown) reads.forEach((read, index) => describeRead(cpu, L.CPU_LOOP_READS + index * L.LOOP_READ_SIZE, read));
  }

  /** Sees to it that a loop that reads the TSC is left in time; false when that is in this pass or the next. */
  waitsForTsc(): boolean {
    const cpu = this.#cpu;
    const ticks = cpu.long(L.CPU_PARK_D);
    const { tscBranches = [] } = cpu.decoder.spinLoop(cpu.word(L.CPU_MARK_BRANCH)) ?? {};
    const passes = passesBeforeTurn(cpu, tscBranches, ticks);
    const at = cpu.now + passes * ticks;
    if (passes >= 2 && at < this.#alarmAt) {
      this.#alarmAt = at;
      cpu.clock.schedule(at, cpu.id, () => {
        if (this.#alarmAt === at) this.#alarmAt = Infinity;
      });
    }
    return passes >= 2;
  }
}

function kindOf(loop: SpinLoop | null): number {
  if (loop === null) return L.LOOP_NONE;
  return loop.tscBranches.length === 0 ? L.LOOP_PLAIN : L.LOOP_TSC;
}

function describeRead(cpu: Cpu, at: number, read: SpinRead): void {
  cpu.setWord(at + L.LOOP_READ_BASE, registerField(read.base));
  cpu.setWord(at + L.LOOP_READ_INDEX, registerField(read.index));
  cpu.setWord(at + L.LOOP_READ_SHIFT, 31 - Math.clz32(read.scale));
  cpu.setWord(at + L.LOOP_READ_SEGMENT, segmentField(read.segment));
  cpu.setLong(at + L.LOOP_READ_DISPLACEMENT, read.displacement);
  cpu.setWord(at + L.LOOP_READ_BYTES, read.bytes);
  cpu.setWord(at + L.LOOP_READ_IN_CODE, read.isCodeRelative ? 1 : 0);
}

/** Offset in the state block of what an operand adds. */
function registerField(register: number): number {
  return register === NO_REGISTER ? L.CPU_ZERO : L.CPU_GPR + register * 8;
}

function segmentField(segment: number): number {
  if (segment === SEGMENT_FS) return L.CPU_FS_BASE;
  return segment === SEGMENT_GS ? L.CPU_GS_BASE : L.CPU_ZERO;
}
