/**
 * Exit 28: MOV to and from control registers, CLTS, LMSW (handle_cr, vmx.c; kvm_set_cr0 and its kin, x86.c). With EPT
 * only writes that change bits KVM owns come here, and CR8 without a TPR shadow.
 *
 * Left out: leaving 64-bit mode, #GP for reserved bits.
 */
import { STEP } from '../../cost/step.js';
import { VMCS_FIELD } from '../../hardware/vmx/vmcs-field.js';
import { writeCr0, writeCr4 } from '../guest-state.js';
import type { HostCpu } from '../host-cpu.js';
import { APIC_TASKPRI } from '../lapic/registers.js';
import { KVM_REQ_EVENT } from '../vcpu.js';
import { EXIT_CONTINUES, EXIT_WAITS, type ExitResult } from './exit-result.js';
import { failInternally } from './failure.js';
import { skipInstruction } from './skip.js';

const ACCESS_MOV_TO = 0;
const ACCESS_MOV_FROM = 1;
const ACCESS_CLTS = 2;
const RSP = 4;
const CR0_TS = 1 << 3;
const CR0_LMSW = 0xf;

export function handleCrAccess(host: HostCpu): ExitResult {
  const { cpu, vcpu } = host;
  if (cpu.begin()) cpu.charge(STEP.CR_ACCESS_HANDLER);
  if (cpu.clock.mustWait(cpu)) return EXIT_WAITS;
  const { exitQualification } = vcpu;
  const cr = exitQualification & 0xf;
  const register = (exitQualification >>> 8) & 0xf;
  switch ((exitQualification >>> 4) & 3) {
    case ACCESS_MOV_TO:
      if (!writeControlRegister(host, cr, register)) return failInternally(host, `MOV to CR${String(cr)}`);
      break;
    case ACCESS_MOV_FROM:
      if (!readControlRegister(host, cr, register)) return failInternally(host, `MOV from CR${String(cr)}`);
      break;
    case ACCESS_CLTS:
      changeCr0(host, CR0_TS, 0);
      break;
    default:
      changeCr0(host, CR0_LMSW, (exitQualification >>> 16) & CR0_LMSW);
  }
  skipInstruction(host);
  return EXIT_CONTINUES;
}

function writeControlRegister(host: HostCpu, cr: number, register: number): boolean {
  const { cpu, vcpu, vm } = host;
  const value = register === RSP ? cpu.vmx.vmread(VMCS_FIELD.GUEST_RSP) : cpu.gprLow(register);
  switch (cr) {
    case 0:
      writeCr0(cpu.vmx, value);
      return true;
    case 3:
      cpu.vmx.vmwrite(VMCS_FIELD.GUEST_CR3, cpu.gprNumber(register));
      return true;
    case 4:
      writeCr4(cpu.vmx, value, vm.parameters.uintr);
      return true;
    case 8:
      vcpu.apic.page.write(APIC_TASKPRI, (value & 0xf) << 4);
      vcpu.requests |= KVM_REQ_EVENT;
      return true;
    default:
      return false;
  }
}

function readControlRegister(host: HostCpu, cr: number, register: number): boolean {
  const { cpu, vcpu } = host;
  if (cr === 3) cpu.setGprNumber(register, cpu.vmx.vmread(VMCS_FIELD.GUEST_CR3));
  else if (cr === 8) cpu.setGprWords(register, 0, (vcpu.apic.page.read(APIC_TASKPRI) >>> 4) & 0xf);
  else return false;
  return true;
}

function changeCr0(host: HostCpu, mask: number, bits: number): void {
  const { vmx } = host.cpu;
  writeCr0(vmx, ((vmx.vmread(VMCS_FIELD.CR0_READ_SHADOW) & ~mask) | bits) >>> 0);
}
