// Writes schemas/*.json from the schemas in the code. They are checked in; a test keeps them fresh.
import { writeFileSync } from 'node:fs';
import { z } from 'zod';
import { profileSchema } from '../dist/cost/profile-schema.js';
import { resultJsonSchema } from '../dist/result/result-schema.js';
import { scenarioJsonSchema } from '../dist/scenario/schema.js';

const write = (name, schema) =>
  writeFileSync(new URL(`../schemas/${name}.schema.json`, import.meta.url), `${JSON.stringify(schema, null, 2)}\n`);

write('scenario', scenarioJsonSchema());
write('profile', z.toJSONSchema(profileSchema, { io: 'input' }));
write('result', resultJsonSchema());
