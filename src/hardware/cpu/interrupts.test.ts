import { describe, expect, it } from 'vitest';
import {
  CODE,
  cpuFixture,
  HANDLERS,
  KERNEL_CODE,
  LINE_LATENCY,
  RSP,
  STACK,
  STEP_TICKS,
  type Fixture,
} from '../../../test/support/cpu-fixture.js';
import { STEP, STEP_NAMES } from '../../cost/step.js';
import { CR0_NE, CR4_VMXE } from './control-register-bits.js';
import { ASLEEP, CPU_RETIRED, ORDER_STEPPED, RUNNING } from './layout.js';
import {
  DELIVERY_FIXED,
  DELIVERY_INIT,
  DELIVERY_NMI,
  DELIVERY_STARTUP,
  SHORTHAND_NONE,
  type ApicMessage,
} from '../apic/message.js';
import {
  ACTIVITY_ACTIVE,
  ACTIVITY_HLT,
  ACTIVITY_WAIT_FOR_SIPI,
  BLOCKING_BY_MOV_SS,
  BLOCKING_BY_STI,
} from './activity.js';
import { interruptBoundary } from './interrupts.js';
import { CPU_MODE, MODE_16 } from './layout.js';
import { VMCS_REVISION } from '../vmx/capability.js';
import { VMX_SUCCEED, VmxUnit } from '../vmx/vmx-unit.js';
import { PASS, REDIRECTED } from './outcome.js';
import { RFLAGS_IF } from './rflags.js';
import { SEGMENT_DS, SEGMENT_GS } from './segments.js';
import { runUntil } from '../../../test/support/engine.js';

/** A page of memory that the fixture leaves alone. */
const VMXON_REGION = 0x8_0000;

const GS_BASE = 0x1234_5000;

const handler = (vector: number): number => HANDLERS + vector * 16;

function withInterrupt(vector: number, flags = RFLAGS_IF | 2, interpreted = false): Fixture {
  const machine = cpuFixture({ interpreted });
  machine.load(CODE, 0x90, 0x90, 0x90, 0x90);
  machine.cpu.rflags = flags;
  machine.cpu.apic.accept(vector, false);
  return machine;
}

describe('interrupt boundary outside VMX', () => {
  it('acknowledges a deliverable interrupt and delivers it', () => {
    const machine = withInterrupt(32);
    expect(interruptBoundary(machine.cpu)).toBe(REDIRECTED);
    expect(machine.cpu.injected?.vector).toBe(32);
    expect(machine.cpu.apic.requestsService).toBe(false);
    machine.cpu.finish();
    machine.settle();
    expect(machine.cpu.rip).toBe(handler(32));
  });

  it('charges recognition and delivery once each', () => {
    const machine = withInterrupt(32);
    machine.settle();
    expect([machine.charged(STEP.INTERRUPT_RECOGNITION), machine.charged(STEP.IDT_DELIVERY)]).toEqual([1, 1]);
    expect(machine.cpu.now).toBe(2 * STEP_TICKS);
  });

  it('holds interrupts while IF is 0', () => {
    expect(interruptBoundary(withInterrupt(32, 2).cpu)).toBe(PASS);
  });

  it.each([BLOCKING_BY_STI, BLOCKING_BY_MOV_SS])('holds interrupts in shadow %i', (shadow) => {
    const { cpu } = withInterrupt(32);
    cpu.shadow = shadow;
    expect(interruptBoundary(cpu)).toBe(PASS);
  });

  it('takes an NMI before an interrupt, and no second one until IRET', () => {
    const machine = withInterrupt(32);
    const { cpu } = machine;
    cpu.nmiPending = true;
    machine.settle();
    expect([cpu.rip, cpu.nmiBlocked]).toEqual([handler(2), true]);
    cpu.nmiPending = true;
    expect(interruptBoundary(cpu)).toBe(PASS);
  });

  it('delivers after the instruction behind STI', () => {
    const machine = withInterrupt(32, 2, true);
    machine.load(CODE, 0xfb, 0x90, 0x90); // STI; NOP; NOP
    machine.step();
    expect([machine.cpu.rip, machine.cpu.shadow]).toEqual([CODE + 1, BLOCKING_BY_STI]);
    machine.step();
    machine.settle();
    expect(machine.cpu.rip).toBe(handler(32));
    expect(machine.stackWord(0)).toBe(CODE + 2);
  });

  it('wakes from STI; HLT with the address behind HLT', () => {
    const machine = withInterrupt(32, 2, true);
    machine.load(CODE, 0xfb, 0xf4); // STI; HLT
    machine.step(machine.cpu, 2);
    machine.settle();
    expect([machine.cpu.rip, machine.stackWord(0)]).toEqual([handler(32), CODE + 2]);
    expect(machine.charged(STEP.HLT_WAKE)).toBe(1);
  });
});

