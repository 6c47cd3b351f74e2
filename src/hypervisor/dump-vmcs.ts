/**
 * The kernel log's picture of a VMCS after a failed VM entry: dump_vmcs (vmx.c), in the shape of the v1 posting (all
 * execution controls on one line) or of Linux 5.19 and later (two lines). Printed only with dump_invalid_vmcs=1;
 * otherwise there is one line that says so. KVM prints nothing about the PID-pointer table or the posted-interrupt
 * descriptor: those lines stand at the end under a heading of their own.
 *
 * Left out: MSR autoload and autostore areas (KVM's model uses none), performance monitoring, CET.
 */
import * as C from '../hardware/vmx/controls.js';
import { VMCS_FIELD as F } from '../hardware/vmx/vmcs-field.js';
import type { VmcsAccess } from './control-shadow.js';
import type { KvmBehaviour } from './kvm-parameters.js';

export const DUMP_HINT = 'set kvm_intel.dump_invalid_vmcs=1 to dump internal KVM state.';

/** What a dump needs besides the VMCS, which must be current. */
export interface DumpContext {
  readonly behaviour: KvmBehaviour;
  /** dump_invalid_vmcs */
  readonly enabled: boolean;
  /** Address of the region, for the first line. */
  readonly vmcsAddress: number;
  /** The processor has tertiary controls and IPI virtualization. */
  readonly tertiary: boolean;
  readonly ipiv: boolean;
  /** The vCPU's EFER, shown when no control loads it. */
  readonly efer: number;
  readonly lastCpu: number;
}

/** A VMCS under the widths that the dump prints. */
class Reader {
  readonly #vmcs: VmcsAccess;

  constructor(vmcs: VmcsAccess) {
    this.#vmcs = vmcs;
  }

  number(field: number): number {
    return this.#vmcs.vmread(field) >>> 0;
  }

  x2(field: number): string {
    return hex(BigInt(this.number(field)), 2);
  }

  x4(field: number): string {
    return hex(BigInt(this.number(field)), 4);
  }

  x5(field: number): string {
    return hex(BigInt(this.number(field)), 5);
  }

  x8(field: number): string {
    return hex(BigInt(this.number(field)), 8);
  }

