// Regenerates what follows from the model, after a change that moves cycles on purpose: the fitted profile, the
// baselines, the tables of docs/cost-model.md and the output shown in README.md. `git diff` then shows what moved.
// With the argument "baselines" it leaves all but those alone.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { IMPORT_PUBLISHED } from './import-published.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const options = { cwd: root, stdio: 'inherit' };
const ipivBench = (...args) => execFileSync(process.execPath, ['bin/ipiv-bench.js', ...args], options);
const build = () => execFileSync('npm', ['run', '--silent', 'build'], options);

const profile = 'src/cost/profiles/ipiv-v1.json';
const { description } = JSON.parse(readFileSync(`${root}${profile}`, 'utf8'));

build();
if (process.argv[2] === 'baselines') baselines();
else everything();

function everything() {
  ipivBench('calibrate', 'results/measured/ipiv-v1.csv', '--description', description, '-o', profile);
  build();
  baselines();
  execFileSync('npm', ['run', '--silent', 'docs'], options);
  ipivBench(...IMPORT_PUBLISHED, '-o', 'results/measured/ipiv-v1.json');
  const env = { ...process.env, UPDATE_README: '1' };
  execFileSync('npx', ['vitest', 'run', 'test/readme'], { ...options, env });
}

function baselines() {
  for (const file of readdirSync(`${root}scenarios`)) {
    const name = file.replace('.json', '');
    ipivBench('run', name, '--no-save', '-o', `json=results/baselines/${name}.json`);
  }
}
