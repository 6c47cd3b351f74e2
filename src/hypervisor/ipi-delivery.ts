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
import type { HostCpu } from './host-cpu.js';
import { resolveDestinations } from './lapic/destinations.js';
import { vectorRegister } from './lapic/register-page.js';
import { APIC_IRR, APIC_LVT0, APIC_LVT_MASKED, APIC_TMR } from './lapic/registers.js';
import type { RaisedInterrupt } from './kernel-devices.js';
import { traceAccept, traceApicIpi, traceApicvAccept } from './tracepoints.js';
import { IN_GUEST_MODE, KVM_REQ_EVENT, KVM_REQ_NMI, KVM_REQ_SCAN_IOAPIC, type Vcpu } from './vcpu.js';
import { requestExit, wakeThread } from './wake.js';

type Step =
  | 'done'
  | 'look-up' //     S7
  | 'next'
  | 'accept' //      S8
  | 'post-pir' //    S9
  | 'post-on' //     S10
  | 'notify' //      S11
  | 'set-irr' //     without APICv
  | 'kick' //        S21
  | 'wake' //        S15, the waker's part
  | 'reschedule'; // reschedule IPI to the target's CPU

export class IpiDelivery {
  readonly #host: HostCpu;
  readonly #targets: Vcpu[] = [];
  #step: Step = 'done';
  #next = 0;
  /** Non-zero: the targets get requests (KVM_REQ_*) instead of an interrupt. */
  #requests = 0;
  /** The target's interrupt goes through its descriptor. */
  #posts = false;
  #fromDevice = false;

  constructor(host: HostCpu) {
    this.#host = host;
  }

  /** Starts with the request in `host.request`: charges building it (S6) and the look-up (S7). */
  begin(): void {
    const { cpu } = this.#host;
    cpu.charge(STEP.IPI_REQUEST);
    cpu.charge(STEP.APIC_MAP_LOOKUP);
    traceApicIpi(this.#host);
    this.#requests = 0;
    this.#fromDevice = false;
    this.#step = 'look-up';
  }

  /** What devices have raised, in `host.raised`, one after the other. */
  beginRaised(): void {
    this.#targets.length = 0;
    this.#next = 0;
    this.#step = 'next';
  }

  /** kvm_apic_local_deliver: the interrupt of an LVT entry goes to this CPU's own vCPU, unless it is masked. */
  beginLocal(lvt: number): void {
    const { vcpu, request } = this.#host;
    this.#requests = 0;
    this.#targets.length = 0;
    this.#next = 0;
    this.#step = 'next';
    if (!vcpu.apic.enabled || (lvt & APIC_LVT_MASKED) !== 0) return;
    this.#targets.push(vcpu);
    request.fromLvt(lvt);
  }

  /** The request in `host.request` goes to `targets`, whom the caller has found (__pv_send_ipi). */
  beginTo(targets: readonly Vcpu[]): void {
    this.#host.cpu.charge(STEP.APIC_MAP_LOOKUP);
    this.#requests = 0;
    this.#targets.length = 0;
    this.#targets.push(...targets);
    this.#next = 0;
    this.#step = 'next';
  }

  /** kvm_make_all_cpus_request: gives `requests` to every vCPU and kicks those in guest mode. */
  beginKickAll(requests: number): void {
    this.#requests = requests;
    this.#targets.length = 0;
    this.#targets.push(...this.#host.vm.vcpus);
    this.#next = 0;
    this.#step = 'next';
  }

  /** Goes on until the last target has been served. False: wait for your turn, call again. */
  advance(): boolean {
    while (this.#step !== 'done') {
      if (this.#host.cpu.clock.mustWait(this.#host.cpu)) return false;
      const next = this.#act(this.#step);
      if (next === null) return false;
      this.#step = next;
    }
    return true;
  }

  get #target(): Vcpu {
    return this.#targets[this.#next];
  }

  /** One step, this CPU being next in order; null = a cache line is on its way. */
  #act(step: Step): Step | null {
    switch (step) {
      case 'look-up':
        return this.#lookUp();
      case 'next':
        return this.#toTarget();
      case 'accept':
        return this.#accept();
      case 'post-pir':
        return this.#postPir();
      case 'post-on':
        return this.#postOn();
      case 'notify':
        this.#host.sendNotification(this.#host.of(this.#target));
        return this.#served();
      case 'set-irr':
        return this.#setIrr();
      case 'kick':
        return this.#kick();
      case 'wake':
        return this.#wake();
      case 'reschedule':
        this.#host.sendReschedule(this.#host.of(this.#target));
        return this.#served();
      case 'done':
        return step;
    }
  }

  #lookUp(): Step {
    const { vm, vcpu, request } = this.#host;
    resolveDestinations(vm.vcpus, this.#fromDevice ? null : vcpu, request, this.#targets);
    this.#next = 0;
    return 'next';
  }

