/**
 * The interconnect between the local APICs: carries IPIs, each with the flight time between the two CPUs.
 *
 * Who is meant is decided where and when the message arrives, from the state of the receiving APIC (SDM vol. 3,
 * 12.6.2). A message of a CPU to itself does not travel. Of several CPUs that match a lowest-priority message, the
 * vector chooses one (vector hashing); the priorities are not compared.
 *
 * Left out: bus arbitration and contention, SMI, remote read.
 */
import { STEP } from '../../cost/step.js';
import { ALL_CPUS } from '../clock/clock.js';
import type { Cpu } from '../cpu/cpu.js';
import type { Latency } from '../memory/lines.js';
import { BROADCAST_XAPIC, reaches } from './destination.js';
import * as M from './message.js';
import type { ApicEffect, ApicMessage } from './message.js';

/** An IPI on its way from one CPU to another; times in ticks. */
export interface IpiFlight {
  readonly from: number;
  readonly to: number;
  readonly vector: number;
  readonly sentAt: number;
  readonly arrivesAt: number;
}

export class Bus {
  readonly #latency: Latency;
  readonly #cpus: Cpu[] = [];
  /** CPUs by the APIC ID of power-up. */
  readonly #byApicId = new Map<number, Cpu>();
  /** Every APIC has the ID of power-up, and it is the same number in xAPIC and x2APIC mode. */
  #fixedIds = true;
  /** Arrivals of fixed interrupts, by CPU index * 256 + vector: made once, scheduled often. */
  readonly #arrivals: ((at: number) => void)[] = [];
  /** Called for an EOI of a level-triggered interrupt: the I/O APICs listen. */
  onEoiBroadcast: ((vector: number, from: Cpu) => void) | null = null;
  /** Sees every IPI that reaches another CPU. For traces and explanations. */
  onFlight: ((flight: IpiFlight) => void) | null = null;

  /** `latency`: ticks of flight from one CPU to another. */
  constructor(latency: Latency) {
    this.#latency = latency;
  }

  /** CPUs join in the order of their ids. */
  add(cpu: Cpu): void {
    this.#cpus.push(cpu);
    this.#byApicId.set(cpu.apicId, cpu);
    this.#fixedIds &&= cpu.apicId < BROADCAST_XAPIC;
  }

  /** Carries out what a register write of `from` means. False = #GP(0). */
  route(from: Cpu, effect: ApicEffect): boolean {
    switch (effect.kind) {
      case 'message':
        this.send(from, effect.message);
        return true;
      case 'renamed':
        this.#fixedIds = false;
        return true;
      case 'eoi-broadcast':
        this.onEoiBroadcast?.(effect.vector, from);
        return true;
      case 'none':
        return true;
      case 'general-protection':
        return false;
    }
  }

  /** Sends an IPI at `from.now`: an act, for which the sender has waited. `message` may be reused afterwards. */
  send(from: Cpu, message: ApicMessage): void {
    const target = this.#onlyTarget(message);
    if (target !== null && message.deliveryMode === M.DELIVERY_FIXED) this.#sendFixed(from, target, message.vector);
    else if (message.deliveryMode === M.DELIVERY_LOWEST_PRIORITY) this.#sendLowestPriority(from, { ...message });
    else this.#sendToMatching(from, { ...message });
  }

  /** Some local APIC would take this message of the chipset now. */
  accepts(message: ApicMessage): boolean {
    const { deliveryMode } = message;
    const vectored = deliveryMode === M.DELIVERY_FIXED || deliveryMode === M.DELIVERY_LOWEST_PRIORITY;
    return this.#cpus.some(({ apic }) => reaches(message, apic, false) && (!vectored || apic.softwareEnabled));
  }

