import type { ApicMessage } from '../../src/hardware/apic/message.js';

/** A fixed, edge-triggered interrupt with vector 41H to APIC ID 1, or what `fields` make of it. */
export function apicMessage(fields: Partial<ApicMessage> = {}): ApicMessage {
  return {
    vector: 0x41,
    deliveryMode: 0,
    logical: false,
    level: false,
    assert: true,
    shorthand: 0,
    destination: 1,
    x2apic: true,
    ...fields,
  };
}
