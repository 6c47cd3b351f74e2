import type { CommandNode, OptionNode } from '../command-tree.js';
import { argumentCandidates, optionCandidates, type Candidates } from './candidates.js';

/** A script for fish: to be sourced, or put into ~/.config/fish/completions. */
export function fishCompletion(program: CommandNode): string {
  const lines = completions(program.name, program, [], program.commands);
  return `# fish completion of ${program.name}\ncomplete -c ${program.name} -f\n${lines.join('\n')}\n`;
}

function completions(
  program: string,
  node: CommandNode,
  path: readonly string[],
  siblings: readonly CommandNode[],
): string[] {
  const here = `complete -c ${program} -n ${quoted(condition(path, node.commands, siblings))}`;
  return [
    ...node.options.map((option) => `${here} ${optionText(option)}`),
    ...node.commands.map(({ name, summary }) => `${here} -a ${name} -d ${quoted(summary)}`),
    ...node.arguments.flatMap((argument) => {
      const texts = candidateTexts(argumentCandidates(argument));
      return texts.length === 0 ? [] : [`${here} ${texts.join(' ')}`];
    }),
    ...node.commands.flatMap((inner) => completions(program, inner, [...path, inner.name], node.commands)),
  ];
}

/** Holds where the names of `path` have been typed, and none of the commands that could follow. */
function condition(
  path: readonly string[],
  commands: readonly CommandNode[],
  siblings: readonly CommandNode[],
): string {
  if (path.length === 0) return `not __fish_seen_subcommand_from ${siblings.map(({ name }) => name).join(' ')}`;
  const seen = path.map((name) => `__fish_seen_subcommand_from ${name}`);
  const inner = commands.map(({ name }) => name).join(' ');
  return [...seen, ...(inner === '' ? [] : [`not __fish_seen_subcommand_from ${inner}`])].join('; and ');
}

function optionText(option: OptionNode): string {
  const names = option.names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const values = option.value === null ? '' : ` ${valueText(optionCandidates(option))}`;
  return `${names.join(' ')}${values} -d ${quoted(option.description)}`;
}

function valueText(candidates: Candidates): string {
  return [candidates.paths === 'files' ? '-r' : '-x', ...candidateTexts(candidates)].join(' ');
}

/** Files are off by default; arguments that are paths turn them on. */
function candidateTexts({ words, paths }: Candidates): string[] {
  return [
    ...(paths === 'files' ? ['-F'] : []),
    ...(paths === 'folders' ? ["-a '(__fish_complete_directories)'"] : []),
    ...(words.length === 0 ? [] : [`-a ${quoted(words.join(' '))}`]),
  ];
}

function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
}
