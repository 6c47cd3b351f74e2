import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Problem } from '../scenario/problem.js';

/** Writes a whole file or leaves the old one: to a temporary name, then renamed. Returns what went wrong, if anything. */
export function writeOutput(path: string, content: string | Iterable<Uint8Array>): Problem | null {
  return attempt(path, () => {
    if (isSpecial(path)) writeAll(path, content);
    else replace(path, content);
  });
}

function replace(path: string, content: string | Iterable<Uint8Array>): void {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  makeFolder(dirname(path));
  try {
    writeAll(temporary, content);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Node's own recursion never ends where a folder cannot be made although its parent exists, as in /proc. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    // Somebody else may have made it in the meantime.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Piece by piece: what is written may be larger than memory. */
function writeAll(path: string, content: string | Iterable<Uint8Array>): void {
  const file = openSync(path, 'w');
  try {
    for (const piece of typeof content === 'string' ? [content] : content) writeFileSync(file, piece);
    if (!isSpecial(path)) fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** A device or pipe has no content to protect, and nothing may be renamed over it. */
function isSpecial(path: string): boolean {
  try {
    const status = statSync(path);
    return !status.isFile() && !status.isDirectory();
  } catch {
    // There is nothing: writing will tell why not.
    return false;
  }
}

function attempt(path: string, write: () => void): Problem | null {
  try {
    write();
    return null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return writeProblem(path, error as NodeJS.ErrnoException);
  }
}

/** Why `path` could not be written. */
export function writeProblem(path: string, error: NodeJS.ErrnoException): Problem {
  const [message, hint] = REASONS[error.code ?? ''] ?? [error.message, 'check the path'];
  return { at: { source: path }, message: `cannot write: ${message}`, hint };
}

const REASONS: Readonly<Record<string, readonly [message: string, hint: string] | undefined>> = {
  ENOSPC: ['no space left on the device', 'free some space or write elsewhere'],
  EDQUOT: ['disk quota exceeded', 'free some space or write elsewhere'],
  EFBIG: ['larger than the file size limit', 'raise `ulimit -f`'],
  EACCES: ['permission denied', 'write elsewhere'],
  EROFS: ['read-only file system', 'write elsewhere'],
  ENOENT: ['no folder can be made there', 'write elsewhere'],
  EISDIR: ['is a directory', 'name a file in it'],
  ENOTDIR: ['a part of the path is not a directory', 'check the path'],
  EEXIST: ['a part of the path is not a directory', 'check the path'],
};