  x16(field: number): string {
    return hex(this.#vmcs.vmread64(field), 16);
  }
}

/** The control words that decide which lines appear. */
interface Words {
  readonly pin: number;
  readonly primary: number;
  readonly secondary: number;
  readonly entry: number;
  readonly exit: number;
}

/** The lines of the kernel log, without the `kvm_intel: ` prefix. */
export function dumpVmcs(vmcs: VmcsAccess, context: DumpContext): string[] {
  if (!context.enabled) return [DUMP_HINT];
  const r = new Reader(vmcs);
  const primary = r.number(F.CPU_BASED_VM_EXEC_CONTROL);
  const words: Words = {
    pin: r.number(F.PIN_BASED_VM_EXEC_CONTROL),
    primary,
    secondary: has(primary, C.CPU_BASED_ACTIVATE_SECONDARY_CONTROLS) ? r.number(F.SECONDARY_VM_EXEC_CONTROL) : 0,
    entry: r.number(F.VM_ENTRY_CONTROLS),
    exit: r.number(F.VM_EXIT_CONTROLS),
  };
  return [
    'VMCS ' + hex(BigInt(context.vmcsAddress), 16) + ', last attempted VM-entry on CPU ' + String(context.lastCpu),
    ...guestState(r, words, context),
    ...hostState(r, words),
    ...controlWords(r, words, context),
    ...eventState(r),
    ...virtualizationState(r, words),
    ...postingState(r, words, context),
  ];
}

// prettier-ignore
function guestState(r: Reader, words: Words, context: DumpContext): string[] {
  return [
    '*** Guest State ***',
    `CR0: actual=0x${r.x16(F.GUEST_CR0)}, shadow=0x${r.x16(F.CR0_READ_SHADOW)}, gh_mask=${r.x16(F.CR0_GUEST_HOST_MASK)}`,
    `CR4: actual=0x${r.x16(F.GUEST_CR4)}, shadow=0x${r.x16(F.CR4_READ_SHADOW)}, gh_mask=${r.x16(F.CR4_GUEST_HOST_MASK)}`,
    `CR3 = 0x${r.x16(F.GUEST_CR3)}`,
    ...when(has(words.secondary, C.SECONDARY_EXEC_ENABLE_EPT), () => [
      `PDPTR0 = 0x${r.x16(F.GUEST_PDPTR0)}  PDPTR1 = 0x${r.x16(F.GUEST_PDPTR1)}`,
      `PDPTR2 = 0x${r.x16(F.GUEST_PDPTR2)}  PDPTR3 = 0x${r.x16(F.GUEST_PDPTR3)}`,
    ]),
    `RSP = 0x${r.x16(F.GUEST_RSP)}  RIP = 0x${r.x16(F.GUEST_RIP)}`,
    `RFLAGS=0x${r.x8(F.GUEST_RFLAGS)}         DR7 = 0x${r.x16(F.GUEST_DR7)}`,
    `Sysenter RSP=${r.x16(F.GUEST_SYSENTER_ESP)} CS:RIP=${r.x4(F.GUEST_SYSENTER_CS)}:${r.x16(F.GUEST_SYSENTER_EIP)}`,
    segment(r, 'CS:  ', F.GUEST_CS_SELECTOR),
    segment(r, 'DS:  ', F.GUEST_DS_SELECTOR),
    segment(r, 'SS:  ', F.GUEST_SS_SELECTOR),
    segment(r, 'ES:  ', F.GUEST_ES_SELECTOR),
    segment(r, 'FS:  ', F.GUEST_FS_SELECTOR),
    segment(r, 'GS:  ', F.GUEST_GS_SELECTOR),
    descriptorTable(r, 'GDTR:', F.GUEST_GDTR_LIMIT, F.GUEST_GDTR_BASE),
    segment(r, 'LDTR:', F.GUEST_LDTR_SELECTOR),
    descriptorTable(r, 'IDTR:', F.GUEST_IDTR_LIMIT, F.GUEST_IDTR_BASE),
    segment(r, 'TR:  ', F.GUEST_TR_SELECTOR),
    has(words.entry, C.VM_ENTRY_LOAD_IA32_EFER)
      ? `EFER= 0x${r.x16(F.GUEST_IA32_EFER)}`
      : `EFER= 0x${hex(BigInt(context.efer), 16)} (effective)`,
    ...when(has(words.entry, C.VM_ENTRY_LOAD_IA32_PAT), () => [`PAT = 0x${r.x16(F.GUEST_IA32_PAT)}`]),
    `DebugCtl = 0x${r.x16(F.GUEST_IA32_DEBUGCTL)}  DebugExceptions = 0x${r.x16(F.GUEST_PENDING_DBG_EXCEPTIONS)}`,
    `Interruptibility = ${r.x8(F.GUEST_INTERRUPTIBILITY_INFO)}  ActivityState = ${r.x8(F.GUEST_ACTIVITY_STATE)}`,
    ...when(has(words.secondary, C.SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY), () => [
      `InterruptStatus = ${r.x4(F.GUEST_INTR_STATUS)}`,
    ]),
  ];
}

// prettier-ignore
function hostState(r: Reader, words: Words): string[] {
  return [
    '*** Host State ***',
    `RIP = 0x${r.x16(F.HOST_RIP)}  RSP = 0x${r.x16(F.HOST_RSP)}`,
    `CS=${r.x4(F.HOST_CS_SELECTOR)} SS=${r.x4(F.HOST_SS_SELECTOR)} DS=${r.x4(F.HOST_DS_SELECTOR)}` +
      ` ES=${r.x4(F.HOST_ES_SELECTOR)} FS=${r.x4(F.HOST_FS_SELECTOR)} GS=${r.x4(F.HOST_GS_SELECTOR)}` +
      ` TR=${r.x4(F.HOST_TR_SELECTOR)}`,
    `FSBase=${r.x16(F.HOST_FS_BASE)} GSBase=${r.x16(F.HOST_GS_BASE)} TRBase=${r.x16(F.HOST_TR_BASE)}`,
    `GDTBase=${r.x16(F.HOST_GDTR_BASE)} IDTBase=${r.x16(F.HOST_IDTR_BASE)}`,
    `CR0=${r.x16(F.HOST_CR0)} CR3=${r.x16(F.HOST_CR3)} CR4=${r.x16(F.HOST_CR4)}`,
    `Sysenter RSP=${r.x16(F.HOST_IA32_SYSENTER_ESP)}` +
      ` CS:RIP=${r.x4(F.HOST_IA32_SYSENTER_CS)}:${r.x16(F.HOST_IA32_SYSENTER_EIP)}`,
    ...when(has(words.exit, C.VM_EXIT_LOAD_IA32_EFER), () => [`EFER= 0x${r.x16(F.HOST_IA32_EFER)}`]),
    ...when(has(words.exit, C.VM_EXIT_LOAD_IA32_PAT), () => [`PAT = 0x${r.x16(F.HOST_IA32_PAT)}`]),
    ...when(has(words.exit, C.VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL), () => [
      `PerfGlobCtl = 0x${r.x16(F.HOST_IA32_PERF_GLOBAL_CTRL)}`,
    ]),
  ];
}

function controlWords(r: Reader, words: Words, context: DumpContext): string[] {
  const pin = `PinBased=0x${hex(BigInt(words.pin), 8)}`;
  const primary = `CPUBased=0x${hex(BigInt(words.primary), 8)}`;
  const secondary = `SecondaryExec=0x${hex(BigInt(words.secondary), 8)}`;
  const tertiary = `TertiaryExec=0x${context.tertiary ? r.x16(F.TERTIARY_VM_EXEC_CONTROL) : hex(0n, 16)}`;
  const entryExit = `EntryControls=${hex(BigInt(words.entry), 8)} ExitControls=${hex(BigInt(words.exit), 8)}`;
  const lines =
    context.behaviour.dumpControlLine === 'one'
      ? [`${pin} ${primary} ${secondary} ${tertiary}`, entryExit]
      : [`${primary} ${secondary} ${tertiary}`, `${pin} ${entryExit}`];
  return ['*** Control State ***', ...lines];
}

// prettier-ignore
function eventState(r: Reader): string[] {
  return [
    `ExceptionBitmap=${r.x8(F.EXCEPTION_BITMAP)} PFECmask=${r.x8(F.PAGE_FAULT_ERROR_CODE_MASK)}` +
      ` PFECmatch=${r.x8(F.PAGE_FAULT_ERROR_CODE_MATCH)}`,
    `VMEntry: intr_info=${r.x8(F.VM_ENTRY_INTR_INFO_FIELD)} errcode=${r.x8(F.VM_ENTRY_EXCEPTION_ERROR_CODE)}` +
      ` ilen=${r.x8(F.VM_ENTRY_INSTRUCTION_LEN)}`,
    `VMExit: intr_info=${r.x8(F.VM_EXIT_INTR_INFO)} errcode=${r.x8(F.VM_EXIT_INTR_ERROR_CODE)}` +
      ` ilen=${r.x8(F.VM_EXIT_INSTRUCTION_LEN)}`,
    `        reason=${r.x8(F.VM_EXIT_REASON)} qualification=${r.x16(F.EXIT_QUALIFICATION)}`,
    `IDTVectoring: info=${r.x8(F.IDT_VECTORING_INFO_FIELD)} errcode=${r.x8(F.IDT_VECTORING_ERROR_CODE)}`,
    `TSC Offset = 0x${r.x16(F.TSC_OFFSET)}`,
  ];
}

function virtualizationState(r: Reader, { pin, primary, secondary }: Words): string[] {
  return [
    ...when(has(secondary, C.SECONDARY_EXEC_TSC_SCALING), () => [`TSC Multiplier = 0x${r.x16(F.TSC_MULTIPLIER)}`]),
    ...when(has(primary, C.CPU_BASED_TPR_SHADOW), () => [
      interruptStatus(r, secondary) + `TPR Threshold = 0x${r.x2(F.TPR_THRESHOLD)}`,
    ]),
    ...when(has(primary, C.CPU_BASED_TPR_SHADOW), () => [
      apicAccess(r, secondary) + `virt-APIC addr = 0x${r.x16(F.VIRTUAL_APIC_PAGE_ADDR)}`,
    ]),
    ...when(has(pin, C.PIN_BASED_POSTED_INTR), () => [`PostedIntrVec = 0x${r.x2(F.POSTED_INTR_NV)}`]),
    ...when(has(secondary, C.SECONDARY_EXEC_ENABLE_EPT), () => [`EPT pointer = 0x${r.x16(F.EPT_POINTER)}`]),
    ...when(has(secondary, C.SECONDARY_EXEC_PAUSE_LOOP_EXITING), () => [
      `PLE Gap=${r.x8(F.PLE_GAP)} Window=${r.x8(F.PLE_WINDOW)}`,
    ]),
    ...when(has(secondary, C.SECONDARY_EXEC_ENABLE_VPID), () => [
      `Virtual processor ID = 0x${r.x4(F.VIRTUAL_PROCESSOR_ID)}`,
    ]),
  ];
}

function interruptStatus(r: Reader, secondary: number): string {
  if (!has(secondary, C.SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY)) return '';
  const status = r.number(F.GUEST_INTR_STATUS);
  return `SVI|RVI = ${hex(BigInt(status >>> 8), 2)}|${hex(BigInt(status & 0xff), 2)} `;
}

function apicAccess(r: Reader, secondary: number): string {
  if (!has(secondary, C.SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES)) return '';
  return `APIC-access addr = 0x${r.x16(F.APIC_ACCESS_ADDR)} `;
}

/** Not KVM's: the addresses behind posted interrupts and IPI virtualization. */
function postingState(r: Reader, words: Words, context: DumpContext): string[] {
  if (!has(words.pin, C.PIN_BASED_POSTED_INTR)) return [];
  const table = context.ipiv
    ? [`PID-pointer table = 0x${r.x16(F.PID_POINTER_TABLE)} last index = 0x${r.x4(F.LAST_PID_POINTER_INDEX)}`]
    : [];
  return ['*** ipiv-bench ***', `PI descriptor = 0x${r.x16(F.POSTED_INTR_DESC_ADDR)}`, ...table];
}

/** Selector, access rights, limit and base of a segment: consecutive registers have consecutive even encodings. */
function segment(r: Reader, name: string, selector: number): string {
  const index = selector - F.GUEST_ES_SELECTOR;
  const attributes = r.x5(F.GUEST_ES_AR_BYTES + index);
  const limit = r.x8(F.GUEST_ES_LIMIT + index);
  return `${name} sel=0x${r.x4(selector)}, attr=0x${attributes}, limit=0x${limit}, base=0x${r.x16(F.GUEST_ES_BASE + index)}`;
}

function descriptorTable(r: Reader, name: string, limit: number, base: number): string {
  return `${name}                           limit=0x${r.x8(limit)}, base=0x${r.x16(base)}`;
}

function when(condition: boolean, lines: () => string[]): string[] {
  return condition ? lines() : [];
}

function has(word: number, bits: number): boolean {
  return (word & bits) >>> 0 === bits >>> 0;
}

function hex(value: bigint, digits: number): string {
  return BigInt.asUintN(64, value).toString(16).padStart(digits, '0');
}
