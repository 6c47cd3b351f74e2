/** Finds the device behind an I/O port and splits accesses that are wider than the device. */
import { allOnes, type IoDevice } from './io-device.js';

interface Place {
  readonly device: IoDevice;
  readonly offset: number;
  /** Bytes from here to the end of the device's range. */
  readonly room: number;
}

export class PortMap {
  readonly #places = new Map<number, Place>();
  readonly #fallback: IoDevice;

  /** `fallback` takes what no fixed range covers; its offsets are port numbers. It takes single bytes. */
  constructor(fallback: IoDevice) {
    this.#fallback = fallback;
  }

  /** Puts `device` at ports [first, first + size). */
  add(first: number, size: number, device: IoDevice): void {
    for (let offset = 0; offset < size; offset++) {
      this.#places.set(first + offset, { device, offset, room: size - offset });
    }
  }

  read(port: number, size: number, now: number): number {
    const place = this.#places.get(port);
    if (place !== undefined && takesWhole(place, size)) return place.device.read(place.offset, size, now);
    if (size === 1) return this.#fallback.read(port, 1, now);
    const half = size / 2;
    const low = this.read(port, half, now);
    return low + this.read((port + half) & 0xffff, half, now) * (allOnes(half) + 1);
  }

  write(port: number, size: number, value: number, now: number): void {
    const place = this.#places.get(port);
    if (place !== undefined && takesWhole(place, size)) {
      place.device.write(place.offset, size, value, now);
      return;
    }
    if (size === 1) {
      this.#fallback.write(port, 1, value, now);
      return;
    }
    const half = size / 2;
    this.write(port, half, value & allOnes(half), now);
    this.write((port + half) & 0xffff, half, value >>> (8 * half), now);
  }
}

function takesWhole({ device, room }: Place, size: number): boolean {
  return size <= device.widest && size <= room;
}
