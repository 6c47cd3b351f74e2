/**
 * VMX capability MSRs 480H-493H: which controls a processor lets software set (SDM vol. 3, appendix A).
 *
 * IA32_VMX_PROCBASED_CTLS3 (492H) is not like the others: 64 bits of allowed-1 settings, no allowed-0 half, and it
 * exists only where "activate tertiary controls" may be 1. Allowed are exactly the controls that are modelled.
 */
import * as C from './controls.js';
import { VMCS_FIELD } from './vmcs-field.js';

export const MSR_IA32_VMX_BASIC = 0x480;
export const MSR_IA32_VMX_PINBASED_CTLS = 0x481;
export const MSR_IA32_VMX_PROCBASED_CTLS = 0x482;
export const MSR_IA32_VMX_EXIT_CTLS = 0x483;
export const MSR_IA32_VMX_ENTRY_CTLS = 0x484;
export const MSR_IA32_VMX_MISC = 0x485;
export const MSR_IA32_VMX_CR0_FIXED0 = 0x486;
export const MSR_IA32_VMX_CR0_FIXED1 = 0x487;
export const MSR_IA32_VMX_CR4_FIXED0 = 0x488;
export const MSR_IA32_VMX_CR4_FIXED1 = 0x489;
export const MSR_IA32_VMX_VMCS_ENUM = 0x48a;
export const MSR_IA32_VMX_PROCBASED_CTLS2 = 0x48b;
export const MSR_IA32_VMX_EPT_VPID_CAP = 0x48c;
export const MSR_IA32_VMX_TRUE_PINBASED_CTLS = 0x48d;
export const MSR_IA32_VMX_TRUE_PROCBASED_CTLS = 0x48e;
export const MSR_IA32_VMX_TRUE_EXIT_CTLS = 0x48f;
export const MSR_IA32_VMX_TRUE_ENTRY_CTLS = 0x490;
export const MSR_IA32_VMX_VMFUNC = 0x491;
export const MSR_IA32_VMX_PROCBASED_CTLS3 = 0x492;
export const MSR_IA32_VMX_EXIT_CTLS2 = 0x493;

/** VMCS revision identifier, IA32_VMX_BASIC[30:0]. */
export const VMCS_REVISION = 0x11;
/** IA32_VMX_MISC[4:0]: the preemption timer counts down when this TSC bit changes. */
export const PREEMPTION_TIMER_RATE = 5;
/** IA32_VMX_MISC[24:16]. */
export const CR3_TARGETS = 4;
/** IA32_VMX_MISC[27:25]: entries that an MSR load or store area may hold. */
export const MSR_AREA_LIMIT = 512;

export const CR0_FIXED0 = 0x8000_0021;
export const CR0_FIXED1 = 0xffff_ffff;
export const CR4_FIXED0 = 0x0000_2000;
/** CR4 bits that may be 1, as for MOV to CR4: 10:0, UMIP, VMXE, FSGSBASE, PCIDE, OSXSAVE, SMEP, SMAP, UINTR. */
export const CR4_FIXED1 = 0x0237_2fff;

/** Default-1 classes (SDM A.2): the plain MSRs report them as fixed; the TRUE ones free some bits. */
const PIN_DEFAULT1 = 0x0000_0016;
const PRIMARY_DEFAULT1 = 0x0401_e172;
const EXIT_DEFAULT1 = 0x0003_6dff;
const ENTRY_DEFAULT1 = 0x0000_11ff;

const PIN_MODELLED =
  C.PIN_BASED_EXT_INTR_MASK |
  C.PIN_BASED_NMI_EXITING |
  C.PIN_BASED_VIRTUAL_NMIS |
  C.PIN_BASED_VMX_PREEMPTION_TIMER |
  C.PIN_BASED_POSTED_INTR;

