import { readFileSync, statSync } from 'node:fs';
import { bad, good, type Checked, type Location } from './problem.js';

/** Larger than any image that fits into a machine. */
const LARGEST = 2 ** 31 - 1;

/** Reads an image; `at` is where it was named. Whether it is one, the machine that loads it says. */
export function readImage(file: string, at: Location): Checked<Uint8Array> {
  const wrong = (message: string, hint: string): Checked<never> => bad({ at, message, hint });
  try {
    const stat = statSync(file);
    if (stat.isDirectory()) return wrong('is a directory', 'name a file in it');
    if (stat.isCharacterDevice() || stat.isBlockDevice()) return wrong('is a device', 'name a file');
    if (stat.size > LARGEST) return wrong(`has ${stat.size} bytes, too many for an image`, 'name another file');
    const bytes = readFileSync(file);
    if (bytes.length === 0) return wrong('is empty', 'build or copy the image again');
    return good(bytes);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const [reason, hint] = UNREADABLE[code ?? ''] ?? [message, 'check the path'];
    return wrong(reason, hint);
  }
}

const UNREADABLE: Readonly<Record<string, readonly [string, string] | undefined>> = {
  ENOENT: ['no such file', 'check the path'],
  ENOTDIR: ['a part of the path is not a directory', 'check the path'],
  EACCES: ['permission denied', 'make it readable'],
};
