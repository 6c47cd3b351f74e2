/** Exit handlers by basic reason (kvm_vmx_exit_handlers, vmx.c). */
import { exitReasonName } from '../../hardware/vmx/exit-reason-name.js';
import * as X from '../../hardware/vmx/exit-reason.js';
import type { HostCpu } from '../host-cpu.js';
import { handleApicAccess, handleApicWrite, handleEoiInduced, handleTprBelowThreshold } from './apic.js';
import { handleCrAccess } from './control-registers.js';
import { handleDrAccess } from './debug-registers.js';
import {
  handleExceptionOrNmi,
  handleExternalInterrupt,
  handleInterruptWindow,
  handleNmiWindow,
  handleTripleFault,
} from './events.js';
import { EXIT_WAITS, type ExitResult } from './exit-result.js';
import { failInternally } from './failure.js';
import { handleVmcall } from './hypercall.js';
import {
  handleAsNop,
  handleCpuid,
  handleHlt,
  handleInvalidOpcode,
  handlePause,
  handleRdpmc,
  handleWbinvd,
  handleXsetbv,
} from './instructions.js';
import { handleIo } from './io.js';
import { handleEptMisconfiguration, handleEptViolation } from './memory.js';
import { handleMsrRead, handleMsrWrite } from './msr.js';

type Handler = (host: HostCpu) => ExitResult;

// prettier-ignore
const HANDLERS: readonly (readonly [reason: number, handler: Handler])[] = [
  [X.EXIT_REASON_EXCEPTION_NMI,        handleExceptionOrNmi],
  [X.EXIT_REASON_EXTERNAL_INTERRUPT,   handleExternalInterrupt],
  [X.EXIT_REASON_TRIPLE_FAULT,         handleTripleFault],
  [X.EXIT_REASON_INTERRUPT_WINDOW,     handleInterruptWindow],
  [X.EXIT_REASON_NMI_WINDOW,           handleNmiWindow],
  [X.EXIT_REASON_CPUID,                handleCpuid],
  [X.EXIT_REASON_HLT,                  handleHlt],
  [X.EXIT_REASON_INVD,                 handleAsNop],
  [X.EXIT_REASON_RDPMC,                handleRdpmc],
  [X.EXIT_REASON_VMCALL,               handleVmcall],
  [X.EXIT_REASON_CR_ACCESS,            handleCrAccess],
  [X.EXIT_REASON_DR_ACCESS,            handleDrAccess],
  [X.EXIT_REASON_IO_INSTRUCTION,       handleIo],
  [X.EXIT_REASON_MSR_READ,             handleMsrRead],
  [X.EXIT_REASON_MSR_WRITE,            handleMsrWrite],
  [X.EXIT_REASON_MWAIT_INSTRUCTION,    handleAsNop],
  [X.EXIT_REASON_MONITOR_INSTRUCTION,  handleAsNop],
  [X.EXIT_REASON_PAUSE_INSTRUCTION,    handlePause],
  [X.EXIT_REASON_TPR_BELOW_THRESHOLD,  handleTprBelowThreshold],
  [X.EXIT_REASON_APIC_ACCESS,          handleApicAccess],
  [X.EXIT_REASON_EOI_INDUCED,          handleEoiInduced],
  [X.EXIT_REASON_EPT_VIOLATION,        handleEptViolation],
  [X.EXIT_REASON_EPT_MISCONFIG,        handleEptMisconfiguration],
  [X.EXIT_REASON_WBINVD,               handleWbinvd],
  [X.EXIT_REASON_XSETBV,               handleXsetbv],
  [X.EXIT_REASON_APIC_WRITE,           handleApicWrite],
];

/** VMX instructions of a guest that has no VMX (handle_vmx_instruction). */
const VMX_INSTRUCTIONS: readonly number[] = [
  ...[X.EXIT_REASON_VMCLEAR, X.EXIT_REASON_VMLAUNCH, X.EXIT_REASON_VMPTRLD, X.EXIT_REASON_VMPTRST],
  ...[X.EXIT_REASON_VMREAD, X.EXIT_REASON_VMRESUME, X.EXIT_REASON_VMWRITE, X.EXIT_REASON_VMOFF],
  ...[X.EXIT_REASON_VMON, X.EXIT_REASON_INVEPT, X.EXIT_REASON_INVVPID],
];

const BY_REASON: Handler[] = [];
for (const [reason, handler] of HANDLERS) BY_REASON[reason] = handler;
for (const reason of VMX_INSTRUCTIONS) BY_REASON[reason] = handleInvalidOpcode;

/** S4's target: handles the exit recorded in the vCPU. Repeat while it answers EXIT_WAITS. */
export function handleExit(host: HostCpu): ExitResult {
  const handler = BY_REASON[host.vcpu.exitReason] as Handler | undefined;
  return handler === undefined ? handleUnexpected(host) : handler(host);
}

function handleUnexpected(host: HostCpu): ExitResult {
  if (host.cpu.clock.mustWait(host.cpu)) return EXIT_WAITS;
  return failInternally(host, `unexpected exit reason ${exitReasonName(host.vcpu.exitReason)}`);
}
