import { describe, expect, it } from 'vitest';
import { outcome, sampleResult } from '../../../test/support/sample-result.js';
import { gate } from './gate.js';
import { mostAfter, rulesFor } from './limit.js';

const NOTHING_ASKED = { exact: false, limits: [] };
const result = (scenario: object = {}, average = 4000) =>
  sampleResult({ runs: 1, ...scenario }, () => outcome(average));

describe('the rules of a gate', () => {
  it('are exact for emulated results where nobody sets limits', () => {
    expect(rulesFor(result(), result(), NOTHING_ASKED)).toEqual({ exact: true, limits: [] });
  });

  it('are the limits of the scenario of the baseline, not those of the current one', () => {
    const baseline = result({ gate: { average: { maxIncreasePercent: 2, floor: 10 }, exits: { ceiling: 1 } } });
    const current = result({ gate: { average: { maxIncreasePercent: 50 } } });
    const rules = rulesFor(baseline, current, NOTHING_ASKED);
    expect(rules).toEqual({
      exact: false,
      limits: [
        { metric: 'average', maxIncrease: 0.02, floor: 10 },
        { metric: 'exits', ceiling: 1 },
      ],
    });
    expect(gate(baseline, current, rules).notes).toContain(
      'the limits in the two scenarios differ: those of the baseline hold where it has any',
    );
  });

  it('are those of the current scenario where the baseline has none', () => {
    const current = result({ gate: { average: { maxIncreasePercent: 2 } } });
    expect(rulesFor(result(), current, NOTHING_ASKED).limits).toEqual([{ metric: 'average', maxIncrease: 0.02 }]);
  });

  it('come from the command line, metric by metric, before the scenario', () => {
    const baseline = result({ gate: { average: { maxIncreasePercent: 2 }, exits: { ceiling: 1 } } });
    const asked = { exact: false, limits: [{ metric: 'average', maxIncrease: 0.5 }] } as const;
    expect(rulesFor(baseline, baseline, asked).limits).toEqual([
      { metric: 'average', maxIncrease: 0.5 },
      { metric: 'exits', ceiling: 1 },
    ]);
  });

  it('allow no growth where a scenario names a metric without saying how much', () => {
    expect(rulesFor(result({ gate: { exits: {} } }), result(), NOTHING_ASKED).limits).toEqual([
      { metric: 'exits', maxIncrease: 0 },
    ]);
  });
});

describe('a floor', () => {
  it('lets a small figure grow by more than its share', () => {
    expect(mostAfter({ metric: 'exits', maxIncrease: 0.02, floor: 0.5 }, 1)).toBe(1.5);
    expect(mostAfter({ metric: 'average', maxIncrease: 0.02, floor: 0.5 }, 4000)).toBe(4080);
  });

  it('alone allows no growth beyond it', () => {
    const scenario = { gate: { average: { floor: 20, ceiling: 5000 } } };
    const rules = rulesFor(result(scenario), result(), NOTHING_ASKED);
    expect(gate(result(), result({}, 4020), rules).verdict).toBe('passed');
    expect(gate(result(), result({}, 4021), rules).verdict).toBe('failed');
  });

  it('does not lift a ceiling', () => {
    const limits = [{ metric: 'average', floor: 500, ceiling: 4100 }] as const;
    expect(gate(result(), result({}, 4200), { exact: false, limits }).verdict).toBe('failed');
  });
});
