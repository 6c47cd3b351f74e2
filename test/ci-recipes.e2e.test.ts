import { readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bash, emptyFolder, ROOT } from './support/cli.js';

const SCENARIOS = readdirSync(join(ROOT, 'scenarios')).map((file) => file.replace('.json', ''));

/** The lines of a recipe that run ipiv-bench. */
function commandsOf(recipe: string): string[] {
  const text = readFileSync(join(ROOT, 'docs/ci', recipe), 'utf8');
  return [...text.matchAll(/^ *- (?:run: )?(npx ipiv-bench .*)$/gm)].map(([, command]) => command);
}

const WORKFLOW = commandsOf('github.yml');

describe('the workflow for GitHub Actions', { timeout: 240_000 }, () => {
  it('runs a scenario and gates it', () => {
    expect(WORKFLOW.map((command) => command.split(' ')[2])).toEqual(['run', 'gate']);
  });

  it.each(SCENARIOS)('passes for %s: it gives exactly the cycles of its baseline', (scenario) => {
    const folder = emptyFolder();
    for (const path of ['scenarios', 'results']) symlinkSync(join(ROOT, path), join(folder, path));
    const [run, gate] = WORKFLOW.map((command) =>
      bash(command.replace('npx ipiv-bench', '$B'), folder, { SCENARIO: scenario }),
    );
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(gate.stdout).toMatch(/^gate passed/);
    expect(gate.code).toBe(0);
    expect(readFileSync(join(folder, 'gate.xml'), 'utf8')).toMatch(/ failures="0" skipped="0">/);
  });
});

it('the job for GitLab runs the same commands, without what is for GitHub', () => {
  expect(commandsOf('gitlab-ci.yml')).toEqual(WORKFLOW.map((command) => command.replace(' --github', '')));
});
