import { describe, expect, it } from 'vitest';
import { vmxMachine } from '../../../test/support/vmx-machine.js';
import { accessDevice } from './local-apic-page.js';

function apicCpu() {
  const machine = vmxMachine({ hostApicMode: 'xapic' });
  return { machine, cpu: machine.sender.cpu };
}

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

describe('the local APIC page', () => {
  it('an aligned 4-byte write reaches the register, and its IPI the bus', () => {
    const { machine, cpu } = apicCpu();
    accessDevice(cpu, 0x310, bytes(0, 0, 0, 1), true);
    accessDevice(cpu, 0x300, bytes(0x41, 0x40, 0, 0), true);
    machine.deliverMessages();
    expect(machine.target.cpu.apic.pendingVector).toBe(0x41);
  });

  it.each([
    [0x081, 4],
    [0x080, 8],
    [0x080, 1],
  ])('a write to %i of %i bytes is dropped', (offset, size) => {
    const { cpu } = apicCpu();
    accessDevice(cpu, offset, new Uint8Array(size).fill(0x50), true);
    expect(cpu.apic.readRegister(0x080)).toBe(0);
  });

  it('reads inside a register return its bytes, others 0', () => {
    const { cpu } = apicCpu();
    const read = (offset: number, size: number): number[] => {
      const data = new Uint8Array(size).fill(0xff);
      accessDevice(cpu, offset, data, false);
      return [...data];
    };
    expect(read(0x030, 4)).toEqual([0x15, 0x00, 0x06, 0x01]);
    expect(read(0x032, 1)).toEqual([0x06]);
    expect(read(0x030, 8)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    expect(read(0x034, 4)).toEqual([0, 0, 0, 0]);
  });
});