  #toTarget(): Step {
    if (this.#next === this.#targets.length) return this.#nextRaised();
    this.#host.cpu.charge(this.#requests === 0 ? STEP.APIC_ACCEPT : STEP.RESCHEDULE_KICK);
    if (this.#requests !== 0) return 'kick';
    traceAccept(this.#host, this.#target);
    return 'accept';
  }

  #nextRaised(): Step {
    const raised = this.#host.raised.shift();
    if (raised === undefined) return 'done';
    this.#next = 0;
    this.#targets.length = 0;
    return this.#beginDevice(raised);
  }

  #beginDevice(raised: RaisedInterrupt): Step {
    const { cpu, vm, request } = this.#host;
    switch (raised) {
      case 'irq-line':
        cpu.charge(STEP.IRQ_LINE);
        return 'next';
      case 'pic-output':
        this.#requests = KVM_REQ_EVENT;
        this.#targets.push(...vm.vcpus.filter(({ apic }) => apic.acceptsPic).slice(0, 1));
        return 'next';
      case 'timer-tick':
        this.#beginWatchdog();
        return 'next';
      case 'redirection':
        this.#requests = KVM_REQ_SCAN_IOAPIC;
        this.#targets.push(...vm.vcpus);
        return 'next';
      default:
        this.#requests = 0;
        this.#fromDevice = true;
        request.fromMessage(raised);
        cpu.charge(STEP.APIC_MAP_LOOKUP);
        return 'look-up';
    }
  }

  /** kvm_apic_nmi_wd_deliver: the PIT's tick is an NMI for every vCPU whose LINT0 is one. */
  #beginWatchdog(): void {
    const { vm, request } = this.#host;
    this.#requests = 0;
    this.#targets.push(...vm.vcpus.filter(({ apic }) => apic.takesWatchdog));
    if (this.#targets.length > 0) request.fromLvt(this.#targets[0].apic.page.read(APIC_LVT0));
  }

  #served(): Step {
    if (this.#posts) traceApicvAccept(this.#host, this.#target);
    this.#posts = false;
    this.#next++;
    return 'next';
  }

  /** __apic_accept_irq */
  #accept(): Step | null {
    const { cpu, request } = this.#host;
    const target = this.#target;
    if (request.deliveryMode !== DELIVERY_FIXED && request.deliveryMode !== DELIVERY_LOWEST_PRIORITY)
      return this.#acceptOther(target);
    if (!target.apic.acceptsInterrupts || (request.levelTriggered && !request.levelAsserted)) return this.#served();
    if (!this.#fixTriggerMode()) return null;
    cpu.charge(STEP.PIR_POST);
    this.#posts = target.apicvActive;
    return this.#posts ? 'post-pir' : 'set-irr';
  }

  /** NMI, INIT (but not its de-assertion) and start-up IPIs: a request and a kick. */
  #acceptOther(target: Vcpu): Step {
    const { cpu, request } = this.#host;
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
    return 'kick';
  }

  /** The target's TMR bit follows the trigger mode; it is written only when it differs. */
  #fixTriggerMode(): boolean {
    const { cpu, request } = this.#host;
    const { page } = this.#target.apic;
    const line = page.address + vectorRegister(APIC_TMR, request.vector);
    if (!cpu.lines.hold(cpu, line, false)) return false;
    if (page.testVector(APIC_TMR, request.vector) === request.levelTriggered) return true;
    if (!cpu.lines.hold(cpu, line, true)) return false;
    if (request.levelTriggered) page.setVector(APIC_TMR, request.vector);
    else page.clearVector(APIC_TMR, request.vector);
    return true;
  }

  #postPir(): Step | null {
    const { cpu, request } = this.#host;
    const { descriptor } = this.#target;
    if (!cpu.lines.hold(cpu, descriptor.address, true)) return null;
    const wasSet = descriptor.testAndSetPir(request.vector);
    cpu.trace?.({ name: 'ipiv_pir_set', descriptor: descriptor.address, vector: request.vector, wasSet });
    if (wasSet) return this.#served();
    cpu.charge(STEP.ON_POST);
    return 'post-on';
  }

  /** ON, then the target's mode: in the guest it needs a notification, asleep it needs waking, else neither. */
  #postOn(): Step | null {
    const { cpu, vcpu } = this.#host;
    const target = this.#target;
    if (!cpu.lines.hold(cpu, target.descriptor.address, true)) return null;
    if (target.descriptor.on) return this.#served();
    target.descriptor.on = true;
    cpu.trace?.({ name: 'ipiv_on', descriptor: target.descriptor.address, on: true });
    if (target.mode !== IN_GUEST_MODE) return this.#wakeIfAsleep();
    if (target === vcpu) return this.#served();
    this.#host.chargeIcrWrite();
    return 'notify';
  }

  #setIrr(): Step | null {
    const { cpu, request } = this.#host;
    const { page } = this.#target.apic;
    if (!cpu.lines.hold(cpu, page.address + vectorRegister(APIC_IRR, request.vector), true)) return null;
    page.setVector(APIC_IRR, request.vector);
    this.#target.requests |= KVM_REQ_EVENT;
    cpu.charge(STEP.RESCHEDULE_KICK);
    return 'kick';
  }

  /** kvm_vcpu_kick */
  #kick(): Step {
    this.#target.requests |= this.#requests;
    if (this.#target.sleeping) return this.#wakeIfAsleep();
    if (!requestExit(this.#host, this.#target)) return this.#served();
    this.#host.chargeIcrWrite();
    return 'reschedule';
  }

  #wakeIfAsleep(): Step {
    if (!this.#target.sleeping) return this.#served();
    this.#host.cpu.charge(STEP.THREAD_WAKEUP);
    return 'wake';
  }

  #wake(): Step {
    if (!wakeThread(this.#host, this.#target)) return this.#served();
    this.#host.chargeIcrWrite();
    return 'reschedule';
  }
}
