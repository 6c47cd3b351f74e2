import { describe, expect, it } from 'vitest';
import { TICKS_PER_CYCLE } from '../../cost/step.js';
import { APIC_TIMER_ONE_SHOT, APIC_TIMER_PERIODIC, VcpuTimer } from './timer.js';

const TSC_GHZ = 2;
const TICKS_PER_NS = TSC_GHZ * TICKS_PER_CYCLE;
const LEAST_TICKS = 200_000 * TICKS_PER_NS;
/** Divided by 2, as after reset. */
const FAST = 500;

function timer(mode: number): VcpuTimer {
  const created = new VcpuTimer(TSC_GHZ);
  created.setMode(mode);
  created.start(FAST, 0);
  return created;
}

describe('the least period of a virtual timer (limit_periodic_timer_frequency)', () => {
  it('holds for a periodic timer from its first expiry on', () => {
    const { period, target } = timer(APIC_TIMER_PERIODIC);
    expect([period, target]).toEqual([LEAST_TICKS, LEAST_TICKS]);
  });

  it('does not hold for a single shot', () => {
    expect(timer(APIC_TIMER_ONE_SHOT).target).toBe(2 * FAST * TICKS_PER_NS);
  });

  it('holds from the next period on when a single shot becomes periodic while it counts', () => {
    const counting = timer(APIC_TIMER_ONE_SHOT);
    counting.setMode(APIC_TIMER_PERIODIC);
    expect([counting.target, counting.period]).toEqual([2 * FAST * TICKS_PER_NS, LEAST_TICKS]);
  });

  it('is remembered when a periodic timer becomes a single shot', () => {
    const counting = timer(APIC_TIMER_PERIODIC);
    counting.setMode(APIC_TIMER_ONE_SHOT);
    expect(counting.period).toBe(LEAST_TICKS);
  });
});
