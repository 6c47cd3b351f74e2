import { beforeEach, describe, expect, it } from 'vitest';
import type { RaisedInterrupt } from '../hypervisor/kernel-devices.js';
import { Board } from './board.js';
import { BoardKernelDevices, boardInterrupts } from './board-kernel-devices.js';

const IO_APIC = 0xfec0_0000;
const MEMORY_BAR = 0xfebf_f000;
const IO_BAR = 0xc000;

let raised: RaisedInterrupt[];
let board: Board;
let devices: BoardKernelDevices;

beforeEach(() => {
  const nothing = (): void => undefined;
  raised = [];
  const host = { now: () => 0, console: nothing, ...boardInterrupts(raised, () => true) };
  board = new Board(
    { apicIds: [0], memoryBytes: 2 ** 24, tscHertz: 2e9, reinjectsTimer: true, leastTimerPeriodNs: 0 },
    host,
  );
  devices = new BoardKernelDevices(board, raised, nothing);
});

describe('BoardKernelDevices', () => {
  it('claims PIC, PIT, ELCR and I/O APIC', () => {
    expect([0x21, 0x43, 0x4d0, 0x3f8].map((port) => devices.claims('port', port))).toEqual([true, true, true, false]);
    expect([devices.claims('memory', IO_APIC + 0x10), devices.claims('memory', 0x21)]).toEqual([true, false]);
  });

  it('reads and writes them on both buses', () => {
    devices.write(0, 'port', 0x4d0, 1, 0x20);
    expect(devices.read(0, 'port', 0x4d0, 1)).toBe(0x20);
    devices.write(0, 'memory', IO_APIC, 4, 1);
    expect(devices.read(0, 'memory', IO_APIC + 0x10, 4)).toBe(0x17_0011);
    expect(devices.read(0, 'memory', IO_APIC + 0x10, 1)).toBe(0x11);
  });

  it('without a running test no eventfd listens', () => {
    expect([devices.listens('memory', MEMORY_BAR + 2049), devices.isFast(MEMORY_BAR + 2049)]).toEqual([false, false]);
  });

  it('the wildcard in memory takes any write, undecoded', () => {
    board.mmioWrite(MEMORY_BAR, Uint8Array.of(1));
    const at = MEMORY_BAR + 2049;
    expect([devices.listens('memory', at), devices.isFast(at), devices.matches('memory', at, 4, 7)]).toEqual([
      true,
      true,
      true,
    ]);
    expect([devices.listens('port', at), devices.isFast(at + 1)]).toEqual([false, false]);
  });

  it('the wildcard at a port takes any byte', () => {
    board.portWrite(IO_BAR, 1, 1);
    const at = IO_BAR + 132;
    expect([devices.matches('port', at, 1, 7), devices.matches('port', at, 2, 7), devices.isFast(at)]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('data match takes one value of one length', () => {
    board.mmioWrite(MEMORY_BAR, Uint8Array.of(2));
    const at = MEMORY_BAR + 2050;
    const taken = [
      [1, 0xfa],
      [1, 0xfb],
      [4, 0xfa],
    ].map(([size, value]) => devices.matches('memory', at, size, value));
    expect([devices.listens('memory', at), ...taken, devices.isFast(at)]).toEqual([true, true, false, false, false]);
  });

  it('hands over what the board asks for, once and in order', () => {
    devices.write(0, 'memory', IO_APIC, 4, 0x10 + 2 * 14);
    devices.write(0, 'memory', IO_APIC + 0x10, 4, 0x76);
    devices.write(0, 'port', 0x21, 1, 0xff);
    board.portWrite(0x200e, 1, 1);
    const taken: RaisedInterrupt[] = [];
    devices.takeRaised(taken);
    devices.takeRaised(taken);
    expect(taken).toEqual(['redirection', 'irq-line', expect.objectContaining({ vector: 0x76, level: false })]);
  });

  it('the PIC asks when its output rises and answers with a vector', () => {
    for (const word of [0x11, 0x20, 4, 1, 0]) devices.write(0, 'port', word === 0x11 ? 0x20 : 0x21, 1, word);
    board.portWrite(0x2003, 1, 1);
    const taken: RaisedInterrupt[] = [];
    devices.takeRaised(taken);
    expect([taken, devices.picOutput]).toEqual([['irq-line', 'pic-output'], true]);
    expect([devices.acknowledgePic(0), devices.picOutput]).toEqual([0x23, false]);
  });

  it('the PIT tells when it runs out', () => {
    for (const [port, value] of [
      [0x43, 0x30],
      [0x40, 0],
      [0x40, 1],
    ] as const)
      devices.write(0, 'port', port, 1, value);
    expect(devices.nextEventAt).toBeGreaterThan(0);
    expect(devices.nextEventAt).toBeLessThan(Infinity);
  });

  it("tells where level-triggered interrupts go, and the PIT's and the real-time clock's in any mode", () => {
    devices.write(0, 'memory', IO_APIC, 4, 0x10 + 2 * 14);
    devices.write(0, 'memory', IO_APIC + 0x10, 4, 0x8876);
    expect(devices.eoiRoutes().map(({ vector, logical }) => [vector, logical])).toEqual([
      [0, false],
      [0, false],
      [0x76, true],
    ]);
  });
});
