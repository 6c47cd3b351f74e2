/**
 * One virtual CPU: what KVM keeps in `struct kvm_vcpu` and `struct vcpu_vmx`. State only; the code that works on it
 * stands in run-loop.ts, halt.ts, posted-interrupts.ts, lapic/ and exits/.
 *
 * A vCPU is pinned to one physical CPU for good, so its VMCS stays current there and its general-purpose registers
 * stay in that CPU between exit and entry.
 */
import type { Cpu } from '../hardware/cpu/cpu.js';
import { RFLAGS_FIXED } from '../hardware/cpu/rflags.js';
import { EXIT_REASONS } from '../hardware/vmx/exit-reason.js';
import { VMCS_FIELD } from '../hardware/vmx/vmcs-field.js';
import { INVEPT_SINGLE_CONTEXT } from '../hardware/vmx/vmx-unit.js';
import { PAT_RESET, type InitialGuestState } from './guest-state.js';
import { VcpuTimer } from './lapic/timer.js';
import { VcpuApic } from './lapic/vcpu-apic.js';
import { PiDescriptor } from './pi-descriptor.js';
import type { VcpuVmcs } from './vcpu-vmcs.js';

/** Host code runs (or nothing does): an interrupt is picked up at the next entry. */
export const OUTSIDE_GUEST_MODE = 0;
/** From before the last PIR sync until after the exit: senders notify with a physical interrupt. */
export const IN_GUEST_MODE = 1;
/** Kicked while in guest mode: an exit is under way, no second kick is needed. */
export const EXITING_GUEST_MODE = 2;

export type VcpuMode = typeof OUTSIDE_GUEST_MODE | typeof IN_GUEST_MODE | typeof EXITING_GUEST_MODE;

/** KVM_MP_STATE_*, the ones that occur. */
export const MP_STATE_RUNNABLE = 0;
/** Created, but no boot CPU: waits for INIT. */
export const MP_STATE_UNINITIALIZED = 1;
/** Waits for a start-up IPI. */
export const MP_STATE_INIT_RECEIVED = 2;
export const MP_STATE_HALTED = 3;

export type MpState =
  typeof MP_STATE_RUNNABLE | typeof MP_STATE_UNINITIALIZED | typeof MP_STATE_INIT_RECEIVED | typeof MP_STATE_HALTED;

/** Requests handled at the top of the run loop (KVM_REQ_*), bits of `requests`. */
export const KVM_REQ_EVENT = 1 << 0;
export const KVM_REQ_APICV_UPDATE = 1 << 1;
export const KVM_REQ_TLB_FLUSH = 1 << 2;
export const KVM_REQ_NMI = 1 << 3;
export const KVM_REQ_UNBLOCK = 1 << 4;
export const KVM_REQ_SCAN_IOAPIC = 1 << 5;

/** Host-physical addresses of the structures that hardware finds by address. */
export interface VcpuPages {
  readonly vmcs: number;
  /** Register page of the local APIC: the virtual-APIC page. */
  readonly registerPage: number;
  /** Posted-interrupt descriptor, 64-byte aligned. */
  readonly descriptor: number;
  readonly msrBitmap: number;
}

/** What KVM_SET_REGS sets here: where the vCPU starts. Other general-purpose registers keep their value (0). */
export type GuestRegisters = Pick<InitialGuestState, 'rip' | 'rsp' | 'rflags'>;

/** What KVM_SET_SREGS sets: the vCPU starts directly in 64-bit mode. */
export interface GuestSystemRegisters extends Omit<InitialGuestState, 'rip' | 'rsp' | 'rflags' | 'pat'> {
  /** IA32_APIC_BASE bits 31:0. */
  readonly apicBase: number;
}

/** Fields of interruption information (SDM vol. 3, table 25-17). */
export const INTR_INFO_VALID = 1 << 31;
export const INTR_INFO_DELIVER_CODE = 1 << 11;
export const INTR_INFO_VECTOR_MASK = 0xff;
export const INTR_INFO_TYPE_MASK = 0x700;
export const INTR_TYPE_EXT_INTR = 0 << 8;
export const INTR_TYPE_NMI = 2 << 8;
export const INTR_TYPE_HARD_EXCEPTION = 3 << 8;
export const INTR_TYPE_SOFT_INTR = 4 << 8;
export const INTR_TYPE_PRIV_SW_EXCEPTION = 5 << 8;
export const INTR_TYPE_SOFT_EXCEPTION = 6 << 8;

/** IA32_MISC_ENABLE as QEMU sets it at reset. */
const MISC_ENABLE_FAST_STRINGS = 1n;

/** An event for the next VM entry, in the format of the VM-entry interruption-information field. */
export interface PendingEvent {
  /** 0 = none. */
  info: number;
  errorCode: number;
  /** Of the instruction, for software events. */
  length: number;
  /** An exception that KVM raises, not a delivery that an exit has interrupted: its effects on registers are to come. */
  raised: boolean;
  /** Conditions of a raised #DB, as DR6 has them. */
  payload: number;
}

export class Vcpu {
  readonly id: number;
  /** The physical CPU it is pinned to. */
  readonly cpu: Cpu;
  readonly pages: VcpuPages;
  readonly apic: VcpuApic;
  readonly descriptor: PiDescriptor;
  readonly vmcs: VcpuVmcs;

