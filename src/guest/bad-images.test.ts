/** Images that are cut off, damaged or made up: the loader takes them or says in one line why not, and never throws. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadMultiboot, type MultibootImage } from './multiboot.js';
import { CONVENTIONAL_END, EXTENDED_BASE, type InformationOptions } from './multiboot-information.js';
import { elf, multibootHeader, type ElfPart } from './test-support/elf-image.js';

const MIB = 2 ** 20;
const OPTIONS: InformationOptions = { commandLine: 'a.flat', environment: '', memoryBytes: 16 * MIB };
const RUNS = { seed: 3, numRuns: 300 };
const SEGMENTS: readonly ElfPart[] = [
  { physical: EXTENDED_BASE, bytes: Uint8Array.of(...multibootHeader(), 0xf4), memorySize: 0x1000 },
  { physical: EXTENDED_BASE + 0x1000, bytes: Uint8Array.of(1, 2, 3), memorySize: 0x20_0000 },
];

function kernel(bits: 32 | 64, segments: readonly ElfPart[] = SEGMENTS): Uint8Array<ArrayBuffer> {
  return elf({ bits, entry: EXTENDED_BASE + 12, segments });
}

/** Everything that is loaded lies in memory, nothing on anything else; a refusal is one line with a way out. */
function expectSound(image: Uint8Array, options: InformationOptions = OPTIONS): void {
  const loaded = loadMultiboot(image, options);
  if (loaded.kind === 'image') {
    expectInMemory(loaded, options.memoryBytes);
    return;
  }
  const { message, hint, offset } = loaded;
  expect(message).toMatch(/^[^\n]{5,200}$/);
  expect(hint).toMatch(/^[^\n]{10,200}$/);
  expect(`${message} ${hint}`).not.toMatch(/undefined|NaN|Infinity|\[object/);
  expect(offset >= 0 && offset <= image.length && Number.isInteger(offset)).toBe(true);
}

function expectInMemory({ segments, entry, end }: MultibootImage, memoryBytes: number): void {
  const sorted = segments.toSorted((a, b) => a.gpa - b.gpa);
  sorted.forEach(({ gpa, bytes }, index) => {
    const last = gpa + bytes.length;
    expect(gpa >= 0 && last <= memoryBytes).toBe(true);
    expect(last <= CONVENTIONAL_END || gpa >= EXTENDED_BASE).toBe(true);
    if (index > 0) expect(gpa).toBeGreaterThanOrEqual(sorted[index - 1].gpa + sorted[index - 1].bytes.length);
  });
  expect(end).toBeLessThanOrEqual(memoryBytes);
  expect(entry).toBeLessThan(memoryBytes);
}

/** Values on which sums wrap, signs turn and limits are met. */
const word = fc.oneof(
  fc.constantFrom(0n, 1n, 0x7fn, 0xffffn, 0x10_0000n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_f000n, 0xffff_ffffn),
  fc.constantFrom(0x1_0000_0000n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 0x1000n, 2n ** 64n - 1n),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
);

describe.each([32, 64] as const)('an ELF%d image', (bits) => {
  it('cut off anywhere is refused', () => {
    const image = kernel(bits);
    for (let length = 0; length < image.length; length++) {
      const cut = image.subarray(0, length);
      expect(loadMultiboot(cut, OPTIONS).kind).toBe('problem');
      expectSound(cut);
    }
  });

  it('with any field of its headers overwritten is loaded within memory or refused', () => {
    const image = kernel(bits);
    const headers = image.length - SEGMENTS[1].bytes.length - 64;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(headers), fc.constantFrom(1, 2, 4, 8), word), { maxLength: 4 }),
        (writes) => {
          const damaged = image.slice();
          for (const [at, size, value] of writes) {
            for (let byte = 0; byte < size; byte++) damaged[at + byte] = Number((value >> BigInt(8 * byte)) & 0xffn);
          }
          expectSound(damaged);
        },
      ),
      { ...RUNS, numRuns: 1000 },
    );
  });

  it('with segments that overlap, wrap or lie outside memory is loaded within memory or refused', () => {
    const address = bits === 32 ? word.map((value) => Number(value & 0xffff_ffffn)) : word.map(Number);
    const near = fc.integer({ min: 0, max: 17 * MIB });
    const part = fc.record({
      physical: fc.oneof(near, near, address),
      bytes: fc.uint8Array({ maxLength: 64 }),
      memorySize: fc.oneof(fc.integer({ min: 0, max: MIB }), address),
    });
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        expectSound(
          kernel(bits, [SEGMENTS[0], ...parts.map((each) => ({ ...each, memorySize: inRange(each, bits) }))]),
        );
      }),
      RUNS,
    );
  });

  it('with as many program headers as it can have is loaded or refused', () => {
    const image = kernel(bits);
    const [countAt, size] = bits === 64 ? [56, 56] : [44, 32];
    const table = bits === 64 ? 64 : 52;
    const many = new Uint8Array(table + 0xffff * size);
    many.set(image);
    many.set(image.subarray(table, table + size), many.length - size);
    new DataView(many.buffer).setUint16(countAt, 0xffff, true);
    expectSound(many);
  });
});

/** A size in memory that the format can hold. */
function inRange({ memorySize }: ElfPart, bits: 32 | 64): number {
  return bits === 32 ? Math.min(memorySize ?? 0, 0xffff_ffff) : Math.min(memorySize ?? 0, 2 ** 63);
}

describe('a multiboot header', () => {
  it('with any address fields is loaded within memory or refused', () => {
    const field = word.map((value) => Number(value & 0xffff_ffffn));
    const near = fc.integer({ min: EXTENDED_BASE - 64, max: EXTENDED_BASE + 64 });
    const fields = fc.array(fc.oneof(near, near, field), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(fields, fc.nat(16), fc.nat(100), (values, words, size) => {
        const image = new Uint8Array(words * 4 + 32 + size);
        image.set(multibootHeader(0x1_0003, values), words * 4);
        expectSound(image);
      }),
      { ...RUNS, numRuns: 1000 },
    );
  });

  it('with any flags, anywhere in any file, is loaded within memory or refused', () => {
    const flags = fc.integer({ min: 0, max: 0x3_ffff });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 9000 }), fc.nat(2200), flags, (bytes, at, value) => {
        const image = new Uint8Array(Math.max(bytes.length, at * 4 + 12));
        image.set(bytes);
        image.set(multibootHeader(value), at * 4);
        expectSound(image);
      }),
      RUNS,
    );
  });
});

describe('what is handed to an image', () => {
  it('fits below the first MiB, or is refused, whatever its length', () => {
    const length = fc.oneof(fc.nat(100), fc.integer({ min: 500_000, max: 700_000 }));
    fc.assert(
      fc.property(length, length, (commandLine, environment) => {
        const options = { commandLine: 'x'.repeat(commandLine), environment: 'y'.repeat(environment) };
        expectSound(kernel(32), { ...OPTIONS, ...options });
      }),
      { ...RUNS, numRuns: 30 },
    );
  });

  it('is any text: of any length, with characters of any number of bytes', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 50 }),
        fc.string({ maxLength: 50 }),
        (commandLine, environment) => {
          expectSound(kernel(32), { ...OPTIONS, commandLine, environment });
        },
      ),
      RUNS,
    );
  });

  it('is memory of any size', () => {
    fc.assert(
      fc.property(fc.oneof(fc.nat(4096 * MIB), fc.double({ noNaN: true, noDefaultInfinity: true })), (memoryBytes) => {
        expectSound(kernel(64), { ...OPTIONS, memoryBytes });
      }),
      RUNS,
    );
  });
});
