import fc from 'fast-check';
import { Code } from 'iced-x86';
import { describe, expect, it } from 'vitest';
import { Assembler, type Label } from '../src/guest/assembler.js';
import { DATA, KERNEL_CODE } from '../src/guest/memory-map.js';
import { dword, EAX, EBX, ECX, EDX, qword, RAX, RBX, RCX, RDI, RDX, RSI, RSP } from '../src/guest/operand.js';
import type { Cpu } from '../src/hardware/cpu/cpu.js';
import { CPU_COUNT_PAUSE, CPU_COUNT_RDTSC, CPU_RETIRED, CPU_SPIN_TICKS } from '../src/hardware/cpu/layout.js';
import type { SimulationOptions } from '../src/machine/machine-options.js';
import { bareMachine } from './support/bare-machine.js';

/** What the other CPU counts up, and what the timer's handler makes of the registers it finds. */
const FLAG = DATA;
const SEEN = DATA + 0x1000;
const TIMER_VECTOR = 0x40;
const MSR_EOI = 0x80b;
const MSR_INITIAL_COUNT = 0x838;

/** How compilers write `while (rdtsc() - start < cycles)` and its relatives. */
const FORMS = ['in RAX', 'in RDX, bound in a register', 'swapped', 'deadline', 'time-out of a flag'] as const;

interface Wait {
  readonly form: (typeof FORMS)[number];
  readonly cycles: number;
  readonly pauses: boolean;
  readonly padding: number;
}

const wait: fc.Arbitrary<Wait> = fc.record({
  form: fc.constantFrom(...FORMS),
  cycles: fc.oneof(fc.nat(200), fc.nat(20_000)),
  pauses: fc.boolean(),
  padding: fc.nat(3),
});

interface Scenario {
  readonly waits: readonly Wait[];
  /** Cycles of computing between the other CPU's stores. */
  readonly stores: readonly number[];
  /** Cycles from one timer interrupt to the next. */
  readonly timer: number;
}

const scenario: fc.Arbitrary<Scenario> = fc.record({
  waits: fc.array(wait, { minLength: 1, maxLength: 6 }),
  stores: fc.array(fc.nat(3000), { maxLength: 8 }),
  timer: fc.integer({ min: 3000, max: 40_000 }),
});

function emitWait(asm: Assembler, { form, cycles, pauses, padding }: Wait): void {
  asm.plain(Code.Rdtsc);
  asm.shl(RDX, 32);
  asm.or(RAX, RDX);
  asm.mov(RDI, RAX);
  asm.mov(RSI, cycles);
  if (form === 'deadline') asm.add(RDI, RSI);
  const head = asm.here('head');
  const out = asm.label('out');
  if (pauses) asm.plain(Code.Pause);
  asm.plain(Code.Rdtsc);
  for (let n = 0; n < padding; n++) asm.mov(ECX, n);
  asm.shl(RDX, 32);
  if (form === 'in RAX') {
    asm.or(RAX, RDX);
    asm.sub(RAX, RDI);
    asm.cmp(RAX, cycles);
    asm.jcc('b', head);
  } else {
    asm.mov(EAX, EAX);
    asm.or(RDX, RAX);
    emitComparison(asm, form, head, out);
  }
  asm.bind(out);
  asm.plain(Code.Rdtsc);
  asm.add(RBX, RBX);
  asm.add(RBX, RAX);
}

function emitComparison(asm: Assembler, form: Wait['form'], head: Label, out: Label): void {
  if (form === 'deadline') {
    asm.cmp(RDX, RDI);
    asm.jcc('b', head);
    return;
  }
  asm.sub(RDX, RDI);
  if (form === 'swapped') {
    asm.cmp(RSI, RDX);
    asm.jcc('ae', head);
    return;
  }
  asm.cmp(RDX, RSI);
  if (form !== 'time-out of a flag') {
    asm.jcc('be', head);
    return;
  }
  asm.jcc('a', out);
  asm.mov(EAX, dword(FLAG));
  asm.cmp(EAX, 3);
  asm.jcc('b', head);
}

