/**
 * Exits 31 and 32: RDMSR and WRMSR that the MSR bitmap intercepts, and the fastpath for the x2APIC ICR
 * (handle_fastpath_set_msr_irqoff, kvm_emulate_rdmsr, kvm_emulate_wrmsr, kvm_set_msr_common, x86.c; kvm_x2apic_msr_read
 * and kvm_x2apic_msr_write, lapic.c).
 *
 * MSRs without a field in the VMCS are forwarded to the physical CPU, whose only user the vCPU is. Left out: filtering
 * by user space, VMX capabilities for the guest, MSRs of paravirtual clocks and of AMD.
 */
import { STEP } from '../../cost/step.js';
import { DELIVERY_FIXED, SHORTHAND_NONE } from '../../hardware/apic/message.js';
import { CR0_PG, EFER_LMA, EFER_LME, EFER_NXE, EFER_SCE } from '../../hardware/cpu/control-register-bits.js';
import { VECTOR_GP } from '../../hardware/cpu/exception-vector.js';
import { readMsr, writeMsr } from '../../hardware/cpu/msrs.js';
import { isPatValue } from '../../hardware/vmx/entry-checks.js';
import { VMCS_FIELD } from '../../hardware/vmx/vmcs-field.js';
import { readTscDeadline, setTscDeadline } from '../apic-timer.js';
import { APICV_INHIBIT_REASON_APIC_BASE_MODIFIED } from '../apicv-inhibit.js';
import type { HostCpu } from '../host-cpu.js';
import { readApicRegister } from '../lapic/register-read.js';
import { applyApicWrite, rescanIoApic, writeApicRegister } from '../lapic/register-write.js';
import * as R from '../lapic/registers.js';
import { APIC_WRITE_INVALID, APIC_WRITE_SELF_IPI, APIC_WRITE_SENDS } from '../lapic/vcpu-apic.js';
import { traceInhibit, traceMsr } from '../tracepoints.js';
import { KVM_REQ_APICV_UPDATE } from '../vcpu.js';
import { EXIT_CONTINUES, EXIT_KICKS_ALL, EXIT_WAITS, type ExitResult } from './exit-result.js';
import { skipInstruction } from './skip.js';

const RAX = 0;
const RCX = 1;
const RDX = 2;
const MISC_ENABLE_EMON = 1n << 7n;
/** BTS and PEBS unavailable. */
const MISC_ENABLE_READ_ONLY = (1n << 11n) | (1n << 12n);
const TWO_32 = 2 ** 32;

const MSR_X2APIC_LAST = 0x8ff;
const MSR_X2APIC_ICR = 0x830;
const MSR_IA32_TSC = 0x10;
const MSR_IA32_FEATURE_CONTROL = 0x3a;
const MSR_IA32_TSC_ADJUST = 0x3b;
const MSR_IA32_SPEC_CTRL = 0x48;
const MSR_IA32_PRED_CMD = 0x49;
const MSR_IA32_MISC_ENABLE = 0x1a0;
const MSR_IA32_DEBUGCTL = 0x1d9;
const MSR_IA32_PAT = 0x277;
/** LBR and BTF: KVM drops them silently. */
const DEBUGCTL_IGNORED = 3;
const MSR_IA32_VMX_FIRST = 0x480;
const MSR_IA32_VMX_LAST = 0x493;
const MSR_EFER = 0xc000_0080;
const X2APIC_BROADCAST = 0xffff_ffff;

const EFER_WRITABLE = EFER_SCE | EFER_LME | EFER_NXE;

/**
 * handle_fastpath_set_x2apic_icr_irqoff: a fixed IPI to one physical destination. True when it applies: the request is
 * in `host.request`, the ICR is stored.
 */
export function decodeFastpathIcr(host: HostCpu): boolean {
  const { cpu, vcpu, request } = host;
  if (cpu.gprLow(RCX) !== MSR_X2APIC_ICR || !vcpu.apic.x2apic) return false;
  const low = cpu.gprLow(RAX);
  const high = cpu.gprLow(RDX);
  if (hasReservedIcrBits(host, low)) return false;
  request.fromIcr(low, high, true);
  if (request.shorthand !== SHORTHAND_NONE || request.logical) return false;
  if (request.deliveryMode !== DELIVERY_FIXED || request.destination === X2APIC_BROADCAST) return false;
  vcpu.apic.writeIcr(low & ~R.APIC_ICR_BUSY, high);
  return true;
}

/** From 6.12 software refuses what the processor would refuse. */
function hasReservedIcrBits(host: HostCpu, low: number): boolean {
  return host.vm.behaviour.checksIcrReserved && (low & R.X2APIC_ICR_RESERVED) !== 0;
}

