/**
 * IPI virtualization (SDM vol. 3, 30.1.6): a virtual IPI becomes a request in the target's posted-interrupt descriptor
 * and, if that is not notified yet, one physical IPI. Nothing checks that the target vCPU runs.
 *
 * The microcode's steps are charged as it comes to them; the descriptor changes and the notification leaves at one
 * instant, at the end.
 */
import { STEP } from '../../cost/step.js';
import { APIC_ICR, APIC_ICR_HIGH, X2APIC_MSR_ICR } from '../apic/registers.js';
import type { Cpu } from '../cpu/cpu.js';
import { MAXPHYADDR } from '../memory/physical-memory.js';
import {
  notificationDestination,
  notificationVectorOf,
  outstandingNotification,
  setOutstandingNotification,
  suppressNotification,
  testAndSetPir,
} from './posted-interrupt-descriptor.js';
import type { VirtualizationState } from './virtualization-state.js';

/** The IPI can be posted: `post` does it. */
export const IPI_READY = 0;
/** Not this CPU's turn, or a line is on its way: prepare again. */
export const IPI_WAITS = 1;
/** Software has to handle it: APIC-write VM exit. */
export const IPI_EXITS = 2;

export type IpiPreparation = typeof IPI_READY | typeof IPI_WAITS | typeof IPI_EXITS;

const TWO_32 = 2 ** 32;

/** PID-pointer table entry, bits 5:0: valid (bit 0), the others reserved. */
const ENTRY_LOW_BITS = 0x3f;
const ENTRY_VALID = 1;

// How far the operation in progress has been charged
const CHARGED_NOTHING = 0;
const CHARGED_ELIGIBILITY = 1;
const CHARGED_POSTING = 2;
const CHARGED_NOTIFICATION = 3;

export class IpiVirtualization {
  readonly #cpu: Cpu;
  readonly #state: VirtualizationState;
  #charged = CHARGED_NOTHING;
  #descriptor = 0;
  #notify = false;

  constructor(cpu: Cpu, state: VirtualizationState) {
    this.#cpu = cpu;
    this.#state = state;
  }

  /** A new operation has begun: nothing of it is charged yet. */
  begin(): void {
    this.#charged = CHARGED_NOTHING;
  }

  /** Steps 1 to 5, and everything that `post` needs to act at once. `destination` is a 32-bit APIC ID. */
  prepare(vector: number, destination: number): IpiPreparation {
    this.#charge(CHARGED_ELIGIBILITY);
    if (vector < 16 || destination > this.#state.lastPidPointerIndex) return IPI_EXITS;
    const { clock, lines, memory } = this.#cpu;
    if (clock.mustWait(this.#cpu)) return IPI_WAITS;
    const entry = this.#state.pidPointerTable + 8 * destination;
    if (!memory.isRam(entry)) return IPI_EXITS;
    if (!lines.collect(this.#cpu, entry, false)) return IPI_WAITS;
    this.#descriptor = this.#descriptorAt(entry);
    if (this.#descriptor < 0) return IPI_EXITS;
    this.#charge(CHARGED_POSTING);
    if (!memory.isRam(this.#descriptor)) return IPI_READY;
    return this.#prepareDescriptor();
  }

  /** The address in a valid PID-pointer table entry, -1 for an invalid one. */
  #descriptorAt(entry: number): number {
    const { memory } = this.#cpu;
    const low = memory.read32(entry);
    const high = memory.read32(entry + 4);
    if ((low & ENTRY_LOW_BITS) !== ENTRY_VALID || high >>> (MAXPHYADDR - 32) !== 0) return -1;
    return high * TWO_32 + ((low & ~ENTRY_LOW_BITS) >>> 0);
  }

  #prepareDescriptor(): IpiPreparation {
    const { clock, lines, memory } = this.#cpu;
    if (clock.mustWait(this.#cpu) || !lines.collect(this.#cpu, this.#descriptor, true)) return IPI_WAITS;
    this.#notify =
      !outstandingNotification(memory, this.#descriptor) && !suppressNotification(memory, this.#descriptor);
    if (this.#notify) this.#charge(CHARGED_NOTIFICATION);
    return clock.mustWait(this.#cpu) ? IPI_WAITS : IPI_READY;
  }

  #charge(upTo: number): void {
    const cpu = this.#cpu;
    if (upTo <= this.#charged) return;
    this.#charged = upTo;
    if (upTo === CHARGED_ELIGIBILITY) {
      cpu.charge(STEP.IPIV_ELIGIBILITY);
    } else if (upTo === CHARGED_POSTING) {
      cpu.charge(STEP.IPIV_PIR_SET);
      cpu.charge(STEP.IPIV_ON_UPDATE);
    } else {
      cpu.charge(STEP.IPIV_ICR_WRITE);
    }
  }

  /** Steps 6 to 8. A descriptor where no memory is reads as all ones: ON is 1, and the request is lost. */
  post(vector: number): void {
    const { memory } = this.#cpu;
    if (!memory.isRam(this.#descriptor)) return;
    const descriptor = this.#descriptor;
    const wasSet = testAndSetPir(memory, descriptor, vector);
    this.#cpu.trace?.({ name: 'ipiv_pir_set', descriptor, vector, wasSet });
    if (!this.#notify) return;
    setOutstandingNotification(memory, descriptor, true);
    this.#cpu.trace?.({ name: 'ipiv_on', descriptor, on: true });
    this.#sendNotification(notificationVectorOf(memory, descriptor), notificationDestination(memory, descriptor));
  }

  /** Fixed, edge-triggered, physical destination, by way of the physical ICR in the mode of the physical APIC. */
  #sendNotification(vector: number, destination: number): void {
    const { apic, bus } = this.#cpu;
    if (apic.x2apic) {
      bus.route(this.#cpu, apic.writeMsr(X2APIC_MSR_ICR, destination, vector));
    } else {
      bus.route(this.#cpu, apic.writeRegister(APIC_ICR_HIGH, ((destination >>> 8) & 0xff) << 24));
      bus.route(this.#cpu, apic.writeRegister(APIC_ICR, vector));
    }
  }
}