const PRIMARY_MODELLED =
  C.CPU_BASED_INTR_WINDOW_EXITING |
  C.CPU_BASED_USE_TSC_OFFSETTING |
  C.CPU_BASED_HLT_EXITING |
  C.CPU_BASED_INVLPG_EXITING |
  C.CPU_BASED_MWAIT_EXITING |
  C.CPU_BASED_RDPMC_EXITING |
  C.CPU_BASED_RDTSC_EXITING |
  C.CPU_BASED_CR3_LOAD_EXITING |
  C.CPU_BASED_CR3_STORE_EXITING |
  C.CPU_BASED_ACTIVATE_TERTIARY_CONTROLS |
  C.CPU_BASED_CR8_LOAD_EXITING |
  C.CPU_BASED_CR8_STORE_EXITING |
  C.CPU_BASED_TPR_SHADOW |
  C.CPU_BASED_NMI_WINDOW_EXITING |
  C.CPU_BASED_MOV_DR_EXITING |
  C.CPU_BASED_UNCOND_IO_EXITING |
  C.CPU_BASED_USE_IO_BITMAPS |
  C.CPU_BASED_USE_MSR_BITMAPS |
  C.CPU_BASED_MONITOR_EXITING |
  C.CPU_BASED_PAUSE_EXITING |
  C.CPU_BASED_ACTIVATE_SECONDARY_CONTROLS;

const SECONDARY_MODELLED =
  C.SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES |
  C.SECONDARY_EXEC_ENABLE_EPT |
  C.SECONDARY_EXEC_DESC |
  C.SECONDARY_EXEC_ENABLE_RDTSCP |
  C.SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE |
  C.SECONDARY_EXEC_ENABLE_VPID |
  C.SECONDARY_EXEC_WBINVD_EXITING |
  C.SECONDARY_EXEC_UNRESTRICTED_GUEST |
  C.SECONDARY_EXEC_APIC_REGISTER_VIRT |
  C.SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY |
  C.SECONDARY_EXEC_PAUSE_LOOP_EXITING |
  C.SECONDARY_EXEC_RDRAND_EXITING |
  C.SECONDARY_EXEC_ENABLE_INVPCID |
  C.SECONDARY_EXEC_RDSEED_EXITING |
  C.SECONDARY_EXEC_ENABLE_USR_WAIT_PAUSE;

const TERTIARY_MODELLED = BigInt(C.TERTIARY_EXEC_IPI_VIRT);

const EXIT_MODELLED =
  C.VM_EXIT_HOST_ADDR_SPACE_SIZE |
  C.VM_EXIT_ACK_INTR_ON_EXIT |
  C.VM_EXIT_SAVE_IA32_PAT |
  C.VM_EXIT_LOAD_IA32_PAT |
  C.VM_EXIT_SAVE_IA32_EFER |
  C.VM_EXIT_LOAD_IA32_EFER |
  C.VM_EXIT_SAVE_VMX_PREEMPTION_TIMER |
  C.VM_EXIT_CLEAR_UINV;

const ENTRY_MODELLED =
  C.VM_ENTRY_IA32E_MODE | C.VM_ENTRY_LOAD_IA32_PAT | C.VM_ENTRY_LOAD_IA32_EFER | C.VM_ENTRY_LOAD_UINV;

/** Bits of the default-1 classes that may nevertheless be 0 (what the TRUE MSRs are for). */
const PRIMARY_TRUE_FREE = C.CPU_BASED_CR3_LOAD_EXITING | C.CPU_BASED_CR3_STORE_EXITING;
const DEBUG_CONTROLS = C.VM_EXIT_SAVE_DEBUG_CONTROLS;

/** 4-level walk, UC and WB tables, 2-MiB and 1-GiB pages, INVEPT and INVVPID with all their types. */
const EPT_VPID_CAP_LOW = 0x0613_4140;
const EPT_VPID_CAP_HIGH = 0x0000_0f01;