export function handleMsrRead(host: HostCpu): ExitResult {
  const { cpu } = host;
  if (cpu.begin()) cpu.charge(STEP.MSR_HANDLER);
  if (cpu.clock.mustWait(cpu)) return EXIT_WAITS;
  if (!readGuestMsr(host, cpu.gprLow(RCX))) return injectGeneralProtection(host);
  traceMsr(host);
  skipInstruction(host);
  return EXIT_CONTINUES;
}

export function handleMsrWrite(host: HostCpu): ExitResult {
  const { cpu } = host;
  if (cpu.begin()) cpu.charge(STEP.MSR_HANDLER);
  if (cpu.clock.mustWait(cpu)) return EXIT_WAITS;
  const msr = cpu.gprLow(RCX);
  const low = cpu.gprLow(RAX);
  const high = cpu.gprLow(RDX);
  if (msr >= R.APIC_BASE_MSR && msr <= MSR_X2APIC_LAST) return writeX2apicRegister(host, msr, high, low);
  if (msr === R.MSR_IA32_APICBASE) return writeApicBase(host, high, low);
  if (!writeGuestMsr(host, msr, high, low)) return injectGeneralProtection(host);
  traceMsr(host);
  skipInstruction(host);
  return EXIT_CONTINUES;
}

function injectGeneralProtection(host: HostCpu): ExitResult {
  traceMsr(host, true);
  host.vcpu.queueException(VECTOR_GP, 0);
  return EXIT_CONTINUES;
}

/** kvm_x2apic_msr_write */
function writeX2apicRegister(host: HostCpu, msr: number, high: number, low: number): ExitResult {
  const { apic } = host.vcpu;
  const offset = (msr - R.APIC_BASE_MSR) << 4;
  const isIcr = offset === R.APIC_ICR;
  if (!apic.x2apic || (!isIcr && high !== 0)) return injectGeneralProtection(host);
  if (isIcr && hasReservedIcrBits(host, low)) return injectGeneralProtection(host);
  if ((offset === R.APIC_EOI && low !== 0) || (offset === R.APIC_TASKPRI && low > 0xff))
    return injectGeneralProtection(host);
  const write = isIcr ? apic.writeIcr(low & ~R.APIC_ICR_BUSY, high) : writeApicRegister(host, offset, low);
  if (write === APIC_WRITE_INVALID) return injectGeneralProtection(host);
  if (write !== APIC_WRITE_SENDS && write !== APIC_WRITE_SELF_IPI) traceMsr(host);
  skipInstruction(host);
  return applyApicWrite(host, write);
}

/** EDX:EAX := value of `msr`; false = #GP. */
function readGuestMsr(host: HostCpu, msr: number): boolean {
  const { cpu, vcpu } = host;
  if (msr >= R.APIC_BASE_MSR && msr <= MSR_X2APIC_LAST) return readX2apicRegister(host, msr);
  switch (msr) {
    case R.MSR_IA32_APICBASE:
      return result(host, vcpu.apic.baseHigh, vcpu.apic.base);
    case R.MSR_IA32_TSC_DEADLINE:
      return number(host, readTscDeadline(vcpu));
    case MSR_IA32_TSC_ADJUST:
      return number(host, vcpu.tscAdjust);
    case MSR_IA32_DEBUGCTL:
      return result(host, 0, cpu.vmx.vmread(VMCS_FIELD.GUEST_IA32_DEBUGCTL));
    case MSR_EFER:
      return result(host, 0, vcpu.efer);
    case MSR_IA32_MISC_ENABLE:
      return result(host, Number(vcpu.miscEnable >> 32n), Number(vcpu.miscEnable & 0xffff_ffffn));
    case MSR_IA32_PAT: {
      const value = cpu.vmx.vmread64(VMCS_FIELD.GUEST_IA32_PAT);
      return result(host, Number(value >> 32n), Number(value & 0xffff_ffffn));
    }
    default: {
      if (isHidden(msr)) return false;
      const value = readMsr(cpu, msr);
      return value !== null && result(host, value.hi, value.lo);
    }
  }
}

function readX2apicRegister(host: HostCpu, msr: number): boolean {
  const { apic } = host.vcpu;
  const offset = (msr - R.APIC_BASE_MSR) << 4;
  if (!apic.x2apic || offset === R.APIC_DFR || offset === R.APIC_ICR2) return false;
  const value = readApicRegister(host, offset);
  return value >= 0 && result(host, offset === R.APIC_ICR ? apic.page.read(R.APIC_ICR + 4) : 0, value);
}

/** A signed number as 64 bits. */
function number(host: HostCpu, value: number): true {
  return result(host, Math.floor(value / TWO_32) >>> 0, value >>> 0);
}

function result(host: HostCpu, high: number, low: number): true {
  host.cpu.setGprWords(RAX, 0, low);
  host.cpu.setGprWords(RDX, 0, high);
  return true;
}

/** MSRs of the physical CPU that the guest does not have. */
function isHidden(msr: number): boolean {
  if (msr === MSR_IA32_FEATURE_CONTROL) return true;
  return msr >= MSR_IA32_VMX_FIRST && msr <= MSR_IA32_VMX_LAST;
}

