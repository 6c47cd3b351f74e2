import { describe, expect, it } from 'vitest';
import { engineWithout, noHost } from '../../../test/support/engine.js';
import { ASLEEP, CPU_PARK_D, PARKED, WAITING } from '../cpu/layout.js';
import { StateBlock } from '../cpu/state-block.js';
import { PhysicalMemory } from '../memory/physical-memory.js';
import { ALL_CPUS, Clock, type Timed } from './clock.js';

/** A CPU whose life is a list of acts: at the given times it logs its id, waiting for its turn first. */
class ScriptedCpu extends StateBlock implements Timed {
  readonly id: number;
  readonly #clock: Clock;
  readonly #acts: number[];
  readonly #log: string[];
  limits: number[] = [];

  constructor(id: number, memory: PhysicalMemory, clock: Clock, acts: number[] = [], log: string[] = []) {
    super(memory, id);
    this.id = id;
    this.#clock = clock;
    this.#acts = acts;
    this.#log = log;
    clock.add(this);
  }

  run(): void {
    const { limit } = this.#clock;
    this.limits.push(limit);
    for (;;) {
      const act = this.#acts.at(0);
      if (act === undefined) {
        this.state = ASLEEP;
        return;
      }
      if (act > this.now) {
        this.now = Math.min(act, limit);
        if (this.now < act) return;
      }
      if (this.#clock.mustWait(this)) {
        this.state = WAITING;
        return;
      }
      this.#log.push(`${String(this.now)}:${String(this.id)}`);
      this.#acts.shift();
      this.now++;
      if (this.now >= limit) return;
    }
  }
}

function start(quantum: number): { clock: Clock; memory: PhysicalMemory } {
  const memory = new PhysicalMemory({ cpus: 3, ramBytes: 0x1000, trackedPages: 1, records: 1, codePages: 1 });
  const engine = engineWithout(memory, noHost, () => 0);
  return { memory, clock: new Clock(memory, engine, quantum) };
}

function runScripts(quantum: number, ...scripts: number[][]): string[] {
  const { clock, memory } = start(quantum);
  const log: string[] = [];
  scripts.forEach((acts, id) => new ScriptedCpu(id, memory, clock, [...acts], log));
  clock.run();
  return log;
}

describe('Clock', () => {
  it('performs acts in order of time, then of CPU id', () => {
    expect(runScripts(0, [5, 9], [5, 7], [1, 9])).toEqual(['1:2', '5:0', '5:1', '7:1', '9:0', '9:2']);
  });

  it.each([0, 1, 50, 100])('keeps that order with a quantum of %d', (quantum) => {
    const scripts = [[3, 40, 41, 200], [3, 39, 42, 199], [100]];
    expect(runScripts(quantum, ...scripts)).toEqual(runScripts(0, ...scripts));
  });

  it('lets a CPU that stops it go no further', () => {
    const { clock, memory } = start(0);
    const cpu = new ScriptedCpu(0, memory, clock);
    cpu.run = () => {
      cpu.now = 3;
      clock.stop();
      cpu.limits.push(clock.limit);
    };
    expect(clock.run()).toBe(true);
    expect(cpu.limits).toEqual([0]);
  });

  it('handles an event before the acts of the same time', () => {
    const { clock, memory } = start(10);
    const log: string[] = [];
    new ScriptedCpu(0, memory, clock, [5], log);
    clock.schedule(5, 0, () => log.push('event'));
    clock.run();
    expect(log).toEqual(['event', '5:0']);
  });

  it('lets nobody run past the turn of a CPU that waits, but by its id', () => {
    const { clock, memory } = start(1000);
    const first = new ScriptedCpu(0, memory, clock);
    const second = new ScriptedCpu(1, memory, clock);
    second.state = WAITING;
    second.now = 30;
    clock.run();
    expect(first.limits[0]).toBe(31);
  });

  it('brings a parked CPU up to an event of its own before handling it', () => {
    const { clock, memory } = start(0);
    const parked = new ScriptedCpu(0, memory, clock);
    parked.state = PARKED;
    parked.setLong(CPU_PARK_D, 7);
    let seen = -1;
    clock.schedule(77, 0, () => (seen = parked.now));
    clock.run();
    expect(seen).toBe(77);
  });

  it('leaves a parked CPU alone when the event is for another', () => {
    const { clock, memory } = start(0);
    const parked = new ScriptedCpu(0, memory, clock);
    new ScriptedCpu(1, memory, clock);
    parked.state = PARKED;
    clock.schedule(77, 1, () => undefined);
    clock.run();
    expect(parked.state).toBe(PARKED);
  });

  it('returns false when nobody can ever go on, true when stopped', () => {
    const { clock, memory } = start(0);
    new ScriptedCpu(0, memory, clock, [1]);
    expect(clock.run()).toBe(false);
    clock.schedule(9, ALL_CPUS, () => {
      clock.stop();
    });
    expect(clock.run()).toBe(true);
  });
});
