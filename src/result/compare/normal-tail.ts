/** erfc(x) for x >= 0, to about 13 digits: a series where it converges fast, a continued fraction beyond. */
export function complementaryError(x: number): number {
  return x < 2 ? 1 - errorSeries(x) : tailFraction(x);
}

/** Chance that a normal variable is at least `z` standard deviations away from its mean, on either side. */
export function twoSidedTail(z: number): number {
  return Math.min(1, complementaryError(Math.abs(z) / Math.SQRT2));
}

function errorSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

function tailFraction(x: number): number {
  let fraction = 0;
  for (let n = 200; n > 0; n--) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}
