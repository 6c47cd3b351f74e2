import { STEP, type CostTable } from '../cost/step.js';
import type { HostOptions } from './machine-options.js';

const SIBLING = 0;
const SAME_SOCKET = 1;
const OTHER_SOCKET = 2;

type Distance = typeof SIBLING | typeof SAME_SOCKET | typeof OTHER_SOCKET;

/** Where the physical CPUs sit, and how long lines and IPIs travel between them. */
export class Topology {
  /** Physical CPUs of the machine. */
  readonly cpus: number;
  readonly #host: HostOptions;
  readonly #lineTicks: readonly number[];
  readonly #flightTicks: readonly number[];

  constructor(host: HostOptions, vcpus: number, costs: CostTable) {
    this.cpus = host.pcpus ?? vcpus;
    this.#host = host;
    this.#lineTicks = scaled(costs.stepTicks[STEP.LINE_TRANSFER], costs.lineDistance);
    this.#flightTicks = scaled(costs.stepTicks[STEP.IPI_FLIGHT], costs.flightDistance);
  }

  /** Ticks for a cache line from one CPU to another. */
  lineLatency = (from: number, to: number): number => this.#lineTicks[this.#distance(from, to)];

  /** Ticks for an interrupt message from one CPU to another. */
  flightLatency = (from: number, to: number): number => this.#flightTicks[this.#distance(from, to)];

  /** The shortest time in which any CPU can affect another, in ticks: how far one may run ahead. */
  get lookahead(): number {
    let shortest = Infinity;
    for (let from = 0; from < this.cpus; from++) {
      for (let to = 0; to < this.cpus; to++) {
        if (from !== to) shortest = Math.min(shortest, this.lineLatency(from, to), this.flightLatency(from, to));
      }
    }
    return shortest === Infinity ? 0 : shortest;
  }

  #distance(from: number, to: number): Distance {
    const { threadsPerCore, coresPerSocket } = this.#host;
    if (Math.floor(from / threadsPerCore) === Math.floor(to / threadsPerCore)) return SIBLING;
    const perSocket = threadsPerCore * coresPerSocket;
    return Math.floor(from / perSocket) === Math.floor(to / perSocket) ? SAME_SOCKET : OTHER_SOCKET;
  }
}

function scaled(ticks: number, factors: readonly number[]): number[] {
  return factors.map((factor) => Math.round(ticks * factor));
}
