/**
 * The controls of the current VMCS in the form in which the processor consults them: words that are not activated read
 * as 0, fields that a control leaves unused have neutral values (SDM vol. 3, 25.6.2, 25.7, 25.8). Guest/host masks and
 * read shadows stay in the VMCS (cr-access.ts).
 */
import { VECTOR_PF } from '../cpu/exception-vector.js';
import * as L from '../cpu/layout.js';
import * as C from './controls.js';
import type { Vmcs } from './vmcs.js';
import { VMCS_FIELD } from './vmcs-field.js';
import type { VirtualizationState } from './virtualization-state.js';

const F = VMCS_FIELD;

const MSR_AREA_COUNTS: readonly number[] = [
  F.VM_EXIT_MSR_STORE_COUNT,
  F.VM_EXIT_MSR_LOAD_COUNT,
  F.VM_ENTRY_MSR_LOAD_COUNT,
];

/** Bits 5:0 of the posted-interrupt descriptor address are 0; other addresses here are those of pages. */
export class ActiveControls {
  pin = 0;
  primary = 0;
  secondary = 0;
  tertiaryLow = 0;
  tertiaryHigh = 0;
  exit = 0;
  entry = 0;

  exceptionBitmap = 0;
  pageFaultMask = 0;
  pageFaultMatch = 0;
  cr3TargetCount = 0;
  ioBitmapA = 0;
  ioBitmapB = 0;
  /** Signed, in cycles; 0 without TSC offsetting. */
  tscOffset = 0;
  /** Host-physical address of the EPT root, or -1 without EPT. */
  eptRoot = -1;
  /** 0 without VPID: translations do not survive VM entries and exits. */
  vpid = 0;
  pleGap = 0;
  pleWindow = 0;
  /** Every register that a VM exit loads from the host-state area, or resets, is loaded again by the next VM entry. */
  entryReplacesHostState = false;
  /** VM exits and entries move nothing but what the interpreter moves (src/interpreter/vmx-transitions.ts). */
  movesLittle = false;

  /**
   * Reads all of them. True if one has changed that the guest-state and host-state areas are checked against, or that says
   * which of their fields VM entry loads.
   */
  read(vmcs: Vmcs): boolean {
    const { secondary, exit, entry } = this;
    this.#readWords(vmcs);
    this.exceptionBitmap = vmcs.read32(F.EXCEPTION_BITMAP);
    this.pageFaultMask = vmcs.read32(F.PAGE_FAULT_ERROR_CODE_MASK);
    this.pageFaultMatch = vmcs.read32(F.PAGE_FAULT_ERROR_CODE_MATCH);
    this.cr3TargetCount = vmcs.read32(F.CR3_TARGET_COUNT);
    this.ioBitmapA = vmcs.readLong(F.IO_BITMAP_A);
    this.ioBitmapB = vmcs.readLong(F.IO_BITMAP_B);
    this.tscOffset = this.has(C.CPU_BASED_USE_TSC_OFFSETTING) ? vmcs.readLong(F.TSC_OFFSET) : 0;
    const ept = this.has2(C.SECONDARY_EXEC_ENABLE_EPT);
    this.eptRoot = ept ? pageOf(vmcs.readLong(F.EPT_POINTER)) : -1;
    this.vpid = this.has2(C.SECONDARY_EXEC_ENABLE_VPID) ? vmcs.read32(F.VIRTUAL_PROCESSOR_ID) : 0;
    this.pleGap = vmcs.read32(F.PLE_GAP);
    this.pleWindow = vmcs.read32(F.PLE_WINDOW);
    this.entryReplacesHostState = this.#entryReplacesHostState();
    this.movesLittle = this.#movesLittle(vmcs);
    return secondary !== this.secondary || exit !== this.exit || entry !== this.entry;
  }

  /** The only controls that have changed are WINDOW_EXITING. */
  readWindows(vmcs: Vmcs, state: VirtualizationState): void {
    this.primary = vmcs.read32(F.CPU_BASED_VM_EXEC_CONTROL);
    state.controls = this.#virtualization();
  }

