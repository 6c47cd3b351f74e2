import { describe, expect, it } from 'vitest';
import { progressText } from './progress.js';

const text = (done: number, elapsedMs: number) =>
  progressText('x2apic', { done, total: 40, caseId: 'ipiv=on' }, elapsedMs);

describe('the progress line', () => {
  it('says how much is done and how long the rest takes', () => {
    expect(text(10, 10_000)).toBe('x2apic [######                  ] 10/40, 0:30 left, ipiv=on');
  });

  it('writes minutes and hours as clocks do', () => {
    expect(text(1, 60_000)).toContain(', 39:00 left,');
    expect(text(4, 1_000_000)).toContain(', 2:30:00 left,');
  });

  it('guesses nothing before the first run, and nothing after the last', () => {
    expect(text(0, 10_000)).not.toContain('left');
    expect(text(40, 10_000)).toBe('x2apic [########################] 40/40, ipiv=on');
  });
});
