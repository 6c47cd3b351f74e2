import { scenarioJsonSchema } from '../scenario/schema.js';
import { example, type CommandModule } from './command.js';
import { complain, print } from './console.js';
import { EXIT } from './exit-code.js';

/** `ipiv-bench schema` */
export const schemaCommand: CommandModule = {
  define(command, run) {
    command.action(() =>
      run(async () => {
        const problem = await print(`${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`);
        return problem === null ? EXIT.DONE : complain([problem]);
      }),
    );
    example(command, 'ipiv-bench schema > scenario.schema.json');
  },
};
