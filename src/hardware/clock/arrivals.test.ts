import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { apicMessage } from '../../../test/support/apic-message.js';
import { keepAsleep } from '../../../test/support/engine.js';
import { FLIGHT, vmxMachine, type VmxMachine } from '../../../test/support/vmx-machine.js';
import type { LocalApic } from '../apic/local-apic.js';
import { MOST_ARRIVALS } from '../cpu/layout.js';
import { ALL_CPUS } from './clock.js';

const FIRST_VECTOR = 16;

function machineAsleep(): VmxMachine {
  const machine = vmxMachine();
  for (const { cpu } of machine.vcpus) keepAsleep(cpu);
  return machine;
}

/** A fixed IPI from CPU 0 that arrives at CPU 1 at time `at`. */
function sendToArriveAt({ bus, sender }: VmxMachine, at: number, vector: number): void {
  sender.cpu.now = at - FLIGHT;
  bus.send(sender.cpu, apicMessage({ vector }));
}

function requested(apic: LocalApic): number[] {
  const words = Array.from({ length: 8 }, (_, index) => apic.readMsr(0x820 + index)?.lo ?? 0);
  return Array.from({ length: 256 }, (_, vector) => vector).filter((v) => (words[v >>> 5] & (1 << (v & 31))) !== 0);
}

describe('arrivals of interrupts and events of the host', () => {
  it('take place by time, and those of one time in the order in which they were scheduled', () => {
    const event = fc.record({ at: fc.nat(12), isArrival: fc.boolean() });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const machine = machineAsleep();
        const { apic } = machine.target.cpu;
        const seen: { index: number; requested: number[] }[] = [];
        events.forEach(({ at, isArrival }, index) => {
          if (isArrival) sendToArriveAt(machine, FLIGHT + at, FIRST_VECTOR + index);
          else machine.clock.schedule(FLIGHT + at, ALL_CPUS, () => seen.push({ index, requested: requested(apic) }));
        });
        machine.clock.run();
        const sorted = events
          .map((each, index) => ({ ...each, index }))
          .sort((a, b) => a.at - b.at || a.index - b.index);
        const arrivals = (before: number): number[] =>
          sorted.flatMap(({ isArrival, index }, place) => (isArrival && place < before ? [FIRST_VECTOR + index] : []));
        const inOrder = (a: number, b: number): number => a - b;
        const expected = sorted.flatMap(({ isArrival, index }, place) =>
          isArrival ? [] : [{ index, requested: arrivals(place).sort(inOrder) }],
        );
        expect(seen).toEqual(expected);
        expect(requested(apic)).toEqual(arrivals(events.length).sort(inOrder));
      }),
    );
  });

  it('wake their targets at their times', () => {
    const machine = machineAsleep();
    const { cpu } = machine.target;
    const times: number[] = [];
    for (const [index, at] of [70, 20, 50, 90, 10, 80, 30, 60, 40].entries()) {
      sendToArriveAt(machine, FLIGHT + at, FIRST_VECTOR + index);
      machine.clock.schedule(FLIGHT + at, ALL_CPUS, () => times.push(cpu.now - FLIGHT));
    }
    machine.clock.run();
    expect(times).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90]);
    expect(cpu.sleepTicks).toBe(FLIGHT + 90);
  });

  it('are all there when there are more than the interpreter has room for', () => {
    const machine = machineAsleep();
    for (let sent = 0; sent < MOST_ARRIVALS; sent++) sendToArriveAt(machine, FLIGHT + sent, FIRST_VECTOR);
    sendToArriveAt(machine, FLIGHT + 5, FIRST_VECTOR + 1);
    const seen: number[][] = [];
    for (const at of [4, 5])
      machine.clock.schedule(FLIGHT + at, ALL_CPUS, () => seen.push(requested(machine.target.cpu.apic)));
    machine.clock.run();
    expect(seen).toEqual([[FIRST_VECTOR], [FIRST_VECTOR, FIRST_VECTOR + 1]]);
    expect(machine.sentIpis(0)).toBe(MOST_ARRIVALS + 1);
    expect(machine.target.cpu.now).toBe(FLIGHT + MOST_ARRIVALS - 1);
  });
});
