import type { Progress } from '../run/run-plan.js';

const WIDTH = 24;
const INTERVAL_MS = 100;

/** A line on stderr that is redrawn in place; nothing at all unless a person is watching. */
export class ProgressLine {
  readonly #visible = process.stderr.isTTY && (process.env['CI'] ?? '') === '';
  readonly #name: string;
  readonly #started = performance.now();
  #drawn = 0;

  constructor(name: string) {
    this.#name = name;
  }

  show(progress: Progress): void {
    const now = performance.now();
    if (!this.#visible || (now - this.#drawn < INTERVAL_MS && progress.done < progress.total)) return;
    this.#drawn = now;
    const text = progressText(this.#name, progress, now - this.#started);
    process.stderr.write(`\r\u001b[2K${text.slice(0, (process.stderr.columns || 80) - 1)}`);
  }

  clear(): void {
    if (this.#visible && this.#drawn > 0) process.stderr.write('\r\u001b[2K');
  }
}

/** `x2apic [######      ] 12/40, 0:32 left, ipiv=on`; how long the rest takes is guessed once something is done. */
export function progressText(name: string, { done, total, caseId }: Progress, elapsedMs: number): string {
  const filled = Math.floor((done / total) * WIDTH);
  const bar = `[${'#'.repeat(filled)}${' '.repeat(WIDTH - filled)}]`;
  const left = done === 0 || done >= total ? [] : [`${durationText((elapsedMs / done) * (total - done))} left`];
  return [`${name} ${bar} ${done}/${total}`, ...left, ...(caseId === '' ? [] : [caseId])].join(', ');
}

/** `0:09`, `12:00`, `1:02:03` */
function durationText(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const [first, ...rest] = parts[0] === 0 ? parts.slice(1) : parts;
  return [String(first), ...rest.map((part) => String(part).padStart(2, '0'))].join(':');
}
