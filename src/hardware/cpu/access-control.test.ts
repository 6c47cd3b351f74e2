/** SMEP and SMAP: user pages for supervisor code (SDM vol. 3, 5.6). */
import { describe, expect, it } from 'vitest';
import { CODE, cpuFixture, DATA, GDT, HANDLERS, IDT, STACK, type Fixture } from '../../../test/support/cpu-fixture.js';
import { runUntil } from '../../../test/support/engine.js';
import { CR4_PAE, CR4_SMAP, CR4_SMEP } from './control-register-bits.js';
import { ACCESS_READ, ACCESS_WRITE, PRIVILEGE_IMPLICIT, PRIVILEGE_SUPERVISOR } from './layout.js';
import { LinearRange } from './linear-access.js';
import { DONE, FAULT } from './outcome.js';
import { RFLAGS_AC, RFLAGS_FIXED } from './rflags.js';
import { fillTlb, lookUpTlb } from './tlb.js';

/** User pages; the others of the fixture are supervisor pages here. */
const USER = 0x20_0000;
const PAGE_FAULT = HANDLERS + 14 * 16;
const INVALID_OPCODE = HANDLERS + 6 * 16;
const RBX = 3;
const PF_PRESENT = 1;
const PF_WRITE = 2;
const PF_FETCH = 16;

const LOAD = [0x8b, 0x03] as const; // MOV EAX, [RBX]
const STORE = [0x89, 0x03] as const; // MOV [RBX], EAX
const STAC = [0x0f, 0x01, 0xcb] as const;
const CLAC = [0x0f, 0x01, 0xca] as const;
const POPFQ = 0x9d;
const MOV_CR4_RBX = [0x0f, 0x22, 0xe3] as const;

/** Linear 0 is a supervisor mapping, USER a user mapping of the same memory; RBX points at user data. */
function machineWith(cr4: number, ...code: number[]): Fixture {
  const machine = cpuFixture({ interpreted: true });
  machine.memory.write64(0x3000, 0xe3n);
  machine.memory.write64(0x3008, 0xe7n);
  machine.cpu.cr4 = CR4_PAE | cr4;
  machine.cpu.setGpr(RBX, BigInt(USER + DATA));
  machine.load(CODE, ...code);
  return machine;
}

/** Executes `instructions`, and delivers what the last one comes to; where that leads. */
function execute(machine: Fixture, instructions = 1): number {
  const { cpu } = machine;
  for (let count = 0; count < instructions; count++) runUntil(cpu, cpu.now + 1);
  if (cpu.faulting || cpu.injected !== null) machine.settle();
  return cpu.rip;
}

/** #PF of the next instruction: its error code. */
function pageFault(machine: Fixture): number {
  expect(execute(machine)).toBe(PAGE_FAULT);
  return machine.stackWord(0);
}