/** False = #GP. */
function writeGuestMsr(host: HostCpu, msr: number, high: number, low: number): boolean {
  const { cpu, vcpu } = host;
  const value = (high | 0) * TWO_32 + low;
  switch (msr) {
    case MSR_EFER:
      return writeEfer(host, high, low);
    case MSR_IA32_TSC:
      return adjustTsc(host, value - cpu.tsc - vcpu.tscOffset);
    case MSR_IA32_TSC_ADJUST:
      return adjustTsc(host, value - vcpu.tscAdjust);
    case R.MSR_IA32_TSC_DEADLINE:
      setTscDeadline(host, (high >>> 0) * TWO_32 + low);
      return true;
    case MSR_IA32_DEBUGCTL:
      // Without last-branch records and branch trapping nothing can be set.
      return high === 0 && (low & ~DEBUGCTL_IGNORED) === 0;
    case MSR_IA32_SPEC_CTRL:
    case MSR_IA32_PRED_CMD:
      if (!writeMsr(cpu, msr, high, low)) return false;
      passThroughOnceUsed(host, msr, low);
      return true;
    case MSR_IA32_MISC_ENABLE:
      return writeMiscEnable(host, (BigInt(high) << 32n) | BigInt(low));
    case MSR_IA32_PAT:
      if (!isPatValue(high, low)) return false;
      cpu.vmx.vmwrite64(VMCS_FIELD.GUEST_IA32_PAT, (BigInt(high) << 32n) | BigInt(low));
      return true;
    default:
      return !isHidden(msr) && writeMsr(cpu, msr, high, low);
  }
}

/** From 6.0 bits 11 and 12, which say that there is no performance monitoring, cannot change, and bit 7 does not. */
function writeMiscEnable({ vcpu, vm }: HostCpu, value: bigint): boolean {
  const { protectsMiscEnable } = vm.behaviour;
  const old = vcpu.miscEnable;
  if (protectsMiscEnable && ((old ^ value) & MISC_ENABLE_READ_ONLY) !== 0n) return false;
  vcpu.miscEnable = protectsMiscEnable ? (value & ~MISC_ENABLE_EMON) | (old & MISC_ENABLE_EMON) : value;
  return true;
}

/** The guest moves its TSC: IA32_TSC_ADJUST follows. */
function adjustTsc({ cpu, vcpu }: HostCpu, delta: number): true {
  vcpu.tscOffset += delta;
  vcpu.tscAdjust += delta;
  cpu.vmx.vmwrite(VMCS_FIELD.TSC_OFFSET, vcpu.tscOffset);
  return true;
}

/** Speculation controls exit until the guest has set one for the first time (vmx_set_msr). */
function passThroughOnceUsed({ vcpu }: HostCpu, msr: number, low: number): void {
  if (low === 0) return;
  vcpu.vmcs.msrBitmap.interceptWrite(msr, false);
  if (msr === MSR_IA32_SPEC_CTRL) vcpu.vmcs.msrBitmap.interceptRead(msr, false);
}

/**
 * kvm_set_apic_base: the VMCS follows the mode, and translations of the APIC page are forgotten. From 6.3 an APIC that
 * is not at its default address inhibits APICv.
 */
function writeApicBase(host: HostCpu, high: number, low: number): ExitResult {
  const { vcpu, vm } = host;
  const wasEnabled = vcpu.apic.enabled;
  if (!vcpu.apic.setBase(low, high)) return injectGeneralProtection(host);
  vcpu.applyApicMode();
  if (vcpu.apic.enabled !== wasEnabled) vcpu.requests |= KVM_REQ_APICV_UPDATE;
  traceMsr(host);
  skipInstruction(host);
  if (!vcpu.apic.isRelocated || vm.behaviour.apicIdChange === 'ignored') return rescanIoApic(host);
  const deactivates = vm.inhibits.set(APICV_INHIBIT_REASON_APIC_BASE_MODIFIED);
  traceInhibit(host, APICV_INHIBIT_REASON_APIC_BASE_MODIFIED);
  if (!deactivates) return rescanIoApic(host);
  host.broadcast = KVM_REQ_APICV_UPDATE;
  return EXIT_KICKS_ALL;
}

function writeEfer(host: HostCpu, high: number, low: number): boolean {
  if (high !== 0 || (low & ~(EFER_WRITABLE | EFER_LMA)) !== 0) return false;
  const isPaging = (host.cpu.vmx.vmread(VMCS_FIELD.GUEST_CR0) & CR0_PG) !== 0;
  if (isPaging && ((low ^ host.vcpu.efer) & EFER_LME) !== 0) return false;
  host.vcpu.efer = (low & ~EFER_LMA) | (host.vcpu.efer & EFER_LMA);
  host.vcpu.vmcs.setEfer(host.vcpu.efer);
  return true;
}
