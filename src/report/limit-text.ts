import type { Limit } from '../result/gate/limit.js';

/** `average: at most +2% or +20, at most 5000` */
export function limitText({ metric, maxIncrease, floor, ceiling }: Limit): string {
  const parts: string[] = [];
  if (maxIncrease !== undefined) parts.push(increaseText(maxIncrease, floor));
  if (ceiling !== undefined) parts.push(`at most ${ceiling}`);
  return `${metric}: ${parts.join(', ')}`;
}

function increaseText(fraction: number, floor: number | undefined): string {
  const share = fraction === 0 ? [] : [`+${Number((fraction * 100).toFixed(6))}%`];
  const amounts = [...share, ...(floor === undefined ? [] : [`+${floor}`])];
  return amounts.length === 0 ? 'no increase' : `at most ${amounts.join(' or ')}`;
}
