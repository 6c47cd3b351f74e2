import { InvalidArgumentError } from 'commander';

/** An option's value as a whole number from `minimum` to `maximum`. */
export function wholeNumber(minimum: number, maximum = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= minimum && value <= maximum) return value;
    const range = maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
    throw new InvalidArgumentError(`expected a whole number ${range}.`);
  };
}

/** `2%` or `0.02` as a fraction. */
export function fraction(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(text);
  if (match === null) throw new InvalidArgumentError('expected a share such as 2% or 0.02.');
  return Number(match[1]) / (match[2] === '%' ? 100 : 1);
}

/** For options that may be given several times. */
export function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** Worker threads that anyone can use: a typing error must not start thousands. */
export const MOST_JOBS = 256;
