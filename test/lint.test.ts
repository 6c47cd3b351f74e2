import { ESLint, Linter } from 'eslint';
import { describe, expect, it } from 'vitest';

const MESSAGE = 'costs are named steps (STEP.*) whose values come from a profile';
const config = (await new ESLint().calculateConfigForFile('src/hardware/clock/clock.ts')) as Linter.Config;
const rule = config.rules?.['no-restricted-syntax'];

const complaints = (code: string): string[] =>
  new Linter().verify(code, { rules: { 'no-restricted-syntax': rule ?? 'error' } }).map(({ message }) => message);

describe('lint of the model', () => {
  it.each([
    'cpu.charge(120)',
    'cpu.charge(slow ? 2 * 64 : fast)',
    'cpu.chargeClass(0)',
    'meter.record(cpu.id, STEP.VM_EXIT, 500 * TICKS_PER_CYCLE)',
    'cpu.now += 64',
    'const done = cpu.now + 2 * 64',
    'if (cpu.now > 4096) stop()',
    'if (limit < this.now - 100) stop()',
  ])('rejects the cost in "%s"', (code) => {
    expect(complaints(code)).toContain(MESSAGE);
  });

  it.each([
    'cpu.charge(STEP.VM_EXIT)',
    'cpu.charge(STEP.LINE_TRANSFER, done - cpu.now)',
    'execute(single ? cpu.now + 1 : limit)',
    'const now = cpu.now + latency',
    'pages.record(map, offset < PAGE_SIZE ? 1 : 0)',
  ])('takes "%s"', (code) => {
    expect(complaints(code)).toEqual([]);
  });
});