const BASIC_HIGH = 4096 | (6 << 18) | (1 << 23);
const MISC = PREEMPTION_TIMER_RATE | (1 << 5) | (7 << 6) | (CR3_TARGETS << 16);

/** Control bits that a processor does not have, though they are modelled. */
export interface WithheldControls {
  readonly pin?: number;
  readonly primary?: number;
  readonly secondary?: number;
  readonly tertiary?: bigint;
  readonly exit?: number;
  readonly entry?: number;
}

/** The features of a processor that show in its VMX capability MSRs. */
export interface VmxFeatures {
  readonly ipiv: boolean;
  /** APIC-register virtualization, virtual-interrupt delivery, posted interrupts. */
  readonly apicv: boolean;
  /** User interrupts: UINV is switched by VM entry and VM exit. */
  readonly uintr?: boolean;
  readonly withhold?: WithheldControls;
}

const APICV_SECONDARY = C.SECONDARY_EXEC_APIC_REGISTER_VIRT | C.SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY;

export class VmxCapabilities {
  /** Controls that may be 1. */
  readonly pinAllowed1: number;
  readonly primaryAllowed1: number;
  readonly secondaryAllowed1: number;
  readonly tertiaryAllowed1: bigint;
  /** Its halves. */
  readonly tertiaryAllowed1Low: number;
  readonly tertiaryAllowed1High: number;
  readonly exitAllowed1: number;
  readonly entryAllowed1: number;
  /** Controls that must be 1, by the TRUE capability MSRs. */
  readonly pinAllowed0 = PIN_DEFAULT1;
  readonly primaryAllowed0 = PRIMARY_DEFAULT1 & ~PRIMARY_TRUE_FREE;
  readonly exitAllowed0 = EXIT_DEFAULT1 & ~DEBUG_CONTROLS;
  readonly entryAllowed0 = ENTRY_DEFAULT1 & ~DEBUG_CONTROLS;

  constructor({ ipiv, apicv, uintr = true, withhold = {} }: VmxFeatures) {
    const pin = PIN_MODELLED & ~(apicv ? 0 : C.PIN_BASED_POSTED_INTR);
    const primary = PRIMARY_MODELLED & ~(ipiv ? 0 : C.CPU_BASED_ACTIVATE_TERTIARY_CONTROLS);
    const secondary = SECONDARY_MODELLED & ~(apicv ? 0 : APICV_SECONDARY);
    this.pinAllowed1 = ((pin & ~(withhold.pin ?? 0)) | PIN_DEFAULT1) >>> 0;
    this.primaryAllowed1 = ((primary & ~(withhold.primary ?? 0)) | PRIMARY_DEFAULT1) >>> 0;
    this.secondaryAllowed1 = (secondary & ~(withhold.secondary ?? 0)) >>> 0;
    this.tertiaryAllowed1 = ipiv ? TERTIARY_MODELLED & ~(withhold.tertiary ?? 0n) : 0n;
    this.tertiaryAllowed1Low = Number(this.tertiaryAllowed1 & 0xffff_ffffn);
    this.tertiaryAllowed1High = Number(this.tertiaryAllowed1 >> 32n);
    const exit = EXIT_MODELLED & ~(uintr ? 0 : C.VM_EXIT_CLEAR_UINV);
    const entry = ENTRY_MODELLED & ~(uintr ? 0 : C.VM_ENTRY_LOAD_UINV);
    this.exitAllowed1 = ((exit & ~(withhold.exit ?? 0)) | EXIT_DEFAULT1) >>> 0;
    this.entryAllowed1 = ((entry & ~(withhold.entry ?? 0)) | ENTRY_DEFAULT1) >>> 0;
  }

