/**
 * The VMCS of one vCPU: initial contents (init_vmcs and vmx_vcpu_reset), and the changes that the mode of its local APIC
 * and the (de)activation of APICv make (vmx_set_virtual_apic_mode, vmx_refresh_apicv_exec_ctrl, vmx.c). All methods
 * need the VMCS to be current on the CPU whose VMX unit was given.
 *
 * Left out: real mode without unrestricted guest, MSR-load areas, performance monitoring, nested virtualization.
 */
import { EFER_LMA } from '../hardware/cpu/control-register-bits.js';
import {
  CPU_BASED_ACTIVATE_SECONDARY_CONTROLS,
  CPU_BASED_ACTIVATE_TERTIARY_CONTROLS,
  CPU_BASED_INTR_WINDOW_EXITING,
  CPU_BASED_MOV_DR_EXITING,
  CPU_BASED_NMI_WINDOW_EXITING,
  CPU_BASED_TPR_SHADOW,
  CPU_BASED_USE_MSR_BITMAPS,
  PIN_BASED_POSTED_INTR,
  PIN_BASED_VMX_PREEMPTION_TIMER,
  SECONDARY_EXEC_ENABLE_EPT,
  SECONDARY_EXEC_ENABLE_VPID,
  SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES,
  SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE,
  VM_ENTRY_IA32E_MODE,
  VM_ENTRY_LOAD_IA32_EFER,
  VM_ENTRY_LOAD_IA32_PAT,
  VM_EXIT_LOAD_IA32_EFER,
  VM_EXIT_LOAD_IA32_PAT,
} from '../hardware/vmx/controls.js';
import { VMCS_FIELD as F } from '../hardware/vmx/vmcs-field.js';
import { ControlShadow, writeField, writeField64, type VmcsAccess } from './control-shadow.js';
import { PAT_RESET, writeGuestState, type InitialGuestState } from './guest-state.js';
import type { HardwareSetup } from './hardware-setup.js';
import { POSTED_INTR_VECTOR } from './host-interrupt-vectors.js';
import { LINUX_HOST_STATE, writeHostState } from './host-state.js';
import type { MsrBitmap } from './msr-bitmap.js';
import type { PidPointerTable } from './pid-pointer-table.js';
import {
  APICV_SECONDARY,
  IPIV_TERTIARY,
  entryControls,
  exitControls,
  pauseLoopExiting,
  pinControls,
  primaryControls,
  secondaryControls,
  tertiaryControls,
} from './vcpu-controls.js';

/** #DB, #UD, #AC and #MC exit; with EPT, page faults are the guest's own. */
const EXCEPTION_BITMAP = (1 << 1) | (1 << 6) | (1 << 17) | (1 << 18);
const NO_ADDRESS = 0xffff_ffff_ffff_ffffn;

/** State of the vCPU's local APIC as IA32_APIC_BASE has it. */
export type VirtualApicMode = 'disabled' | 'xapic' | 'x2apic';

/** Addresses and numbers of one vCPU that its VMCS holds; addresses are host-physical. */
export interface VcpuVmcsParts {
  /** The physical CPU it runs on. */
  readonly cpuId: number;
  /** 1..65535; 0 only without VPIDs. */
  readonly vpid: number;
  readonly eptPointer: number;
  /** Register page of the local APIC: the virtual-APIC page. */
  readonly registerPage: number;
  readonly apicAccessPage: number;
  readonly descriptor: number;
  /** null: not allocated for this VM. */
  readonly pidPointerTable: PidPointerTable | null;
  readonly apicvActive: boolean;
}

export class VcpuVmcs {
  readonly #vmcs: VmcsAccess;
  readonly #setup: HardwareSetup;
  readonly msrBitmap: MsrBitmap;
  readonly controls: ControlShadow;
  #mode: VirtualApicMode = 'xapic';
  #apicvActive = false;
  /** Fields 2042H and 0008H have been written: vmx_can_use_ipiv. */
  #ipivUsable = false;

  constructor(vmcs: VmcsAccess, setup: HardwareSetup, msrBitmap: MsrBitmap) {
    this.#vmcs = vmcs;
    this.#setup = setup;
    this.msrBitmap = msrBitmap;
    this.controls = new ControlShadow(vmcs);
  }

  get apicvActive(): boolean {
    return this.#apicvActive;
  }

  /** The processor posts this vCPU's eligible IPIs by itself. */
  get ipivActive(): boolean {
    return this.controls.tertiary.has(IPIV_TERTIARY);
  }

