// `node --import ./tools/ts-node-hooks.js file.ts` runs TypeScript without a build; worker threads inherit it.
// Types are judged by `npm run types`, not here.
import { register } from 'node:module';

process.env.TS_NODE_TRANSPILE_ONLY = 'true';
register('ts-node/esm', import.meta.url);
