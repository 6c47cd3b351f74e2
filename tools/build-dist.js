// Compiles src/ to dist/ from scratch and puts the data files that the code reads beside it.
import { cpSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { inlineConstants } from './inline-constants.js';
import { plainMembers } from './plain-members.js';

const root = fileURLToPath(new URL('..', import.meta.url));
rmSync(`${root}dist`, { recursive: true, force: true });
cpSync(`${root}src/cost/profiles`, `${root}dist/cost/profiles`, { recursive: true });

const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: fail };
const { fileNames, options, errors } = ts.getParsedCommandLineOfConfigFile(`${root}tsconfig.build.json`, {}, host);
const program = ts.createProgram(fileNames, options);
const before = [inlineConstants(program), plainMembers(program)];
const { diagnostics } = program.emit(undefined, undefined, undefined, false, { before });
for (const diagnostic of [...errors, ...ts.getPreEmitDiagnostics(program), ...diagnostics]) fail(diagnostic);

function fail(diagnostic) {
  const names = { getCanonicalFileName: (name) => name, getCurrentDirectory: () => root, getNewLine: () => '\n' };
  process.stderr.write(ts.formatDiagnostic(diagnostic, names));
  process.exitCode = 1;
}
