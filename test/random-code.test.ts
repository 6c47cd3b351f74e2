/** Random bytes as code of a guest, in every mode, under KVM and without it: the emulator stands. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runImage } from '../src/machine/image-run.js';
import { imageMachine, type ImageMachineOptions } from './support/image-machine.js';
import { CODE_MODES, randomCodeGuest } from './support/random-code-guest.js';

const OPTIONS: ImageMachineOptions = { memoryMiB: 4, cpu: { uintr: true }, kvm: { haltPollNs: 0 } };
/** Enough for a few dozen VM exits, or as many instructions. */
const CYCLES = { 'under KVM': 50_000, 'without a hypervisor': 3000 } as const;
const RUNS = 10;

/** Plain bytes, and what looks more like instructions: prefixes, two-byte opcodes, memory operands near registers. */
const byte = fc.integer({ min: 0, max: 255 });
const instruction = fc
  .tuple(
    fc.constantFrom([], [], [0x66], [0xf3], [0xf2], [0xf0], [0x48], [0x67], [0x2e]),
    fc.constantFrom([], [0x0f], [0x0f, 0x01], [0x0f, 0xae], [0x0f, 0xc7]),
    byte,
    fc.array(byte, { minLength: 1, maxLength: 6 }),
  )
  .map(([prefix, escape, opcode, rest]) => [...prefix, ...escape, opcode, ...rest]);
const machineCode = fc
  .oneof(fc.array(byte, { minLength: 16, maxLength: 64 }), fc.array(instruction, { minLength: 4, maxLength: 16 }))
  .map((code) => Uint8Array.from(code.flat()));
const registers = fc.array(fc.oneof(fc.integer({ min: 0, max: 0xffff_ffff }), fc.integer({ min: 0, max: 0x3f_ffff })), {
  minLength: 8,
  maxLength: 8,
});

describe.each(['under KVM', 'without a hypervisor'] as const)('random bytes as a guest %s', (where) => {
  it.each(CODE_MODES)(
    'end in an exit code, a failure with a name or a time-out as %s code',
    (mode) => {
      const options = { ...OPTIONS, bare: where !== 'under KVM', maxCycles: CYCLES[where] };
      fc.assert(
        fc.property(machineCode, registers, (code, values) => {
          const machine = imageMachine(randomCodeGuest(mode, code, values), options);
          const outcome = runImage(machine);
          if (outcome.kind === 'failure') expect(outcome.message).toMatch(/^(the guest|v?CPU [01]: )/);
          // What KVM has never handed out is as it was.
          const { memory } = machine.hardware;
          const unused = machine.kvm?.unusedHostMemory ?? 0;
          expect(Buffer.from(memory.bytes(memory.ramBytes - unused, unused)).equals(Buffer.alloc(unused))).toBe(true);
        }),
        { numRuns: RUNS, seed: 7, endOnFailure: true },
      );
    },
    120_000,
  );
});
