import { describe, expect, it, vi } from 'vitest';
import { bareMachine } from '../../test/support/bare-machine.js';
import { Assembler } from '../guest/assembler.js';
import { KERNEL_CODE } from '../guest/memory-map.js';
import { EBX, ECX } from '../guest/operand.js';
import { instructionTlbMap } from '../hardware/cpu/instruction-tlb.js';
import { CPU_STOP_INFO, STOP_MARKER } from '../hardware/cpu/layout.js';
import { handleStop } from '../hardware/cpu/stops.js';
import { Translator } from './translator.js';

const PAGE = 4096;
const PASSES = 5;
/** More often than anything here is gone to. */
const NEVER = 1000;
const RBX = 3;

type Go = (block: number, rip: bigint) => number;

/** A loop that calls a function on the next page, of which the loop is translated; counts how often `go` is asked for. */
function machine() {
  const asm = new Assembler(KERNEL_CODE);
  const far = asm.label('far');
  const start = asm.here('start');
  asm.mov(ECX, PASSES);
  asm.mov(EBX, 0);
  const pass = asm.here('pass');
  asm.call(far);
  asm.dec(ECX);
  asm.jcc('ne', pass);
  asm.marker(1);
  asm.align(PAGE);
  asm.bind(far);
  asm.inc(EBX);
  asm.ret();
  const code = asm.assemble();
  const [cpu] = bareMachine({ code, entries: [code.addressOf(start)], simulation: { translateAfter: 0 } }).cpus;
  const run = (): bigint => {
    cpu.rip = code.addressOf(start);
    let stop = cpu.execute(2 ** 40);
    for (; stop !== STOP_MARKER; stop = cpu.execute(2 ** 40)) handleStop(cpu, stop);
    expect(cpu.word(CPU_STOP_INFO)).toBe(1);
    return cpu.gpr(RBX);
  };
  run();
  const go = vi.fn(cpu.engine.go as Go);
  const translator = new Translator(cpu.memory, { ...cpu.engine, go }, NEVER);
  const translate = (address: number): void => {
    const map = instructionTlbMap(cpu.memory, cpu, address);
    translator.translate(map, cpu.memory.u32[(map + (address & (PAGE - 1)) * 4) >>> 2]);
  };
  translate(code.addressOf(pass));
  return { run, go, translate, far: code.addressOf(far) };
}

describe('translated code', () => {
  it('goes to other pages by way of the interpreter while their code is not hot', () => {
    const { run, go, far } = machine();
    expect(run()).toBe(BigInt(PASSES));
    expect(go.mock.calls.map(([, rip]) => rip)).toEqual(Array.from({ length: PASSES }, () => BigInt(far)));
  });

  it('goes to hot code of other pages itself, and returns from there', () => {
    const { run, go, translate, far } = machine();
    translate(far);
    expect(run()).toBe(BigInt(PASSES));
    expect(go).not.toHaveBeenCalled();
  });
});
