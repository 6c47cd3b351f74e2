import { readFileSync } from 'node:fs';
import { Argument } from 'commander';
import { example, type CommandModule } from './command.js';
import { complain, print } from './console.js';
import { EXIT } from './exit-code.js';
import { packageFile } from './package-file.js';

/** `ipiv-bench schema [KIND]` */
export const schemaCommand: CommandModule = {
  define(command, run) {
    command
      .addArgument(
        new Argument('[kind]', 'of which file').choices(['scenario', 'profile', 'result']).default('scenario'),
      )
      .action((kind: string) =>
        run(async () => {
          const problem = await print(readFileSync(packageFile(`schemas/${kind}.schema.json`), 'utf8'));
          return problem === null ? EXIT.DONE : complain([problem]);
        }),
      );
    example(command, 'ipiv-bench schema > scenario.schema.json');
  },
};
