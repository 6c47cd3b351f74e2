// Runs the command with the arguments given, and saves what V8 has by then made of the scripts that it has loaded: code of the
// functions that were called, now or when their code was saved last. That loads faster than the code of all functions.
import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';

const require = createRequire(import.meta.url);
const { saveCode } = require('../bin/code-cache.js');
const { load, modules } = require('../bin/load.js');

// Code is saved with the flags that it was compiled with, and loaded only where they are the same.
setFlagsFromString('--no-flush-bytecode');
process.on('exit', () => {
  setFlagsFromString('--flush-bytecode');
  for (const { file, script } of modules.values()) saveCode(file, script);
});
load('main.js');
