/**
 * User interrupts (SDM vol. 3, chapter 7): state, notification processing, delivery to the handler, and SENDUIPI.
 *
 * In VMX non-root operation the same functions serve: virtual-interrupt delivery of the notification vector calls
 * `postUserInterrupts`, and the notification of SENDUIPI is offered to APIC virtualization first.
 */
import { STEP } from '../../cost/step.js';
import { DELIVERY_FIXED, SHORTHAND_NONE } from '../apic/message.js';
import { ACTIVITY_ACTIVE } from '../cpu/activity.js';
import { CR4_UINTR } from '../cpu/control-register-bits.js';
import type { Cpu } from '../cpu/cpu.js';
import { VECTOR_SS } from '../cpu/exception-vector.js';
import { generalProtection, invalidOpcode, fault } from '../cpu/fault.js';
import { ACCESS_READ, ACCESS_RMW, ACCESS_WRITE, PRIVILEGE_IMPLICIT, PRIVILEGE_USER } from '../cpu/layout.js';
import { isCanonical, isCanonicalPair, canonical, highWord, LinearRange } from '../cpu/linear-access.js';
import { in64BitMode } from '../cpu/mode.js';
import { DONE, FAULT, PASS, REDIRECTED, WAIT, type Outcome } from '../cpu/outcome.js';
import { RFLAGS_RF, RFLAGS_TF } from '../cpu/rflags.js';

export const MSR_IA32_UINTR_RR = 0x985;
export const MSR_IA32_UINTR_HANDLER = 0x986;
export const MSR_IA32_UINTR_STACKADJUST = 0x987;
export const MSR_IA32_UINTR_MISC = 0x988;
export const MSR_IA32_UINTR_PD = 0x989;
export const MSR_IA32_UINTR_TT = 0x98a;

const RSP = 4;
const USER_VECTORS = 64;
const UITTE_SIZE = 16;
const UPID_SIZE = 16;
const UPID_ON = 1 << 0;
const UPID_SN = 1 << 1;
/** Reserved bits of the UPID's lower word: 15:2 and 31:24. */
const UPID_RESERVED = 0xff00_fffc;
const STACK_ADJUST_LOADS = 1;
const TT_ENABLE = 1;

/** User-interrupt state of a logical processor. */
export class UserInterrupts {
  /** User-interrupt flag. */
  uif = false;
  /** User-interrupt request register, bits 31:0 and 63:32. */
  requestLow = 0;
  requestHigh = 0;
  /** IA32_UINTR_HANDLER. */
  handler = 0;
  /** IA32_UINTR_STACKADJUST: a canonical address; with bit 0 it replaces RSP, else it is subtracted. */
  stackAdjust = 0;
  /** IA32_UINTR_MISC bits 31:0: the highest index into the UITT. */
  tableSize = 0;
  /** IA32_UINTR_MISC bits 39:32: user-interrupt notification vector. */
  notificationVector = 0;
  /** IA32_UINTR_PD: linear address of this processor's UPID. */
  descriptor = 0;
  /** IA32_UINTR_TT: linear address of the UITT, bit 0 enables SENDUIPI. */
  targetTable = 0;

  /** A user interrupt is waiting. */
  get requested(): boolean {
    return (this.requestLow | this.requestHigh) !== 0;
  }

  /** Takes the highest request off the UIRR. */
  take(): number {
    const high = this.requestHigh;
    const bit = 31 - Math.clz32(high === 0 ? this.requestLow : high);
    if (high === 0) this.requestLow = (this.requestLow & ~(1 << bit)) >>> 0;
    else this.requestHigh = (high & ~(1 << bit)) >>> 0;
    return high === 0 ? bit : bit + 32;
  }

  /** UIRR |= high:low. */
  request(high: number, low: number): void {
    this.requestHigh = (this.requestHigh | high) >>> 0;
    this.requestLow = (this.requestLow | low) >>> 0;
  }
}

const value = { hi: 0, lo: 0 };

/** RDMSR of 985H-98AH. The object is reused by the next call. */
export function readUserInterruptMsr(cpu: Cpu, msr: number): { hi: number; lo: number } | null {
  const state = cpu.userInterrupts;
  switch (msr) {
    case MSR_IA32_UINTR_RR:
      return words(state.requestHigh, state.requestLow);
    case MSR_IA32_UINTR_HANDLER:
      return words(highWord(state.handler), state.handler);
    case MSR_IA32_UINTR_STACKADJUST:
      return words(highWord(state.stackAdjust), state.stackAdjust);
    case MSR_IA32_UINTR_MISC:
      return words(state.notificationVector, state.tableSize);
    case MSR_IA32_UINTR_PD:
      return words(highWord(state.descriptor), state.descriptor);
    case MSR_IA32_UINTR_TT:
      return words(highWord(state.targetTable), state.targetTable);
    default:
      return null;
  }
}

