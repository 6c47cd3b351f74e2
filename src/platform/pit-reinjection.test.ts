import { beforeEach, describe, expect, it } from 'vitest';
import { PitReinjection } from './pit-reinjection.js';

let pulses: number;
let ticks: PitReinjection;

beforeEach(() => {
  pulses = 0;
  ticks = new PitReinjection(() => pulses++);
});

describe('PitReinjection', () => {
  it('a tick interrupts at once when the one before was acknowledged', () => {
    for (let tick = 1; tick <= 3; tick++) {
      ticks.expire(1);
      expect(pulses).toBe(tick);
      ticks.acknowledge();
      expect(ticks.queued).toBe(false);
    }
  });

  it('ticks wait while an interrupt is not acknowledged', () => {
    ticks.expire(1);
    ticks.expire(1);
    ticks.expire(1);
    expect(pulses).toBe(1);
  });

  it('each acknowledgement releases one missed tick, until all have come', () => {
    ticks.expire(4);
    for (let tick = 2; tick <= 4; tick++) {
      ticks.acknowledge();
      expect(ticks.queued).toBe(true);
      ticks.work();
      expect(pulses).toBe(tick);
    }
    ticks.acknowledge();
    expect(ticks.queued).toBe(false);
  });

  it('a reset forgets the missed ticks, and the next one interrupts', () => {
    ticks.expire(5);
    ticks.reset();
    ticks.acknowledge();
    expect(ticks.queued).toBe(false);
    ticks.expire(1);
    expect(pulses).toBe(2);
  });

  it('an acknowledgement without a missed tick counts once', () => {
    ticks.acknowledge();
    ticks.acknowledge();
    ticks.expire(1);
    ticks.expire(1);
    expect(pulses).toBe(1);
  });
});
