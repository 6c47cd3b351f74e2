/**
 * KVM's emulation of a vCPU's local APIC: what a register write means (kvm_lapic_reg_write, lapic.c), what a read
 * returns (kvm_lapic_reg_read) and how IA32_APIC_BASE changes the mode (kvm_lapic_set_base). A write gives back what
 * has to be done; sending, priorities and controls are the caller's.
 *
 * The timer counts in timer.ts. Left out: CMCI, EOI broadcast suppression, error recording (KVM has none).
 */
import type { PhysicalMemory } from '../../hardware/memory/physical-memory.js';
import { RegisterPage } from './register-page.js';
import * as R from './registers.js';

/** The write is complete. */
export const APIC_WRITE_DONE = 0;
/** An IPI is to be sent: `icrLow` and `icrHigh` hold it. */
export const APIC_WRITE_SENDS = 1;
/** An interrupt may have become deliverable (TPR, EOI). */
export const APIC_WRITE_PRIORITY = 2;
/** The APIC's address in the VM has changed (ID, LDR, DFR, software enable): rebuild the map. */
export const APIC_WRITE_MAP = 3;
/** The xAPIC ID no longer equals the vCPU ID. */
export const APIC_WRITE_ID = 4;
/** A self-IPI (3F0H): its vector is in `icrLow`. */
export const APIC_WRITE_SELF_IPI = 5;
/** No such register, or reserved bits set: #GP in x2APIC mode, ignored in xAPIC mode. */
export const APIC_WRITE_INVALID = 6;
/** A register of the timer (`writtenOffset`) has changed. */
export const APIC_WRITE_TIMER = 7;

export type ApicWrite =
  | typeof APIC_WRITE_DONE
  | typeof APIC_WRITE_SENDS
  | typeof APIC_WRITE_PRIORITY
  | typeof APIC_WRITE_MAP
  | typeof APIC_WRITE_ID
  | typeof APIC_WRITE_SELF_IPI
  | typeof APIC_WRITE_INVALID
  | typeof APIC_WRITE_TIMER;

const LVT_TIMER_TSC_DEADLINE = 1 << 18;
const LVT_MODE = 7 << 8;
const LVT_MODE_NMI = 4 << 8;
const LVT_MODE_EXTINT = 7 << 8;
const MAXPHYADDR = 46;
const TWO_32 = 2 ** 32;
const LVT_COUNT = 6;
const LVT_MASKS: readonly number[] = [0x7_10ff, 0x1_17ff, 0x1_17ff, 0x1_f7ff, 0x1_f7ff, 0x1_10ff];
const APIC_BASE_PAGE_MASK = 0xffff_f000;

export class VcpuApic {
  readonly page: RegisterPage;
  readonly #vcpuId: number;
  #base: number;
  /** The last ICR written, for APIC_WRITE_SENDS. */
  icrLow = 0;
  icrHigh = 0;
  /** Offset of the last register written, for APIC_WRITE_TIMER. */
  writtenOffset = 0;
  /** The guest may choose TSC-deadline mode, and x2APIC mode (CPUID.1:ECX[24] and [21]). */
  offersTscDeadline = false;
  offersX2apic = true;
  /** IA32_APIC_BASE bits 63:32. */
  #baseHigh = 0;
  /** Vector of the interrupt that the last register write ended, or -1. */
  endedVector = -1;

  constructor(memory: PhysicalMemory, address: number, vcpuId: number) {
    this.page = new RegisterPage(memory, address);
    this.#vcpuId = vcpuId;
    this.#base = R.APIC_DEFAULT_PHYS_BASE | R.MSR_IA32_APICBASE_ENABLE | (vcpuId === 0 ? R.MSR_IA32_APICBASE_BSP : 0);
    this.reset();
  }

