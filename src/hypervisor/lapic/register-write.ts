/**
 * What follows from a write to a virtual local APIC's register, whichever way it came: APIC-write exit, APIC-access
 * exit, intercepted WRMSR (kvm_lapic_reg_write, kvm_apic_set_eoi, kvm_lapic_set_base).
 */
import { writeTimerRegister } from '../apic-timer.js';
import { APICV_INHIBIT_REASON_APIC_ID_MODIFIED } from '../apicv-inhibit.js';
import { EXIT_CONTINUES, EXIT_KICKS_ALL, EXIT_SENDS, type ExitResult } from '../exits/exit-result.js';
import type { HostCpu } from '../host-cpu.js';
import { sendEoi } from '../interrupt-chip.js';
import { traceApic, traceEoi, traceInhibit } from '../tracepoints.js';
import { KVM_REQ_APICV_UPDATE, KVM_REQ_EVENT, KVM_REQ_SCAN_IOAPIC } from '../vcpu.js';
import { APIC_EOI } from './registers.js';
import {
  APIC_WRITE_ID,
  APIC_WRITE_MAP,
  APIC_WRITE_PRIORITY,
  APIC_WRITE_SELF_IPI,
  APIC_WRITE_SENDS,
  APIC_WRITE_TIMER,
  type ApicWrite,
} from './vcpu-apic.js';

/** kvm_lapic_reg_write: stores `value`; what it means is for `applyApicWrite`. */
export function writeApicRegister(host: HostCpu, offset: number, value: number): ApicWrite {
  const { apic } = host.vcpu;
  traceApic(host, true, offset, value);
  const write = apic.writeRegister(offset, value);
  if (offset === APIC_EOI) traceEoi(host, apic.endedVector);
  return write;
}

/** Carries out what `write` means; visible, so the caller is next in order. */
export function applyApicWrite(host: HostCpu, write: ApicWrite): ExitResult {
  const { vcpu, request } = host;
  const { apic } = vcpu;
  switch (write) {
    case APIC_WRITE_SENDS:
      request.fromIcr(apic.icrLow, apic.icrHigh, apic.x2apic);
      return EXIT_SENDS;
    case APIC_WRITE_SELF_IPI:
      request.toSelf(apic.icrLow);
      return EXIT_SENDS;
    case APIC_WRITE_PRIORITY:
      vcpu.requests |= KVM_REQ_EVENT;
      return apic.endedVector < 0 ? EXIT_CONTINUES : sendEoi(host, apic.endedVector);
    case APIC_WRITE_MAP:
      return rescanIoApic(host);
    case APIC_WRITE_TIMER:
      writeTimerRegister(host, apic.writtenOffset);
      return EXIT_CONTINUES;
    case APIC_WRITE_ID:
      return inhibitApicv(host);
    default:
      return EXIT_CONTINUES;
  }
}

/** kvm_recalculate_apic_map: where the I/O APIC's interrupts go may have changed with it. */
export function rescanIoApic(host: HostCpu): ExitResult {
  if (host.vm.kernelDevices === null) return EXIT_CONTINUES;
  host.broadcast = KVM_REQ_SCAN_IOAPIC;
  return EXIT_KICKS_ALL;
}

/** kvm_lapic_xapic_id_updated: the PID-pointer table is indexed by an ID that is no longer the vCPU's. */
function inhibitApicv(host: HostCpu): ExitResult {
  if (host.vm.behaviour.apicIdChange === 'ignored') return EXIT_CONTINUES;
  const deactivates = host.vm.inhibits.set(APICV_INHIBIT_REASON_APIC_ID_MODIFIED);
  traceInhibit(host, APICV_INHIBIT_REASON_APIC_ID_MODIFIED);
  if (!deactivates) return EXIT_CONTINUES;
  host.broadcast = KVM_REQ_APICV_UPDATE;
  return EXIT_KICKS_ALL;
}
