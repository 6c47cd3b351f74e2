// Bundles the machine as the command has it, for the programs in speed/, to build/speed/.
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.js';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const modules = ['cost/cost-table', 'cost/profile', 'machine/image-machine', 'machine/interpreter', 'machine/machine'];
const input = Object.fromEntries(modules.map((module) => [basename(module), `${dist}/${module}.js`]));
await bundle(input, fileURLToPath(new URL('../build/speed', import.meta.url)));
