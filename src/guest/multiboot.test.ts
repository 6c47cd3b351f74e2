import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LoadProblem } from './load-problem.js';
import { loadMultiboot, type MultibootImage } from './multiboot.js';
import type { InformationOptions } from './multiboot-information.js';
import { elf, multibootHeader } from './test-support/elf-image.js';

const BASE = 0x10_0000;
const OPTIONS: InformationOptions = { commandLine: 'a.flat ipi', environment: '', memoryBytes: 64 * 2 ** 20 };
/** Header, then HLT and a jump back to it. */
const TEXT = Uint8Array.of(...multibootHeader(), 0xf4, 0xeb, 0xfd);

interface Kernel {
  readonly bits?: 32 | 64;
  readonly physical?: number;
  readonly memorySize?: number;
  readonly text?: Uint8Array;
  readonly entry?: number;
}

function kernel({ bits = 32, physical = BASE, text = TEXT, ...rest }: Kernel = {}): Uint8Array<ArrayBuffer> {
  const { memorySize = text.length, entry = physical + 12 } = rest;
  return elf({ bits, entry, segments: [{ physical, bytes: text, memorySize }] });
}

function load(image: Uint8Array, options: Partial<InformationOptions> = {}): MultibootImage {
  const loaded = loadMultiboot(image, { ...OPTIONS, ...options });
  if (loaded.kind === 'problem') throw new Error(loaded.message);
  return loaded;
}

function problem(image: Uint8Array, options: Partial<InformationOptions> = {}): LoadProblem {
  const loaded = loadMultiboot(image, { ...OPTIONS, ...options });
  if (loaded.kind === 'image') throw new Error('loaded');
  return loaded;
}

/** Memory as the guest sees it: 32-bit words and strings of the multiboot information. */
function memory({ segments }: MultibootImage): {
  word: (at: number) => number;
  text: (at: number, end?: number) => string;
} {
  const { gpa, bytes } = segments[segments.length - 1];
  const view = new DataView(bytes.buffer);
  return {
    word: (at) => view.getUint32(at - gpa, true),
    text: (at, end = gpa + bytes.indexOf(0, at - gpa)) => new TextDecoder().decode(bytes.subarray(at - gpa, end - gpa)),
  };
}

