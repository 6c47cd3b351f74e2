import { describe, expect, it } from 'vitest';
import { apicMessage } from '../../../test/support/apic-message.js';
import { FLIGHT, vmxMachine } from '../../../test/support/vmx-machine.js';
import { STEP } from '../../cost/step.js';
import { keepAsleep } from '../../../test/support/engine.js';
import type { ApicMessage } from './message.js';

function twoCpus() {
  const machine = vmxMachine();
  const [sender, target] = [machine.sender.cpu, machine.target.cpu];
  return {
    machine,
    sender,
    target,
    send: (fields?: Partial<ApicMessage>) => machine.bus.send(sender, apicMessage(fields)),
  };
}

describe('APIC bus', () => {
  it('a fixed IPI arrives after its flight; the sender pays nothing for it', () => {
    const { machine, sender, target, send } = twoCpus();
    sender.now = 1000;
    keepAsleep(target);
    send();
    expect(target.apic.requestsService).toBe(false);
    machine.deliverMessages();
    expect(target.apic.pendingVector).toBe(0x41);
    expect([sender.now, target.now]).toEqual([1000, 1000 + FLIGHT]);
    expect(machine.charged(0, STEP.IPI_FLIGHT)).toBe(1);
    expect(machine.meter.ticks.includes(FLIGHT)).toBe(true);
  });

  it('an IPI to oneself takes effect at once, by shorthand or by destination', () => {
    const { sender, send } = twoCpus();
    send({ shorthand: 1 });
    expect(sender.apic.pendingVector).toBe(0x41);
    send({ destination: 0, vector: 0x52 });
    expect(sender.apic.pendingVector).toBe(0x52);
  });

  it('knows whether any APIC takes what the chipset sends', () => {
    const { machine, sender, target } = twoCpus();
    const accepts = (fields: Partial<ApicMessage>): boolean =>
      machine.bus.accepts(apicMessage({ x2apic: false, ...fields }));
    expect([accepts({ destination: 1 }), accepts({ destination: 7 }), accepts({ destination: 0xff })]).toEqual([
      true,
      false,
      true,
    ]);
    for (const { apic } of [sender, target]) apic.writeMsr(0x80f, 0, 0xff);
    expect([accepts({ destination: 1 }), accepts({ destination: 1, deliveryMode: 4 })]).toEqual([false, true]);
  });

  it('what the chipset sends in an event is there at once; of several for the lowest priority the vector chooses one', () => {
    const { machine, sender, target } = twoCpus();
    machine.bus.deliver(apicMessage({ destination: 1, x2apic: false }), 0);
    expect([sender.apic.requestsService, target.apic.pendingVector]).toEqual([false, 0x41]);
    machine.bus.deliver(apicMessage({ deliveryMode: 1, destination: 0xff, vector: 0x52, x2apic: false }), 0);
    expect([sender.apic.pendingVector, target.apic.pendingVector]).toEqual([0x52, 0x41]);
  });

  it('"all excluding self" reaches the others only', () => {
    const { machine, sender, target, send } = twoCpus();
    send({ shorthand: 3 });
    machine.deliverMessages();
    expect([sender.apic.requestsService, target.apic.requestsService]).toEqual([false, true]);
  });

  it('"all including self" and broadcast reach everybody', () => {
    for (const fields of [{ shorthand: 2 }, { destination: 0xffff_ffff }, { destination: 0xff, x2apic: false }]) {
      const { machine, sender, target, send } = twoCpus();
      send(fields);
      machine.deliverMessages();
      expect([sender.apic.requestsService, target.apic.requestsService]).toEqual([true, true]);
    }
  });

  it('a physical xAPIC IPI reaches all who have written its destination to their ID, and nobody else', () => {
    const { machine, sender, target, send } = twoCpus();
    for (const { apic } of [sender, target]) {
      apic.writeApicBase(0, apic.apicBase & ~0xc00);
      apic.writeApicBase(0, (apic.apicBase & ~0xc00) | 0x800);
      apic.writeRegister(0xf0, 0x1ff);
    }
    machine.bus.route(target, target.apic.writeRegister(0x20, 9 << 24));
    send({ x2apic: false, destination: 1 });
    machine.deliverMessages();
    expect([sender.apic.requestsService, target.apic.requestsService]).toEqual([false, false]);
    machine.bus.route(sender, sender.apic.writeRegister(0x20, 9 << 24));
    send({ x2apic: false, destination: 9 });
    machine.deliverMessages();
    expect([sender.apic.requestsService, target.apic.requestsService]).toEqual([true, true]);
  });

  it('an IPI to nobody is lost', () => {
    const { machine, target, send } = twoCpus();
    send({ destination: 7 });
    machine.deliverMessages();
    expect(target.apic.requestsService).toBe(false);
    expect(machine.sentIpis(0)).toBe(0);
  });

  it('NMI, INIT and SIPI set what the core looks at', () => {
    const { machine, target, send } = twoCpus();
    target.sipiPending = -1;
    send({ deliveryMode: 4 });
    send({ deliveryMode: 5 });
    send({ deliveryMode: 6, vector: 0x9a });
    machine.deliverMessages();
    expect([target.nmiPending, target.initPending, target.sipiPending]).toEqual([true, true, 0x9a]);
    expect(target.attention).toBe(true);
  });

  it('an NMI to one CPU takes a flight, one to oneself none', () => {
    const { machine, sender, target, send } = twoCpus();
    keepAsleep(target);
    send({ deliveryMode: 4 });
    send({ deliveryMode: 4, destination: 0 });
    expect([sender.nmiPending, target.nmiPending]).toEqual([true, false]);
    machine.deliverMessages();
    expect([target.nmiPending, target.now]).toEqual([true, FLIGHT]);
    expect(machine.charged(0, STEP.IPI_FLIGHT)).toBe(1);
  });

  it('INIT level de-assert does nothing', () => {
    const { machine, target, send } = twoCpus();
    send({ deliveryMode: 5, level: true, assert: false });
    machine.deliverMessages();
    expect(target.initPending).toBe(false);
  });

  it('a lowest-priority IPI goes to exactly one of those that match', () => {
    for (const vector of [0x40, 0x41]) {
      const { machine, sender, target, send } = twoCpus();
      send({ deliveryMode: 1, logical: true, destination: 3, vector });
      machine.deliverMessages();
      expect(Number(sender.apic.requestsService) + Number(target.apic.requestsService)).toBe(1);
    }
  });

  it('logical destinations are matched where the message arrives', () => {
    const { machine, target, send } = twoCpus();
    send({ logical: true, destination: 2 });
    machine.deliverMessages();
    expect(target.apic.pendingVector).toBe(0x41);
  });

  it.each<[string, Partial<ApicMessage>]>([
    ['fixed', {}],
    ['logical', { logical: true, destination: 2 }],
    ['lowest-priority', { deliveryMode: 1, logical: true, destination: 2 }],
  ])('tells of every %s IPI that reaches another CPU', (_, fields) => {
    const { machine, sender, send } = twoCpus();
    const flights: unknown[] = [];
    machine.bus.onFlight = (flight) => flights.push(flight);
    sender.now = 1000;
    send({ shorthand: 1 });
    send(fields);
    machine.deliverMessages();
    expect(flights).toEqual([{ from: 0, to: 1, vector: 0x41, sentAt: 1000, arrivesAt: 1000 + FLIGHT }]);
  });

  it('a buffer may be reused while its message is in flight', () => {
    const { machine, sender, target } = twoCpus();
    const buffer = { ...apicMessage({ logical: true, destination: 2 }) };
    machine.bus.send(sender, buffer);
    buffer.vector = 0x99;
    machine.deliverMessages();
    expect(target.apic.pendingVector).toBe(0x41);
  });
});
