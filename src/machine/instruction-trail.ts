/**
 * The last instructions of each CPU, for reports of failures. Nothing is recorded until it is asked for: a run that is
 * about to end is told so, and one that has failed is repeated, since the same machine does the same again.
 */
import type { Cpu } from '../hardware/cpu/cpu.js';
import type { Engine } from '../hardware/cpu/engine.js';
import { bitnessOf } from '../hardware/cpu/fetch.js';
import * as L from '../hardware/cpu/layout.js';
import { SEGMENT_CS } from '../hardware/cpu/segments.js';
import { cpuOfBlock } from '../hardware/memory/physical-memory.js';
import type { Hardware } from './hardware.js';
import { Disassembler } from './instruction-log.js';
import type { Observer } from './observer.js';

/** Instructions kept of each CPU. */
const KEPT = 10;
const BYTES_WIDTH = 32;

interface Entry {
  readonly rip: number;
  readonly cs: number;
  readonly bitness: 16 | 32 | 64;
  readonly retired: number;
  bytes: Uint8Array;
}

export class InstructionTrail implements Observer {
  readonly isWatching = false;
  #cpus: readonly Cpu[] = [];
  #engine: { run: Engine['run'] } | null = null;
  /** By CPU: how many instructions must have retired for the next one to be recorded. */
  #from: readonly number[] = [];
  readonly #entries: Entry[][] = [];

  /** The interpreter itself, until something is to be recorded. */
  engine(engine: Engine): Engine {
    const run = engine.run;
    const seen = { ...engine, run };
    this.#engine = seen;
    return seen;
  }

  attach({ cpus }: Hardware): void {
    this.#cpus = cpus;
  }

  /** Begins to record: each CPU when it has retired as many instructions as `from` says. */
  begin(from: readonly number[] = this.#cpus.map(() => 0)): void {
    const engine = this.#engine;
    if (engine === null) throw new Error('the trail has no interpreter');
    this.#from = from;
    for (const cpu of this.#cpus) {
      cpu.memory.u32[L.ORDER_STEPPED >>> 2] = 1;
      cpu.setWord(L.CPU_HOST_TURN, 1);
    }
    const { run } = engine;
    engine.run = (block) => this.#run(run, this.#cpus[cpuOfBlock(block)]);
  }

  /** Where to begin for the last instructions of a machine that has done what another has. */
  static lastOf({ cpus }: Hardware): number[] {
    return cpus.map((cpu) => Math.max(0, cpu.long(L.CPU_RETIRED) - KEPT));
  }

  /** The last instructions of a CPU, one a line: address, bytes, disassembly. The last line is where it is. */
  lines(cpu: Cpu): string[] {
    const disassembler = new Disassembler();
    return (this.#entries[cpu.id] ?? []).map(({ rip, cs, bitness, bytes }) => {
      const { text, length } = disassembler.instruction(bytes, rip, bitness);
      const hex = Array.from(bytes.subarray(0, length), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
      return `${address(rip, cs, bitness)}  ${hex.padEnd(BYTES_WIDTH)}${text}`.trimEnd();
    });
  }

  #run(run: Engine['run'], cpu: Cpu): number {
    const limit = cpu.long(L.CPU_LIMIT);
    for (;;) {
      const missing = this.#from[cpu.id] - cpu.long(L.CPU_RETIRED);
      if (missing <= 0) this.#record(cpu);
      // An instruction takes at least a tick: none is missed.
      cpu.setLong(L.CPU_LIMIT, Math.min(limit, cpu.now + Math.max(missing, 1)));
      const stop = run(cpu.block);
      if (stop === L.STOP_PARKED) this.#record(cpu);
      if (stop !== L.STOP_LIMIT || cpu.now >= limit) return stop;
    }
  }

  /** The instruction at RIP, perhaps not for the first time. */
  #record(cpu: Cpu): void {
    const { rip } = cpu;
    const retired = cpu.long(L.CPU_RETIRED);
    const entries = (this.#entries[cpu.id] ??= []);
    let entry = entries.at(-1);
    if (entry?.rip !== rip || entry.retired !== retired) {
      const { selector: cs } = cpu.segments[SEGMENT_CS];
      entry = { rip, cs, bitness: bitnessOf(cpu), retired, bytes: new Uint8Array() };
      entries.push(entry);
      if (entries.length > KEPT) entries.shift();
    }
    const bytes = cpu.decoder.fetchedBytes(cpu);
    if (bytes.length > 0) entry.bytes = bytes;
  }
}

function address(rip: number, cs: number, bitness: 16 | 32 | 64): string {
  const digits = BigInt.asUintN(64, BigInt(rip))
    .toString(16)
    .padStart(bitness / 4, '0');
  return bitness === 64 ? digits : `${cs.toString(16).padStart(4, '0')}:${digits}`;
}