  /** Value of a capability MSR, or null where reading it is #GP(0). */
  read(msr: number): bigint | null {
    switch (msr) {
      case MSR_IA32_VMX_BASIC:
        return words(BASIC_HIGH, VMCS_REVISION);
      case MSR_IA32_VMX_PINBASED_CTLS:
        return words(this.pinAllowed1, PIN_DEFAULT1);
      case MSR_IA32_VMX_TRUE_PINBASED_CTLS:
        return words(this.pinAllowed1, this.pinAllowed0);
      case MSR_IA32_VMX_PROCBASED_CTLS:
        return words(this.primaryAllowed1, PRIMARY_DEFAULT1);
      case MSR_IA32_VMX_TRUE_PROCBASED_CTLS:
        return words(this.primaryAllowed1, this.primaryAllowed0);
      case MSR_IA32_VMX_EXIT_CTLS:
        return words(this.exitAllowed1, EXIT_DEFAULT1);
      case MSR_IA32_VMX_TRUE_EXIT_CTLS:
        return words(this.exitAllowed1, this.exitAllowed0);
      case MSR_IA32_VMX_ENTRY_CTLS:
        return words(this.entryAllowed1, ENTRY_DEFAULT1);
      case MSR_IA32_VMX_TRUE_ENTRY_CTLS:
        return words(this.entryAllowed1, this.entryAllowed0);
      case MSR_IA32_VMX_MISC:
        return words(0, MISC);
      case MSR_IA32_VMX_CR0_FIXED0:
        return words(0, CR0_FIXED0);
      case MSR_IA32_VMX_CR0_FIXED1:
        return words(0, CR0_FIXED1);
      case MSR_IA32_VMX_CR4_FIXED0:
        return words(0, CR4_FIXED0);
      case MSR_IA32_VMX_CR4_FIXED1:
        return words(0, CR4_FIXED1);
      case MSR_IA32_VMX_VMCS_ENUM:
        return words(0, this.#highestIndex << 1);
      default:
        return this.#readLater(msr);
    }
  }

  /** The MSRs that exist only where an activating control may be 1. */
  #readLater(msr: number): bigint | null {
    const secondary = (this.primaryAllowed1 & C.CPU_BASED_ACTIVATE_SECONDARY_CONTROLS) !== 0;
    if (msr === MSR_IA32_VMX_PROCBASED_CTLS2 && secondary) return words(this.secondaryAllowed1, 0);
    const eptOrVpid = this.secondaryAllowed1 & (C.SECONDARY_EXEC_ENABLE_EPT | C.SECONDARY_EXEC_ENABLE_VPID);
    if (msr === MSR_IA32_VMX_EPT_VPID_CAP && eptOrVpid !== 0) return words(EPT_VPID_CAP_HIGH, EPT_VPID_CAP_LOW);
    const tertiary = (this.primaryAllowed1 & C.CPU_BASED_ACTIVATE_TERTIARY_CONTROLS) !== 0;
    if (msr === MSR_IA32_VMX_PROCBASED_CTLS3 && tertiary) return this.tertiaryAllowed1;
    return null;
  }

  /** Whether the processor has a VMCS field: it does where some control that uses it may be 1. */
  supportsField(encoding: number): boolean {
    const users = FIELD_USERS.get(encoding & ~1);
    return users === undefined || users.some((user) => this.#may(user));
  }

  /** The highest index of a field that the processor has: IA32_VMX_VMCS_ENUM. */
  get #highestIndex(): number {
    const fields = Object.values(VMCS_FIELD).filter((encoding) => this.supportsField(encoding));
    return Math.max(...fields.map((encoding) => (encoding >>> 1) & 0x1ff));
  }

  #may([word, bit]: Control): boolean {
    if (word === 'tertiary') return (this.tertiaryAllowed1 & BigInt(bit)) !== 0n;
    return (this.#allowed1(word) & bit) !== 0;
  }

  #allowed1(word: Exclude<Control[0], 'tertiary'>): number {
    switch (word) {
      case 'pin':
        return this.pinAllowed1;
      case 'primary':
        return this.primaryAllowed1;
      case 'secondary':
        return this.secondaryAllowed1;
      case 'exit':
        return this.exitAllowed1;
      case 'entry':
        return this.entryAllowed1;
    }
  }
}

