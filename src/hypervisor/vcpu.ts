/**
 * One virtual CPU: what KVM keeps in `struct kvm_vcpu` and `struct vcpu_vmx`. State only; the code that works on it
 * stands in run-loop.ts, halt.ts, posted-interrupts.ts, lapic/ and exits/.
 *
 * A vCPU is pinned to one physical CPU for good, so its VMCS stays current there and its general-purpose registers
 * stay in that CPU between exit and entry.
 */
import type { Cpu } from '../hardware/cpu/cpu.js';
import type { Segment } from '../hardware/cpu/segments.js';

/** Host code runs (or nothing does): an interrupt is picked up at the next entry. */
export const OUTSIDE_GUEST_MODE = 0;
/** From before the last PIR sync until after the exit: senders notify with a physical interrupt. */
export const IN_GUEST_MODE = 1;

export type VcpuMode = typeof OUTSIDE_GUEST_MODE | typeof IN_GUEST_MODE;

/** KVM_MP_STATE_*, the ones that occur. */
export const MP_STATE_RUNNABLE = 0;
export const MP_STATE_HALTED = 3;

export type MpState = typeof MP_STATE_RUNNABLE | typeof MP_STATE_HALTED;

/** Requests handled at the top of the run loop (KVM_REQ_*), bits of `requests`. */
export const KVM_REQ_EVENT = 1 << 0;
export const KVM_REQ_APICV_UPDATE = 1 << 1;
export const KVM_REQ_TLB_FLUSH = 1 << 2;

/** Host-physical addresses of the structures that hardware finds by address. */
export interface VcpuPages {
  readonly vmcs: number;
  /** Register page of the local APIC: the virtual-APIC page. */
  readonly registerPage: number;
  /** Posted-interrupt descriptor, 64-byte aligned. */
  readonly descriptor: number;
  readonly msrBitmap: number;
}

/** Registers a vCPU starts with, in SDM order RAX RCX RDX RBX RSP RBP RSI RDI R8..R15. */
export interface GuestRegisters {
  readonly gprs?: readonly bigint[];
  readonly rip: number;
  readonly rsp: number;
  /** Bit 1 is always set. */
  readonly rflags?: number;
}

export interface DescriptorTable {
  readonly base: number;
  readonly limit: number;
}

/** System registers of a vCPU that starts in 64-bit mode; segments in the order ES CS SS DS FS GS LDTR TR. */
export interface GuestSystemRegisters {
  readonly cr0: number;
  readonly cr3: number;
  readonly cr4: number;
  readonly efer: number;
  readonly segments: readonly Segment[];
  readonly gdtr: DescriptorTable;
  readonly idtr: DescriptorTable;
  /** IA32_APIC_BASE; by default FEE00000H, enabled, BSP on vCPU 0. */
  readonly apicBase?: number;
}

export class Vcpu {
  readonly id: number;
  /** The physical CPU it is pinned to. */
  readonly cpu: Cpu;
  readonly pages: VcpuPages;

  mode: VcpuMode = OUTSIDE_GUEST_MODE;
  mpState: MpState = MP_STATE_RUNNABLE;
  requests = 0;

  constructor(id: number, cpu: Cpu, pages: VcpuPages) {
    this.id = id;
    this.cpu = cpu;
    this.pages = pages;
  }
}
