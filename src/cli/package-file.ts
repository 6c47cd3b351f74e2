import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A file of this package; src/cli/, dist/cli/ and build/command/ lie equally deep. */
export function packageFile(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}

/** Version of ipiv-bench. */
export function toolVersion(): string {
  return (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }).version;
}
