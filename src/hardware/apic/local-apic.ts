/**
 * One local APIC in xAPIC and x2APIC mode: its registers, and what a write means. SDM vol. 3, chapter 12 ("Advanced
 * programmable interrupt controller"). Whoever writes a register routes the effect. Acceptance, priority and end of
 * interrupts are in src/interpreter/local-apic.ts; both work on the registers in the CPU's state block.
 *
 * Left out: the pin LINT1 (its entry is storage: nothing on the board drives it), remote read, focus checking, lowest-priority arbitration
 * (the bus chooses), and delivery status, which is never pending. The xAPIC ID can be written, which the SDM leaves to
 * the processor model (12.4.6).
 */
import type { Engine } from '../cpu/engine.js';
import {
  CPU_APIC_BASE,
  CPU_APIC_LINT0,
  CPU_APIC_READABLE,
  CPU_APIC_REGISTERS,
  CPU_APIC_REQUESTED,
  MAXPHYADDR,
} from '../cpu/layout.js';
import { PAGE_SIZE } from '../memory/physical-memory.js';
import { x2apicLogicalId, type Destination } from './destination.js';
import { createMessageBuffer, decodeIcr } from './interrupt-command.js';
import { DELIVERY_FIXED, DELIVERY_LOWEST_PRIORITY, DELIVERY_NMI, SHORTHAND_SELF, type ApicEffect } from './message.js';
import * as R from './registers.js';
import {
  isReadable,
  isWritable,
  lvtBits,
  LVT_OFFSETS,
  readableRegisters,
  x2apicReservedBits,
} from './register-access.js';
import { ApicTimer, type TimerOwner } from './timer.js';

/** What a local APIC needs of its processor. */
export interface ApicOwner extends TimerOwner {
  /** Initial APIC ID, 32 bits. */
  readonly apicId: number;
  nmiPending: boolean;
  wake(at: number): void;
}

/** What the engine calls the vector of an interrupt for which the PIC gives it. */
const EXTERNAL = -1;
const REGISTERS = 64;
const TWO_32 = 2 ** 32;

const NONE: ApicEffect = { kind: 'none' };
const RENAMED: ApicEffect = { kind: 'renamed' };
const GENERAL_PROTECTION: ApicEffect = { kind: 'general-protection' };

export class LocalApic implements Destination {
  /** The ID given at power-up, 32 bits: that of the x2APIC. */
  readonly apicId: number;
  readonly timer: ApicTimer;
  readonly #owner: ApicOwner;
  readonly #engine: Engine;
  readonly #block: number;
  /** Registers by offset >> 4; reading some of them means more (src/interpreter/local-apic.ts). */
  readonly #registers: Uint32Array;
  /** IA32_APIC_BASE, low and high half. */
  readonly #base: Uint32Array;
  readonly #lint0: Uint32Array;
  readonly #requested: Uint32Array;
  /** The interrupt-acknowledge cycle of an ExtINT at LINT0: the vector that the PIC gives. */
  acknowledgeExternal: (() => number) | null = null;
  /** Errors since the last write to the ESR. */
  #errors = 0;
  readonly #message = createMessageBuffer();
  readonly #send: ApicEffect = { kind: 'message', message: this.#message };
  readonly #value = { hi: 0, lo: 0 };

