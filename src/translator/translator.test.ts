import fc from 'fast-check';
import { Code, Instruction, MemoryOperand, Register } from 'iced-x86';
import { describe, expect, it } from 'vitest';
import { bareMachine } from '../../test/support/bare-machine.js';
import { openToUsers } from '../../test/support/page-tables.js';
import { WINDOW_ADDRESS, WINDOW_SIZE } from '../../test/support/vector-state.js';
import { Assembler, type Label } from '../guest/assembler.js';
import { KERNEL_CODE } from '../guest/memory-map.js';
import { EBP, ECX, EDI, RSI } from '../guest/operand.js';
import { CR0_AM } from '../hardware/cpu/control-register-bits.js';
import type { Cpu } from '../hardware/cpu/cpu.js';
import { VECTOR_AC } from '../hardware/cpu/exception-vector.js';
import { CPU_REGION_RETIRED, CPU_RETIRED, CPU_STOP_INFO, STOP_FAULT, STOP_MARKER } from '../hardware/cpu/layout.js';
import { RFLAGS_AC } from '../hardware/cpu/rflags.js';
import { handleStop } from '../hardware/cpu/stops.js';
import type { SimulationOptions } from '../machine/machine-options.js';

type Bits = 8 | 16 | 32 | 64;

/** What random instructions use; RSI points at the window, RCX counts passes, RBP and RDI hold addresses of functions. */
const REGISTERS: Readonly<Record<Bits, readonly Register[]>> = {
  8: [Register.AL, Register.AH, Register.DL, Register.BH],
  16: [Register.AX, Register.DX, Register.BX, Register.R8W],
  32: [Register.EAX, Register.EDX, Register.EBX],
  64: [Register.RAX, Register.RDX, Register.RBX, Register.R8],
};

/** An encoding with an operand that is a register or in memory, and another operand behind or before it, if any. */
interface Encoding {
  readonly code: Code;
  readonly rm: Bits;
  readonly other: 'none' | 'immediate' | Bits;
  readonly rmFirst: boolean;
}

const toRm = (bits: Bits, codes: readonly Code[]): Encoding[] =>
  codes.map((code) => ({ code, rm: bits, other: bits, rmFirst: true }));
const fromRm = (rm: Bits, other: Bits, codes: readonly Code[]): Encoding[] =>
  codes.map((code) => ({ code, rm, other, rmFirst: false }));
const withImmediate = (bits: Bits, codes: readonly Code[]): Encoding[] =>
  codes.map((code) => ({ code, rm: bits, other: 'immediate', rmFirst: true }));
const alone = (bits: Bits, codes: readonly Code[]): Encoding[] =>
  codes.map((code) => ({ code, rm: bits, other: 'none', rmFirst: true }));

