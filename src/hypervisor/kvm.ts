/**
 * The hypervisor on one host: loads kvm_intel (hardware_setup), creates one virtual machine and its vCPUs
 * (kvm_create_vm, vmx_vcpu_create), and runs host code on the physical CPUs.
 *
 * vCPUs are pinned, one to a physical CPU. Left out: more than one virtual machine, destruction, migration.
 */
import type { Cpu } from '../hardware/cpu/cpu.js';
import { ROOT_STOPPED, type RootSoftware, type RootState } from '../hardware/cpu/root-software.js';
import { PAGE_SIZE, type PhysicalMemory } from '../hardware/memory/physical-memory.js';
import { MSR_IA32_VMX_PINBASED_CTLS } from '../hardware/vmx/capability.js';
import { PIN_BASED_VMX_PREEMPTION_TIMER } from '../hardware/vmx/controls.js';
import { DESCRIPTOR_SIZE } from '../hardware/vmx/posted-interrupt-descriptor.js';
import { ApicvInhibits } from './apicv-inhibit.js';
import { isError } from './errno.js';
import { DEFAULT_GUEST_FEATURES, type GuestFeatures } from './guest-features.js';
import { GuestMemory } from './guest-memory.js';
import { setUpHardware, type HardwareSetup } from './hardware-setup.js';
import { describeVcpu } from './describe-vcpu.js';
import { bootHost } from './host-boot.js';
import { HostCpu } from './host-cpu.js';
import { HostMemory, type PageRange } from './host-memory.js';
import type { KernelDevices } from './kernel-devices.js';
import { kvmParameters, type KvmParameters } from './kvm-parameters.js';
import { APIC_DEFAULT_PHYS_BASE } from './lapic/registers.js';
import { Mmu } from './mmu.js';
import { MsrBitmap } from './msr-bitmap.js';
import { PidPointerTable } from './pid-pointer-table.js';
import { resetDescriptor } from './posted-interrupts.js';
import { runLoop } from './run-loop.js';
import type { UserSpace } from './user-space.js';
import { VcpuIds } from './vcpu-ids.js';
import { VcpuVmcs } from './vcpu-vmcs.js';
import { resetRegisters } from './vcpu-reset.js';
import { MP_STATE_RUNNABLE, MP_STATE_UNINITIALIZED, Vcpu } from './vcpu.js';
import type { VirtualMachine } from './virtual-machine.js';

const MSR_IA32_VMX_EPT_VPID_CAP = 0x48c;
const EPT_ACCESSED_DIRTY = 1n << 21n;

/** What a vCPU keeps of its exits, by basic reason: how many, how many an entry has followed, and the ticks until then. */
export type ExitStatistics = Readonly<Record<'exits' | 'handledExits' | 'exitTicks', ArrayLike<number>>>;

export const NO_EXITS: ExitStatistics = { exits: [], handledExits: [], exitTicks: [] };

export interface KvmOptions {
  /** Physical CPUs, after reset. */
  readonly cpus: readonly Cpu[];
  readonly memory: PhysicalMemory;
  readonly userSpace: UserSpace;
  /** What the hypervisor may allocate from: VMCSs, bitmaps, tables, descriptors and the guest's memory. */
  readonly hostMemory: PageRange;
  /** Guest-physical memory from address 0. */
  readonly guestMemoryBytes: number;
  readonly parameters?: Partial<KvmParameters>;
  /** Mode in which the host uses its local APICs (default x2apic). */
  readonly hostApicMode?: 'xapic' | 'x2apic';
  /** What the guest's CPUID shows (default: what the built-in guests need). */
  readonly guestFeatures?: GuestFeatures;
  /** In-kernel devices and ioeventfds (default: none). */
  readonly kernelDevices?: KernelDevices;
  /** TSC frequency, GHz (default 2): converts what KVM measures in nanoseconds. */
  readonly tscGHz?: number;
}

export class Kvm implements RootSoftware {
  readonly vm: VirtualMachine;
  readonly guestMemory: GuestMemory;
  /** By physical CPU, those with a vCPU. */
  readonly hosts: (HostCpu | undefined)[] = [];
  readonly #setup: HardwareSetup;
  readonly #memory: HostMemory;
  readonly #ids: VcpuIds;
  readonly #threads: (Generator<RootState, never, void> | undefined)[] = [];
  #descriptorPage = 0;

