import fc from 'fast-check';
import { Code, Instruction, MemoryOperand, Register } from 'iced-x86';
import { describe, expect, it, vi } from 'vitest';
import { bareMachine } from '../../test/support/bare-machine.js';
import { Assembler } from '../guest/assembler.js';
import { DATA, KERNEL_CODE } from '../guest/memory-map.js';
import { RSI } from '../guest/operand.js';
import { instructionTlbMap } from '../hardware/cpu/instruction-tlb.js';
import {
  CPU_LINE_MASKS,
  LINE_MASK_SIZE,
  STOP_MARKER,
  TLB_OTHER,
  TLB_TRACKED,
  TLB_TRACKED_READ_ONLY,
} from '../hardware/cpu/layout.js';
import { handleStop } from '../hardware/cpu/stops.js';
import { Translator } from './translator.js';

const PAGE = 4096;
const LOADS = [Code.Mov_r64_rm64, Code.Cmp_r64_rm64];
const STORES = [Code.Mov_rm64_r64, Code.Add_rm64_r64];

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

/** A CPU that has accessed a tracked page, and does so again at an offset of it. Has it come behind the access? */
function machine(code: Code) {
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
  const { memory } = hardware;
  const [cpu] = hardware.cpus;
  hardware.lines.trackPage(DATA / PAGE, cpu.id, 0);
  const masks = cpu.word(CPU_LINE_MASKS) + hardware.lines.trackedIndex(DATA) * LINE_MASK_SIZE;
  for (let stop = 0; stop !== STOP_MARKER; stop = cpu.execute(2 ** 40)) handleStop(cpu, stop);
  const run = (offset: number, { kind, mayRead, mayWrite }: Rights): boolean => {
    const entry = cpu.engine.findTlbEntry(cpu.block, DATA);
    memory.u64[(entry + TLB_OTHER) >>> 3] = BigInt(DATA | kind);
    memory.u64[masks >>> 3] = mayRead;
    memory.u64[(masks >>> 3) + 1] = mayWrite;
    cpu.rip = program.addressOf(start);
    cpu.setGpr(6, BigInt(DATA + offset));
    return cpu.execute(2 ** 40) === STOP_MARKER;
  };
  return { cpu, start: program.addressOf(start), run };
}

describe('translated code', () => {
  it.each([...LOADS, ...STORES])('finds what the interpreter finds in lines that the CPU holds (%i)', (code) => {
    const interpreted = machine(code);
    const translated = machine(code);
    const { cpu, start } = translated;
    const missed = vi.fn(() => 0n);
    const translator = new Translator(cpu.memory, { ...cpu.engine, accessFromRegion: missed }, 2 ** 30);
    const map = instructionTlbMap(cpu.memory, cpu, KERNEL_CODE);
    translator.translate(map, cpu.memory.u32[(map + (start & (PAGE - 1)) * 4) >>> 2]);
    const property = fc.property(fc.nat(PAGE - 8), rights, (offset, each) => {
      missed.mockClear();
      translated.run(offset, each);
      expect(missed.mock.calls.length === 0).toBe(interpreted.run(offset, each));
    });
    fc.assert(property);
  });
});
