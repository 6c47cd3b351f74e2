import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { tell } from './console.js';
import { EXIT, type ExitCode } from './exit-code.js';

/** Files are looked at this often. A change counts once it has stood this long: editors write in several steps. */
const POLL_MS = 200;

/** Text of every file; null where it cannot be read. */
type Contents = readonly (string | null)[];

/**
 * Does `work`, and again whenever the content of a file has changed, until interrupted. The signal that `work` gets aborts
 * when a change makes it pointless to go on. A file that is gone is waited for.
 */
export async function watchFiles(
  files: readonly string[],
  work: (superseded: AbortSignal) => Promise<ExitCode>,
  interrupt: AbortSignal,
): Promise<ExitCode> {
  let contents = read(files);
  for (;;) {
    const superseded = new AbortController();
    const change = nextChange(files, contents, interrupt).then((next) => {
      if (next !== null) superseded.abort();
      return next;
    });
    const code = await work(superseded.signal);
    if (interrupt.aborted) return code;
    if (!superseded.signal.aborted) tell(`watching ${files.join(', ')}: save to run again, Ctrl-C to end`);
    const next = await change;
    if (next === null) return EXIT.DONE;
    contents = next;
  }
}

/** What the files contain after the next change; null when interrupted. */
async function nextChange(
  files: readonly string[],
  before: Contents,
  interrupt: AbortSignal,
): Promise<Contents | null> {
  let seen = before;
  while (await waited(interrupt)) {
    const now = read(files);
    if (!now.includes(null) && areEqual(now, seen) && !areEqual(now, before)) return now;
    seen = now;
  }
  return null;
}

/** Whether nothing interrupted the wait. */
async function waited(signal: AbortSignal): Promise<boolean> {
  try {
    await delay(POLL_MS, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}

function read(files: readonly string[]): Contents {
  return files.map((file) => {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return null;
    }
  });
}

function areEqual(a: Contents, b: Contents): boolean {
  return a.every((text, index) => text === b[index]);
}