const ipi = (overrides: Partial<ApicMessage>): ApicMessage => ({
  vector: 32,
  deliveryMode: DELIVERY_FIXED,
  logical: false,
  level: false,
  assert: true,
  shorthand: SHORTHAND_NONE,
  destination: 1,
  x2apic: false,
  ...overrides,
});

/** `ADD RDX, 1`, the EOI that the test gives, IRETQ. */
const COUNTING_HANDLER = [0x48, 0x83, 0xc2, 0x01, 0x48, 0xcf];
const RDX = 2;

/** What three interrupts from CPU 0 do to CPU 1, which runs `program` for good. */
function interruptedLoop(program: number[], flags: number, { stepped, polls }: { stepped: boolean; polls: boolean }) {
  const machine = cpuFixture({ cpus: 2, interpreted: true });
  const [first, second] = machine.cpus;
  machine.memory.u32[ORDER_STEPPED >>> 2] = stepped ? 1 : 0;
  machine.load(handler(32), ...COUNTING_HANDLER);
  machine.load(second.rip, ...program);
  Object.assign(second, { rflags: flags, haltPolls: polls });
  first.state = ASLEEP;
  for (const at of [10_000, 20_000, 30_100]) {
    machine.clock.schedule(at, 1, () => {
      second.apic.eoi();
      second.apic.accept(32, false);
      second.wake(at);
    });
  }
  machine.clock.schedule(50_000, 0, () => {
    machine.clock.stop();
  });
  machine.clock.run();
  return {
    handled: second.gprNumber(RDX),
    state: [second.rip, second.now, second.activity, second.shadow, second.rflags, second.sleepTicks],
    retired: second.long(CPU_RETIRED),
    charged: STEP_NAMES.map((_, step) => machine.charged(step, 1)),
  };
}

describe('sleeping and waking', () => {
  /** CPU 1 halted, CPU 0 asleep for good. */
  function halted(): Fixture {
    const machine = cpuFixture({ cpus: 2 });
    const [first, second] = machine.cpus;
    first.state = ASLEEP;
    second.rflags = RFLAGS_IF | 2;
    machine.load(second.rip, 0xf4);
    machine.clock.run();
    expect([second.activity, second.state]).toEqual([ACTIVITY_HLT, ASLEEP]);
    return machine;
  }

  it('HLT ends when an IPI arrives, at its time', () => {
    const machine = halted();
    const [first, second] = machine.cpus;
    first.now = 1_000_000;
    machine.bus.send(first, ipi({}));
    machine.clock.run();
    expect([second.rip, second.activity]).toEqual([handler(32) + 2, ACTIVITY_HLT]);
    expect(second.now).toBeGreaterThanOrEqual(1_000_000 + LINE_LATENCY + 3 * STEP_TICKS);
  });

  it.each([
    ['HLT with interrupts enabled', { program: [0xf4, 0xeb, 0xfd], flags: RFLAGS_IF | 2, polls: false }],
    ['STI; HLT', { program: [0xfb, 0xf4, 0xeb, 0xfc], flags: 2, polls: false }],
    ['HLT that polls', { program: [0xf4, 0xeb, 0xfd], flags: RFLAGS_IF | 2, polls: true }],
    ['STI; STI; NOP in a loop', { program: [0xfa, 0xfb, 0xfb, 0x90, 0xeb, 0xfa], flags: 2, polls: false }],
  ])('%s costs and does the same in the interpreter and in the hands of the host', (_, { program, flags, polls }) => {
    const [interpreted, host] = [false, true].map((stepped) => interruptedLoop(program, flags, { stepped, polls }));
    expect(interpreted).toEqual(host);
    expect(interpreted.handled).toBe(3);
    expect(interpreted.charged[STEP.HLT_WAKE]).toBe(polls || !program.includes(0xf4) ? 0 : 3);
  });

  it('HLT with IF = 0 ends for an NMI only', () => {
    const machine = halted();
    const [first, second] = machine.cpus;
    second.rflags = 2;
    machine.bus.send(first, ipi({}));
    machine.clock.run();
    expect(second.activity).toBe(ACTIVITY_HLT);
    machine.bus.send(first, ipi({ deliveryMode: DELIVERY_NMI }));
    machine.clock.run();
    expect(second.rip).toBe(handler(2) + 2);
  });

  it('INIT waits for a SIPI, which starts in real mode', () => {
    const machine = halted();
    const [first, second] = machine.cpus;
    machine.bus.send(first, ipi({ deliveryMode: DELIVERY_INIT }));
    machine.clock.run();
    expect([second.activity, second.cr0, second.cpl]).toEqual([ACTIVITY_WAIT_FOR_SIPI, 0x10, 0]);
    second.sipiPending = 0x12;
    expect(interruptBoundary(second)).toBe(REDIRECTED);
    expect([second.segments[1].selector, second.segments[1].base, second.rip]).toEqual([0x1200, 0x12000, 0]);
    expect([second.activity, second.word(CPU_MODE)]).toEqual([ACTIVITY_ACTIVE, MODE_16]);
  });

  it('INIT is blocked in VMX root operation, and comes with VMXOFF', () => {
    const machine = cpuFixture();
    const { cpu } = machine;
    machine.load(CODE, 0x90, 0x0f, 0x01, 0xc4); // NOP; VMXOFF
    cpu.cr0 = (cpu.cr0 | CR0_NE) >>> 0;
    cpu.cr4 |= CR4_VMXE;
    cpu.vmx = new VmxUnit(cpu);
    cpu.memory.write32(VMXON_REGION, VMCS_REVISION);
    expect(cpu.vmx.vmxon(VMXON_REGION)).toBe(VMX_SUCCEED);
    cpu.initPending = true;
    cpu.attention = true;
    machine.step();
    expect([cpu.rip, cpu.initPending]).toEqual([CODE + 1, true]);
    machine.step();
    machine.settle();
    expect([cpu.activity, cpu.initPending]).toEqual([ACTIVITY_WAIT_FOR_SIPI, false]);
  });

  it('a SIPI to a running CPU is dropped', () => {
    const machine = withInterrupt(32);
    machine.bus.send(machine.cpu, ipi({ deliveryMode: DELIVERY_STARTUP, destination: 0 }));
    interruptBoundary(machine.cpu);
    expect(machine.cpu.sipiPending).toBe(-1);
  });
});

