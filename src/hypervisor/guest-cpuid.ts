/**
 * CPUID as the guest sees it: the processor's leaves as user space passes them on after KVM_GET_SUPPORTED_CPUID
 * (cpuid.c): the vCPU's APIC ID, no VMX, no features of KVM's own that are not modelled, and KVM's signature at
 * 40000000H.
 */
import { CR4_OSXSAVE } from '../hardware/cpu/control-register-bits.js';
import { cpuid, type CpuidResult } from '../hardware/cpu/cpuid.js';
import { VMCS_FIELD } from '../hardware/vmx/vmcs-field.js';
import type { Vcpu } from './vcpu.js';
import type { VirtualMachine } from './virtual-machine.js';

const KVM_CPUID_SIGNATURE = 0x4000_0000;
const KVM_CPUID_FEATURES = 0x4000_0001;

const ECX_VMX = 1 << 5;
/** Enhanced Intel SpeedStep, and xTPR messages: the host's. */
const ECX_EIST = 1 << 7;
const ECX_XTPR = 1 << 14;
/** KVM_FEATURE_NOP_IO_DELAY, KVM_FEATURE_PV_SEND_IPI. */
const PARAVIRTUAL_FEATURES = (1 << 1) | (1 << 11);
const ECX_X2APIC = 1 << 21;
const ECX_TSC_DEADLINE = 1 << 24;
const ECX_OSXSAVE = 1 << 27;
const ECX_HYPERVISOR = 1 << 31;
const EDX_APIC = 1 << 9;
const EDX_UINTR = 1 << 5;

/** What CPUID with EAX = `leaf` and ECX = `subleaf` returns to the guest. */
export function guestCpuid(vm: VirtualMachine, vcpu: Vcpu, leaf: number, subleaf: number): CpuidResult {
  if (leaf >= KVM_CPUID_SIGNATURE && leaf <= KVM_CPUID_FEATURES + 0xfe) return hypervisorLeaf(vm, leaf);
  const result = cpuid(vcpu.cpu, leaf, subleaf);
  if (leaf === 1) adjustFeatures(vm, vcpu, result);
  else if (leaf === 7 && subleaf === 0 && !vm.parameters.uintr) result.edx &= ~EDX_UINTR;
  else if (leaf === 0xb || leaf === 0x1f) adjustTopology(vm, vcpu, subleaf, result);
  return result;
}

/** "KVMKVMKVM", and the paravirtual features that are modelled. */
function hypervisorLeaf(vm: VirtualMachine, leaf: number): CpuidResult {
  const features = vm.guestFeatures.paravirtual && leaf === KVM_CPUID_FEATURES ? PARAVIRTUAL_FEATURES : 0;
  if (leaf !== KVM_CPUID_SIGNATURE) return { eax: features, ebx: 0, ecx: 0, edx: 0 };
  return { eax: KVM_CPUID_FEATURES, ebx: 0x4b4d_564b, ecx: 0x564b_4d56, edx: 0x4d };
}

function adjustFeatures({ guestFeatures }: VirtualMachine, vcpu: Vcpu, result: CpuidResult): void {
  const { vmx } = vcpu.cpu;
  const withheld = (guestFeatures.x2apic ? 0 : ECX_X2APIC) | (guestFeatures.tscDeadline ? 0 : ECX_TSC_DEADLINE);
  const osxsave = (vmx.vmread(VMCS_FIELD.GUEST_CR4) & CR4_OSXSAVE) !== 0 ? ECX_OSXSAVE : 0;
  result.ebx = ((result.ebx & 0x00ff_ffff) | (vcpu.id << 24)) >>> 0;
  result.ecx =
    ((result.ecx & ~(ECX_VMX | ECX_EIST | ECX_XTPR | ECX_OSXSAVE | withheld)) | ECX_HYPERVISOR | osxsave) >>> 0;
  result.edx = (vcpu.apic.enabled ? result.edx | EDX_APIC : result.edx & ~EDX_APIC) >>> 0;
}

/** One thread per core, all vCPUs in one package. */
function adjustTopology(vm: VirtualMachine, vcpu: Vcpu, subleaf: number, result: CpuidResult): void {
  result.edx = vcpu.id;
  if (subleaf > 1) return;
  const count = subleaf === 0 ? 1 : vm.vcpus.length;
  result.eax = count <= 1 ? 0 : 32 - Math.clz32(count - 1);
  result.ebx = count;
}