  /** kvm_lapic_reset: every register but ID and IA32_APIC_BASE. LINT0 of the boot CPU is wired to the PIC. */
  reset(): void {
    const { page } = this;
    page.write(R.APIC_ID, this.#vcpuId << 24);
    page.write(R.APIC_LVR, R.KVM_APIC_VERSION);
    page.write(R.APIC_DFR, 0xffff_ffff);
    page.write(R.APIC_SPIV, 0xff);
    for (const offset of [R.APIC_TASKPRI, R.APIC_LDR, R.APIC_ESR, R.APIC_ICR, R.APIC_ICR2, R.APIC_TDCR, R.APIC_TMICT]) {
      page.write(offset, 0);
    }
    for (let entry = 0; entry < LVT_COUNT; entry++) page.write(R.APIC_LVTT + entry * 16, R.APIC_LVT_MASKED);
    if (this.#vcpuId === 0) page.write(R.APIC_LVT0, LVT_MODE_EXTINT);
    for (let word = 0; word < 24; word++) page.write(R.APIC_ISR + word * 16, 0);
    if (this.x2apic) this.#enterX2apic();
  }

  /** IA32_APIC_BASE bits 31:0. */
  get base(): number {
    return this.#base >>> 0;
  }

  /** IA32_APIC_BASE bits 63:32. */
  get baseHigh(): number {
    return this.#baseHigh;
  }

  /** The register page is not where KVM has its APIC-access page. */
  get isRelocated(): boolean {
    return this.enabled && this.basePage !== R.APIC_DEFAULT_PHYS_BASE;
  }

  /** Globally enabled: in xAPIC or x2APIC mode. */
  get enabled(): boolean {
    return (this.#base & R.MSR_IA32_APICBASE_ENABLE) !== 0;
  }

  get x2apic(): boolean {
    return (this.#base & R.X2APIC_ENABLE) !== 0;
  }

  get softwareEnabled(): boolean {
    return (this.page.read(R.APIC_SPIV) & R.APIC_SPIV_APIC_ENABLED) !== 0;
  }

  /** Takes fixed and lowest-priority interrupts (kvm_apic_present and apic_enabled). */
  get acceptsInterrupts(): boolean {
    return this.enabled && this.softwareEnabled;
  }

  /** kvm_apic_accept_pic_intr: the PIC's output reaches this vCPU, as virtual wire or because there is no APIC. */
  get acceptsPic(): boolean {
    return !this.enabled || (this.page.read(R.APIC_LVT0) & (R.APIC_LVT_MASKED | LVT_MODE)) === LVT_MODE_EXTINT;
  }

  /** LINT0 is an NMI: the NMI watchdog of old kernels, which the PIT drives (apic_lvt_nmi_mode, lapic.h). */
  get takesWatchdog(): boolean {
    return this.enabled && (this.page.read(R.APIC_LVT0) & (R.APIC_LVT_MASKED | LVT_MODE)) === LVT_MODE_NMI;
  }

  /** The ID that physical destinations name. */
  get id(): number {
    return this.x2apic ? this.#vcpuId : this.page.read(R.APIC_ID) >>> 24;
  }

  /** Guest-physical address of the register page in xAPIC mode. */
  get basePage(): number {
    return this.#baseHigh * TWO_32 + ((this.#base & APIC_BASE_PAGE_MASK) >>> 0);
  }

  /**
   * IA32_APIC_BASE := `low`. False: a transition or reserved bit that is #GP (kvm_set_apic_base). With
   * `hostInitiated` only reserved bits are checked.
   */
  setBase(low: number, high: number, hostInitiated = false): boolean {
    const next = low & (R.MSR_IA32_APICBASE_ENABLE | R.X2APIC_ENABLE);
    const now = this.#base & (R.MSR_IA32_APICBASE_ENABLE | R.X2APIC_ENABLE);
    if (high >>> (MAXPHYADDR - 32) !== 0 || (low & 0x2ff) !== 0 || next === R.X2APIC_ENABLE) return false;
    if ((next & R.X2APIC_ENABLE) !== 0 && !this.offersX2apic) return false;
    if (!hostInitiated && !isAllowedTransition(now, next)) return false;
    this.#base = low;
    this.#baseHigh = high >>> 0;
    if (next === now) return true;
    if ((next & R.X2APIC_ENABLE) !== 0) this.#enterX2apic();
    else if (next === R.MSR_IA32_APICBASE_ENABLE) this.page.write(R.APIC_ID, this.#vcpuId << 24);
    return true;
  }

  /** kvm_apic_set_x2apic_id: the ID is 32 bits wide and the LDR follows from it. */
  #enterX2apic(): void {
    const id = this.#vcpuId;
    this.page.write(R.APIC_ID, id);
    this.page.write(R.APIC_LDR, ((id >>> 4) << 16) | (1 << (id & 15)));
  }

  /** Value of a 32-bit register, or -1 when there is none at `offset` (reserved in xAPIC mode, #GP in x2APIC mode). */
  readRegister(offset: number): number {
    if (!isReadable(offset, this.x2apic)) return -1;
    if (offset === R.APIC_PROCPRI) this.page.write(offset, this.page.processorPriority);
    return this.page.read(offset);
  }

  /** kvm_lapic_reg_write; for the ICR of x2APIC mode see `writeIcr`. */
  writeRegister(offset: number, value: number): ApicWrite {
    this.endedVector = -1;
    this.writtenOffset = offset;
    switch (offset) {
      case R.APIC_ID:
        return this.x2apic ? APIC_WRITE_INVALID : this.#writeId(value);
      case R.APIC_TASKPRI:
        this.page.write(offset, value & 0xff);
        return APIC_WRITE_PRIORITY;
      case R.APIC_EOI:
        return this.endOfInterrupt();
      case R.APIC_LDR:
        return this.#writeXapic(offset, value & 0xff00_0000, APIC_WRITE_MAP);
      case R.APIC_DFR:
        return this.#writeXapic(offset, value | 0x0fff_ffff, APIC_WRITE_MAP);
      case R.APIC_SPIV:
        return this.#writeSpurious(value);
      case R.APIC_ICR:
        return this.writeIcr(value & ~R.APIC_ICR_BUSY, this.page.read(R.APIC_ICR2));
      case R.APIC_ICR2:
        return this.#writeXapic(offset, value & 0xff00_0000, APIC_WRITE_DONE);
      case R.APIC_SELF_IPI:
        this.icrLow = value & 0xff;
        return this.x2apic && value >>> 8 === 0 ? APIC_WRITE_SELF_IPI : APIC_WRITE_INVALID;
      default:
        return this.#writeOther(offset, value);
    }
  }

  /** Stores and sends an ICR; in x2APIC mode bits 63:32 go to the second word of the register (one 64-bit VICR). */
  writeIcr(low: number, high: number): ApicWrite {
    this.icrLow = low >>> 0;
    this.icrHigh = high >>> 0;
    this.page.write(R.APIC_ICR, low);
    if (this.x2apic) this.page.write(R.APIC_ICR + 4, high);
    return APIC_WRITE_SENDS;
  }

  /** apic_set_eoi: ends the highest vector in service. */
  endOfInterrupt(): ApicWrite {
    this.endedVector = this.page.highestVector(R.APIC_ISR);
    if (this.endedVector < 0) return APIC_WRITE_DONE;
    this.page.clearVector(R.APIC_ISR, this.endedVector);
    this.updateProcessorPriority();
    return APIC_WRITE_PRIORITY;
  }

  /** kvm_get_apic_interrupt: moves the deliverable vector from IRR to ISR and returns it; -1 when there is none. */
  acknowledge(): number {
    const vector = this.page.deliverableVector;
    if (vector < 0) return -1;
    this.page.clearVector(R.APIC_IRR, vector);
    this.page.setVector(R.APIC_ISR, vector);
    this.updateProcessorPriority();
    return vector;
  }

  updateProcessorPriority(): void {
    this.page.write(R.APIC_PROCPRI, this.page.processorPriority);
  }

  #writeId(value: number): ApicWrite {
    this.page.write(R.APIC_ID, value & 0xff00_0000);
    return value >>> 24 === (this.#vcpuId & 0xff) ? APIC_WRITE_MAP : APIC_WRITE_ID;
  }

  #writeXapic(offset: number, value: number, meaning: ApicWrite): ApicWrite {
    if (this.x2apic) return APIC_WRITE_INVALID;
    this.page.write(offset, value);
    return meaning;
  }

  #writeSpurious(value: number): ApicWrite {
    this.page.write(R.APIC_SPIV, value & 0x3ff);
    if ((value & R.APIC_SPIV_APIC_ENABLED) !== 0) return APIC_WRITE_MAP;
    for (let entry = 0; entry < LVT_COUNT; entry++) {
      const offset = R.APIC_LVTT + entry * 16;
      this.page.write(offset, this.page.read(offset) | R.APIC_LVT_MASKED);
    }
    return APIC_WRITE_MAP;
  }

  get #timerUsesDeadline(): boolean {
    return (this.page.read(R.APIC_LVTT) & LVT_TIMER_TSC_DEADLINE) !== 0;
  }

  /** Without the feature bit 18 of the timer's entry is reserved. */
  #writeTimerMode(): ApicWrite {
    if (!this.offersTscDeadline) {
      this.page.write(R.APIC_LVTT, this.page.read(R.APIC_LVTT) & ~LVT_TIMER_TSC_DEADLINE);
    }
    return APIC_WRITE_TIMER;
  }

