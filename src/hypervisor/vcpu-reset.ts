/**
 * Reset, INIT and start-up IPIs of a vCPU: kvm_vcpu_reset and vmx_vcpu_reset, kvm_lapic_reset, kvm_apic_accept_events,
 * kvm_vcpu_deliver_sipi_vector.
 *
 * Left out: SMM, and the difference between power-up and INIT in MSRs (INIT keeps them, a fresh vCPU has never changed
 * them).
 */
import { STEP } from '../cost/step.js';
import { RFLAGS_FIXED } from '../hardware/cpu/rflags.js';
import type { Segment } from '../hardware/cpu/segments.js';
import { INVEPT_SINGLE_CONTEXT } from '../hardware/vmx/vmx-unit.js';
import { VMCS_FIELD } from '../hardware/vmx/vmcs-field.js';
import { cancelApicTimer } from './apic-timer.js';
import type { HostCpu } from './host-cpu.js';
import { holdIrr } from './posted-interrupts.js';
import { KVM_REQ_EVENT, MP_STATE_HALTED, MP_STATE_INIT_RECEIVED, MP_STATE_RUNNABLE, type Vcpu } from './vcpu.js';

const RDX = 2;
const PIR_WORDS = 8;
const RESET_VECTOR = 0xfff0;
const CR0_RESET = 0x6000_0010;
const LIMIT_64K = 0xffff;

const DATA: Segment = { selector: 0, base: 0, limit: LIMIT_64K, access: 0x93 };
/** ES CS SS DS FS GS LDTR TR */
const SEGMENTS: readonly Segment[] = [
  DATA,
  { selector: 0xf000, base: 0xffff_0000, limit: LIMIT_64K, access: 0x9b },
  ...[DATA, DATA, DATA, DATA],
  { selector: 0, base: 0, limit: LIMIT_64K, access: 0x82 },
  { selector: 0, base: 0, limit: LIMIT_64K, access: 0x8b },
];

/** Registers of a vCPU as after power-up; its VMCS is current. */
export function resetRegisters(vcpu: Vcpu): void {
  const { cpu } = vcpu;
  for (let register = 0; register < 16; register++) cpu.setGprWords(register, 0, 0);
  cpu.setGprWords(RDX, 0, cpu.features.signature);
  cpu.dr.reset();
  cpu.cr2 = 0;
  vcpu.efer = 0;
  vcpu.vmcs.startAt({
    rip: RESET_VECTOR,
    rsp: 0,
    rflags: RFLAGS_FIXED,
    cr0: CR0_RESET,
    cr3: 0,
    cr4: 0,
    efer: 0,
    pat: cpu.vmx.vmread64(VMCS_FIELD.GUEST_IA32_PAT),
    segments: SEGMENTS,
    gdtr: { base: 0, limit: LIMIT_64K },
    idtr: { base: 0, limit: LIMIT_64K },
  });
}

/** INIT: registers, local APIC and everything pending; IA32_APIC_BASE stays. */
function initialize(host: HostCpu): void {
  const { cpu, vcpu, vm } = host;
  cpu.charge(STEP.VCPU_RESET);
  cancelApicTimer(host);
  vcpu.timer.reset();
  vcpu.apic.reset();
  if (vcpu.apicvActive) forgetPosted(host);
  vcpu.event.info = 0;
  vcpu.nmiQueued = 0;
  vcpu.nmiPending = 0;
  cpu.vmx.vmwrite(VMCS_FIELD.VM_ENTRY_INTR_INFO_FIELD, 0);
  resetRegisters(vcpu);
  cpu.vmx.invept(INVEPT_SINGLE_CONTEXT, vm.mmu.eptPointer);
  vcpu.requests |= KVM_REQ_EVENT;
}

/** vmx_apicv_post_state_restore, and RVI and SVI as of an empty register page. */
function forgetPosted({ cpu, vcpu }: HostCpu): void {
  vcpu.descriptor.on = false;
  for (let word = 0; word < PIR_WORDS; word++) vcpu.descriptor.takePir(word);
  cpu.vmx.vmwrite(VMCS_FIELD.GUEST_INTR_STATUS, 0);
}

/**
 * kvm_apic_accept_events: takes INIT, then SIPI. False: wait for your turn, call again.
 */
export function acceptApicEvents(host: HostCpu): boolean {
  const { cpu, vcpu } = host;
  if (cpu.clock.mustWait(cpu)) return false;
  if (vcpu.initPending) {
    if (!holdIrr(host, vcpu, true) || !cpu.lines.hold(cpu, vcpu.descriptor.address, true)) return false;
    vcpu.initPending = false;
    initialize(host);
    vcpu.mpState = isBootCpu(vcpu) ? MP_STATE_RUNNABLE : MP_STATE_INIT_RECEIVED;
  }
  const vector = vcpu.sipiPending;
  vcpu.sipiPending = -1;
  if (vector < 0 || vcpu.mpState !== MP_STATE_INIT_RECEIVED) return true;
  const { vmx } = cpu;
  vmx.vmwrite(VMCS_FIELD.GUEST_CS_SELECTOR, vector << 8);
  vmx.vmwrite(VMCS_FIELD.GUEST_CS_BASE, vector << 12);
  vmx.vmwrite(VMCS_FIELD.GUEST_RIP, 0);
  vcpu.mpState = MP_STATE_RUNNABLE;
  return true;
}

/** vcpu_block behind the wait: what the vCPU does next. False: call again. */
export function leaveBlockedState(host: HostCpu): boolean {
  const { vcpu } = host;
  if ((vcpu.initPending || vcpu.sipiPending >= 0) && !acceptApicEvents(host)) return false;
  if (vcpu.mpState === MP_STATE_HALTED) vcpu.mpState = MP_STATE_RUNNABLE;
  return true;
}

function isBootCpu(vcpu: Vcpu): boolean {
  return vcpu.id === 0;
}
