/**
 * Physical interrupts in VMX root operation. They stay in the local APIC's IRR while the host has interrupts off; once
 * on, each costs an entry through the host IDT, an EOI and its handler (sysvec_* in Linux' idt and irq code;
 * pi_wakeup_handler, posted_intr.c). Exit 1 hands over a vector that the processor has acknowledged already.
 *
 * Left out: softirqs, preemption on return from interrupt, and every vector that nothing modelled sends.
 */
import { STEP } from '../cost/step.js';
import { hostTimerExpired } from './apic-timer.js';
import type { HostCpu } from './host-cpu.js';
import { chargeWorker, runDeviceTimer } from './interrupt-chip.js';
import { IpiDelivery } from './ipi-delivery.js';
import { LOCAL_TIMER_VECTOR, POSTED_INTR_WAKEUP_VECTOR, RESCHEDULE_VECTOR } from './host-interrupt-vectors.js';
import { wakeThread } from './wake.js';

type Step = 'look' | 'end-of-interrupt' | 'handler' | 'device-timer' | 'deliver' | 'walk' | 'wake';

export class HostInterrupts {
  readonly #host: HostCpu;
  readonly #delivery: IpiDelivery;
  #step: Step = 'look';
  #vector = 0;
  #listed = 0;

  constructor(host: HostCpu) {
    this.#host = host;
    this.#delivery = new IpiDelivery(host);
  }

  /** Exit 1: `vector` is acknowledged; its handler runs in the next `advance`. */
  begin(vector: number): void {
    this.#enter(vector);
  }

  /** Takes every pending interrupt. False: wait for your turn, call again. */
  advance(): boolean {
    for (;;) {
      if (this.#host.cpu.clock.mustWait(this.#host.cpu)) return false;
      if (this.#step === 'look') {
        if (!this.#host.cpu.apic.requestsService) return true;
        this.#enter(this.#host.cpu.apic.acknowledge());
      } else if (!this.#handle()) {
        return false;
      }
    }
  }

  /** Runs the handler begun by `begin` with interrupts still off: further ones stay pending. False: wait. */
  finishHandler(): boolean {
    while (this.#step !== 'look') {
      if (this.#host.cpu.clock.mustWait(this.#host.cpu) || !this.#handle()) return false;
    }
    return true;
  }

  #enter(vector: number): void {
    const { cpu, interrupts } = this.#host;
    this.#vector = vector;
    interrupts[vector]++;
    cpu.charge(STEP.HOST_IRQ_ENTRY);
    cpu.charge(STEP.HOST_EOI);
    this.#step = 'end-of-interrupt';
  }

  /** One step of a handler, this CPU being next in order. False: wait. */
  #handle(): boolean {
    const { cpu, wakeupList } = this.#host;
    switch (this.#step) {
      case 'end-of-interrupt':
        cpu.apic.eoi();
        cpu.charge(handlerStep(this.#vector));
        this.#listed = 0;
        this.#step = this.#vector === POSTED_INTR_WAKEUP_VECTOR ? 'walk' : 'handler';
        return true;
      case 'walk':
        return this.#walk();
      case 'wake':
        wakeThread(this.#host, wakeupList[this.#listed++]);
        this.#step = 'walk';
        return true;
      case 'handler':
        this.#step = this.#vector === LOCAL_TIMER_VECTOR ? this.#timer() : 'look';
        return true;
      case 'device-timer':
        runDeviceTimer(this.#host);
        this.#delivery.beginRaised();
        this.#step = 'deliver';
        return true;
      case 'deliver':
        if (!this.#delivery.advance()) return false;
        this.#step = 'look';
        return true;
      default:
        this.#step = 'look';
        return true;
    }
  }

  #timer(): Step {
    const host = this.#host;
    hostTimerExpired(host);
    if (host.deviceTimer > host.cpu.tsc) return 'look';
    chargeWorker(host);
    return 'device-timer';
  }

  /** pi_wakeup_handler: vCPUs on this CPU's list are woken if an interrupt is outstanding. */
  #walk(): boolean {
    const { cpu, wakeupList } = this.#host;
    for (; this.#listed < wakeupList.length; this.#listed++) {
      const vcpu = wakeupList[this.#listed];
      if (!cpu.lines.hold(cpu, vcpu.descriptor.address, false)) return false;
      if (!vcpu.descriptor.on || !vcpu.sleeping) continue;
      cpu.charge(STEP.THREAD_WAKEUP);
      this.#step = 'wake';
      return true;
    }
    this.#step = 'look';
    return true;
  }
}

function handlerStep(vector: number): number {
  if (vector === LOCAL_TIMER_VECTOR) return STEP.HRTIMER_INTERRUPT;
  if (vector === POSTED_INTR_WAKEUP_VECTOR) return STEP.WAKEUP_HANDLER;
  return vector === RESCHEDULE_VECTOR ? STEP.RESCHEDULE_HANDLER : STEP.NOTIFICATION_HANDLER;
}
