/**
 * ACPI tables (ACPI 6.5, section 5.2) as bytes for the firmware's range of memory: RSDP, RSDT, XSDT, FADT, FACS, MADT and
 * DSDT.
 *
 * Left out: HPET, SRAT.
 */
import { ACPI_PORTS, PM1_CONTROL, PM1_EVENT, PM_TIMER } from './acpi-registers.js';
import { differentiatedDescription } from './differentiated-description.js';
import { IO_APIC_BASE } from './io-apic.js';

/** Where the RSDP lies and the other tables follow, up to 1 MiB. */
export const ACPI_TABLES_BASE = 0xe_0000;

const LOCAL_APIC_BASE = 0xfee0_0000;
const HEADER_SIZE = 36;
const RSDP_SIZE = 36;
const RSDP_SIZE_1_0 = 20;
const FACS_SIZE = 64;
const ALIGNMENT = 64;
const OEM = 'IPIVB ';
const OEM_TABLE = 'IPIVBNCH';

/** APIC IDs from here on need an x2APIC entry. */
const FIRST_WIDE_APIC_ID = 255;
/** NMIs arrive at LINT1 of every processor. */
const NMI_PIN = 1;
const ALL_PROCESSORS = 0xffff_ffff;
const SCI = 9;
/** ISA interrupts that PCI or ACPI use: level-triggered, active high. */
const LEVEL_IRQS = [5, SCI, 10, 11];
const FLAGS_LEVEL_HIGH = 0x0d;
const FLAGS_DEFAULT = 0;

/** The tables for CPUs with these APIC IDs: bytes for ACPI_TABLES_BASE. */
export function acpiTables(apicIds: readonly number[]): Uint8Array {
  const image = new Uint8Array(0x2_0000);
  let free = ALIGNMENT;
  const place = (bytes: Uint8Array): number => {
    const address = ACPI_TABLES_BASE + free;
    image.set(bytes, free);
    free = Math.ceil((free + bytes.length) / ALIGNMENT) * ALIGNMENT;
    return address;
  };
  const facs = place(facsTable());
  const dsdt = place(table('DSDT', 2, differentiatedDescription()));
  const fadt = place(table('FACP', 3, fadtBody(facs, dsdt)));
  const madt = place(table('APIC', 4, madtBody(apicIds)));
  const rsdt = place(table('RSDT', 1, words32(fadt, madt)));
  const xsdt = place(table('XSDT', 1, words32(fadt, 0, madt, 0)));
  image.set(rootPointer(rsdt, xsdt), 0);
  return image.subarray(0, free);
}

/** A table with its header and checksum. */
function table(signature: string, revision: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE + body.length);
  const view = new DataView(bytes.buffer);
  bytes.set(ascii(signature), 0);
  view.setUint32(4, bytes.length, true);
  view.setUint8(8, revision);
  bytes.set(ascii(OEM), 10);
  bytes.set(ascii(OEM_TABLE), 16);
  view.setUint32(24, 1, true);
  bytes.set(ascii('IPIV'), 28);
  view.setUint32(32, 1, true);
  bytes.set(body, HEADER_SIZE);
  bytes[9] = checksum(bytes);
  return bytes;
}

function rootPointer(rsdt: number, xsdt: number): Uint8Array {
  const bytes = new Uint8Array(RSDP_SIZE);
  const view = new DataView(bytes.buffer);
  bytes.set(ascii('RSD PTR '), 0);
  bytes.set(ascii(OEM), 9);
  view.setUint8(15, 2);
  view.setUint32(16, rsdt, true);
  view.setUint32(20, RSDP_SIZE, true);
  view.setUint32(24, xsdt, true);
  bytes[8] = checksum(bytes.subarray(0, RSDP_SIZE_1_0));
  bytes[32] = checksum(bytes);
  return bytes;
}

function facsTable(): Uint8Array {
  const bytes = new Uint8Array(FACS_SIZE);
  bytes.set(ascii('FACS'), 0);
  bytes[4] = FACS_SIZE;
  bytes[32] = 1;
  return bytes;
}

/** Revision 3 (ACPI 2.0); offsets in the comments count from the start of the table. */
function fadtBody(facs: number, dsdt: number): Uint8Array {
  const bytes = new Uint8Array(244 - HEADER_SIZE);
  const view = new DataView(bytes.buffer);
  const set8 = (offset: number, value: number): void => view.setUint8(offset - HEADER_SIZE, value);
  const set16 = (offset: number, value: number): void => view.setUint16(offset - HEADER_SIZE, value, true);
  const set32 = (offset: number, value: number): void => view.setUint32(offset - HEADER_SIZE, value, true);
  const setRegister = (offset: number, bits: number, port: number): void => {
    set8(offset, 1);
    set8(offset + 1, bits);
    set32(offset + 4, port);
  };
  set32(36, facs);
  set32(40, dsdt);
  set16(46, SCI);
  set32(56, ACPI_PORTS + PM1_EVENT);
  set32(64, ACPI_PORTS + PM1_CONTROL);
  set32(76, ACPI_PORTS + PM_TIMER);
  set8(88, 4);
  set8(89, 2);
  set8(91, 4);
  // Latencies that say: no C2, no C3
  set16(96, 101);
  set16(98, 1001);
  set8(108, 0x32);
  // Legacy devices; no 8042
  set16(109, 1);
  // WBINVD works, C1, sleep and power buttons are not fixed hardware, reset register
  set32(112, 0x0435);
  setRegister(116, 8, 0xcf9);
  set8(128, 0x06);
  set32(132, facs);
  set32(140, dsdt);
  setRegister(148, 32, ACPI_PORTS + PM1_EVENT);
  setRegister(172, 16, ACPI_PORTS + PM1_CONTROL);
  setRegister(208, 32, ACPI_PORTS + PM_TIMER);
  return bytes;
}

function madtBody(apicIds: readonly number[]): Uint8Array {
  const [pcatCompatible, enabled] = [1, 1];
  const cpus = apicIds.flatMap((id, uid) =>
    id < FIRST_WIDE_APIC_ID
      ? [0, 8, uid & 0xff, id, ...bytes32(enabled)]
      : [9, 16, 0, 0, ...bytes32(id), ...bytes32(enabled), ...bytes32(uid)],
  );
  const ioApic = [1, 12, 0, 0, ...bytes32(IO_APIC_BASE), ...bytes32(0)];
  const overrides = [
    sourceOverride(0, 2, FLAGS_DEFAULT),
    ...LEVEL_IRQS.map((irq) => sourceOverride(irq, irq, FLAGS_LEVEL_HIGH)),
  ];
  const nmi = [4, 6, 0xff, 0, 0, NMI_PIN];
  const hasWide = apicIds.some((id) => id >= FIRST_WIDE_APIC_ID);
  const wideNmi = hasWide ? [10, 12, 0, 0, ...bytes32(ALL_PROCESSORS), NMI_PIN, 0, 0, 0] : [];
  return Uint8Array.from([
    ...bytes32(LOCAL_APIC_BASE),
    ...bytes32(pcatCompatible),
    ...cpus,
    ...ioApic,
    ...overrides.flat(),
    ...nmi,
    ...wideNmi,
  ]);
}

/** ISA interrupt `irq` arrives at I/O APIC input `input`. */
function sourceOverride(irq: number, input: number, flags: number): number[] {
  return [2, 10, 0, irq, ...bytes32(input), flags, 0];
}

function bytes32(value: number): number[] {
  return [...words32(value)];
}

function words32(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** What makes the sum of all bytes 0. */
function checksum(bytes: Uint8Array): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}
