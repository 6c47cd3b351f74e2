import { describe, expect, it } from 'vitest';
import {
  cpuFixture,
  CODE,
  GDT,
  HANDLERS,
  IDT,
  IST1,
  KERNEL_CODE,
  KERNEL_DATA,
  nonRoot,
  NOT_PRESENT,
  NOT_PRESENT_CODE,
  RSP,
  RSP0,
  STACK,
  USER_CODE_SELECTOR,
  USER_DATA,
  USER_STACK,
  type Fixture,
} from '../../../test/support/cpu-fixture.js';
import { STEP } from '../../cost/step.js';
import { ACTIVITY_SHUTDOWN } from './activity.js';
import { deliverEvent, EXTERNAL_INTERRUPTS } from './exceptions.js';
import { EVENT_EXCEPTION, EVENT_SOFTWARE_INTERRUPT, type IdtEvent } from './fault.js';
import { FAULT, PASS, REDIRECTED } from './outcome.js';
import { RFLAGS_IF, RFLAGS_NT, RFLAGS_RF } from './rflags.js';

const handler = (vector: number): number => HANDLERS + vector * 16;
const exception = (vector: number, errorCode: number | null = null): IdtEvent => ({
  type: EVENT_EXCEPTION,
  vector,
  errorCode,
  length: 0,
});

/** What a fault during delivery left: [vector, error code]. */
function faultOf({ cpu }: Fixture): [number, number | null] | null {
  return cpu.fault?.kind === 'exception' ? [cpu.fault.vector, cpu.fault.errorCode] : null;
}

