import type { Cpu } from '../hardware/cpu/cpu.js';
import type { Engine } from '../hardware/cpu/engine.js';
import type { Hardware } from './hardware.js';

/**
 * Somebody who watches a machine. Results are the same either way; a machine that nobody watches has none of it.
 */
export interface Observer {
  /** From the first cycle on? Then instructions run one at a time, and none are translated. */
  readonly isWatching: boolean;
  /** Stands between the CPUs and their interpreter. */
  engine(engine: Engine): Engine;
  /** The machine is complete. Each iteration of its guest begins at linear address `iteration`; -1 if it has none. */
  attach(hardware: Hardware, iteration: number): void;
  /** The guest has passed a measurement marker. */
  onMarker?(cpu: Cpu, marker: number): void;
}
