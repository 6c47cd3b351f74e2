import type { MetricName } from '../scenario/metric-name.js';
import type { Role, RunOutcome } from './saved-result.js';

interface Metric {
  /** What it is, with its unit. */
  readonly description: string;
  /** Other names users know it by. */
  readonly aliases: readonly string[];
  /** One run's sample; null where the workload has no such thing. */
  readonly sample: (run: RunOutcome) => number | null;
}

/** What a run is sampled for. All are per iteration: per IPI, for workloads that send them. */
export const METRICS = {
  average: {
    description: 'cycles around the whole loop, as kvm-unit-tests prints them: the integer part',
    aliases: ['ipi'],
    sample: ({ outer }) => Math.floor(outer),
  },
  'inner-average': {
    description: 'cycles between the inner pair of RDTSCs, integer part',
    aliases: ['ipi ipi'],
    sample: ({ inner }) => (inner === null ? null : Math.floor(inner)),
  },
  exits: {
    description: 'VM exits on sender and target',
    aliases: [],
    sample: (run) => (exitsOf(run, 'sender') + exitsOf(run, 'target')) / run.iterations,
  },
  'line-transfers': {
    description: 'cache lines that moved between CPUs',
    aliases: [],
    sample: ({ lineTransfers, iterations }) => lineTransfers / iterations,
  },
  'sender-cycles': {
    description: 'cycles the sending CPU was busy',
    aliases: [],
    sample: ({ activity, iterations }) => activity.sender.busyCycles / iterations,
  },
  'target-cycles': {
    description: 'cycles the receiving CPU was busy',
    aliases: [],
    sample: ({ activity, iterations }) => activity.target.busyCycles / iterations,
  },
} as const satisfies Record<MetricName, Metric>;

export type { MetricName };

/** The metric a user means, by name or alias. */
export function metricNamed(name: string): MetricName | undefined {
  const names = Object.keys(METRICS) as MetricName[];
  return names.find((each) => each === name || (METRICS[each].aliases as readonly string[]).includes(name));
}

function exitsOf({ activity }: RunOutcome, role: Role): number {
  return Object.values(activity[role].exits).reduce((sum, count) => sum + count, 0);
}
