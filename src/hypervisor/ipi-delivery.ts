/**
 * Software's IPI path from a decoded request to its targets (kvm_apic_send_ipi, __apic_accept_irq, lapic.c;
 * vmx_deliver_posted_interrupt, vmx.c), cut into host steps.
 *
 * With APICv the vector goes into the target's PIR and a notification follows only if ON was clear; SN does not matter
 * here. Without, it goes into the IRR of the target's register page and the target is kicked. What devices have raised
 * goes the same way (kvm_set_irq, irqchip.c; ioapic_service, ioapic.c; pic_unlock, i8259.c).
 *
 * Left out: SMI and remote reads.
 */
import {
  DELIVERY_FIXED,
  DELIVERY_INIT,
  DELIVERY_LOWEST_PRIORITY,
  DELIVERY_NMI,
  DELIVERY_STARTUP,
} from '../hardware/apic/message.js';
import { STEP } from '../cost/step.js';
import type { Cpu } from '../hardware/cpu/cpu.js';
import type { HostCpu } from './host-cpu.js';
import { onlyDestination, resolveDestinations } from './lapic/destinations.js';
import type { IpiRequest } from './lapic/ipi-request.js';
import { vectorRegister } from './lapic/register-page.js';
import { APIC_IRR, APIC_LVT0, APIC_LVT_MASKED, APIC_TMR } from './lapic/registers.js';
import type { RaisedInterrupt } from './kernel-devices.js';
import { traceAccept, traceApicIpi, traceApicvAccept } from './tracepoints.js';
import { IN_GUEST_MODE, KVM_REQ_EVENT, KVM_REQ_NMI, KVM_REQ_SCAN_IOAPIC, type Vcpu } from './vcpu.js';
import { requestExit, wakeThread } from './wake.js';

const DONE = 0;
const LOOK_UP = 1; //     S7
const NEXT = 2;
const ACCEPT = 3; //      S8
const POST_PIR = 4; //    S9
const POST_ON = 5; //     S10
const NOTIFY = 6; //      S11
const SET_IRR = 7; //     without APICv
const KICK = 8; //        S21
const WAKE = 9; //        S15, the waker's part
const RESCHEDULE = 10; // reschedule IPI to the target's CPU
/** A cache line is on its way: the same step again. */
const WAITS = -1;

type Step =
  | typeof DONE
  | typeof LOOK_UP
  | typeof NEXT
  | typeof ACCEPT
  | typeof POST_PIR
  | typeof POST_ON
  | typeof NOTIFY
  | typeof SET_IRR
  | typeof KICK
  | typeof WAKE
  | typeof RESCHEDULE;

const NOBODY: readonly Vcpu[] = [];

export class IpiDelivery {
  readonly #host: HostCpu;
  readonly #cpu: Cpu;
  readonly #request: IpiRequest;
  #targets: readonly Vcpu[] = NOBODY;
  #step: Step = DONE;
  #next = 0;
  /** Whose turn it is. */
  #target: Vcpu;
  /** Non-zero: the targets get requests (KVM_REQ_*) instead of an interrupt. */
  #requests = 0;
  /** The target's interrupt goes through its descriptor. */
  #posts = false;
  #fromDevice = false;

  constructor(host: HostCpu) {
    this.#host = host;
    this.#cpu = host.cpu;
    this.#request = host.request;
    this.#target = host.vcpu;
  }

