/**
 * The MSR bitmap of a vCPU, one 4-KiB page that the processor consults on every RDMSR and WRMSR: vmx_vcpu_create and
 * vmx_update_msr_bitmap_x2apic (vmx.c); layout from SDM vol. 3, 25.6.9.
 *
 * Left out: passing PRED_CMD, SPEC_CTRL and performance-monitoring MSRs through after first use.
 */
import { PAGE_SIZE, type PhysicalMemory } from '../hardware/memory/physical-memory.js';

/** Offsets of the four 1-KiB quarters. */
const READ_LOW = 0x000;
const READ_HIGH = 0x400;
const WRITE_LOW = 0x800;
const WRITE_HIGH = 0xc00;
const HIGH_BASE = 0xc000_0000;
const QUARTER_MSRS = 0x2000;

const X2APIC_BASE = 0x800;
/** KVM looks after 800H-83FH; 840H and above stay intercepted. */
const X2APIC_MSRS = 0x40;
const X2APIC_TPR = 0x808;
const X2APIC_EOI = 0x80b;
const X2APIC_ICR = 0x830;
const X2APIC_CURRENT_COUNT = 0x839;
const X2APIC_SELF_IPI = 0x83f;

/** x2APIC registers that can be read, as MSR - 800H (kvm_lapic_readable_reg_mask without CMCI), inclusive ranges. */
const X2APIC_READABLE = [
  [0x02, 0x03], // ID, version
  [0x08, 0x08], // TPR
  [0x0a, 0x0a], // PPR
  [0x0d, 0x0d], // LDR
  [0x0f, 0x27], // SVR, ISR, TMR, IRR
  [0x28, 0x28], // ESR
  [0x30, 0x30], // ICR
  [0x32, 0x37], // LVTs
  [0x38, 0x39], // initial and current count
  [0x3e, 0x3e], // divide configuration
] as const;

const MSR_IA32_TSC = 0x10;
const MSR_SYSENTER_CS = 0x174;
const MSR_SYSENTER_ESP = 0x175;
const MSR_SYSENTER_EIP = 0x176;
const MSR_FS_BASE = 0xc000_0100;
const MSR_GS_BASE = 0xc000_0101;
const MSR_KERNEL_GS_BASE = 0xc000_0102;
/** IA32_UINTR_RR .. IA32_UINTR_TT */
const UINTR_FIRST = 0x985;
const UINTR_LAST = 0x98a;

/** What the local APIC of the vCPU is in: decides the bits of 800H-83FH. */
export interface X2apicBitmapMode {
  readonly x2apic: boolean;
  readonly apicv: boolean;
  readonly ipiv: boolean;
}

export class MsrBitmap {
  readonly #bytes: Uint8Array;
  readonly address: number;

  /** Takes over the page at host-physical `address`: everything intercepted but what KVM always passes through. */
  constructor(memory: PhysicalMemory, address: number, options: { readonly uintr: boolean }) {
    this.address = address;
    this.#bytes = memory.bytes(address, PAGE_SIZE);
    this.#bytes.fill(0xff);
    this.interceptRead(MSR_IA32_TSC, false);
    for (const msr of [MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE]) this.#pass(msr);
    for (const msr of [MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP]) this.#pass(msr);
    if (options.uintr) for (let msr = UINTR_FIRST; msr <= UINTR_LAST; msr++) this.#pass(msr);
  }

  interceptRead(msr: number, intercept: boolean): void {
    this.#set(msr < HIGH_BASE ? READ_LOW : READ_HIGH, msr, intercept);
  }

  interceptWrite(msr: number, intercept: boolean): void {
    this.#set(msr < HIGH_BASE ? WRITE_LOW : WRITE_HIGH, msr, intercept);
  }

  /** Whether RDMSR exits. */
  interceptsRead(msr: number): boolean {
    return this.#test(msr < HIGH_BASE ? READ_LOW : READ_HIGH, msr);
  }

  /** Whether WRMSR exits. */
  interceptsWrite(msr: number): boolean {
    return this.#test(msr < HIGH_BASE ? WRITE_LOW : WRITE_HIGH, msr);
  }

  /** Rebuilds 800H-83FH after a change of APIC mode or of APICv. */
  updateX2apic(mode: X2apicBitmapMode): void {
    for (let msr = X2APIC_BASE; msr < X2APIC_BASE + X2APIC_MSRS; msr++) this.#intercept(msr);
    if (!mode.x2apic) return;
    this.#pass(X2APIC_TPR);
    if (!mode.apicv) return;
    for (const [first, last] of X2APIC_READABLE) {
      for (let register = first; register <= last; register++) this.interceptRead(X2APIC_BASE + register, false);
    }
    this.interceptRead(X2APIC_CURRENT_COUNT, true);
    this.interceptWrite(X2APIC_EOI, false);
    this.interceptWrite(X2APIC_SELF_IPI, false);
    // Without IPI virtualization a passed-through write would reach the physical ICR.
    if (mode.ipiv) this.#pass(X2APIC_ICR);
  }

  #pass(msr: number): void {
    this.interceptRead(msr, false);
    this.interceptWrite(msr, false);
  }

  #intercept(msr: number): void {
    this.interceptRead(msr, true);
    this.interceptWrite(msr, true);
  }

  #set(quarter: number, msr: number, intercept: boolean): void {
    const at = this.#byte(quarter, msr);
    const bit = 1 << (msr & 7);
    this.#bytes[at] = intercept ? this.#bytes[at] | bit : this.#bytes[at] & ~bit;
  }

  #test(quarter: number, msr: number): boolean {
    return (this.#bytes[this.#byte(quarter, msr)] & (1 << (msr & 7))) !== 0;
  }

  #byte(quarter: number, msr: number): number {
    const index = msr < HIGH_BASE ? msr : msr - HIGH_BASE;
    if (index >= QUARTER_MSRS) throw new RangeError('MSR ' + msr.toString(16) + 'H has no place in the bitmap');
    return quarter + (index >>> 3);
  }
}
