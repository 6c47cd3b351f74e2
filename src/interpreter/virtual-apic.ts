// The operations on virtual interrupts that everything in APIC virtualization is made of (SDM vol. 3, 30.1.2 to 30.2.2).
// They act on the virtual-APIC page and on RVI and SVI, at once; lines, turns, costs and exits are the caller's.
import { APIC_EOI, APIC_IRR, APIC_ISR, APIC_PPR, APIC_TPR } from '../hardware/apic/registers';
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
  REPORT_EOI,
  VIRTUALIZE_INTERRUPT_DELIVERY,
  VIRTUALIZE_WITH_WINDOW_EXITS,
} from '../hardware/cpu/layout';
import { EXIT_REASON_EOI_INDUCED, EXIT_REASON_TPR_BELOW_THRESHOLD } from '../hardware/vmx/exit-reason';
import { collect, isPrivate, mayWriteLines } from './lines';
import { DONE, exit, mustWaitForEvent, report } from './microcode';
import { mustWait } from './order';
import { clearVector, highestVector, priorityClass, processorPriority, setVector, testVector } from './vectors';

const LINE_SIZE: u32 = 64;
/** Registers stand 16 bytes apart. */
const STRIDE: u32 = 16;

/** Destination shorthand of the ICR, bits 19:18: self. */
export const SELF_SHORTHAND: u32 = 1 << 18;

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

/** VISR or VIRR. */
// @ts-ignore: decorator
@inline
function vectors(cpu: usize, register: u32): usize {
  return page(cpu) + register;
}

/** Lines of the page, as masks: the one of VTPR, VPPR and VEOI, and those of VISR and VIRR, eight registers each. */
export const PRIORITY: u64 = u64(1) << (APIC_TPR / LINE_SIZE);
export const VISR: u64 = u64(3) << (APIC_ISR / LINE_SIZE);
export const VIRR: u64 = u64(3) << (APIC_IRR / LINE_SIZE);

// @ts-ignore: decorator
@inline
function isPagePrivate(cpu: usize): bool {
  return isPrivate(cpu, load<u32>(cpu, CPU_VIRTUAL_APIC_PAGE));
}

/** Gets `registers`, any of PRIORITY, VISR and VIRR, to read and write them. False: wait. */
export function collectRegisters(cpu: usize, registers: u64): bool {
  return mayWriteLines(cpu, load<u32>(cpu, CPU_VIRTUAL_APIC_PAGE), registers) || collectEach(cpu, registers);
}

function collectEach(cpu: usize, registers: u64): bool {
  for (let left = registers; left != 0; left &= left - 1) {
    if (!collectRegister(cpu, u32(ctz(left)) * LINE_SIZE, true)) return false;
  }
  return true;
}

/** The line of one register, for an operation that needs several. False: wait. */
export function collectRegister(cpu: usize, offset: u32, write: bool): bool {
  return collect(cpu, load<u32>(cpu, CPU_VIRTUAL_APIC_PAGE) + offset, write);
}

/**
 * Is it too early for an operation on these registers? What happens in the virtual-APIC page alone is an act only if some
 * other CPU has touched that page.
 */
export function mustWaitForRegisters(cpu: usize, registers: u64): bool {
  return isPagePrivate(cpu) ? mustWaitForEvent(cpu) : mustWait(cpu) || !collectRegisters(cpu, registers);
}

/** The same for an operation that writes to one register at first. */
export function mustWaitForRegister(cpu: usize, offset: u32): bool {
  return isPagePrivate(cpu) ? mustWaitForEvent(cpu) : mustWait(cpu) || !collectRegister(cpu, offset, true);
}

// ---- Operations

/** Without virtual-interrupt delivery, VM entry and TPR virtualization exit while VTPR[7:4] is below the threshold. */
export function isTprBelowThreshold(cpu: usize): bool {
  return priorityClass(readRegister(cpu, APIC_TPR)) < load<u32>(cpu, CPU_TPR_THRESHOLD);
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
  const tpr = readRegister(cpu, APIC_TPR);
  const svi = load<u32>(cpu, CPU_SVI);
  writeRegister(cpu, APIC_PPR, processorPriority(tpr, svi));
}

/** EOI virtualization (30.1.4): DONE, or EXITS = the EOI-exit bitmap asks for it. */
export function virtualizeEoi(cpu: usize): u32 {
  const vector = load<u32>(cpu, CPU_SVI);
  report(cpu, REPORT_EOI, vector);
  writeRegister(cpu, APIC_EOI, 0);
  retireVirtualInterrupt(cpu);
  if (testVector(cpu + CPU_EOI_EXIT_BITMAP, 4, vector)) return exit(cpu, EXIT_REASON_EOI_INDUCED, vector);
  evaluatePendingVirtualInterrupts(cpu);
  return DONE;
}

/** The part of EOI virtualization that user-interrupt notification processing shares: SVI is no longer in service. */
export function retireVirtualInterrupt(cpu: usize): void {
  clearVector(vectors(cpu, APIC_ISR), STRIDE, load<u32>(cpu, CPU_SVI));
  store<u32>(cpu, highestVector(vectors(cpu, APIC_ISR), STRIDE), CPU_SVI);
  virtualizePpr(cpu);
}

/** Self-IPI virtualization (30.1.5). */
export function virtualizeSelfIpi(cpu: usize, vector: u32): void {
  setVector(vectors(cpu, APIC_IRR), STRIDE, vector);
  store<u32>(cpu, max(load<u32>(cpu, CPU_RVI), vector), CPU_RVI);
  evaluatePendingVirtualInterrupts(cpu);
}

/** Evaluation of pending virtual interrupts (30.2.1). The next instruction boundary looks at the result. */
export function evaluatePendingVirtualInterrupts(cpu: usize): void {
  const isAbove = priorityClass(load<u32>(cpu, CPU_RVI)) > priorityClass(readRegister(cpu, APIC_PPR));
  const recognized = isAbove && !virtualizes(cpu, VIRTUALIZE_WITH_WINDOW_EXITS);
  store<u32>(cpu, u32(recognized), CPU_RECOGNIZED);
  if (recognized) store<u32>(cpu, 1, CPU_ATTENTION);
}

/** Virtual-interrupt delivery up to the IDT (30.2.2). Returns the vector to deliver. */
export function takeVirtualInterrupt(cpu: usize): u32 {
  const vector = load<u32>(cpu, CPU_RVI);
  setVector(vectors(cpu, APIC_ISR), STRIDE, vector);
  store<u32>(cpu, vector, CPU_SVI);
  writeRegister(cpu, APIC_PPR, vector & 0xf0);
  clearVector(vectors(cpu, APIC_IRR), STRIDE, vector);
  store<u32>(cpu, highestVector(vectors(cpu, APIC_IRR), STRIDE), CPU_RVI);
  store<u32>(cpu, 0, CPU_RECOGNIZED);
  return vector;
}

/** 32 vectors (word 0 to 7) become requests. */
export function requestVectors(cpu: usize, word: u32, requests: u32): void {
  const at = page(cpu) + APIC_IRR + word * STRIDE;
  store<u32>(at, load<u32>(at) | requests);
  store<u32>(cpu, max(load<u32>(cpu, CPU_RVI), (word << 5) + 31 - clz(requests)), CPU_RVI);
}
