/**
 * The interconnect between the local APICs: carries IPIs, each with the flight time between the two CPUs.
 *
 * Who is meant is decided where and when the message arrives, from the state of the receiving APIC (SDM vol. 3,
 * 12.6.2). A message of a CPU to itself does not travel. Of several CPUs that match a lowest-priority message, the
 * vector chooses one (vector hashing); the priorities are not compared.
 *
 * Fixed IPIs and NMIs to one CPU, the most frequent ones, are the interpreter's (src/interpreter/bus.ts).
 *
 * Left out: bus arbitration and contention, SMI, remote read.
 */
import { STEP } from '../../cost/step.js';
import { ALL_CPUS } from '../clock/clock.js';
import type { Cpu } from '../cpu/cpu.js';
import type { Engine } from '../cpu/engine.js';
import { APIC_IDS, CPU_BLOCKS, CPU_STRIDE, ORDER_CPU_OF_APIC_ID, ORDER_OBSERVED } from '../cpu/layout.js';
import type { Latency } from '../memory/lines.js';
import type { PhysicalMemory } from '../memory/physical-memory.js';
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
  readonly #memory: PhysicalMemory;
  readonly #engine: Engine;
  readonly #latency: Latency;
  readonly #cpus: Cpu[] = [];
  /** Blocks of CPUs by APIC ID; empty unless IDs are fixed. */
  readonly #byApicId: Uint32Array;
  /** Every APIC has the ID of power-up, and it is the same number in xAPIC and x2APIC mode. */
  #fixedIds = true;
  /** Called for an EOI of a level-triggered interrupt: the I/O APICs listen. */
  onEoiBroadcast: ((vector: number, from: Cpu) => void) | null = null;
  #onFlight: ((flight: IpiFlight) => void) | null = null;

  /** `latency`: ticks of flight from one CPU to another. */
  constructor(memory: PhysicalMemory, engine: Engine, latency: Latency) {
    const { cpus } = memory;
    const { buffer } = memory.wasm;
    this.#memory = memory;
    this.#engine = engine;
    this.#latency = latency;
    this.#byApicId = new Uint32Array(buffer, ORDER_CPU_OF_APIC_ID, APIC_IDS);
    const latencies = new Float64Array(buffer, memory.flightLatency, cpus * cpus);
    for (let at = 0; at < latencies.length; at++) latencies[at] = latency(Math.floor(at / cpus), at % cpus);
  }

  /** Sees every IPI that reaches another CPU. For traces and explanations. */
  set onFlight(see: (flight: IpiFlight) => void) {
    this.#onFlight = see;
    this.#memory.u32[ORDER_OBSERVED >>> 2] = 1;
  }

  /** CPUs join in the order of their ids. */
  add(cpu: Cpu): void {
    this.#cpus.push(cpu);
    this.#fixedIds &&= cpu.apicId < BROADCAST_XAPIC;
    if (this.#fixedIds) this.#byApicId[cpu.apicId] = cpu.block;
    else this.#byApicId.fill(0);
  }

  /** Carries out what a register write of `from` means. False = #GP(0). */
  route(from: Cpu, effect: ApicEffect): boolean {
    switch (effect.kind) {
      case 'message':
        this.send(from, effect.message);
        return true;
      case 'renamed':
        this.#fixedIds = false;
        this.#byApicId.fill(0);
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
    const { deliveryMode } = message;
    if (target !== null && isPlain(message)) this.#sendPlain(from, target, message);
    else if (deliveryMode === M.DELIVERY_LOWEST_PRIORITY) this.#sendLowestPriority(from, { ...message });
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
    if (message.shorthand !== M.SHORTHAND_NONE || message.logical || message.level) return null;
    const block = message.destination < APIC_IDS ? this.#byApicId[message.destination] : 0;
    return block === 0 ? null : this.#cpus[(block - CPU_BLOCKS) / CPU_STRIDE];
  }

  #sendPlain(from: Cpu, target: Cpu, message: ApicMessage): void {
    const { deliveryMode, vector } = message;
    if (from !== target) this.#onFlight?.(flightOf(from, target, vector, from.now, this.#latency(from.id, target.id)));
    if (this.#engine.send(from.block, target.block, (deliveryMode << 8) | vector) !== 0) return;
    const flight = this.#latency(from.id, target.id);
    from.meter.record(from.id, STEP.IPI_FLIGHT, flight);
    const sent = { ...message };
    from.clock.schedule(from.now + flight, target.id, (at) => arrive(target, sent, at));
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
      this.#onFlight?.(flightOf(from, target, message.vector, at - flight, flight));
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
        this.#onFlight?.(flightOf(from, target, message.vector, at - flight, flight));
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

/** A fixed interrupt with a legal vector, or an NMI: what the interpreter can carry. */
function isPlain({ deliveryMode, vector }: ApicMessage): boolean {
  return deliveryMode === M.DELIVERY_NMI || (deliveryMode === M.DELIVERY_FIXED && vector >= 16);
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
