// Loads the scripts of build/command/: CommonJS modules that node would load as well, but only from their sources.
const { join } = require('node:path');
const { compile } = require('./code-cache.js');

const FOLDER = join(__dirname, '../build/command');

/** By name; each with its script and the script's file. */
const modules = new Map();

/** The exports of a script, which runs when it is first asked for. */
function load(/** @type {string} */ name) {
  const known = modules.get(name);
  if (known !== undefined) return known.exports;
  const file = join(FOLDER, name);
  const script = compile(file);
  const module = { exports: {}, file, script };
  modules.set(name, module);
  script.runInThisContext()(module.exports, requireFromScript, module, file);
  return module.exports;
}

/** Scripts call each other by names that begin with ./ */
function requireFromScript(/** @type {string} */ name) {
  return name.startsWith('./') ? load(name.slice(2)) : require(name);
}

module.exports = { load, modules };
