/** Every case of every shipped scenario has the same result, whether it is traced or not. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runMachine } from '../src/machine/machine.js';
import { Tracing } from '../src/machine/tracing.js';
import { planScenario, unitOf } from '../src/run/plan.js';
import { loadScenario } from '../src/scenario/load.js';
import { TRACE_EVENT_NAMES } from '../src/trace/event-selection.js';
import { interpreterModule } from './support/engine.js';

const SHORT = [
  { key: 'iterations', value: '16', source: 'the test' },
  { key: 'warmup', value: '4', source: 'the test' },
];

function everything(): Tracing {
  return new Tracing({ events: new Set(TRACE_EVENT_NAMES), vcpus: null, time: { from: 0, to: Infinity }, limit: 1000 });
}

describe.each(readdirSync('scenarios'))('%s', (file) => {
  const loaded = loadScenario(`scenarios/${file}`, SHORT);
  const planned = loaded.ok ? planScenario(loaded.value) : loaded;
  if (!planned.ok) throw new Error(`${file} cannot be run`);

  it.each(planned.value.cases.map((each) => [each.id, each] as const))('%s', (_, each) => {
    const unit = unitOf(planned.value, each, 0);
    if ('image' in unit) throw new Error('shipped scenarios have built-in programs');
    const inputs = { interpreter: interpreterModule(), costs: unit.costs };
    const alone = runMachine(unit.options, inputs);
    const tracing = everything();
    expect(runMachine(unit.options, inputs, tracing)).toEqual(alone);
    expect(tracing.recording('a test', 2).records.length).toBeGreaterThan(1000);
  });
});