describe('SMAP', () => {
  it('supervisor code neither reads nor writes user pages, and has its own', () => {
    expect(pageFault(machineWith(CR4_SMAP, ...LOAD))).toBe(PF_PRESENT);
    expect(pageFault(machineWith(CR4_SMAP, ...STORE))).toBe(PF_PRESENT | PF_WRITE);
    const own = machineWith(CR4_SMAP, ...LOAD);
    own.cpu.setGpr(RBX, BigInt(DATA));
    expect(execute(own)).toBe(CODE + LOAD.length);
  });

  it('CR0.WP makes no difference', () => {
    const machine = machineWith(CR4_SMAP, ...STORE);
    machine.cpu.cr0 &= ~(1 << 16);
    expect(pageFault(machine)).toBe(PF_PRESENT | PF_WRITE);
  });

  it('STAC lets explicit accesses through, CLAC ends it', () => {
    const machine = machineWith(CR4_SMAP, ...STAC, ...LOAD, ...STORE, ...CLAC, ...LOAD);
    expect(execute(machine, 4)).toBe(CODE + 10);
    expect(pageFault(machine)).toBe(PF_PRESENT);
  });

  it('STAC and CLAC leave both sets of translations where they are', () => {
    const machine = machineWith(CR4_SMAP, ...STAC, ...LOAD, ...CLAC, ...STAC);
    const { cpu } = machine;
    execute(machine, 2);
    expect(lookUpTlb(cpu, USER + DATA, false)).toBe(DATA);
    execute(machine);
    expect(lookUpTlb(cpu, USER + DATA, false)).toBe(-1);
    execute(machine);
    expect(lookUpTlb(cpu, USER + DATA, false)).toBe(DATA);
  });

  it('POPF changes RFLAGS.AC at once, in both directions', () => {
    const machine = machineWith(CR4_SMAP, POPFQ, ...LOAD, POPFQ, ...LOAD);
    machine.writeUnaligned(STACK, RFLAGS_FIXED | RFLAGS_AC);
    machine.writeUnaligned(STACK + 8, RFLAGS_FIXED);
    expect(execute(machine, 3)).toBe(CODE + 4);
    expect(pageFault(machine)).toBe(PF_PRESENT);
  });

  it('implicit accesses are forbidden whatever RFLAGS.AC says', () => {
    const { cpu } = machineWith(CR4_SMAP);
    cpu.rflags |= RFLAGS_AC;
    const range = new LinearRange();
    expect(range.map(cpu, USER + GDT, 8, ACCESS_READ, PRIVILEGE_SUPERVISOR)).toBe(DONE);
    expect(range.map(cpu, USER + GDT, 8, ACCESS_READ, PRIVILEGE_IMPLICIT)).toBe(FAULT);
    expect(cpu.fault).toMatchObject({ vector: 14, errorCode: PF_PRESENT, address: USER + GDT });
  });

  it.each([
    ['without SMAP an IDT on a user page delivers interrupts', 0, 1],
    ['with SMAP it is left to the host, even with RFLAGS.AC', CR4_SMAP, 0],
  ])('%s', (_name, cr4, delivered) => {
    const machine = machineWith(cr4);
    const { cpu } = machine;
    cpu.rflags |= RFLAGS_AC;
    cpu.idtr.base += USER;
    for (const va of [USER + IDT, GDT, STACK - 8]) fillTlb(cpu, va, ACCESS_WRITE);
    expect(cpu.engine.deliver(cpu.block, 32)).toBe(delivered);
  });

  it('an access that RFLAGS.AC let through is forbidden again in the handler of an interrupt that clears it', () => {
    const machine = machineWith(CR4_SMAP, ...STAC, ...LOAD);
    machine.load(PAGE_FAULT, ...CLAC, ...LOAD);
    execute(machine, 2);
    machine.cpu.injected = { type: 0, vector: 14, errorCode: null, length: 0 };
    machine.settle();
    expect(machine.stackWord(2) & RFLAGS_AC).toBe(RFLAGS_AC);
    execute(machine);
    expect(machine.cpu.rflags & RFLAGS_AC).toBe(0);
    expect(pageFault(machine)).toBe(PF_PRESENT);
  });

  it('MOV to CR4 that sets it makes what was translated before count no more', () => {
    const machine = machineWith(0, ...LOAD, ...MOV_CR4_RBX, ...LOAD);
    execute(machine);
    machine.cpu.setGpr(RBX, BigInt(CR4_PAE | CR4_SMAP));
    execute(machine);
    machine.cpu.setGpr(RBX, BigInt(USER + DATA));
    expect(pageFault(machine)).toBe(PF_PRESENT);
  });

  it.each([
    ['STAC', STAC],
    ['CLAC', CLAC],
  ])('%s is #UD above CPL 0', (_name, code) => {
    const machine = cpuFixture();
    machine.enterUserMode();
    machine.load(machine.cpu.rip, ...code);
    expect(execute(machine)).toBe(INVALID_OPCODE);
  });
});

describe('SMEP', () => {
  it('a fetch of supervisor code from a user page is #PF with P and I/D', () => {
    const machine = machineWith(CR4_SMEP);
    machine.cpu.rip = USER + CODE;
    expect(pageFault(machine)).toBe(PF_PRESENT | PF_FETCH);
  });

  it('data of user pages is none of its concern', () => {
    expect(execute(machineWith(CR4_SMEP, ...LOAD))).toBe(CODE + LOAD.length);
  });

  it('without it supervisor code runs from user pages', () => {
    const machine = machineWith(CR4_SMAP, 0x90);
    machine.cpu.rip = USER + CODE;
    expect(execute(machine)).toBe(USER + CODE + 1);
  });
});
