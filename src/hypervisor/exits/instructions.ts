/**
 * Exits of instructions that KVM emulates in a few lines: CPUID (10), HLT (12), INVD (13), RDPMC (15), MWAIT (36),
 * MONITOR (39), PAUSE (40), WBINVD (54), XSETBV (55), and VMX instructions. Follows kvm_emulate_cpuid, kvm_emulate_halt,
 * handle_pause, kvm_emulate_as_nop, kvm_emulate_wbinvd, kvm_emulate_xsetbv, kvm_emulate_rdpmc, handle_vmx_instruction.
 *
 * Left out: directed yield to a preempted vCPU (every vCPU has a CPU of its own), and a virtual PMU.
 */
import { STEP } from '../../cost/step.js';
import { VECTOR_GP, VECTOR_UD } from '../../hardware/cpu/exception-vector.js';
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
const XCR0_X87 = 1;
const XCR0_SSE = 2;

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

/** Without devices that bypass the caches there is nothing to write back. */
export function handleWbinvd(host: HostCpu): ExitResult {
  host.cpu.charge(STEP.WBINVD_HANDLER);
  skipInstruction(host);
  return EXIT_CONTINUES;
}

/** The processor has checked CPL. Only XCR0 with x87, or x87 and SSE, exists. */
export function handleXsetbv(host: HostCpu): ExitResult {
  const { cpu } = host;
  cpu.charge(STEP.MSR_HANDLER);
  const value = cpu.gprLow(RAX);
  const exists = cpu.gprLow(RCX) === 0 && cpu.gprLow(RDX) === 0 && (value & ~(XCR0_X87 | XCR0_SSE)) === 0;
  if (!exists || (value & XCR0_X87) === 0) {
    host.vcpu.queueException(VECTOR_GP, 0);
    return EXIT_CONTINUES;
  }
  cpu.msrs.xcr0 = value;
  skipInstruction(host);
  return EXIT_CONTINUES;
}

/** No counter exists. */
export function handleRdpmc(host: HostCpu): ExitResult {
  host.vcpu.queueException(VECTOR_GP, 0);
  return EXIT_CONTINUES;
}

export function handleInvalidOpcode(host: HostCpu): ExitResult {
  host.vcpu.queueException(VECTOR_UD);
  return EXIT_CONTINUES;
}

/** INVD, MONITOR, MWAIT: nothing to do. */
export function handleAsNop(host: HostCpu): ExitResult {
  skipInstruction(host);
  return EXIT_CONTINUES;
}