  /** An interrupt message of the chipset, in an event at `at` for which all CPUs have waited: it arrives at once. */
  deliver(message: ApicMessage, at: number): void {
    if (message.deliveryMode === M.DELIVERY_LOWEST_PRIORITY) {
      this.#arbitrate(null, message, at);
      return;
    }
    for (const target of this.#cpus) if (reaches(message, target.apic, false)) arrive(target, message, at);
  }

  /** The CPU that an edge-triggered physical unicast names; null for everything else and where IDs do not tell. */
  #onlyTarget(message: ApicMessage): Cpu | null {
    if (!this.#fixedIds || message.shorthand !== M.SHORTHAND_NONE || message.logical || message.level) return null;
    return this.#byApicId.get(message.destination) ?? null;
  }

  #sendFixed(from: Cpu, target: Cpu, vector: number): void {
    if (from === target) {
      accept(target, vector, false, from.now);
      return;
    }
    const flight = this.#latency(from.id, target.id);
    from.meter.record(from.id, STEP.IPI_FLIGHT, flight);
    const index = target.id * 256 + vector;
    const arrival = (this.#arrivals[index] ??= (at) => accept(target, vector, false, at));
    this.onFlight?.(flightOf(from, target, vector, from.now, flight));
    from.clock.schedule(from.now + flight, target.id, arrival);
  }

  #sendToMatching(from: Cpu, message: ApicMessage): void {
    for (const target of this.#cpus) {
      if (target === from) {
        if (reaches(message, from.apic, true)) arrive(from, message, from.now);
      } else if (message.shorthand !== M.SHORTHAND_SELF) {
        this.#sendToCandidate(from, target, message);
      }
    }
  }

  #sendToCandidate(from: Cpu, target: Cpu, message: ApicMessage): void {
    const flight = this.#latency(from.id, target.id);
    from.clock.schedule(from.now + flight, target.id, (at) => {
      if (!reaches(message, target.apic, false)) return;
      from.meter.record(from.id, STEP.IPI_FLIGHT, flight);
      this.onFlight?.(flightOf(from, target, message.vector, at - flight, flight));
      arrive(target, message, at);
    });
  }

  /** Arbitration happens once for all, after the shortest flight. */
  #sendLowestPriority(from: Cpu, message: ApicMessage): void {
    let flight = Infinity;
    for (const target of this.#cpus) {
      if (target !== from) flight = Math.min(flight, this.#latency(from.id, target.id));
    }
    if (flight === Infinity) flight = 0;
    from.meter.record(from.id, STEP.IPI_FLIGHT, flight);
    from.clock.schedule(from.now + flight, ALL_CPUS, (at) => {
      const target = this.#arbitrate(from, message, at);
      if (target !== null && target !== from)
        this.onFlight?.(flightOf(from, target, message.vector, at - flight, flight));
    });
  }

  /** One of the CPUs that match takes the interrupt; null when none does. */
  #arbitrate(from: Cpu | null, message: ApicMessage, at: number): Cpu | null {
    const matching = this.#cpus.filter((cpu) => cpu.apic.softwareEnabled && reaches(message, cpu.apic, cpu === from));
    if (matching.length === 0) return null;
    const target = matching[message.vector % matching.length];
    accept(target, message.vector, message.level, at);
    return target;
  }
}

function flightOf(from: Cpu, to: Cpu, vector: number, sentAt: number, flight: number): IpiFlight {
  return { from: from.id, to: to.id, vector, sentAt, arrivesAt: sentAt + flight };
}

function arrive(target: Cpu, message: ApicMessage, at: number): void {
  switch (message.deliveryMode) {
    case M.DELIVERY_FIXED:
      accept(target, message.vector, message.level, at);
      return;
    case M.DELIVERY_NMI:
      target.nmiPending = true;
      break;
    case M.DELIVERY_INIT:
      if (message.level && !message.assert) return;
      target.initPending = true;
      break;
    case M.DELIVERY_STARTUP:
      target.sipiPending = message.vector;
      break;
    default:
      return;
  }
  target.wake(at);
}

function accept(target: Cpu, vector: number, level: boolean, at: number): void {
  target.apic.accept(vector, level);
  if (target.apic.requestsService) target.wake(at);
}
