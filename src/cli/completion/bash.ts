import type { CommandNode } from '../command-tree.js';
import { argumentCandidates, optionCandidates, type Candidates } from './candidates.js';

/** A script for bash 4.4 or later: to be sourced, or put into bash-completion's folder. */
export function bashCompletion(program: CommandNode): string {
  const all = nested(program, []);
  const commands = all.flatMap(({ path }) => (path.length === 0 ? [] : [quoted(path.join(' '))]));
  return `# bash completion of ${program.name}

_${id(program)}_words() { mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$1" -- "$cur"); }
_${id(program)}_open() { compopt -o nospace; _${id(program)}_words "$1"; }
_${id(program)}_paths() { compopt -o filenames; mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen "$1" -- "$cur"); }

_${id(program)}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} command='' word
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${command:+$command }$word" in
      ${commands.join(' | ')}) command="\${command:+$command }$word" ;;
    esac
  done
  case "$command $previous" in
${all.flatMap(({ node, path }) => optionValues(program, node, path)).join('\n')}
  esac
  case "$cur $command" in
${all.map(({ node, path }) => `    -*${quoted(` ${path.join(' ')}`)}) _${id(program)}_words ${quoted(optionNames(node))} ;;`).join('\n')}
${all.map(({ node, path }) => `    *${quoted(` ${path.join(' ')}`)}) ${argumentActions(program, node)} ;;`).join('\n')}
  esac
}

complete -F _${id(program)} ${program.name}
`;
}

interface Nested {
  readonly node: CommandNode;
  /** Names from the first command below the program to this one. */
  readonly path: readonly string[];
}

function nested(node: CommandNode, path: readonly string[]): Nested[] {
  return [{ node, path }, ...node.commands.flatMap((inner) => nested(inner, [...path, inner.name]))];
}

/** Lines of the case that completes the value of an option and is done. */
function optionValues(program: CommandNode, node: CommandNode, path: readonly string[]): string[] {
  return node.options.flatMap((option) => {
    if (option.value === null) return [];
    const patterns = option.names.map((name) => quoted(`${path.join(' ')} ${name}`));
    const actions = actionsFor(program, optionCandidates(option));
    return [`    ${patterns.join(' | ')}) ${actions === '' ? '' : `${actions}; `}return ;;`];
  });
}

function argumentActions(program: CommandNode, node: CommandNode): string {
  if (node.commands.length > 0) {
    return `_${id(program)}_words ${quoted(node.commands.map(({ name }) => name).join(' '))}`;
  }
  const actions = node.arguments.map((argument) => actionsFor(program, argumentCandidates(argument)));
  return [...new Set(actions)].filter((action) => action !== '').join('; ') || ':';
}

function actionsFor(program: CommandNode, { words, paths, open }: Candidates): string {
  const complete = `_${id(program)}_${open ? 'open' : 'words'}`;
  return [
    ...(words.length === 0 ? [] : [`${complete} ${quoted(words.join(' '))}`]),
    ...(paths === 'none' ? [] : [`_${id(program)}_paths ${paths === 'files' ? '-f' : '-d'}`]),
  ].join('; ');
}

function optionNames({ options }: CommandNode): string {
  return options.flatMap(({ names }) => names).join(' ');
}

function id({ name }: CommandNode): string {
  return name.replaceAll('-', '_');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
