/**
 * The "vmx flags" line of /proc/cpuinfo: init_vmx_capabilities (cpu/feat_ctl.c) and the names of asm/vmxfeatures.h. A
 * feature is shown under its quoted name, else its own in lower case; an empty quoted name hides it. Words come in the
 * order misc (pin-based, EPT, VPID and synthetic bits), primary, secondary, tertiary; bits from low to high.
 *
 * Left out: features that appeared in Linux after 6.12.
 */
import {
  MSR_IA32_VMX_EPT_VPID_CAP,
  MSR_IA32_VMX_PINBASED_CTLS,
  MSR_IA32_VMX_PROCBASED_CTLS,
  MSR_IA32_VMX_PROCBASED_CTLS2,
  MSR_IA32_VMX_PROCBASED_CTLS3,
  MSR_IA32_VMX_VMFUNC,
} from '../../hardware/vmx/capability.js';
import * as C from '../../hardware/vmx/controls.js';
import { KVM_BEHAVIOUR, type KvmVersion } from '../kvm-parameters.js';
import type { Capability } from '../vmcs-config.js';

const EPT_EXECUTE_ONLY = 1 << 0;
const EPT_1GB_PAGES = 1 << 17;
const EPT_ACCESSED_DIRTY = 1 << 21;
const VPID_INVVPID = 1 << 0;
const VMFUNC_EPTP_SWITCHING = 1 << 0;

/** The allowed-1 settings that the flags are made of. */
interface Words {
  readonly pin: number;
  readonly primary: number;
  readonly secondary: number;
  readonly tertiary: number;
  readonly ept: number;
  readonly vpid: number;
  readonly vmfunc: number;
}

interface Flag {
  readonly name: string;
  readonly word: keyof Words;
  /** All of these must be set. */
  readonly bits: number;
  /** And these of other words, for synthetic flags. */
  readonly also?: Partial<Words>;
  /** Versions whose kernels show the flag. */
  readonly shownIn?: (version: KvmVersion) => boolean;
}

const APICV_SECONDARY = C.SECONDARY_EXEC_APIC_REGISTER_VIRT | C.SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY;
const showsIpiVirt = (version: KvmVersion): boolean => KVM_BEHAVIOUR[version].showsIpiVirt;
/** Notify VM exiting came with Linux 6.0. */
const showsNotify = (version: KvmVersion): boolean => version === '6.12';

