/**
 * What CPUID announces and what the processor executes are the same: no feature without its instructions, no instruction
 * without its feature. The encodings are all those that a decoder finds.
 */
import { Code, CpuidFeature, Decoder, DecoderOptions, Instruction, Mnemonic } from 'iced-x86';
import { describe, expect, it } from 'vitest';
import { isAnnounced } from '../src/hardware/cpu/announced-instructions.js';
import { CR4_OSFXSR, CR4_OSXSAVE } from '../src/hardware/cpu/control-register-bits.js';
import { cpuid } from '../src/hardware/cpu/cpuid.js';
import { DEFAULT_FEATURES } from '../src/hardware/cpu/features.js';
import { SLOW } from '../src/hardware/cpu/opcodes.js';
import { OpcodeSelector } from '../src/hardware/cpu/opcode-selection.js';
import { describeInstruction } from '../src/hardware/cpu/record-encoding.js';
import { executeSlow } from '../src/hardware/cpu/slow-instructions.js';
import { UnimplementedInstructionError } from '../src/hardware/cpu/unimplemented.js';
import { guestCpuid } from '../src/hypervisor/guest-cpuid.js';
import { kvmMachine } from '../src/hypervisor/test-support/kvm-machine.js';
import { cpuFixture, DATA } from './support/cpu-fixture.js';
import { uniformCosts } from './support/uniform-costs.js';

const F = CpuidFeature;

/** By leaf, subleaf and register: what each bit that may be announced stands for. Null: no instruction of its own. */
const BITS: readonly (readonly [
  leaf: number,
  register: 'ebx' | 'ecx' | 'edx',
  Readonly<Record<number, CpuidFeature | null>>,
])[] = [
  [
    1,
    'ecx',
    {
      0: F.SSE3,
      3: F.MONITOR,
      5: F.VMX,
      9: F.SSSE3,
      7: null,
      13: F.CMPXCHG16B,
      14: null,
      19: F.SSE4_1,
      17: null,
      20: F.SSE4_2,
      21: null,
      22: F.MOVBE,
      23: F.POPCNT,
      24: null,
      26: F.XSAVE,
      27: null,
      30: F.RDRAND,
    },
  ],
  [
    1,
    'edx',
    {
      ...{ 0: F.FPU, 2: null, 3: null, 4: F.TSC, 5: F.MSR, 6: null, 7: null, 8: F.CX8, 9: null, 11: F.SEP, 12: null },
      ...{
        13: null,
        14: null,
        15: F.CMOV,
        16: null,
        17: null,
        19: F.CLFSH,
        23: F.MMX,
        24: F.FXSR,
        25: F.SSE,
        26: F.SSE2,
      },
      ...{ 27: null, 28: null },
    },
  ],
  [
    7,
    'ebx',
    {
      ...{
        0: F.FSGSBASE,
        1: null,
        3: F.BMI1,
        6: null,
        7: null,
        8: F.BMI2,
        9: null,
        10: F.INVPCID,
        11: F.RTM,
        13: null,
        18: F.RDSEED,
        19: F.ADX,
      },
      ...{ 20: F.SMAP, 23: F.CLFLUSHOPT, 24: F.CLWB },
    },
  ],
  [7, 'ecx', { 2: null, 22: F.RDPID }],
  [7, 'edx', { 5: F.UINTR, 14: F.SERIALIZE, 26: null, 27: null, 29: null }],
  [0x8000_0001, 'ecx', { 0: null, 5: F.LZCNT, 8: F.PREFETCHW }],
  [0x8000_0001, 'edx', { 11: F.SYSCALL, 20: null, 26: null, 27: F.RDTSCP, 29: F.X64 }],
];

const HYPERVISOR = 1 << 31;

/** No operations on processors without the feature. */
const RDSSP = /^Rdssp/;
const HINTS = new Set<number>([F.CET_IBT, F.CLDEMOTE, F.PREFETCHITI, F.PREFETCHWT1, F.MPX, F.WBNOINVD]);

interface Encoding {
  readonly code: Code;
  readonly bytes: Uint8Array;
  readonly bits: 32 | 64;
}

const PREFIXES = [[], [0x66], [0xf2], [0xf3]];
const MAPS = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];
/** [rbx] and rcx with each opcode extension, and what the last bits choose between where they do. */
const OPERANDS = Array.from({ length: 8 }, (_, extension) => [(extension << 3) | 3, 0xc1 | (extension << 3)]).flat();
const REGISTERS = Array.from({ length: 64 }, (_, last) => 0xc0 | last);

