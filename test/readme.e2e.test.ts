import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bash, emptyFolder, ROOT } from './support/cli.js';
import { consoleBlocks, outputMatches, withOutput } from './support/console-blocks.js';

const README = join(ROOT, 'README.md');
const page = readFileSync(README, 'utf8');
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };

/** A folder with the files that the page refers to, and nothing that a command may spoil. */
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

describe('README', () => {
  it('opens with the two commands', () => {
    expect(
      consoleBlocks(page)
        .flatMap((block) => block.map(({ command }) => command))
        .slice(0, 2),
    ).toEqual(['npm ci && npm start', 'npm ci && npm test']);
  });

  it.each(consoleBlocks(page))('shows what "$command" prints', (...block) => {
    const folder = checkout();
    for (const each of block) {
      const { stdout, stderr, code } = bash(`exec 2>&1; ${local(each.command)}`, folder);
      if (process.env['UPDATE_README'] === '1') {
        writeFileSync(README, withOutput(readFileSync(README, 'utf8'), each, stdout));
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
