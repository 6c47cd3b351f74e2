// Bundles tools/chart-renderer.js to build/chart-renderer.js, with the licences of what went into it beside it, unless
// nothing has changed since the last build.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { licencesOf } from './licences.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const bundle = `${root}build/chart-renderer.js`;
const licences = `${root}build/chart-renderer.LICENSES.txt`;
const stamp = `${root}build/chart-renderer.stamp`;

const digest = sourcesDigest();
const isBuilt = [bundle, licences, stamp].every(existsSync) && readFileSync(stamp, 'utf8') === digest;
if (!isBuilt) await build();

/** The entry, this file, and the versions of everything that is installed for it. */
function sourcesDigest() {
  const hash = createHash('sha256');
  const sources = ['chart-renderer.js', 'build-chart-renderer.js', 'licences.js'].map((name) => `tools/${name}`);
  for (const file of [...sources, 'package-lock.json']) hash.update(file).update(readFileSync(root + file));
  return hash.digest('hex');
}

async function build() {
  const { build: rolldown } = await import('rolldown');
  mkdirSync(`${root}build`, { recursive: true });
  const { output } = await rolldown({
    input: `${root}tools/chart-renderer.js`,
    platform: 'browser',
    output: { file: bundle, format: 'esm', minify: true, codeSplitting: false },
  });
  const [{ moduleIds }] = output;
  writeFileSync(licences, licencesOf(moduleIds));
  writeFileSync(stamp, digest);
}
