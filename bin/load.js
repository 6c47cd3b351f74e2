// Loads the scripts of build/command/: CommonJS modules that node would load as well, but only from their sources.
const { join } = require('node:path');
const { compile } = require('./code-cache.js');

const FOLDER = join(__dirname, '../build/command');

/** By name. */
const modules = new Map();

/** The exports of a script, which runs when it is first asked for. */
function load(/** @type {string} */ name) {
  const known = modules.get(name);
  if (known !== undefined) return known.exports;
  const module = { exports: {} };
  modules.set(name, module);
  const file = join(FOLDER, name);
  compile(file).runInThisContext()(module.exports, requireFromScript, module, file);
  return module.exports;
}

/** Scripts call each other by names that begin with ./ */
function requireFromScript(/** @type {string} */ name) {
  return name.startsWith('./') ? load(name.slice(2)) : require(name);
}

module.exports = { load };
