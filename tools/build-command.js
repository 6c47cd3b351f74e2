// Bundles the command as it is shipped, to build/command/. Beside the scripts lies what V8 makes of them (bin/code-cache.js),
// and bin/load.js loads them: of those that simulate, code of the functions that a run calls, of the others code of all.
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { codeFile, compileAll, saveCode } from '../bin/code-cache.js';
import { bootGuest } from '../dist/guest/test-support/boot-guest.js';
import { bundle } from './bundle.js';
import { licencesOf } from './licences.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const directory = `${root}build/command`;
const input = { main: `${root}dist/cli/main.js`, 'worker-thread': `${root}dist/run/worker.js` };
const output = await bundle(input, directory, [lazyChildProcess()]);
// What modules find beside themselves.
writeFileSync(`${directory}/worker.js`, "require('../../bin/load.js').load('worker-thread.js');\n");
writeFileSync(`${directory}/LICENSES.txt`, licencesOf(output.flatMap(({ moduleIds }) => moduleIds ?? [])));

runAndSaveCode('run', 'scenarios/ipiv-v1.json', '--runs', '1', '--no-save');
const guest = `${directory}/boot-guest.elf`;
writeFileSync(guest, bootGuest());
runAndSaveCode('boot', guest);
rmSync(guest);
const scripts = output.map(({ fileName }) => `${directory}/${fileName}`);
for (const script of scripts.filter((file) => !existsSync(codeFile(file)))) saveCode(script, compileAll(script));

/** Saves the code of what the command loads for these arguments. */
function runAndSaveCode(/** @type {string[]} */ ...args) {
  execFileSync(process.execPath, [`${root}tools/run-and-save-code.js`, ...args], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** commander needs it for commands that are programs of their own; here there are none, and it takes a while to load. */
function lazyChildProcess() {
  const required = "const childProcess = require('node:child_process');";
  return {
    name: 'lazy-child-process',
    transform: {
      filter: { id: /\/commander\/lib\/command\.js$/ },
      handler(/** @type {string} */ source) {
        if (!source.includes(required)) throw new Error('commander is not as expected: child_process');
        const code = source.replace(required, '').replaceAll('childProcess.', "require('node:child_process').");
        return { code };
      },
    },
  };
}
