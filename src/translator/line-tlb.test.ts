import fc from 'fast-check';
import { Code, Instruction, MemoryOperand, Register } from 'iced-x86';
import { describe, expect, it, vi } from 'vitest';
import { bareMachine } from '../../test/support/bare-machine.js';
import { Assembler } from '../guest/assembler.js';
import { DATA, KERNEL_CODE } from '../guest/memory-map.js';
import { RSI } from '../guest/operand.js';
import type { Cpu } from '../hardware/cpu/cpu.js';
import { instructionTlbMap } from '../hardware/cpu/instruction-tlb.js';
import {
  ACCESS_READ,
  CPU_BOUNCE,
  CPU_LINE_KIND,
  CPU_LINE_MASKS,
  LINE_MASK_SIZE,
  ORDER_OBSERVED,
  STOP_MARKER,
  TLB_OTHER,
  TLB_TRACKED,
  TLB_TRACKED_READ_ONLY,
} from '../hardware/cpu/layout.js';
import { handleStop } from '../hardware/cpu/stops.js';
import { fillTlb, mapSpecial, restoreSpecial } from '../hardware/cpu/tlb.js';
import { Translator } from './translator.js';

const PAGE = 4096;
const LINE = 64;
const LOADS = [Code.Mov_r64_rm64, Code.Cmp_r64_rm64];
const STORES = [Code.Mov_rm64_r64, Code.Add_rm64_r64];
const PAGES = ['private', 'tracked'] as const;

/** What a CPU may do with a tracked page. */
interface Rights {
  readonly kind: number;
  readonly mayRead: bigint;
  readonly mayWrite: bigint;
}

const lines = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const rights: fc.Arbitrary<Rights> = fc.record({
  kind: fc.constantFrom(TLB_TRACKED, TLB_TRACKED_READ_ONLY),
  mayRead: lines,
  mayWrite: lines,
});

function accessTo(code: Code): Instruction {
  const operand = new MemoryOperand(Register.RSI, Register.None, 1, 0n, 0, false, Register.None);
  return LOADS.includes(code)
    ? Instruction.createRegMem(code, Register.RAX, operand)
    : Instruction.createMemReg(code, operand, Register.RAX);
}

/** A CPU that accesses DATA in translated code, or in the interpreter. */
function machine(code: Code, page: (typeof PAGES)[number], isTranslated = true) {
  const asm = new Assembler(KERNEL_CODE);
  const first = asm.here('first');
  asm.mov(RSI, DATA);
  const start = asm.here('start');
  asm.emit(() => accessTo(code));
  asm.marker(1);
  const program = asm.assemble();
  const hardware = bareMachine({
    code: program,
    entries: [program.addressOf(first)],
    simulation: { translateAfter: 0 },
  });
  const [cpu] = hardware.cpus;
  const toMarker = (): void => {
    for (let stop = 0; stop !== STOP_MARKER; stop = cpu.execute(2 ** 40)) handleStop(cpu, stop);
  };
  if (page === 'tracked') hardware.lines.trackPage(DATA / PAGE, cpu.id, 0);
  toMarker();
  const { engine, memory } = cpu;
  const accessFromRegion = vi.fn(engine.accessFromRegion as () => unknown);
  const translator = new Translator(memory, { ...engine, accessFromRegion }, 2 ** 30);
  const map = instructionTlbMap(memory, cpu, KERNEL_CODE);
  const at = program.addressOf(start);
  if (isTranslated) translator.translate(map, memory.u32[(map + (at & (PAGE - 1)) * 4) >>> 2]);
  /** Accesses DATA + offset. Has the line TLB not had it? */
  const asks = (offset: number): boolean => {
    accessFromRegion.mockClear();
    cpu.rip = at;
    cpu.setGpr(6, BigInt(DATA + offset));
    toMarker();
    return accessFromRegion.mock.calls.length > 0;
  };
  const masks = cpu.word(CPU_LINE_MASKS) + hardware.lines.trackedIndex(DATA) * LINE_MASK_SIZE;
  /** Accesses DATA + offset with these rights, and gets no lines. Has it come behind the access? */
  const passes = (offset: number, { kind, mayRead, mayWrite }: Rights): boolean => {
    memory.u32[ORDER_OBSERVED >>> 2] = 1;
    memory.u64[(engine.findTlbEntry(cpu.block, DATA) + TLB_OTHER) >>> 3] = BigInt(DATA | kind);
    memory.u64[masks >>> 3] = mayRead;
    memory.u64[(masks >>> 3) + 1] = mayWrite;
    engine.forgetPage(cpu.block, DATA);
    accessFromRegion.mockClear();
    cpu.rip = at;
    cpu.setGpr(6, BigInt(DATA + offset));
    return cpu.execute(2 ** 40) === STOP_MARKER;
  };
  return {
    cpu,
    asks,
    passes,
    accessFromRegion,
    line: (hardware.lines.trackedIndex(DATA) * PAGE + (DATA % PAGE)) / LINE,
  };
}

