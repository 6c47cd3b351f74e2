import type { ArgumentNode, CommandNode, OptionNode } from '../command-tree.js';
import { argumentCandidates, optionCandidates, type Candidates } from './candidates.js';

/** A script for zsh: to be sourced after compinit, or put into a folder of $fpath as `_ipiv-bench`. */
export function zshCompletion(program: CommandNode): string {
  return `#compdef ${program.name}
# zsh completion of ${program.name}

${functions(program, '').join('\n\n')}

if [ "$funcstack[1]" = ${quoted(`_${program.name}`)} ]; then
  ${functionName(program, '')} "$@"
else
  compdef ${functionName(program, '')} ${program.name}
fi
`;
}

function functionName({ name }: CommandNode, parent: string): string {
  return `${parent}_${name.replaceAll('-', '_')}`;
}

/** One function per command; those of inner commands follow. */
function functions(node: CommandNode, parent: string): string[] {
  const name = functionName(node, parent);
  const specs = node.options.flatMap(optionSpecs);
  const body = node.commands.length > 0 ? dispatch(node, name, specs) : leaf(node, specs);
  return [`${name}() {\n${body}\n}`, ...node.commands.flatMap((inner) => functions(inner, name))];
}

function leaf(node: CommandNode, specs: readonly string[]): string {
  return `  _arguments -s -S ${[...specs, ...node.arguments.map(argumentSpec)].map(continued).join('')}`;
}

function dispatch(node: CommandNode, name: string, specs: readonly string[]): string {
  const described = node.commands.map((inner) => quoted(`${inner.name}:${inner.summary.replaceAll(':', '\\:')}`));
  return `  local curcontext=$curcontext state line
  local -a commands=(${described.map(continued).join('')}
  )
  _arguments -C ${[...specs, quoted('1: :->command'), quoted('*:: :->arguments')].map(continued).join('')}
  case $state in
    command) _describe command commands ;;
    arguments)
      case $words[1] in
${node.commands.map((inner) => `        ${inner.name}) ${functionName(inner, name)} ;;`).join('\n')}
      esac ;;
  esac`;
}

function continued(spec: string): string {
  return ` \\\n    ${spec}`;
}

/** `'--format[format on stdout]:format:(table csv)'`, once per name; one name excludes the other. */
function optionSpecs(option: OptionNode): string[] {
  const { names, value, repeatable } = option;
  const description = `[${option.description.replaceAll(/[[\]\\:]/g, '\\$&')}]`;
  const action = value === null ? '' : `:${value.replaceAll(/[[\]:\\]/g, '')}:${actionOf(optionCandidates(option))}`;
  const others = repeatable ? '*' : names.length > 1 ? `(${names.join(' ')})` : '';
  return names.map((name) => quoted(`${others}${name}${description}${action}`));
}

function argumentSpec(argument: ArgumentNode): string {
  return quoted(`${argument.variadic ? '*' : ''}:${argument.name}:${actionOf(argumentCandidates(argument))}`);
}

function actionOf({ words, paths, open }: Candidates): string {
  const list = words.join(' ');
  const files = paths === 'folders' ? '_files -/' : '_files';
  if (paths === 'none') return words.length === 0 ? ' ' : open ? `{compadd -S "" -- ${list}}` : `(${list})`;
  return words.length === 0 ? files : `{compadd -- ${list}; ${files}}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
