import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { commandTree } from '../src/cli/command-tree.js';
import { manPage } from '../src/cli/man-page.js';
import { toolVersion } from '../src/cli/package-file.js';
import { wholeProgram } from '../src/cli/program.js';

const FILE = 'man/ipiv-bench.1';
const page = readFileSync(FILE, 'utf8');
const hasGroff = spawnSync('groff', ['--version']).status === 0;

describe('the manual page', () => {
  it('is what the code says (else: npm run build)', async () => {
    expect(page.split('\n')).toEqual(manPage(commandTree(await wholeProgram()), toolVersion()).split('\n'));
  });

  it('is named in package.json and packed', () => {
    const { man, files } = JSON.parse(readFileSync('package.json', 'utf8')) as { man: string[]; files: string[] };
    expect(man).toEqual([`./${FILE}`]);
    expect(files).toContain(FILE);
  });

  it.skipIf(!hasGroff)('is formatted by groff without a warning', () => {
    const { stdout, stderr } = spawnSync('groff', ['-man', '-Tascii', '-ww', '-P-c', FILE], { encoding: 'utf8' });
    expect(stderr).toBe('');
    const plain = stdout.replaceAll(/.\u0008/g, '');
    expect(plain).toContain('ipiv-bench gate [options] <baseline> <current>');
    expect(plain).toContain('--max-increase <share>');
  });
});
