/**
 * Guest state between the CPU and the guest-state area: loading at VM entry (SDM vol. 3, 27.3.2), saving at VM exit
 * (28.3). General-purpose registers other than RSP, and CR2, are software's to switch.
 *
 * Most of it hardly ever changes. It is saved only when the guest has worked on it, and loaded only when it is not in the
 * registers any more or software has written to the area; the results are those of saving and loading it every time.
 *
 * Left out: IA32_PERF_GLOBAL_CTRL, BNDCFGS, RTIT; guests in virtual-8086 mode, by an error.
 */
import { ACTIVITY_MWAIT, BLOCKING_BY_MOV_SS, BLOCKING_BY_NMI } from '../cpu/activity.js';
import { CR0_PG, CR4_PAE, EFER_LMA, EFER_LME } from '../cpu/control-register-bits.js';
import type { Cpu } from '../cpu/cpu.js';
import { PENDING_BS, PENDING_ENABLED_BREAKPOINT } from '../cpu/debug/debug-exceptions.js';
import { CPU_FS_BASE, CPU_GS_BASE } from '../cpu/layout.js';
import { updateMode } from '../cpu/mode.js';
import { POINTERS } from '../cpu/page-directory-pointers.js';
import { RFLAGS_TF, RFLAGS_VM } from '../cpu/rflags.js';
import { SEGMENT_FS, SEGMENT_GS, SEGMENT_SS, type Segment } from '../cpu/segments.js';
import { UnimplementedError } from '../cpu/unimplemented.js';
import type { ActiveControls } from './active-controls.js';
import * as C from './controls.js';
import type { Vmcs } from './vmcs.js';
import { VMCS_FIELD } from './vmcs-field.js';

const F = VMCS_FIELD;

const RSP = 4;
/** Alignment of the table that CR3 names with PAE paging. */
const PDPT_BYTES = 8 * POINTERS;
/** Interruptibility state, bits 1:0 as in cpu.shadow. */
const BLOCKING_SHADOW = 3;

