/**
 * Which vCPUs an interrupt request addresses: kvm_irq_delivery_to_apic_fast with the optimized map, and the loop over
 * all vCPUs for broadcasts and shorthands (lapic.c, irq_comm.c). The map is not kept: with at most a few hundred vCPUs
 * it gives the same answer as a match over all of them.
 *
 * Left out: destinations that only the map and the loop would treat differently (aliased IDs).
 */
import {
  DELIVERY_FIXED,
  DELIVERY_LOWEST_PRIORITY,
  SHORTHAND_ALL,
  SHORTHAND_NONE,
  SHORTHAND_OTHERS,
  SHORTHAND_SELF,
} from '../../hardware/apic/message.js';
import type { IpiRequest } from './ipi-request.js';
import { APIC_DFR, APIC_LDR } from './registers.js';
import type { VcpuApic } from './vcpu-apic.js';

const XAPIC_BROADCAST = 0xff;
const X2APIC_BROADCAST = 0xffff_ffff;
const DFR_FLAT = 0xf;

/** As much of a request as decides to whom it goes. */
export type Addressing = Pick<IpiRequest, 'shorthand' | 'logical' | 'destination'>;

/** As much of a vCPU as decides whether a request is for it. */
interface Addressed {
  readonly apic: VcpuApic;
}

/** The vCPUs that `request` from `source` goes to; null = from a device. */
export function resolveDestinations<T extends Addressed>(
  vcpus: readonly T[],
  source: T | null,
  request: IpiRequest,
): readonly T[] {
  if (request.shorthand === SHORTHAND_SELF) return source === null ? [] : [source];
  const matching = vcpus.filter((vcpu) => matches(vcpu, source, request));
  return request.deliveryMode === DELIVERY_LOWEST_PRIORITY ? oneOf(request.vector, matching) : matching;
}

/** The only vCPU that matches `request` from `source`, which is the rule; null when there are several, or none. */
export function onlyDestination<T extends Addressed>(
  vcpus: readonly T[],
  source: T | null,
  request: Addressing,
): T | null {
  let only: T | null = null;
  for (const vcpu of vcpus) {
    if (!matches(vcpu, source, request)) continue;
    if (only !== null) return null;
    only = vcpu;
  }
  return only;
}

/** kvm_apic_match_dest. Devices address like a CPU in xAPIC mode. */
export function matches(vcpu: Addressed, source: Addressed | null, request: Addressing): boolean {
  if (!vcpu.apic.enabled) return false;
  if (request.shorthand === SHORTHAND_ALL) return true;
  if (request.shorthand === SHORTHAND_OTHERS) return vcpu !== source;
  if (request.shorthand !== SHORTHAND_NONE) return false;
  const { destination } = request;
  if (!request.logical && vcpu.apic.id === destination) return true;
  const broadcast = source?.apic.x2apic === true ? X2APIC_BROADCAST : XAPIC_BROADCAST;
  return destination === broadcast || (request.logical && matchesLogical(vcpu, destination));
}

/** Whether a device's interrupt finds anybody who takes it (what kvm_irq_delivery_to_apic_fast counts). */
export function isAccepted(
  vcpus: readonly Addressed[],
  message: Addressing & { readonly deliveryMode: number },
): boolean {
  const vectored = message.deliveryMode === DELIVERY_FIXED || message.deliveryMode === DELIVERY_LOWEST_PRIORITY;
  return vcpus.some((vcpu) => matches(vcpu, null, message) && (!vectored || vcpu.apic.acceptsInterrupts));
}

/** kvm_apic_match_logical_addr */
function matchesLogical(vcpu: Addressed, destination: number): boolean {
  const ldr = vcpu.apic.page.read(APIC_LDR);
  if (vcpu.apic.x2apic) return destination >>> 16 === ldr >>> 16 && (destination & ldr & 0xffff) !== 0;
  const logicalId = ldr >>> 24;
  if (vcpu.apic.page.read(APIC_DFR) >>> 28 === DFR_FLAT) return (logicalId & destination) !== 0;
  return logicalId >>> 4 === destination >>> 4 && (logicalId & destination & 0xf) !== 0;
}

/** Vector hashing: a lowest-priority interrupt goes to one of the matching vCPUs, always the same for a vector. */
function oneOf<T>(vector: number, targets: readonly T[]): readonly T[] {
  return targets.length <= 1 ? targets : [targets[vector % targets.length]];
}
