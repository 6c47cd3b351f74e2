/** Combinations that no machine or no KVM can have. KVM's own silent fall-backs are not among them. */
import { workload } from '../guest/workloads.js';
import { isProgramCase, type ImageCaseOptions } from './image-options.js';
import type { Impossible } from './machine-result.js';
import type { MachineOptions } from './machine-options.js';
import { KVM_BEHAVIOUR } from '../hypervisor/kvm-parameters.js';

/** Most physical CPUs that one emulated host is given memory for. */
export const MOST_CPUS = 256;

/**
 * Everything that is impossible about `options`. An empty list means that `runMachine` can run it, or `runImageCase` if
 * the image can be loaded.
 */
export function impossibilities(options: MachineOptions | ImageCaseOptions): Impossible[] {
  const own = isProgramCase(options)
    ? PROGRAM_RULES.map((rule) => rule(options))
    : IMAGE_RULES.map((rule) => rule(options));
  const shared = RULES.map((rule) => rule(options));
  return [...own, ...shared].filter((each) => each !== null);
}

/** What a built-in program needs. */
const PROGRAM_RULES: readonly ((options: MachineOptions) => Impossible | null)[] = [
  ({ workload: name, vcpus }) => {
    const { minimumVcpus } = workload(name);
    return vcpus < minimumVcpus
      ? impossible(
          ['vcpus'],
          `workload ${name} needs at least ${String(minimumVcpus)} vCPUs, not ${String(vcpus)}`,
          `set vcpus to ${String(minimumVcpus)} or more`,
        )
      : null;
  },
  ({ workload, cpu }) =>
    workload === 'senduipi' && !cpu.uintr
      ? impossible(['cpu', 'uintr'], 'workload senduipi needs user interrupts', 'set cpu.uintr to true')
      : null,
  // An event that VM entry injects goes through the IDT: no user interrupt is recognized.
  ({ workload, kvm }) =>
    workload === 'senduipi' && !kvm.enableApicv
      ? impossible(
          ['kvm', 'enableApicv'],
          'workload senduipi needs APICv: notifications that KVM injects are ordinary interrupts',
          'set kvm.enableApicv to true',
        )
      : null,
  ({ workload: name, apHaltPolicy }) => {
    const { apHaltPolicies } = workload(name);
    return apHaltPolicies.includes(apHaltPolicy)
      ? null
      : impossible(
          ['apHaltPolicy'],
          `workload ${name} cannot idle with ${apHaltPolicy}`,
          `set apHaltPolicy to ${apHaltPolicies.join(' or ')}`,
        );
  },
  ({ workload: name, apPhase }) =>
    apPhase > 0 && !workload(name).hasHandler
      ? impossible(
          ['apPhase'],
          `workload ${name} has no handler that returns to an idle loop`,
          'leave apPhase out, or choose workload ipi or ipi-halt',
        )
      : null,
];

/** The clocks of the board count whole ticks: see platform/oscillator.ts. */
const BOARD_KHZ_BELOW = 2 ** 33 / 1000;

/** What an image needs. */
const IMAGE_RULES: readonly ((options: ImageCaseOptions) => Impossible | null)[] = [
  ({ host: { tscGHz } }) => {
    const kilohertz = tscGHz * 1e6;
    const isWhole = Math.abs(kilohertz - Math.round(kilohertz)) < 1e-3;
    return isWhole && kilohertz >= 1 && kilohertz < BOARD_KHZ_BELOW
      ? null
      : impossible(
          ['host', 'tscGHz'],
          `an image needs a TSC of whole kilohertz, below 8.5 GHz, not ${String(tscGHz)} GHz`,
          'give host.tscGHz at most six decimals',
        );
  },
];

/** What holds whatever the guest runs. */
const RULES: readonly ((options: MachineOptions | ImageCaseOptions) => Impossible | null)[] = [
  ({ ipiv, kvm }) =>
    ipiv && !kvm.enableApicv
      ? impossible(
          ['ipiv'],
          'IPI virtualization needs APICv, which kvm.enableApicv=false turns off',
          'set ipiv to false, or kvm.enableApicv to true',
        )
      : null,
  ({ ipiv, cpu }) =>
    ipiv && !cpu.ipiv
      ? impossible(
          ['ipiv'],
          'this processor has no IPI virtualization (cpu.ipiv is false)',
          'set ipiv to false, or cpu.ipiv to true',
        )
      : null,
  ({ vcpus, kvm }) => {
    const { maxVcpus } = KVM_BEHAVIOUR[kvm.version];
    return vcpus > maxVcpus
      ? impossible(
          ['vcpus'],
          `KVM ${kvm.version} has at most ${String(maxVcpus)} vCPUs, not ${String(vcpus)}`,
          `set vcpus to ${String(maxVcpus)} or less, or choose another kvm.version`,
        )
      : null;
  },
  ({ vcpus }) =>
    vcpus > MOST_CPUS
      ? impossible(
          ['vcpus'],
          `the emulated host has at most ${String(MOST_CPUS)} CPUs, one per vCPU, not ${String(vcpus)}`,
          `set vcpus to ${String(MOST_CPUS)} or less`,
        )
      : null,
  ({ vcpus, apicMode }) =>
    apicMode === 'xapic' && vcpus > 255
      ? impossible(
          ['vcpus'],
          `xAPIC IDs are 8 bits wide: at most 255 vCPUs, not ${String(vcpus)}`,
          'set vcpus to 255 or less, or apicMode to x2apic',
        )
      : null,
  ({ vcpus, host }) =>
    host.pcpus !== null && host.pcpus < vcpus
      ? impossible(
          ['host', 'pcpus'],
          `host.pcpus is ${String(host.pcpus)}, fewer than the ${String(vcpus)} vCPUs: each is pinned to a CPU of its own`,
          'raise host.pcpus, or leave it out',
        )
      : null,
  ({ host }) =>
    host.pcpus !== null && host.pcpus > MOST_CPUS
      ? impossible(
          ['host', 'pcpus'],
          `the emulated host has at most ${String(MOST_CPUS)} CPUs`,
          `set host.pcpus to ${String(MOST_CPUS)} or less`,
        )
      : null,
  ({ kvm, vcpus }) => {
    const { maxVcpuIds, maxVcpuIdSettable } = KVM_BEHAVIOUR[kvm.version];
    if (kvm.maxVcpuIds === null) return null;
    if (!maxVcpuIdSettable) {
      return impossible(
        ['kvm', 'maxVcpuIds'],
        `KVM ${kvm.version} has no KVM_CAP_MAX_VCPU_ID`,
        'leave kvm.maxVcpuIds out, or choose kvm.version 5.19 or 6.12',
      );
    }
    return kvm.maxVcpuIds < vcpus || kvm.maxVcpuIds > maxVcpuIds
      ? impossible(
          ['kvm', 'maxVcpuIds'],
          `kvm.maxVcpuIds is ${String(kvm.maxVcpuIds)}, not from vcpus (${String(vcpus)}) to KVM's ${String(maxVcpuIds)}`,
          'choose a number in that range, or leave it out',
        )
      : null;
  },
];

function impossible(path: readonly string[], message: string, hint: string): Impossible {
  return { path, message, hint };
}
