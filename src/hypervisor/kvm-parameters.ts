/**
 * The parameters of kvm and kvm_intel, the capabilities user space sets on a VM, and what differs between the modelled
 * versions of KVM: the v1 posting of IPI virtualization (16 Jul 2021, on 5.14), Linux 5.19 (v9, as merged), Linux 6.12.
 *
 * Sources: arch/x86/kvm/vmx/vmx.c, arch/x86/kvm/lapic.c and virt/kvm/kvm_main.c of those versions; the postings on the
 * KVM list for v1. Left out: parameters that nothing modelled depends on (ept, vpid and unrestricted_guest are on).
 */

export type KvmVersion = 'v1' | '5.19' | '6.12';

/** KVM_CAP_X86_DISABLE_EXITS: instructions that do not exit in this VM. */
export interface DisabledExits {
  readonly mwait: boolean;
  readonly hlt: boolean;
  readonly pause: boolean;
}

export interface KvmParameters {
  readonly version: KvmVersion;
  /** kvm_intel.enable_apicv */
  readonly enableApicv: boolean;
  /** kvm_intel.enable_ipiv; falls silently off without APICv or without the processor's control. */
  readonly enableIpiv: boolean;
  /** kvm_intel.flexpriority: TPR shadow and virtualization of memory-mapped APIC accesses. */
  readonly flexpriority: boolean;
  /** kvm.halt_poll_ns and its companions, virt/kvm/kvm_main.c; nanoseconds, factors. */
  readonly haltPollNs: number;
  readonly haltPollNsGrow: number;
  readonly haltPollNsGrowStart: number;
  readonly haltPollNsShrink: number;
  /** kvm_intel.ple_gap, cycles; 0 turns PAUSE-loop exiting off. */
  readonly pleGap: number;
  /** kvm_intel.ple_window, cycles, with growth per exit and its limit. */
  readonly pleWindow: number;
  readonly pleWindowGrow: number;
  readonly pleWindowShrink: number;
  readonly pleWindowMax: number;
  /** kvm_intel.preemption_timer */
  readonly preemptionTimer: boolean;
  /** kvm_intel.dump_invalid_vmcs */
  readonly dumpInvalidVmcs: boolean;
  /** KVM runs on Hyper-V and uses the enlightened VMCS. */
  readonly evmcs: boolean;
  /** User interrupts are given to the guest: UINTR MSRs pass through, UINV is switched at entry and exit. */
  readonly uintr: boolean;
  /** Speculation controls are written on every exit and entry. */
  readonly mitigations: boolean;
  /** KVM_CAP_MAX_VCPU_ID; null leaves the version's KVM_MAX_VCPU_IDS. */
  readonly maxVcpuIds: number | null;
  readonly disableExits: DisabledExits;
}

export const DEFAULT_KVM_PARAMETERS: KvmParameters = {
  version: '5.19',
  enableApicv: true,
  enableIpiv: true,
  flexpriority: true,
  haltPollNs: 200_000,
  haltPollNsGrow: 2,
  haltPollNsGrowStart: 10_000,
  haltPollNsShrink: 0,
  pleGap: 128,
  pleWindow: 4096,
  pleWindowGrow: 2,
  pleWindowShrink: 0,
  pleWindowMax: 0xffff_ffff,
  preemptionTimer: true,
  dumpInvalidVmcs: false,
  evmcs: false,
  uintr: false,
  mitigations: false,
  maxVcpuIds: null,
  disableExits: { mwait: false, hlt: false, pause: false },
};

/** kvm.min_timer_period_us, 200 by default: no periodic timer of a guest is faster, nor is the PIT's. */
export const MIN_TIMER_PERIOD_NS = 200_000;

/** Parameters as loaded with the given ones set and all others at their defaults. */
export function kvmParameters(set: Partial<KvmParameters> = {}): KvmParameters {
  return { ...DEFAULT_KVM_PARAMETERS, ...set };
}

/** What a version of KVM does where versions differ. */
export interface KvmBehaviour {
  /** The tertiary set is requested only with enable_ipiv and must fit (v1), or always, and is cleared at use time. */
  readonly tertiaryRequest: 'if-enabled' | 'always';
  /** v1 keeps the vCPU's tertiary value in a 32-bit local: bits 63:32 are lost. */
  readonly tertiaryLocalBits: 32 | 64;
  /** `ipi_virt` stands in the vmx flags of /proc/cpuinfo: shown from v9 on, hidden before. */
  readonly showsIpiVirt: boolean;
  /** dump_vmcs prints the control words on one line (v1) or on two, reordered. */
  readonly dumpControlLine: 'one' | 'two';
  /** Enlightened VMCS: controls it lacks are listed (blacklist), or those it has (whitelist, from 6.3, warns). */
  readonly evmcsFilter: 'blacklist' | 'whitelist';

