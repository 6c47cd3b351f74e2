// Bundles modules of dist/ with what they depend on: loading four hundred modules one by one takes node longer than most
// commands take to run. Names stay as they are, so that stack traces can be read.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';
import { icedModule, icedWasm } from './iced-module.js';
import { withTables } from './iced-tables.js';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Bundles `input`, modules by the names of their bundles, as CommonJS scripts in a directory that begins empty. */
export async function bundle(
  /** @type {Record<string, string>} */ input,
  /** @type {string} */ directory,
  /** @type {import('rolldown').Plugin[]} */ plugins = [],
) {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const { output } = await build({
    input,
    platform: 'node',
    // What jsonc-parser calls its main module is none that a bundler understands.
    resolve: { mainFields: ['module', 'main'] },
    plugins: [icedModule(wordsOf(`${root}dist`)), ...plugins],
    write: false,
    output: { format: 'cjs', chunkFileNames: '[name].js', comments: { jsdoc: false } },
  });
  for (const { fileName, code } of output)
    writeFileSync(`${directory}/${fileName}`, inAscii(withPlainNamespaces(code)));
  // What modules find beside themselves.
  writeFileSync(`${directory}/package.json`, '{ "type": "commonjs" }\n');
  const iced = readFileSync(`${root}node_modules/iced-x86/iced_x86_bg.wasm`);
  const icedUsed = icedWasm(iced, output.map(({ code }) => code).join('\n'));
  writeFileSync(`${directory}/iced_x86_bg.wasm`, withTables(icedUsed));
  cpSync(`${root}src/cost/profiles`, `${directory}/profiles`, { recursive: true });
  return output;
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

/** Namespaces as objects of values and getters: rolldown makes them of as many functions, and all have to be compiled. */
function withPlainNamespaces(/** @type {string} */ code) {
  return code.replace(/[\w.]*__exportAll\((\{[^{}]*\})\)/g, (_, members) =>
    members.replace(/(\w+): \(\) => (\d+)\b/g, '$1: $2').replace(/(\w+): \(\) => (\w+)/g, 'get $1() { return $2; }'),
  );
}