  /** `timerPeriod`: ticks per timer count before the divider. */
  constructor(owner: ApicOwner, timerPeriod?: number) {
    const { memory, block } = owner;
    const words = (offset: number, length: number) => new Uint32Array(memory.wasm.buffer, block + offset, length);
    this.#owner = owner;
    this.#engine = owner.engine;
    this.#block = block;
    this.#registers = words(CPU_APIC_REGISTERS, REGISTERS);
    this.#base = words(CPU_APIC_BASE, 2);
    this.#lint0 = words(CPU_APIC_LINT0, 1);
    this.#requested = words(CPU_APIC_REQUESTED, 1);
    this.apicId = owner.apicId;
    this.timer = new ApicTimer(owner, (at) => this.#timerExpired(at), timerPeriod);
    words(CPU_APIC_READABLE, 2).set(readableRegisters());
    this.#base[0] = R.DEFAULT_APIC_BASE + (owner.id === 0 ? R.APIC_BASE_BSP : 0) + R.APIC_BASE_ENABLE;
    this.#setRegister(R.APIC_ID, initialXapicId(this.apicId));
    this.reset();
  }

  // ---- Modes

  /** Not globally disabled: IA32_APIC_BASE.EN. */
  get enabled(): boolean {
    return (this.#base[0] & R.APIC_BASE_ENABLE) !== 0;
  }

  get x2apic(): boolean {
    return (this.#base[0] & R.APIC_BASE_EXTD) !== 0;
  }

  /** SVR bit 8. */
  get softwareEnabled(): boolean {
    return (this.#register(R.APIC_SVR) & R.SVR_SOFTWARE_ENABLE) !== 0;
  }

  /** Physical address of the register page in xAPIC mode, else -1. */
  get basePage(): number {
    if (!this.enabled || this.x2apic) return -1;
    return Math.floor(this.apicBase / PAGE_SIZE) * PAGE_SIZE;
  }

  /** IA32_APIC_BASE. */
  get apicBase(): number {
    return this.#base[1] * TWO_32 + this.#base[0];
  }

  /** WRMSR of IA32_APIC_BASE. */
  writeApicBase(hi: number, lo: number): ApicEffect {
    if ((lo & 0x2ff) !== 0 || hi >>> (MAXPHYADDR - 32) !== 0) return GENERAL_PROTECTION;
    const from = (this.#base[0] >>> 10) & 3;
    const to = (lo >>> 10) & 3;
    if (!isLegalTransition(from, to)) return GENERAL_PROTECTION;
    const bsp = this.#base[0] & R.APIC_BASE_BSP;
    this.#base[0] = (lo & ~R.APIC_BASE_BSP) | bsp;
    this.#base[1] = hi;
    if (from !== to) this.#changeMode(to);
    return NONE;
  }

  #changeMode(to: number): void {
    if (to === DISABLED) this.reset();
    this.#setRegister(R.APIC_ID, to === X2APIC ? this.apicId : initialXapicId(this.apicId));
    this.#setRegister(R.APIC_LDR, to === X2APIC ? x2apicLogicalId(this.apicId) : 0);
    this.#setRegister(R.APIC_ICR_HIGH, 0);
    this.#evaluate();
  }

  /** Registers as after power-up or INIT; APIC ID and IA32_APIC_BASE stay. */
  reset(): void {
    const id = this.#register(R.APIC_ID);
    this.#registers.fill(0);
    this.#setRegister(R.APIC_ID, id);
    this.#setRegister(R.APIC_VERSION, R.VERSION_VALUE);
    this.#setRegister(R.APIC_LDR, this.x2apic ? x2apicLogicalId(this.apicId) : 0);
    this.#setRegister(R.APIC_DFR, 0xffff_ffff);
    this.#setRegister(R.APIC_SVR, 0xff);
    for (const offset of LVT_OFFSETS) this.#setRegister(offset, R.LVT_MASKED);
    this.timer.reset();
    this.#errors = 0;
    this.#evaluate();
  }

  get physicalId(): number {
    return this.x2apic ? this.apicId : this.#register(R.APIC_ID) >>> 24;
  }

  get ldr(): number {
    return this.#register(R.APIC_LDR);
  }

  get dfr(): number {
    return this.#register(R.APIC_DFR);
  }

  // ---- Acceptance and priority

  /**
   * Accepts a fixed or lowest-priority interrupt. Dropped with an illegal vector (ESR bit 6), or while the APIC is
   * disabled.
   */
  accept(vector: number, level: boolean): void {
    if (!this.enabled) return;
    if (vector < R.FIRST_LEGAL_VECTOR) this.#recordError(R.ESR_RECEIVE_ILLEGAL_VECTOR);
    else this.#engine.accept(this.#block, vector, level ? 1 : 0);
  }

  /** An interrupt is deliverable to the core: the class of the highest IRR vector exceeds that of the PPR. */
  get requestsService(): boolean {
    return this.#requested[0] !== 0;
  }

  /**
   * Drives the LINT0 pin, to which a PC's PIC is wired, at time `at`. While the APIC is disabled the pin is the processor's INTR
   * input; as ExtINT it asks for an interrupt-acknowledge cycle as long as it is high, otherwise its edge is an interrupt.
   */
  setLint0(asserted: boolean, at: number): void {
    const rises = asserted && this.#lint0[0] === 0;
    this.#lint0[0] = asserted ? 1 : 0;
    this.#evaluate();
    if (rises && this.pendingVector !== EXTERNAL) this.#deliverLocal(this.#register(R.APIC_LVT_LINT0));
    if (this.requestsService || this.#owner.nmiPending) this.#owner.wake(at);
  }

  /** The vector that `acknowledge` would return now; -1 for one that the PIC gives. */
  get pendingVector(): number {
    return this.#engine.pendingVector(this.#block);
  }

  /** The core takes the interrupt: IRR to ISR. The spurious vector, without an ISR bit, when none qualifies. */
  acknowledge(): number {
    const vector = this.#engine.acknowledge(this.#block);
    return vector === EXTERNAL && this.acknowledgeExternal !== null ? this.acknowledgeExternal() : vector;
  }

  /** Write to the EOI register. A level-triggered interrupt is broadcast to the I/O APICs unless suppressed. */
  eoi(): ApicEffect {
    const vector = this.#engine.completeInterrupt(this.#block);
    return vector === 0 ? NONE : { kind: 'eoi-broadcast', vector };
  }

  #evaluate(): void {
    this.#engine.evaluateInterrupts(this.#block);
  }

  // ---- xAPIC: memory-mapped registers

  /** The 32-bit register at `offset`, a multiple of 16. Unimplemented ones set ESR bit 7 and read as 0. */
  readRegister(offset: number): number {
    if (!isReadable(offset >> 4, false)) {
      this.#recordError(R.ESR_ILLEGAL_REGISTER);
      return 0;
    }
    return this.#read(offset);
  }

  /** A 32-bit write to the register at `offset`, a multiple of 16. Writes to read-only registers are ignored. */
  writeRegister(offset: number, value: number): ApicEffect {
    const index = offset >> 4;
    if (!isWritable(index, false)) {
      if (!isReadable(index, false)) this.#recordError(R.ESR_ILLEGAL_REGISTER);
      return NONE;
    }
    switch (offset) {
      case R.APIC_ICR:
        this.#setRegister(R.APIC_ICR, value & ~R.ICR_BUSY);
        return this.#command(value, this.#register(R.APIC_ICR_HIGH) >>> 24, false);
      case R.APIC_ICR_HIGH:
        this.#engine.writeIcrHigh(this.#block, value);
        return NONE;
      case R.APIC_ID:
        this.#setRegister(R.APIC_ID, value & 0xff00_0000);
        return RENAMED;
      case R.APIC_LDR:
        this.#setRegister(R.APIC_LDR, value & 0xff00_0000);
        return NONE;
      case R.APIC_DFR:
        this.#setRegister(R.APIC_DFR, value | 0x0fff_ffff);
        return NONE;
      default:
        return this.#write(offset, value);
    }
  }

  // ---- x2APIC: MSRs 800H-8FFH

  /** RDMSR of 800H-8FFH, null = #GP(0). The object is reused by the next call. */
  readMsr(msr: number): { readonly hi: number; readonly lo: number } | null {
    const index = msr & 0xff;
    if (!this.x2apic || !isReadable(index, true)) return null;
    const offset = index << 4;
    this.#value.lo = this.#read(offset);
    this.#value.hi = offset === R.APIC_ICR ? this.#register(R.APIC_ICR_HIGH) : 0;
    return this.#value;
  }

  /** WRMSR of 800H-8FFH. */
  writeMsr(msr: number, hi: number, lo: number): ApicEffect {
    const index = msr & 0xff;
    const offset = index << 4;
    if (!this.x2apic || !isWritable(index, true)) return GENERAL_PROTECTION;
    if ((lo & x2apicReservedBits(offset)) !== 0) return GENERAL_PROTECTION;
    if (hi !== 0 && offset !== R.APIC_ICR) return GENERAL_PROTECTION;
    if (offset === R.APIC_SELF_IPI) return this.#selfIpi(lo);
    if (offset !== R.APIC_ICR) return this.#write(offset, lo);
    this.#setRegister(R.APIC_ICR, lo & ~R.ICR_BUSY);
    this.#setRegister(R.APIC_ICR_HIGH, hi);
    return this.#command(lo, hi >>> 0, true);
  }

  #selfIpi(vector: number): ApicEffect {
    return this.#command((SHORTHAND_SELF << 18) | vector, 0, true);
  }

  // ---- Registers, both modes

  #register(offset: number): number {
    return this.#registers[offset >> 4];
  }

  #setRegister(offset: number, value: number): void {
    this.#registers[offset >> 4] = value;
  }

  #read(offset: number): number {
    return this.#engine.readRegister(this.#block, offset, this.#owner.now) >>> 0;
  }

