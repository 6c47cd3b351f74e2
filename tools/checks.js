// What `npm test` does before the tests, on two processors: eslint takes about as long as all the rest.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const LANES = [['lint:code'], ['build', 'types', 'lint:imports', 'lint:format']];

await Promise.all(LANES.map(runInOrder));

/** Stops at the first script that fails. */
async function runInOrder(/** @type {readonly string[]} */ scripts) {
  for (const script of scripts) if (!(await passes(script))) return;
}

/** Runs a script of package.json; what it writes appears when it ends, in one piece. */
async function passes(/** @type {string} */ script) {
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  const child = spawn('npm', ['run', '--silent', script], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const written = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => written.push(chunk));
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  process.stdout.write(Buffer.concat(written));
  process.stdout.write(`npm run ${script}: ${code === 0 ? 'passed' : 'FAILED'}\n`);
  if (code !== 0) process.exitCode = 1;
  return code === 0;
}
