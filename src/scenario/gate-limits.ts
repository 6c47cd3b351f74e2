import { z } from 'zod';
import { METRIC_NAMES, type MetricName } from './metric-name.js';

const limit = z
  .strictObject({
    maxIncreasePercent: z
      .number()
      .min(0)
      .optional()
      .describe('how much it may grow; default: 0, or any with a ceiling'),
    floor: z.number().min(0).optional().describe('growth of up to this much passes, whatever percentage it is'),
    ceiling: z.number().min(0).optional().describe('the most that it may be'),
  })
  .describe('limits of one metric, per iteration; all of them must hold');

/** What a scenario allows a later result of it: a limit by metric. */
export const gateLimits = z
  .strictObject(
    Object.fromEntries(METRIC_NAMES.map((name) => [name, limit.optional()])) as Record<
      MetricName,
      z.ZodOptional<typeof limit>
    >,
  )
  .describe('limits of `ipiv-bench gate`, by metric; default: no figure may change');
