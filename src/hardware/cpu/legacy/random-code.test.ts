import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CODE, CODE_16, CODE_32, HANDLERS, LegacyMachine, STACK } from '../../../../test/support/legacy-machine.js';
import { RUNNING } from '../layout.js';
import { UnimplementedError } from '../unimplemented.js';
import { runUntil } from '../../../../test/support/engine.js';

const TURNS = 200;
const NOP = 0x90;

const machineCode = fc.uint8Array({ minLength: 16, maxLength: 64 });
const registers = fc.array(fc.integer({ min: 0, max: 0xffff_ffff }), { minLength: 8, maxLength: 8 });

/** Runs random bytes; what is not modelled must say so. */
function survives(machine: LegacyMachine, bytes: Uint8Array, values: readonly number[]): void {
  const { cpu } = machine;
  machine.memory.bytes(CODE, bytes.length).set(bytes);
  values.forEach((value, register) => cpu.setGprNumber(register, value));
  cpu.setGprNumber(4, STACK);
  try {
    for (let turn = 0; turn < TURNS; turn++) {
      cpu.state = RUNNING;
      runUntil(cpu, cpu.now + 1);
    }
  } catch (error) {
    expect(error).toBeInstanceOf(UnimplementedError);
  }
}

describe('random bytes as code', () => {
  it('do no harm in real-address mode', () => {
    const machine = new LegacyMachine();
    fc.assert(
      fc.property(machineCode, registers, (bytes, values) => {
        survives(machine.inRealMode('90'), bytes, values);
      }),
      { numRuns: 60, seed: 2, endOnFailure: true },
    );
  });

  it.each([CODE_16, CODE_32])('do no harm in protected mode with CS %d', (selector) => {
    const machine = new LegacyMachine();
    fc.assert(
      fc.property(machineCode, registers, (bytes, values) => {
        for (let vector = 0; vector < 32; vector++) machine.setGate(vector);
        survives(machine.inProtectedMode('90', selector), bytes, values);
      }),
      { numRuns: 60, seed: 2, endOnFailure: true },
    );
  });
});

describe('the same code with flat and with other segments', () => {
  const instruction = fc.tuple(
    fc.constantFrom(0x01, 0x11, 0x19, 0x29, 0x31, 0x39, 0x85, 0x87, 0x89, 0x8b, 0x03, 0x2b, 0xd1, 0xd3, 0xf7, 0xff),
    fc.constantFrom(0, 1, 2, 3, 5),
  );

  /** Registers, flags and the operand after one instruction with its operand at [ESI] or at [ESI - base]. */
  function outcomeOf(bytes: number[], values: readonly number[], base: number): unknown {
    const machine = new LegacyMachine().inProtectedMode('90');
    for (let vector = 0; vector < 32; vector++) machine.setGate(vector);
    // Behind a fault, the first instruction of its handler.
    machine.memory.bytes(HANDLERS, 32 * 16).fill(NOP);
    const { cpu } = machine;
    machine.memory.bytes(CODE, bytes.length).set(bytes);
    values.forEach((value, register) => cpu.setGprNumber(register, value));
    cpu.setGprNumber(4, STACK);
    cpu.setGprNumber(6, 0x5000 - base);
    cpu.segments[3].base = base;
    machine.memory.write32(0x5000, values[6]);
    machine.step();
    const kept = [0, 1, 2, 3, 5, 7].map((register) => cpu.gprLow(register));
    return [kept, cpu.rip, cpu.rflags, machine.memory.read32(0x5000)];
  }

  it('does the same', () => {
    fc.assert(
      fc.property(instruction, registers, ([opcode, register], values) => {
        const bytes = [opcode, (register << 3) | 6, 0x90];
        expect(outcomeOf(bytes, values, 0x1000)).toEqual(outcomeOf(bytes, values, 0));
      }),
      { numRuns: 60, seed: 2, endOnFailure: true },
    );
  });
});
