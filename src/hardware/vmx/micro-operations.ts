/**
 * The operations on virtual interrupts that everything in APIC virtualization is made of (SDM vol. 3, 30.1.2 to 30.2.2).
 * They act on the virtual-APIC page and on RVI and SVI, at once; lines, turns, costs and exits are the caller's.
 */
import { APIC_EOI, APIC_IRR, APIC_ISR, APIC_PPR } from '../apic/registers.js';
import { priorityClass, processorPriority } from '../apic/vectors.js';
import type { VirtualApicPage } from './virtual-apic-page.js';
import type { VirtualizationState } from './virtualization-state.js';

/** TPR virtualization (30.1.2). True = VM exit: TPR below threshold. */
export function virtualizeTpr(page: VirtualApicPage, state: VirtualizationState): boolean {
  if (!state.virtualInterruptDelivery) return priorityClass(page.vtpr) < state.tprThreshold;
  virtualizePpr(page, state);
  evaluatePendingVirtualInterrupts(page, state);
  return false;
}

/** PPR virtualization (30.1.3). */
export function virtualizePpr(page: VirtualApicPage, state: VirtualizationState): void {
  page.write(APIC_PPR, processorPriority(page.vtpr, state.svi));
}

/** EOI virtualization (30.1.4). The vector whose bit in the EOI-exit bitmap asks for a VM exit, or -1. */
export function virtualizeEoi(page: VirtualApicPage, state: VirtualizationState): number {
  const vector = state.svi;
  page.write(APIC_EOI, 0);
  retireVirtualInterrupt(page, state);
  if ((state.eoiExitBitmap[vector >>> 5] & (1 << (vector & 31))) !== 0) return vector;
  evaluatePendingVirtualInterrupts(page, state);
  return -1;
}

/** The part of EOI virtualization that user-interrupt notification processing shares: SVI is no longer in service. */
export function retireVirtualInterrupt(page: VirtualApicPage, state: VirtualizationState): void {
  page.clearVector(APIC_ISR, state.svi);
  state.svi = page.highestVector(APIC_ISR);
  virtualizePpr(page, state);
}

/** Self-IPI virtualization (30.1.5). */
export function virtualizeSelfIpi(page: VirtualApicPage, state: VirtualizationState, vector: number): void {
  page.setVector(APIC_IRR, vector);
  state.rvi = Math.max(state.rvi, vector);
  evaluatePendingVirtualInterrupts(page, state);
}

/** Evaluation of pending virtual interrupts (30.2.1). */
export function evaluatePendingVirtualInterrupts(page: VirtualApicPage, state: VirtualizationState): void {
  state.recognized = !state.interruptWindowExiting && priorityClass(state.rvi) > priorityClass(page.vppr);
}

/** Virtual-interrupt delivery up to the IDT (30.2.2). Returns the vector to deliver. */
export function deliverVirtualInterrupt(page: VirtualApicPage, state: VirtualizationState): number {
  const vector = state.rvi;
  page.setVector(APIC_ISR, vector);
  state.svi = vector;
  page.write(APIC_PPR, vector & 0xf0);
  page.clearVector(APIC_IRR, vector);
  state.rvi = page.highestVector(APIC_IRR);
  state.recognized = false;
  return vector;
}
