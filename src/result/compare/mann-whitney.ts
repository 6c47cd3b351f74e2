import { twoSidedTail } from './normal-tail.js';

/** Mann-Whitney U test of two independent samples, two-sided. */
export interface RankTest {
  /** Pairs in which the first sample is the larger one; ties count one half. */
  readonly u: number;
  readonly p: number;
  /** Exact for small samples without ties; otherwise the normal approximation, corrected for ties and continuity. */
  readonly method: 'exact' | 'normal';
}

/** Largest sample on either side for which all orders are counted. */
const LARGEST_EXACT = 25;

/** Tests whether one of two samples tends to larger values. */
export function mannWhitney(a: readonly number[], b: readonly number[]): RankTest {
  const [m, n] = [a.length, b.length];
  const { rankSum, ties } = rank(a, b);
  const u = rankSum - (m * (m + 1)) / 2;
  if (ties === 0 && Math.max(m, n) <= LARGEST_EXACT) return { u, p: exactP(u, m, n), method: 'exact' };
  return { u, p: normalP(u, m, n, ties), method: 'normal' };
}

/** Sum of the ranks of `a` in both together, tied values sharing their mean rank; and the sum of t^3 - t over ties. */
function rank(a: readonly number[], b: readonly number[]): { rankSum: number; ties: number } {
  const all = [...a.map((value) => ({ value, first: 1 })), ...b.map((value) => ({ value, first: 0 }))];
  all.sort((x, y) => x.value - y.value);
  let rankSum = 0;
  let ties = 0;
  for (let from = 0; from < all.length;) {
    let to = from;
    let inFirst = 0;
    while (to < all.length && all[to].value === all[from].value) inFirst += all[to++].first;
    const tied = to - from;
    rankSum += (inFirst * (from + 1 + to)) / 2;
    ties += tied * tied * tied - tied;
    from = to;
  }
  return { rankSum, ties };
}

function exactP(u: number, m: number, n: number): number {
  const below = cumulative(m, n)[Math.min(u, m * n - u)];
  return Math.min(1, 2 * below);
}

const known = new Map<string, readonly number[]>();

/** P(U <= u) for every u, all orders of m and n values being equally likely. */
function cumulative(m: number, n: number): readonly number[] {
  const key = `${m} ${n}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const ways = Array.from({ length: m + 1 }, () => new Array<number>(m * n + 1).fill(0));
  ways[0][0] = 1;
  for (let item = 1; item <= m + n; item++) addItem(ways, item);
  const total = ways[m].reduce((sum, count) => sum + count, 0);
  let sum = 0;
  const result = ways[m].map((count) => (sum += count) / total);
  known.set(key, result);
  return result;
}

/** The item with this rank may be the next of the first sample: then it exceeds all lower ones of the second. */
function addItem(ways: readonly number[][], item: number): void {
  for (let chosen = Math.min(item, ways.length - 1); chosen >= 1; chosen--) {
    const exceeded = item - chosen;
    const [from, to] = [ways[chosen - 1], ways[chosen]];
    for (let u = exceeded; u < to.length; u++) to[u] += from[u - exceeded];
  }
}

function normalP(u: number, m: number, n: number, ties: number): number {
  const all = m + n;
  const variance = ((m * n) / 12) * (all + 1 - ties / (all * (all - 1)));
  if (!(variance > 0)) return 1;
  const distance = Math.max(0, Math.abs(u - (m * n) / 2) - 0.5);
  return twoSidedTail(distance / Math.sqrt(variance));
}
