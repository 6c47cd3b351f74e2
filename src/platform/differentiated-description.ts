/**
 * The definition block of the DSDT in AML (ACPI 6.5, chapter 20; resource descriptors 6.4): \_S5 for soft off, and the PCI
 * root bridge with what it decodes, without which operating systems that trust ACPI do not look at the PCI bus.
 *
 * Left out: interrupt routing of PCI (no function has an interrupt pin), processors (the MADT lists them), ISA devices.
 */
import { SLEEP_TYPE_SOFT_OFF } from './acpi-registers.js';

// Opcodes
const NAME = 0x08;
const BYTE = 0x0a;
const DWORD = 0x0c;
const SCOPE = 0x10;
const BUFFER = 0x11;
const PACKAGE = 0x12;
const DEVICE = [0x5b, 0x82] as const;

/** EISAID("PNP0A03"): PCI bus. */
const PCI_BUS = [0x41, 0xd0, 0x0a, 0x03] as const;
/** Largest length that takes one byte. */
const SHORT_LENGTH = 0x3f;
/** Minimum and maximum are fixed, the bridge decodes everything between them. */
const FIXED = 0x0c;
const END_TAG = [0x79, 0x00] as const;

// Types of address-space resources, and their flags
const MEMORY = 0;
const IO = 1;
const BUS_NUMBERS = 2;
const ENTIRE_RANGE = 0x03;
const READ_WRITE = 0x01;

// What the bridge decodes
const CONFIGURATION_PORTS = 0xcf8;
const CONFIGURATION_PORTS_SIZE = 8;
/** From the end of the largest memory to the I/O APIC. */
const PCI_MEMORY_FIRST = 0xc000_0000;
const PCI_MEMORY_LAST = 0xfebf_ffff;

export function differentiatedDescription(): Uint8Array {
  return Uint8Array.from([...softOff(), ...scope('\\_SB_', device('PCI0', pciRoot()))]);
}

/** Name (_S5, Package (4) { type, type, 0, 0 }) */
function softOff(): number[] {
  const elements = [SLEEP_TYPE_SOFT_OFF, SLEEP_TYPE_SOFT_OFF, 0, 0].flatMap((value) => [BYTE, value]);
  return name('_S5_', [PACKAGE, ...withLength([4, ...elements])]);
}

function pciRoot(): number[] {
  const configurationEnd = CONFIGURATION_PORTS + CONFIGURATION_PORTS_SIZE;
  const resources = [
    ...wordSpace(BUS_NUMBERS, 0, 0, 0xff),
    ...ports(CONFIGURATION_PORTS, CONFIGURATION_PORTS_SIZE),
    ...wordSpace(IO, ENTIRE_RANGE, 0, CONFIGURATION_PORTS - 1),
    ...wordSpace(IO, ENTIRE_RANGE, configurationEnd, 0xffff),
    ...doubleWordSpace(MEMORY, READ_WRITE, PCI_MEMORY_FIRST, PCI_MEMORY_LAST),
    ...END_TAG,
  ];
  const buffer = [BUFFER, ...withLength([BYTE, resources.length, ...resources])];
  return [...name('_HID', [DWORD, ...PCI_BUS]), ...name('_CRS', buffer)];
}

function scope(path: string, body: readonly number[]): number[] {
  return [SCOPE, ...withLength([...ascii(path), ...body])];
}

function device(id: string, body: readonly number[]): number[] {
  return [...DEVICE, ...withLength([...ascii(id), ...body])];
}

function name(id: string, value: readonly number[]): number[] {
  return [NAME, ...ascii(id), ...value];
}

/** PkgLength counts itself: one byte, or two with the low four bits in the first. */
function withLength(body: readonly number[]): number[] {
  const short = body.length + 1;
  if (short <= SHORT_LENGTH) return [short, ...body];
  const long = body.length + 2;
  return [0x40 | (long & 15), long >>> 4, ...body];
}

/** I/O port descriptor with 16-bit decoding. */
function ports(first: number, size: number): number[] {
  return [0x47, 0x01, ...words16(first, first), 1, size];
}

/** Word address space descriptor. */
function wordSpace(type: number, flags: number, first: number, last: number): number[] {
  return [0x88, ...words16(13), type, FIXED, flags, ...words16(0, first, last, 0, last - first + 1)];
}

/** Double-word address space descriptor. */
function doubleWordSpace(type: number, flags: number, first: number, last: number): number[] {
  return [0x87, ...words16(23), type, FIXED, flags, ...words32(0, first, last, 0, last - first + 1)];
}

function words16(...values: number[]): number[] {
  return values.flatMap((value) => [value & 0xff, (value >>> 8) & 0xff]);
}

function words32(...values: number[]): number[] {
  return values.flatMap((value) => [...words16(value), ...words16(value >>> 16)]);
}

function ascii(text: string): number[] {
  return [...new TextEncoder().encode(text)];
}
