import type { Argument, Command, Option } from 'commander';

/** A command as data: what completion scripts and the manual page are made from. */
export interface CommandNode {
  readonly name: string;
  readonly summary: string;
  /** `run [options] <scenario...>`, without the names of the commands around it. */
  readonly usage: string;
  readonly arguments: readonly ArgumentNode[];
  readonly options: readonly OptionNode[];
  readonly commands: readonly CommandNode[];
  /** What its help says behind the options: rules, exit codes, an example. */
  readonly remarks: string;
}

export interface ArgumentNode {
  readonly name: string;
  readonly description: string;
  readonly choices: readonly string[];
  readonly variadic: boolean;
}

export interface OptionNode {
  /** `-o, --output <[format=]file>` */
  readonly flags: string;
  /** `-o`, `--output` */
  readonly names: readonly string[];
  readonly description: string;
  /** What its value is, as in `file`; null for a switch. */
  readonly value: string | null;
  readonly choices: readonly string[];
  readonly repeatable: boolean;
  /** Heading under which its help stands. */
  readonly group: string;
}

/** A command with everything that it and its inner commands take, as far as they are defined. */
export function commandTree(command: Command): CommandNode {
  return {
    name: command.name(),
    summary: command.description(),
    usage: `${command.name()} ${command.usage()}`,
    arguments: command.registeredArguments.map(argumentNode),
    options: command.createHelp().visibleOptions(command).map(optionNode),
    commands: command.commands.map(commandTree),
    remarks: remarksOf(command),
  };
}

function argumentNode(argument: Argument): ArgumentNode {
  const { description, argChoices = [], variadic } = argument;
  return { name: argument.name(), description, choices: argChoices, variadic };
}

function optionNode(option: Option): OptionNode {
  const { flags, short, long, description, argChoices = [], helpGroupHeading = 'Options:' } = option;
  const defaultValue: unknown = option.defaultValue;
  const preset = typeof defaultValue === 'string' && defaultValue !== '' ? ` (default: ${defaultValue})` : '';
  return {
    flags,
    names: [short, long].filter((name) => name !== undefined),
    description: `${description}${preset}`,
    value: /<(.+)>$/.exec(flags)?.[1] ?? null,
    choices: argChoices,
    repeatable: /\brepeatable\b/.test(description),
    group: helpGroupHeading,
  };
}

/** Texts behind the help are printed, not kept: printing is caught. */
function remarksOf(command: Command): string {
  const printed: string[] = [];
  command.configureOutput({ writeOut: (text) => void printed.push(text) });
  command.outputHelp();
  return printed.join('').slice(command.helpInformation().length).trim();
}
