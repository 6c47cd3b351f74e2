/**
 * The lines of a serial console, each with what the CPUs did before it: from the end of the line above to its first
 * character. As with markers, counters are taken by an event one lookahead later, when no CPU can have run past that
 * instant.
 */
import { ALL_CPUS } from '../hardware/clock/clock.js';
import { TICKS_PER_CYCLE } from '../cost/step.js';
import { activityBetween, takeSnapshot, type Snapshot } from './activity.js';
import type { Hardware } from './hardware.js';
import type { ExitsOf } from './measurement.js';
import type { CpuActivity } from './machine-result.js';

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = /\r+$/;

/** One line of the console. */
export interface ConsoleLine {
  /** Without its line end. */
  readonly text: string;
  /** What each CPU did before it; empty where the machine ended at once. */
  readonly before: readonly CpuActivity[];
  /** TSC cycles that passed meanwhile. */
  readonly cyclesBefore: number;
  /** When it began, in ticks: `before` and `cyclesBefore` end there. */
  readonly at: number;
}

/** All counters at one instant, in ticks. */
interface Instant {
  readonly at: number;
  readonly snapshots: readonly Snapshot[];
}

interface OpenLine {
  readonly bytes: number[];
  from: Instant | null;
  to: Instant | null;
  ended: boolean;
}

export class ConsoleLog {
  readonly #exits: ExitsOf;
  readonly #hardware: Hardware;
  readonly #lines: OpenLine[];

  /** A log of a machine that has not started yet; `exits` are the hypervisor's counts. */
  constructor(hardware: Hardware, exits: ExitsOf) {
    this.#hardware = hardware;
    this.#exits = exits;
    this.#lines = [openLine(this.#instant(0))];
  }

  /** A byte is written at `ticks`. */
  write(byte: number, ticks: number): void {
    const line = this.#lines[this.#lines.length - 1];
    if (byte === NEWLINE) this.#end(line, ticks);
    else this.#add(line, byte, ticks);
  }

  /** The lines so far; the last one may lack its end. */
  lines(): ConsoleLine[] {
    return this.#lines
      .filter(({ bytes, ended }) => ended || bytes.length > 0)
      .map(({ bytes, from, to }) => {
        const text = Buffer.from(bytes).toString('latin1').replace(CARRIAGE_RETURN, '');
        if (from === null || to === null) return { text, before: [], cyclesBefore: 0, at: 0 };
        const before = to.snapshots.map((end, cpu) => activityBetween(cpu, from.snapshots[cpu], end));
        return { text, before, cyclesBefore: (to.at - from.at) / TICKS_PER_CYCLE, at: to.at };
      });
  }

  #add(line: OpenLine, byte: number, ticks: number): void {
    if (line.bytes.length === 0) this.#take(ticks, (instant) => (line.to = instant));
    line.bytes.push(byte);
  }

  #end(line: OpenLine, ticks: number): void {
    line.ended = true;
    const next = openLine(null);
    this.#lines.push(next);
    this.#take(ticks, (instant) => (next.from = instant));
  }

  #take(ticks: number, keep: (instant: Instant) => void): void {
    const { clock, topology } = this.#hardware;
    clock.schedule(ticks + topology.lookahead, ALL_CPUS, (at) => {
      keep(this.#instant(at));
    });
  }

  #instant(at: number): Instant {
    return { at, snapshots: this.#hardware.cpus.map((cpu) => takeSnapshot(cpu, this.#exits(cpu.id))) };
  }
}

function openLine(from: Instant | null): OpenLine {
  return { bytes: [], from, to: null, ended: false };
}
