/**
 * Which local APICs a message is for (SDM vol. 3, 12.6.2 and 12.12.10).
 */
import { SHORTHAND_ALL, SHORTHAND_OTHERS, SHORTHAND_SELF, type ApicMessage } from './message.js';

export const BROADCAST_XAPIC = 0xff;
export const BROADCAST_X2APIC = 0xffff_ffff;

/** The identity of a local APIC, as far as destinations are concerned. */
export interface Destination {
  /** 8 bits in xAPIC mode, 32 bits in x2APIC mode. */
  readonly physicalId: number;
  readonly x2apic: boolean;
  /** Logical destination register: bits 31:24 in xAPIC mode, 32 bits in x2APIC mode. */
  readonly ldr: number;
  /** Destination format register: bits 31:28 all ones for the flat model, 0 for the cluster model. */
  readonly dfr: number;
}

/** True when a message with this shorthand and destination reaches `target`. */
export function reaches(message: ApicMessage, target: Destination, isSender: boolean): boolean {
  switch (message.shorthand) {
    case SHORTHAND_SELF:
      return isSender;
    case SHORTHAND_ALL:
      return true;
    case SHORTHAND_OTHERS:
      return !isSender;
    default:
      return isBroadcast(message) || matches(message, target);
  }
}

function isBroadcast(message: ApicMessage): boolean {
  return message.destination === (message.x2apic ? BROADCAST_X2APIC : BROADCAST_XAPIC);
}

function matches(message: ApicMessage, target: Destination): boolean {
  if (!message.logical) return message.destination === target.physicalId;
  return target.x2apic ? matchesX2apicLogical(message.destination, target.ldr) : matchesXapicLogical(message, target);
}

/** Bits 31:16 name the cluster, bits 15:0 a set of its members. */
function matchesX2apicLogical(destination: number, ldr: number): boolean {
  return destination >>> 16 === ldr >>> 16 && (destination & ldr & 0xffff) !== 0;
}

function matchesXapicLogical(message: ApicMessage, target: Destination): boolean {
  const destination = message.destination & 0xff;
  const logicalId = target.ldr >>> 24;
  if (target.dfr >>> 28 === 15) return (destination & logicalId) !== 0;
  return destination >>> 4 === logicalId >>> 4 && (destination & logicalId & 15) !== 0;
}

/** The LDR that entering x2APIC mode derives from the APIC ID: a cluster of sixteen. */
export function x2apicLogicalId(apicId: number): number {
  return (((apicId >>> 4) << 16) | (1 << (apicId & 15))) >>> 0;
}