/** Beginnings of instructions, up to the byte that chooses the operands. */
function* beginnings(bits: 32 | 64): Generator<readonly number[]> {
  for (const prefix of PREFIXES) {
    for (const map of MAPS) {
      for (let opcode = 0; opcode < 256; opcode++) {
        yield [...prefix, ...map, opcode];
        if (bits === 64) yield [...prefix, 0x48, ...map, opcode];
      }
    }
  }
  for (let map = 1; map <= 3; map++) {
    for (let rest = 0; rest < 4; rest++) {
      for (let opcode = 0; opcode < 256; opcode++) {
        yield [0xc4, 0xe0 | map, 0x78 | rest, opcode];
        yield [0xc4, 0xe0 | map, 0x70 | rest, opcode];
      }
    }
  }
}

/** One instance of each encoding, with memory and with registers. */
function allEncodings(bits: 32 | 64): Encoding[] {
  const found = new Map<string, Encoding>();
  const instruction = new Instruction();
  for (const beginning of beginnings(bits)) {
    for (const operands of chooses(beginning) ? [...OPERANDS, ...REGISTERS] : OPERANDS) {
      const bytes = Uint8Array.from([...beginning, operands, ...Array<number>(8).fill(1)]);
      const decoder = new Decoder(bits, bytes, DecoderOptions.None);
      decoder.decodeOut(instruction);
      decoder.free();
      const { code, length } = instruction;
      const key = `${String(code)} ${String(operands < 0xc0)}`;
      if (code !== Code.INVALID && !found.has(key)) found.set(key, { code, bytes: bytes.slice(0, length), bits });
    }
  }
  instruction.free();
  return [...found.values()];
}

function chooses(beginning: readonly number[]): boolean {
  const opcode = beginning[beginning.length - 1];
  return (opcode >= 0xd8 && opcode <= 0xdf) || (beginning.includes(0x0f) && (opcode === 0x01 || opcode === 0xae));
}

const selector = new OpcodeSelector(uniformCosts(1));

function decoded({ bits, bytes }: Encoding): Instruction {
  const decoder = new Decoder(bits, bytes, DecoderOptions.None);
  const instruction = decoder.decode();
  decoder.free();
  return instruction;
}

/** What becomes of an instruction: the interpreter has it, or the host executes it, faults or gives up. */
function fate(encoding: Encoding): 'interpreter' | 'host' | '#UD' | 'unimplemented' {
  const instruction = decoded(encoding);
  if (selector.select(instruction).opcode !== SLOW) return 'interpreter';
  const fixture = cpuFixture();
  const { cpu } = fixture;
  cpu.cr4 |= CR4_OSFXSR | CR4_OSXSAVE;
  cpu.setGprNumber(3, DATA);
  try {
    executeSlow(cpu, describeInstruction(instruction, encoding.bytes));
  } catch (error) {
    if (error instanceof UnimplementedInstructionError) return 'unimplemented';
    throw error;
  }
  return cpu.fault?.kind === 'exception' && cpu.fault.vector === 6 ? '#UD' : 'host';
}

function nameOf({ code, bytes }: Encoding): string {
  return `${Code[code]} ${Buffer.from(bytes).toString('hex')}`;
}

function mnemonicOf({ code }: Encoding): string {
  const instruction = new Instruction();
  instruction.code = code;
  return Mnemonic[instruction.mnemonic];
}

function featuresOf({ code }: Encoding): number[] {
  const instruction = new Instruction();
  instruction.code = code;
  return Array.from(instruction.cpuidFeatures());
}

describe('CPUID under the KVM model', () => {
  const { sender, run } = kvmMachine();
  run(1);

  it.each(BITS)('leaf %i, %s: has what the processor has, and the hypervisor bit', (leaf, register) => {
    const own = leaf === 1 && register === 'ecx' ? HYPERVISOR : 0;
    const guest = guestCpuid(sender.vm, sender.vcpu, leaf, 0)[register];
    expect(guest & ~own & ~cpuid(sender.cpu, leaf, 0)[register]).toBe(0);
  });
});

describe('what CPUID announces', () => {
  const { cpu } = cpuFixture();

  it.each(BITS)('leaf %i, %s: bits that are known, and the instructions behind them', (leaf, register, known) => {
    const value = cpuid(cpu, leaf, 0)[register];
    for (let bit = 0; bit < 32; bit++) {
      if (((value >>> bit) & 1) === 0) continue;
      expect(Object.keys(known).map(Number)).toContain(bit);
    }
  });

  const encodings = allEncodings(64);
  const announced = encodings.filter(({ code }) => isAnnounced(DEFAULT_FEATURES, code));
  const others = encodings.filter(({ code }) => !isAnnounced(DEFAULT_FEATURES, code));

  it('is executed', () => {
    const missing = announced.filter((encoding) => fate(encoding) === 'unimplemented');
    expect(missing.map(nameOf)).toEqual([]);
  });

  it('is all there is: other instructions are #UD', () => {
    const executed = others.filter((encoding) => fate(encoding) !== '#UD');
    expect(
      executed
        .filter(
          (encoding) =>
            !featuresOf(encoding).some((feature) => HINTS.has(feature)) && !RDSSP.test(mnemonicOf(encoding)),
        )
        .map(nameOf),
    ).toEqual([]);
  });
});
