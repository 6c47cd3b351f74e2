/**
 * The interrupt command register (SDM vol. 3, 12.6.1 and 12.12.9): what a value in it asks for.
 */
import type { ApicMessage } from './message.js';
import { ICR_ASSERT, ICR_LEVEL, ICR_LOGICAL } from './registers.js';

/** An ApicMessage that is filled anew for every IPI. */
export type MessageBuffer = { -readonly [Field in keyof ApicMessage]: ApicMessage[Field] };

export function createMessageBuffer(): MessageBuffer {
  return {
    vector: 0,
    deliveryMode: 0,
    logical: false,
    level: false,
    assert: false,
    shorthand: 0,
    destination: 0,
    x2apic: false,
  };
}

/** Decodes ICR bits 31:0 and a destination into `message`. */
export function decodeIcr(message: MessageBuffer, icrLow: number, destination: number, x2apic: boolean): ApicMessage {
  message.vector = icrLow & 0xff;
  message.deliveryMode = (icrLow >>> 8) & 7;
  message.logical = (icrLow & ICR_LOGICAL) !== 0;
  message.level = (icrLow & ICR_LEVEL) !== 0;
  message.assert = (icrLow & ICR_ASSERT) !== 0;
  message.shorthand = (icrLow >>> 18) & 3;
  message.destination = destination;
  message.x2apic = x2apic;
  return message;
}
