// The operations on virtual interrupts that everything in APIC virtualization is made of (SDM vol. 3, 30.1.2 to 30.2.2).
// They act on the virtual-APIC page and on RVI and SVI, at once; lines, turns, costs and exits are the caller's.
import {
  CPU_ATTENTION,
  CPU_EOI_EXIT_BITMAP,
  CPU_RECOGNIZED,
  CPU_RVI,
  CPU_SVI,
  CPU_TPR_THRESHOLD,
  CPU_VIRTUALIZATION,
  CPU_VIRTUAL_APIC_PAGE,
  ORDER_RAM,
  VIRTUALIZE_INTERRUPT_DELIVERY,
  VIRTUALIZE_WITH_WINDOW_EXITS,
} from '../hardware/cpu/layout';
import { collect, isPrivate } from './lines';
import { DONE, exit, mustWaitForEvent } from './microcode';
import { mustWait } from './order';

// Offsets of virtual registers: those of the real ones (hardware/apic/registers.ts).
export const TPR: u32 = 0x080;
const PPR: u32 = 0x0a0;
export const EOI: u32 = 0x0b0;
const ISR: u32 = 0x100;
const IRR: u32 = 0x200;
export const ICR: u32 = 0x300;
export const ICR_HIGH: u32 = 0x310;
export const SELF_IPI: u32 = 0x3f0;

const LINE: u32 = 64;

/** Destination shorthand of the ICR, bits 19:18: self. */
export const SELF_SHORTHAND: u32 = 1 << 18;

// Basic exit reasons: see hardware/vmx/exit-reason.ts.
const EXIT_REASON_TPR_BELOW_THRESHOLD: u32 = 43;
export const EXIT_REASON_EOI_INDUCED: u32 = 45;
export const EXIT_REASON_APIC_WRITE: u32 = 56;

/** A control of VMX operation is 1 (VIRTUALIZE_*). */
export function virtualizes(cpu: usize, control: u32): bool {
  return (load<u32>(cpu, CPU_VIRTUALIZATION) & control) != 0;
}

// ---- The virtual-APIC page

// @ts-ignore: decorator
@inline
function page(cpu: usize): usize {
  return load<u32>(ORDER_RAM) + load<u32>(cpu, CPU_VIRTUAL_APIC_PAGE);
}

export function readRegister(cpu: usize, offset: u32): u32 {
  return load<u32>(page(cpu) + offset);
}

export function writeRegister(cpu: usize, offset: u32, value: u32): void {
  store<u32>(page(cpu) + offset, value);
}

/** The word of a vector in the 256-bit register at `register` (ISR, IRR): 32 vectors every 16 bytes. */
// @ts-ignore: decorator
@inline
function wordOf(cpu: usize, register: u32, vector: u32): usize {
  return page(cpu) + register + ((vector >> 5) << 4);
}

function setVector(cpu: usize, register: u32, vector: u32): void {
  const word = wordOf(cpu, register, vector);
  store<u32>(word, load<u32>(word) | (1 << (vector & 31)));
}

function clearVector(cpu: usize, register: u32, vector: u32): void {
  const word = wordOf(cpu, register, vector);
  store<u32>(word, load<u32>(word) & ~(1 << (vector & 31)));
}

/** The highest vector that is set, or 0. */
function highestVector(cpu: usize, register: u32): u32 {
  for (let vector: i32 = 0xe0; vector >= 0; vector -= 32) {
    const bits = load<u32>(wordOf(cpu, register, vector));
    if (bits != 0) return u32(vector) + 31 - clz(bits);
  }
  return 0;
}

/** The line of one register, for an operation that needs several. False: wait. */
export function collectRegister(cpu: usize, offset: u32, write: bool): bool {
  return collect(cpu, load<u32>(cpu, CPU_VIRTUAL_APIC_PAGE) + offset, write);
}

/** VTPR, VPPR and VEOI share a line. */
export function collectPriority(cpu: usize): bool {
  return collectRegister(cpu, TPR, true);
}

export function collectVisr(cpu: usize): bool {
  return collectRegister(cpu, ISR, true) && collectRegister(cpu, ISR + LINE, true);
}

export function collectVirr(cpu: usize): bool {
  return collectRegister(cpu, IRR, true) && collectRegister(cpu, IRR + LINE, true);
}

/** What happens in the virtual-APIC page alone is an act only if some other CPU has touched that page. */
export function mustWaitForPage(cpu: usize): bool {
  return isPrivate(cpu, load<u32>(cpu, CPU_VIRTUAL_APIC_PAGE)) ? mustWaitForEvent(cpu) : mustWait(cpu);
}

