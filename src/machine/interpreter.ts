import { readFileSync } from 'node:fs';

const WASM = new URL('../../build/interpreter.wasm', import.meta.url);

/** Reads and compiles the instruction loop. Throws the file system's error where it was never built. */
export function loadInterpreter(): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(WASM));
}