const ENCODINGS: readonly Encoding[] = [
  ...toRm(8, [Code.Add_rm8_r8, Code.Cmp_rm8_r8, Code.Test_rm8_r8, Code.Mov_rm8_r8, Code.Sbb_rm8_r8, Code.Xor_rm8_r8]),
  ...toRm(16, [Code.Mov_rm16_r16, Code.Adc_rm16_r16, Code.Cmp_rm16_r16]),
  ...toRm(32, [Code.Add_rm32_r32, Code.Or_rm32_r32, Code.Adc_rm32_r32, Code.Sbb_rm32_r32, Code.And_rm32_r32]),
  ...toRm(32, [Code.Sub_rm32_r32, Code.Xor_rm32_r32, Code.Cmp_rm32_r32, Code.Test_rm32_r32, Code.Mov_rm32_r32]),
  ...toRm(32, [Code.Xadd_rm32_r32, Code.Xchg_rm32_r32]),
  ...toRm(64, [Code.Add_rm64_r64, Code.Or_rm64_r64, Code.Adc_rm64_r64, Code.Sbb_rm64_r64, Code.And_rm64_r64]),
  ...toRm(64, [Code.Sub_rm64_r64, Code.Xor_rm64_r64, Code.Cmp_rm64_r64, Code.Test_rm64_r64, Code.Mov_rm64_r64]),
  ...fromRm(8, 8, [Code.Add_r8_rm8, Code.Cmp_r8_rm8, Code.Mov_r8_rm8]),
  ...fromRm(32, 32, [
    Code.Sub_r32_rm32,
    Code.Cmp_r32_rm32,
    Code.Imul_r32_rm32,
    Code.Cmovl_r32_rm32,
    Code.Cmovp_r32_rm32,
  ]),
  ...fromRm(64, 64, [
    Code.Add_r64_rm64,
    Code.Xor_r64_rm64,
    Code.Imul_r64_rm64,
    Code.Cmovbe_r64_rm64,
    Code.Cmovo_r64_rm64,
  ]),
  ...fromRm(8, 32, [Code.Movzx_r32_rm8, Code.Movsx_r32_rm8]),
  ...fromRm(16, 32, [Code.Movzx_r32_rm16, Code.Movsx_r32_rm16]),
  ...fromRm(32, 64, [Code.Movsxd_r64_rm32]),
  ...fromRm(16, 64, [Code.Movsx_r64_rm16]),
  ...withImmediate(8, [Code.Cmp_rm8_imm8, Code.Test_rm8_imm8, Code.Mov_rm8_imm8, Code.Shl_rm8_imm8]),
  ...withImmediate(32, [Code.Add_rm32_imm8, Code.Adc_rm32_imm8, Code.Sub_rm32_imm32, Code.And_rm32_imm32]),
  ...withImmediate(32, [Code.Shl_rm32_imm8, Code.Shr_rm32_imm8, Code.Sar_rm32_imm8, Code.Rol_rm32_imm8]),
  ...withImmediate(64, [Code.Add_rm64_imm8, Code.Sbb_rm64_imm8, Code.Or_rm64_imm32, Code.Mov_rm64_imm32]),
  ...withImmediate(64, [Code.Shl_rm64_imm8, Code.Shr_rm64_imm8, Code.Sar_rm64_imm8, Code.Rcr_rm64_imm8]),
  ...alone(8, [Code.Inc_rm8, Code.Neg_rm8, Code.Setl_rm8, Code.Seta_rm8, Code.Setp_rm8, Code.Seto_rm8, Code.Sets_rm8]),
  ...alone(32, [Code.Inc_rm32, Code.Dec_rm32, Code.Neg_rm32, Code.Not_rm32]),
  ...alone(64, [Code.Inc_rm64, Code.Dec_rm64, Code.Neg_rm64, Code.Not_rm64, Code.Push_rm64]),
];
const PLAIN = [Code.Nopd, Code.Rdtsc, Code.Pause, Code.Cmc, Code.Stc, Code.Cqo, Code.Cwde, Code.Mfence, Code.Sahf];
const BRANCHES = [
  ...[Code.Jo_rel32_64, Code.Jno_rel32_64, Code.Jb_rel32_64, Code.Jae_rel32_64, Code.Je_rel32_64, Code.Jne_rel32_64],
  ...[Code.Jbe_rel32_64, Code.Ja_rel32_64, Code.Js_rel32_64, Code.Jns_rel32_64, Code.Jp_rel32_64, Code.Jnp_rel32_64],
  ...[Code.Jl_rel32_64, Code.Jge_rel32_64, Code.Jle_rel32_64, Code.Jg_rel32_64, Code.Jmp_rel32_64],
];

interface Functions {
  readonly near: Label;
  readonly far: Label;
}

/** Appends something to a program. */
type Emit = (asm: Assembler, functions: Functions) => void;

const pick = <T>(from: readonly T[], number: number): T => from[number % from.length];

/** The operand that is a register or in memory. */
type RmOperand = { readonly register: number } | { readonly offset: number };

const rmOperand: fc.Arbitrary<RmOperand> = fc.oneof(
  fc.record({ register: fc.nat(3) }),
  // Anywhere in the window, which crosses a page.
  fc.record({ offset: fc.nat(WINDOW_SIZE - 8) }),
);
const immediate = fc.oneof(fc.integer({ min: -128, max: 127 }), fc.constantFrom(0, 1, 31, 32, 33, 63, 64));

function inWindow(offset: number): MemoryOperand {
  return new MemoryOperand(Register.RSI, Register.None, 1, BigInt(offset), 8, false, Register.None);
}

function instruction({ code, rm, other, rmFirst }: Encoding, place: RmOperand, number: number, value: number) {
  if ('offset' in place) {
    const memory = inWindow(place.offset);
    if (other === 'none') return Instruction.createMem(code, memory);
    if (other === 'immediate') return Instruction.createMemI32(code, memory, value);
    const register = pick(REGISTERS[other], number);
    return rmFirst
      ? Instruction.createMemReg(code, memory, register)
      : Instruction.createRegMem(code, register, memory);
  }
  const first = pick(REGISTERS[rm], place.register);
  if (other === 'none') return Instruction.createReg(code, first);
  if (other === 'immediate') return Instruction.createRegI32(code, first, value);
  const second = pick(REGISTERS[other], number);
  return rmFirst ? Instruction.createRegReg(code, first, second) : Instruction.createRegReg(code, second, first);
}

const plain: fc.Arbitrary<Emit> = fc.constantFrom(...PLAIN).map((code) => (asm) => {
  asm.plain(code);
});
const operation: fc.Arbitrary<Emit> = fc
  .tuple(fc.constantFrom(...ENCODINGS), rmOperand, fc.nat(3), immediate)
  .map(([encoding, place, number, value]) => (asm) => {
    asm.emit(() => instruction(encoding, place, number, value));
  });