function words(hi: number, lo: number): { hi: number; lo: number } {
  value.hi = hi >>> 0;
  value.lo = lo >>> 0;
  return value;
}

/** WRMSR of 985H-98AH; false = #GP(0). */
export function writeUserInterruptMsr(cpu: Cpu, msr: number, hi: number, lo: number): boolean {
  const state = cpu.userInterrupts;
  cpu.attention = true;
  if (msr === MSR_IA32_UINTR_RR) {
    state.requestHigh = hi >>> 0;
    state.requestLow = lo >>> 0;
    return true;
  }
  if (msr === MSR_IA32_UINTR_MISC) {
    if (hi >>> 8 !== 0) return false;
    state.notificationVector = hi;
    state.tableSize = lo >>> 0;
    return true;
  }
  if (!isCanonicalPair(hi)) return false;
  return writeAddress(state, msr, canonical(hi, lo), lo);
}

function writeAddress(state: UserInterrupts, msr: number, address: number, lo: number): boolean {
  switch (msr) {
    case MSR_IA32_UINTR_HANDLER:
      state.handler = address;
      return true;
    case MSR_IA32_UINTR_STACKADJUST:
      if ((lo & 6) !== 0) return false;
      state.stackAdjust = address;
      return true;
    case MSR_IA32_UINTR_PD:
      if ((lo & 0x3f) !== 0) return false;
      state.descriptor = address;
      return true;
    case MSR_IA32_UINTR_TT:
      if ((lo & 0xe) !== 0) return false;
      state.targetTable = address;
      return true;
    default:
      return false;
  }
}

// ---- Recognition and delivery

const postedDescriptor = new LinearRange();

/**
 * User-interrupt notification processing: UPID.ON is cleared and UPID.PIR moves into the UIRR. DONE, WAIT or FAULT.
 */
export function postUserInterrupts(cpu: Cpu): Outcome {
  const outcome = postedDescriptor.map(cpu, cpu.userInterrupts.descriptor, UPID_SIZE, ACCESS_RMW, PRIVILEGE_IMPLICIT);
  if (outcome !== DONE) return outcome;
  const { memory } = cpu;
  postedDescriptor.write32(memory, 0, postedDescriptor.read32(memory, 0) & ~UPID_ON);
  cpu.userInterrupts.request(postedDescriptor.read32(memory, 12), postedDescriptor.read32(memory, 8));
  postedDescriptor.write32(memory, 8, 0);
  postedDescriptor.write32(memory, 12, 0);
  cpu.attention = true;
  return DONE;
}

/**
 * A physical interrupt with the notification vector outside VMX non-root operation: acknowledged, its EOI done, and
 * processed without the IDT. A sleeping processor wakes.
 */
export function processNotification(cpu: Cpu): Outcome {
  const outcome = postUserInterrupts(cpu);
  if (outcome === WAIT) return WAIT;
  cpu.activity = ACTIVITY_ACTIVE;
  cpu.apic.acknowledge();
  cpu.bus.route(cpu, cpu.apic.eoi());
  return outcome === FAULT ? FAULT : REDIRECTED;
}

/** User interrupts are delivered at CPL 3 in 64-bit mode while UIF is 1. */
export function canDeliverUserInterrupt(cpu: Cpu): boolean {
  const state = cpu.userInterrupts;
  return state.uif && state.requested && cpu.cpl === 3 && (cpu.cr4 & CR4_UINTR) !== 0 && in64BitMode(cpu);
}

const stack = new LinearRange();
const FRAME_SIZE = 32;

