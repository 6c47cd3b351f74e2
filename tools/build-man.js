// Writes man/ipiv-bench.1 from the commands in the code. It is checked in; a test keeps it fresh.
import { mkdirSync, writeFileSync } from 'node:fs';
import { commandTree } from '../dist/cli/command-tree.js';
import { manPage } from '../dist/cli/man-page.js';
import { toolVersion } from '../dist/cli/package-file.js';
import { wholeProgram } from '../dist/cli/program.js';

mkdirSync(new URL('../man/', import.meta.url), { recursive: true });
writeFileSync(
  new URL('../man/ipiv-bench.1', import.meta.url),
  manPage(commandTree(await wholeProgram()), toolVersion()),
);
