import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { emptyFolder, ipivBench, ROOT } from './support/cli.js';

const TABLE = join(ROOT, 'results/measured/ipiv-v1.csv');

it('the default profile is, byte for byte, what calibrate makes of the published table', () => {
  const folder = emptyFolder();
  const shipped = readFileSync(join(ROOT, 'src/cost/profiles/ipiv-v1.json'), 'utf8');
  const { description } = JSON.parse(shipped) as { description: string };
  const args = ['calibrate', TABLE, '--description', description, '-o', 'profile.json'];
  const { code, stdout } = ipivBench(args, folder);
  expect(code).toBe(0);
  expect(stdout).toContain('rank 4: the data fix 4 sums');
  expect(readFileSync(join(folder, 'profile.json'), 'utf8')).toBe(shipped);
});

it('calibrate takes an imported result, with the settings that it has, for the same fit', () => {
  const folder = emptyFolder();
  const imported = join(ROOT, 'results/measured/ipiv-v1.json');
  const { code } = ipivBench(['calibrate', imported, '--name', 'ipiv-v1', '-o', 'profile.json'], folder);
  expect(code).toBe(0);
  const { description: _, ...fitted } = JSON.parse(readFileSync(join(folder, 'profile.json'), 'utf8')) as object & {
    description: string;
  };
  const text = readFileSync(join(ROOT, 'src/cost/profiles/ipiv-v1.json'), 'utf8');
  expect(JSON.parse(text)).toMatchObject(fitted);
});

it('111: with noise off the four published averages come out within one cycle', () => {
  const folder = emptyFolder();
  ipivBench(['run', 'ipiv-v1', '--set', 'noise=off', '--runs', '1', '--no-save', '-o', 'csv=table.csv'], folder);
  const [header, ...rows] = readFileSync(join(folder, 'table.csv'), 'utf8')
    .trimEnd()
    .split('\r\n')
    .map((line) => line.split(','));
  const averages = rows.map((row) => Number(row[header.indexOf('average_cycles')]));
  for (const [index, published] of [6059, 4713.1, 4337.85, 3644.8].entries()) {
    expect(Math.abs(averages[index] - published)).toBeLessThanOrEqual(1);
  }
});

it.each([
  ['a missing table', 'none.csv', [], /^error: none\.csv: no such file/],
  ['an unknown column', TABLE, ['--holdout', 'xapic'], /^error: --holdout xapic: no such column/],
  ['an unknown prior', TABLE, ['--prior', 'none'], /^error: --prior none: no profile 'none'/],
])('calibrate refuses %s', (_, table, args, expected) => {
  const { code, stderr, stdout } = ipivBench(['calibrate', table, ...args], emptyFolder());
  expect(stderr).toMatch(expected);
  expect(stdout).toBe('');
  expect(code).toBe(2);
});
