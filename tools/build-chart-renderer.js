// Bundles tools/chart-renderer.js to build/chart-renderer.js, with the licences of what went into it beside it, unless
// nothing has changed since the last build.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

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
  const sources = ['tools/chart-renderer.js', 'tools/build-chart-renderer.js', 'package-lock.json'];
  for (const file of sources) hash.update(file).update(readFileSync(root + file));
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
  const packages = new Set(moduleIds.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []));
  writeFileSync(licences, [...packages].sort().map(notice).join('\n'));
  writeFileSync(stamp, digest);
}

/** Name, version and licence of an installed package. */
function notice(folder) {
  const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
  if (file === undefined) throw new Error(`${name} has no licence text`);
  return `${name} ${version} (${license})\n\n${readFileSync(`${folder}/${file}`, 'utf8').trim()}\n`;
}
