/**
 * The form of a saved result, as far as anything relies on it. Keys that this version does not know are let pass, and
 * metrics that the result does not have are null: a result of another version is either read rightly or refused.
 */
import { z } from 'zod';
import { gateLimits } from '../scenario/gate-limits.js';
import { byRole, RESULT_KIND, RESULT_SCHEMA_VERSION } from './saved-result.js';

const total = z.number().min(0);
const count = z.int().min(0);
const text = z.string();
const scalar = z.union([text, z.number(), z.boolean(), z.null()]);

const summary = z.looseObject({
  n: count,
  mean: z.number(),
  standardDeviation: total,
  minimum: z.number(),
  median: z.number(),
  maximum: z.number(),
});

const run = z.looseObject({
  run: count,
  iterations: count,
  outer: z.number(),
  inner: z.number().nullable(),
  samples: z.record(text, z.number().nullable()),
  console: z.array(text),
});

const failure = z.looseObject({ run: count, message: text, cycles: total, details: z.array(text) });

const totals = z.record(text, z.looseObject({ count: total, cycles: total }));

const activity = z.looseObject({
  exits: z.record(text, total),
  exitTimes: totals.optional(),
  busyCycles: total,
  instructions: total,
  steps: totals,
});

const exitTimes = z.looseObject({
  samples: count,
  minimumUs: total,
  maximumUs: total,
  meanUs: total,
  relativeError: total.nullable(),
});

const caseRecord = z.looseObject({
  id: text.min(1),
  settings: z.record(text, scalar),
  profile: z.looseObject({ name: text, hash: text }),
  effective: z.looseObject({ apicv: z.boolean(), ipiv: z.boolean() }).nullable(),
  runs: z.array(run),
  failures: z.array(failure),
  summary: z.record(text, summary.nullable()),
  iterations: count,
  activity: z.looseObject(byRole(() => activity)),
  exitTables: z.array(z.looseObject({ scope: text, exits: z.record(text, exitTimes) })).optional(),
});

const scenario = z.looseObject({
  name: text,
  description: text,
  runs: count,
  seed: count,
  noise: z.enum(['placement', 'off']),
  gate: gateLimits.optional(),
});

const environment = z.looseObject({ date: text, node: text, platform: text, jobs: count, wallSeconds: total });

/** A saved result. That its digest is the right one is another matter. */
export const resultSchema = z.looseObject({
  kind: z.literal(RESULT_KIND),
  schemaVersion: z.literal(RESULT_SCHEMA_VERSION),
  digest: text,
  toolVersion: text,
  scenario,
  seed: count,
  interrupted: z.boolean(),
  profiles: z.record(text, z.unknown()).optional(),
  images: z.record(text, text).optional(),
  cases: z.array(caseRecord).min(1),
  source: z.literal('hardware').optional(),
  machine: z.record(text, text).optional(),
  imported: z.array(z.looseObject({ file: text, format: text, foreignLines: count })).optional(),
  environment,
  baseline: z.looseObject({ reason: text, replaces: text.nullable() }).optional(),
});

/** The JSON Schema of a saved result, for other tools. */
export function resultJsonSchema(): unknown {
  return z.toJSONSchema(resultSchema.meta({ title: 'ipiv-bench result' }), { io: 'input' });
}
