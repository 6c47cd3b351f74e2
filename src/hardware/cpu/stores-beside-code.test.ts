import { describe, expect, it, vi } from 'vitest';
import { CODE, cpuFixture, type Fixture } from '../../../test/support/cpu-fixture.js';

const DATA = CODE + 0x100;

/** L: inc dword [DATA]; jmp L */
const COUNTING = [0xff, 0x05, 0xfa, 0x00, 0x00, 0x00, 0xeb, 0xf8];
/** L: inc byte [L + 9]; mov al, 0; jmp L */
const REWRITING = [0xfe, 0x05, 0x01, 0x00, 0x00, 0x00, 0xb0, 0x00, 0xeb, 0xf6];

function running(code: readonly number[], instructions: number): { machine: Fixture; decoded: number } {
  const machine = cpuFixture({ interpreted: true });
  machine.load(CODE, ...code);
  const decode = vi.spyOn(machine.cpu.decoder, 'decode');
  for (let step = 0; step < instructions; step++) machine.step();
  return { machine, decoded: decode.mock.calls.length };
}

describe('stores of a CPU into a page whose code only it runs', () => {
  it('leave the code alone where they do not meet it', () => {
    const { machine, decoded } = running(COUNTING, 40);
    expect(machine.memory.read32(DATA)).toBe(20);
    expect(machine.cpu.decoder.hasCode(CODE)).toBe(true);
    expect(decoded).toBeLessThan(4);
  });

  it('change the code where they meet it', () => {
    const { machine } = running(REWRITING, 30);
    expect(machine.cpu.gprLow(0) & 0xff).toBe(10);
  });

  it('drop all code of the page when no page can be tracked any more', () => {
    const machine = cpuFixture({ interpreted: true });
    const { cpu, lines, memory } = machine;
    for (let page = 0; page < memory.trackedPages; page++) lines.trackPage(page + 0x40, 0, 0);
    machine.load(CODE, ...COUNTING);
    for (let step = 0; step < 9; step++) machine.step();
    expect([memory.read32(DATA), cpu.decoder.hasCode(CODE)]).toEqual([5, false]);
  });
});