describe.each(PAGES)('translated code on a %s page', (page) => {
  it.each([...LOADS, ...STORES])('asks for the operands of a line once (%i)', (code) => {
    const { asks } = machine(code, page);
    expect([asks(0), asks(8), asks(LINE - 8), asks(LINE), asks(0)]).toEqual([true, false, false, true, false]);
  });

  it.each([...LOADS, ...STORES])('asks for an operand in two lines every time (%i)', (code) => {
    const { asks } = machine(code, page);
    expect([asks(LINE - 7), asks(LINE - 7), asks(LINE - 1), asks(PAGE - LINE - 1)]).toEqual([true, true, true, true]);
  });

  it.each([
    ['the TLBs are flushed', (cpu: Cpu) => cpu.flushTlbs()],
    ['the page is translated anew', (cpu: Cpu) => cpu.engine.fillTlb(cpu.block, DATA, ACCESS_READ)],
  ])('asks again when %s', (_, change) => {
    const { cpu, asks } = machine(Code.Mov_r64_rm64, page);
    asks(0);
    change(cpu);
    expect(asks(0)).toBe(true);
  });

  it('looks for lines by privilege', () => {
    const { cpu, asks } = machine(Code.Mov_r64_rm64, page);
    asks(0);
    cpu.setWord(CPU_LINE_KIND, 2);
    expect(asks(0)).toBe(true);
  });
});

describe('translated code', () => {
  it.each([...LOADS, ...STORES])('finds what the interpreter finds in lines that the CPU holds (%i)', (code) => {
    const interpreted = machine(code, 'tracked', false);
    const translated = machine(code, 'tracked');
    const property = fc.property(fc.nat(PAGE - 8), rights, (offset, each) => {
      const isHeld = interpreted.passes(offset, each);
      expect(interpreted.accessFromRegion).not.toHaveBeenCalled();
      expect(translated.passes(offset, each)).toBe(isHeld);
      expect(translated.accessFromRegion).toHaveBeenCalled();
      if (isHeld) expect(translated.asks(offset)).toBe(offset % LINE > LINE - 8);
    });
    fc.assert(property);
  });

  it('asks for a store to a line that may not be written to any more', () => {
    const { cpu, asks, line } = machine(Code.Mov_rm64_r64, 'tracked');
    asks(0);
    cpu.engine.revokeWriting(cpu.block, line);
    expect([asks(0), asks(0)]).toEqual([true, false]);
  });

  it('goes on to load from it', () => {
    const { cpu, asks, line } = machine(Code.Mov_r64_rm64, 'tracked');
    asks(0);
    cpu.engine.revokeWriting(cpu.block, line);
    expect(asks(0)).toBe(false);
  });

  it('asks for a store to a page that code has been decoded on', () => {
    const { cpu, asks } = machine(Code.Mov_rm64_r64, 'private');
    asks(0);
    cpu.engine.forbidStores(cpu.block, DATA);
    expect(asks(0)).toBe(true);
  });

  it('forgets what has stood in for a device for one instruction', () => {
    const { cpu, asks } = machine(Code.Mov_r64_rm64, 'private');
    cpu.flushTlbs();
    fillTlb(cpu, DATA, ACCESS_READ);
    const page = mapSpecial(cpu, DATA, cpu.block + CPU_BOUNCE);
    asks(0);
    restoreSpecial(cpu, DATA, page);
    expect(asks(0)).toBe(true);
  });
});