describe('IRETQ', () => {
  it('returns from an interrupt to the interrupted instruction', () => {
    const machine = withInterrupt(32);
    machine.settle();
    machine.load(machine.cpu.rip, 0x48, 0xcf);
    machine.step();
    const { cpu } = machine;
    expect([cpu.rip, cpu.gprNumber(RSP), cpu.rflags, cpu.segments[1].selector]).toEqual([
      CODE,
      STACK,
      RFLAGS_IF | 2,
      KERNEL_CODE,
    ]);
    expect(machine.charged(STEP.IRETQ)).toBe(1);
    expect(cpu.state).toBe(RUNNING);
  });

  it('makes segments null that the outer level may not use, and leaves the base of GS to it', () => {
    const machine = cpuFixture();
    machine.enterUserMode();
    const { cpu } = machine;
    cpu.apic.accept(32, false);
    cpu.rflags = RFLAGS_IF | 2;
    machine.settle();
    Object.assign(cpu.segments[SEGMENT_GS], { ...cpu.segments[SEGMENT_DS], selector: 0x10, access: 0xc093 });
    cpu.segments[SEGMENT_GS].base = GS_BASE;
    machine.load(cpu.rip, 0x48, 0xcf);
    machine.step();
    expect([cpu.cpl, cpu.segments[SEGMENT_GS].selector, cpu.segments[SEGMENT_GS].base]).toEqual([3, 0, GS_BASE]);
  });

  it('returns to CPL 3 with the user stack', () => {
    const machine = cpuFixture();
    machine.enterUserMode();
    const { cpu } = machine;
    const before = [cpu.rip, cpu.gprNumber(RSP), cpu.segments[1].selector, cpu.segments[2].selector, cpu.cpl];
    cpu.rflags = RFLAGS_IF | 2;
    cpu.apic.accept(32, false);
    machine.settle();
    expect(cpu.cpl).toBe(0);
    machine.load(cpu.rip, 0x48, 0xcf);
    machine.step();
    expect([cpu.rip, cpu.gprNumber(RSP), cpu.segments[1].selector, cpu.segments[2].selector, cpu.cpl]).toEqual(before);
  });

  it('ends the blocking of NMIs', () => {
    const machine = cpuFixture();
    machine.cpu.nmiPending = true;
    machine.cpu.attention = true;
    machine.settle();
    machine.load(machine.cpu.rip, 0x48, 0xcf);
    machine.step();
    expect(machine.cpu.nmiBlocked).toBe(false);
  });

  it('is #GP with the selector for a code segment of the wrong privilege', () => {
    const machine = cpuFixture();
    const { cpu } = machine;
    cpu.setGprNumber(RSP, STACK - 40);
    machine.memory.write64(STACK - 40, BigInt(CODE));
    machine.memory.write64(STACK - 32, 0x20n);
    machine.load(CODE, 0x48, 0xcf);
    runUntil(cpu, cpu.now + 1);
    machine.settle();
    expect([cpu.rip, machine.stackWord(0)]).toEqual([handler(13), 0x20]);
    expect(machine.stackWord(4)).toBe(STACK - 40);
  });
});
