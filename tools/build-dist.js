// Compiles src/ to dist/ from scratch and puts the data files that the code reads beside it.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
rmSync(`${root}dist`, { recursive: true, force: true });
execFileSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-p', `${root}tsconfig.build.json`], {
  stdio: 'inherit',
});
const profiles = `${root}src/cost/profiles`;
if (existsSync(profiles)) cpSync(profiles, `${root}dist/cost/profiles`, { recursive: true });
