/**
 * One physical CPU as the host kernel uses it: the interrupt flag of root mode, the vCPU whose thread runs here, the
 * list of blocked vCPUs that the wakeup vector looks through, and physical IPIs to other host CPUs.
 *
 * Left out: the scheduler. One vCPU thread is pinned to each CPU; without it the CPU idles.
 */
import type { Cpu } from '../hardware/cpu/cpu.js';
import { DELIVERY_FIXED, SHORTHAND_NONE, type ApicMessage } from '../hardware/apic/message.js';
import { STEP } from '../cost/step.js';
import { POSTED_INTR_VECTOR, POSTED_INTR_WAKEUP_VECTOR, RESCHEDULE_VECTOR } from './host-interrupt-vectors.js';
import type { RaisedInterrupt } from './kernel-devices.js';
import { IpiRequest } from './lapic/ipi-request.js';
import { EXITING_GUEST_MODE, type Vcpu } from './vcpu.js';
import type { VirtualMachine } from './virtual-machine.js';

export class HostCpu {
  readonly cpu: Cpu;
  readonly vm: VirtualMachine;
  readonly vcpu: Vcpu;
  /** All host CPUs with a vCPU, by physical CPU. */
  readonly peers: readonly (HostCpu | undefined)[];

  /** In the idle loop, nothing to run. Seen by other CPUs. */
  idle = false;
  /** Blocked vCPUs whose descriptor names the wakeup vector (wakeup_vcpus_on_cpu). */
  readonly wakeupList: Vcpu[] = [];
  /** pi_enable_wakeup_handler found ON set: the wakeup vector is still to be sent to this CPU. */
  wakeupSelfPending = false;
  /** The last pi_pre_block found an outstanding interrupt. */
  blockRefused = false;
  /** The request whose delivery is under way or comes next. */
  readonly request = new IpiRequest();
  /** To whom EXIT_SENDS_TO sends it. */
  readonly targets: Vcpu[] = [];
  /** What devices have raised and EXIT_RAISES delivers. */
  readonly raised: RaisedInterrupt[] = [];
  /** When a timer of the VM's devices that runs on this CPU expires, TSC cycles, or Infinity. */
  deviceTimer = Infinity;
  /** KVM_REQ_* bits that EXIT_KICKS_ALL gives to every vCPU. */
  broadcast = 0;
  /** What the instruction being emulated has read from its memory operand. */
  operand = 0n;
  /** Elements of a repeated INS that have been read ahead of their stores. */
  readonly readAhead: number[] = [];
  /** How far the exit handler in progress has come, for handlers with costs in the middle. */
  phase = 0;
  /** Host interrupts taken in root mode, by vector. */
  readonly interrupts = new Float64Array(256);

  /** Step of the run loop that comes next (reference: vcpu_enter_guest), for observers. */
  step = 0;

  readonly #notify: ApicMessage;
  readonly #wakeup: ApicMessage;
  readonly #reschedule: ApicMessage;

  constructor(cpu: Cpu, vm: VirtualMachine, vcpu: Vcpu, peers: readonly (HostCpu | undefined)[]) {
    this.cpu = cpu;
    this.vm = vm;
    this.vcpu = vcpu;
    this.peers = peers;
    this.#notify = fixedMessage(cpu, POSTED_INTR_VECTOR);
    this.#wakeup = fixedMessage(cpu, POSTED_INTR_WAKEUP_VECTOR);
    this.#reschedule = fixedMessage(cpu, RESCHEDULE_VECTOR);
  }

  /** kvm_vcpu_exit_request: somebody wants the vCPU out of, or not to enter, the guest. */
  get exitRequested(): boolean {
    return this.vcpu.mode === EXITING_GUEST_MODE || this.vcpu.requests !== 0;
  }

  /** Somebody has woken the thread since it announced its sleep. */
  isWoken(): boolean {
    return !this.vcpu.sleeping;
  }

  /** Ends a host step that began with `cpu.begin()`; always true. */
  finish(): true {
    this.cpu.finish();
    return true;
  }

  /** The host CPU that runs `vcpu`. */
  of(vcpu: Vcpu): HostCpu {
    return this.peers[vcpu.cpu.id] as HostCpu;
  }

  /** Charges a write to the physical ICR by host software. */
  chargeIcrWrite(): void {
    this.cpu.charge(this.cpu.apic.x2apic ? STEP.NOTIFICATION_SEND : STEP.NOTIFICATION_SEND_XAPIC);
  }

  // Physical IPIs: visible, so only when this CPU is next in order, and charged before.

  /** Posted-interrupt notification to the CPU of `target`. */
  sendNotification(target: HostCpu): void {
    this.cpu.bus.send(this.cpu, target.#notify);
  }

  /** Wakeup vector to this CPU itself. */
  sendWakeupToSelf(): void {
    this.cpu.bus.send(this.cpu, this.#wakeup);
  }

  sendReschedule(target: HostCpu): void {
    this.cpu.bus.send(this.cpu, target.#reschedule);
  }
}

function fixedMessage(target: Cpu, vector: number): ApicMessage {
  return {
    vector,
    deliveryMode: DELIVERY_FIXED,
    logical: false,
    level: false,
    assert: true,
    shorthand: SHORTHAND_NONE,
    destination: target.apicId,
    x2apic: target.apic.x2apic,
  };
}
