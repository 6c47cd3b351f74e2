/**
 * Exit 28: MOV to and from control registers, CLTS, LMSW (handle_cr, vmx.c; kvm_set_cr0, kvm_set_cr4, kvm_set_cr8, x86.c;
 * enter_lmode and exit_lmode, vmx.c). With EPT only writes that change bits KVM owns come here, and CR8 without a TPR
 * shadow. The rules for the values stand in control-register-rules.ts.
 */
import {
  CR0_ET,
  CR0_PE,
  CR0_PG,
  CR0_TS,
  CR0_WP,
  CR4_PAE,
  CR4_PGE,
  CR4_PSE,
  EFER_LMA,
  EFER_LME,
} from '../../hardware/cpu/control-register-bits.js';
import { VECTOR_GP } from '../../hardware/cpu/exception-vector.js';
import { STEP } from '../../cost/step.js';
import { VMCS_FIELD } from '../../hardware/vmx/vmcs-field.js';
import { writeCr0, writeCr4 } from '../guest-state.js';
import type { HostCpu } from '../host-cpu.js';
import { APIC_TASKPRI } from '../lapic/registers.js';
import { KVM_REQ_EVENT, KVM_REQ_TLB_FLUSH } from '../vcpu.js';
import { loadPdptes } from '../pdptes.js';
import {
  cr0LoadsPdptes,
  cr4LoadsPdptes,
  isAllowedCr0,
  isAllowedCr4,
  loadMachineStatus,
  usesPdptes,
  type PagingState,
} from './control-register-rules.js';
import { EXIT_CONTINUES, EXIT_WAITS, type ExitResult } from './exit-result.js';
import { failInternally } from './failure.js';
import { skipInstruction } from './skip.js';

const ACCESS_MOV_TO = 0;
const ACCESS_MOV_FROM = 1;
const ACCESS_CLTS = 2;
const RSP = 4;
/** Translations depend on them. */
const CR0_FLUSHING = CR0_PE | CR0_WP | CR0_PG;
const CR4_FLUSHING = CR4_PSE | CR4_PAE | CR4_PGE;

export function handleCrAccess(host: HostCpu): ExitResult {
  const { cpu, vcpu } = host;
  if (cpu.begin()) cpu.charge(STEP.CR_ACCESS_HANDLER);
  if (cpu.clock.mustWait(cpu)) return EXIT_WAITS;
  const { exitQualification } = vcpu;
  const cr = exitQualification & 0xf;
  const register = (exitQualification >>> 8) & 0xf;
  switch ((exitQualification >>> 4) & 3) {
    case ACCESS_MOV_TO:
      return writeControlRegister(host, cr, register);
    case ACCESS_MOV_FROM:
      if (!readControlRegister(host, cr, register)) return failInternally(host, `MOV from CR${String(cr)}`);
      break;
    case ACCESS_CLTS:
      return setCr0(host, (visibleCr0(host) & ~CR0_TS) >>> 0, 0);
    default:
      return setCr0(host, loadMachineStatus(visibleCr0(host), exitQualification >>> 16), 0);
  }
  skipInstruction(host);
  return EXIT_CONTINUES;
}

function writeControlRegister(host: HostCpu, cr: number, register: number): ExitResult {
  const { cpu } = host;
  const isRsp = register === RSP;
  const low = isRsp ? cpu.vmx.vmreadLow(VMCS_FIELD.GUEST_RSP) : cpu.gprLow(register);
  const high = isRsp ? cpu.vmx.vmreadHigh(VMCS_FIELD.GUEST_RSP) : cpu.gprHigh(register);
  switch (cr) {
    case 0:
      return setCr0(host, low, high);
    case 3:
      return setCr3(host, cpu.gprNumber(register));
    case 4:
      return setCr4(host, low, high);
    case 8:
      return setCr8(host, low, high);
    default:
      return failInternally(host, `MOV to CR${String(cr)}`);
  }
}

/** kvm_complete_insn_gp */
function complete(host: HostCpu, valid: boolean): ExitResult {
  if (valid) skipInstruction(host);
  else host.vcpu.queueException(VECTOR_GP, 0);
  return EXIT_CONTINUES;
}