describe('loadMultiboot', () => {
  it.each([32, 64] as const)('flags 0: the program headers of ELF%d say what goes where', (bits) => {
    const image = load(kernel({ bits, memorySize: 0x9000 }));
    expect(image.segments[0]).toEqual({ gpa: BASE, bytes: TEXT });
    expect(image).toMatchObject({ entry: BASE + 12, end: BASE + 0x9000 });
  });

  it('starts in flat 32-bit protected mode with the magic number in EAX and the information in EBX', () => {
    const { eax, ebx, informationAddress, registers } = load(kernel());
    expect([eax, ebx]).toEqual([0x2bad_b002, informationAddress]);
    expect(registers).toMatchObject({ rip: BASE + 12, rflags: 2, cr0: 0x11, cr4: 0, efer: 0 });
    expect(registers.segments[1]).toMatchObject({ base: 0, limit: 0xffff_ffff, access: 0xc09b });
  });

  it('flag bit 16: the address fields say what goes where, also when the file is no ELF', () => {
    const header = multibootHeader(0x1_0003, [BASE, BASE, 0, BASE + 0x1000, BASE + 32]);
    const image = load(Uint8Array.of(0, 0, 0, 0, ...header, 0xf4));
    expect(image.segments[0]).toEqual({ gpa: BASE, bytes: Uint8Array.of(...header, 0xf4) });
    expect(image).toMatchObject({ entry: BASE + 32, end: BASE + 0x1000 });
  });

  it('gives the command line, the loader and the sizes of memory in KiB', () => {
    const image = load(kernel());
    const { word, text } = memory(image);
    expect(word(image.ebx) & 0x4d).toBe(0x4d);
    expect([word(image.ebx + 4), word(image.ebx + 8)]).toEqual([639, 63 * 1024]);
    expect(text(word(image.ebx + 16))).toBe('a.flat ipi');
    expect(text(word(image.ebx + 64))).toBe('ipiv-bench');
  });

  it('gives the memory map: two ranges of memory around the reserved ones', () => {
    const image = load(kernel());
    const { word } = memory(image);
    const map: number[][] = [];
    for (let at = word(image.ebx + 48); at < word(image.ebx + 48) + word(image.ebx + 44); at += word(at) + 4) {
      map.push([word(at + 4), word(at + 12), word(at + 20)]);
    }
    expect(map).toEqual([
      [0, 0x9_fc00, 1],
      [0x9_fc00, 0x400, 2],
      [0xe_0000, 0x2_0000, 2],
      [BASE, 63 * 2 ** 20, 1],
    ]);
  });

  it('hands the environment over as the only module, at a page of its own', () => {
    const image = load(kernel(), { environment: 'TEST_DEVICE=0\nNR_CPUS=2\n' });
    const { word, text } = memory(image);
    const module = word(image.ebx + 24);
    expect(word(image.ebx + 20)).toBe(1);
    expect(word(module) % 4096).toBe(0);
    expect(text(word(module), word(module + 4))).toBe('TEST_DEVICE=0\nNR_CPUS=2\n');
  });

  it.each([
    ['behind it', 0x8000, 0xa000],
    ['where it always is, if the kernel ends below', 0x4000, 0x9000],
  ])('lays the information of a kernel in conventional memory %s', (_, physical, expected) => {
    const image = load(kernel({ physical, memorySize: 0x1800 }), { environment: 'A=1\n' });
    const { word, text } = memory(image);
    expect([image.ebx, image.informationAddress]).toEqual([expected, expected]);
    expect(text(word(image.ebx + 16))).toBe('a.flat ipi');
    expect(text(word(word(image.ebx + 24)), word(word(image.ebx + 24) + 4))).toBe('A=1\n');
  });

  it('has no module without an environment', () => {
    const image = load(kernel());
    expect(memory(image).word(image.ebx + 20)).toBe(0);
  });

  it('finds a header at any multiple of 4 that lies within the first 8192 bytes', () => {
    const at = (offset: number): Uint8Array => {
      const text = new Uint8Array(9000);
      text.set(multibootHeader(), offset - 96);
      return kernel({ text, entry: BASE });
    };
    expect(load(at(8192 - 12)).entry).toBe(BASE);
    expect(problem(at(8192 - 8)).message).toContain('no multiboot header');
    expect(problem(at(98)).message).toContain('no multiboot header');
  });

  const wrongSum = kernel();
  wrongSum[wrongSum.length - 4] ^= 1;
  // prettier-ignore
  it.each([
    ['an empty file',                     new Uint8Array(0),                                     'no multiboot header'],
    ['ELF cut off before the header',     kernel().subarray(0, 60),                                'truncated ELF'],
    ['a file that is no image',           new TextEncoder().encode('#!/bin/sh\n'.repeat(100)),   'no multiboot header'],
    ['a wrong checksum',                  wrongSum,                                              'wrong checksum'],
    ['a video mode',                      kernel({ text: multibootHeader(4) }),                  'flags 4H'],
    ['no ELF and no addresses',           multibootHeader(),                                     'not ELF'],
    ['address fields cut off',            multibootHeader(0x1_0000, [BASE]),                     'ends within'],
    ['a load address past the header',    multibootHeader(0x1_0000, [BASE, BASE + 4, 0, 0, BASE]), 'address fields'],
    ['data before the file',              multibootHeader(0x1_0000, [BASE + 64, BASE, 0, 0, BASE]), 'address fields'],
    ['an end before the data',            multibootHeader(0x1_0000, [BASE, BASE, 0, BASE + 8, BASE]), 'bss_end_addr'],
    ['a segment outside memory',          kernel({ physical: 0x400_0000 }),                      'does not fit in the machine\'s 64 MiB'],
    ['an image too large',                kernel({ memorySize: 0x7000_0000 }),                   'does not fit'],
    ['a segment where no memory is',      kernel({ physical: 0x9_fbff }),                        'where there is no memory'],
    ['no room for the information',       kernel({ physical: 0x9_f000 }),                        'command line, environment and memory map need'],
    ['an entry outside the segments',     kernel({ entry: 0x20_0000 }),                          'entry point 200000H'],
  ])('reports %s', (_, image, message) => {
    const found = problem(image);
    expect(found.message).toContain(message);
    expect(found.hint).not.toBe('');
  });

  it('names the memory that would be enough', () => {
    expect(problem(kernel({ memorySize: 0x7000_0000 })).hint).toBe('give it at least 1793 MiB');
  });

  it('names the memory that would be enough for all segments, not for the first that does not fit', () => {
    const segments = [0x500_0000, 0x600_0000].map((physical) => ({ physical, bytes: TEXT, memorySize: 0x10_0000 }));
    expect(problem(elf({ bits: 32, entry: 0, segments })).hint).toBe('give it at least 97 MiB');
  });

  it('reports segments that overlap', () => {
    const segments = [BASE + 8, BASE].map((physical) => ({ physical, bytes: TEXT }));
    expect(problem(elf({ bits: 64, entry: BASE, segments })).message).toBe('segments overlap at 100008H');
  });

  it('reports texts that do not fit or would be cut', () => {
    expect(problem(kernel(), { environment: 'X'.repeat(700_000) }).message).toContain('need');
    expect(problem(kernel(), { commandLine: 'a\0b' }).message).toContain('zero byte');
    expect(problem(kernel(), { memoryBytes: 2 ** 32 }).message).toContain('4096 MiB');
  });

  it('a file cut off anywhere is reported or loads whole', () => {
    const image = kernel({ bits: 64 });
    for (let length = 0; length < image.length; length++) problem(image.subarray(0, length));
  });

  it('whatever is in the file: a problem, or bytes inside memory that do not overlap', () => {
    const mutation = fc.tuple(fc.nat({ max: 200 }), fc.constantFrom(0, 1, 0x7f, 0x80, 0xfe, 0xff));
    const base = fc.constantFrom(kernel(), kernel({ bits: 64 }), multibootHeader(0x1_0000, [BASE, BASE, 0, 0, BASE]));
    fc.assert(
      fc.property(base, fc.array(mutation, { maxLength: 6 }), fc.nat(300), (original, mutations, cut) => {
        const image = original.slice(0, Math.max(0, original.length - (cut > 250 ? cut - 250 : 0)));
        for (const [offset, value] of mutations)
          if (offset % original.length > 15) image[offset % original.length] = value;
        const loaded = loadMultiboot(image, OPTIONS);
        if (loaded.kind === 'problem') return;
        const ranges = loaded.segments.map(({ gpa, bytes }) => [gpa, gpa + bytes.length]).sort(([a], [b]) => a - b);
        let free = 0;
        for (const [start, end] of ranges) {
          expect(start).toBeGreaterThanOrEqual(free);
          free = end;
        }
        expect(Math.max(free, loaded.end)).toBeLessThanOrEqual(OPTIONS.memoryBytes);
      }),
      { numRuns: 2000 },
    );
  });
});
