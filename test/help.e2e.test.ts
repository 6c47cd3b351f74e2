import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { emptyFolder, ipivBench } from './support/cli.js';

const COMMANDS = [
  'run',
  'explain',
  'trace',
  'import',
  'compare',
  'show',
  'gate',
  'baseline',
  'calibrate',
  'boot',
  'list',
  'completion',
  'schema',
];
const folder = emptyFolder();

describe('help', () => {
  it('names every command', () => {
    const { code, stdout } = ipivBench(['--help'], folder);
    expect(code).toBe(0);
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
  });

  it.each(COMMANDS)('%s has an example', (command) => {
    const { code, stdout } = ipivBench([command, '--help'], folder);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`\nExample:\n  \\$ ipiv-bench ${command}`));
  });

  it('loads the command tree alone: no machine, no schemas, no formats, no package but commander', () => {
    const others = modulesLoadedBy(['--help']).filter(
      (module) => !/^(dist\/cli|node_modules\/commander)\//.test(module),
    );
    expect(others).toEqual(['dist/result/output-file.js', 'dist/scenario/problem.js']);
  });
});

/** What the scripts that a command makes node load consist of, in order: the bundle says above each module where it is from. */
function modulesLoadedBy(args: readonly string[]): string[] {
  return scriptsLoadedBy(args)
    .flatMap((url) => [...readFileSync(new URL(url), 'utf8').matchAll(/^\/\/ ((?:dist|node_modules)\/.*)$/gm)])
    .map(([, module]) => module)
    .sort();
}

/** The addresses of all scripts that a command makes node load, as V8's coverage lists them. */
function scriptsLoadedBy(args: readonly string[]): string[] {
  const coverage = emptyFolder();
  ipivBench(args, folder, { NODE_V8_COVERAGE: coverage });
  const [report] = readdirSync(coverage);
  const { result } = JSON.parse(readFileSync(join(coverage, report), 'utf8')) as { result: { url: string }[] };
  return result.map(({ url }) => url).filter((url) => url.startsWith('file:'));
}

describe('usage errors', () => {
  it.each([
    ['an unknown command', ['rnu'], /unknown command 'rnu'\n\(Did you mean run\?\)/],
    ['a missing argument', ['run'], /missing required argument 'scenario'/],
    ['a colour that is none', ['--color', 'pink', 'list'], /argument 'pink' is invalid/],
  ])('%s ends with 2 and goes to stderr', (_, args, expected) => {
    const { code, stdout, stderr } = ipivBench(args, folder);
    expect(stderr).toMatch(expected);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it('no command at all shows the help', () => {
    const { code, stderr } = ipivBench([], folder);
    expect(stderr).toContain('Usage: ipiv-bench');
    expect(code).toBe(2);
  });
});

describe('reference commands', () => {
  it('list names everything that a scenario can choose', () => {
    const { code, stdout } = ipivBench(['list'], folder);
    expect(code).toBe(0);
    for (const name of ['ipiv-v1', 'senduipi', 'hlt-passthrough', 'guest.image', '6.12', 'line-transfers', 'vmexit']) {
      expect(stdout).toContain(name);
    }
  });

  it('schema prints that of a scenario unless told otherwise', () => {
    expect(ipivBench(['schema'], folder).stdout).toBe(ipivBench(['schema', 'scenario'], folder).stdout);
  });

  it.each(['scenario', 'profile', 'result'])('schema prints that of a %s', (kind) => {
    const schema = JSON.parse(ipivBench(['schema', kind], folder).stdout) as unknown;
    expect(schema).toEqual(JSON.parse(readFileSync(`schemas/${kind}.schema.json`, 'utf8')));
  });

  it('version is that of the package', () => {
    expect(ipivBench(['--version'], folder).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