function emitHandler(asm: Assembler): void {
  for (const register of [RAX, RCX, RDX]) asm.push(register);
  asm.mov(RCX, qword(SEEN));
  asm.add(RCX, RCX);
  for (const seen of [RAX, RDX, qword(RSP, 24), qword(RSP, 40)]) asm.add(RCX, seen);
  asm.mov(qword(SEEN), RCX);
  emitZeroMsr(asm, MSR_EOI);
  for (const register of [RDX, RCX, RAX]) asm.pop(register);
  asm.plain(Code.Iretq);
}

function emitZeroMsr(asm: Assembler, msr: number): void {
  asm.mov(ECX, msr);
  asm.mov(EAX, 0);
  asm.mov(EDX, 0);
  asm.plain(Code.Wrmsr);
}

function emitEnd(asm: Assembler): void {
  asm.plain(Code.Cli);
  asm.plain(Code.Hlt);
}

function emitStores(asm: Assembler, stores: readonly number[]): void {
  for (const count of stores) {
    asm.mov(ECX, count + 1);
    const loop = asm.here('loop');
    asm.dec(ECX);
    asm.jcc('ne', loop);
    asm.inc(dword(FLAG));
  }
  emitEnd(asm);
}

function assemble({ waits, stores }: Scenario) {
  const asm = new Assembler(KERNEL_CODE);
  const handler = asm.here('handler');
  emitHandler(asm);
  asm.align(64);
  const waiting = asm.here('waiting');
  asm.mov(EBX, 0);
  asm.plain(Code.Sti);
  for (const each of waits) emitWait(asm, each);
  emitZeroMsr(asm, MSR_INITIAL_COUNT);
  emitEnd(asm);
  asm.align(64);
  const storing = asm.here('storing');
  emitStores(asm, stores);
  const code = asm.assemble();
  return {
    code,
    entries: [code.addressOf(waiting), code.addressOf(storing)],
    gates: [{ vector: TIMER_VECTOR, address: code.addressOf(handler), dpl: 0 as const }],
  };
}

/** x2APIC mode, and the timer going off every `period` cycles. */
function startTimer({ apic }: Cpu, period: number): void {
  if (!apic.x2apic) apic.writeApicBase(0, apic.apicBase | 0x400);
  apic.writeMsr(0x80f, 0, 0x1ff);
  apic.writeMsr(0x83e, 0, 0b1011);
  apic.writeMsr(0x832, 0, 0x2_0000 | TIMER_VECTOR);
  apic.writeMsr(MSR_INITIAL_COUNT, 0, period);
}

function run(guest: ReturnType<typeof assemble>, timer: number, simulation: SimulationOptions) {
  const { cpus, clock, memory } = bareMachine({ ...guest, simulation });
  startTimer(cpus[0], timer);
  clock.run();
  return {
    seenByHandler: memory.read32(SEEN),
    cpus: cpus.map((cpu) => [
      cpu.now,
      ...Array.from({ length: 16 }, (_, register) => cpu.gpr(register)),
      cpu.rflags,
      ...[CPU_RETIRED, CPU_SPIN_TICKS, CPU_COUNT_RDTSC, CPU_COUNT_PAUSE].map((counter) => cpu.long(counter)),
    ]),
  };
}

describe('loops that wait for the TSC', () => {
  it('end in the same pass, and interrupts find the same registers, with fast-forward on and off', () => {
    fc.assert(
      fc.property(scenario, (each) => {
        const guest = assemble(each);
        const expected = run(guest, each.timer, { fastForward: false, lookaheadShare: 0 });
        for (const lookaheadShare of [0, 0.5, 1]) {
          expect(run(guest, each.timer, { fastForward: true, lookaheadShare })).toEqual(expected);
        }
      }),
      { numRuns: 30 },
    );
  }, 60_000);
});
