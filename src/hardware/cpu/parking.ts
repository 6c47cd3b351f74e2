/**
 * Spin loops that are passed over instead of executed: when a CPU may park in one, what it must look up for meanwhile,
 * and what it has done when it does. The interpreter proves that the loop is idle (src/interpreter/spin.ts).
 */
import { PARKED } from '../clock/clock.js';
import type { Cpu } from './cpu.js';
import * as L from './layout.js';
import { linesOf } from './spin-reads.js';
import type { TscBranch } from './tsc-branch.js';
import { passesBeforeTurn } from './tsc-wait.js';

const LINE_SHIFT = 6;

export class Parking {
  readonly #cpu: Cpu;
  /** When a line was last taken from the CPU while it was running. */
  #lostLineAt = -1;
  /** Numbers of the lines that the loop reads, if they are known. */
  readonly #lines: number[] = [];
  #knowsLines = false;
  /** An event is scheduled for then, to settle the CPU if it is parked: no later than its loop is left. */
  #alarmAt = Infinity;

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
  }

  /** Parks the CPU at the head of its loop; false when another pass has to be executed first. */
  begin(): boolean {
    const cpu = this.#cpu;
    const ticks = cpu.long(L.CPU_PARK_D);
    // What the pass that ends now has read may have been taken since.
    if (this.#lostLineAt >= cpu.now - ticks) return false;
    const loop = cpu.decoder.spinLoop(cpu.word(L.CPU_MARK_BRANCH));
    if (loop === null || !this.#waitsForTsc(loop.tscBranches, ticks)) return false;
    this.#knowsLines = loop.reads !== null && linesOf(cpu, loop.reads, this.#lines);
    cpu.state = PARKED;
    return true;
  }

  /** Sees to it that a loop that reads the TSC is left in time; false when that is in this pass or the next. */
  #waitsForTsc(branches: readonly TscBranch[], ticks: number): boolean {
    if (branches.length === 0) return true;
    const cpu = this.#cpu;
    const passes = passesBeforeTurn(cpu, branches, ticks);
    const at = cpu.now + passes * ticks;
    if (passes >= 2 && at < this.#alarmAt) {
      this.#alarmAt = at;
      cpu.clock.schedule(at, cpu.id, () => {
        if (this.#alarmAt === at) this.#alarmAt = Infinity;
      });
    }
    return passes >= 2;
  }

  /** Another CPU takes a line from this one, to write to it, at time `at`. */
  noteLostLine(at: number): void {
    if (this.#cpu.state !== PARKED) this.#lostLineAt = at;
  }

  /** While parked: the loop may read the line of `pa`. */
  mayRead(pa: number): boolean {
    return !this.#knowsLines || this.#lines.includes(pa >>> LINE_SHIFT);
  }

  /** Accounts for the idle passes that begin before (at, byCpu). */
  passOver(at: number, byCpu: number): void {
    const cpu = this.#cpu;
    const ticks = cpu.long(L.CPU_PARK_D);
    const precedes = (time: number): boolean => time < at || (time === at && cpu.id < byCpu);
    let passes = Math.max(0, Math.floor((at - cpu.now) / ticks));
    if (passes > 0 && !precedes(cpu.now + passes * ticks)) passes--;
    passes = Math.max(0, passes - cpu.word(L.CPU_PARK_EXECUTED));
    const total = passes * ticks;
    cpu.now += total;
    advance(cpu, L.CPU_RETIRED, passes * cpu.long(L.CPU_PARK_N));
    advance(cpu, L.CPU_SPIN_TICKS, total);
    if (cpu.long(L.CPU_PARK_PAUSES) > 0 && cpu.word(L.CPU_PLE_ON) !== 0) {
      advance(cpu, L.CPU_PLE_LAST, total);
      advance(cpu, L.CPU_PLE_FIRST, total);
    }
    cpu.setLong(L.CPU_MARK_TIME, cpu.now);
  }
}

function advance(cpu: Cpu, field: number, by: number): void {
  cpu.setLong(field, cpu.long(field) + by);
}
