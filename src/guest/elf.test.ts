import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseElf } from './elf.js';
import { elf, type ElfOptions } from './test-support/elf-image.js';

const TEXT = Uint8Array.of(0xf4, 0xeb, 0xfd);

function parse(options: Partial<ElfOptions> = {}): ReturnType<typeof parseElf> {
  return parseElf(elf({ bits: 64, entry: 0x10_0000, segments: [{ physical: 0x10_0000, bytes: TEXT }], ...options }));
}

describe('parseElf', () => {
  it.each([32, 64] as const)('reads the loadable segments and the entry of ELF%d', (bits) => {
    const segments = [
      { physical: 0x10_0000, bytes: TEXT },
      { physical: 0x20_0000, bytes: TEXT, memorySize: 0x5000 },
    ];
    const file = parse({ bits, entry: 0x10_0001, segments });
    expect(file).toMatchObject({
      kind: 'elf',
      entry: 0x10_0001,
      segments: [
        { physicalAddress: 0x10_0000, fileSize: 3, memorySize: 3 },
        { physicalAddress: 0x20_0000, fileSize: 3, memorySize: 0x5000 },
      ],
    });
  });

  it('translates an entry point with its segment from virtual to physical', () => {
    const segments = [{ physical: 0x10_0000, virtual: 0x8000_0000, bytes: TEXT }];
    expect(parse({ entry: 0x8000_0002, segments })).toMatchObject({ entry: 0x10_0002 });
  });

  it('leaves out program headers that load nothing', () => {
    const segments = [
      { physical: 0x20_0000, bytes: new Uint8Array(0) },
      { physical: 0x10_0000, bytes: TEXT },
      { physical: 0x30_0000, bytes: TEXT, type: 4 },
    ];
    const file = parse({ segments });
    expect(file.kind === 'elf' && file.segments.map((s) => s.physicalAddress)).toEqual([0x10_0000]);
  });

  // prettier-ignore
  it.each([
    ['another class',          4,  3,    'ELF class 3'],
    ['big-endian',             5,  2,    'little-endian'],
    ['a relocatable object',   16, 1,    'not an executable'],
    ['another machine',        18, 0xb7, 'ELF machine 183'],
    ['small program headers',  54, 8,    'too small'],
    ['headers past the end',   56, 200,  'end beyond the file'],
  ])('names %s', (_, offset, value, message) => {
    const image = elf({ bits: 64, entry: 0, segments: [{ physical: 0, bytes: TEXT }] });
    image[offset] = value;
    const problem = parseElf(image);
    expect(problem.kind === 'problem' && problem.message).toContain(message);
  });

  it('reports a file cut off anywhere, never throws', () => {
    const image = elf({ bits: 32, entry: 0x10_0000, segments: [{ physical: 0x10_0000, bytes: TEXT }] });
    for (let length = 0; length < image.length; length++) {
      expect(parseElf(image.subarray(0, length)).kind).toBe('problem');
    }
  });

  it('takes any bytes after the magic number', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(1, 2), (bytes, elfClass) => {
        const image = Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, elfClass, 1, ...bytes);
        expect(['elf', 'problem']).toContain(parseElf(image).kind);
      }),
    );
  });
});
