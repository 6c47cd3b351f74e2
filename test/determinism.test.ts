import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { Code } from 'iced-x86';
import { describe, expect, it } from 'vitest';
import { Assembler, type Label } from '../src/guest/assembler.js';
import { DATA, KERNEL_CODE, PML4 } from '../src/guest/memory-map.js';
import { dword, EAX, EBX, ECX, EDX, ESI, RAX } from '../src/guest/operand.js';
import { CPU_RETIRED, CPU_SPIN_TICKS } from '../src/hardware/cpu/layout.js';
import type { LineTransfer } from '../src/hardware/memory/lines.js';
import type { SimulationOptions } from '../src/machine/machine-options.js';
import { bareMachine, type BareOptions } from './support/bare-machine.js';

/** Who may go on: the CPUs pass it around, each waiting for its turn in a plain spin loop. */
const TOKEN = DATA;
/** Eight lines that everybody reads and writes, with and without the token. */
const SHARED = DATA + 0x1000;

type Operation =
  | { readonly kind: (typeof ON_LINES)[number]; readonly line: number }
  | { readonly kind: 'compute'; readonly count: number };

/**
 * Besides accesses of a line: a store to the line that page walks begin with, a call of code on another page, and stores
 * into that code and into the loop in which a CPU waits.
 */
const ON_LINES = ['load', 'store', 'add', 'xchg', 'lock inc', 'tables', 'call', 'patch', 'patch loop'] as const;
const UNUSED_PML4_ENTRY = PML4 + 7 * 8;

const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ kind: fc.constantFrom(...ON_LINES), line: fc.nat(7) }),
  fc.record({ kind: fc.constant('compute' as const), count: fc.nat(40) }),
);

/** What a CPU does in each round before and after it has had the token, and how it waits. */
interface Script {
  readonly before: readonly Operation[];
  readonly holding: readonly Operation[];
  readonly pauses: boolean;
  readonly padding: number;
}

const script: fc.Arbitrary<Script> = fc.record({
  before: fc.array(operation, { maxLength: 6 }),
  holding: fc.array(operation, { maxLength: 6 }),
  pauses: fc.boolean(),
  padding: fc.nat(5),
});

const ROUNDS = 3;

/** Functions that add a constant, two on a page. */
function emitFunctions(asm: Assembler): Label[] {
  return Array.from({ length: 8 }, (_, n) => {
    asm.align(n % 2 === 0 ? 4096 : 256);
    const entry = asm.here(`function_${String(n)}`);
    asm.mov(EAX, n);
    asm.add(EBX, EAX);
    asm.ret();
    return entry;
  });
}

/** Of the constant in MOV to a register of 32 bits. */
const CONSTANT_OFFSET = 1;

/** Code that all CPUs run, and the loops in which each of them waits. */
interface Places {
  readonly functions: readonly Label[];
  readonly loops: readonly Label[];
}

function emit(asm: Assembler, { kind, ...operand }: Operation, { functions, loops }: Places): void {
  if (kind === 'compute') {
    const { count } = operand as { count: number };
    for (let n = 0; n < count; n++) asm.add(EBX, n + 1);
    return;
  }
  const { line } = operand as { line: number };
  const word = dword(SHARED + line * 64);
  if (kind === 'load') {
    asm.mov(EAX, word);
    asm.add(EBX, EAX);
  } else if (kind === 'tables') asm.mov(dword(UNUSED_PML4_ENTRY), EBX);
  else if (kind === 'call') asm.call(functions[line]);
  else if (kind === 'patch' || kind === 'patch loop') {
    asm.address(EAX, kind === 'patch' ? functions[line] : loops[line % loops.length]);
    asm.mov(dword(RAX, CONSTANT_OFFSET), EBX);
  } else if (kind === 'store') asm.mov(word, EBX);
  else if (kind === 'add') asm.add(word, EBX);
  else if (kind === 'xchg') asm.xchg(word, EBX);
  else asm.lock.inc(word);
}