describe('event delivery', () => {
  it('pushes SS, RSP, RFLAGS, CS and RIP and enters the gate', () => {
    const machine = cpuFixture();
    const { cpu } = machine;
    cpu.rflags = RFLAGS_IF | 2;
    expect(deliverEvent(cpu, EXTERNAL_INTERRUPTS[32])).toBe(REDIRECTED);
    expect(cpu.rip).toBe(handler(32));
    expect(cpu.gprNumber(RSP)).toBe(STACK - 40);
    expect([0, 1, 2, 3, 4].map((depth) => machine.stackWord(depth))).toEqual([
      CODE,
      KERNEL_CODE,
      RFLAGS_IF | 2,
      STACK,
      KERNEL_DATA,
    ]);
  });

  it('aligns the stack to 16 bytes', () => {
    const { cpu } = cpuFixture();
    cpu.setGprNumber(RSP, STACK - 3);
    deliverEvent(cpu, EXTERNAL_INTERRUPTS[32]);
    expect(cpu.gprNumber(RSP)).toBe(STACK - 16 - 40);
  });

  it('pushes the error code of a fault, and RF', () => {
    const machine = cpuFixture();
    deliverEvent(machine.cpu, exception(13, 0x48));
    expect(machine.stackWord(0)).toBe(0x48);
    expect(machine.stackWord(1)).toBe(CODE);
    expect(machine.stackWord(3) & RFLAGS_RF).toBe(RFLAGS_RF);
  });

  it.each([
    ['an interrupt gate clears IF', 14, 0],
    ['a trap gate leaves IF', 15, RFLAGS_IF],
  ])('%s', (_, type, expected) => {
    const machine = cpuFixture();
    machine.setGate(32, { type });
    machine.cpu.rflags = RFLAGS_IF | RFLAGS_NT | 2;
    deliverEvent(machine.cpu, EXTERNAL_INTERRUPTS[32]);
    expect(machine.cpu.rflags & (RFLAGS_IF | RFLAGS_NT)).toBe(expected);
  });

  it('takes RSP0 and a null SS when the privilege level changes, and charges the stack switch', () => {
    const machine = cpuFixture();
    const { cpu } = machine;
    machine.enterUserMode();
    deliverEvent(cpu, EXTERNAL_INTERRUPTS[32]);
    expect(cpu.gprNumber(RSP)).toBe(RSP0 - 40);
    expect([machine.stackWord(1), machine.stackWord(3), machine.stackWord(4)]).toEqual([
      USER_CODE_SELECTOR,
      USER_STACK,
      USER_DATA,
    ]);
    expect([cpu.cpl, cpu.segments[2].selector]).toEqual([0, 0]);
    expect([machine.charged(STEP.IDT_DELIVERY), machine.charged(STEP.STACK_SWITCH)]).toEqual([1, 1]);
  });

  it('takes the interrupt stack that the gate names, without a change of privilege', () => {
    const machine = cpuFixture();
    machine.setGate(2, { ist: 1 });
    deliverEvent(machine.cpu, EXTERNAL_INTERRUPTS[2]);
    expect(machine.cpu.gprNumber(RSP)).toBe(IST1 - 40);
    expect(machine.charged(STEP.STACK_SWITCH)).toBe(0);
  });

  it('pushes the address behind a software interrupt', () => {
    const machine = cpuFixture();
    deliverEvent(machine.cpu, { type: EVENT_SOFTWARE_INTERRUPT, vector: 64, errorCode: null, length: 2 });
    expect(machine.stackWord(0)).toBe(CODE + 2);
  });

  it.each<[string, (machine: Fixture) => void, IdtEvent, [number, number | null]]>([
    ['a vector beyond the IDT limit', ({ cpu }) => (cpu.idtr.limit = 0x1ff), EXTERNAL_INTERRUPTS[32], [13, 0x103]],
    [
      'a gate that is not present',
      ({ memory }) => memory.write32(IDT + 516, 0x8e00 & ~0x8000),
      EXTERNAL_INTERRUPTS[32],
      [11, 0x103],
    ],
    ['a gate of the wrong type', (machine) => machine.setGate(32, { type: 5 }), EXTERNAL_INTERRUPTS[32], [13, 0x103]],
    ['a null code selector', (machine) => machine.setGate(32, { selector: 3 }), EXTERNAL_INTERRUPTS[32], [13, 1]],
    [
      'a code selector beyond the GDT',
      (machine) => machine.setGate(32, { selector: 0x80 }),
      EXTERNAL_INTERRUPTS[32],
      [13, 0x81],
    ],
    [
      'a data selector',
      (machine) => machine.setGate(32, { selector: KERNEL_DATA }),
      EXTERNAL_INTERRUPTS[32],
      [13, 0x11],
    ],
    [
      'a code segment that is not present',
      (machine) => machine.setGate(32, { selector: NOT_PRESENT_CODE }),
      EXTERNAL_INTERRUPTS[32],
      [11, 0x39],
    ],
    [
      'a TSS too short for the stack',
      (machine) => {
        machine.enterUserMode();
        machine.cpu.segments[7].limit = 10;
      },
      EXTERNAL_INTERRUPTS[32],
      [10, 0x29],
    ],
    [
      'a stack that is not canonical',
      ({ cpu }) => cpu.setGpr(RSP, 0x8000_0000_1000n),
      EXTERNAL_INTERRUPTS[32],
      [12, 1],
    ],
    [
      'INT n of a privileged gate at CPL 3',
      (machine) => machine.enterUserMode(),
      { type: EVENT_SOFTWARE_INTERRUPT, vector: 64, errorCode: null, length: 2 },
      [13, 0x202],
    ],
  ])('%s faults with the selector and EXT', (_, prepare, event, expected) => {
    const machine = cpuFixture();
    prepare(machine);
    expect(deliverEvent(machine.cpu, event)).toBe(FAULT);
    expect(faultOf(machine)).toEqual(expected);
    expect(machine.cpu.delivering).toBe(event);
    expect(machine.cpu.rip).toBeLessThan(HANDLERS);
  });

  it('sets the accessed flag of the code descriptor', () => {
    const machine = cpuFixture();
    machine.memory.write32(GDT + KERNEL_CODE + 4, 0x00af_9a00);
    deliverEvent(machine.cpu, EXTERNAL_INTERRUPTS[32]);
    expect(machine.memory.read32(GDT + KERNEL_CODE + 4)).toBe(0x00af_9b00);
  });

  it('commits nothing when the stack faults', () => {
    const machine = cpuFixture();
    machine.cpu.setGprNumber(RSP, NOT_PRESENT + 16);
    expect(deliverEvent(machine.cpu, EXTERNAL_INTERRUPTS[32])).toBe(FAULT);
    expect(machine.cpu.fault).toMatchObject({ vector: 14, address: NOT_PRESENT, errorCode: 2 });
    expect(machine.cpu.gprNumber(RSP)).toBe(NOT_PRESENT + 16);
  });
});

