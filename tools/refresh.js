// Regenerates what follows from the model, after a change that moves cycles on purpose: the fitted profile, the
// baselines, the tables of docs/cost-model.md and the output shown in README.md and docs/. `git diff` then shows what moved.
// With the argument "baselines" it leaves all but those alone. Baselines need a reason: npm run refresh -- --reason TEXT
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { IMPORT_PUBLISHED } from './import-published.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const options = { cwd: root, stdio: 'inherit' };
const ipivBench = (...args) => execFileSync(process.execPath, ['bin/ipiv-bench.js', ...args], options);
const build = () => execFileSync('npm', ['run', '--silent', 'build'], options);

const profile = 'src/cost/profiles/ipiv-v1.json';
const { description } = JSON.parse(readFileSync(`${root}${profile}`, 'utf8'));
const { values, positionals } = parseArgs({ options: { reason: { type: 'string' } }, allowPositionals: true });
if (values.reason === undefined) {
  process.stderr.write('error: say why cycles move: npm run refresh -- --reason TEXT\n');
  process.exit(2);
}

build();
if (positionals[0] === 'baselines') baselines();
else everything();

function everything() {
  ipivBench('calibrate', 'results/measured/ipiv-v1.csv', '--description', description, '-o', profile);
  build();
  baselines();
  execFileSync('npm', ['run', '--silent', 'docs'], options);
  ipivBench(...IMPORT_PUBLISHED, '-o', 'results/measured/ipiv-v1.json');
  const env = { ...process.env, UPDATE_DOCS: '1' };
  execFileSync('npx', ['vitest', 'run', 'test/console-blocks'], { ...options, env });
}

/** A baseline that is the same to the last bit keeps the reason that it has. */
function baselines() {
  const folder = mkdtempSync(join(tmpdir(), 'ipiv-bench-'));
  for (const file of readdirSync(`${root}scenarios`)) {
    const current = join(folder, file);
    ipivBench('run', file.replace('.json', ''), '--no-save', '-o', current);
    ipivBench('baseline', 'update', `results/baselines/${file}`, current, '--reason', values.reason);
  }
}