  #entryReplacesHostState(): boolean {
    const efer = this.onEntry(C.VM_ENTRY_LOAD_IA32_EFER) || this.onEntry(C.VM_ENTRY_IA32E_MODE);
    const keepsEfer = !this.onExit(C.VM_EXIT_LOAD_IA32_EFER) || this.onEntry(C.VM_ENTRY_LOAD_IA32_EFER);
    const pat = !this.onExit(C.VM_EXIT_LOAD_IA32_PAT) || this.onEntry(C.VM_ENTRY_LOAD_IA32_PAT);
    return efer && keepsEfer && pat && this.onEntry(C.VM_ENTRY_LOAD_DEBUG_CONTROLS);
  }

  #movesLittle(vmcs: Vmcs): boolean {
    const areas = MSR_AREA_COUNTS.some((count) => vmcs.read32(count) !== 0);
    return (
      this.entryReplacesHostState &&
      this.onExit(C.VM_EXIT_SAVE_DEBUG_CONTROLS) &&
      !this.onEntry(C.VM_ENTRY_LOAD_UINV) &&
      !this.onExit(C.VM_EXIT_CLEAR_UINV) &&
      !this.hasPin(C.PIN_BASED_VMX_PREEMPTION_TIMER) &&
      this.tscOffset === 0 &&
      !areas
    );
  }

  #readWords(vmcs: Vmcs): void {
    this.pin = vmcs.read32(F.PIN_BASED_VM_EXEC_CONTROL);
    this.primary = vmcs.read32(F.CPU_BASED_VM_EXEC_CONTROL);
    const secondary = this.has(C.CPU_BASED_ACTIVATE_SECONDARY_CONTROLS);
    this.secondary = secondary ? vmcs.read32(F.SECONDARY_VM_EXEC_CONTROL) : 0;
    const tertiary = this.has(C.CPU_BASED_ACTIVATE_TERTIARY_CONTROLS);
    this.tertiaryLow = tertiary ? vmcs.read32(F.TERTIARY_VM_EXEC_CONTROL) : 0;
    this.tertiaryHigh = tertiary ? vmcs.readHigh(F.TERTIARY_VM_EXEC_CONTROL) : 0;
    this.exit = vmcs.read32(F.VM_EXIT_CONTROLS);
    this.entry = vmcs.read32(F.VM_ENTRY_CONTROLS);
  }

  /** A pin-based control is 1. */
  hasPin(bit: number): boolean {
    return (this.pin & bit) !== 0;
  }

  /** A primary processor-based control is 1. */
  has(bit: number): boolean {
    return (this.primary & bit) !== 0;
  }

  /** A secondary processor-based control is 1. */
  has2(bit: number): boolean {
    return (this.secondary & bit) !== 0;
  }

  /** A tertiary processor-based control (bits 31:0) is 1. */
  has3(bit: number): boolean {
    return (this.tertiaryLow & bit) !== 0;
  }

  /** A VM-exit control is 1. */
  onExit(bit: number): boolean {
    return (this.exit & bit) !== 0;
  }

  /** A VM-entry control is 1. */
  onEntry(bit: number): boolean {
    return (this.entry & bit) !== 0;
  }

  /** A page fault exits when its error code matches and bit 14 is 1, or does not match and bit 14 is 0 (26.2). */
  exceptionExits(vector: number, errorCode: number): boolean {
    const bit = ((this.exceptionBitmap >>> vector) & 1) !== 0;
    if (vector !== VECTOR_PF) return bit;
    return bit === ((errorCode & this.pageFaultMask) >>> 0 === this.pageFaultMatch);
  }

  #virtualization(): number {
    return (
      (this.has(C.CPU_BASED_TPR_SHADOW) ? L.VIRTUALIZE_TPR_SHADOW : 0) |
      (this.has2(C.SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES) ? L.VIRTUALIZE_APIC_ACCESSES : 0) |
      (this.has2(C.SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE) ? L.VIRTUALIZE_X2APIC_MODE : 0) |
      (this.has2(C.SECONDARY_EXEC_APIC_REGISTER_VIRT) ? L.VIRTUALIZE_APIC_REGISTERS : 0) |
      (this.has2(C.SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY) ? L.VIRTUALIZE_INTERRUPT_DELIVERY : 0) |
      (this.hasPin(C.PIN_BASED_POSTED_INTR) ? L.VIRTUALIZE_POSTED_INTERRUPTS : 0) |
      (this.has3(C.TERTIARY_EXEC_IPI_VIRT) ? L.VIRTUALIZE_IPIS : 0) |
      (this.hasPin(C.PIN_BASED_EXT_INTR_MASK) ? L.VIRTUALIZE_WITH_INTERRUPT_EXITS : 0) |
      (this.onExit(C.VM_EXIT_ACK_INTR_ON_EXIT) ? L.VIRTUALIZE_WITH_ACKNOWLEDGE : 0) |
      (this.has(C.CPU_BASED_INTR_WINDOW_EXITING) ? L.VIRTUALIZE_WITH_WINDOW_EXITS : 0) |
      (this.has(C.CPU_BASED_USE_MSR_BITMAPS) ? L.VIRTUALIZE_WITH_MSR_BITMAPS : 0)
    );
  }

  /** Hands APIC virtualization its share; the guest interrupt status is not part of the controls. */
  fill(state: VirtualizationState, vmcs: Vmcs): void {
    state.controls = this.#virtualization();
    state.virtualApicPage = vmcs.readLong(F.VIRTUAL_APIC_PAGE_ADDR);
    state.apicAccessPage = state.virtualizeApicAccesses ? vmcs.readLong(F.APIC_ACCESS_ADDR) : -1;
    state.descriptor = vmcs.readLong(F.POSTED_INTR_DESC_ADDR);
    state.pidPointerTable = vmcs.readLong(F.PID_POINTER_TABLE);
    state.msrBitmap = vmcs.readLong(F.MSR_BITMAP);
    state.lastPidPointerIndex = vmcs.read32(F.LAST_PID_POINTER_INDEX);
    state.notificationVector = vmcs.read32(F.POSTED_INTR_NV);
    state.tprThreshold = vmcs.read32(F.TPR_THRESHOLD) & 15;
    for (let word = 0; word < 8; word++) {
      state.eoiExitBitmap[word] = vmcs.read32(F.EOI_EXIT_BITMAP0 + (word >>> 1) * 2 + (word & 1));
    }
  }
}

function pageOf(address: number): number {
  return address - (address & 0xfff);
}