type Control = readonly [word: 'pin' | 'primary' | 'secondary' | 'tertiary' | 'exit' | 'entry', bit: number];

const F = VMCS_FIELD;

/** Fields that not every processor has, with the controls that use them. */
// prettier-ignore
const FIELD_USERS: ReadonlyMap<number, readonly Control[]> = new Map<number, readonly Control[]>([
  [F.VIRTUAL_PROCESSOR_ID,        [['secondary', C.SECONDARY_EXEC_ENABLE_VPID]]],
  [F.POSTED_INTR_NV,              [['pin', C.PIN_BASED_POSTED_INTR]]],
  [F.POSTED_INTR_DESC_ADDR,       [['pin', C.PIN_BASED_POSTED_INTR]]],
  [F.EPTP_INDEX,                  [['secondary', C.SECONDARY_EXEC_EPT_VIOLATION_VE]]],
  [F.VE_INFORMATION_ADDRESS,      [['secondary', C.SECONDARY_EXEC_EPT_VIOLATION_VE]]],
  [F.HLAT_PREFIX_SIZE,            [['tertiary', C.TERTIARY_EXEC_ENABLE_HLAT]]],
  [F.HLAT_POINTER,                [['tertiary', C.TERTIARY_EXEC_ENABLE_HLAT]]],
  [F.LAST_PID_POINTER_INDEX,      [['tertiary', C.TERTIARY_EXEC_IPI_VIRT]]],
  [F.PID_POINTER_TABLE,           [['tertiary', C.TERTIARY_EXEC_IPI_VIRT]]],
  [F.SPEC_CTRL_MASK,              [['tertiary', C.TERTIARY_EXEC_VIRTUALIZE_SPEC_CTRL]]],
  [F.SPEC_CTRL_SHADOW,            [['tertiary', C.TERTIARY_EXEC_VIRTUALIZE_SPEC_CTRL]]],
  [F.TERTIARY_VM_EXEC_CONTROL,    [['primary', C.CPU_BASED_ACTIVATE_TERTIARY_CONTROLS]]],
  [F.SECONDARY_VM_EXEC_CONTROL,   [['primary', C.CPU_BASED_ACTIVATE_SECONDARY_CONTROLS]]],
  [F.SECONDARY_VM_EXIT_CONTROLS,  [['exit', C.VM_EXIT_ACTIVATE_SECONDARY_CONTROLS]]],
  [F.MSR_BITMAP,                  [['primary', C.CPU_BASED_USE_MSR_BITMAPS]]],
  [F.VIRTUAL_APIC_PAGE_ADDR,      [['primary', C.CPU_BASED_TPR_SHADOW]]],
  [F.TPR_THRESHOLD,               [['primary', C.CPU_BASED_TPR_SHADOW]]],
  [F.APIC_ACCESS_ADDR,            [['secondary', C.SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES]]],
  [F.GUEST_INTR_STATUS,           [['secondary', C.SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY]]],
  [F.EOI_EXIT_BITMAP0,            [['secondary', C.SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY]]],
  [F.EOI_EXIT_BITMAP1,            [['secondary', C.SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY]]],
  [F.EOI_EXIT_BITMAP2,            [['secondary', C.SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY]]],
  [F.EOI_EXIT_BITMAP3,            [['secondary', C.SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY]]],
  [F.EPT_POINTER,                 [['secondary', C.SECONDARY_EXEC_ENABLE_EPT]]],
  [F.GUEST_PHYSICAL_ADDRESS,      [['secondary', C.SECONDARY_EXEC_ENABLE_EPT]]],
  [F.GUEST_PDPTR0,                [['secondary', C.SECONDARY_EXEC_ENABLE_EPT]]],
  [F.GUEST_PDPTR1,                [['secondary', C.SECONDARY_EXEC_ENABLE_EPT]]],
  [F.GUEST_PDPTR2,                [['secondary', C.SECONDARY_EXEC_ENABLE_EPT]]],
  [F.GUEST_PDPTR3,                [['secondary', C.SECONDARY_EXEC_ENABLE_EPT]]],
  [F.VM_FUNCTION_CONTROL,         [['secondary', C.SECONDARY_EXEC_ENABLE_VMFUNC]]],
  [F.EPTP_LIST_ADDRESS,           [['secondary', C.SECONDARY_EXEC_ENABLE_VMFUNC]]],
  [F.GUEST_PML_INDEX,             [['secondary', C.SECONDARY_EXEC_ENABLE_PML]]],
  [F.PML_ADDRESS,                 [['secondary', C.SECONDARY_EXEC_ENABLE_PML]]],
  [F.VMREAD_BITMAP,               [['secondary', C.SECONDARY_EXEC_SHADOW_VMCS]]],
  [F.VMWRITE_BITMAP,              [['secondary', C.SECONDARY_EXEC_SHADOW_VMCS]]],
  [F.XSS_EXIT_BITMAP,             [['secondary', C.SECONDARY_EXEC_ENABLE_XSAVES]]],
  [F.ENCLS_EXITING_BITMAP,        [['secondary', C.SECONDARY_EXEC_ENCLS_EXITING]]],
  [F.ENCLV_EXITING_BITMAP,        [['secondary', C.SECONDARY_EXEC_ENCLV_EXITING]]],
  [F.SPP_TABLE_POINTER,           [['secondary', C.SECONDARY_EXEC_SUB_PAGE_PERMISSIONS]]],
  [F.TSC_MULTIPLIER,              [['secondary', C.SECONDARY_EXEC_TSC_SCALING]]],
  [F.PLE_GAP,                     [['secondary', C.SECONDARY_EXEC_PAUSE_LOOP_EXITING]]],
  [F.PLE_WINDOW,                  [['secondary', C.SECONDARY_EXEC_PAUSE_LOOP_EXITING]]],
  [F.NOTIFY_WINDOW,               [['secondary', C.SECONDARY_EXEC_NOTIFY_VM_EXITING]]],
  [F.VMX_PREEMPTION_TIMER_VALUE,  [['pin', C.PIN_BASED_VMX_PREEMPTION_TIMER]]],
  [F.GUEST_IA32_PAT,              [['entry', C.VM_ENTRY_LOAD_IA32_PAT], ['exit', C.VM_EXIT_SAVE_IA32_PAT]]],
  [F.GUEST_IA32_EFER,             [['entry', C.VM_ENTRY_LOAD_IA32_EFER], ['exit', C.VM_EXIT_SAVE_IA32_EFER]]],
  [F.GUEST_IA32_PERF_GLOBAL_CTRL, [['entry', C.VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL]]],
  [F.GUEST_BNDCFGS,               [['entry', C.VM_ENTRY_LOAD_BNDCFGS], ['exit', C.VM_EXIT_CLEAR_BNDCFGS]]],
  [F.GUEST_IA32_RTIT_CTL,         [['entry', C.VM_ENTRY_LOAD_IA32_RTIT_CTL], ['exit', C.VM_EXIT_CLEAR_IA32_RTIT_CTL]]],
  [F.GUEST_UINV,                  [['entry', C.VM_ENTRY_LOAD_UINV], ['exit', C.VM_EXIT_CLEAR_UINV]]],
  [F.HOST_IA32_PAT,               [['exit', C.VM_EXIT_LOAD_IA32_PAT]]],
  [F.HOST_IA32_EFER,              [['exit', C.VM_EXIT_LOAD_IA32_EFER]]],
  [F.HOST_IA32_PERF_GLOBAL_CTRL,  [['exit', C.VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL]]],
]);

function words(high: number, low: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}
