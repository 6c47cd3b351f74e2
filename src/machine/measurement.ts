import { ALL_CPUS } from '../hardware/clock/clock.js';
import type { Cpu } from '../hardware/cpu/cpu.js';
import type { ExitStatistics } from '../hypervisor/kvm.js';
import { activityBetween, takeSnapshot, type Snapshot } from './activity.js';
import type { Hardware } from './hardware.js';
import type { CpuActivity } from './machine-result.js';

/** Markers that the guest places around its timed loop: its beginning and its end. */
export const TIMED_LOOP_BEGINS = 1;
export const TIMED_LOOP_ENDS = 2;

/** VM exits of a CPU so far. */
export type ExitsOf = (cpu: number) => ExitStatistics;

/**
 * Watches the markers of a guest and takes the counters of all CPUs around the last timed loop.
 *
 * A snapshot is an event one lookahead after its marker: no CPU can have run past that, so every CPU is counted up to
 * the same instant, however far some had run ahead.
 */
export class Measurement {
  readonly #exits: ExitsOf;
  #hardware: Hardware | null = null;
  #begin: readonly Snapshot[] = [];
  #end: readonly Snapshot[] = [];

  constructor(exits: ExitsOf) {
    this.#exits = exits;
  }

  attach(hardware: Hardware): void {
    this.#hardware = hardware;
  }

  readonly onMarker = (cpu: Cpu, marker: number): void => {
    const hardware = this.#hardware;
    if (hardware === null || (marker !== TIMED_LOOP_BEGINS && marker !== TIMED_LOOP_ENDS)) return;
    hardware.clock.schedule(cpu.now + hardware.topology.lookahead, ALL_CPUS, () => {
      const snapshots = hardware.cpus.map((each) => takeSnapshot(each, this.#exits(each.id)));
      if (marker === TIMED_LOOP_BEGINS) this.#begin = snapshots;
      else this.#end = snapshots;
    });
  };

  /** What each CPU did in the last timed loop; empty when the guest never finished one. */
  activity(): CpuActivity[] {
    return this.#end.map((end, cpu) => activityBetween(cpu, this.#begin[cpu], end));
  }
}
