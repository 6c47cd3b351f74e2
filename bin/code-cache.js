// Compiles scripts, with the code that V8 made of them when the command was built: to parse and compile them anew takes
// longer than most commands take to run. Code for another node, damaged code and that of another source is left aside;
// the command is then slower to start and nothing else.
const { mkdirSync, readFileSync, writeFileSync } = require('node:fs');
const { basename, dirname, join } = require('node:path');
const { pathToFileURL } = require('node:url');
const { Script } = require('node:vm');
const { crc32 } = require('node:zlib');

/** In front of the code: V8 itself would execute damaged code, and code of any source as long as this one. */
const CHECKSUM_BYTES = 8;

/** Compiles a CommonJS module of ASCII characters: the script returns a function of what such modules are given. */
function compile(/** @type {string} */ file) {
  const source = readFileSync(file);
  return wrapped(file, source, savedCode(file, source));
}

/** Saves the code that a script from `compile` has by now beside it: that of functions that were called. */
function saveCode(/** @type {string} */ file, /** @type {Script} */ script) {
  const code = script.createCachedData();
  mkdirSync(dirname(codeFile(file)), { recursive: true });
  writeFileSync(codeFile(file), Buffer.concat([checksum(readFileSync(file), code), code]));
}

/** Compiles a whole script: functions that are called, and those that are not. */
function compileAll(/** @type {string} */ file) {
  const v8 = require('node:v8');
  v8.setFlagsFromString('--no-lazy');
  const script = wrapped(file, readFileSync(file), undefined);
  v8.setFlagsFromString('--lazy');
  return script;
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
  const code = saved.subarray(CHECKSUM_BYTES);
  return checksum(source, code).equals(saved.subarray(0, CHECKSUM_BYTES)) ? code : undefined;
}

/**
 * Where the code of a script is kept. V8 takes code only from its own version. That it is for another kind of processor, it
 * would not notice.
 */
function codeFile(/** @type {string} */ file) {
  return join(dirname(file), `code-${process.version}-${process.arch}`, basename(file));
}

/** node takes longer to load its cryptography than to do all of this. */
function checksum(/** @type {Buffer} */ source, /** @type {Buffer} */ code) {
  const checksums = Buffer.alloc(CHECKSUM_BYTES);
  checksums.writeUInt32LE(crc32(source));
  checksums.writeUInt32LE(crc32(code), 4);
  return checksums;
}

module.exports = { codeFile, compile, compileAll, saveCode };