  /** Control and host-state fields of a fresh VMCS, and the guest's PAT, which INIT keeps; the local APIC starts in xAPIC mode. */
  initialize(parts: VcpuVmcsParts): void {
    this.#apicvActive = parts.apicvActive;
    this.#mode = 'xapic';
    const { parameters, behaviour } = this.#setup;
    const wanted = behaviour.pidFields === 'ipiv-usable' || parts.apicvActive;
    this.#ipivUsable = parameters.enableIpiv && parts.pidPointerTable !== null && wanted;
    this.#initializeControls();
    this.#initializeApic(parts);
    this.#initializePostedInterrupts(parts);
    this.#initializeOthers(parts);
    this.#updateMsrBitmap();
    writeHostState(this.#vmcs, LINUX_HOST_STATE, parts.cpuId);
    if (this.controls.entry.has(VM_ENTRY_LOAD_IA32_PAT)) writeField64(this.#vmcs, F.GUEST_IA32_PAT, PAT_RESET);
    if (this.controls.exit.has(VM_EXIT_LOAD_IA32_PAT)) {
      writeField64(this.#vmcs, F.HOST_IA32_PAT, LINUX_HOST_STATE.pat);
    }
  }

  #initializeControls(): void {
    const { controls } = this;
    const setup = this.#setup;
    controls.pin.set(pinControls(setup, this.#apicvActive));
    controls.primary.set(primaryControls(setup));
    if (this.#has(CPU_BASED_ACTIVATE_SECONDARY_CONTROLS)) {
      controls.secondary.set(secondaryControls(setup, this.#apicvActive));
    }
    if (this.#has(CPU_BASED_ACTIVATE_TERTIARY_CONTROLS)) {
      controls.tertiary.set(tertiaryControls(setup, this.#apicvActive && this.#ipivUsable));
    }
    controls.exit.set(exitControls(setup));
    controls.entry.set(entryControls(setup));
  }

  #initializeApic(parts: VcpuVmcsParts): void {
    const { secondary } = this.controls;
    if (this.#has(CPU_BASED_TPR_SHADOW)) {
      this.#write(F.VIRTUAL_APIC_PAGE_ADDR, parts.registerPage);
      this.#write(F.TPR_THRESHOLD, 0);
    }
    if (secondary.has(SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES)) this.#write(F.APIC_ACCESS_ADDR, parts.apicAccessPage);
    if (this.#has(CPU_BASED_USE_MSR_BITMAPS)) this.#write(F.MSR_BITMAP, this.msrBitmap.address);
  }

  #initializePostedInterrupts(parts: VcpuVmcsParts): void {
    if (!this.#setup.parameters.enableApicv) return;
    for (const field of [F.EOI_EXIT_BITMAP0, F.EOI_EXIT_BITMAP1, F.EOI_EXIT_BITMAP2, F.EOI_EXIT_BITMAP3]) {
      this.#write(field, 0);
    }
    this.#write(F.GUEST_INTR_STATUS, 0);
    this.#write(F.POSTED_INTR_NV, POSTED_INTR_VECTOR);
    this.#write(F.POSTED_INTR_DESC_ADDR, parts.descriptor);
    const table = parts.pidPointerTable;
    if (!this.#ipivUsable || table === null) return;
    this.#write(F.PID_POINTER_TABLE, table.address);
    this.#write(F.LAST_PID_POINTER_INDEX, table.lastIndex);
  }

  #initializeOthers(parts: VcpuVmcsParts): void {
    const { parameters } = this.#setup;
    const { secondary } = this.controls;
    writeField64(this.#vmcs, F.VMCS_LINK_POINTER, NO_ADDRESS);
    this.#write(F.EXCEPTION_BITMAP, EXCEPTION_BITMAP);
    this.#write(F.PAGE_FAULT_ERROR_CODE_MASK, 0);
    this.#write(F.PAGE_FAULT_ERROR_CODE_MATCH, 0);
    this.#write(F.CR3_TARGET_COUNT, 0);
    this.#write(F.VM_EXIT_MSR_STORE_COUNT, 0);
    this.#write(F.VM_EXIT_MSR_LOAD_COUNT, 0);
    this.#write(F.VM_ENTRY_MSR_LOAD_COUNT, 0);
    this.#write(F.VM_ENTRY_INTR_INFO_FIELD, 0);
    this.#write(F.TSC_OFFSET, 0);
    if (secondary.has(SECONDARY_EXEC_ENABLE_EPT)) this.#write(F.EPT_POINTER, parts.eptPointer);
    if (secondary.has(SECONDARY_EXEC_ENABLE_VPID)) this.#write(F.VIRTUAL_PROCESSOR_ID, parts.vpid);
    if (pauseLoopExiting(parameters)) {
      this.#write(F.PLE_GAP, parameters.pleGap);
      this.#write(F.PLE_WINDOW, parameters.pleWindow);
    }
  }

  /** Guest-state fields of a vCPU that starts with the given registers. */
  startAt(state: InitialGuestState): void {
    const { parameters, behaviour } = this.#setup;
    writeGuestState(this.#vmcs, state, { uintr: parameters.uintr, ownsCr0Wp: behaviour.guestOwnsCr0Wp });
    if (this.controls.entry.has(VM_ENTRY_LOAD_IA32_PAT)) writeField64(this.#vmcs, F.GUEST_IA32_PAT, state.pat);
    this.setEfer(state.efer);
  }

  /** vmx_set_efer: IA-32e mode follows LMA; EFER is switched at entry and exit while guest and host differ. */
  setEfer(efer: number): void {
    const { config } = this.#setup;
    const { entry, exit } = this.controls;
    if ((efer & EFER_LMA) === 0) entry.clearBits(VM_ENTRY_IA32E_MODE);
    else entry.setBits(VM_ENTRY_IA32E_MODE);
    const supported = (config.entry & VM_ENTRY_LOAD_IA32_EFER) !== 0 && (config.exit & VM_EXIT_LOAD_IA32_EFER) !== 0;
    if (!supported || efer === LINUX_HOST_STATE.efer) {
      entry.clearBits(VM_ENTRY_LOAD_IA32_EFER);
      exit.clearBits(VM_EXIT_LOAD_IA32_EFER);
      return;
    }
    this.#write(F.GUEST_IA32_EFER, efer);
    this.#write(F.HOST_IA32_EFER, LINUX_HOST_STATE.efer);
    entry.setBits(VM_ENTRY_LOAD_IA32_EFER);
    exit.setBits(VM_EXIT_LOAD_IA32_EFER);
  }

  /**
   * After a write to IA32_APIC_BASE. Entering xAPIC mode needs a flush of the guest's TLB (INVEPT) by the caller: the
   * APIC-access page is recognized in translations.
   */
  setVirtualApicMode(mode: VirtualApicMode): void {
    const { config, parameters } = this.#setup;
    this.#mode = mode;
    let value = this.controls.secondary.get();
    value &= ~(SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES | SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE);
    if (mode === 'xapic' && parameters.flexpriority) value |= SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES;
    if (mode === 'x2apic') value |= config.secondary & SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE;
    this.controls.secondary.set(value);
    this.#updateMsrBitmap();
  }

  /** Applies an activation or deactivation of APICv. After a deactivation the caller re-evaluates events. */
  refreshApicv(active: boolean): void {
    const { controls } = this;
    this.#apicvActive = active;
    if (active) controls.pin.setBits(this.#setup.config.pin & PIN_BASED_POSTED_INTR);
    else controls.pin.clearBits(PIN_BASED_POSTED_INTR);
    if (active) controls.secondary.setBits(APICV_SECONDARY);
    else controls.secondary.clearBits(APICV_SECONDARY);
    if (this.#ipivUsable && active) controls.tertiary.setBits(IPIV_TERTIARY);
    if (this.#ipivUsable && !active) controls.tertiary.clearBits(IPIV_TERTIARY);
    this.#updateMsrBitmap();
  }

  /** vmx_enable_irq_window, and its end at exit 7. */
  setInterruptWindow(open: boolean): void {
    if (open) this.controls.primary.setBits(CPU_BASED_INTR_WINDOW_EXITING);
    else this.controls.primary.clearBits(CPU_BASED_INTR_WINDOW_EXITING);
  }

  /** vmx_enable_nmi_window, and its end at exit 8. */
  setNmiWindow(open: boolean): void {
    if (open) this.controls.primary.setBits(CPU_BASED_NMI_WINDOW_EXITING);
    else this.controls.primary.clearBits(CPU_BASED_NMI_WINDOW_EXITING);
  }

  /** Whether MOV to and from debug registers exits. */
  setDebugRegisterExiting(exits: boolean): void {
    if (exits) this.controls.primary.setBits(CPU_BASED_MOV_DR_EXITING);
    else this.controls.primary.clearBits(CPU_BASED_MOV_DR_EXITING);
  }

  /** Activates the VMX-preemption timer, or not. */
  setPreemptionTimer(active: boolean): void {
    if (active) this.controls.pin.setBits(PIN_BASED_VMX_PREEMPTION_TIMER);
    else this.controls.pin.clearBits(PIN_BASED_VMX_PREEMPTION_TIMER);
  }

  #updateMsrBitmap(): void {
    const x2apic = this.controls.secondary.has(SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE) && this.#mode === 'x2apic';
    this.msrBitmap.updateX2apic({ x2apic, apicv: this.#apicvActive, ipiv: this.ipivActive });
  }

  #has(primaryBit: number): boolean {
    return this.controls.primary.has(primaryBit);
  }

  #write(field: number, value: number): void {
    writeField(this.#vmcs, field, value);
  }
}
