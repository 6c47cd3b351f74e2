import { readFileSync } from 'node:fs';
import { profileSchema } from '../cost/profile-schema.js';
import { builtInProfiles, contradictions, loadProfile, type CostProfile } from '../cost/profile.js';
import { suggestion } from './closest.js';
import { JsonDocument } from './document.js';
import { bad, good, type Checked, type Location } from './problem.js';
import { validate, type Locator } from './validate.js';

/** A profile by its name, or from a file (anything with a slash or ending in `.json`); `at` is where it was named. */
export function readProfile(nameOrPath: string, at: Location): Checked<CostProfile> {
  if (!nameOrPath.includes('/') && !nameOrPath.endsWith('.json')) return builtIn(nameOrPath, at);
  let text: string;
  try {
    text = readFileSync(nameOrPath, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const hint = 'check the path; `ipiv-bench list profiles` shows what is built in';
    return bad({ at, message: `profile ${nameOrPath} cannot be read: ${UNREADABLE[code ?? ''] ?? message}`, hint });
  }
  return parseProfile(nameOrPath, text);
}

const UNREADABLE: Readonly<Record<string, string | undefined>> = {
  ENOENT: 'no such file',
  EISDIR: 'is a directory',
  EACCES: 'permission denied',
};

function builtIn(name: string, at: Location): Checked<CostProfile> {
  const names = builtInProfiles();
  if (names.includes(name)) return good(loadProfile(name));
  const hint = `${suggestion(name, names, 'built in')}; or name a .json file`;
  return bad({ at, message: `no profile "${name}"`, hint });
}

/** Parses and checks the text of a profile file. */
export function parseProfile(file: string, text: string): Checked<CostProfile> {
  const document = JsonDocument.parse(file, text);
  return document.ok ? checkProfile(document.value.value, document.value) : document;
}

/** Checks what should be a profile. */
export function checkProfile(value: unknown, locator: Locator): Checked<CostProfile> {
  const checked = validate(profileSchema, value, locator, 'the profile');
  if (!checked.ok) return checked;
  const wrong = contradictions(checked.value);
  if (wrong.length === 0) return checked;
  return bad(...wrong.map(({ path, message, hint }) => ({ at: locator.locate(path), message, hint })));
}
