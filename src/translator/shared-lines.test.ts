import fc from 'fast-check';
import { Code, Instruction, MemoryOperand, Register } from 'iced-x86';
import { describe, expect, it } from 'vitest';
import { bareMachine } from '../../test/support/bare-machine.js';
import { Assembler, type Label } from '../guest/assembler.js';
import { DATA, KERNEL_CODE } from '../guest/memory-map.js';
import { ECX, RSI } from '../guest/operand.js';
import { CPU_RETIRED } from '../hardware/cpu/layout.js';
import type { SimulationOptions } from '../machine/machine-options.js';

const LINES = 3;
const LINE = 64;
const PASSES = 8;

/** An instruction that accesses memory at an offset of the shared page. */
interface Access {
  readonly code: Code;
  readonly isLocked: boolean;
  readonly offset: number;
}

const LOADS = [Code.Mov_r64_rm64, Code.Add_r64_rm64, Code.Cmp_r64_rm64];
const STORES = [Code.Mov_rm64_r64, Code.Add_rm64_r64, Code.Xor_rm64_r64, Code.Xchg_rm64_r64, Code.Xadd_rm64_r64];

const access: fc.Arbitrary<Access> = fc.record({
  code: fc.constantFrom(...LOADS, ...STORES, Code.Nopd),
  isLocked: fc.boolean(),
  offset: fc.oneof(
    fc.nat(LINES - 1).map((line) => line * LINE),
    fc.nat(LINES * LINE - 8),
  ),
});

function instruction({ code, isLocked, offset }: Access): Instruction {
  if (code === Code.Nopd) return Instruction.create(code);
  const operand = new MemoryOperand(Register.RSI, Register.None, 1, BigInt(offset), 8, false, Register.None);
  if (LOADS.includes(code)) return Instruction.createRegMem(code, Register.RAX, operand);
  const store = Instruction.createMemReg(code, operand, Register.RAX);
  store.hasLockPrefix = isLocked && code !== Code.Mov_rm64_r64;
  return store;
}

function emitLoop(asm: Assembler, accesses: readonly Access[]): Label {
  asm.align(16);
  const start = asm.here('start');
  asm.mov(RSI, DATA);
  asm.mov(ECX, PASSES);
  const pass = asm.here('pass');
  for (const each of accesses) asm.emit(() => instruction(each));
  asm.dec(ECX);
  asm.jcc('ne', pass);
  asm.plain(Code.Cli);
  asm.plain(Code.Hlt);
  return start;
}

/** CPUs that run through their loops, all at once: when each has ended, its registers, and the lines. */
function run(loops: readonly (readonly Access[])[], simulation: SimulationOptions): string[] {
  const asm = new Assembler(KERNEL_CODE);
  const starts = loops.map((each) => emitLoop(asm, each));
  const code = asm.assemble();
  const { clock, cpus, memory } = bareMachine({
    code,
    entries: starts.map((each) => code.addressOf(each)),
    simulation,
  });
  clock.run();
  const states = cpus.map((cpu) => [cpu.now, cpu.long(CPU_RETIRED), cpu.rip, cpu.gpr(0), cpu.rflags].join(' '));
  return [...states, Buffer.from(memory.bytes(DATA, LINES * LINE)).toString('hex')];
}

describe('CPUs in translated code', () => {
  it('exchange cache lines when the interpreter would, whatever the run-ahead', () => {
    const loops = fc.array(fc.array(access, { minLength: 1, maxLength: 10 }), { minLength: 2, maxLength: 3 });
    const property = fc.property(loops, fc.double({ min: 0, max: 1, noNaN: true }), (each, lookaheadShare) => {
      expect(run(each, { translateAfter: 2, lookaheadShare })).toEqual(run(each, { translateAfter: 0 }));
    });
    fc.assert(property, { numRuns: 60 });
  }, 60_000);
});
