/**
 * Exits of instructions that KVM emulates in a few lines: CPUID (10), HLT (12), VMCALL (18), PAUSE (40), INVD (13),
 * WBINVD (54), MONITOR (39), MWAIT (36). Follows kvm_emulate_cpuid, kvm_emulate_halt, kvm_emulate_hypercall,
 * handle_pause, kvm_emulate_as_nop.
 *
 * Left out: directed yield to a preempted vCPU (every vCPU has a CPU of its own) and the hypercalls of KVM's
 * paravirtual interface: all of them answer -KVM_ENOSYS.
 */
import { STEP } from '../../cost/step.js';
import { VMCS_FIELD } from '../../hardware/vmx/vmcs-field.js';
import type { HostCpu } from '../host-cpu.js';
import { guestCpuid } from '../guest-cpuid.js';
import { MP_STATE_HALTED } from '../vcpu.js';
import { EXIT_CONTINUES, type ExitResult } from './exit-result.js';
import { skipInstruction } from './skip.js';

const RAX = 0;
const RCX = 1;
const RDX = 2;
const RBX = 3;
const KVM_ENOSYS = 1000;

export function handleCpuid(host: HostCpu): ExitResult {
  const { cpu } = host;
  cpu.charge(STEP.CPUID_HANDLER);
  const { eax, ebx, ecx, edx } = guestCpuid(host.vm, host.vcpu, cpu.gprLow(RAX), cpu.gprLow(RCX));
  cpu.setGprWords(RAX, 0, eax);
  cpu.setGprWords(RBX, 0, ebx);
  cpu.setGprWords(RCX, 0, ecx);
  cpu.setGprWords(RDX, 0, edx);
  skipInstruction(host);
  return EXIT_CONTINUES;
}

/** S17, first part: the vCPU halts; the run loop sees to the rest. */
export function handleHlt(host: HostCpu): ExitResult {
  host.cpu.charge(STEP.HLT_HANDLER);
  skipInstruction(host);
  host.vcpu.mpState = MP_STATE_HALTED;
  return EXIT_CONTINUES;
}

export function handleVmcall(host: HostCpu): ExitResult {
  host.cpu.charge(STEP.HYPERCALL_HANDLER);
  host.cpu.setGprNumber(RAX, -KVM_ENOSYS);
  skipInstruction(host);
  return EXIT_CONTINUES;
}

/** PAUSE in a loop: the window grows, so that a vCPU that spins for good exits ever less often. */
export function handlePause(host: HostCpu): ExitResult {
  const { cpu, vcpu, vm } = host;
  const { pleGap, pleWindow, pleWindowGrow, pleWindowMax } = vm.parameters;
  cpu.charge(STEP.PAUSE_HANDLER);
  if (pleGap !== 0) {
    const grown =
      pleWindowGrow < 1
        ? pleWindow
        : pleWindowGrow < pleWindow
          ? vcpu.pleWindow * pleWindowGrow
          : vcpu.pleWindow + pleWindowGrow;
    setPleWindow(host, Math.min(grown, pleWindowMax));
  }
  skipInstruction(host);
  return EXIT_CONTINUES;
}

/** Scheduled in again: the window shrinks, by default to its start (shrink_ple_window). */
export function shrinkPleWindow(host: HostCpu): void {
  const { vcpu, vm } = host;
  const { pleGap, pleWindow, pleWindowShrink } = vm.parameters;
  if (pleGap === 0) return;
  const shrunk =
    pleWindowShrink < 1
      ? pleWindow
      : pleWindowShrink < pleWindow
        ? Math.floor(vcpu.pleWindow / pleWindowShrink)
        : vcpu.pleWindow - pleWindowShrink;
  setPleWindow(host, Math.max(shrunk, pleWindow));
}

function setPleWindow(host: HostCpu, window: number): void {
  if (window === host.vcpu.pleWindow) return;
  host.vcpu.pleWindow = window;
  host.cpu.vmx.vmwrite(VMCS_FIELD.PLE_WINDOW, window);
}

/** INVD, WBINVD, MONITOR, MWAIT: nothing to do. */
export function handleAsNop(host: HostCpu): ExitResult {
  skipInstruction(host);
  return EXIT_CONTINUES;
}
