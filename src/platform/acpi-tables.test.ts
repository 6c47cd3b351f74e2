import { describe, expect, it } from 'vitest';
import { ACPI_TABLES_BASE, acpiTables } from './acpi-tables.js';

const image = acpiTables([0, 2, 300]);
const view = new DataView(image.buffer, image.byteOffset, image.byteLength);

function text(address: number, length: number): string {
  return String.fromCharCode(...image.subarray(address - ACPI_TABLES_BASE, address - ACPI_TABLES_BASE + length));
}

function word(address: number): number {
  return view.getUint32(address - ACPI_TABLES_BASE, true);
}

function sum(address: number, length: number): number {
  return image
    .subarray(address - ACPI_TABLES_BASE, address - ACPI_TABLES_BASE + length)
    .reduce((a, b) => (a + b) & 0xff, 0);
}

/** The way of an operating system: scan for the RSDP in steps of 16, then the RSDT or XSDT. */
function rsdp(): number {
  for (let at = 0xe_0000; at < 0x10_0000; at += 16) if (text(at, 8) === 'RSD PTR ') return at;
  throw new Error('no RSDP');
}

function find(signature: string, extended: boolean): number {
  const root = word(rsdp() + (extended ? 24 : 16));
  for (let at = root + 36; at < root + word(root + 4); at += extended ? 8 : 4) {
    if (text(word(at), 4) === signature) return word(at);
  }
  throw new Error(`no ${signature}`);
}

describe('acpiTables', () => {
  it('fit below 1 MiB, also for the largest machine', () => {
    expect(acpiTables(Array.from({ length: 4096 }, (_, id) => id)).length).toBeLessThanOrEqual(0x2_0000);
  });

  it('the root pointer has both checksums', () => {
    expect([sum(rsdp(), 20), sum(rsdp(), 36)]).toEqual([0, 0]);
  });

  it('RSDT and XSDT have their checksums', () => {
    const roots = [word(rsdp() + 16), word(rsdp() + 24)];
    expect(roots.map((at) => [text(at, 4), sum(at, word(at + 4))])).toEqual([
      ['RSDT', 0],
      ['XSDT', 0],
    ]);
  });

  it.each(['FACP', 'APIC'])('%s is in RSDT and XSDT, with its checksum', (signature) => {
    const address = find(signature, false);
    expect(find(signature, true)).toBe(address);
    expect(sum(address, word(address + 4))).toBe(0);
  });

  it('the FADT names the PM timer, an aligned FACS and the DSDT', () => {
    const fadt = find('FACP', false);
    expect(word(fadt + 76)).toBe(0x608);
    expect(text(word(fadt + 36), 4)).toBe('FACS');
    expect(word(fadt + 36) % 64).toBe(0);
    expect(text(word(fadt + 40), 4)).toBe('DSDT');
    expect(sum(word(fadt + 40), word(word(fadt + 40) + 4))).toBe(0);
  });

  it('the MADT lists the CPUs, the I/O APIC and where IRQ 0 arrives', () => {
    const madt = find('APIC', false);
    const entries: number[][] = [];
    for (let at = madt + 44; at < madt + word(madt + 4); at += entries[entries.length - 1][1]) {
      const offset = at - ACPI_TABLES_BASE;
      entries.push([...image.subarray(offset, offset + image[offset + 1])]);
    }
    const ofType = (type: number): number[][] => entries.filter(([t]) => t === type);
    expect(ofType(0).map((entry) => entry[3])).toEqual([0, 2]);
    expect(ofType(9).map((entry) => entry[4] | (entry[5] << 8))).toEqual([300]);
    expect(ofType(1)).toEqual([[1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0]]);
    expect(ofType(2)[0]).toEqual([2, 10, 0, 0, 2, 0, 0, 0, 0, 0]);
    expect(ofType(4)).toEqual([[4, 6, 0xff, 0, 0, 1]]);
    expect(ofType(10)).toEqual([[10, 12, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0]]);
    expect(word(madt + 36)).toBe(0xfee0_0000);
  });
});
