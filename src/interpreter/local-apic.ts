// The interrupts of a physical local APIC (SDM vol. 3, 12.8): acceptance, priority, acknowledgement and EOI, and what its
// registers read as. They stand in the CPU's block; what else they mean is in hardware/apic/local-apic.ts.
import {
  APIC_APR,
  APIC_BASE_ENABLE,
  APIC_CURRENT_COUNT,
  APIC_ICR_HIGH,
  APIC_IRR,
  APIC_ISR,
  APIC_LVT_LINT0,
  APIC_PPR,
  APIC_SVR,
  APIC_TMR,
  APIC_TPR,
  LVT_DELIVERY_MODE,
  LVT_EXTINT,
  LVT_MASKED,
  SVR_SOFTWARE_ENABLE,
  SVR_SUPPRESS_EOI_BROADCAST,
} from '../hardware/apic/registers';
import {
  CPU_APIC_BASE,
  CPU_APIC_LINT0,
  CPU_APIC_REGISTERS,
  CPU_APIC_REQUESTED,
  CPU_ATTENTION,
} from '../hardware/cpu/layout';
import { currentCount } from './apic-timer';
import { clearVector, highestVector, priorityClass, processorPriority, setVector, testVector } from './vectors';

const ISR = CPU_APIC_REGISTERS + (APIC_ISR >> 2);
const TMR = CPU_APIC_REGISTERS + (APIC_TMR >> 2);
const IRR = CPU_APIC_REGISTERS + (APIC_IRR >> 2);
const STRIDE: u32 = 4;

/** What `pendingVector` and `acknowledge` return for an interrupt whose vector the PIC gives. */
export const EXTERNAL: u32 = 0xffff_ffff;

// @ts-ignore: decorator
@inline
function register(cpu: usize, offset: u32): u32 {
  return load<u32>(cpu + CPU_APIC_REGISTERS + (offset >> 2));
}

// @ts-ignore: decorator
@inline
function isEnabled(cpu: usize): bool {
  return (load<u32>(cpu, CPU_APIC_BASE) & APIC_BASE_ENABLE) != 0;
}

/** LINT0 asks for an interrupt-acknowledge cycle; while the APIC is disabled the pin is the processor's INTR input. */
function isExternal(cpu: usize): bool {
  if (load<u32>(cpu, CPU_APIC_LINT0) == 0) return false;
  return !isEnabled(cpu) || (register(cpu, APIC_LVT_LINT0) & (LVT_MASKED | LVT_DELIVERY_MODE)) == LVT_EXTINT;
}

// @ts-ignore: decorator
@inline
function setRegister(cpu: usize, offset: u32, value: u32): void {
  store<u32>(cpu + CPU_APIC_REGISTERS + (offset >> 2), value);
}

/** The value of a register that can be read, at time `now`. */
export function readRegister(cpu: usize, offset: u32, now: f64): u32 {
  if (offset == APIC_CURRENT_COUNT) return currentCount(cpu, now);
  return register(cpu, offset == APIC_APR ? APIC_PPR : offset);
}

export function writeTpr(cpu: usize, value: u32): void {
  setRegister(cpu, APIC_TPR, value & 0xff);
  evaluateInterrupts(cpu);
}

/** ICR bits 63:32 of xAPIC mode, which has 8-bit destinations. */
export function writeIcrHigh(cpu: usize, value: u32): void {
  setRegister(cpu, APIC_ICR_HIGH, value & 0xff00_0000);
}

/** Works out the PPR and whether an interrupt is deliverable: the class of the highest IRR vector exceeds that of the PPR. */
export function evaluateInterrupts(cpu: usize): void {
  const ppr = processorPriority(register(cpu, APIC_TPR), highestVector(cpu + ISR, STRIDE));
  const isRequested = priorityClass(highestVector(cpu + IRR, STRIDE)) > priorityClass(ppr) || isExternal(cpu);
  setRegister(cpu, APIC_PPR, ppr);
  store<u32>(cpu, u32(isRequested), CPU_APIC_REQUESTED);
  if (isRequested) store<u32>(cpu, 1, CPU_ATTENTION);
}

/** An interrupt is deliverable to the core. */
// @ts-ignore: decorator
@inline
export function requestsService(cpu: usize): bool {
  return load<u32>(cpu, CPU_APIC_REQUESTED) != 0;
}

/** Accepts a fixed interrupt with a legal vector; dropped while the APIC is disabled. */
export function accept(cpu: usize, vector: u32, isLevel: bool): void {
  if (!isEnabled(cpu) || (register(cpu, APIC_SVR) & SVR_SOFTWARE_ENABLE) == 0) return;
  setVector(cpu + IRR, STRIDE, vector);
  if (isLevel) setVector(cpu + TMR, STRIDE, vector);
  else clearVector(cpu + TMR, STRIDE, vector);
  evaluateInterrupts(cpu);
}

/** The vector that `acknowledge` would return now. */
export function pendingVector(cpu: usize): u32 {
  if (isExternal(cpu)) return EXTERNAL;
  return requestsService(cpu) ? highestVector(cpu + IRR, STRIDE) : register(cpu, APIC_SVR) & 0xff;
}

/**
 * The core takes the interrupt: IRR to ISR. The spurious vector, without an ISR bit, when none qualifies. EXTERNAL: nothing
 * has happened, the host asks the PIC.
 */
export function acknowledge(cpu: usize): u32 {
  const vector = pendingVector(cpu);
  if (vector == EXTERNAL || !requestsService(cpu)) return vector;
  clearVector(cpu + IRR, STRIDE, vector);
  setVector(cpu + ISR, STRIDE, vector);
  evaluateInterrupts(cpu);
  return vector;
}

/** The I/O APICs hear of the end of this interrupt: it is level-triggered, and the broadcast not suppressed. */
function isBroadcast(cpu: usize, vector: u32): bool {
  return testVector(cpu + TMR, STRIDE, vector) && (register(cpu, APIC_SVR) & SVR_SUPPRESS_EOI_BROADCAST) == 0;
}

/** Write to the EOI register. Returns the vector that is to be broadcast, or 0. */
export function completeInterrupt(cpu: usize): u32 {
  const vector = highestVector(cpu + ISR, STRIDE);
  if (vector == 0) return 0;
  clearVector(cpu + ISR, STRIDE, vector);
  evaluateInterrupts(cpu);
  return isBroadcast(cpu, vector) ? vector : 0;
}

/**
 * `acknowledge` and `completeInterrupt` in one, for an interrupt that is deliverable and that software never sees. Returns as the
 * latter.
 */
export function dismissInterrupt(cpu: usize): u32 {
  const vector = highestVector(cpu + IRR, STRIDE);
  clearVector(cpu + IRR, STRIDE, vector);
  evaluateInterrupts(cpu);
  return isBroadcast(cpu, vector) ? vector : 0;
}