function emitScript(asm: Assembler, script: Script, cpu: number, places: Places): Label {
  const { before, holding, pauses, padding } = script;
  asm.align(64);
  const entry = asm.here('entry');
  asm.mov(EBX, cpu);
  asm.mov(ESI, ROUNDS);
  const round = asm.here('round');
  for (const step of before) emit(asm, step, places);
  const wait = asm.here('wait');
  if (pauses) asm.plain(Code.Pause);
  asm.bind(places.loops[cpu]);
  for (let n = 0; n <= padding; n++) asm.mov(EDX, n);
  asm.mov(EAX, dword(TOKEN));
  asm.cmp(EAX, cpu);
  asm.jcc('ne', wait);
  for (const step of holding) emit(asm, step, places);
  asm.mov(ECX, (cpu + 1) % places.loops.length);
  asm.mov(dword(TOKEN), ECX);
  asm.dec(ESI);
  asm.jcc('ne', round);
  asm.plain(Code.Cli);
  asm.plain(Code.Hlt);
  return entry;
}

interface Trace {
  readonly transfers: readonly LineTransfer[];
  readonly cpus: readonly (readonly (number | bigint)[])[];
  readonly memory: readonly number[];
}

interface Guest {
  readonly code: BareOptions['code'];
  readonly entries: readonly number[];
}

function assemble(scripts: readonly Script[]): Guest {
  const asm = new Assembler(KERNEL_CODE);
  const places = { functions: emitFunctions(asm), loops: scripts.map(() => asm.label('loop')) };
  const starts = scripts.map((each, cpu) => emitScript(asm, each, cpu, places));
  const code = asm.assemble();
  return { code, entries: starts.map((start) => code.addressOf(start)) };
}

function run(guest: Guest, simulation: SimulationOptions): Trace {
  const machine = bareMachine({ ...guest, simulation });
  const transfers: LineTransfer[] = [];
  machine.lines.onTransfer = (transfer) => transfers.push(transfer);
  machine.clock.run();
  return {
    transfers,
    cpus: machine.cpus.map((cpu) => [cpu.now, cpu.gpr(3), cpu.long(CPU_RETIRED), cpu.long(CPU_SPIN_TICKS)]),
    memory: Array.from({ length: 8 }, (_, line) => machine.memory.read32(SHARED + line * 64)),
  };
}

/** Every quantum with fast-forward on and off; code that is translated at once, or when it has run a little. */
const SIMULATIONS: readonly SimulationOptions[] = [0, 0.01, 0.5, 1].flatMap((lookaheadShare) => [
  { lookaheadShare, fastForward: true },
  { lookaheadShare, fastForward: false },
  { lookaheadShare, fastForward: lookaheadShare > 0.1, translateAfter: lookaheadShare === 1 ? 3 : 1 },
]);

describe('random programs on up to four CPUs', () => {
  it('give the same transfers, clocks, registers and memory, however they are simulated', () => {
    fc.assert(
      fc.property(fc.array(script, { minLength: 2, maxLength: 4 }), (scripts) => {
        const guest = assemble(scripts);
        const reference = run(guest, { fastForward: false, lookaheadShare: 0, translateAfter: 0 });
        for (const simulation of SIMULATIONS) {
          const trace = run(guest, simulation);
          // The built-in comparison takes a tenth of the time; the matcher says where the difference is.
          if (!isDeepStrictEqual(trace, reference)) expect(trace).toEqual(reference);
        }
      }),
      { numRuns: 25 },
    );
  }, 120_000);

  it('really spin and really share: the test would see a difference', () => {
    const scripts = [0, 1].map(() => ({
      before: [],
      holding: [{ kind: 'add' as const, line: 1 }],
      pauses: false,
      padding: 1,
    }));
    const { transfers, cpus } = run(assemble(scripts), {});
    expect(transfers.length).toBeGreaterThan(10);
    expect(cpus.every(([, , , spinTicks]) => (spinTicks as number) > 0)).toBe(true);
  });
});
