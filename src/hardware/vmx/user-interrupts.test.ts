import { describe, expect, it } from 'vitest';
import {
  cpuFixture,
  DATA,
  HANDLERS,
  nonRoot,
  RSP,
  USER_CODE,
  USER_STACK,
  type Fixture,
} from '../../../test/support/cpu-fixture.js';
import { STEP } from '../../cost/step.js';
import { ASLEEP } from '../cpu/layout.js';
import { DONE } from '../cpu/outcome.js';
import { RFLAGS_CF, RFLAGS_IF } from '../cpu/rflags.js';
import { runUntil } from '../../../test/support/engine.js';

const RAX = 0;
const UITT = DATA;
const UPID = DATA + 0x1000;
const HANDLER = USER_CODE + 0x800;
const NOTIFICATION = 0xec;
const SENDUIPI_RAX = [0xf3, 0x0f, 0xc7, 0xf0];
const UIRET = [0xf3, 0x0f, 0x01, 0xec];
const TESTUI = [0xf3, 0x0f, 0x01, 0xed];
const CLUI = [0xf3, 0x0f, 0x01, 0xee];
const STUI = [0xf3, 0x0f, 0x01, 0xef];

/** CPU 0 in user mode with a UITT whose entry 0 sends user vector 5 to CPU 1. */
function machineWith(...code: number[]): Fixture {
  const machine = cpuFixture({ cpus: 2 });
  const { memory } = machine;
  for (const cpu of machine.cpus) {
    cpu.cr4 |= 1 << 25;
    cpu.rflags = RFLAGS_IF | 2;
    const state = cpu.userInterrupts;
    Object.assign(state, {
      handler: HANDLER,
      notificationVector: NOTIFICATION,
      descriptor: UPID,
      targetTable: UITT | 1,
      tableSize: 1,
    });
    machine.enterUserMode(cpu);
  }
  machine.cpus[1].state = ASLEEP;
  memory.write64(UITT, 0x501n);
  memory.write64(UITT + 8, BigInt(UPID));
  memory.write64(UPID, (0x100n << 32n) | (BigInt(NOTIFICATION) << 16n));
  machine.load(USER_CODE, ...code);
  machine.load(HANDLER, 0x90);
  return machine;
}

/** One boundary or instruction, and the delivery of a fault. */
const run = (machine: Fixture): void => {
  runUntil(machine.cpu, machine.cpu.now + 1);
  if (machine.cpu.faulting || machine.cpu.injected !== null) machine.settle();
};

describe('SENDUIPI', () => {
  it('sets PIR and ON and sends the notification to NDST', () => {
    const machine = machineWith(...SENDUIPI_RAX);
    run(machine);
    expect(machine.memory.read64(UPID) & 3n).toBe(1n);
    expect(machine.memory.read64(UPID + 8)).toBe(1n << 5n);
    expect([machine.charged(STEP.SENDUIPI_LOOKUP), machine.charged(STEP.IPI_FLIGHT)]).toEqual([1, 1]);
    expect(machine.cpu.rip).toBe(USER_CODE + 4);
  });

  it.each([
    ['ON', 1n],
    ['SN', 2n],
  ])('posts without a notification while %s is 1', (_, bit) => {
    const machine = machineWith(...SENDUIPI_RAX);
    machine.memory.write64(UPID, machine.memory.read64(UPID) | bit);
    run(machine);
    expect([machine.memory.read64(UPID) & 3n, machine.memory.read64(UPID + 8)]).toEqual([bit, 32n]);
    expect(machine.charged(STEP.IPI_FLIGHT)).toBe(0);
  });

  it('offers the notification to APIC virtualization in non-root operation', () => {
    const machine = machineWith(...SENDUIPI_RAX);
    const sent: number[][] = [];
    machine.cpu.nonRoot = nonRoot({
      senduipi: (vector, destination) => {
        sent.push([vector, destination]);
        return DONE;
      },
    });
    run(machine);
    expect(sent).toEqual([[NOTIFICATION, 0x100]]);
    expect([machine.charged(STEP.IPI_FLIGHT), machine.memory.read64(UPID) & 1n]).toEqual([0, 1n]);
  });

  it.each<[string, (machine: Fixture) => void]>([
    ['an index above UITTSZ', ({ cpu }) => cpu.setGpr(RAX, 2n)],
    ['an invalid entry', ({ memory }) => memory.write64(UITT, 0x500n)],
    ['reserved bits in the entry', ({ memory }) => memory.write64(UITT, 0x503n)],
    ['a user vector above 63', ({ memory }) => memory.write64(UITT, 0x4001n)],
    ['reserved bits in the UPID', ({ memory }) => memory.write64(UPID, 4n)],
    ['a UPID that is not aligned', ({ memory }) => memory.write64(UITT + 8, BigInt(UPID + 32))],
  ])('%s is #GP(0)', (_, prepare) => {
    const machine = machineWith(...SENDUIPI_RAX);
    prepare(machine);
    run(machine);
    expect([machine.cpu.rip, machine.stackWord(0)]).toEqual([HANDLERS + 13 * 16, 0]);
  });

  it('is #UD while UINTR_TT[0] is 0', () => {
    const machine = machineWith(...SENDUIPI_RAX);
    machine.cpu.userInterrupts.targetTable = UITT;
    run(machine);
    expect(machine.cpu.rip).toBe(HANDLERS + 6 * 16);
  });
});

