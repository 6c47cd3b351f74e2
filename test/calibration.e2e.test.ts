import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadProfile } from '../src/cost/profile.js';
import { bash, emptyFolder, ipivBench, ROOT } from './support/cli.js';

const TABLE = join(ROOT, 'results/measured/ipiv-v1.csv');

it('the default profile is, byte for byte, what calibrate makes of the published table', () => {
  const folder = emptyFolder();
  const shipped = readFileSync(join(ROOT, 'src/cost/profiles/ipiv-v1.json'), 'utf8');
  const { description } = JSON.parse(shipped) as { description: string };
  const args = ['calibrate', TABLE, '--description', description, '-o', 'profile.json'];
  const { code, stdout, stderr } = ipivBench(args, folder);
  expect(code).toBe(0);
  expect(stderr).toBe(
    'assumed: scenario ipiv-v1 says apHaltPolicy=spin vcpus=2 kvm.version=v1 (to change it: --scenario)\nsaved profile.json\n',
  );
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
  ['an unknown prior', TABLE, ['--prior', 'none'], /^error: --prior none: no profile "none"; built in: ipiv-v1, prior/],
])('calibrate refuses %s', (_, table, args, expected) => {
  const { code, stderr, stdout } = ipivBench(['calibrate', table, ...args], emptyFolder());
  expect(stderr).toMatch(expected);
  expect(stdout).toBe('');
  expect(code).toBe(2);
});

it('a table that was imported under a wrong assumption is refused with what was assumed and how to say otherwise', () => {
  const folder = emptyFolder();
  ipivBench(['import', TABLE, '-o', 'assumed.json'], folder);
  const { code, stdout, stderr } = ipivBench(['calibrate', 'assumed.json'], folder);
  expect(stderr).toMatch(
    /^error: assumed\.json: .* singular; .*; assumed\.json says apHaltPolicy=hlt vcpus=2 kvm\.version=5\.19: if it was measured otherwise, name another --scenario \(of the published table: ipiv-v1\)\n$/,
  );
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
});

it('calibrate names every problem of a prior with its place', () => {
  const folder = emptyFolder();
  const prior = JSON.parse(readFileSync(join(ROOT, 'src/cost/profiles/prior.json'), 'utf8')) as {
    steps: Record<string, Record<string, unknown>>;
  };
  prior.steps['vm-exit'] = { ...prior.steps['vm-exit'], range: undefined };
  writeFileSync(join(folder, 'free.json'), JSON.stringify(prior, null, 2));
  prior.steps['vm-exit'] = { ...prior.steps['vm-exit'], value: 'dear', sourc: 'assumed' };
  writeFileSync(join(folder, 'wrong.json'), JSON.stringify(prior, null, 2));
  const refuse = (name: string) => ipivBench(['calibrate', TABLE, '--prior', `./${name}`], folder);
  expect(refuse('wrong.json')).toEqual({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(
      /^error: \.\/wrong\.json:\d+:\d+: "steps\.vm-exit\.value" is "dear"; allowed: a number from 0 to 1000000\nerror: \.\/wrong\.json:\d+:\d+: unknown key "sourc" in "steps\.vm-exit"; did you mean "source"\? .*\n$/,
    ) as string,
  });
  expect(refuse('free.json').stderr).toMatch(
    /^error: \.\/free\.json:\d+:\d+: "steps\.vm-exit\.group" makes this a free step without a range; add "range": .*\n$/,
  );
});

it('calibrate fits an imported result without a row that is held out, and prints the error of its prediction', () => {
  const folder = emptyFolder();
  writeFileSync(join(folder, 'short.json'), JSON.stringify(oneFreeStepPerGroup()));
  const imported = join(ROOT, 'results/measured/ipiv-v1.json');
  const { code, stdout } = ipivBench(
    ['calibrate', imported, '--prior', './short.json', '--holdout', 'xapic_on'],
    folder,
  );
  expect(stdout).toMatch(
    /^ {2}xapic_on +measured +4713\.10 .* model +\d+\.\d\d +held out: prediction error [-+]\d+\.\d\d \([-+]\d+\.\d\d%\)$/m,
  );
  expect(stdout.match(/held out/g)).toHaveLength(1);
  expect(code).toBe(0);
});

it('calibrate shows progress on a terminal', ({ skip }) => {
  const { error } = spawnSync('script', ['--version']);
  if (error !== undefined) skip('`script` of util-linux is needed to have a terminal');
  const folder = emptyFolder();
  writeFileSync(join(folder, 'short.json'), JSON.stringify(oneFreeStepPerGroup()));
  const command = `$B calibrate ${TABLE} --prior ./short.json 2>&1 >/dev/null`;
  expect(bash(`script -qec '${command}' /dev/null`, folder).stdout).toMatch(
    /calibrate ipiv-v1 \[#+ *\] \d+\/\d+(, [\d:]+ left)?, profiles tried/,
  );
});

/** The prior with all but one step of each free group held fixed: quickly fitted. */
function oneFreeStepPerGroup(): object {
  const prior = loadProfile('prior');
  const seen = new Set<string>();
  const steps = Object.entries(prior.steps).map(([name, { group, ...step }]) => {
    if (group === undefined || seen.has(group)) return [name, step];
    seen.add(group);
    return [name, { ...step, group }];
  });
  return { ...prior, steps: Object.fromEntries(steps) as unknown };
}
