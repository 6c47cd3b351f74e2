/** The crystal of the PM timer: four times the NTSC colour subcarrier's quarter (ACPI 4.8.3.3). */
export const PM_TIMER_HZ = 3_579_545;
/** The clock of the i8254. */
export const PIT_HZ = 1_193_182;
/** The time base of the real-time clock. */
export const RTC_HZ = 32_768;

/** Converts between the TSC and a slower clock that started with it, in integers: tick n ends at the first cycle >= n. */
export class Oscillator {
  readonly #ticksPerUnit: number;
  /** Cycles in which exactly #ticksPerUnit ticks pass. */
  readonly #unit: number;

  /** Both in Hz; the TSC's a multiple of 1000 and below 2^33, which keeps every product exact. */
  constructor(hertz: number, tscHertz: number) {
    const divisor = greatestCommonDivisor(hertz, tscHertz);
    this.#ticksPerUnit = hertz / divisor;
    this.#unit = tscHertz / divisor;
  }

  /** Whole ticks in `cycles`, below 2^53. */
  ticksAt(cycles: number): number {
    const rest = cycles % this.#unit;
    const product = rest * this.#ticksPerUnit;
    return ((cycles - rest) / this.#unit) * this.#ticksPerUnit + (product - (product % this.#unit)) / this.#unit;
  }

  /** The first cycle by which `ticks` ticks have passed. */
  cyclesAt(ticks: number): number {
    const rest = ticks % this.#ticksPerUnit;
    return ((ticks - rest) / this.#ticksPerUnit) * this.#unit + Math.ceil((rest * this.#unit) / this.#ticksPerUnit);
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