describe('user-interrupt delivery', () => {
  it('the notification clears ON, moves PIR into UIRR, does the EOI and delivers', () => {
    const machine = machineWith(0x90);
    const { cpu, memory } = machine;
    memory.write64(UPID, memory.read64(UPID) | 1n);
    memory.write64(UPID + 8, 1n << 40n);
    cpu.userInterrupts.uif = true;
    cpu.apic.accept(NOTIFICATION, false);
    run(machine);
    expect([memory.read64(UPID) & 1n, memory.read64(UPID + 8), cpu.userInterrupts.requestHigh]).toEqual([
      0n,
      0n,
      1 << 8,
    ]);
    expect([cpu.apic.requestsService, cpu.apic.readRegister(0x100 + 0x70)]).toEqual([false, 0]);
    run(machine);
    expect([cpu.rip, cpu.cpl, cpu.userInterrupts.uif, cpu.userInterrupts.requested]).toEqual([
      HANDLER,
      3,
      false,
      false,
    ]);
    expect([machine.stackWord(0), machine.stackWord(1), machine.stackWord(2), machine.stackWord(3)]).toEqual([
      40,
      USER_CODE,
      RFLAGS_IF | 2,
      USER_STACK,
    ]);
    expect([machine.charged(STEP.USER_INTERRUPT_NOTIFICATION), machine.charged(STEP.USER_INTERRUPT_DELIVERY)]).toEqual([
      1, 1,
    ]);
  });

  it.each([
    ['RSP - STACKADJUST', 0x88, USER_STACK - 0x90 - 32],
    ['STACKADJUST with bit 0', (USER_STACK - 0x400) | 1, USER_STACK - 0x400 - 32],
  ])('pushes to %s, aligned', (_, stackAdjust, expected) => {
    const machine = machineWith(0x90);
    Object.assign(machine.cpu.userInterrupts, { uif: true, requestLow: 1, stackAdjust });
    machine.cpu.attention = true;
    run(machine);
    expect(machine.cpu.gprNumber(RSP)).toBe(expected);
  });

  it('the highest user vector comes first', () => {
    const machine = machineWith(0x90);
    Object.assign(machine.cpu.userInterrupts, { uif: true, requestLow: 0x8000_0001, requestHigh: 0 });
    machine.cpu.attention = true;
    run(machine);
    expect([machine.stackWord(0), machine.cpu.userInterrupts.requestLow]).toEqual([31, 1]);
  });

  it('waits while UIF is 0 and at CPL 0', () => {
    const machine = machineWith(0x90, 0x90);
    machine.cpu.userInterrupts.requestLow = 1;
    machine.cpu.attention = true;
    run(machine);
    expect(machine.cpu.rip).toBe(USER_CODE + 1);
    machine.cpu.userInterrupts.uif = true;
    machine.cpu.cpl = 0;
    machine.cpu.attention = true;
    run(machine);
    expect(machine.cpu.rip).toBe(USER_CODE + 2);
  });

  it('UIRET returns and sets UIF', () => {
    const machine = machineWith(0x90);
    const { cpu } = machine;
    Object.assign(cpu.userInterrupts, { uif: true, requestLow: 1 });
    cpu.attention = true;
    run(machine);
    cpu.setGprNumber(RSP, cpu.gprNumber(RSP) + 8);
    machine.load(HANDLER, ...UIRET);
    run(machine);
    expect([cpu.rip, cpu.gprNumber(RSP), cpu.rflags, cpu.userInterrupts.uif]).toEqual([
      USER_CODE,
      USER_STACK,
      RFLAGS_IF | 2,
      true,
    ]);
  });

  it('CLUI, STUI and TESTUI work on UIF', () => {
    const machine = machineWith(...STUI, ...TESTUI, ...CLUI, ...TESTUI);
    const flags: number[] = [];
    for (let instruction = 0; instruction < 4; instruction++) {
      run(machine);
      flags.push(machine.cpu.rflags & RFLAGS_CF);
    }
    expect(flags).toEqual([0, RFLAGS_CF, RFLAGS_CF, 0]);
  });
});