  /** Throws a RangeError when the host has no memory, an Error when the processor lacks what KVM requires. */
  constructor(options: KvmOptions) {
    const { cpus, memory, hostMemory, guestMemoryBytes, userSpace } = options;
    const [first] = cpus;
    this.#setup = hardwareSetup(first, kvmParameters(options.parameters));
    const { parameters, behaviour, config } = this.#setup;
    this.#memory = new HostMemory(memory, hostMemory);
    for (const cpu of cpus) {
      bootHost(cpu, this.#memory, config.revision, options.hostApicMode !== 'xapic');
      cpu.rootSoftware = this;
    }
    this.#ids = new VcpuIds(behaviour);
    if (parameters.maxVcpuIds !== null) check(this.#ids.enableMaxVcpuId(parameters.maxVcpuIds), 'KVM_CAP_MAX_VCPU_ID');
    this.vm = {
      parameters,
      behaviour,
      userSpace,
      mmu: this.#createMmu(first, guestMemoryBytes),
      inhibits: new ApicvInhibits(parameters.enableApicv),
      vcpus: [],
      apicAccessPage: parameters.flexpriority ? this.#memory.allocatePages() : -1,
      pidPointerTable: null,
      usesPreemptionTimer: parameters.preemptionTimer && hasPreemptionTimer(first, parameters),
      guestFeatures: options.guestFeatures ?? DEFAULT_GUEST_FEATURES,
      kernelDevices: options.kernelDevices ?? null,
      deviceTimerCpu: -1,
      tscGHz: options.tscGHz ?? 2,
    };
    this.guestMemory = new GuestMemory(memory, this.vm.mmu);
    if (this.vm.apicAccessPage >= 0) this.#addSlot(APIC_DEFAULT_PHYS_BASE, PAGE_SIZE, this.vm.apicAccessPage);
    if (behaviour.pidTableAllocation === 'vm-init') this.#allocatePidPointerTable(first);
  }

  /** What loading the module reported to the kernel log. */
  get warnings(): readonly string[] {
    return this.#setup.warnings;
  }

  /** Module parameters as they came out of hardware set-up (/sys/module/kvm_intel/parameters). */
  get parameters(): KvmParameters {
    return this.#setup.parameters;
  }

  /** APICv and IPI virtualization as they are now, for the VM. */
  get effective(): { readonly apicv: boolean; readonly ipiv: boolean } {
    const apicv = this.vm.inhibits.activated;
    return { apicv, ipiv: apicv && this.vm.parameters.enableIpiv };
  }

  #createMmu(cpu: Cpu, bytes: number): Mmu {
    const capability = cpu.vmx.capability(MSR_IA32_VMX_EPT_VPID_CAP) ?? 0n;
    const mmu = new Mmu(cpu.memory, this.#memory, (capability & EPT_ACCESSED_DIRTY) !== 0n);
    const hostPhysical = this.#memory.allocateRange(bytes);
    check(mmu.addSlot({ guestPhysical: 0, bytes, hostPhysical }), 'KVM_SET_USER_MEMORY_REGION');
    return mmu;
  }

  #addSlot(guestPhysical: number, bytes: number, hostPhysical: number): void {
    check(this.vm.mmu.addSlot({ guestPhysical, bytes, hostPhysical }), 'KVM_SET_USER_MEMORY_REGION');
  }

  #allocatePidPointerTable(cpu: Cpu): void {
    if (!this.vm.parameters.enableIpiv || this.vm.pidPointerTable !== null) return;
    this.vm.pidPointerTable = new PidPointerTable(cpu.memory, this.#memory, this.vm.behaviour, this.#ids.max);
  }

  /**
   * KVM_CREATE_VCPU on a physical CPU of its own. Throws a RangeError when the ID is not possible or the CPU taken. The
   * vCPU needs registers before the machine runs.
   */
  createVcpu(id: number, cpu: Cpu): Vcpu {
    check(this.#ids.create(id), 'KVM_CREATE_VCPU');
    if (this.hosts[cpu.id] !== undefined) throw new RangeError(`physical CPU ${String(cpu.id)} has a vCPU already`);
    this.#allocatePidPointerTable(cpu);
    const vcpu = this.#newVcpu(id, cpu);
    this.vm.vcpus.push(vcpu);
    const host = new HostCpu(cpu, this.vm, vcpu, this.hosts);
    this.hosts[cpu.id] = host;
    vcpu.apic.offersX2apic = this.vm.guestFeatures.x2apic;
    vcpu.apic.offersTscDeadline = this.vm.guestFeatures.tscDeadline;
    this.#initialize(host);
    this.#threads[cpu.id] = runLoop(host);
    return vcpu;
  }

  #newVcpu(id: number, cpu: Cpu): Vcpu {
    const pages = {
      vmcs: this.#memory.allocatePages(),
      registerPage: this.#memory.allocatePages(),
      descriptor: this.#allocateDescriptor(),
      msrBitmap: this.#memory.allocatePages(),
    };
    const { uintr } = this.vm.parameters;
    const vmcs = new VcpuVmcs(cpu.vmx, this.#setup, new MsrBitmap(cpu.memory, pages.msrBitmap, { uintr }));
    return new Vcpu(id, cpu, pages, vmcs, this.vm.tscGHz);
  }

  /** Descriptors are cache lines of their own, packed into pages. */
  #allocateDescriptor(): number {
    if (this.#descriptorPage % PAGE_SIZE === 0) this.#descriptorPage = this.#memory.allocatePages();
    const descriptor = this.#descriptorPage;
    this.#descriptorPage += DESCRIPTOR_SIZE;
    return descriptor;
  }

  /** vmx_vcpu_create and vmx_vcpu_reset. */
  #initialize(host: HostCpu): void {
    const { cpu, vcpu, vm } = host;
    const { pages } = vcpu;
    vcpu.apicvActive = vm.inhibits.activated;
    vcpu.pleWindow = vm.parameters.pleWindow;
    resetDescriptor(vcpu);
    cpu.memory.write32(pages.vmcs, this.#setup.config.revision);
    cpu.vmx.vmclear(pages.vmcs);
    cpu.vmx.vmptrld(pages.vmcs);
    vcpu.vmcs.initialize({
      cpuId: cpu.id,
      vpid: vcpu.id + 1,
      eptPointer: vm.mmu.eptPointer,
      registerPage: pages.registerPage,
      apicAccessPage: vm.apicAccessPage,
      descriptor: pages.descriptor,
      pidPointerTable: vm.pidPointerTable,
      apicvActive: vcpu.apicvActive,
    });
    if (this.#installsPidEntry(vcpu)) vm.pidPointerTable?.install(vcpu.id, pages.descriptor);
  }

  /**
   * Puts a vCPU into the state after power-up: in real mode at its reset vector; but for vCPU 0 it waits for INIT and a
   * start-up IPI.
   */
  resetVcpu(vcpu: Vcpu): void {
    resetRegisters(vcpu);
    vcpu.mpState = vcpu.id === 0 ? MP_STATE_RUNNABLE : MP_STATE_UNINITIALIZED;
  }

  #installsPidEntry(vcpu: Vcpu): boolean {
    return this.vm.behaviour.pidEntryInstallation === 'vcpu-creation' || vcpu.apicvActive;
  }

  /** Bytes at the end of the host's memory that nobody has asked for yet. */
  get unusedHostMemory(): number {
    return this.#memory.available;
  }

  /** VM exits on physical CPU `cpu` so far. */
  exitStatistics(cpu: number): ExitStatistics {
    return this.hosts[cpu]?.vcpu ?? NO_EXITS;
  }

  /** Every vCPU's last exit and VMCS as dump_vmcs prints it, for reports of failures. */
  describeVcpus(): string[] {
    return this.vm.vcpus.flatMap((vcpu) => describeVcpu(vcpu, this.vm));
  }

  resume(cpu: Cpu): RootState {
    const thread = this.#threads[cpu.id];
    return thread === undefined ? ROOT_STOPPED : thread.next().value;
  }
}

function hardwareSetup(cpu: Cpu, parameters: KvmParameters): HardwareSetup {
  const setup = setUpHardware((msr) => cpu.vmx.capability(msr), parameters);
  if (typeof setup === 'number') throw new Error('the processor lacks VMX controls that KVM requires (-EIO)');
  return setup;
}

/** kvm_can_use_hv_timer; an enlightened VMCS has no preemption timer. */
function hasPreemptionTimer(cpu: Cpu, { evmcs, disableExits }: KvmParameters): boolean {
  const allowed = Number((cpu.vmx.capability(MSR_IA32_VMX_PINBASED_CTLS) ?? 0n) >> 32n);
  return !evmcs && !disableExits.mwait && (allowed & PIN_BASED_VMX_PREEMPTION_TIMER) !== 0;
}

function check(result: number, what: string): void {
  if (isError(result)) throw new RangeError(`${what} failed: error ${String(-result)}`);
}
