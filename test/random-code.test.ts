/** Random bytes as code of a guest, in every mode, under KVM and without it: the emulator stands. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runImage } from '../src/machine/image-run.js';
import { imageMachine, type ImageMachineOptions } from './support/image-machine.js';
import { CODE_MODES, randomCodeGuest } from './support/random-code-guest.js';

const OPTIONS: ImageMachineOptions = { memoryMiB: 4, cpu: { uintr: true }, kvm: { haltPollNs: 0 } };
/** Enough for a few dozen VM exits, or as many instructions. */
const CYCLES = { 'under KVM': 50_000, 'without a hypervisor': 4000 } as const;
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
/** What the host executes: control and debug registers, tables, MSRs, far transfers, strings, returns; TF and RF. */
const modRm = fc.integer({ min: 0xc0, max: 0xff });
const bytes = (length: number): fc.Arbitrary<number[]> => fc.array(byte, { minLength: length, maxLength: length });
const systemInstruction = fc.oneof(
  fc.tuple(fc.constant(0x0f), fc.constantFrom(0x20, 0x21, 0x22, 0x23), modRm),
  fc.tuple(fc.constantFrom([0x0f, 0x00], [0x0f, 0x01], [0x9a], [0xea]), bytes(6)).map((parts) => parts.flat()),
  fc.constantFrom([0x0f, 0x30], [0x0f, 0x32], [0x0f, 0x05], [0x0f, 0x34], [0x0f, 0x35], [0x8e, 0xd0], [0x17], [0xf4]),
  fc.constantFrom([0xf3, 0xaa], [0xf3, 0xa5], [0xf3, 0x6c], [0xf3, 0x6e], [0xcf], [0x48, 0xcf], [0xcb], [0xf1], [0xcc]),
  fc.constantFrom([0x68, 0x02, 0x03, 0, 0, 0x9d], [0x68, 0x02, 0x02, 1, 0, 0x9d], [0xfb], [0xfa]),
  // MOV EAX, imm32; MOV DR0 to DR3 or DR7, EAX: near the code and the registers, or any breakpoints.
  fc
    .tuple(fc.constantFrom(0xc0, 0xc8, 0xd0, 0xd8), byte)
    .map(([dr, low]) => [0xb8, low, 0x80, 0x11, 0, 0x0f, 0x23, dr]),
  bytes(4).map((control) => [0xb8, ...control, 0x0f, 0x23, 0xf8]),
);
const NOP = 0x90;
const machineCode = fc
  .tuple(
    // So that instructions cross a page.
    fc.constantFrom(0, 4070, 4085),
    fc.oneof(
      fc.array(byte, { minLength: 16, maxLength: 64 }),
      fc.array(instruction, { minLength: 4, maxLength: 16 }),
      fc.array(fc.oneof(instruction, systemInstruction, systemInstruction), { minLength: 4, maxLength: 16 }),
    ),
  )
  .map(([padding, code]) => Uint8Array.from([...Array<number>(padding).fill(NOP), ...code.flat()]));
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
          if (outcome.kind === 'failure')
            expect(outcome.message).toMatch(/^(the guest|v?CPU [01]: (?!VM entry failed))/);
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
