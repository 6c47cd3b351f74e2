import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commandTree, type CommandNode } from '../src/cli/command-tree.js';
import { wholeProgram } from '../src/cli/program.js';
import { bash, emptyFolder, ipivBench } from './support/cli.js';

const folder = emptyFolder();
writeFileSync(join(folder, 'here.json'), '{}');
for (const shell of ['bash', 'zsh', 'fish']) {
  writeFileSync(join(folder, `completion.${shell}`), ipivBench(['completion', shell], folder).stdout);
}
const program = commandTree(await wholeProgram());

function has(shell: string): boolean {
  return spawnSync(shell, ['-c', 'true']).status === 0;
}

/** Completes the last word of a line as bash does when the tab key is hit. */
function inBash(line: string): string[] {
  const words = line.split(' ').map((word) => `'${word}'`);
  const script = `source completion.bash
    compopt() { :; }
    COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}
    _ipiv_bench
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  return lines(bash(script, folder).stdout);
}

function inFish(line: string): string[] {
  const script = `source completion.fish; complete -C '${line}'`;
  const { stdout } = spawnSync('fish', ['--no-config', '-c', script], { cwd: folder, encoding: 'utf8' });
  return lines(stdout).map((text) => text.replace(/\t.*/, ''));
}

/** Types a line into an interactive zsh on a terminal of its own, hits the tab key, and reads what then stands there. */
function inZsh(line: string): string {
  const script = `
    zmodload zsh/zpty
    zpty shell zsh -f -i
    zpty -w shell 'autoload -U compinit; compinit -D -u; source ./completion.zsh; PS1=; echo re""ady'
    zpty -r shell output '*ready*'
    zpty -w -n shell ${JSON.stringify(line)}$'\\t'
    sleep 1
    zpty -w shell 'END'
    zpty -r shell output '*END*'
    print -r -- "$output"`;
  const { stdout } = spawnSync('zsh', ['-f', '-c', script], { cwd: folder, encoding: 'utf8', timeout: 20_000 });
  return stdout.replaceAll(ESCAPE_SEQUENCE, '').replaceAll(/\p{Cc}/gu, '');
}

const ESCAPE_SEQUENCE = new RegExp(`${String.fromCharCode(0x1b)}\\[[0-9;?]*[A-Za-z]`, 'g');

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

function everyCommand(node: CommandNode): CommandNode[] {
  return [node, ...node.commands.flatMap(everyCommand)];
}

describe.each(['bash', 'zsh', 'fish'])('the script for %s', (shell) => {
  const script = ipivBench(['completion', shell], folder).stdout;

  it('names every command and every option', () => {
    for (const { name, options } of everyCommand(program)) {
      expect(script).toContain(name);
      for (const option of options.flatMap(({ names }) => names)) {
        expect(script).toContain(shell === 'fish' ? option.replace(/^--/, '-l ').replace(/^-(?=\w$)/, '-s ') : option);
      }
    }
  });

  it.skipIf(!has(shell))(`is understood by ${shell}`, () => {
    const { status, stderr } = spawnSync(shell, ['-n', `completion.${shell}`], { cwd: folder, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});

const EXPECTED: readonly (readonly [line: string, words: readonly string[]])[] = [
  ['ipiv-bench comp', ['compare', 'completion']],
  ['ipiv-bench --color ', ['always', 'auto', 'never']],
  ['ipiv-bench run --form', ['--format']],
  ['ipiv-bench run --format t', ['table', 'tap', 'tsv']],
  ['ipiv-bench run --set kvm.ple', ['kvm.pleGap=', 'kvm.pleWindow=']],
  ['ipiv-bench run x2', ['x2apic']],
  ['ipiv-bench baseline ', ['update']],
  ['ipiv-bench baseline update --r', ['--reason']],
  ['ipiv-bench gate her', ['here.json']],
  ['ipiv-bench completion ', ['bash', 'fish', 'zsh']],
];

describe.skipIf(!has('bash'))('bash completes', () => {
  it.each(EXPECTED)('%s', (line, words) => {
    expect(inBash(line).sort()).toEqual(words);
  });
});

describe.skipIf(!has('fish'))('fish completes', () => {
  it.each(EXPECTED)('%s', (line, words) => {
    expect(inFish(line).sort()).toEqual(words);
  });
});

describe.skipIf(!has('zsh'))('zsh completes', () => {
  it.each([
    ['ipiv-bench gat', 'ipiv-bench gate '],
    ['ipiv-bench run --forma', 'ipiv-bench run --format '],
    ['ipiv-bench run --format mark', 'ipiv-bench run --format markdown '],
    ['ipiv-bench run --set kvm.pleG', 'ipiv-bench run --set kvm.pleGap='],
    ['ipiv-bench baseline up', 'ipiv-bench baseline update '],
    ['ipiv-bench gate her', 'ipiv-bench gate here.json '],
  ])('%s', (typed, completed) => {
    expect(inZsh(typed)).toMatch(new RegExp(`${completed.replaceAll('.', '\\.')}+END`));
  });
});