  /** Starts with the request in `host.request`: charges building it (S6) and the look-up (S7). */
  begin(): void {
    this.#cpu.charge(STEP.IPI_REQUEST);
    this.#cpu.charge(STEP.APIC_MAP_LOOKUP);
    traceApicIpi(this.#host);
    this.#requests = 0;
    this.#fromDevice = false;
    this.#step = LOOK_UP;
  }

  /** What devices have raised, in `host.raised`, one after the other. */
  beginRaised(): void {
    this.#targets = NOBODY;
    this.#next = 0;
    this.#step = NEXT;
  }

  /** kvm_apic_local_deliver: the interrupt of an LVT entry goes to this CPU's own vCPU, unless it is masked. */
  beginLocal(lvt: number): void {
    const { vcpu } = this.#host;
    this.#requests = 0;
    this.#targets = NOBODY;
    this.#next = 0;
    this.#step = NEXT;
    if (!vcpu.apic.enabled || (lvt & APIC_LVT_MASKED) !== 0) return;
    this.#targets = [vcpu];
    this.#request.fromLvt(lvt);
  }

  /** The request in `host.request` goes to `targets`, whom the caller has found (__pv_send_ipi). */
  beginTo(targets: readonly Vcpu[]): void {
    this.#cpu.charge(STEP.APIC_MAP_LOOKUP);
    this.#requests = 0;
    this.#targets = targets;
    this.#next = 0;
    this.#step = NEXT;
  }

  /** kvm_make_all_cpus_request: gives `requests` to every vCPU and kicks those in guest mode. */
  beginKickAll(requests: number): void {
    this.#requests = requests;
    this.#targets = this.#host.vm.vcpus;
    this.#next = 0;
    this.#step = NEXT;
  }

  /** Goes on until the last target has been served. False: wait for your turn, call again. */
  advance(): boolean {
    const cpu = this.#cpu;
    while (this.#step !== DONE) {
      if (cpu.clock.mustWait(cpu)) return false;
      const next = this.#act(this.#step);
      if (next === WAITS) return false;
      this.#step = next;
    }
    return true;
  }

  /** One step, this CPU being next in order, or WAITS. */
  #act(step: Step): Step | typeof WAITS {
    switch (step) {
      case LOOK_UP:
        return this.#lookUp();
      case NEXT:
        return this.#toTarget();
      case ACCEPT:
        return this.#accept();
      case POST_PIR:
        return this.#postPir();
      case POST_ON:
        return this.#postOn();
      case NOTIFY:
        this.#host.sendNotification(this.#host.of(this.#target));
        return this.#served();
      case SET_IRR:
        return this.#setIrr();
      case KICK:
        return this.#kick();
      case WAKE:
        return this.#wake();
      case RESCHEDULE:
        this.#host.sendReschedule(this.#host.of(this.#target));
        return this.#served();
      case DONE:
        return step;
    }
  }

  #lookUp(): Step {
    const { vcpus } = this.#host.vm;
    const source = this.#fromDevice ? null : this.#host.vcpu;
    const only = onlyDestination(vcpus, source, this.#request);
    this.#targets = only === null ? resolveDestinations(vcpus, source, this.#request) : NOBODY;
    this.#next = 0;
    return only === null ? this.#toTarget() : this.#beginWith(only);
  }

