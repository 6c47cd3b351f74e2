/** The form of cost profiles (profile.ts), for those that come from elsewhere. */
import { z } from 'zod';
import { INSTRUCTION_CLASSES, STEP_NAMES } from './step.js';

const SOURCE = z.enum(['published', 'fitted', 'assumed']);

/** The longest step, in cycles or nanoseconds. */
const MOST = 1e6;
/** A record of the interpreter holds the ticks of a class, a load and a store together in 16 bits. */
const MOST_CLASS_TICKS = 16_384;
const MOST_DISTANCE = 1000;
/** With more than this, a run's draw could make the way between two cores shorter than nothing. */
export const MOST_NOISE = 0.4;

const stepSchema = z.strictObject({
  value: z.number().min(0).max(MOST).describe('TSC cycles, or nanoseconds where unit says so'),
  unit: z.literal('ns').optional(),
  source: SOURCE,
  range: z.tuple([z.number(), z.number()]).optional().describe('plausible values; the prior of a fit'),
  suggested: z.number().optional().describe('centre of the prior where a fit has moved the value'),
  group: z.string().optional().describe('free group whose sum a fit determines'),
  note: z.string(),
});

const distanceSchema = z.strictObject({
  sibling: z.number().positive().max(MOST_DISTANCE),
  socket: z.number().positive().max(MOST_DISTANCE),
  remote: z.number().positive().max(MOST_DISTANCE),
  source: SOURCE,
  note: z.string(),
});

/** A profile file. Whether its parts agree with each other is for `contradictions`. */
export const profileSchema = z.strictObject({
  $schema: z.string().optional(),
  name: z.string().min(1),
  description: z.string(),
  groups: z.record(z.string(), z.string()),
  lineOccupancy: z.strictObject({ value: z.number().min(0).max(MOST), source: SOURCE, note: z.string() }),
  distance: z.strictObject({ line: distanceSchema, flight: distanceSchema }),
  noise: z.strictObject({ value: z.number().min(0).max(MOST_NOISE), source: SOURCE, note: z.string() }),
  classes: z.record(
    z.enum(INSTRUCTION_CLASSES),
    z.strictObject({ ticks: z.int().min(1).max(MOST_CLASS_TICKS), source: SOURCE, note: z.string() }),
  ),
  steps: z.record(z.enum(STEP_NAMES), stepSchema),
});

export type CostProfile = z.infer<typeof profileSchema>;
export type StepCost = z.infer<typeof stepSchema>;
