/**
 * What the board's devices have in common: registers behind a range of I/O ports or of physical addresses. Accesses come
 * with the simulated time, in TSC cycles; a device keeps no clock.
 */
export interface IoDevice {
  /**
   * The widest access that the device takes in one piece, in bytes. A wider one reaches it as several, lowest address
   * first, as an ISA bus splits it.
   */
  readonly widest: 1 | 2 | 4;
  /** Reads `size` bytes at `offset` from the start of the device's range, as an unsigned number. */
  read(offset: number, size: number, now: number): number;
  write(offset: number, size: number, value: number, now: number): void;
}

/** What an access of `size` bytes reads where nothing answers. */
export function allOnes(size: number): number {
  return size === 4 ? 0xffff_ffff : 2 ** (8 * size) - 1;
}

/** Drives an interrupt line of the board: true = asserted. */
export type InterruptLine = (asserted: boolean) => void;

/** A device in which something happens of its own accord. */
export interface TimedDevice {
  /** When that can have an effect outside, in TSC cycles, or Infinity. */
  readonly nextEventAt: number;
  /** Does everything that has come due by `now`. */
  advance(now: number): void;
}