  #toTarget(): Step {
    return this.#next < this.#targets.length ? this.#beginWith(this.#targets[this.#next++]) : this.#nextRaised();
  }

  #beginWith(target: Vcpu): Step {
    this.#target = target;
    this.#cpu.charge(this.#requests === 0 ? STEP.APIC_ACCEPT : STEP.RESCHEDULE_KICK);
    if (this.#requests !== 0) return KICK;
    traceAccept(this.#host, target);
    return ACCEPT;
  }

  #nextRaised(): Step {
    const { raised } = this.#host;
    if (raised.length === 0) return DONE;
    this.#next = 0;
    this.#targets = NOBODY;
    return this.#beginDevice(raised.shift() as RaisedInterrupt);
  }

  #beginDevice(raised: RaisedInterrupt): Step {
    const { vm } = this.#host;
    switch (raised) {
      case 'irq-line':
        this.#cpu.charge(STEP.IRQ_LINE);
        return NEXT;
      case 'pic-output':
        this.#requests = KVM_REQ_EVENT;
        this.#targets = vm.vcpus.filter(({ apic }) => apic.acceptsPic).slice(0, 1);
        return NEXT;
      case 'timer-tick':
        this.#beginWatchdog();
        return NEXT;
      case 'redirection':
        this.#requests = KVM_REQ_SCAN_IOAPIC;
        this.#targets = vm.vcpus;
        return NEXT;
      default:
        this.#requests = 0;
        this.#fromDevice = true;
        this.#request.fromMessage(raised);
        this.#cpu.charge(STEP.APIC_MAP_LOOKUP);
        return LOOK_UP;
    }
  }

  /** kvm_apic_nmi_wd_deliver: the PIT's tick is an NMI for every vCPU whose LINT0 is one. */
  #beginWatchdog(): void {
    const { vm } = this.#host;
    this.#requests = 0;
    this.#targets = vm.vcpus.filter(({ apic }) => apic.takesWatchdog);
    if (this.#targets.length > 0) this.#request.fromLvt(this.#targets[0].apic.page.read(APIC_LVT0));
  }

  #served(): Step {
    if (this.#posts) traceApicvAccept(this.#host, this.#target);
    this.#posts = false;
    return this.#toTarget();
  }

  /** __apic_accept_irq */
  #accept(): Step | typeof WAITS {
    const cpu = this.#cpu;
    const request = this.#request;
    const target = this.#target;
    if (request.deliveryMode !== DELIVERY_FIXED && request.deliveryMode !== DELIVERY_LOWEST_PRIORITY)
      return this.#acceptOther(target);
    if (!target.apic.acceptsInterrupts || (request.levelTriggered && !request.levelAsserted)) return this.#served();
    if (!this.#fixTriggerMode()) return WAITS;
    cpu.charge(STEP.PIR_POST);
    this.#posts = target.apicvActive;
    return this.#posts ? POST_PIR : SET_IRR;
  }

  /** NMI, INIT (but not its de-assertion) and start-up IPIs: a request and a kick. */
  #acceptOther(target: Vcpu): Step {
    const cpu = this.#cpu;
    const request = this.#request;
    switch (request.deliveryMode) {
      case DELIVERY_NMI:
        target.nmiQueued++;
        target.requests |= KVM_REQ_NMI;
        break;
      case DELIVERY_INIT:
        if (request.levelTriggered && !request.levelAsserted) return this.#served();
        target.initPending = true;
        target.sipiPending = -1;
        target.requests |= KVM_REQ_EVENT;
        break;
      case DELIVERY_STARTUP:
        target.sipiPending = request.vector;
        target.requests |= KVM_REQ_EVENT;
        break;
      default:
        return this.#served();
    }
    cpu.charge(STEP.RESCHEDULE_KICK);
    return KICK;
  }

  /** The target's TMR bit follows the trigger mode; it is written only when it differs. */
  #fixTriggerMode(): boolean {
    const cpu = this.#cpu;
    const request = this.#request;
    const { page } = this.#target.apic;
    const line = page.address + vectorRegister(APIC_TMR, request.vector);
    if (!cpu.lines.hold(cpu, line, false)) return false;
    if (page.testVector(APIC_TMR, request.vector) === request.levelTriggered) return true;
    if (!cpu.lines.hold(cpu, line, true)) return false;
    if (request.levelTriggered) page.setVector(APIC_TMR, request.vector);
    else page.clearVector(APIC_TMR, request.vector);
    return true;
  }

  #postPir(): Step | typeof WAITS {
    const cpu = this.#cpu;
    const request = this.#request;
    const { descriptor } = this.#target;
    if (!cpu.lines.hold(cpu, descriptor.address, true)) return WAITS;
    const wasSet = descriptor.testAndSetPir(request.vector);
    cpu.trace?.({ name: 'ipiv_pir_set', descriptor: descriptor.address, vector: request.vector, wasSet });
    if (wasSet) return this.#served();
    cpu.charge(STEP.ON_POST);
    return POST_ON;
  }

  /** ON, then the target's mode: in the guest it needs a notification, asleep it needs waking, else neither. */
  #postOn(): Step | typeof WAITS {
    const cpu = this.#cpu;
    const target = this.#target;
    if (!cpu.lines.hold(cpu, target.descriptor.address, true)) return WAITS;
    if (target.descriptor.on) return this.#served();
    target.descriptor.on = true;
    cpu.trace?.({ name: 'ipiv_on', descriptor: target.descriptor.address, on: true });
    if (target.mode !== IN_GUEST_MODE) return this.#wakeIfAsleep();
    if (target === this.#host.vcpu) return this.#served();
    this.#host.chargeIcrWrite();
    return NOTIFY;
  }

  #setIrr(): Step | typeof WAITS {
    const cpu = this.#cpu;
    const request = this.#request;
    const { page } = this.#target.apic;
    if (!cpu.lines.hold(cpu, page.address + vectorRegister(APIC_IRR, request.vector), true)) return WAITS;
    page.setVector(APIC_IRR, request.vector);
    this.#target.requests |= KVM_REQ_EVENT;
    cpu.charge(STEP.RESCHEDULE_KICK);
    return KICK;
  }

  /** kvm_vcpu_kick */
  #kick(): Step {
    this.#target.requests |= this.#requests;
    if (this.#target.sleeping) return this.#wakeIfAsleep();
    if (!requestExit(this.#host, this.#target)) return this.#served();
    this.#host.chargeIcrWrite();
    return RESCHEDULE;
  }

  #wakeIfAsleep(): Step {
    if (!this.#target.sleeping) return this.#served();
    this.#cpu.charge(STEP.THREAD_WAKEUP);
    return WAKE;
  }

  #wake(): Step {
    if (!wakeThread(this.#host, this.#target)) return this.#served();
    this.#host.chargeIcrWrite();
    return RESCHEDULE;
  }
}