// prettier-ignore
const FLAGS: readonly Flag[] = [
  { name: 'vnmi',                word: 'pin',       bits: C.PIN_BASED_VIRTUAL_NMIS },
  { name: 'preemption_timer',    word: 'pin',       bits: C.PIN_BASED_VMX_PREEMPTION_TIMER },
  { name: 'posted_intr',         word: 'pin',       bits: C.PIN_BASED_POSTED_INTR },
  { name: 'invvpid',             word: 'vpid',      bits: VPID_INVVPID },
  { name: 'ept_x_only',          word: 'ept',       bits: EPT_EXECUTE_ONLY },
  { name: 'ept_ad',              word: 'ept',       bits: EPT_ACCESSED_DIRTY },
  { name: 'ept_1gb',             word: 'ept',       bits: EPT_1GB_PAGES },
  { name: 'flexpriority',        word: 'primary',   bits: C.CPU_BASED_TPR_SHADOW,
    also: { secondary: C.SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES } },
  { name: 'apicv',               word: 'primary',   bits: C.CPU_BASED_TPR_SHADOW,
    also: { secondary: APICV_SECONDARY, pin: C.PIN_BASED_POSTED_INTR } },
  { name: 'eptp_switching',      word: 'vmfunc',    bits: VMFUNC_EPTP_SWITCHING },
  { name: 'tsc_offset',          word: 'primary',   bits: C.CPU_BASED_USE_TSC_OFFSETTING },
  { name: 'vtpr',                word: 'primary',   bits: C.CPU_BASED_TPR_SHADOW },
  { name: 'mtf',                 word: 'primary',   bits: C.CPU_BASED_MONITOR_TRAP_FLAG },
  { name: 'vapic',               word: 'secondary', bits: C.SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES },
  { name: 'ept',                 word: 'secondary', bits: C.SECONDARY_EXEC_ENABLE_EPT },
  { name: 'vpid',                word: 'secondary', bits: C.SECONDARY_EXEC_ENABLE_VPID },
  { name: 'unrestricted_guest',  word: 'secondary', bits: C.SECONDARY_EXEC_UNRESTRICTED_GUEST },
  { name: 'vapic_reg',           word: 'secondary', bits: C.SECONDARY_EXEC_APIC_REGISTER_VIRT },
  { name: 'vid',                 word: 'secondary', bits: C.SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY },
  { name: 'ple',                 word: 'secondary', bits: C.SECONDARY_EXEC_PAUSE_LOOP_EXITING },
  { name: 'shadow_vmcs',         word: 'secondary', bits: C.SECONDARY_EXEC_SHADOW_VMCS },
  { name: 'pml',                 word: 'secondary', bits: C.SECONDARY_EXEC_ENABLE_PML },
  { name: 'ept_mode_based_exec', word: 'secondary', bits: C.SECONDARY_EXEC_MODE_BASED_EPT_EXEC },
  { name: 'tsc_scaling',         word: 'secondary', bits: C.SECONDARY_EXEC_TSC_SCALING },
  { name: 'usr_wait_pause',      word: 'secondary', bits: C.SECONDARY_EXEC_ENABLE_USR_WAIT_PAUSE },
  { name: 'notify_vm_exiting',   word: 'secondary', bits: C.SECONDARY_EXEC_NOTIFY_VM_EXITING, shownIn: showsNotify },
  { name: 'ipi_virt',            word: 'tertiary',  bits: C.TERTIARY_EXEC_IPI_VIRT, shownIn: showsIpiVirt },
];

/** The flags of a processor in the order of /proc/cpuinfo. `capability` reads its VMX capability MSRs. */
export function vmxFlags(capability: Capability, version: KvmVersion): string[] {
  const words = readWords(capability);
  return FLAGS.filter((flag) => isSet(flag, words) && (flag.shownIn?.(version) ?? true)).map((flag) => flag.name);
}

/** The whole line, as /proc/cpuinfo prints it. */
export function vmxFlagsLine(capability: Capability, version: KvmVersion): string {
  return 'vmx flags\t: ' + vmxFlags(capability, version).join(' ');
}

/** MSR 492H has no allowed-0 half: both of its halves are allowed-1 settings, all named bits in the low one. */
function readWords(capability: Capability): Words {
  const low = (msr: number): number => Number((capability(msr) ?? 0n) & 0xffff_ffffn);
  const high = (msr: number): number => Number((capability(msr) ?? 0n) >> 32n);
  return {
    pin: high(MSR_IA32_VMX_PINBASED_CTLS),
    primary: high(MSR_IA32_VMX_PROCBASED_CTLS),
    secondary: high(MSR_IA32_VMX_PROCBASED_CTLS2),
    tertiary: low(MSR_IA32_VMX_PROCBASED_CTLS3),
    ept: low(MSR_IA32_VMX_EPT_VPID_CAP),
    vpid: high(MSR_IA32_VMX_EPT_VPID_CAP),
    vmfunc: low(MSR_IA32_VMX_VMFUNC),
  };
}

function isSet(flag: Flag, words: Words): boolean {
  const also = Object.entries(flag.also ?? {}) as [keyof Words, number][];
  return has(words[flag.word], flag.bits) && also.every(([word, bits]) => has(words[word], bits));
}

function has(word: number, bits: number): boolean {
  return (word & bits) >>> 0 === bits >>> 0;
}
