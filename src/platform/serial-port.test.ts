import { beforeEach, describe, expect, it } from 'vitest';
import { SerialPort } from './serial-port.js';

const [DATA, IER, IIR, LCR, MCR, LSR, MSR, SCRATCH] = [0, 1, 2, 3, 4, 5, 6, 7];

let sent: number[];
let line: boolean;
let port: SerialPort;

function write(offset: number, value: number): void {
  port.write(offset, 1, value);
}

beforeEach(() => {
  sent = [];
  line = false;
  port = new SerialPort(
    (byte) => sent.push(byte),
    (asserted) => (line = asserted),
  );
});

describe('SerialPort', () => {
  it('sends each byte at once and is always ready for the next', () => {
    for (const byte of [0x6f, 0x6b]) {
      expect(port.read(LSR)).toBe(0x60);
      write(DATA, byte);
    }
    expect(sent).toEqual([0x6f, 0x6b]);
  });

  it('DLAB turns the first two registers into the divisor', () => {
    write(LCR, 0x80);
    write(DATA, 1);
    write(IER, 2);
    expect([port.read(DATA), port.read(IER)]).toEqual([1, 2]);
    write(LCR, 0x03);
    expect([port.read(DATA), port.read(IER), port.read(LCR)]).toEqual([0, 0, 3]);
    expect(sent).toEqual([]);
  });

  it('keeps the scratch register and the writable bits of IER and MCR', () => {
    write(SCRATCH, 0xa5);
    write(IER, 0xff);
    write(MCR, 0xff);
    expect([port.read(SCRATCH), port.read(IER), port.read(MCR)]).toEqual([0xa5, 0x0f, 0x1f]);
  });

  it('IIR tells a 16550A by its FIFO bits', () => {
    expect(port.read(IIR)).toBe(0x01);
    write(IIR, 1);
    expect(port.read(IIR)).toBe(0xc1);
  });

  it('transmitter empty interrupts through OUT2 until IIR is read, and again after a byte', () => {
    write(IER, 2);
    expect(line).toBe(false);
    write(MCR, 8);
    expect(line).toBe(true);
    expect(port.read(IIR)).toBe(0x02);
    expect([line, port.read(IIR)]).toEqual([false, 0x01]);
    write(DATA, 0x41);
    expect(line).toBe(true);
  });

  it('loopback receives what it sends, keeps it inside and reflects the modem outputs', () => {
    write(MCR, 0x1a);
    write(DATA, 0x55);
    expect([port.read(LSR), port.read(DATA), port.read(LSR)]).toEqual([0x61, 0x55, 0x60]);
    expect(sent).toEqual([]);
    expect(port.read(MSR) & 0xf0).toBe(0x90);
  });

  it('the modem status tells which lines have changed since it was read, of the ring indicator only its end', () => {
    write(MCR, 0x1a);
    expect([port.read(MSR), port.read(MSR)]).toEqual([0x92, 0x90]);
    write(MCR, 0x1f);
    expect([port.read(MSR), port.read(MSR)]).toEqual([0xf2, 0xf0]);
    write(MCR, 0x1a);
    expect(port.read(MSR)).toBe(0x96);
  });

  it('without FIFO a second byte overruns the first', () => {
    write(MCR, 0x10);
    write(DATA, 1);
    write(DATA, 2);
    expect([port.read(LSR), port.read(LSR), port.read(DATA), port.read(LSR)]).toEqual([0x63, 0x61, 2, 0x60]);
  });

  it('the FIFO holds 16 bytes; one more overruns and is lost', () => {
    write(IIR, 1);
    write(MCR, 0x10);
    for (let byte = 1; byte <= 17; byte++) write(DATA, byte);
    expect(port.read(LSR)).toBe(0x63);
    expect(Array.from({ length: 17 }, () => port.read(DATA))).toEqual([...Array(16).keys(), -1].map((i) => i + 1));
  });

  it('the FIFO is emptied by its clear bit and by switching it', () => {
    const waiting = (control: number): boolean => {
      write(MCR, 0x10);
      write(DATA, 1);
      write(IIR, control);
      return (port.read(LSR) & 1) !== 0;
    };
    expect([0x02, 0x01, 0xc1, 0x03, 0x00].map(waiting)).toEqual([true, false, true, false, false]);
  });

  it('interrupts come in order: overrun, received bytes or their time-out, transmitter, modem lines', () => {
    write(IIR, 0x41);
    write(MCR, 0x10);
    write(IER, 0x0f);
    for (let byte = 0; byte < 17; byte++) write(DATA, byte);
    expect(port.read(IIR)).toBe(0xc6);
    port.read(LSR);
    expect(port.read(IIR)).toBe(0xc4);
    for (let byte = 0; byte < 13; byte++) port.read(DATA);
    expect(port.read(IIR)).toBe(0xcc);
    for (let byte = 0; byte < 3; byte++) port.read(DATA);
    expect([port.read(IIR), port.read(IIR)]).toEqual([0xc2, 0xc0]);
    port.read(MSR);
    expect(port.read(IIR)).toBe(0xc1);
  });

  it('without loopback somebody listens', () => {
    expect(port.read(MSR)).toBe(0xb0);
  });
});
