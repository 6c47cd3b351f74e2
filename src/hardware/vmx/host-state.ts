/**
 * Loading the host state at VM exit (SDM vol. 3, 28.5). Root software that is a model does not look at registers: where
 * the next VM entry would replace the host's anyway, the guest's stay in them.
 */
import { ACTIVITY_ACTIVE } from '../cpu/activity.js';
import { EFER_LMA, EFER_LME } from '../cpu/control-register-bits.js';
import type { Cpu } from '../cpu/cpu.js';
import { CPU_FS_BASE, CPU_GS_BASE } from '../cpu/layout.js';
import { updateMode } from '../cpu/mode.js';
import { RFLAGS_FIXED } from '../cpu/rflags.js';
import {
  ACCESS_UNUSABLE,
  SEGMENT_CS,
  SEGMENT_DS,
  SEGMENT_ES,
  SEGMENT_FS,
  SEGMENT_GS,
  SEGMENT_LDTR,
  SEGMENT_SS,
  SEGMENT_TR,
  type Segment,
} from '../cpu/segments.js';
import type { ActiveControls } from './active-controls.js';
import * as C from './controls.js';
import type { Vmcs } from './vmcs.js';
import { VMCS_FIELD } from './vmcs-field.js';

const F = VMCS_FIELD;

const RSP = 4;
const FLAT_LIMIT = 0xffff_ffff;
const TSS_LIMIT = 0x67;
const TABLE_LIMIT = 0xffff;
/** Present, S, accessed execute-read code, granularity; L and D depend on the host address-space size. */
const AR_CODE = 0x809b;
const AR_L = 1 << 13;
const AR_DB = 1 << 14;
/** Present, S, accessed read-write data, B, granularity. */
const AR_DATA = 0xc093;
/** Present, busy 64-bit or 32-bit TSS. */
const AR_BUSY_TSS = 0x8b;
/** CR0 bits that VM exits leave alone: ET, NW, CD (28.5.1). */
const CR0_KEPT = 0x6000_0010;

export function loadHostState(cpu: Cpu, vmcs: Vmcs, controls: ActiveControls): void {
  cpu.activity = ACTIVITY_ACTIVE;
  cpu.shadow = 0;
  cpu.dr.control = 0;
  if (controls.onExit(C.VM_EXIT_CLEAR_UINV)) cpu.userInterrupts.notificationVector = 0;
  if (cpu.rootSoftware === null || !controls.entryReplacesHostState) loadRegisters(cpu, vmcs, controls);
}

function loadRegisters(cpu: Cpu, vmcs: Vmcs, controls: ActiveControls): void {
  loadControlRegisters(cpu, vmcs, controls);
  loadSegments(cpu, vmcs, controls.onExit(C.VM_EXIT_HOST_ADDR_SPACE_SIZE));
  cpu.gdtr.base = vmcs.readLong(F.HOST_GDTR_BASE);
  cpu.gdtr.limit = TABLE_LIMIT;
  cpu.idtr.base = vmcs.readLong(F.HOST_IDTR_BASE);
  cpu.idtr.limit = TABLE_LIMIT;
  cpu.setGprWords(RSP, vmcs.readHigh(F.HOST_RSP), vmcs.read32(F.HOST_RSP));
  cpu.rip = vmcs.readLong(F.HOST_RIP);
  cpu.rflags = RFLAGS_FIXED;
  cpu.cpl = 0;
  updateMode(cpu);
  cpu.systemStateChanged = true;
}

function loadControlRegisters(cpu: Cpu, vmcs: Vmcs, controls: ActiveControls): void {
  const { msrs } = cpu;
  cpu.cr0 = ((vmcs.read32(F.HOST_CR0) & ~CR0_KEPT) | (cpu.cr0 & CR0_KEPT)) >>> 0;
  cpu.cr3 = vmcs.readLong(F.HOST_CR3);
  cpu.cr4 = vmcs.read32(F.HOST_CR4);
  msrs.debugCtl = 0;
  msrs.sysenterCs = vmcs.read32(F.HOST_IA32_SYSENTER_CS);
  msrs.sysenterEsp = vmcs.readLong(F.HOST_IA32_SYSENTER_ESP);
  msrs.sysenterEip = vmcs.readLong(F.HOST_IA32_SYSENTER_EIP);
  const longMode = controls.onExit(C.VM_EXIT_HOST_ADDR_SPACE_SIZE) ? EFER_LMA | EFER_LME : 0;
  cpu.eferLow = (cpu.eferLow & ~(EFER_LMA | EFER_LME)) | longMode;
  if (controls.onExit(C.VM_EXIT_LOAD_IA32_EFER)) cpu.eferLow = vmcs.read32(F.HOST_IA32_EFER);
  if (controls.onExit(C.VM_EXIT_LOAD_IA32_PAT)) {
    msrs.patLow = vmcs.read32(F.HOST_IA32_PAT);
    msrs.patHigh = vmcs.readHigh(F.HOST_IA32_PAT);
  }
}

function loadSegments(cpu: Cpu, vmcs: Vmcs, longMode: boolean): void {
  const { segments } = cpu;
  fill(segments[SEGMENT_CS], vmcs.read32(F.HOST_CS_SELECTOR), AR_CODE | (longMode ? AR_L : AR_DB));
  fill(segments[SEGMENT_SS], vmcs.read32(F.HOST_SS_SELECTOR), AR_DATA);
  fill(segments[SEGMENT_DS], vmcs.read32(F.HOST_DS_SELECTOR), AR_DATA);
  fill(segments[SEGMENT_ES], vmcs.read32(F.HOST_ES_SELECTOR), AR_DATA);
  fill(segments[SEGMENT_FS], vmcs.read32(F.HOST_FS_SELECTOR), AR_DATA);
  fill(segments[SEGMENT_GS], vmcs.read32(F.HOST_GS_SELECTOR), AR_DATA);
  cpu.setLong(CPU_FS_BASE, vmcs.readLong(F.HOST_FS_BASE));
  cpu.setLong(CPU_GS_BASE, vmcs.readLong(F.HOST_GS_BASE));
  const tr = segments[SEGMENT_TR];
  tr.selector = vmcs.read32(F.HOST_TR_SELECTOR);
  tr.base = vmcs.readLong(F.HOST_TR_BASE);
  tr.limit = TSS_LIMIT;
  tr.access = AR_BUSY_TSS;
  const ldtr = segments[SEGMENT_LDTR];
  ldtr.selector = 0;
  ldtr.access = ACCESS_UNUSABLE;
}

/** A flat segment; a null selector makes it unusable. */
function fill(segment: Segment, selector: number, access: number): void {
  segment.selector = selector;
  segment.base = 0;
  segment.limit = FLAT_LIMIT;
  segment.access = selector === 0 ? ACCESS_UNUSABLE : access;
}
