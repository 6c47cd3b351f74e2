/**
 * 8250/16550A serial port (National Semiconductor PC16550D data sheet). What is sent leaves at once, so the transmitter
 * is always empty. Interrupts: transmitter empty, and received data in loopback.
 *
 * Left out: input from outside, line errors, modem-status changes, the time that a character takes.
 */
import { type InterruptLine, type IoDevice } from './io-device.js';

// Register offsets
const DATA = 0;
const INTERRUPT_ENABLE = 1;
const INTERRUPT_IDENTIFICATION = 2;
const LINE_CONTROL = 3;
const MODEM_CONTROL = 4;
const LINE_STATUS = 5;
const MODEM_STATUS = 6;
const SCRATCH = 7;

const IER_RECEIVED = 1 << 0;
const IER_TRANSMITTER_EMPTY = 1 << 1;
const IER_WRITABLE = 0x0f;
const IIR_NONE = 0x01;
const IIR_TRANSMITTER_EMPTY = 0x02;
const IIR_RECEIVED = 0x04;
const IIR_FIFO = 0xc0;
const FCR_ENABLE = 1 << 0;
const FCR_CLEAR_RECEIVER = 1 << 1;
const LCR_DIVISOR_LATCH = 1 << 7;
const MCR_OUT2 = 1 << 3;
const MCR_LOOPBACK = 1 << 4;
const MCR_WRITABLE = 0x1f;
const LSR_RECEIVED = 1 << 0;
const LSR_TRANSMITTER_EMPTY = 0x60;
/** Carrier, data set ready, clear to send: somebody listens. */
const MSR_CONNECTED = 0xb0;

export class SerialPort implements IoDevice {
  readonly widest = 1;
  readonly #send: (byte: number) => void;
  readonly #interrupt: InterruptLine;
  #interruptEnable = 0;
  #fifo = false;
  #lineControl = 0;
  #modemControl = 0;
  #scratch = 0;
  #divisor = 12;
  /** Looped-back byte that waits to be read, or -1. */
  #received = -1;
  /** The transmitter became empty and nobody has been told. */
  #emptyPending = false;

  /** `send` gets each transmitted byte, `interrupt` the level of the IRQ line. */
  constructor(send: (byte: number) => void, interrupt: InterruptLine) {
    this.#send = send;
    this.#interrupt = interrupt;
  }

  read(offset: number): number {
    switch (offset) {
      case DATA:
        return this.#latched ? this.#divisor & 0xff : this.#receive();
      case INTERRUPT_ENABLE:
        return this.#latched ? this.#divisor >>> 8 : this.#interruptEnable;
      case INTERRUPT_IDENTIFICATION:
        return this.#identify();
      case LINE_CONTROL:
        return this.#lineControl;
      case MODEM_CONTROL:
        return this.#modemControl;
      case LINE_STATUS:
        return LSR_TRANSMITTER_EMPTY | (this.#received < 0 ? 0 : LSR_RECEIVED);
      case MODEM_STATUS:
        return this.#modemStatus();
      default:
        return this.#scratch;
    }
  }

  write(offset: number, _size: number, value: number): void {
    switch (offset) {
      case DATA:
        if (this.#latched) this.#divisor = (this.#divisor & 0xff00) | value;
        else this.#transmit(value);
        break;
      case INTERRUPT_ENABLE:
        if (this.#latched) this.#divisor = (this.#divisor & 0xff) | (value << 8);
        else this.#enableInterrupts(value & IER_WRITABLE);
        break;
      case INTERRUPT_IDENTIFICATION:
        this.#fifo = (value & FCR_ENABLE) !== 0;
        if ((value & FCR_CLEAR_RECEIVER) !== 0) this.#received = -1;
        break;
      case LINE_CONTROL:
        this.#lineControl = value;
        break;
      case MODEM_CONTROL:
        this.#modemControl = value & MCR_WRITABLE;
        break;
      case SCRATCH:
        this.#scratch = value;
        break;
      default:
    }
    this.#drive();
  }

  get #latched(): boolean {
    return (this.#lineControl & LCR_DIVISOR_LATCH) !== 0;
  }

  get #loopback(): boolean {
    return (this.#modemControl & MCR_LOOPBACK) !== 0;
  }

  #transmit(byte: number): void {
    if (this.#loopback) this.#received = byte;
    else this.#send(byte);
    this.#emptyPending = true;
  }

  #receive(): number {
    const byte = this.#received;
    this.#received = -1;
    this.#drive();
    return byte < 0 ? 0 : byte;
  }

  /** Enabling the transmitter interrupt while the transmitter is empty raises it. */
  #enableInterrupts(value: number): void {
    if ((value & ~this.#interruptEnable & IER_TRANSMITTER_EMPTY) !== 0) this.#emptyPending = true;
    this.#interruptEnable = value;
  }

  /** Reading the identification of a transmitter interrupt ends it. */
  #identify(): number {
    const cause = this.#cause();
    if (cause === IIR_TRANSMITTER_EMPTY) this.#emptyPending = false;
    this.#drive();
    return cause | (this.#fifo ? IIR_FIFO : 0);
  }

  #cause(): number {
    if (this.#received >= 0 && (this.#interruptEnable & IER_RECEIVED) !== 0) return IIR_RECEIVED;
    if (this.#emptyPending && (this.#interruptEnable & IER_TRANSMITTER_EMPTY) !== 0) return IIR_TRANSMITTER_EMPTY;
    return IIR_NONE;
  }

  /** In loopback the four outputs of the modem control register are the four inputs. */
  #modemStatus(): number {
    if (!this.#loopback) return MSR_CONNECTED;
    const control = this.#modemControl;
    return ((control & 0b1) << 5) | ((control & 0b10) << 3) | ((control & 0b1100) << 4);
  }

  /** On a PC, OUT2 gates the interrupt; in loopback it is disconnected. */
  #drive(): void {
    const gate = (this.#modemControl & MCR_OUT2) !== 0 && !this.#loopback;
    this.#interrupt(gate && this.#cause() !== IIR_NONE);
  }
}
