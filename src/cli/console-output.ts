import { writeSync } from 'node:fs';
import { writeProblem } from '../result/output-file.js';
import type { Problem } from '../scenario/problem.js';

const STDOUT = 1;
const NEWLINE = 0x0a;
/** How long to wait for the reader of a full pipe that does not block. */
const PAUSE_MS = 5;

/**
 * The serial console of a guest on stdout: line by line, at once and in order, while the machine that writes it keeps this
 * thread busy. A reader that has seen enough (`| head`) is no error.
 */
export class ConsoleOutput {
  #bytes: number[] = [];
  #problem: Problem | null = null;
  #closed = false;

  /** Nobody reads any more, or nothing can be written: the guest may as well stop. */
  get isClosed(): boolean {
    return this.#closed;
  }

  write(byte: number): void {
    this.#bytes.push(byte);
    if (byte === NEWLINE) this.flush();
  }

  /** Writes what has no line end yet; returns what has gone wrong so far. */
  flush(): Problem | null {
    const bytes = Uint8Array.from(this.#bytes);
    this.#bytes = [];
    for (let done = 0; done < bytes.length && !this.#closed;) done += this.#attempt(bytes.subarray(done));
    return this.#problem;
  }

  #attempt(bytes: Uint8Array): number {
    try {
      return writeSync(STDOUT, bytes);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
        return 0;
      }
      this.#closed = true;
      if (code !== 'EPIPE') this.#problem = writeProblem('standard output', error as NodeJS.ErrnoException);
      return 0;
    }
  }
}
