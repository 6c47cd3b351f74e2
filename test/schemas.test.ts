import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { profileSchema } from '../src/cost/profile-schema.js';
import { problemText } from '../src/scenario/problem.js';
import { loadScenario } from '../src/scenario/load.js';
import { resultJsonSchema } from '../src/result/result-schema.js';
import { scenarioJsonSchema } from '../src/scenario/schema.js';

const checkedIn = (name: string): unknown => JSON.parse(readFileSync(`schemas/${name}.schema.json`, 'utf8'));

describe('schemas that are checked in', () => {
  it.each([
    ['scenario', scenarioJsonSchema()],
    ['profile', z.toJSONSchema(profileSchema, { io: 'input' })],
    ['result', resultJsonSchema()],
  ])('%s is what the code says (else: npm run build)', (name, schema) => {
    expect(checkedIn(name)).toEqual(JSON.parse(JSON.stringify(schema)));
  });
});

describe('shipped scenarios', () => {
  it.each(readdirSync('scenarios'))('%s is valid, named like its file, and names its schema', (file) => {
    const loaded = loadScenario(`scenarios/${file}`);
    expect(loaded.ok ? [] : loaded.problems.map(problemText)).toEqual([]);
    const raw = JSON.parse(readFileSync(`scenarios/${file}`, 'utf8')) as Record<string, unknown>;
    expect(raw).toMatchObject({ $schema: '../schemas/scenario.schema.json', name: file.replace('.json', '') });
  });
});
