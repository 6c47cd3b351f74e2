/**
 * One i8259A interrupt controller (Intel 8259A data sheet) with the edge/level control register of its PC descendants.
 *
 * Left out: 8080 mode, buffered mode.
 */
import type { InterruptWatcher } from './interrupt-watcher.js';

// Bits of the command port's words
const ICW1 = 1 << 4;
const ICW1_NEEDS_ICW4 = 1 << 0;
const ICW1_SINGLE = 1 << 1;
const OCW3 = 1 << 3;
const OCW3_READ_REGISTER = 1 << 1;
const OCW3_POLL = 1 << 2;
const OCW3_SET_SPECIAL_MASK = 1 << 6;
const ICW4_AUTO_EOI = 1 << 1;
const ICW4_SPECIAL_FULLY_NESTED = 1 << 4;

// OCW2 bits 7:5
const EOI_ROTATE_IN_AUTO_CLEAR = 0;
const EOI = 1;
const EOI_SPECIFIC = 3;
const EOI_ROTATE_IN_AUTO_SET = 4;
const EOI_ROTATE = 5;
const SET_PRIORITY = 6;
const EOI_SPECIFIC_ROTATE = 7;

/** Inputs of a chip. */
const INPUTS = 8;
/** The input whose acknowledgement has no cause. */
const SPURIOUS = 7;
const NONE = INPUTS;
/** The input of the master that the slave drives. */
const CASCADE = 1 << 2;

export class Pic {
  readonly #levelCapable: number;
  readonly #master: boolean;
  readonly #watcher: InterruptWatcher | null;
  #requests = 0;
  #masked = 0;
  #inService = 0;
  #lines = 0;
  #level = 0;
  #vectorBase = 0;
  /** The input of highest priority. */
  #first = 0;
  /** The next initialization word expected at the data port, or 0. */
  #expects: 0 | 2 | 3 | 4 = 0;
  #single = false;
  #needsIcw4 = false;
  #autoEoi = false;
  #rotateInAutoEoi = false;
  #specialMask = false;
  #fullyNested = false;
  #readsInService = false;
  #poll = false;

  /** `levelCapable`: the inputs that can be made level-triggered. `watcher` hears of inputs 0-7. */
  constructor(levelCapable: number, master: boolean, watcher: InterruptWatcher | null) {
    this.#levelCapable = levelCapable;
    this.#master = master;
    this.#watcher = watcher;
  }

  /** The edge/level control register: 1 = level. */
  get elcr(): number {
    return this.#level;
  }

  set elcr(value: number) {
    this.#level = value & this.#levelCapable;
  }

