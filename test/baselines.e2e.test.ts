import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { emptyFolder, ipivBench, ROOT } from './support/cli.js';

const SCENARIOS = readdirSync(join(ROOT, 'scenarios')).map((file) => file.replace('.json', ''));

it.each(SCENARIOS)('%s gives exactly the cycles of its baseline', (name) => {
  const folder = emptyFolder();
  const run = ipivBench(['run', name, '--no-save', '-o', 'current.json'], folder);
  expect(run.stderr).toBe('');
  const { stdout, code } = ipivBench(
    ['gate', join(ROOT, `results/baselines/${name}.json`), 'current.json', '--exact'],
    folder,
  );
  expect(stdout).toMatch(/^gate passed/);
  expect(code).toBe(0);
});
