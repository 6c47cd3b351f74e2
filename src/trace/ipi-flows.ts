/**
 * Follows every IPI from the write to the ICR to the EOI: by way of the descriptor and the notification, or of KVM and
 * an injection. Requests of one vector that meet in the PIR end in one delivery.
 */
import type { TraceRecord } from './event.js';
import type { TraceRecording } from './recording.js';
import type { Mark } from './timeline.js';

interface Flow {
  readonly id: number;
  readonly source: Mark;
}

const VECTOR_MASK = 0xffn;
/** Delivery modes whose vector is delivered and ended: fixed and lowest priority. */
const VECTORED_MODES: readonly number[] = [0, 1];
/** The hypercall KVM_HC_SEND_IPI has no event of its own. */
const PARAVIRTUAL_SEND = 'VMCALL';

/** Gives marks the flows that pass them, event by event in order of time. */
export class IpiFlows {
  readonly #recording: TraceRecording;
  /** What sends on each CPU until it enters the guest again: the write to the ICR, or the exit that it causes. */
  readonly #sources = new Map<number, Mark>();
  readonly #exits = new Map<number, Mark>();
  readonly #pending = new FlowTable();
  readonly #inService = new FlowTable();
  #count = 0;

  constructor(recording: TraceRecording) {
    this.#recording = recording;
  }

  /** Takes an event with the mark that stands for it. */
  add({ cpu, event }: TraceRecord, mark: Mark): void {
    switch (event.name) {
      case 'ipiv_icr_write':
        this.#sources.set(cpu, mark);
        if (event.outcome === 'self') this.#request(cpu, cpu, Number(event.icr & VECTOR_MASK), mark);
        return;
      case 'kvm_exit':
        this.#exits.set(cpu, mark);
        if (event.reasonName === PARAVIRTUAL_SEND) this.#sources.set(cpu, mark);
        return;
      case 'kvm_entry':
        this.#sources.delete(cpu);
        this.#exits.delete(cpu);
        return;
      case 'kvm_apic_ipi':
        // An access to the APIC page exits before the processor knows what is written.
        if (!this.#sources.has(cpu)) this.#sources.set(cpu, this.#exits.get(cpu) ?? mark);
        return;
      case 'kvm_apic_accept_irq':
        if (VECTORED_MODES.includes(event.deliveryMode)) this.#request(cpu, event.apicId, event.vector, mark);
        return;
      case 'ipiv_pir_set':
        this.#request(cpu, this.#recording.descriptors.get(event.descriptor) ?? -1, event.vector, mark);
        return;
      case 'ipiv_pi_processed':
        for (const flow of this.#pending.of(cpu)) mark.flows.push(flow.id);
        return;
      case 'ipiv_delivery':
      case 'kvm_inj_virq':
        this.#deliver(cpu, event.vector, mark);
        return;
      case 'ipiv_eoi':
      case 'kvm_eoi':
        for (const { id } of this.#inService.take(cpu, event.vector)) mark.endingFlows.push(id);
    }
  }

  #request(cpu: number, target: number, vector: number, mark: Mark): void {
    const source = this.#sources.get(cpu);
    if (source === undefined || target < 0) return;
    let flow = this.#pending.of(target, vector).find((each) => each.source === source);
    if (flow === undefined) {
      flow = { id: ++this.#count, source };
      this.#pending.add(target, vector, flow);
      source.flows.push(flow.id);
    }
    if (mark !== source) mark.flows.push(flow.id);
  }

  #deliver(cpu: number, vector: number, mark: Mark): void {
    for (const flow of this.#pending.take(cpu, vector)) {
      mark.flows.push(flow.id);
      this.#inService.add(cpu, vector, flow);
    }
  }
}

/** Flows by the vCPU that they go to and their vector. */
class FlowTable {
  readonly #flows = new Map<number, Map<number, Flow[]>>();

  add(vcpu: number, vector: number, flow: Flow): void {
    const vectors = this.#flows.get(vcpu) ?? new Map<number, Flow[]>();
    this.#flows.set(vcpu, vectors);
    vectors.set(vector, [...(vectors.get(vector) ?? []), flow]);
  }

  of(vcpu: number, vector?: number): readonly Flow[] {
    const vectors = this.#flows.get(vcpu);
    return vector === undefined ? [...(vectors?.values() ?? [])].flat() : (vectors?.get(vector) ?? []);
  }

  take(vcpu: number, vector: number): readonly Flow[] {
    const flows = this.of(vcpu, vector);
    this.#flows.get(vcpu)?.delete(vector);
    return flows;
  }
}