  #write(offset: number, value: number): ApicEffect {
    switch (offset) {
      case R.APIC_EOI:
        return this.eoi();
      case R.APIC_TPR:
        this.#engine.writeTpr(this.#block, value);
        return NONE;
      case R.APIC_SVR:
        this.#writeSvr(value);
        return NONE;
      case R.APIC_ESR:
        this.#setRegister(R.APIC_ESR, this.#errors);
        this.#errors = 0;
        return NONE;
      case R.APIC_INITIAL_COUNT:
        this.timer.setInitialCount(value >>> 0);
        return NONE;
      case R.APIC_DIVIDE:
        this.timer.setDivide(value);
        return NONE;
      default:
        this.#writeLvt(offset, value);
        return NONE;
    }
  }

  #writeSvr(value: number): void {
    this.#setRegister(R.APIC_SVR, value & 0x13ff);
    if (this.softwareEnabled) return;
    for (const offset of LVT_OFFSETS) this.#setRegister(offset, this.#register(offset) | R.LVT_MASKED);
    this.#evaluate();
  }

  #writeLvt(offset: number, value: number): void {
    const mask = this.softwareEnabled ? 0 : R.LVT_MASKED;
    this.#setRegister(offset, (value & lvtBits(offset) & ~LVT_READ_ONLY) | mask);
    if (offset === R.APIC_LVT_TIMER) this.timer.setMode((value >>> 17) & 3);
    if (offset === R.APIC_LVT_LINT0) this.#evaluate();
  }

  /** A write to the ICR. A fixed IPI with an illegal vector is not sent. */
  #command(low: number, destination: number, x2apic: boolean): ApicEffect {
    const { deliveryMode, vector } = decodeIcr(this.#message, low, destination, x2apic);
    if (
      (deliveryMode === DELIVERY_FIXED || deliveryMode === DELIVERY_LOWEST_PRIORITY) &&
      vector < R.FIRST_LEGAL_VECTOR
    ) {
      this.#recordError(R.ESR_SEND_ILLEGAL_VECTOR);
      return NONE;
    }
    return this.#send;
  }

  #recordError(error: number): void {
    const isNew = (this.#errors & error) === 0;
    this.#errors |= error;
    if (isNew) this.#deliverLocal(this.#register(R.APIC_LVT_ERROR));
  }

  #timerExpired(at: number): void {
    this.#deliverLocal(this.#register(R.APIC_LVT_TIMER) & TIMER_DELIVERY);
    if (this.requestsService) this.#owner.wake(at);
  }

  /** An interrupt of the local vector table: fixed or NMI. */
  #deliverLocal(lvt: number): void {
    if ((lvt & R.LVT_MASKED) !== 0) return;
    const deliveryMode = (lvt >>> 8) & 7;
    if (deliveryMode === DELIVERY_NMI) this.#owner.nmiPending = true;
    else if (deliveryMode === DELIVERY_FIXED) this.accept(lvt & 0xff, false);
  }
}

function initialXapicId(apicId: number): number {
  return (apicId & 0xff) << 24;
}

/** Delivery status and remote IRR. */
const LVT_READ_ONLY = 0x5000;
/** The LVT timer register has no delivery mode: always fixed. */
const TIMER_DELIVERY = R.LVT_MASKED | 0xff;

// States of IA32_APIC_BASE: bit 1 = EN, bit 0 = EXTD
const DISABLED = 0;
const XAPIC = 2;
const X2APIC = 3;

/** SDM figure 12-27: x2APIC mode is entered from xAPIC mode only, and left for "disabled" only. */
function isLegalTransition(from: number, to: number): boolean {
  if (to === DISABLED || to === from) return true;
  return to === XAPIC ? from === DISABLED : to === X2APIC && from === XAPIC;
}
