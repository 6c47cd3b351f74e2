// A plugin of rolldown that makes iced-x86 an ES module. The package is one CommonJS module of 900 KB, mostly names that
// nobody here asks for: node would search all of it for exports, compile it, and make objects of it.

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
  [/^module\.exports\.(\w+) = (?=Object\.freeze\()/gm, 'export const $1 = /* @__PURE__ */ '],
  [/^module\.exports\.(\w+) = function/gm, 'export function $1'],
];

/** Outside comments. */
const UNTRANSLATED = /^(?! *\*).*\b(?:module\.exports|require\(|__dirname).*$/m;

export const icedModule = {
  name: 'iced-module',
  transform: {
    filter: { id: /\/iced_x86\.js$/ },
    handler(/** @type {string} */ source) {
      const code = TRANSLATIONS.reduce((text, [from, to]) => text.replace(from, to), source);
      const left = UNTRANSLATED.exec(code);
      if (left !== null) throw new Error(`iced-x86 is not as expected: ${left[0]}`);
      return { code };
    },
  },
};
