import type { Limit } from '../result/gate/limit.js';

/** `average at most +2% (or +20), at most 5000` */
export function limitText({ metric, maxIncrease, floor, ceiling }: Limit): string {
  const parts: string[] = [];
  if (maxIncrease !== undefined) {
    const share = `+${String(Number((maxIncrease * 100).toFixed(6)))}%`;
    parts.push(`at most ${share}${floor === undefined ? '' : ` or +${floor}`}`);
  }
  if (ceiling !== undefined) parts.push(`at most ${ceiling}`);
  return `${metric} ${parts.join(' and ')}`;
}
