import { mayGrow, type GateRules, type Limit } from '../result/gate/limit.js';
import { METRICS, metricNamed, type MetricName } from '../result/metric.js';
import { suggestion } from '../scenario/closest.js';
import { bad, good, type Checked } from '../scenario/problem.js';

/** The options of `gate` that say what it allows. */
export interface RuleOptions {
  readonly exact?: boolean;
  readonly maxIncrease?: number;
  readonly metric?: readonly string[];
  readonly floor?: readonly string[];
}

type PartialLimit = Omit<Limit, 'metric'>;

/** The rules that the command line asks for; without any, the scenario or the kind of results decides. */
export function parseRules({ exact = false, maxIncrease, metric = [], floor = [] }: RuleOptions): Checked<GateRules> {
  if (exact && (maxIncrease !== undefined || metric.length > 0 || floor.length > 0)) {
    const message = 'does not go with --max-increase, --metric or --floor';
    return bad({ at: { source: '--exact' }, message, hint: 'exact allows no change of anything' });
  }
  const limits = new Map<MetricName, PartialLimit>();
  const add = (name: MetricName, part: PartialLimit): void => void limits.set(name, { ...limits.get(name), ...part });
  if (maxIncrease !== undefined) add('average', { maxIncrease });
  const options = [
    ...metric.map((text) => parseOption('--metric', text, limitPart)),
    ...floor.map((text) => parseOption('--floor', text, floorPart)),
  ];
  for (const option of options) {
    if (!option.ok) return option;
    add(...option.value);
  }
  return good({ exact, limits: [...limits].map(([name, part]) => mayGrow({ metric: name, ...part })) });
}

/** `NAME=VALUE`; a name may hold a space, as in the alias "ipi ipi". */
function parseOption(
  option: string,
  text: string,
  parse: (value: string) => Checked<PartialLimit>,
): Checked<[MetricName, PartialLimit]> {
  const at = { source: `${option} ${text}` };
  const equals = text.lastIndexOf('=');
  const name = text.slice(0, Math.max(equals, 0));
  const metric = metricNamed(name);
  if (metric === undefined) {
    const message = equals < 0 ? 'no "="' : name === '' ? 'no metric' : `unknown metric "${name}"`;
    const usage = equals < 0 ? 'write NAME=VALUE; ' : '';
    return bad({ at, message, hint: `${usage}${suggestion(name, Object.keys(METRICS), 'known metrics')}` });
  }
  const part = parse(text.slice(equals + 1));
  return part.ok ? good([metric, part.value]) : bad(...part.problems.map((problem) => ({ ...problem, at })));
}

const AMOUNT = /^(\d+(?:\.\d+)?)(%?)$/;

function limitPart(text: string): Checked<PartialLimit> {
  const match = AMOUNT.exec(text);
  if (match === null) return noAmount('no limit', 'write a share such as 2%, or a ceiling such as 4000');
  const value = Number(match[1]);
  return good(match[2] === '%' ? { maxIncrease: value / 100 } : { ceiling: value });
}

function floorPart(text: string): Checked<PartialLimit> {
  const match = AMOUNT.exec(text);
  if (match === null || match[2] === '%') {
    return noAmount('no amount', 'write how much it may always grow, in the unit of the metric, such as 20');
  }
  return good({ floor: Number(match[1]) });
}

function noAmount(message: string, hint: string): ReturnType<typeof bad> {
  return bad({ at: { source: '' }, message, hint });
}
