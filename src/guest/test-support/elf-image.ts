/** Builds small ELF executables for tests. */
export interface ElfOptions {
  readonly bits: 32 | 64;
  readonly entry: number;
  readonly segments: readonly ElfPart[];
}

export interface ElfPart {
  readonly physical: number;
  readonly virtual?: number;
  readonly bytes: Uint8Array;
  readonly memorySize?: number;
  readonly type?: number;
}

/** An executable whose segments follow the program headers in the file, each at a multiple of 16. */
export function elf({ bits, entry, segments }: ElfOptions): Uint8Array<ArrayBuffer> {
  const wide = bits === 64;
  const [header, stride] = wide ? [64, 56] : [52, 32];
  const starts: number[] = [];
  let end = header + stride * segments.length;
  for (const { bytes } of segments) {
    starts.push(Math.ceil(end / 16) * 16);
    end = Math.ceil(end / 16) * 16 + bytes.length;
  }
  const image = new Uint8Array(end);
  const view = new DataView(image.buffer);
  const word = (at: number, value: number): void => {
    if (wide) view.setBigUint64(at, BigInt(value), true);
    else view.setUint32(at, value, true);
  };
  image.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, wide ? 62 : 3, true);
  view.setUint32(20, 1, true);
  word(24, entry);
  word(wide ? 32 : 28, header);
  view.setUint16(wide ? 52 : 40, header, true);
  view.setUint16(wide ? 54 : 42, stride, true);
  view.setUint16(wide ? 56 : 44, segments.length, true);
  segments.forEach(({ physical, virtual = physical, bytes, memorySize = bytes.length, type = 1 }, index) => {
    const at = header + index * stride;
    view.setUint32(at, type, true);
    const fields = [starts[index], virtual, physical, bytes.length, memorySize];
    fields.forEach((value, field) => word(at + (wide ? 8 : 4) * (field + 1), value));
    image.set(bytes, starts[index]);
  });
  return image;
}

/** A multiboot-1 header; `fields` are the five address fields. */
export function multibootHeader(flags = 0, fields: readonly number[] = []): Uint8Array<ArrayBuffer> {
  const magic = 0x1bad_b002;
  return new Uint8Array(Uint32Array.of(magic, flags, -(magic + flags), ...fields).buffer);
}
