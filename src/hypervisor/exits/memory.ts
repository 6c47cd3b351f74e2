/**
 * Exits 48 and 49: EPT violation and EPT misconfiguration (handle_ept_violation, handle_ept_misconfig, vmx.c;
 * kvm_mmu_page_fault, mmu.c). Memory is mapped on demand; what no slot backs is a device.
 */
import { STEP } from '../../cost/step.js';
import { VMCS_FIELD } from '../../hardware/vmx/vmcs-field.js';
import type { HostCpu } from '../host-cpu.js';
import { emulateInstruction } from '../emulator/instruction-emulator.js';
import { MMU_WAIT } from '../mmu.js';
import { EXIT_CONTINUES, EXIT_WAITS, type ExitResult } from './exit-result.js';
import { skipInstruction } from './skip.js';

export function handleEptViolation(host: HostCpu): ExitResult {
  const { cpu, vm } = host;
  if (cpu.begin()) cpu.charge(STEP.EPT_VIOLATION_HANDLER);
  // A device's page is marked: the access comes again, as a misconfiguration.
  const mapped = vm.mmu.map(cpu, cpu.vmx.vmread(VMCS_FIELD.GUEST_PHYSICAL_ADDRESS));
  return mapped === MMU_WAIT ? EXIT_WAITS : EXIT_CONTINUES;
}

/** A write to the fast MMIO bus is not even decoded. */
export function handleEptMisconfiguration(host: HostCpu): ExitResult {
  const { cpu, vm } = host;
  const guestPhysical = cpu.vmx.vmread(VMCS_FIELD.GUEST_PHYSICAL_ADDRESS);
  if (vm.kernelDevices?.isFast(guestPhysical) !== true) return emulateInstruction(host, guestPhysical);
  cpu.charge(STEP.EVENTFD_SIGNAL);
  skipInstruction(host);
  return EXIT_CONTINUES;
}
