import { expect, it } from 'vitest';
import { Fixture, LINE_LATENCY } from '../../test/support/cpu-fixture.js';
import { STEP, STEP_NAMES } from './step.js';

/** A machine whose second CPU is going to take a line from the first. */
function sharedLine(): { readonly fixture: Fixture; readonly take: () => void } {
  const fixture = new Fixture({ cpus: 2, interpreted: true });
  const [first, second] = fixture.cpus;
  fixture.lines.hold(first, 0x9000, true);
  first.now = 100 * LINE_LATENCY;
  const take = (): void => {
    fixture.lines.hold(second, 0x9000, true);
  };
  return { fixture, take };
}

it('counts what the interpreter charges with what the host charges', () => {
  const { fixture, take } = sharedLine();
  take();
  const at = STEP_NAMES.length + STEP.LINE_TRANSFER;
  expect([fixture.meter.counts[at], fixture.meter.ticks[at]]).toEqual([1, LINE_LATENCY]);
  fixture.cpus[1].charge(STEP.LINE_TRANSFER);
  expect([fixture.meter.counts[at], fixture.meter.ticks[at]]).toEqual([2, 2 * LINE_LATENCY]);
});

it('shows an observer every charge once, when the clock has moved, and counts it as without one', () => {
  const { fixture, take } = sharedLine();
  const { meter, cpus } = fixture;
  const seen: unknown[] = [];
  meter.onCharge = (cpu, step, ticks) => seen.push([cpu, STEP_NAMES[step], ticks, cpus[cpu].now]);
  const ticks = meter.table.stepTicks[STEP.VM_EXIT];
  cpus[1].charge(STEP.VM_EXIT);
  take();
  expect(seen).toEqual([
    [1, 'vm-exit', ticks, ticks],
    [1, 'line-transfer', LINE_LATENCY, ticks + LINE_LATENCY],
  ]);
  const at = STEP_NAMES.length + STEP.LINE_TRANSFER;
  expect([meter.counts[at], meter.ticks[at]]).toEqual([1, LINE_LATENCY]);
});
