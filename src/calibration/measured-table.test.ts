import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MeasuredTableError, parseMeasuredTable } from './measured-table.js';

describe('measured table', () => {
  it('holds the published averages', () => {
    const csv = readFileSync(new URL('../../results/measured/ipiv-v1.csv', import.meta.url), 'utf8');
    const means = parseMeasuredTable(csv, 'ipiv-v1.csv').columns.map(({ name, mean }) => [name, mean]);
    expect(Object.fromEntries(means)).toEqual({
      xapic_off: 6059,
      xapic_on: 4713.1,
      x2apic_off: 4337.85,
      x2apic_on: 3644.8,
    });
  });

  it.each([
    ['an unknown column', 'run,xapic\n1,2\n2,3\n', "t.csv:1: column 2 is 'xapic'"],
    ['a cell that is no number', 'run,xapic_on\n1,2\n2,x\n', "t.csv:3: xapic_on is 'x'"],
    ['too few runs', 'run,xapic_on\n1,2\n', 'fewer than two runs'],
    ['ragged rows', 'run,xapic_on\n1\n', 't.csv'],
  ])('rejects %s and says where', (_, csv, message) => {
    expect(() => parseMeasuredTable(csv, 't.csv')).toThrow(MeasuredTableError);
    expect(() => parseMeasuredTable(csv, 't.csv')).toThrow(message);
  });

  it('is refused with a column that appears twice', () => {
    const csv = 'xapic_off,xapic_off\n6000,6000\n6010,6010\n';
    expect(() => parseMeasuredTable(csv, 't.csv')).toThrow('t.csv:1: column xapic_off appears twice');
  });
});
