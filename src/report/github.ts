import type { GateReport } from '../result/gate/gate.js';
import { differenceText } from './gate-text.js';

/** Workflow commands that GitHub Actions shows beside the change: one per row that is not as it was. */
export function githubAnnotations({ rows }: GateReport): string {
  return rows
    .filter(({ status }) => status !== 'same')
    .map(({ id, status, reason, differences }) => {
      const level = status === 'inconclusive' ? 'warning' : 'error';
      const text = [reason, ...differences.map(differenceText)].filter((line) => line !== '').join('\n');
      return `::${level} title=${property(`${status}: ${id}`)}::${data(text)}\n`;
    })
    .join('');
}

function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
