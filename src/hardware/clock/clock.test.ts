import { describe, expect, it } from 'vitest';
import { ALL_CPUS, ASLEEP, Clock, PARKED, RUNNING, WAITING, type RunState, type Timed } from './clock.js';

/** A CPU whose life is a list of acts: at the given times it logs its id, waiting for its turn first. */
class ScriptedCpu implements Timed {
  readonly id: number;
  now = 0;
  state: RunState = RUNNING;
  readonly #clock: Clock;
  readonly #acts: number[];
  readonly #log: string[];
  limits: number[] = [];
  unparkedAt: number | null = null;

  constructor(id: number, clock: Clock, acts: number[], log: string[]) {
    this.id = id;
    this.#clock = clock;
    this.#acts = acts;
    this.#log = log;
    clock.add(this);
  }

  run(limit: number): void {
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

  unpark(at: number): void {
    this.unparkedAt = at;
    this.now = at;
  }
}

function runScripts(quantum: number, ...scripts: number[][]): string[] {
  const clock = new Clock(quantum);
  const log: string[] = [];
  scripts.forEach((acts, id) => new ScriptedCpu(id, clock, [...acts], log));
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
    const clock = new Clock(0);
    const cpu = new ScriptedCpu(0, clock, [], []);
    cpu.run = () => {
      cpu.now = 3;
      clock.stop();
      cpu.limits.push(clock.limit);
    };
    expect(clock.run()).toBe(true);
    expect(cpu.limits).toEqual([0]);
  });

  it('handles an event before the acts of the same time', () => {
    const clock = new Clock(10);
    const log: string[] = [];
    new ScriptedCpu(0, clock, [5], log);
    clock.schedule(5, 0, () => log.push('event'));
    clock.run();
    expect(log).toEqual(['event', '5:0']);
  });

  it('lets nobody run past the turn of a CPU that waits, but by its id', () => {
    const clock = new Clock(1000);
    const first = new ScriptedCpu(0, clock, [], []);
    const second = new ScriptedCpu(1, clock, [], []);
    second.state = WAITING;
    second.now = 30;
    clock.run();
    expect(first.limits[0]).toBe(31);
  });

  it('brings a parked CPU up to an event of its own before handling it', () => {
    const clock = new Clock(0);
    const parked = new ScriptedCpu(0, clock, [], []);
    parked.state = PARKED;
    let seen = -1;
    clock.schedule(77, 0, () => (seen = parked.now));
    clock.run();
    expect([parked.unparkedAt, seen]).toEqual([77, 77]);
  });

  it('leaves a parked CPU alone when the event is for another', () => {
    const clock = new Clock(0);
    const parked = new ScriptedCpu(0, clock, [], []);
    new ScriptedCpu(1, clock, [], []);
    parked.state = PARKED;
    clock.schedule(77, 1, () => undefined);
    clock.run();
    expect(parked.state).toBe(PARKED);
  });

  it('returns false when nobody can ever go on, true when stopped', () => {
    const clock = new Clock(0);
    new ScriptedCpu(0, clock, [1], []);
    expect(clock.run()).toBe(false);
    clock.schedule(9, ALL_CPUS, () => {
      clock.stop();
    });
    expect(clock.run()).toBe(true);
  });
});
