import { describe, expect, it } from 'vitest';
import { engineWithout } from '../../../test/support/engine.js';
import { uniformCosts } from '../../../test/support/uniform-costs.js';
import { Meter } from '../../cost/meter.js';
import { STEP, STEP_NAMES } from '../../cost/step.js';
import { Clock } from '../clock/clock.js';
import type { Cpu } from '../cpu/cpu.js';
import type { Engine } from '../cpu/engine.js';
import { ASLEEP, CPU_LOST_LINE_AT, WAITING } from '../cpu/layout.js';
import { StateBlock } from '../cpu/state-block.js';
import { Lines, type LineTransfer } from './lines.js';
import { PhysicalMemory } from './physical-memory.js';

const LATENCY = 100;
const OCCUPANCY = 20;
const PAGE = 0x2000;

/** As much of a CPU as line ownership concerns: it runs a list of accesses, each at its time. */
class AccessingCpu extends StateBlock {
  readonly id: number;
  readonly decoder = { codeOf: () => undefined };
  readonly #host: Host;
  readonly #accesses: { at: number; pa: number; write: boolean }[];

  constructor(id: number, host: Host, accesses: { at: number; pa: number; write: boolean }[]) {
    super(host.memory, id);
    this.id = id;
    this.#host = host;
    this.#accesses = accesses;
  }

  get meter(): Meter {
    return this.#host.meter;
  }

  get transferTicks(): number {
    return this.meter.ticks[this.id * STEP_NAMES.length + STEP.LINE_TRANSFER];
  }

  run(): void {
    const { limit } = this.#host.clock;
    for (;;) {
      const access = this.#accesses.at(0);
      if (access === undefined) {
        this.now = limit;
        this.state = ASLEEP;
        return;
      }
      if (!this.lineArriving && this.now < access.at) this.now = Math.min(access.at, limit);
      if (this.now < access.at) return;
      if (!this.#host.lines.hold(this as unknown as Cpu, access.pa, access.write)) {
        this.state = WAITING;
        return;
      }
      this.#host.log.push(`${String(this.now)} cpu${String(this.id)} ${access.write ? 'writes' : 'reads'}`);
      this.#accesses.shift();
      if (this.now >= limit) return;
    }
  }
}

interface Host {
  readonly memory: PhysicalMemory;
  readonly clock: Clock;
  readonly lines: Lines;
  readonly meter: Meter;
  readonly log: string[];
  readonly transfers: LineTransfer[];
  readonly cpus: AccessingCpu[];
  /** Block of the CPU whose TLB is told, and page. */
  readonly trackedEntries: [block: number, page: number][];
}

function host(quantum: number, ...scripts: { at: number; pa: number; write: boolean }[][]): Host {
  const memory = new PhysicalMemory({ cpus: scripts.length, ramBytes: 0x10000 });
  const trackedEntries: Host['trackedEntries'] = [];
  const engine: Engine = {
    ...engineWithout(
      memory,
      () => lines,
      () => 0,
    ),
    trackEntries: (block, page) => trackedEntries.push([block, page]),
  };
  const clock = new Clock(memory, engine, quantum);
  const lines = new Lines(memory, clock, engine, () => LATENCY, OCCUPANCY);
  const meter = new Meter(uniformCosts(1), memory.meterTables);
  const parts: Host = { memory, clock, lines, meter, log: [], transfers: [], cpus: [], trackedEntries };
  lines.onTransfer = (transfer) => parts.transfers.push(transfer);
  scripts.forEach((script, id) => {
    const cpu = new AccessingCpu(id, parts, [...script]);
    parts.cpus.push(cpu);
    clock.add(cpu);
    lines.add(cpu as unknown as Cpu);
  });
  return parts;
}

const read = (at: number, pa = PAGE): { at: number; pa: number; write: boolean } => ({ at, pa, write: false });
const write = (at: number, pa = PAGE): { at: number; pa: number; write: boolean } => ({ at, pa, write: true });

describe('cache lines', () => {
  it('cost nothing while a page is private to one CPU', () => {
    const { clock, cpus, log } = host(0, [write(5), read(6), write(7, PAGE + 64)]);
    clock.run();
    expect(log).toEqual(['5 cpu0 writes', '6 cpu0 reads', '7 cpu0 writes']);
    expect(cpus[0]?.transferTicks).toBe(0);
  });

  it('belong to the first CPU when a second one touches the page, and its TLB is told', () => {
    const { clock, memory, log, trackedEntries } = host(0, [write(0), write(300)], [read(10)]);
    clock.run();
    expect(trackedEntries).toEqual([[memory.cpuBlock(0), PAGE]]);
    expect(log).toEqual(['0 cpu0 writes', '110 cpu1 reads', '400 cpu0 writes']);
  });

  it('stay readable for the owner when another CPU reads', () => {
    const { clock, log } = host(0, [write(0), read(200)], [read(10)]);
    clock.run();
    expect(log).toEqual(['0 cpu0 writes', '110 cpu1 reads', '200 cpu0 reads']);
  });

  it('are taken from every reader by a write', () => {
    const { clock, transfers } = host(0, [write(0), read(500)], [read(10)], [write(200)]);
    clock.run();
    expect(transfers.map(({ at, cpu, write: taken }) => [at, cpu, taken])).toEqual([
      [110, 1, false],
      [300, 2, true],
      [600, 0, false],
    ]);
  });

  it('serve one request after the other', () => {
    const { clock, log } = host(0, [write(0)], [read(10)], [read(10)]);
    clock.run();
    expect(log).toEqual(['0 cpu0 writes', '110 cpu1 reads', '130 cpu2 reads']);
  });

  it('of one page move independently', () => {
    const { clock, cpus } = host(0, [write(0), write(0, PAGE + 64), write(300, PAGE + 64)], [write(10)]);
    clock.run();
    expect(cpus[0]?.transferTicks).toBe(0);
  });

  it('tell a CPU that loses one to a writer, and none that keeps it for reading', () => {
    const { clock, cpus } = host(0, [write(0), write(0, PAGE + 64)], [read(10), write(150, PAGE + 64)]);
    clock.run();
    expect(cpus.map(({ memory, block }) => memory.f64[(block + CPU_LOST_LINE_AT) >>> 3])).toEqual([250, -1]);
  });

  it.each([0, 1, LATENCY / 2, LATENCY])('move at the same times with a quantum of %d', (quantum) => {
    const scripts = (): { at: number; pa: number; write: boolean }[][] => [
      [write(0), write(150), read(151), write(400, PAGE + 64), write(401)],
      [read(10), read(160), write(161, PAGE + 64), write(420)],
      [read(10, PAGE + 64), write(155), read(390)],
    ];
    const reference = host(0, ...scripts());
    reference.clock.run();
    const tested = host(quantum, ...scripts());
    tested.clock.run();
    expect(tested.transfers).toEqual(reference.transfers);
  });
});