  /** Drives an input. An edge-triggered one requests when it rises, a level-triggered one while it is high. */
  setLine(input: number, asserted: boolean): void {
    const bit = 1 << input;
    const rises = asserted && (this.#lines & bit) === 0;
    this.#lines = asserted ? this.#lines | bit : this.#lines & ~bit;
    if ((this.#level & bit) !== 0) this.#requests = asserted ? this.#requests | bit : this.#requests & ~bit;
    else if (rises) this.#requests |= bit;
  }

  /** The input to be served next, or -1: an unmasked request with priority over what is in service. */
  get pending(): number {
    const wanted = this.#rank(this.#requests & ~this.#masked);
    let blocking = this.#inService;
    if (this.#specialMask) blocking &= ~this.#masked;
    if (this.#fullyNested && this.#master) blocking &= ~CASCADE;
    return wanted < this.#rank(blocking) ? (wanted + this.#first) & 7 : -1;
  }

  /** Interrupt acknowledge for `input`, or with -1 for none: returns the vector. */
  acknowledge(input: number): number {
    if (input < 0) return this.#vectorBase + SPURIOUS;
    const bit = 1 << input;
    if ((this.#level & bit) === 0) this.#requests &= ~bit;
    this.#inService |= bit;
    if (this.#autoEoi) this.#end(input, this.#rotateInAutoEoi);
    return this.#vectorBase + input;
  }

  readCommand(): number {
    if (this.#poll) return this.#pollStatus();
    return this.#readsInService ? this.#inService : this.#requests;
  }

  readData(): number {
    return this.#poll ? this.#pollStatus() : this.#masked;
  }

  writeCommand(value: number): void {
    if ((value & ICW1) !== 0) this.#initialize(value);
    else if ((value & OCW3) !== 0) this.#operate(value);
    else this.#endInterrupt(value >>> 5, value & 7);
  }

  writeData(value: number): void {
    switch (this.#expects) {
      case 2:
        this.#vectorBase = value & 0xf8;
        this.#expects = this.#single ? this.#afterIcw3() : 3;
        break;
      case 3:
        this.#expects = this.#afterIcw3();
        break;
      case 4:
        this.#fullyNested = (value & ICW4_SPECIAL_FULLY_NESTED) !== 0;
        this.#autoEoi = (value & ICW4_AUTO_EOI) !== 0;
        this.#expects = 0;
        break;
      default:
        this.#mask(value);
    }
  }

  #mask(masked: number): void {
    const changed = masked ^ this.#masked;
    this.#masked = masked;
    if (this.#watcher === null) return;
    for (let input = 0; input < INPUTS; input++) {
      if ((changed & (1 << input)) !== 0) this.#watcher.maskChanged(input, (masked & (1 << input)) !== 0);
    }
  }

  #afterIcw3(): 0 | 4 {
    return this.#needsIcw4 ? 4 : 0;
  }

  #initialize(word: number): void {
    this.#needsIcw4 = (word & ICW1_NEEDS_ICW4) !== 0;
    this.#single = (word & ICW1_SINGLE) !== 0;
    this.#expects = 2;
    const dropped = this.#requests & ~this.#level;
    this.#requests &= this.#level;
    this.#lines &= this.#level;
    this.#masked = this.#inService = this.#first = 0;
    this.#autoEoi = this.#rotateInAutoEoi = this.#specialMask = this.#fullyNested = false;
    this.#readsInService = this.#poll = false;
    for (let input = 0; input < INPUTS; input++) if ((dropped & (1 << input)) !== 0) this.#watcher?.ended(input);
  }

  #operate(word: number): void {
    if ((word & OCW3_POLL) !== 0) this.#poll = true;
    if ((word & OCW3_READ_REGISTER) !== 0) this.#readsInService = (word & 1) !== 0;
    if ((word & OCW3_SET_SPECIAL_MASK) !== 0) this.#specialMask = (word & 0x20) !== 0;
  }

  #endInterrupt(command: number, input: number): void {
    switch (command) {
      case EOI:
      case EOI_ROTATE: {
        const rank = this.#rank(this.#inService);
        if (rank !== NONE) this.#end((rank + this.#first) & 7, command === EOI_ROTATE);
        break;
      }
      case EOI_SPECIFIC:
      case EOI_SPECIFIC_ROTATE:
        this.#end(input, command === EOI_SPECIFIC_ROTATE);
        break;
      case EOI_ROTATE_IN_AUTO_CLEAR:
      case EOI_ROTATE_IN_AUTO_SET:
        this.#rotateInAutoEoi = command === EOI_ROTATE_IN_AUTO_SET;
        break;
      case SET_PRIORITY:
        this.#first = (input + 1) & 7;
        break;
      default:
    }
  }

  #end(input: number, rotate: boolean): void {
    this.#inService &= ~(1 << input);
    this.#watcher?.ended(input);
    if (rotate) this.#first = (input + 1) & 7;
  }

  /** Poll mode: the read acknowledges. */
  #pollStatus(): number {
    this.#poll = false;
    const input = this.pending;
    if (input < 0) return 0;
    this.acknowledge(input);
    return 0x80 | input;
  }

  /** Priority of the foremost input in a set, 0 = highest, NONE for the empty set. */
  #rank(set: number): number {
    let rank = 0;
    while (rank < NONE && (set & (1 << ((rank + this.#first) & 7))) === 0) rank++;
    return rank;
  }
}
