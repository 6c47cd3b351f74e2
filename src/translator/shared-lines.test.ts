import fc from 'fast-check';
import { Code, Instruction, MemoryOperand, Register } from 'iced-x86';
import { describe, expect, it } from 'vitest';
import { apicMessage } from '../../test/support/apic-message.js';
import { bareMachine } from '../../test/support/bare-machine.js';
import { Assembler, type Label } from '../guest/assembler.js';
import { DATA, KERNEL_CODE } from '../guest/memory-map.js';
import { ECX, RSI } from '../guest/operand.js';
import { DELIVERY_NMI } from '../hardware/apic/message.js';
import { ALL_CPUS } from '../hardware/clock/clock.js';
import type { Cpu } from '../hardware/cpu/cpu.js';
import {
  ACCESS_WRITE,
  CPU_HOST_TURN,
  CPU_LIMIT,
  CPU_RETIRED,
  CPU_SPIN_TICKS,
  CPU_STOP,
  REGION_LENGTH_SHIFT,
  STOP_LINE_MISS,
} from '../hardware/cpu/layout.js';
import type { Hardware } from '../machine/hardware.js';
import type { SimulationOptions } from '../machine/machine-options.js';

const EAX = 0;
const ESI = 6;
const LINES = 3;
const LINE = 64;
const PASSES = 8;
const LAST_EVENT = 200_000;

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
  const end = asm.here('end');
  asm.jmp(end);
  return start;
}

interface Program {
  readonly loops: readonly (readonly Access[])[];
  /** When all CPUs are brought to one time. */
  readonly events: readonly number[];
}

const program: fc.Arbitrary<Program> = fc.record({
  loops: fc.array(fc.array(access, { minLength: 1, maxLength: 10 }), { minLength: 2, maxLength: 3 }),
  events: fc.array(fc.nat(LAST_EVENT), { maxLength: 10 }),
});

/** CPUs that run through their loops, all at once, and then spin: when each has come where, its registers, and the lines. */
function run({ loops, events }: Program, simulation: SimulationOptions): string[] {
  const asm = new Assembler(KERNEL_CODE);
  const starts = loops.map((each) => emitLoop(asm, each));
  const code = asm.assemble();
  const { clock, cpus, memory } = bareMachine({
    code,
    entries: starts.map((each) => code.addressOf(each)),
    simulation,
  });
  const nothing = (): void => undefined;
  for (const each of events) clock.schedule(each, ALL_CPUS, nothing);
  clock.schedule(LAST_EVENT, ALL_CPUS, () => {
    clock.stop();
  });
  clock.run();
  const states = cpus.map((cpu) =>
    [cpu.now, cpu.long(CPU_RETIRED), cpu.long(CPU_SPIN_TICKS), cpu.rip, cpu.gpr(0), cpu.rflags].join(' '),
  );
  return [...states, Buffer.from(memory.bytes(DATA, LINES * LINE)).toString('hex')];
}

describe('CPUs in translated code', () => {
  it('exchange cache lines when the interpreter would, whatever the run-ahead, and park in spin loops', () => {
    const property = fc.property(program, fc.double({ min: 0, max: 1, noNaN: true }), (each, lookaheadShare) => {
      const executed = run(each, { translateAfter: 0, fastForward: false });
      expect(run(each, { translateAfter: 2, lookaheadShare })).toEqual(executed);
    });
    fc.assert(property, { numRuns: 60 });
  }, 60_000);
});