const straight = fc.oneof({ weight: 9, arbitrary: operation }, { weight: 1, arbitrary: plain });
/** Over some instructions, or not. */
const branch: fc.Arbitrary<Emit> = fc
  .tuple(fc.constantFrom(...BRANCHES), fc.array(straight, { maxLength: 3 }))
  .map(([code, over]) => (asm, functions) => {
    const behind = asm.label('behind');
    asm.emit((addressOf) => Instruction.createBranch(code, BigInt(addressOf(behind))));
    for (const each of over) each(asm, functions);
    asm.bind(behind);
  });
const call: fc.Arbitrary<Emit> = fc.constantFrom<Emit[]>(
  (asm, { near }) => {
    asm.call(near);
  },
  (asm, { far }) => {
    asm.call(far);
  },
  (asm) => {
    asm.emit(() => Instruction.createReg(Code.Call_rm64, Register.RDI));
  },
  (asm) => {
    asm.emit(() => Instruction.createReg(Code.Call_rm64, Register.RBP));
  },
);
const program = fc.array(
  fc.oneof({ weight: 8, arbitrary: straight }, { weight: 3, arbitrary: branch }, { weight: 1, arbitrary: call }),
  { minLength: 3, maxLength: 24 },
);

const PASSES = 6;
const END_MARKER = 1;

function emitFunction(asm: Assembler, entry: Label, code: Code): void {
  asm.bind(entry);
  asm.emit(() => Instruction.createRegReg(code, Register.RAX, Register.RBX));
  asm.ret();
}

function assemble(steps: readonly Emit[]) {
  const asm = new Assembler(KERNEL_CODE);
  const functions = { near: asm.label('near'), far: asm.label('far') };
  const start = asm.here('start');
  asm.mov(RSI, WINDOW_ADDRESS);
  asm.address(EDI, functions.near);
  asm.address(EBP, functions.far);
  asm.mov(ECX, PASSES);
  const pass = asm.here('pass');
  for (const step of steps) step(asm, functions);
  asm.dec(ECX);
  asm.jcc('ne', pass);
  asm.marker(END_MARKER);
  emitFunction(asm, functions.near, Code.Adc_rm64_r64);
  asm.align(4096);
  emitFunction(asm, functions.far, Code.Xor_rm64_r64);
  const code = asm.assemble();
  return { code, entries: [code.addressOf(start)], pass: code.addressOf(pass) };
}

/** What the CPU can be told by when a run has ended. */
function snapshot(cpu: Cpu): string {
  const registers = Array.from({ length: 16 }, (_, n) => cpu.gpr(n));
  return [cpu.rip, cpu.now, cpu.long(CPU_RETIRED), cpu.rflags, ...registers].join(' ');
}

/** Every stop of a program that runs for `slices` ticks at a time, over and over. */
function run(steps: readonly Emit[], slices: readonly number[], simulation: SimulationOptions): string[] {
  const { cpus } = bareMachine({ ...assemble(steps), simulation });
  const [cpu] = cpus;
  const stops: string[] = [];
  for (let slice = 0; stops.length < 3000; slice++) {
    const limit = cpu.now + pick(slices, slice);
    let stop: number;
    do {
      stop = cpu.execute(limit);
      handleStop(cpu, stop);
    } while (cpu.now < limit && stop !== STOP_MARKER);
    stops.push(snapshot(cpu));
    if (stop === STOP_MARKER) break;
  }
  return [...stops, Buffer.from(cpu.memory.bytes(WINDOW_ADDRESS, WINDOW_SIZE)).toString('hex')];
}

describe('translated code', () => {
  it('is at every stop where the interpreter is, with its registers, flags, time and memory', () => {
    const slices = fc.array(fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 20_000 })), {
      minLength: 1,
      maxLength: 4,
    });
    const property = fc.property(program, slices, fc.integer({ min: 1, max: 3 }), (steps, ticks, translateAfter) => {
      expect(run(steps, ticks, { translateAfter })).toEqual(run(steps, ticks, { translateAfter: 0 }));
    });
    fc.assert(property, { numRuns: 150 });
  }, 60_000);

  it('checks alignment in code that has been translated before', () => {
    const load: Emit = (asm) => {
      asm.emit(() => Instruction.createRegMem(Code.Mov_r32_rm32, Register.EAX, inWindow(1)));
    };
    const program = assemble([load]);
    const { cpus, memory } = bareMachine({ ...program, simulation: { translateAfter: 2 } });
    const [cpu] = cpus;
    const runToEnd = (): number => {
      cpu.rip = program.entries[0];
      for (;;) {
        const stop = cpu.execute(2 ** 40);
        if (stop === STOP_MARKER || stop === STOP_FAULT) return stop;
        handleStop(cpu, stop);
      }
    };
    expect(runToEnd()).toBe(STOP_MARKER);
    expect(cpu.word(CPU_REGION_RETIRED)).toBeGreaterThan(0);
    openToUsers(memory, cpu.cr3);
    cpu.cpl = 3;
    cpu.cr0 |= CR0_AM;
    cpu.rflags |= RFLAGS_AC;
    expect([runToEnd(), cpu.word(CPU_STOP_INFO)]).toEqual([STOP_FAULT, VECTOR_AC]);
  });
});
