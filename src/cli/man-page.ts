import type { ArgumentNode, CommandNode, OptionNode } from './command-tree.js';
import { EXIT, EXIT_MEANINGS } from './exit-code.js';

/** The manual page of the whole command, in the man macros of roff. */
export function manPage(program: CommandNode, version: string): string {
  const { name, summary } = program;
  const lines = [
    `.TH ${name.toUpperCase().replaceAll('-', '\\-')} 1 "" ${argument(`${name} ${version}`)} "User Commands"`,
    ...section('NAME', [`${text(name)} \\- ${text(summary.replace(/\.$/, ''))}`]),
    ...section('SYNOPSIS', synopsis(program)),
    ...section('DESCRIPTION', DESCRIPTION.map(text)),
    ...section('OPTIONS', program.options.flatMap(optionLines)),
    ...section(
      'COMMANDS',
      program.commands.flatMap((command) => commandLines(command, [])),
    ),
    ...section('EXIT STATUS', exitLines()),
    ...section(
      'ENVIRONMENT',
      ENVIRONMENT.flatMap(([variable, meaning]) => item(bold(variable), meaning)),
    ),
    ...section(
      'FILES',
      FILES.flatMap(([file, meaning]) => item(bold(file), meaning)),
    ),
  ];
  return `${lines.join('\n')}\n`;
}

const DESCRIPTION = [
  'Runs inter-processor-interrupt (IPI) benchmarks on an emulated Intel machine with VT-x, APICv and IPI virtualization, ' +
    'under a model of KVM, and accounts for every cycle. The same scenario, seed and version give the same bytes on any ' +
    'machine. Requested data go to standard output; progress, warnings and errors go to standard error.',
];

const ENVIRONMENT = [
  ['NO_COLOR', 'not empty: no colour, unless --color says otherwise'],
  ['FORCE_COLOR', 'colour also where no terminal reads it'],
  ['CI', 'not empty: no progress line'],
  ['DEBUG', 'not empty: a stack trace with a bug report'],
  ['GITHUB_STEP_SUMMARY', 'file that gate --github adds its table to'],
] as const;

const FILES = [
  ['results/', 'saved results, one file per run of a scenario'],
  ['scenarios/*.json', 'scenarios that come with the package; they can be given by name'],
] as const;

function synopsis({ name, commands }: CommandNode): string[] {
  return commands.flatMap((command) =>
    command.commands.length > 0
      ? command.commands.map((inner) => `${bold(`${name} ${command.name}`)} ${text(inner.usage)}\n.br`)
      : [`${bold(name)} ${text(command.usage)}\n.br`],
  );
}

function commandLines(command: CommandNode, path: readonly string[]): string[] {
  const { summary, options, commands, remarks } = command;
  const names = [...path, command.usage].join(' ');
  if (commands.length > 0) return commands.flatMap((inner) => commandLines(inner, [...path, command.name]));
  const own = options.filter(({ names: [first] }) => first !== '-h');
  const groups = [...new Set(own.map(({ group }) => group))];
  return [
    `.SS ${argument(names)}`,
    `${text(capital(summary))}.`,
    ...command.arguments.flatMap(argumentLines),
    ...groups.flatMap((group) => [
      ...(group === 'Options:' ? [] : ['.PP', text(group)]),
      ...own.filter((option) => option.group === group).flatMap(optionLines),
    ]),
    ...(remarks === '' ? [] : ['.PP', '.nf', ...remarks.split('\n').map(text), '.fi']),
  ];
}

function argumentLines({ name, description, choices }: ArgumentNode): string[] {
  return item(`\\fI${text(name)}\\fR`, withChoices(description, choices));
}

function optionLines({ flags, description, choices }: OptionNode): string[] {
  return item(bold(flags), withChoices(description, choices));
}

function withChoices(description: string, choices: readonly string[]): string {
  return choices.length === 0 ? description : `${description}; one of ${choices.join(', ')}`;
}

function exitLines(): string[] {
  return (Object.keys(EXIT) as (keyof typeof EXIT)[]).flatMap((key) =>
    item(bold(String(EXIT[key])), EXIT_MEANINGS[key]),
  );
}

function section(title: string, lines: readonly string[]): string[] {
  return [`.SH ${argument(title)}`, ...lines];
}

function item(tag: string, meaning: string): string[] {
  return ['.TP', tag, text(meaning)];
}

function bold(words: string): string {
  return `\\fB${text(words)}\\fR`;
}

/** Plain text: no character of it is a request or an escape, and hyphens can be copied as such. */
function text(words: string): string {
  return words
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/^(?=[.'])/gm, '\\&');
}

/** An argument of a request. */
function argument(words: string): string {
  return `"${text(words).replaceAll('"', '\\(dq')}"`;
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