  /** Exit 56/300H in x2APIC mode: high half to ICR2, low half to ICR (v1), or one 64-bit value sent directly. */
  readonly x2apicIcrExit: 'split' | 'whole';
  /** The handler of that exit clears the busy bit (12) first: from 6.7. */
  readonly clearsIcrBusy: boolean;
  /** Reserved bits of a virtualized x2APIC ICR are checked in software as well: from 6.12. */
  readonly checksIcrReserved: boolean;
  /** WRMSR-ICR fastpath ends in a full run-loop tail, or (from 6.12) straight in VM entry. */
  readonly icrFastpath: 'exit-handled' | 'reenter-guest';
  /** CR0.WP is the guest's own with EPT (KVM_LAZY_CR0_GUEST_BITS): from 6.4. */
  readonly guestOwnsCr0Wp: boolean;
  /** Bits of IA32_MISC_ENABLE that describe the PMU are read-only: from 6.0. */
  readonly protectsMiscEnable: boolean;
  /** HLT with an event already pending re-enters at once: from 6.12. */
  readonly hltFastpath: boolean;

  /** KVM_MAX_VCPUS. */
  readonly maxVcpus: number;
  /** KVM_MAX_VCPU_IDS (v1: KVM_MAX_VCPU_ID). */
  readonly maxVcpuIds: number;
  /** KVM_ENABLE_CAP(KVM_CAP_MAX_VCPU_ID) exists: from 5.19 (it came with the series). */
  readonly maxVcpuIdSettable: boolean;
  /** PID-pointer table: for every VM at its creation (v1), or before the first vCPU if the irqchip is in the kernel. */
  readonly pidTableAllocation: 'vm-init' | 'first-vcpu';
  /** The last PID-pointer index is the greatest ID count itself (v1, saved by page rounding) or one less. */
  readonly lastPidPointerIndex: 'max-ids' | 'max-ids-minus-1';
  /** PID-pointer entries are written during VMCS initialization with APICv active (v1), or at vCPU creation. */
  readonly pidEntryInstallation: 'vmcs-init' | 'vcpu-creation';
  /** VMCS fields 2042H and 0008H are written only with APICv active (v1), or whenever IPIv is usable. */
  readonly pidFields: 'apicv-active' | 'ipiv-usable';
  /** A changed xAPIC ID goes unnoticed (v1), or inhibits APICv for the VM. */
  readonly apicIdChange: 'ignored' | 'inhibits-apicv';
  /** NV is switched to the wakeup vector by pre_block, before halt polling (v1), or at scheduled-out "put". */
  readonly wakeupArming: 'pre-block' | 'put';
}

/** By version; the comment beside each property of KvmBehaviour says what the values mean and where they come from. */
export const KVM_BEHAVIOUR: Readonly<Record<KvmVersion, KvmBehaviour>> = {
  v1: {
    tertiaryRequest: 'if-enabled',
    tertiaryLocalBits: 32,
    showsIpiVirt: false,
    dumpControlLine: 'one',
    evmcsFilter: 'blacklist',
    x2apicIcrExit: 'split',
    clearsIcrBusy: false,
    checksIcrReserved: false,
    icrFastpath: 'exit-handled',
    guestOwnsCr0Wp: false,
    protectsMiscEnable: false,
    hltFastpath: false,
    maxVcpus: 288,
    maxVcpuIds: 1023,
    maxVcpuIdSettable: false,
    pidTableAllocation: 'vm-init',
    lastPidPointerIndex: 'max-ids',
    pidEntryInstallation: 'vmcs-init',
    pidFields: 'apicv-active',
    apicIdChange: 'ignored',
    wakeupArming: 'pre-block',
  },
  '5.19': {
    tertiaryRequest: 'always',
    tertiaryLocalBits: 64,
    showsIpiVirt: true,
    dumpControlLine: 'two',
    evmcsFilter: 'blacklist',
    x2apicIcrExit: 'whole',
    clearsIcrBusy: false,
    checksIcrReserved: false,
    icrFastpath: 'exit-handled',
    guestOwnsCr0Wp: false,
    protectsMiscEnable: false,
    hltFastpath: false,
    maxVcpus: 1024,
    maxVcpuIds: 4096,
    maxVcpuIdSettable: true,
    pidTableAllocation: 'first-vcpu',
    lastPidPointerIndex: 'max-ids-minus-1',
    pidEntryInstallation: 'vcpu-creation',
    pidFields: 'ipiv-usable',
    apicIdChange: 'inhibits-apicv',
    wakeupArming: 'put',
  },
  '6.12': {
    tertiaryRequest: 'always',
    tertiaryLocalBits: 64,
    showsIpiVirt: true,
    dumpControlLine: 'two',
    evmcsFilter: 'whitelist',
    x2apicIcrExit: 'whole',
    clearsIcrBusy: true,
    checksIcrReserved: true,
    icrFastpath: 'reenter-guest',
    guestOwnsCr0Wp: true,
    protectsMiscEnable: true,
    hltFastpath: true,
    maxVcpus: 1024,
    maxVcpuIds: 4096,
    maxVcpuIdSettable: true,
    pidTableAllocation: 'first-vcpu',
    lastPidPointerIndex: 'max-ids-minus-1',
    pidEntryInstallation: 'vcpu-creation',
    pidFields: 'ipiv-usable',
    apicIdChange: 'inhibits-apicv',
    wakeupArming: 'put',
  },
};