describe('translated code that misses a line while another CPU is behind', () => {
  /** Longer than an interrupt is under way. */
  const AHEAD = 100_000;
  const LIMIT = 2 ** 40;

  interface Machine extends Hardware {
    /** Address of a store to [RSI], behind the loop. */
    readonly storing: number;
  }

  /** The first CPU is ahead of the others, which are in a loop of arithmetic; all have touched the page. */
  function machine(others: number): Machine {
    const asm = new Assembler(KERNEL_CODE);
    const start = asm.here('start');
    asm.mov(RSI, DATA);
    asm.emit(() => instruction({ code: Code.Mov_rm64_r64, isLocked: false, offset: 0 }));
    const pass = asm.here('pass');
    asm.dec(ECX);
    asm.jcc('ne', pass);
    const storing = asm.here('storing');
    asm.emit(() => instruction({ code: Code.Mov_rm64_r64, isLocked: false, offset: 0 }));
    const code = asm.assemble();
    const entries = Array.from({ length: 1 + others }, () => code.addressOf(start));
    const hardware = bareMachine({ code, entries });
    const { clock, cpus } = hardware;
    clock.schedule(LAST_EVENT, ALL_CPUS, () => {
      clock.stop();
    });
    clock.run();
    cpus[0].now += AHEAD;
    cpus[0].setLong(CPU_LIMIT, LIMIT);
    for (const each of cpus) each.engine.activate(each.block);
    return { ...hardware, storing: code.addressOf(storing) };
  }

  /** A store of the first CPU. */
  function store({ engine, block, now }: Cpu): { operand: number; ticks: number } {
    type Access = (block: number, first: bigint, how: number, now: bigint, retired: bigint) => bigint;
    const access = engine.accessFromRegion as Access;
    const result = access(block, BigInt(DATA), ACCESS_WRITE | (7 << REGION_LENGTH_SHIFT), BigInt(now), 0n);
    return { operand: Number(result & 0xffff_ffffn), ticks: Number(result >> 32n) };
  }

  it.each([1, 2])('goes on when %i others have caught up with it', (count) => {
    const [cpu, ...others] = machine(count).cpus;
    const before = others.map((each) => each.long(CPU_RETIRED));
    const { now } = cpu;
    const { operand, ticks } = store(cpu);
    expect(operand).toBe(cpu.memory.ram + DATA);
    expect(ticks).toBeGreaterThan(0);
    expect(others.every((each) => each.now >= now + ticks)).toBe(true);
    expect(others.every((each, index) => each.long(CPU_RETIRED) > before[index])).toBe(true);
  });

  it('lets the others look at their events on the way', () => {
    const { cpus } = machine(2);
    cpus[1].attention = true;
    expect(store(cpus[0]).operand).not.toBe(0);
    expect(cpus[1].attention).toBe(false);
  });

  it.each([1, 2])('waits when one of %i needs the host', (count) => {
    const { cpus } = machine(count);
    cpus[1].setWord(CPU_HOST_TURN, 1);
    const { now } = cpus[1];
    expect(store(cpus[0]).operand).toBe(0);
    expect(cpus[1].now).toBe(now);
    expect(cpus[0].word(CPU_STOP)).toBe(STOP_LINE_MISS);
  });

  it('waits when one stores to code, which may be what it is executing', () => {
    const { cpus, memory, storing } = machine(1);
    cpus[1].rip = storing;
    cpus[1].setGprNumber(ESI, KERNEL_CODE);
    expect(store(cpus[0]).operand).toBe(0);
    expect(memory.hasCode(KERNEL_CODE)).toBe(true);
    const { clock } = cpus[0];
    clock.schedule(2 * AHEAD + LAST_EVENT, ALL_CPUS, () => {
      clock.stop();
    });
    clock.run();
    expect(memory.read32(KERNEL_CODE)).toBe(cpus[1].gprLow(EAX));
  });

  it('waits when an interrupt has come for it meanwhile', () => {
    const { bus, cpus } = machine(1);
    bus.send(cpus[1], apicMessage({ deliveryMode: DELIVERY_NMI, destination: 0 }));
    expect(store(cpus[0]).operand).toBe(0);
    expect([cpus[0].attention, cpus[0].word(CPU_STOP)]).toEqual([true, STOP_LINE_MISS]);
  });
});
