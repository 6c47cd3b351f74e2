import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ApicMessage } from '../hardware/apic/message.js';
import { Board, type BoardHost } from './board.js';
import { isKernelMemory, isKernelPort } from './kernel-devices.js';

const TSC_HERTZ = 2_000_000_000;
const IO_APIC = 0xfec0_0000;
const OPTIONS = {
  apicIds: [0, 1],
  memoryBytes: 64 * 2 ** 20,
  tscHertz: TSC_HERTZ,
  reinjectsTimer: false,
  leastTimerPeriodNs: 0,
};

let time: number;
let text: string;
let messages: ApicMessage[];
let lint0: boolean;
let scheduled: number[];
let board: Board;

const host: BoardHost = {
  now: () => time,
  console: (byte) => (text += String.fromCharCode(byte)),
  deliver: (message) => messages.push(message) > 0,
  picOutput: (asserted) => (lint0 = asserted),
  lineDriven: () => undefined,
  redirectionChanged: () => undefined,
  timerTicked: () => undefined,
  schedule: (at) => scheduled.push(at),
};

beforeEach(() => {
  time = 0;
  text = '';
  messages = [];
  lint0 = false;
  scheduled = [];
  board = new Board(OPTIONS, host);
});

function out(port: number, value: number, size = 1): void {
  board.portWrite(port, size, value);
}

function outs(port: number, ...values: number[]): void {
  for (const value of values) out(port, value);
}

function writeMemory(address: number, value: number): void {
  board.mmioWrite(address, new Uint8Array(Uint32Array.of(value).buffer));
}

function readMemory(address: number): number {
  const bytes = new Uint8Array(4);
  board.mmioRead(address, bytes);
  return new DataView(bytes.buffer).getUint32(0, true);
}

function redirect(input: number, low: number): void {
  writeMemory(IO_APIC, 0x10 + 2 * input);
  writeMemory(IO_APIC + 0x10, low);
}

function configuration(register: number): number {
  out(0xcf8, 0x8000_0000 + register, 4);
  return board.portRead(0xcfc, 4);
}

