import { Argument, type Command } from 'commander';
import { example, type CommandModule } from './command.js';
import { commandTree, type CommandNode } from './command-tree.js';
import { bashCompletion } from './completion/bash.js';
import { fishCompletion } from './completion/fish.js';
import { zshCompletion } from './completion/zsh.js';
import { complain, print } from './console.js';
import { EXIT, type ExitCode } from './exit-code.js';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const satisfies Record<
  string,
  (program: CommandNode) => string
>;

type Shell = keyof typeof SHELLS;

/** `ipiv-bench completion SHELL` */
export const completionCommand: CommandModule = {
  define(command, run) {
    command
      .addArgument(new Argument('<shell>', 'shell that the script is for').choices(Object.keys(SHELLS)))
      .addHelpText('after', HELP)
      .action((shell: Shell) => run(() => execute(shell, command.parent ?? command)));
    example(command, 'ipiv-bench completion bash > ~/.local/share/bash-completion/completions/ipiv-bench');
  },
};

const HELP = `
The script is made from the commands of this version. To try it out:
  bash   source <(ipiv-bench completion bash)
  zsh    source <(ipiv-bench completion zsh)     after compinit
  fish   ipiv-bench completion fish | source`;

async function execute(shell: Shell, program: Command): Promise<ExitCode> {
  const problem = await print(SHELLS[shell](commandTree(program)));
  return problem === null ? EXIT.DONE : complain([problem]);
}
