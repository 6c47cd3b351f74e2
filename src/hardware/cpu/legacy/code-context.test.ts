import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { CODE, CODE_16, CODE_32, GDT, LegacyMachine, STACK } from '../../../../test/support/legacy-machine.js';
import { CPU_RETIRED } from '../layout.js';

const RAX = 0;
const RBX = 3;
const ES = 0;
const CS = 1;
const DS = 3;
const VECTOR_GP = 13;

/** Number of times that the decoder is asked for code while `run` runs. */
function decodesIn(machine: LegacyMachine, run: () => void): number {
  const decode = vi.spyOn(machine.cpu.decoder, 'decode');
  run();
  return decode.mock.calls.length;
}

describe('code outside 64-bit mode that is kept', () => {
  it('is decoded again for a code segment that begins elsewhere', () => {
    const machine = new LegacyMachine().inRealMode('b0 01 ea 00 00 00 09'); // mov al, 1; jmp 900H:0
    machine.load(0x9000, 'b0 02');
    machine.step(3);
    expect(machine.cpu.gprLow(RAX)).toBe(2);
  });

  it('is checked against the limit of a code segment that ends earlier', () => {
    const machine = new LegacyMachine().inProtectedMode('90 90 eb fc').setGate(VECTOR_GP);
    machine.step(3);
    machine.cpu.segments[CS].limit = CODE;
    machine.step().intoHandler();
    expect(machine.stackWord(1)).toBe(CODE + 1);
  });

  it('is checked against the bounds of the segments loaded last', () => {
    const machine = new LegacyMachine().inProtectedMode('8b 03 eb fc').setGate(VECTOR_GP); // L: mov eax, [ebx]; jmp L
    machine.cpu.setGprNumber(RBX, 0x5000);
    machine.step(4);
    machine.cpu.segments[DS].limit = 0x5002;
    machine.intoHandler();
    expect([machine.stackWord(0), machine.stackWord(1)]).toEqual([0, CODE]);
  });

  it('takes bases from the segments loaded last', () => {
    const machine = new LegacyMachine().inProtectedMode('8b 03 eb fc');
    machine.memory.write32(0x5000, 1);
    machine.memory.write32(0x6000, 2);
    machine.cpu.setGprNumber(RBX, 0x5000);
    machine.step(2);
    machine.cpu.segments[DS].base = 0x1000;
    machine.step();
    expect(machine.cpu.gprLow(RAX)).toBe(2);
  });

  it('stores strings within the bounds of ES only', () => {
    const machine = new LegacyMachine().inProtectedMode('ab eb fd').setGate(VECTOR_GP); // L: stosd; jmp L
    machine.cpu.setGprNumber(7, 0x5000);
    machine.cpu.segments[ES].limit = 0x5007;
    machine.intoHandler();
    expect([machine.cpu.gprLow(7), machine.cpu.long(CPU_RETIRED)]).toEqual([0x5008, 4]);
  });

  it('wraps branches around at 64 KiB', () => {
    const machine = new LegacyMachine().inRealMode('eb f0').load(CODE + 0xfff2, 'eb 0c'); // jmp -10H; jmp +0CH
    machine.step(4);
    expect(machine.cpu.rip).toBe(0);
    expect(decodesIn(machine, () => machine.step(20))).toBe(0);
  });

  it('lies at several instruction pointers at once', () => {
    const machine = new LegacyMachine().inRealMode('eb f0'); // jmp -10H, at 0 and at 1000H
    machine.step();
    expect(machine.cpu.rip).toBe(0xfff2);
    Object.assign(machine.cpu.segments[CS], { base: CODE - 0x1000 });
    machine.cpu.rip = 0x1000;
    machine.step();
    expect(machine.cpu.rip).toBe(0xff2);
  });

  it('sees its own stores', () => {
    // mov byte [CODE + 8], 2; L: mov al, 1; jmp L
    const machine = new LegacyMachine().inProtectedMode('c6 05 08 80 00 00 02 b0 01 eb fc');
    machine.step(2);
    expect(machine.cpu.gprLow(RAX)).toBe(2);
  });
});

describe('the same code kept and decoded for one execution', () => {
  const machineCode = fc.uint8Array({ minLength: 8, maxLength: 32 });
  const registers = fc.array(fc.integer({ min: 0, max: 0xffff_ffff }), { minLength: 8, maxLength: 8 });
  const TURNS = 60;

  /** What random code does in a code segment that begins `shift` bytes after CODE. */
  function outcomeOf(selector: number, code: Uint8Array, values: readonly number[], shift: number): unknown {
    const machine = new LegacyMachine();
    for (let vector = 0; vector < 32; vector++) machine.setGate(vector, { selector });
    machine.memory.write32(GDT + selector, ((CODE + shift) << 16) | 0xffff);
    machine.inProtectedMode('00', selector);
    const { cpu } = machine;
    machine.memory.bytes(CODE + shift, code.length).set(code);
    cpu.rip = 0;
    values.forEach((value, register) => cpu.setGprNumber(register, value % (register % 2 === 0 ? 2 ** 32 : 0x4000)));
    cpu.setGprNumber(4, STACK);
    try {
      machine.step(TURNS);
    } catch (error) {
      return (error as Error).name;
    }
    const kept = [0, 1, 2, 3, 4, 5, 6, 7].map((register) => cpu.gprLow(register));
    return [kept, cpu.rip, cpu.rflags, cpu.now, cpu.long(CPU_RETIRED), cpu.activity];
  }

  it.each([CODE_16, CODE_32])('does the same with CS %d', (selector) => {
    fc.assert(
      fc.property(machineCode, registers, (code, values) => {
        expect(outcomeOf(selector, code, values, 0)).toEqual(outcomeOf(selector, code, values, 1));
      }),
      { numRuns: 40, seed: 3, endOnFailure: true },
    );
  });
});