  // Seen by other CPUs: read and written in simulated order.
  mode: VcpuMode = OUTSIDE_GUEST_MODE;
  mpState: MpState = MP_STATE_RUNNABLE;
  requests = 0;
  /** Its thread sleeps, or is about to: whoever has something for it wakes it. */
  sleeping = false;
  /** NMIs that others have sent since the last look (nmi_queued). */
  nmiQueued = 0;
  /** NMIs to be injected, at most two (nmi_pending). */
  nmiPending = 0;
  /** INIT has arrived (KVM_APIC_INIT). */
  initPending = false;
  /** Vector of a start-up IPI that has arrived, or -1 (KVM_APIC_SIPI). */
  sipiPending = -1;
  apicvActive = false;

  /** Ever loaded on its CPU: the first load points the descriptor there. */
  loaded = false;
  launched = false;
  /** Nothing will ever run it again. */
  dead = false;
  /** An event whose delivery an exit interrupted, or an exception raised by emulation. */
  readonly event: PendingEvent = { info: 0, errorCode: 0, length: 0, raised: false, payload: 0 };
  /** IA32_EFER of the guest. */
  efer = 0;
  /** IA32_MISC_ENABLE of the guest: storage, as user space has set it. */
  miscEnable = MISC_ENABLE_FAST_STRINGS;
  /** The guest's TSC less the host's. */
  tscOffset = 0;
  /** IA32_TSC_ADJUST of the guest. */
  tscAdjust = 0;
  readonly timer: VcpuTimer;
  /** The guest uses the debug registers without exits until the next exit (KVM_DEBUGREG_WONT_EXIT). */
  debugRegistersLoaded = false;
  /** Vectors whose EOI the I/O APIC must hear of, by word (ioapic_handled_vectors). */
  readonly ioApicVectors = new Uint32Array(8);
  /** Halt-polling window, nanoseconds. */
  haltPollNs = 0;
  /** PAUSE-loop window, cycles. */
  pleWindow = 0;

  // The last exit.
  exitReason = 0;
  /** Bit 31 of the exit reason: the entry failed, guest state was not loaded. */
  entryFailed = false;

  /** VM exits by basic reason. */
  readonly exits = new Float64Array(EXIT_REASONS);
  /** Those of them that an entry has followed, and the ticks in between, by basic reason. */
  readonly handledExits = new Float64Array(EXIT_REASONS);
  readonly exitTicks = new Float64Array(EXIT_REASONS);
  /** When the exit that is being handled was read, in ticks; -1 when there is none. */
  exitedAt = -1;
  /** Halts that polling ended, and all halts. */
  haltPollSuccesses = 0;
  halts = 0;

  /** `tscGHz`: frequency of the host's TSC. */
  constructor(id: number, cpu: Cpu, pages: VcpuPages, vmcs: VcpuVmcs, tscGHz: number) {
    this.id = id;
    this.cpu = cpu;
    this.pages = pages;
    this.vmcs = vmcs;
    this.apic = new VcpuApic(cpu.memory, pages.registerPage, id);
    this.descriptor = new PiDescriptor(cpu.memory, pages.descriptor);
    this.timer = new VcpuTimer(tscGHz);
  }

  // What else the VMCS says of the last exit, read when it is asked for.

  /** vmx_get_exit_qual */
  get exitQualification(): number {
    return this.cpu.vmx.vmread(VMCS_FIELD.EXIT_QUALIFICATION);
  }

  /** vmx_get_intr_info */
  get exitInterruption(): number {
    return this.cpu.vmx.vmreadLow(VMCS_FIELD.VM_EXIT_INTR_INFO);
  }

  // Before the vCPU runs for the first time; its VMCS is current.

  setRegisters({ rip, rsp, rflags }: GuestRegisters): void {
    const { vmx } = this.cpu;
    vmx.vmwrite(VMCS_FIELD.GUEST_RIP, rip);
    vmx.vmwrite(VMCS_FIELD.GUEST_RSP, rsp);
    vmx.vmwrite(VMCS_FIELD.GUEST_RFLAGS, rflags | RFLAGS_FIXED);
  }

  /** Throws a RangeError for an impossible IA32_APIC_BASE. */
  setSystemRegisters(registers: GuestSystemRegisters): void {
    const { vmx } = this.cpu;
    this.efer = registers.efer;
    this.vmcs.startAt({
      pat: PAT_RESET,
      ...registers,
      rip: vmx.vmread(VMCS_FIELD.GUEST_RIP),
      rsp: vmx.vmread(VMCS_FIELD.GUEST_RSP),
      rflags: vmx.vmread(VMCS_FIELD.GUEST_RFLAGS),
    });
    if (!this.apic.setBase(registers.apicBase, 0, true)) throw new RangeError('IA32_APIC_BASE has reserved bits set');
    this.applyApicMode();
  }

  /** vmx_set_virtual_apic_mode: the VMCS follows IA32_APIC_BASE; translations of the APIC page are forgotten. */
  applyApicMode(): void {
    const { vmx } = this.cpu;
    this.vmcs.setVirtualApicMode(!this.apic.enabled ? 'disabled' : this.apic.x2apic ? 'x2apic' : 'xapic');
    vmx.invept(INVEPT_SINGLE_CONTEXT, vmx.vmread(VMCS_FIELD.EPT_POINTER));
  }

  /**
   * Exception for the next entry; interrupts an earlier one (KVM models double faults, which do not occur here).
   * `payload`: conditions of a #DB.
   */
  queueException(vector: number, errorCode: number | null = null, payload = 0): void {
    this.event.info =
      INTR_INFO_VALID | INTR_TYPE_HARD_EXCEPTION | vector | (errorCode === null ? 0 : INTR_INFO_DELIVER_CODE);
    this.event.errorCode = errorCode ?? 0;
    this.event.raised = true;
    this.event.payload = payload;
  }
}