/** User-interrupt delivery: pushes RSP, RFLAGS, RIP and the vector and enters the handler. REDIRECTED, WAIT or FAULT. */
export function deliverUserInterrupt(cpu: Cpu): Outcome {
  if (cpu.begin()) cpu.charge(STEP.USER_INTERRUPT_DELIVERY);
  const state = cpu.userInterrupts;
  if (!isCanonical(state.handler)) return generalProtection(cpu);
  const oldRsp = cpu.gprNumber(RSP);
  const loads = (state.stackAdjust & STACK_ADJUST_LOADS) !== 0;
  const top = loads ? state.stackAdjust : oldRsp - state.stackAdjust;
  const rsp = top - (top & 15) - FRAME_SIZE;
  if (!isCanonical(rsp) || !isCanonical(rsp + FRAME_SIZE - 1)) return fault(cpu, VECTOR_SS, 0);
  const outcome = stack.map(cpu, rsp, FRAME_SIZE, ACCESS_WRITE, PRIVILEGE_USER);
  if (outcome !== DONE) return outcome;
  const { memory } = cpu;
  stack.writeSigned(memory, 24, oldRsp);
  stack.writeSigned(memory, 16, cpu.rflags);
  stack.writeSigned(memory, 8, cpu.rip);
  stack.writeSigned(memory, 0, state.take());
  cpu.setGprNumber(RSP, rsp);
  cpu.rip = state.handler;
  cpu.rflags &= ~(RFLAGS_TF | RFLAGS_RF);
  state.uif = false;
  return REDIRECTED;
}

// ---- SENDUIPI

const targetEntry = new LinearRange();
const targetDescriptor = new LinearRange();

/**
 * SENDUIPI with the UITT index hi:lo, in 64-bit mode (SDM vol. 2). DONE, WAIT or FAULT; the VM exit that a virtualized
 * notification may cause follows the instruction.
 */
export function sendUserInterrupt(cpu: Cpu, hi: number, lo: number): Outcome {
  const state = cpu.userInterrupts;
  if ((state.targetTable & TT_ENABLE) === 0) return invalidOpcode(cpu);
  if (hi !== 0 || lo > state.tableSize) return generalProtection(cpu);
  if (cpu.begin()) cpu.charge(STEP.SENDUIPI_LOOKUP);
  const entry = state.targetTable - TT_ENABLE + lo * UITTE_SIZE;
  let outcome = mapTarget(cpu, entry);
  if (outcome !== DONE) return outcome;
  const word = targetDescriptor.read32(cpu.memory, 0);
  if ((word & UPID_RESERVED) !== 0) return generalProtection(cpu);
  const notifies = (word & (UPID_ON | UPID_SN)) === 0;
  if (notifies) outcome = notify(cpu, (word >>> 16) & 0xff, targetDescriptor.read32(cpu.memory, 4));
  if (outcome !== DONE) return outcome;
  post(cpu, targetEntry.read8(cpu.memory, 1), notifies ? word | UPID_ON : word);
  return DONE;
}

/** The UITT entry and the UPID that it names. */
function mapTarget(cpu: Cpu, entry: number): Outcome {
  if (!isCanonical(entry)) return generalProtection(cpu);
  const outcome = targetEntry.map(cpu, entry, UITTE_SIZE, ACCESS_READ, PRIVILEGE_IMPLICIT);
  if (outcome !== DONE) return outcome;
  const { memory } = cpu;
  const word = targetEntry.read32(memory, 0);
  const upidLow = targetEntry.read32(memory, 8);
  const upidHigh = targetEntry.read32(memory, 12);
  const valid = (word & 0xff) === 1 && word >>> 8 < USER_VECTORS && targetEntry.read32(memory, 4) === 0;
  if (!valid || (upidLow & 0x3f) !== 0 || !isCanonicalPair(upidHigh)) return generalProtection(cpu);
  return targetDescriptor.map(cpu, canonical(upidHigh, upidLow), UPID_SIZE, ACCESS_RMW, PRIVILEGE_IMPLICIT);
}

function post(cpu: Cpu, userVector: number, word: number): void {
  const { memory } = cpu;
  const at = 8 + (userVector >>> 5) * 4;
  targetDescriptor.write32(memory, at, targetDescriptor.read32(memory, at) | (1 << (userVector & 31)));
  targetDescriptor.write32(memory, 0, word);
}

const notification = {
  vector: 0,
  deliveryMode: DELIVERY_FIXED,
  logical: false,
  level: false,
  assert: true,
  shorthand: SHORTHAND_NONE,
  destination: 0,
  x2apic: false,
};

/** Virtualized in non-root operation, else an ordinary IPI. The descriptor is updated when this returns DONE. */
function notify(cpu: Cpu, vector: number, destination: number): Outcome {
  const outcome = cpu.nonRoot === null ? PASS : cpu.nonRoot.senduipi(vector, destination);
  if (outcome !== PASS) return outcome;
  if (cpu.clock.mustWait(cpu)) return WAIT;
  notification.vector = vector;
  notification.x2apic = cpu.apic.x2apic;
  notification.destination = cpu.apic.x2apic ? destination : (destination >>> 8) & 0xff;
  cpu.bus.send(cpu, notification);
  return DONE;
}
