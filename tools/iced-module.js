// A plugin of rolldown that makes iced-x86 an ES module of what is used of it. The package is one CommonJS module of 900 KB,
// mostly names that nobody here asks for, and a WebAssembly module with 1600 exports: V8 would make objects of them all.
import { readFileSync } from 'node:fs';
import binaryen from 'binaryen';

const PACKAGE = new URL('../node_modules/iced-x86/iced_x86.js', import.meta.url);

/** Encodings by name: whoever uses them loads them, for they are many. */
const CODE = /^module\.exports\.Code = (Object\.freeze\(.*\);)$/m;
const CODE_MODULE = 'iced-x86-code';

/** Each way in which the module speaks of itself or of another one, and the same as an ES module does it. */
const TRANSLATIONS = [
  [
    /^let imports = \{\};\nimports\['__wbindgen_placeholder__'\] = module\.exports;$/m,
    'const hooks = {};\nconst imports = { __wbindgen_placeholder__: hooks };',
  ],
  [/^const \{ TextDecoder, TextEncoder \} = require\(`util`\);$/m, ''],
  [
    /^const path = require\('path'\)\.join\(__dirname, '(.*)'\);\nconst bytes = require\('fs'\)\.readFileSync\(path\);$/m,
    "import { readFileSync } from 'node:fs';\nconst bytes = readFileSync(new URL('./$1', import.meta.url));",
  ],
  [/^module\.exports\.__wasm = wasm;$/m, ''],
  [/^module\.exports\.(__w\w+) = /gm, 'hooks.$1 = '],
  [/^module\.exports\.(\w+) = \1;$/gm, 'export { $1 };'],
  [CODE, `export { Code } from '${CODE_MODULE}';`],
  [/^module\.exports\.(\w+) = (?=Object\.freeze\()/gm, 'export const $1 = /* @__PURE__ */ '],
  [/^module\.exports\.(\w+) = function/gm, 'export function $1'],
];

/** Outside comments. */
const UNTRANSLATED = /^(?! *\*).*\b(?:module\.exports|require\(|__dirname).*$/m;

/** A method of a class, behind its documentation. */
const METHOD = /^ {4}(?:static |get |set )?(\w+)\(.*\) \{\n(?:(?! {4}\}).*\n)* {4}\}\n/gm;

/** Mnemonics are named by their numbers, encodings are numbered by their names. */
const NAMES = /^export const Mnemonic = .*$/m;

/** `said`: every word of the sources that use the module. A method whose name is none of them is nobody's. */
export function icedModule(/** @type {ReadonlySet<string>} */ said) {
  return {
    name: 'iced-module',
    resolveId: {
      filter: { id: new RegExp(`^${CODE_MODULE}$`) },
      handler: (/** @type {string} */ id) => id,
    },
    load: {
      filter: { id: new RegExp(`^${CODE_MODULE}$`) },
      handler: () => codeModule(readFileSync(PACKAGE, 'utf8')),
    },
    transform: {
      filter: { id: /\/iced_x86\.js$/ },
      handler(/** @type {string} */ source) {
        const code = TRANSLATIONS.reduce((text, [from, to]) => text.replace(from, to), source);
        const left = UNTRANSLATED.exec(code);
        if (left !== null) throw new Error(`iced-x86 is not as expected: ${left[0]}`);
        return { code: withoutUnsaid(code, said).replace(NAMES, names) };
      },
    },
  };
}

function withoutUnsaid(/** @type {string} */ code, /** @type {ReadonlySet<string>} */ said) {
  return code.replace(METHOD, (method, name) => (/^(?:__|constructor$)/.test(name) || said.has(name) ? method : ''));
}

function names(/** @type {string} */ enumeration) {
  const all = [...enumeration.matchAll(/"(\d+)":"(\w+)"/g)].map(([, , name]) => name);
  return `export const Mnemonic = /* @__PURE__ */ '${all.join(' ')}'.split(' ');`;
}

function codeModule(/** @type {string} */ source) {
  const [, enumeration] = CODE.exec(source);
  return `export const Code = /* @__PURE__ */ ${enumeration.replace(/"\d+":"\w+",/g, '')}`;
}

/** The WebAssembly module with those exports alone that `code` calls, and what they need. */
export function icedWasm(/** @type {Uint8Array} */ wasm, /** @type {string} */ code) {
  const called = new Set([...code.matchAll(/\bwasm\.(\w+)/g)].map(([, name]) => name));
  const module = binaryen.readBinary(wasm);
  const all = Array.from({ length: module.getNumExports() }, (_, at) =>
    binaryen.getExportInfo(module.getExportByIndex(at)),
  );
  for (const { name } of all) if (!called.has(name)) module.removeExport(name);
  module.runPasses(['remove-unused-module-elements']);
  return module.emitBinary();
}
