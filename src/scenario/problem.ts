/** Where something in the user's input stands. Lines and columns count from 1. */
export interface Location {
  /** A file as the user named it, or an option of the command line. */
  readonly source: string;
  readonly line?: number;
  readonly column?: number;
}

/** Something wrong with the user's input, as a value: what, where, and the way out. */
export interface Problem {
  readonly at: Location;
  readonly message: string;
  readonly hint: string;
}

/** A value, or everything that is wrong with what it should have been made from. */
export type Checked<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problems: readonly Problem[] };

/** A checked value that is fine. */
export function good<T>(value: T): Checked<T> {
  return { ok: true, value };
}

/** A checked value that is not. */
export function bad(...problems: readonly Problem[]): { ok: false; problems: readonly Problem[] } {
  return { ok: false, problems };
}

/** `file.json:3:14: unknown key "vcpu": did you mean "vcpus"?` */
export function problemText({ at, message, hint }: Problem): string {
  const position = at.line === undefined ? '' : `:${at.line}:${at.column ?? 1}`;
  return `${at.source}${position}: ${message}${hint === '' ? '' : `; ${hint}`}`;
}
