import type { Progress } from '../run/run-plan.js';

const WIDTH = 24;
const INTERVAL_MS = 100;

/** A line on stderr that is redrawn in place; nothing at all unless a person is watching. */
export class ProgressLine {
  readonly #visible = process.stderr.isTTY && (process.env['CI'] ?? '') === '';
  readonly #name: string;
  #drawn = 0;

  constructor(name: string) {
    this.#name = name;
  }

  show({ done, total, caseId }: Progress): void {
    const now = performance.now();
    if (!this.#visible || (now - this.#drawn < INTERVAL_MS && done < total)) return;
    this.#drawn = now;
    const filled = Math.floor((done / total) * WIDTH);
    const bar = `[${'#'.repeat(filled)}${' '.repeat(WIDTH - filled)}]`;
    const text = `${this.#name} ${bar} ${done}/${total} ${caseId}`;
    process.stderr.write(`\r\u001b[2K${text.slice(0, (process.stderr.columns || 80) - 1)}`);
  }

  clear(): void {
    if (this.#visible && this.#drawn > 0) process.stderr.write('\r\u001b[2K');
  }
}
