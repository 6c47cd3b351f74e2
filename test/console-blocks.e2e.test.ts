import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bash, emptyFolder, ROOT } from './support/cli.js';
import { consoleBlocks, outputMatches, withOutput } from './support/console-blocks.js';

const DOCS = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).sort();
const PAGES = ['README.md', ...DOCS.filter((file) => file.endsWith('.md')).map((file) => join('docs', file))];
const text = (page: string): string => readFileSync(join(ROOT, page), 'utf8');
const BLOCKS = PAGES.flatMap((page) =>
  consoleBlocks(text(page)).map((commands) => ({ page, commands, first: commands[0].command })),
);
const { scripts } = JSON.parse(text('package.json')) as { scripts: Record<string, string> };

/** A folder with the files that pages refer to, and nothing that a command may spoil. */
function checkout(): string {
  const folder = emptyFolder();
  mkdirSync(join(folder, 'results'));
  for (const path of ['scenarios', 'schemas', 'results/baselines', 'results/measured']) {
    symlinkSync(join(ROOT, path), join(folder, path));
  }
  return folder;
}

/** The command as run here: installed and built already, and without the tests inside the tests. */
function local(command: string): string {
  return command
    .replace('npm ci && npm start', scripts['start'].replace(/^.* && /, ''))
    .replace('npm ci && npm test', 'true')
    .replaceAll('npx ipiv-bench', '$B')
    .replaceAll('node bin/ipiv-bench.js', '$B');
}

it('README opens with the two commands', () => {
  const commands = consoleBlocks(text('README.md')).flatMap((block) => block.map(({ command }) => command));
  expect(commands.slice(0, 2)).toEqual(['npm ci && npm start', 'npm ci && npm test']);
});

describe('console blocks', { timeout: 240_000 }, () => {
  it.each(BLOCKS)('$page shows what "$first" prints', ({ page, commands }) => {
    const folder = checkout();
    for (const each of commands) {
      const { stdout, stderr, code } = bash(`exec 2>&1; ${local(each.command)}`, folder);
      if (process.env['UPDATE_DOCS'] === '1') {
        writeFileSync(join(ROOT, page), withOutput(text(page), each, stdout));
      } else if (!outputMatches(each.output, stdout)) {
        expect(stdout.trimEnd().split('\n')).toEqual(each.output);
      }
      expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    }
  });
});

describe('the reader of console blocks', () => {
  it('takes "..." for any lines or any text', () => {
    expect(outputMatches(['a', '...', 'd...f'], 'a\nb\nc\ndef\n')).toBe(true);
    expect(outputMatches(['a', '...', 'd'], 'a\nb\n')).toBe(false);
    expect(outputMatches(['a.c'], 'abc\n')).toBe(false);
  });
});
