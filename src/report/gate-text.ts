import type { Difference, GateReport, Row } from '../result/gate/gate.js';
import type { Style } from './style.js';

/** The verdict first, then every row that is not as it was, with what moved. */
export function gateText({ verdict, rows, notes }: GateReport, style: Style): string {
  const same = rows.filter(({ status }) => status === 'same').length;
  const colour = verdict === 'passed' ? style.better : style.worse;
  const lines = [`${colour(`gate ${verdict}`)}: ${same} of ${rows.length} rows unchanged or within limits`];
  for (const row of rows) if (row.status !== 'same') lines.push(...rowLines(row, style));
  for (const note of notes) lines.push(style.faint(`note: ${note}`));
  return `${lines.join('\n')}\n`;
}

function rowLines({ id, status, reason, differences }: Row, style: Style): string[] {
  const heading = `${style.strong(status)}: ${id}${reason === '' ? '' : `: ${reason}`}`;
  return [heading, ...differences.map((difference) => `  ${differenceText(difference)}`)];
}

/** `average 4713.1 -> 4714.1 (+1, +0.02%)`, and the limit where there is one. */
export function differenceText({ figure, before, after, limit }: Difference): string {
  const change = after - before;
  const sign = change > 0 ? '+' : '';
  const most = limit === undefined ? '' : `, limit ${figureText(limit)}`;
  const relative = before === 0 ? '' : `, ${sign}${((change / before) * 100).toFixed(2)}%`;
  return `${figure} ${figureText(before)} -> ${figureText(after)} (${sign}${figureText(change)}${relative})${most}`;
}

/** At most six decimals, none that say nothing. */
function figureText(value: number): string {
  return String(Number(value.toFixed(6)));
}
