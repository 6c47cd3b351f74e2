import { describe, expect, it } from 'vitest';
import { CODE, cpuFixture, type Fixture } from '../../../test/support/cpu-fixture.js';
import { runUntil } from '../../../test/support/engine.js';

const RBX = 3;
const LINEAR = 0x20_0000;
const DEVICE = 0x4000_0000;
const SMSW = [0x0f, 0x01, 0x23];
const SGDT = [0x0f, 0x01, 0x03];
const LIDT = [0x0f, 0x01, 0x1b];

interface Access {
  readonly at: number;
  readonly bytes: number[];
}

interface Options {
  readonly interpreted?: boolean;
  readonly prepare?: (machine: Fixture) => void;
}

/** Executes one instruction with RBX at `offset` of a device that holds 42H at offset 8. */
function access(code: readonly number[], offset = 0, { interpreted = false, prepare }: Options = {}) {
  const machine = cpuFixture({ interpreted });
  const { cpu } = machine;
  const reads: Access[] = [];
  const writes: Access[] = [];
  machine.memory.write64(0x3008, BigInt(DEVICE | 0xe7));
  cpu.deviceMemory = {
    read: (pa, bytes) => {
      bytes.fill(0);
      if (pa === DEVICE + 8) bytes[0] = 0x42;
      reads.push({ at: pa - DEVICE, bytes: [...bytes] });
    },
    write: (pa, bytes) => {
      writes.push({ at: pa - DEVICE, bytes: [...bytes] });
    },
  };
  cpu.setGpr(RBX, BigInt(LINEAR + offset));
  machine.load(CODE, ...code);
  prepare?.(machine);
  runUntil(cpu, cpu.now + 1);
  return { reads, writes, cpu, memory: machine.memory };
}

const sizes = (accesses: readonly Access[]): [number, number][] => accesses.map(({ at, bytes }) => [at, bytes.length]);

describe('operands of microcode in device memory', () => {
  it('a word is one access', () => {
    expect(access(SMSW, 6).writes).toEqual([{ at: 6, bytes: [0x33, 0] }]);
  });

  it('what is longer goes over the bus in aligned pieces of eight bytes', () => {
    const { writes, reads } = access(SGDT, 2);
    expect(sizes(writes)).toEqual([
      [2, 6],
      [8, 4],
    ]);
    expect(reads).toEqual([]);
  });

  it('an operand that is read is not written', () => {
    const { cpu, reads, writes } = access(LIDT, 8);
    expect(cpu.idtr.limit).toBe(0x42);
    expect(sizes(reads)).toEqual([
      [8, 8],
      [16, 2],
    ]);
    expect(writes).toEqual([]);
  });

  it('a descriptor table there is an error that says so', () => {
    const loadDs = [0x8e, 0xd8];
    expect(() =>
      access(loadDs, 0, {
        prepare: ({ cpu }) => {
          cpu.gdtr.base = LINEAR;
          cpu.setGpr(0, 0x10n);
        },
      }),
    ).toThrow('a structure of microcode in the device page at 40000010H');
  });
});

describe('an access across pages', () => {
  const LOAD = [0x8b, 0x03];
  const STORE = [0x89, 0x03];
  const interpreted = true;
  const prepare = ({ cpu }: Fixture): void => {
    cpu.setGpr(0, 0x4433_2211n);
  };

  it('of one device is one access to each', () => {
    expect(sizes(access(LOAD, 0xffd, { interpreted }).reads)).toEqual([
      [0xffd, 3],
      [0x1000, 1],
    ]);
    expect(access(STORE, 0xffe, { interpreted, prepare }).writes).toEqual([
      { at: 0xffe, bytes: [0x11, 0x22] },
      { at: 0x1000, bytes: [0x33, 0x44] },
    ]);
  });

  it('to memory and a device behind it', () => {
    const { memory, writes, cpu } = access(STORE, -3, { interpreted, prepare });
    expect([...memory.bytes(LINEAR - 3, 3)]).toEqual([0x11, 0x22, 0x33]);
    expect(writes).toEqual([{ at: 0, bytes: [0x44] }]);
    expect(cpu.rip).toBe(CODE + STORE.length);
  });
});
