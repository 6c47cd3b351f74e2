/** Registers in text, for reports of failures. */
import type { Cpu } from './cpu.js';
import { modeName } from './mode.js';

const GENERAL = ['RAX', 'RCX', 'RDX', 'RBX', 'RSP', 'RBP', 'RSI', 'RDI'] as const;
const RSP = 4;
const GENERAL_PER_LINE = 4;
const SEGMENTS = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS', 'LDTR', 'TR'] as const;
const SEGMENTS_PER_LINE = 2;

/** The general-purpose registers, in lines without line ends. `rsp` is that of whom the others belong to. */
export function generalRegisterLines(cpu: Cpu, rsp: bigint = cpu.gpr(RSP)): string[] {
  const registers = Array.from({ length: 16 }, (_, number) => {
    const name = number < GENERAL.length ? GENERAL[number] : `R${String(number)}`;
    return `${name.padEnd(3)}=${hex64(number === RSP ? rsp : cpu.gpr(number))}`;
  });
  return inLines(registers, GENERAL_PER_LINE);
}

/** All registers that say what the CPU was about, in lines without line ends. */
export function registerLines(cpu: Cpu): string[] {
  const { gdtr, idtr } = cpu;
  return [
    `CPU ${String(cpu.id)}: RIP=${address(cpu.rip)} RFLAGS=${hex(cpu.rflags, 8)} CPL=${String(cpu.cpl)}, in ${modeName(cpu)}`,
    ...generalRegisterLines(cpu),
    `CR0=${hex(cpu.cr0, 8)} CR2=${address(cpu.cr2)} CR3=${address(cpu.cr3)} CR4=${hex(cpu.cr4, 8)} EFER=${hex(cpu.eferLow, 8)}`,
    ...inLines(
      SEGMENTS.map((name, number) => segmentText(cpu, name, number)),
      SEGMENTS_PER_LINE,
    ),
    `GDTR=${address(gdtr.base)} limit ${hex(gdtr.limit, 4)} IDTR=${address(idtr.base)} limit ${hex(idtr.limit, 4)}`,
  ];
}

function segmentText(cpu: Cpu, name: string, number: number): string {
  const { selector, limit, access } = cpu.segments[number];
  const base = address(cpu.segmentBase(number));
  return `${name.padEnd(4)}=${hex(selector, 4)} base ${base} limit ${hex(limit, 8)} access ${hex(access, 5)}`;
}

function inLines(texts: readonly string[], perLine: number): string[] {
  const lines: string[] = [];
  for (let first = 0; first < texts.length; first += perLine) lines.push(texts.slice(first, first + perLine).join(' '));
  return lines;
}

function address(value: number): string {
  return hex64(BigInt(value));
}

function hex64(value: bigint): string {
  return BigInt.asUintN(64, value).toString(16).padStart(16, '0');
}

function hex(value: number, digits: number): string {
  return (value >>> 0).toString(16).padStart(digits, '0');
}