  #writeOther(offset: number, value: number): ApicWrite {
    if (offset === R.APIC_ESR) {
      if (this.x2apic && value !== 0) return APIC_WRITE_INVALID;
      this.page.write(offset, 0);
    } else if (offset >= R.APIC_LVTT && offset <= R.APIC_LVTERR && offset % 16 === 0) {
      const mask = LVT_MASKS[(offset - R.APIC_LVTT) >>> 4];
      this.page.write(offset, (value & mask) | (this.softwareEnabled ? 0 : R.APIC_LVT_MASKED));
      if (offset === R.APIC_LVTT) return this.#writeTimerMode();
    } else if (offset === R.APIC_TMICT) {
      if (this.#timerUsesDeadline) return APIC_WRITE_DONE;
      this.page.write(offset, value);
      return APIC_WRITE_TIMER;
    } else if (offset === R.APIC_TDCR) {
      this.page.write(offset, value & 0xb);
      return APIC_WRITE_TIMER;
    } else {
      return APIC_WRITE_INVALID;
    }
    return APIC_WRITE_DONE;
  }
}

/** SDM vol. 3, figure 12-27: x2APIC mode is entered from xAPIC mode and left only to "disabled". */
function isAllowedTransition(now: number, next: number): boolean {
  const x2apic = R.MSR_IA32_APICBASE_ENABLE | R.X2APIC_ENABLE;
  if (now === x2apic) return next !== R.MSR_IA32_APICBASE_ENABLE;
  return now !== 0 || next !== x2apic;
}

/** kvm_lapic_readable_reg_mask, without CMCI. */
function isReadable(offset: number, x2apic: boolean): boolean {
  if (offset % 16 !== 0 || offset > R.APIC_TDCR) return false;
  if (offset === R.APIC_ARBPRI || offset === R.APIC_DFR || offset === R.APIC_ICR2) return !x2apic;
  if (offset >= R.APIC_LVTT && offset <= R.APIC_TMCCT) return true;
  if (offset >= R.APIC_SPIV && offset <= R.APIC_ESR) return true;
  return READABLE.has(offset);
}

const READABLE = new Set<number>([
  R.APIC_ID,
  R.APIC_LVR,
  R.APIC_TASKPRI,
  R.APIC_PROCPRI,
  R.APIC_LDR,
  R.APIC_ICR,
  R.APIC_TDCR,
]);
