import { readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { JsonDocument, type Path } from './document.js';
import { applyOverrides, overrideAt, type Override } from './overrides.js';
import { bad, good, type Checked, type Problem } from './problem.js';
import { schemaOf, type Scenario } from './schema.js';
import { validate, type Locator } from './validate.js';

/** A scenario, and where each of its values was written. */
export interface LoadedScenario {
  readonly scenario: Scenario;
  readonly locator: Locator;
  /** Turns a profile's name into what the profile loader takes: paths are relative to the scenario's folder. */
  readonly resolveProfile: (name: string) => string;
  /** Where an image lies: a relative path begins at the scenario's folder, or here if the command line gives it. */
  readonly resolveImage: (path: string) => string;
}

/** Reads a scenario file and applies what the command line sets. */
export function loadScenario(file: string, overrides: readonly Override[] = []): Checked<LoadedScenario> {
  const text = readText(file);
  return text.ok ? parseScenario(file, text.value, overrides) : text;
}

/** Like loadScenario, from the text of a file. */
export function parseScenario(
  file: string,
  text: string,
  overrides: readonly Override[] = [],
): Checked<LoadedScenario> {
  const document = JsonDocument.parse(file, text);
  if (!document.ok) return document;
  const locator = locatorOf(document.value, overrides);
  const raw = document.value.value;
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    return bad({
      at: locator.locate([]),
      message: 'a scenario is an object',
      hint: 'begin with "{"; see `ipiv-bench schema`',
    });
  }
  const merged = applyOverrides(raw, overrides);
  if (!merged.ok) return merged;
  const stray = strayKeys(merged.value, locator);
  if (stray.length > 0) return bad(...stray);
  const checked = validate(schemaOf(merged.value), merged.value, locator);
  if (!checked.ok) return checked;
  const { $schema: _, ...rest } = checked.value;
  const scenario = { ...rest, name: rest.name ?? defaultName(file) };
  const fromHere = (path: Path): boolean => overrideAt(overrides, path) !== undefined;
  return good({
    scenario,
    locator,
    resolveProfile: (name) => (isPath(name) && !fromHere(['profile']) ? resolve(dirname(file), name) : name),
    resolveImage: (path) => (fromHere(['guest', 'image']) ? path : resolve(dirname(file), path)),
  });
}

/** Keys of built-in programs beside an image. */
function strayKeys(raw: object, locator: Locator): Problem[] {
  if (!('guest' in raw)) return [];
  return ['iterations', 'warmup', 'apPhase']
    .filter((key) => key in raw)
    .map((key) => ({
      at: locator.locateKey([key]),
      message: `"${key}" is for built-in programs: an image decides itself how often it repeats what it measures`,
      hint: 'remove it; "guest.iterations" says what the image does',
    }));
}

function readText(file: string): Checked<string> {
  try {
    return good(readFileSync(file, 'utf8'));
  } catch (error) {
    return bad(unreadable(file, error as NodeJS.ErrnoException));
  }
}

/** Why a file could not be read, as a problem. */
export function unreadable(file: string, error: NodeJS.ErrnoException): Problem {
  const reasons: Readonly<Record<string, readonly [string, string]>> = {
    ENOENT: ['no such file', 'check the path; `ipiv-bench list scenarios` shows what is shipped'],
    EACCES: ['permission denied', 'make it readable'],
    EISDIR: ['is a directory', 'name a file in it'],
  };
  const [message, hint] = reasons[error.code ?? ''] ?? [error.message, 'check the path'];
  return { at: { source: file }, message, hint };
}

function locatorOf(document: JsonDocument, overrides: readonly Override[]): Locator {
  return {
    locate: (path: Path) => overrideAt(overrides, path) ?? document.locate(path),
    locateKey: (path: Path) => overrideAt(overrides, path) ?? document.locateKey(path),
  };
}

function defaultName(file: string): string {
  return (
    basename(file)
      .replace(/\.json$/, '')
      .replace(/[^A-Za-z0-9._-]/g, '-') || 'scenario'
  );
}

/** Profiles are named, or are files. */
function isPath(profile: string): boolean {
  return profile.includes('/') || profile.endsWith('.json');
}