// ---- Operations

/** Priority class of a vector, TPR or PPR: bits 7:4. */
// @ts-ignore: decorator
@inline
function priorityClass(value: u32): u32 {
  return (value >> 4) & 15;
}

/** Without virtual-interrupt delivery, VM entry and TPR virtualization exit while VTPR[7:4] is below the threshold. */
export function isTprBelowThreshold(cpu: usize): bool {
  return priorityClass(readRegister(cpu, TPR)) < load<u32>(cpu, CPU_TPR_THRESHOLD);
}

/** TPR virtualization (30.1.2): DONE, or EXITS = TPR below threshold. */
export function virtualizeTpr(cpu: usize): u32 {
  if (!virtualizes(cpu, VIRTUALIZE_INTERRUPT_DELIVERY)) {
    return isTprBelowThreshold(cpu) ? exit(cpu, EXIT_REASON_TPR_BELOW_THRESHOLD, 0) : DONE;
  }
  virtualizePpr(cpu);
  evaluatePendingVirtualInterrupts(cpu);
  return DONE;
}

/** PPR virtualization (30.1.3). */
export function virtualizePpr(cpu: usize): void {
  const tpr = readRegister(cpu, TPR);
  const svi = load<u32>(cpu, CPU_SVI);
  writeRegister(cpu, PPR, priorityClass(tpr) >= priorityClass(svi) ? tpr & 0xff : svi & 0xf0);
}

/** EOI virtualization (30.1.4). The vector whose bit in the EOI-exit bitmap asks for a VM exit, or -1. */
export function virtualizeEoi(cpu: usize): i32 {
  const vector = load<u32>(cpu, CPU_SVI);
  writeRegister(cpu, EOI, 0);
  retireVirtualInterrupt(cpu);
  if ((load<u32>(cpu + ((vector >> 5) << 2), CPU_EOI_EXIT_BITMAP) & (1 << (vector & 31))) != 0) return vector;
  evaluatePendingVirtualInterrupts(cpu);
  return -1;
}

/** The part of EOI virtualization that user-interrupt notification processing shares: SVI is no longer in service. */
export function retireVirtualInterrupt(cpu: usize): void {
  clearVector(cpu, ISR, load<u32>(cpu, CPU_SVI));
  store<u32>(cpu, highestVector(cpu, ISR), CPU_SVI);
  virtualizePpr(cpu);
}

/** Self-IPI virtualization (30.1.5). */
export function virtualizeSelfIpi(cpu: usize, vector: u32): void {
  setVector(cpu, IRR, vector);
  store<u32>(cpu, max(load<u32>(cpu, CPU_RVI), vector), CPU_RVI);
  evaluatePendingVirtualInterrupts(cpu);
}

/** Evaluation of pending virtual interrupts (30.2.1). The next instruction boundary looks at the result. */
export function evaluatePendingVirtualInterrupts(cpu: usize): void {
  const isAbove = priorityClass(load<u32>(cpu, CPU_RVI)) > priorityClass(readRegister(cpu, PPR));
  const recognized = isAbove && !virtualizes(cpu, VIRTUALIZE_WITH_WINDOW_EXITS);
  store<u32>(cpu, u32(recognized), CPU_RECOGNIZED);
  if (recognized) store<u32>(cpu, 1, CPU_ATTENTION);
}

/** Virtual-interrupt delivery up to the IDT (30.2.2). Returns the vector to deliver. */
export function deliverVirtualInterrupt(cpu: usize): u32 {
  const vector = load<u32>(cpu, CPU_RVI);
  setVector(cpu, ISR, vector);
  store<u32>(cpu, vector, CPU_SVI);
  writeRegister(cpu, PPR, vector & 0xf0);
  clearVector(cpu, IRR, vector);
  store<u32>(cpu, highestVector(cpu, IRR), CPU_RVI);
  store<u32>(cpu, 0, CPU_RECOGNIZED);
  return vector;
}

/** 32 vectors (word 0 to 7) become requests. */
export function requestVectors(cpu: usize, word: u32, requests: u32): void {
  const at = page(cpu) + IRR + (word << 4);
  store<u32>(at, load<u32>(at) | requests);
  store<u32>(cpu, max(load<u32>(cpu, CPU_RVI), (word << 5) + 31 - clz(requests)), CPU_RVI);
}
