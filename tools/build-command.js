// Bundles dist/ and what it depends on to build/command/, the command as it is shipped: loading four hundred modules one by
// one takes node longer than most commands take to run. Names stay as they are, so that stack traces can be read. Beside
// the scripts lies what V8 makes of them (bin/code-cache.js), and bin/load.js loads them: of those that simulate, code of the
// functions that a run calls, of the others code of all.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';
import { codeFile, compileAll, saveCode } from '../bin/code-cache.js';
import { bootGuest } from '../dist/guest/test-support/boot-guest.js';
import { icedModule, icedWasm } from './iced-module.js';
import { withTables } from './iced-tables.js';
import { licencesOf } from './licences.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const bundle = `${root}build/command`;
rmSync(bundle, { recursive: true, force: true });
mkdirSync(bundle, { recursive: true });

const { output } = await build({
  input: { main: `${root}dist/cli/main.js`, 'worker-thread': `${root}dist/run/worker.js` },
  platform: 'node',
  // What jsonc-parser calls its main module is none that a bundler understands.
  resolve: { mainFields: ['module', 'main'] },
  plugins: [icedModule(wordsOf(`${root}dist`)), lazyChildProcess()],
  write: false,
  output: { format: 'cjs', chunkFileNames: '[name].js', comments: { jsdoc: false } },
});
for (const { fileName, code } of output) writeFileSync(`${bundle}/${fileName}`, inAscii(code));
// What modules find beside themselves.
writeFileSync(`${bundle}/package.json`, '{ "type": "commonjs" }\n');
writeFileSync(`${bundle}/worker.js`, "require('../../bin/load.js').load('worker-thread.js');\n");
const iced = readFileSync(`${root}node_modules/iced-x86/iced_x86_bg.wasm`);
const icedUsed = icedWasm(iced, output.map(({ code }) => code).join('\n'));
writeFileSync(`${bundle}/iced_x86_bg.wasm`, withTables(icedUsed));
cpSync(`${root}src/cost/profiles`, `${bundle}/profiles`, { recursive: true });
writeFileSync(`${bundle}/LICENSES.txt`, licencesOf(output.flatMap(({ moduleIds }) => moduleIds ?? [])));

runAndSaveCode('run', 'scenarios/ipiv-v1.json', '--runs', '1', '--no-save');
const guest = `${bundle}/boot-guest.elf`;
writeFileSync(guest, bootGuest());
runAndSaveCode('boot', guest);
rmSync(guest);
const scripts = output.map(({ fileName }) => `${bundle}/${fileName}`);
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

/** Every word in the scripts of a folder. */
function wordsOf(/** @type {string} */ folder) {
  const scripts = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.js'));
  return new Set(scripts.flatMap((name) => readFileSync(`${folder}/${name}`, 'utf8').match(/\w+/g) ?? []));
}

/**
 * V8 keeps a source of one-byte characters in half of the space, and node need not look for others. They stand in strings and
 * regular expressions.
 */
function inAscii(/** @type {string} */ code) {
  return code.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
