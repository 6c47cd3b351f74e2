import { beforeEach, describe, expect, it } from 'vitest';
import { Board } from './board.js';
import { BoardKernelDevices } from './board-kernel-devices.js';

const IO_APIC = 0xfec0_0000;
const MEMORY_BAR = 0xfebf_f000;
const IO_BAR = 0xc000;

let board: Board;
let devices: BoardKernelDevices;

beforeEach(() => {
  const nothing = (): void => undefined;
  const host = { now: () => 0, console: nothing, deliver: nothing, picOutput: nothing, schedule: nothing };
  board = new Board({ apicIds: [0], memoryBytes: 2 ** 24, tscHertz: 2e9 }, host);
  devices = new BoardKernelDevices(board);
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
});