/** The guest's paging state as the rules for CR0 and CR4 see it. */
function pagingState({ cpu, vcpu }: HostCpu): PagingState {
  const { vmx } = cpu;
  return {
    cr0: vmx.vmreadLow(VMCS_FIELD.GUEST_CR0),
    cr3: vmx.vmreadLow(VMCS_FIELD.GUEST_CR3),
    cr4: vmx.vmreadLow(VMCS_FIELD.GUEST_CR4),
    efer: vcpu.efer,
    codeAccess: vmx.vmreadLow(VMCS_FIELD.GUEST_CS_AR_BYTES),
  };
}

/** CR0 as the guest reads it (kvm_read_cr0). */
export function visibleCr0({ cpu }: HostCpu): number {
  const owned = (CR0_TS | CR0_WP) & ~cpu.vmx.vmreadLow(VMCS_FIELD.CR0_GUEST_HOST_MASK);
  const shadow = cpu.vmx.vmreadLow(VMCS_FIELD.CR0_READ_SHADOW);
  return ((shadow & ~owned) | (cpu.vmx.vmreadLow(VMCS_FIELD.GUEST_CR0) & owned)) >>> 0;
}

function setCr0(host: HostCpu, value: number, high: number): ExitResult {
  const { cpu, vcpu, vm } = host;
  const state = pagingState(host);
  if (high !== 0 || !isAllowedCr0(value, state)) return complete(host, false);
  if (usesPdptes(value, state.cr4, state.efer) && cr0LoadsPdptes(value ^ visibleCr0(host))) {
    const refused = reloadPdptes(host);
    if (refused !== null) return refused;
  }
  const changed = value ^ state.cr0;
  if ((changed & CR0_PG) !== 0 && (vcpu.efer & EFER_LME) !== 0) {
    vcpu.efer = (value & CR0_PG) !== 0 ? vcpu.efer | EFER_LMA : vcpu.efer & ~EFER_LMA;
    vcpu.vmcs.setEfer(vcpu.efer);
  }
  writeCr0(cpu.vmx, (value | CR0_ET) >>> 0, vm.behaviour.guestOwnsCr0Wp);
  if ((changed & CR0_FLUSHING) !== 0) vcpu.requests |= KVM_REQ_TLB_FLUSH;
  return complete(host, true);
}

function setCr4(host: HostCpu, value: number, high: number): ExitResult {
  const { cpu, vcpu, vm } = host;
  const state = pagingState(host);
  if (high !== 0 || !isAllowedCr4(value, state, vm.parameters.uintr)) return complete(host, false);
  if (usesPdptes(state.cr0, value, state.efer) && cr4LoadsPdptes(value ^ state.cr4)) {
    const refused = reloadPdptes(host);
    if (refused !== null) return refused;
  }
  writeCr4(cpu.vmx, value, vm.parameters.uintr);
  if (((value ^ state.cr4) & CR4_FLUSHING) !== 0) vcpu.requests |= KVM_REQ_TLB_FLUSH;
  return complete(host, true);
}

function setCr3(host: HostCpu, value: number): ExitResult {
  const { cpu } = host;
  const { cr0, cr4, efer } = pagingState(host);
  if (usesPdptes(cr0, cr4, efer)) {
    const refused = reloadPdptes(host, value);
    if (refused !== null) return refused;
  }
  cpu.vmx.vmwrite(VMCS_FIELD.GUEST_CR3, value);
  return complete(host, true);
}

/** Null when the PDPTEs at `cr3` have been loaded; else what becomes of the exit. */
function reloadPdptes(host: HostCpu, cr3 = host.cpu.vmx.vmread(VMCS_FIELD.GUEST_CR3)): ExitResult | null {
  const loaded = loadPdptes(host, cr3);
  if (loaded === 'loaded') return null;
  return loaded === 'wait' ? EXIT_WAITS : complete(host, false);
}

function setCr8(host: HostCpu, value: number, high: number): ExitResult {
  const { vcpu } = host;
  if (high !== 0 || value > 0xf) return complete(host, false);
  vcpu.apic.page.write(APIC_TASKPRI, value << 4);
  vcpu.requests |= KVM_REQ_EVENT;
  return complete(host, true);
}

function readControlRegister(host: HostCpu, cr: number, register: number): boolean {
  const { cpu, vcpu } = host;
  if (cr === 3) cpu.setGprNumber(register, cpu.vmx.vmread(VMCS_FIELD.GUEST_CR3));
  else if (cr === 8) cpu.setGprWords(register, 0, (vcpu.apic.page.read(APIC_TASKPRI) >>> 4) & 0xf);
  else return false;
  return true;
}
