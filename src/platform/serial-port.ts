/**
 * 8250/16550A serial port (National Semiconductor PC16550D data sheet). What is sent leaves at once, so the transmitter
 * is always empty. Interrupts of the transmitter, and in loopback of the receiver, of overruns and of the modem lines.
 *
 * Left out: input from outside, breaks, parity and framing errors, the time that a character takes: what stays below the
 * trigger level of the FIFO has timed out at once.
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
const IER_LINE_STATUS = 1 << 2;
const IER_MODEM_STATUS = 1 << 3;
const IER_WRITABLE = 0x0f;
// Identifications, in ascending priority but for IIR_NONE
const IIR_NONE = 0x01;
const IIR_MODEM_STATUS = 0x00;
const IIR_TRANSMITTER_EMPTY = 0x02;
const IIR_TIMEOUT = 0x0c;
const IIR_RECEIVED = 0x04;
const IIR_LINE_STATUS = 0x06;
const IIR_FIFO = 0xc0;
const FCR_ENABLE = 1 << 0;
const FCR_CLEAR_RECEIVER = 1 << 1;
const LCR_DIVISOR_LATCH = 1 << 7;
const MCR_OUT2 = 1 << 3;
const MCR_LOOPBACK = 1 << 4;
const MCR_WRITABLE = 0x1f;
const LSR_RECEIVED = 1 << 0;
const LSR_OVERRUN = 1 << 1;
const LSR_TRANSMITTER_EMPTY = 0x60;
/** Carrier, data set ready, clear to send: somebody listens. */
const MSR_CONNECTED = 0xb0;
/** The ring indicator tells only of its end. */
const MSR_RING = 1 << 6;
const MSR_RING_ENDED = 1 << 2;
const FIFO_SIZE = 16;
/** Bytes in the FIFO that interrupt, by bits 7:6 of the FIFO control register. */
const TRIGGER_LEVELS = [1, 4, 8, 14] as const;

export class SerialPort implements IoDevice {
  readonly widest = 1;
  readonly #send: (byte: number) => void;
  readonly #interrupt: InterruptLine;
  #interruptEnable = 0;
  #fifo = false;
  #trigger = 1;
  #lineControl = 0;
  #modemControl = 0;
  #scratch = 0;
  #divisor = 12;
  /** Looped-back bytes that wait to be read. */
  readonly #received: number[] = [];
  #overrun = false;
  /** Modem lines that have changed since they were read, bits 3:0 of the modem status. */
  #modemChanges = 0;
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
        return this.#lineStatus();
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
        this.#controlFifo(value);
        break;
      case LINE_CONTROL:
        this.#lineControl = value;
        break;
      case MODEM_CONTROL:
        this.#controlModem(value & MCR_WRITABLE);
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
    if (this.#loopback) this.#accept(byte);
    else this.#send(byte);
    this.#emptyPending = true;
  }

  /** A full FIFO keeps what it has; without FIFO the byte before is overwritten. */
  #accept(byte: number): void {
    const isFull = this.#received.length === (this.#fifo ? FIFO_SIZE : 1);
    if (isFull) this.#overrun = true;
    if (isFull && !this.#fifo) this.#received.pop();
    if (!isFull || !this.#fifo) this.#received.push(byte);
  }

  #receive(): number {
    const byte = this.#received.shift();
    this.#drive();
    return byte ?? 0;
  }

  /** A change of the enable bit empties the FIFO; the other bits count only with it. */
  #controlFifo(value: number): void {
    const enabled = (value & FCR_ENABLE) !== 0;
    if (enabled !== this.#fifo || (enabled && (value & FCR_CLEAR_RECEIVER) !== 0)) this.#received.length = 0;
    this.#fifo = enabled;
    this.#trigger = enabled ? TRIGGER_LEVELS[(value >>> 6) & 3] : 1;
  }

  #controlModem(value: number): void {
    const before = this.#modemLines;
    this.#modemControl = value;
    const after = this.#modemLines;
    const rang = (before & ~after & MSR_RING) !== 0 ? MSR_RING_ENDED : 0;
    this.#modemChanges |= (((before ^ after) & ~MSR_RING) >>> 4) | rang;
  }

  /** Reading ends an overrun. */
  #lineStatus(): number {
    const received = this.#received.length === 0 ? 0 : LSR_RECEIVED;
    const overrun = this.#overrun ? LSR_OVERRUN : 0;
    this.#overrun = false;
    this.#drive();
    return LSR_TRANSMITTER_EMPTY | received | overrun;
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
    const enabled = this.#interruptEnable;
    const waiting = this.#received.length;
    if (this.#overrun && (enabled & IER_LINE_STATUS) !== 0) return IIR_LINE_STATUS;
    if (waiting > 0 && (enabled & IER_RECEIVED) !== 0) return waiting < this.#trigger ? IIR_TIMEOUT : IIR_RECEIVED;
    if (this.#emptyPending && (enabled & IER_TRANSMITTER_EMPTY) !== 0) return IIR_TRANSMITTER_EMPTY;
    return this.#modemChanges !== 0 && (enabled & IER_MODEM_STATUS) !== 0 ? IIR_MODEM_STATUS : IIR_NONE;
  }

  /** In loopback the four outputs of the modem control register are the four inputs. */
  get #modemLines(): number {
    if (!this.#loopback) return MSR_CONNECTED;
    const control = this.#modemControl;
    return ((control & 0b1) << 5) | ((control & 0b10) << 3) | ((control & 0b1100) << 4);
  }

  /** Reading ends the changes. */
  #modemStatus(): number {
    const status = this.#modemLines | this.#modemChanges;
    this.#modemChanges = 0;
    this.#drive();
    return status;
  }

  /** On a PC, OUT2 gates the interrupt; in loopback it is disconnected. */
  #drive(): void {
    const gate = (this.#modemControl & MCR_OUT2) !== 0 && !this.#loopback;
    this.#interrupt(gate && this.#cause() !== IIR_NONE);
  }
}