describe('Board', () => {
  it('prints a console as a guest does', () => {
    for (const byte of new TextEncoder().encode('enabling apic\r\n')) {
      expect(board.portRead(0x3fd, 1) & 0x20).toBe(0x20);
      out(0x3f8, byte);
    }
    expect(text).toBe('enabling apic\r\n');
  });

  it('answers the number of CPUs', () => {
    out(0x510, 5, 2);
    expect([board.portRead(0x511, 1), board.portRead(0x511, 1)]).toEqual([2, 0]);
  });

  it('ends with the code at port F4H, and only once', () => {
    out(0xf4, 3, 4);
    for (const letter of 'Shutdown') out(0x8900, letter.charCodeAt(0));
    expect(board.end).toEqual({ kind: 'exit', code: 3 });
  });

  it('has a host bridge and the test device on PCI bus 0', () => {
    expect([configuration(0), configuration(0x0800), configuration(0x1000)]).toEqual([
      0x1237_8086, 0xffff_ffff, 0x0005_1b36,
    ]);
    expect([configuration(0x1010), configuration(0x1014)]).toEqual([0xfebf_f000, 0xc001]);
  });

  it('reaches the test device by memory and by ports', () => {
    board.mmioWrite(0xfebf_f000, Uint8Array.of(2));
    expect(readMemory(0xfebf_f004)).toBe(2050);
    expect(board.eventFd).toEqual({ space: 'memory', address: 0xfebf_f802, size: 1, match: 0xfa });
    out(0xc000, 0);
    expect([board.portRead(0xc004, 4), board.portRead(0xc008, 4), board.eventFd]).toEqual([131, 0xfa, null]);
  });

  it('the PM timer that the ACPI tables name follows simulated time', () => {
    time = TSC_HERTZ / 10;
    expect(board.portRead(0x608, 4)).toBe(357_954);
  });

  it('reads ones where nothing is and takes writes there', () => {
    out(0x1234, 5, 4);
    writeMemory(0xd000_0000, 5);
    expect([board.portRead(0x1234, 4), board.portRead(0x64, 1), readMemory(0xd000_0000)]).toEqual([
      0xffff_ffff, 0xff, 0xffff_ffff,
    ]);
  });

  it('a test line goes through the I/O APIC, and its EOI comes back', () => {
    redirect(14, 0x8077);
    outs(0x200e, 1);
    expect(messages).toMatchObject([{ vector: 0x77, level: true, destination: 0 }]);
    board.endOfInterrupt(0x77, true);
    expect(messages.length).toBe(2);
  });

  it('a test line goes through the PIC to LINT0', () => {
    outs(0x20, 0x11);
    outs(0x21, 0x30, 4, 1, 0);
    outs(0x2005, 1, 0);
    expect([lint0, board.picOutput]).toEqual([true, true]);
    expect(board.acknowledgePic()).toBe(0x35);
    expect(lint0).toBe(false);
  });

  it('the timer arrives at PIC input 0 and I/O APIC input 2, when the board said', () => {
    outs(0x20, 0x11);
    outs(0x21, 0x30, 4, 1, 0);
    redirect(2, 0x30);
    outs(0x43, 0x34);
    outs(0x40, 0xe8, 0x03);
    expect(scheduled).toEqual([board.nextEventAt]);
    board.runEvents();
    expect(messages).toEqual([]);
    time = board.nextEventAt;
    board.runEvents();
    expect(messages).toMatchObject([{ vector: 0x30, level: false }]);
    expect([lint0, board.acknowledgePic()]).toEqual([true, 0x30]);
    expect(scheduled).toEqual([time, board.nextEventAt]);
  });

  it('the real-time clock interrupts on line 8, through PIC and I/O APIC alike', () => {
    redirect(8, 0x38);
    outs(0xa0, 0x11);
    outs(0xa1, 0x70, 2, 1, 0);
    outs(0x20, 0x11);
    outs(0x21, 0x30, 4, 1, 0);
    outs(0x70, 0x0b);
    outs(0x71, 0x42);
    time = board.nextEventAt;
    board.runEvents();
    expect(time).toBe(Math.ceil(TSC_HERTZ / 1024));
    expect(messages).toMatchObject([{ vector: 0x38, level: false }]);
    expect([lint0, board.acknowledgePic()]).toEqual([true, 0x70]);
    expect(board.nextEventAt).toBe(Infinity);
    outs(0x70, 0x0c);
    expect([board.portRead(0x71, 1), scheduled.at(-1)]).toEqual([0xc0, Math.ceil((2 * TSC_HERTZ) / 1024)]);
  });

  it('the PM timer interrupts on line 9, level-triggered', () => {
    redirect(9, 0x8039);
    out(0x602, 1, 2);
    time = board.nextEventAt;
    board.runEvents();
    board.endOfInterrupt(0x39, true);
    expect(messages.length).toBe(2);
    out(0x600, 1, 2);
    board.endOfInterrupt(0x39, true);
    expect(messages.length).toBe(2);
  });

  describe('ticks of the PIT that the guest is slow to take', () => {
    const PERIOD = 1000;

    function start(reinjectsTimer: boolean): void {
      board = new Board({ ...OPTIONS, reinjectsTimer }, host);
      outs(0x43, 0x34);
      outs(0x40, PERIOD & 0xff, PERIOD >>> 8);
    }

    function pass(periods: number): void {
      for (let period = 0; period < periods; period++) {
        time = board.nextEventAt;
        board.runEvents();
      }
    }

    it('are edges as they come without reinjection', () => {
      start(false);
      redirect(2, 0x30);
      pass(3);
      expect([messages.length, board.hasTimerWork]).toEqual([3, false]);
    });

    it('wait for the EOI at the I/O APIC and come one by one', () => {
      start(true);
      redirect(2, 0x30);
      pass(3);
      expect(messages.length).toBe(1);
      for (const expected of [2, 3]) {
        board.endOfInterrupt(0x30, false);
        expect(board.hasTimerWork).toBe(true);
        board.runTimerWork();
        expect(messages.length).toBe(expected);
      }
      board.endOfInterrupt(0x30, false);
      expect(board.hasTimerWork).toBe(false);
    });

    it('wait for the EOI at the PIC', () => {
      start(true);
      outs(0x20, 0x11);
      outs(0x21, 0x30, 4, 1, 0);
      pass(2);
      board.acknowledgePic();
      expect(board.hasTimerWork).toBe(false);
      out(0x20, 0x20);
      expect(board.hasTimerWork).toBe(true);
    });

    it.each([
      ['the I/O APIC', () => redirect(2, 0x30)],
      ['the PIC', () => outs(0x21, 0xff, 0xfe)],
      ['a new count', () => outs(0x40, PERIOD & 0xff, PERIOD >>> 8)],
    ])('are forgotten when the line is unmasked or the counter loaded: %s', (_, forget) => {
      start(true);
      pass(5);
      forget();
      redirect(2, 0x30);
      messages = [];
      pass(1);
      board.endOfInterrupt(0x30, false);
      expect([messages.length, board.hasTimerWork]).toEqual([1, false]);
    });
  });

  it('fw_cfg has the traditional interface alone: nothing answers at the ports of the DMA interface', () => {
    out(0x510, 0x01, 2);
    expect([board.portRead(0x511, 1) & 2, board.portRead(0x514, 4), board.portRead(0x518, 4)]).toEqual([
      0, 0xffff_ffff, 0xffff_ffff,
    ]);
  });

  it('the serial port interrupts on line 4', () => {
    redirect(4, 0x24);
    outs(0x3fc, 8);
    outs(0x3f9, 2);
    expect(messages).toMatchObject([{ vector: 0x24 }]);
  });

  it('both views of the test register see the same bytes', () => {
    out(0xe0, 0x1234_5678, 4);
    expect(board.portRead(0xe8, 4)).toBe(0x1234_5678);
    out(0xe9, 0xff);
    expect(board.portRead(0xe0, 2)).toBe(0xff78);
  });

  it('device memory of the test device keeps what is written', () => {
    writeMemory(0xff00_1000, 0x1234_5678);
    expect(readMemory(0xff00_1000)).toBe(0x1234_5678);
  });

  it('KVM runs PIC, PIT, ELCR and I/O APIC in the kernel, user space the rest', () => {
    expect([0x20, 0x21, 0x40, 0x43, 0xa1, 0x4d0].map(isKernelPort)).toEqual(Array(6).fill(true));
    expect([0x61, 0x3f8, 0x608, 0xcf8, 0x1234].map(isKernelPort)).toEqual(Array(5).fill(false));
    expect([IO_APIC, IO_APIC + 0x10, IO_APIC + 0x100, 0xfebf_f000].map(isKernelMemory)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('the ACPI tables lie below 1 MiB', () => {
    const { gpa, bytes } = board.firmware;
    expect(String.fromCharCode(...bytes.subarray(0, 8))).toBe('RSD PTR ');
    expect([gpa, gpa + bytes.length <= 0x10_0000]).toEqual([0xe_0000, true]);
  });

  it('takes any access: values fit their size, nothing throws', () => {
    const port = fc.oneof(
      fc.nat(0xffff),
      fc.constantFrom(0x20, 0x21, 0x43, 0x40, 0x70, 0x71, 0x3f8, 0x510, 0xcf8, 0xcfc, 0xc000),
    );
    const access = fc.record({
      port,
      size: fc.constantFrom(1, 2, 4),
      value: fc.nat(0xffff_ffff),
      cycles: fc.nat(2 ** 30),
    });
    fc.assert(
      fc.property(fc.array(access), (accesses) => {
        const fuzzed = new Board(OPTIONS, host);
        for (const { port, size, value, cycles } of accesses) {
          time += cycles;
          fuzzed.runEvents();
          fuzzed.portWrite(port, size, size === 4 ? value : value & (2 ** (8 * size) - 1));
          const read = fuzzed.portRead(port, size);
          expect(Number.isInteger(read) && read >= 0 && read < 2 ** (8 * size)).toBe(true);
        }
      }),
    );
  });
});
