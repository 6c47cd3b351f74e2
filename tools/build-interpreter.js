// Compiles src/interpreter (AssemblyScript) to build/interpreter.wasm.
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = fileURLToPath(new URL('..', import.meta.url));
mkdirSync(`${root}build`, { recursive: true });
const { error, stderr } = await asc.main(
  [
    'src/interpreter/index.ts',
    ...['--baseDir', root],
    ...['--outFile', 'build/interpreter.wasm'],
    ...['--runtime', 'stub'],
    ...['--optimizeLevel', '3'],
    ...['--shrinkLevel', '0'],
    '--noAssert',
    '--importMemory',
  ],
  {},
);
if (error) {
  process.stderr.write(`${stderr.toString()}${error.message}\n`);
  process.exitCode = 1;
}