export class GuestState {
  readonly #cpu: Cpu;
  /** Whose guest state was loaded last. */
  #vmcs: Vmcs | null = null;

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
  }

  // ---- VM entry

  load(vmcs: Vmcs, controls: ActiveControls): void {
    const cpu = this.#cpu;
    if (!this.#isLoaded(vmcs)) this.#loadSystemState(vmcs, controls);
    else if (vmcs.flagsDirty) cpu.rflags = vmcs.read32(F.GUEST_RFLAGS);
    cpu.setGprWords(RSP, vmcs.readHigh(F.GUEST_RSP), vmcs.read32(F.GUEST_RSP));
    cpu.rip = vmcs.readLong(F.GUEST_RIP);
    const blocking = vmcs.read32(F.GUEST_INTERRUPTIBILITY_INFO);
    cpu.shadow = blocking & BLOCKING_SHADOW;
    cpu.nmiBlocked = (blocking & BLOCKING_BY_NMI) !== 0;
    cpu.activity = vmcs.read32(F.GUEST_ACTIVITY_STATE);
    const pending = vmcs.read32(F.GUEST_PENDING_DBG_EXCEPTIONS);
    const isValid = (pending & (PENDING_ENABLED_BREAKPOINT | PENDING_BS)) !== 0;
    cpu.debugExceptions.pending = isValid ? pending : 0;
    if (controls.onEntry(C.VM_ENTRY_LOAD_DEBUG_CONTROLS)) cpu.dr.control = vmcs.read32(F.GUEST_DR7);
    if (controls.onEntry(C.VM_ENTRY_LOAD_UINV)) {
      cpu.userInterrupts.notificationVector = vmcs.read32(F.GUEST_UINV) & 0xff;
    }
  }

  /** Nothing has happened to the registers since the last exit, nor to the fields that they were saved to. */
  #isLoaded(vmcs: Vmcs): boolean {
    return this.#vmcs === vmcs && !this.#cpu.systemStateChanged && !vmcs.guestDirty;
  }

  #loadSystemState(vmcs: Vmcs, controls: ActiveControls): void {
    const cpu = this.#cpu;
    this.#loadControlRegisters(vmcs, controls);
    for (let index = 0; index < 8; index++) loadSegment(vmcs, cpu.segments[index], index);
    cpu.setLong(CPU_FS_BASE, cpu.segments[SEGMENT_FS].base);
    cpu.setLong(CPU_GS_BASE, cpu.segments[SEGMENT_GS].base);
    cpu.cpl = (cpu.segments[SEGMENT_SS].access >>> 5) & 3;
    cpu.gdtr.base = vmcs.readLong(F.GUEST_GDTR_BASE);
    cpu.gdtr.limit = vmcs.read32(F.GUEST_GDTR_LIMIT);
    cpu.idtr.base = vmcs.readLong(F.GUEST_IDTR_BASE);
    cpu.idtr.limit = vmcs.read32(F.GUEST_IDTR_LIMIT);
    cpu.rflags = vmcs.read32(F.GUEST_RFLAGS);
    if ((cpu.rflags & RFLAGS_VM) !== 0) throw new UnimplementedError('a VM entry to virtual-8086 mode', cpu);
    updateMode(cpu);
    cpu.systemStateChanged = this.#differs(vmcs, controls);
    this.#vmcs = vmcs;
  }

  #loadControlRegisters(vmcs: Vmcs, controls: ActiveControls): void {
    const cpu = this.#cpu;
    cpu.cr0 = vmcs.read32(F.GUEST_CR0);
    cpu.cr3 = vmcs.readLong(F.GUEST_CR3);
    cpu.cr4 = vmcs.read32(F.GUEST_CR4);
    cpu.eferLow = this.#efer(vmcs, controls);
    if (this.#usesPaePaging) this.#loadPdptes(vmcs, controls);
    const { msrs } = cpu;
    msrs.sysenterCs = vmcs.read32(F.GUEST_SYSENTER_CS);
    msrs.sysenterEsp = vmcs.readLong(F.GUEST_SYSENTER_ESP);
    msrs.sysenterEip = vmcs.readLong(F.GUEST_SYSENTER_EIP);
    if (controls.onEntry(C.VM_ENTRY_LOAD_DEBUG_CONTROLS)) msrs.debugCtl = vmcs.read32(F.GUEST_IA32_DEBUGCTL);
    if (controls.onEntry(C.VM_ENTRY_LOAD_IA32_PAT)) {
      msrs.patLow = vmcs.read32(F.GUEST_IA32_PAT);
      msrs.patHigh = vmcs.readHigh(F.GUEST_IA32_PAT);
    }
  }

  get #usesPaePaging(): boolean {
    const { cr0, cr4, eferLow } = this.#cpu;
    return (cr0 & CR0_PG) !== 0 && (cr4 & CR4_PAE) !== 0 && (eferLow & EFER_LMA) === 0;
  }

  /** From the guest-state area with EPT, else from the table that CR3 names (27.3.2.4). */
  #loadPdptes(vmcs: Vmcs, controls: ActiveControls): void {
    const { cr3, memory, pdptes } = this.#cpu;
    for (let index = 0; index < POINTERS; index++) {
      const field = F.GUEST_PDPTR0 + 2 * index;
      const entry = cr3 - (cr3 % PDPT_BYTES) + 8 * index;
      if (controls.eptRoot >= 0) pdptes.set(index, vmcs.read32(field), vmcs.readHigh(field));
      else pdptes.set(index, memory.read32(entry), memory.read32(entry + 4));
    }
  }

  /** Without "load IA32_EFER", LMA and (with paging) LME follow the "IA-32e mode guest" control. */
  #efer(vmcs: Vmcs, controls: ActiveControls): number {
    if (controls.onEntry(C.VM_ENTRY_LOAD_IA32_EFER)) return vmcs.read32(F.GUEST_IA32_EFER);
    const { cr0, eferLow } = this.#cpu;
    const longMode = controls.onEntry(C.VM_ENTRY_IA32E_MODE);
    const lma = longMode ? eferLow | EFER_LMA : eferLow & ~EFER_LMA;
    if ((cr0 & CR0_PG) === 0) return lma;
    return longMode ? lma | EFER_LME : lma & ~EFER_LME;
  }

  // ---- VM exit

  save(vmcs: Vmcs, controls: ActiveControls): void {
    const cpu = this.#cpu;
    if (cpu.systemStateChanged) this.#saveSystemState(vmcs, controls);
    vmcs.writeWords(F.GUEST_RSP, cpu.gprHigh(RSP), cpu.gprLow(RSP));
    vmcs.writeLong(F.GUEST_RIP, cpu.rip);
    vmcs.writeWords(F.GUEST_RFLAGS, 0, cpu.rflags);
    vmcs.write32(F.GUEST_INTERRUPTIBILITY_INFO, cpu.shadow | (cpu.nmiBlocked ? BLOCKING_BY_NMI : 0));
    vmcs.write32(F.GUEST_ACTIVITY_STATE, cpu.activity === ACTIVITY_MWAIT ? 0 : cpu.activity);
    vmcs.writeWords(F.GUEST_PENDING_DBG_EXCEPTIONS, 0, this.#pendingDebugExceptions());
    cpu.debugExceptions.pending = 0;
    if (controls.onExit(C.VM_EXIT_SAVE_DEBUG_CONTROLS)) vmcs.writeWords(F.GUEST_DR7, 0, cpu.dr.control);
    vmcs.write32(F.GUEST_UINV, cpu.userInterrupts.notificationVector);
  }

  #saveSystemState(vmcs: Vmcs, controls: ActiveControls): void {
    const cpu = this.#cpu;
    this.#saveControlRegisters(vmcs, controls);
    cpu.segments[SEGMENT_FS].base = cpu.long(CPU_FS_BASE);
    cpu.segments[SEGMENT_GS].base = cpu.long(CPU_GS_BASE);
    for (let index = 0; index < 8; index++) saveSegment(vmcs, cpu.segments[index], index);
    vmcs.writeLong(F.GUEST_GDTR_BASE, cpu.gdtr.base);
    vmcs.write32(F.GUEST_GDTR_LIMIT, cpu.gdtr.limit);
    vmcs.writeLong(F.GUEST_IDTR_BASE, cpu.idtr.base);
    vmcs.write32(F.GUEST_IDTR_LIMIT, cpu.idtr.limit);
    cpu.systemStateChanged = this.#differs(vmcs, controls);
  }

  /** An MSR that only one of entry and exit switches is not what its field holds, or PDPTEs come from memory. */
  #differs(vmcs: Vmcs, controls: ActiveControls): boolean {
    const { eferLow, msrs } = this.#cpu;
    if (this.#usesPaePaging && controls.eptRoot < 0) return true;
    if (controls.onEntry(C.VM_ENTRY_LOAD_DEBUG_CONTROLS) || controls.onExit(C.VM_EXIT_SAVE_DEBUG_CONTROLS)) {
      if (msrs.debugCtl !== vmcs.read32(F.GUEST_IA32_DEBUGCTL)) return true;
    }
    if (controls.onEntry(C.VM_ENTRY_LOAD_IA32_PAT) || controls.onExit(C.VM_EXIT_SAVE_IA32_PAT)) {
      if (msrs.patLow !== vmcs.read32(F.GUEST_IA32_PAT) || msrs.patHigh !== vmcs.readHigh(F.GUEST_IA32_PAT))
        return true;
    }
    const switchesEfer = controls.onEntry(C.VM_ENTRY_LOAD_IA32_EFER) || controls.onExit(C.VM_EXIT_SAVE_IA32_EFER);
    return switchesEfer && eferLow >>> 0 !== vmcs.read32(F.GUEST_IA32_EFER);
  }

  #saveControlRegisters(vmcs: Vmcs, controls: ActiveControls): void {
    const cpu = this.#cpu;
    const { msrs } = cpu;
    vmcs.writeWords(F.GUEST_CR0, 0, cpu.cr0);
    vmcs.writeLong(F.GUEST_CR3, cpu.cr3);
    vmcs.writeWords(F.GUEST_CR4, 0, cpu.cr4);
    if (this.#usesPaePaging && controls.eptRoot >= 0) this.#savePdptes(vmcs);
    vmcs.write32(F.GUEST_SYSENTER_CS, msrs.sysenterCs);
    vmcs.writeLong(F.GUEST_SYSENTER_ESP, msrs.sysenterEsp);
    vmcs.writeLong(F.GUEST_SYSENTER_EIP, msrs.sysenterEip);
    this.#saveLongMode(vmcs, controls);
    if (controls.onExit(C.VM_EXIT_SAVE_DEBUG_CONTROLS)) vmcs.writeWords(F.GUEST_IA32_DEBUGCTL, 0, msrs.debugCtl);
    if (controls.onExit(C.VM_EXIT_SAVE_IA32_PAT)) vmcs.writeWords(F.GUEST_IA32_PAT, msrs.patHigh, msrs.patLow);
    if (controls.onExit(C.VM_EXIT_SAVE_IA32_EFER)) vmcs.writeWords(F.GUEST_IA32_EFER, 0, cpu.eferLow);
  }

  #savePdptes(vmcs: Vmcs): void {
    const { pdptes } = this.#cpu;
    for (let index = 0; index < POINTERS; index++) {
      vmcs.writeWords(F.GUEST_PDPTR0 + 2 * index, pdptes.high(index), pdptes.low(index));
    }
  }

  /** IA32_EFER.LMA goes into the "IA-32e mode guest" VM-entry control (IA32_VMX_MISC bit 5). */
  #saveLongMode(vmcs: Vmcs, controls: ActiveControls): void {
    const longMode = (this.#cpu.eferLow & EFER_LMA) !== 0;
    if (longMode === controls.onEntry(C.VM_ENTRY_IA32E_MODE)) return;
    vmcs.write32(F.VM_ENTRY_CONTROLS, controls.entry ^ C.VM_ENTRY_IA32E_MODE);
    vmcs.markDirty();
  }

  /** What MOV SS holds back, or an event of higher priority (28.3.4); a single step counts from its instruction on. */
  #pendingDebugExceptions(): number {
    const cpu = this.#cpu;
    const isStepHeldBack = (cpu.shadow & BLOCKING_BY_MOV_SS) !== 0 && (cpu.rflags & RFLAGS_TF) !== 0;
    return cpu.debugExceptions.pending | (isStepHeldBack ? PENDING_BS : 0);
  }
}

function loadSegment(vmcs: Vmcs, segment: Segment, index: number): void {
  segment.selector = vmcs.read32(F.GUEST_ES_SELECTOR + 2 * index);
  segment.base = vmcs.readLong(F.GUEST_ES_BASE + 2 * index);
  segment.limit = vmcs.read32(F.GUEST_ES_LIMIT + 2 * index);
  segment.access = vmcs.read32(F.GUEST_ES_AR_BYTES + 2 * index);
}

function saveSegment(vmcs: Vmcs, segment: Segment, index: number): void {
  vmcs.write32(F.GUEST_ES_SELECTOR + 2 * index, segment.selector);
  vmcs.writeLong(F.GUEST_ES_BASE + 2 * index, segment.base);
  vmcs.write32(F.GUEST_ES_LIMIT + 2 * index, segment.limit);
  vmcs.write32(F.GUEST_ES_AR_BYTES + 2 * index, segment.access);
}
