// Compiles scripts, with the code that V8 made of them when the command was built: to parse and compile them anew takes
// longer than most commands take to run. Code for another node, damaged code and that of another source is left aside;
// the command is then slower to start and nothing else.
const { createHash } = require('node:crypto');
const { mkdirSync, readFileSync, writeFileSync } = require('node:fs');
const { basename, dirname, join } = require('node:path');
const { pathToFileURL } = require('node:url');
const v8 = require('node:v8');
const { Script } = require('node:vm');

/** In front of the code: V8 itself would execute damaged code, and code of any source as long as this one. */
const DIGEST_BYTES = 32;

/** Compiles a CommonJS module of ASCII characters: the script returns a function of what such modules are given. */
function compile(/** @type {string} */ file) {
  const source = readFileSync(file);
  return wrapped(file, source, savedCode(file, source));
}

/** Saves the code of a whole module beside it: of functions that are called, and of those that are not. */
function saveCode(/** @type {string} */ file) {
  const source = readFileSync(file);
  v8.setFlagsFromString('--no-lazy');
  const script = wrapped(file, source, undefined);
  v8.setFlagsFromString('--lazy');
  const code = script.createCachedData();
  mkdirSync(dirname(codeFile(file)), { recursive: true });
  writeFileSync(codeFile(file), Buffer.concat([digest(source, code), code]));
}

/** Without import(): the callback that it needs does not outlast the saving of code. */
function wrapped(
  /** @type {string} */ file,
  /** @type {Buffer} */ source,
  /** @type {Buffer | undefined} */ cachedData,
) {
  const text = `(function (exports, require, module, __filename) {${source.latin1Slice()}\n})`;
  return new Script(text, { filename: pathToFileURL(file).href, cachedData });
}

function savedCode(/** @type {string} */ file, /** @type {Buffer} */ source) {
  let saved;
  try {
    saved = readFileSync(codeFile(file));
  } catch {
    return undefined;
  }
  const code = saved.subarray(DIGEST_BYTES);
  return digest(source, code).equals(saved.subarray(0, DIGEST_BYTES)) ? code : undefined;
}

/** V8 takes code only from its own version. That it is for another kind of processor, it would not notice. */
function codeFile(/** @type {string} */ file) {
  return join(dirname(file), `code-${process.version}-${process.arch}`, basename(file));
}

function digest(/** @type {Buffer} */ source, /** @type {Buffer} */ code) {
  return createHash('sha256').update(source).update(code).digest();
}

module.exports = { compile, saveCode };
