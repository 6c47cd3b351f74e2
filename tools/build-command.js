// Bundles dist/ and what it depends on to build/command/, the command as it is shipped: loading four hundred modules one by
// one takes node longer than most commands take to run. Names stay as they are, so that stack traces can be read.
import { copyFileSync, cpSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';
import { icedModule } from './iced-module.js';
import { licencesOf } from './licences.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const bundle = `${root}build/command`;
rmSync(bundle, { recursive: true, force: true });

const { output } = await build({
  input: { main: `${root}dist/cli/main.js`, worker: `${root}dist/run/worker.js` },
  platform: 'node',
  external: ['tinypool'],
  // What jsonc-parser calls its main module is none that a bundler understands.
  resolve: { mainFields: ['module', 'main'] },
  plugins: [icedModule],
  output: { dir: bundle, format: 'esm', chunkFileNames: '[name].js', comments: { jsdoc: false } },
});
// What modules find beside themselves.
copyFileSync(`${root}node_modules/iced-x86/iced_x86_bg.wasm`, `${bundle}/iced_x86_bg.wasm`);
cpSync(`${root}src/cost/profiles`, `${bundle}/profiles`, { recursive: true });
writeFileSync(`${bundle}/LICENSES.txt`, licencesOf(output.flatMap(({ moduleIds }) => moduleIds ?? [])));