describe('faults', () => {
  /** A fault at the next boundary. */
  function raise(machine: Fixture, vector: number, errorCode: number | null, address = 0): void {
    machine.cpu.fault = { kind: 'exception', vector, errorCode, address };
    machine.cpu.resolve(FAULT);
    machine.settle();
  }

  it('sets CR2 and delivers a page fault with its error code', () => {
    const machine = cpuFixture();
    raise(machine, 14, 2, 0x20_1234);
    expect([machine.cpu.rip, machine.cpu.cr2, machine.stackWord(0)]).toEqual([handler(14), 0x20_1234, 2]);
  });

  it('turns a contributory fault during delivery of another into #DF(0)', () => {
    const machine = cpuFixture();
    machine.setGate(13, { selector: 0x80 });
    raise(machine, 13, 0x50);
    expect([machine.cpu.rip, machine.stackWord(0)]).toEqual([handler(8), 0]);
  });

  it('delivers a fault during delivery of an external interrupt by itself', () => {
    const machine = cpuFixture();
    machine.setGate(32, { selector: 0x80 });
    machine.cpu.injected = EXTERNAL_INTERRUPTS[32]!;
    machine.settle();
    expect([machine.cpu.rip, machine.stackWord(0)]).toEqual([handler(13), 0x81]);
  });

  it('delivers #PF raised by delivery of a contributory exception as a page fault', () => {
    const machine = cpuFixture();
    machine.setGate(14, { ist: 1 });
    machine.cpu.setGprNumber(RSP, NOT_PRESENT + 4096);
    raise(machine, 13, 0);
    expect([machine.cpu.rip, machine.cpu.gprNumber(RSP)]).toEqual([handler(14), IST1 - 48]);
  });

  it('shuts down when delivery of #DF faults', () => {
    const machine = cpuFixture();
    machine.cpu.idtr.limit = 0;
    raise(machine, 13, 0);
    expect(machine.cpu.activity).toBe(ACTIVITY_SHUTDOWN);
  });

  it('reports a triple fault to VMX non-root operation', () => {
    const machine = cpuFixture();
    machine.load(CODE, 0x90);
    machine.cpu.idtr.limit = 0;
    let exits = 0;
    machine.cpu.nonRoot = nonRoot({
      tripleFault: () => {
        exits++;
        machine.cpu.nonRoot = null;
        return REDIRECTED;
      },
    });
    raise(machine, 13, 0);
    expect([exits, machine.cpu.delivering]).toEqual([1, null]);
  });

  it('offers the second fault, then the double fault, to the exception bitmap', () => {
    const machine = cpuFixture();
    machine.setGate(13, { selector: 0x80 });
    const asked: number[] = [];
    machine.cpu.nonRoot = nonRoot({
      exception: (vector) => {
        asked.push(vector);
        return PASS;
      },
    });
    raise(machine, 13, 0);
    expect(asked).toEqual([13, 13, 8]);
  });

  it('charges the delivery on its own, after the instruction that faulted', () => {
    const machine = cpuFixture();
    machine.load(CODE, 0x0f, 0x30); // WRMSR
    machine.cpu.setGprWords(1, 0, 0x1234_5678);
    machine.step();
    expect(machine.cpu.rip).toBe(handler(13) + 1);
    expect([machine.charged(STEP.NATIVE_WRMSR), machine.charged(STEP.IDT_DELIVERY)]).toEqual([1, 1]);
  });
});
