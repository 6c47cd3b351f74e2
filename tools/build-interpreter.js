// Compiles src/interpreter (AssemblyScript) to build/interpreter.wasm, unless the sources are those of the last build.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const wasm = `${root}build/interpreter.wasm`;
const stamp = `${root}build/interpreter.stamp`;

const digest = sourcesDigest();
const isBuilt = existsSync(wasm) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest;
if (!isBuilt) await build();

/** The interpreter, the constants that it shares with the host, this file, and the compilers' versions. */
function sourcesDigest() {
  const packages = ['assemblyscript', 'binaryen'];
  const own = readdirSync(`${root}src/interpreter`).map((name) => `src/interpreter/${name}`);
  const shared = [
    'cost/step-numbers',
    'hardware/apic/registers',
    'hardware/cpu/activity',
    'hardware/cpu/control-register-bits',
    'hardware/cpu/exception-vector',
    'hardware/cpu/layout',
    'hardware/cpu/opcodes',
    'hardware/cpu/record',
    'hardware/cpu/rflags',
    'hardware/vmx/exit-reason',
    'hardware/vmx/vmcs-layout',
  ];
  const tools = ['tools/build-interpreter.js', ...packages.map((name) => `node_modules/${name}/package.json`)];
  const hash = createHash('sha256');
  for (const file of [...own.sort(), ...shared.map((name) => `src/${name}.ts`), ...tools])
    hash.update(file).update(readFileSync(root + file));
  return hash.digest('hex');
}

async function build() {
  const { default: asc } = await import('assemblyscript/asc');
  mkdirSync(`${root}build`, { recursive: true });
  let compiled = new Uint8Array();
  const { error, stderr } = await asc.main(
    [
      'src/interpreter/index.ts',
      ...['--baseDir', root],
      ...['--outFile', 'interpreter.wasm'],
      ...['--runtime', 'stub'],
      ...['--optimizeLevel', '3'],
      ...['--shrinkLevel', '0'],
      '--noAssert',
      '--importMemory',
      '--exportTable',
    ],
    { writeFile: (_name, contents) => void (compiled = contents) },
  );
  if (error) {
    process.stderr.write(`${stderr.toString()}${error.message}\n`);
    process.exitCode = 1;
  } else {
    writeFileSync(wasm, await inline(compiled));
    writeFileSync(stamp, digest);
  }
}

/**
 * Inlines further than the compiler does, which has no options for it. V8 inlines no function of a module into another, and
 * an IPI passes through so many small ones that this is worth a fifteenth of its time. The second round inlines what the
 * first has made.
 */
async function inline(compiled) {
  const { default: binaryen } = await import('binaryen');
  const module = binaryen.readBinary(compiled);
  module.setFeatures(binaryen.Features.All);
  binaryen.setOptimizeLevel(3);
  binaryen.setShrinkLevel(0);
  binaryen.setAlwaysInlineMaxSize(60);
  binaryen.setFlexibleInlineMaxSize(500);
  binaryen.setAllowInliningFunctionsWithLoops(true);
  module.optimize();
  module.optimize();
  return module.emitBinary();
}
