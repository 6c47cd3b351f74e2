/**
 * VM entry and what is read first after the exit (vmx_vcpu_enter_exit and vmx_vcpu_run, vmx.c), and an entry that fails
 * (vmx_handle_exit: KVM_EXIT_FAIL_ENTRY).
 */
import { EXIT_REASON_BASIC_MASK, EXIT_REASON_FAILED_VMENTRY } from '../../hardware/vmx/exit-reason.js';
import { VMCS_FIELD } from '../../hardware/vmx/vmcs-field.js';
import { VMX_SUCCEED, type VmxEntryResult } from '../../hardware/vmx/vmx-unit.js';
import type { HostCpu } from '../host-cpu.js';
import { traceExit } from '../tracepoints.js';
import type { ExitResult } from './exit-result.js';
import { failVcpu } from './failure.js';

/** VMLAUNCH the first time, VMRESUME from then on. VMX_WAIT: call again. */
export function enterGuest(host: HostCpu): VmxEntryResult {
  const { cpu, vcpu } = host;
  const result = vcpu.launched ? cpu.vmx.vmresume() : cpu.vmx.vmlaunch();
  if (result === VMX_SUCCEED) vcpu.launched = cpu.nonRoot !== null || vcpu.launched;
  return result;
}

/** Before VM entry: what has passed since the exit is the time of that exit, as `perf kvm stat` takes it. */
export function countExitTime({ cpu, vcpu }: HostCpu): void {
  if (vcpu.exitedAt < 0) return;
  vcpu.handledExits[vcpu.exitReason]++;
  vcpu.exitTicks[vcpu.exitReason] += cpu.now - vcpu.exitedAt;
  vcpu.exitedAt = -1;
}

/** Run-loop step 12. */
export function readExit(host: HostCpu): void {
  const { vcpu } = host;
  const { vmx } = host.cpu;
  const reason = vmx.vmreadLow(VMCS_FIELD.VM_EXIT_REASON);
  vcpu.entryFailed = (reason & EXIT_REASON_FAILED_VMENTRY) !== 0;
  vcpu.exitReason = reason & EXIT_REASON_BASIC_MASK;
  vcpu.exits[vcpu.exitReason]++;
  vcpu.exitedAt = host.cpu.now;
  traceExit(host);
}

/** KVM_EXIT_FAIL_ENTRY with the exit reason, or with the VM-instruction error (-1 without a current VMCS). */
export function reportEntryFailure(host: HostCpu): ExitResult {
  const { vmx } = host.cpu;
  const hardwareReason = host.vcpu.entryFailed
    ? vmx.vmread(VMCS_FIELD.VM_EXIT_REASON)
    : vmx.vmptrst() < 0
      ? -1
      : vmx.vmread(VMCS_FIELD.VM_INSTRUCTION_ERROR);
  return failVcpu(host, { kind: 'fail-entry', hardwareReason });
}
