import { describe, expect, it } from 'vitest';
import {
  ABSENT,
  CODE,
  CODE_32,
  DATA_32,
  GDT,
  HANDLERS,
  LegacyMachine,
  SMALL_DATA,
  STACK,
  TSS_32,
  USER_CODE_32,
  USER_DATA_32,
} from '../../../../test/support/legacy-machine.js';
import { RFLAGS_TF, RFLAGS_ZF } from '../rflags.js';
import { SEGMENT_CS, SEGMENT_SS } from '../segments.js';

const RAX = 0;
const RCX = 1;
const RDX = 2;
const RSP = 4;
const RSI = 6;
const RDI = 7;

function protectedMode(code: string): LegacyMachine {
  const machine = new LegacyMachine().inProtectedMode(code);
  for (const vector of [1, 6, 8, 10, 11, 12, 13, 14]) machine.setGate(vector);
  return machine;
}

describe('LAR, LSL, VERR, VERW', () => {
  it.each([
    ['LAR of data', '0f 02 c1', DATA_32, 0x00cf_9300 & 0x00f0_ff00, true],
    ['LAR of a TSS', '0f 02 c1', TSS_32, 0x8900, true],
    ['LAR of an absent segment', '0f 02 c1', ABSENT, 0x00c0_1300, true],
    ['LAR of nothing', '0f 02 c1', 0x1000, 0x77, false],
    ['LAR of null', '0f 02 c1', 0, 0x77, false],
    ['LSL in bytes', '0f 03 c1', SMALL_DATA, 0xff, true],
    ['LSL in pages', '0f 03 c1', DATA_32, 0xffff_ffff, true],
    ['LSL of a gate', '0f 03 c1', 0x50, 0x77, false],
    ['VERR of code', '0f 00 e1', CODE_32, 0x77, true],
    ['VERW of code', '0f 00 e9', CODE_32, 0x77, false],
    ['VERW of data', '0f 00 e9', DATA_32, 0x77, true],
    ['VERR of a TSS', '0f 00 e1', TSS_32, 0x77, false],
  ])('%s', (_, code, selector, result, found) => {
    const machine = protectedMode(code);
    machine.memory.write64(GDT + 0x50, 0x0000_ec00_0008_9000n);
    machine.cpu.setGprNumber(RAX, 0x77);
    machine.cpu.setGprNumber(RCX, selector);
    machine.step();
    expect([machine.cpu.gprLow(RAX), (machine.cpu.rflags & RFLAGS_ZF) !== 0]).toEqual([result, found]);
  });

  it('see no segment that is more privileged', () => {
    const machine = protectedMode('0f 02 c1');
    machine.cpu.setGprNumber(RCX, DATA_32 | 3);
    expect(machine.step().cpu.rflags & RFLAGS_ZF).toBe(0);
  });
});

describe('SYSENTER and SYSEXIT', () => {
  it('go to level 0 and back without descriptors', () => {
    const machine = protectedMode('0f 34').load(0x9000, '0f 35');
    machine.setSegment(SEGMENT_CS, USER_CODE_32);
    machine.setSegment(SEGMENT_SS, USER_DATA_32);
    const { cpu } = machine;
    cpu.cpl = 3;
    Object.assign(cpu.msrs, { sysenterCs: 0x100, sysenterEsp: 0x6000, sysenterEip: 0x9000 });
    machine.step();
    expect([cpu.cpl, cpu.rip, cpu.gprLow(RSP)]).toEqual([0, 0x9000, 0x6000]);
    expect([SEGMENT_CS, SEGMENT_SS].map((segment) => cpu.segments[segment].selector)).toEqual([0x100, 0x108]);
    cpu.setGprNumber(RCX, STACK);
    cpu.setGprNumber(RDX, CODE);
    machine.step();
    expect([cpu.cpl, cpu.rip, cpu.gprLow(RSP)]).toEqual([3, CODE, STACK]);
    expect([SEGMENT_CS, SEGMENT_SS].map((segment) => cpu.segments[segment].selector)).toEqual([0x113, 0x11b]);
  });

  it('are #GP without a code segment', () => {
    expect(protectedMode('0f 34').intoHandler().cpu.rip).toBe(HANDLERS + 13 * 16);
  });
});

describe('PAE paging', () => {
  const TABLE = 0x2_0000;

  it('is switched on with pointers that have no reserved bits', () => {
    const code = 'b8 00 00 02 00 0f 22 d8 b8 20 00 00 00 0f 22 e0 b8 01 00 00 80 0f 22 c0 a1 00 00 20 00';
    const machine = protectedMode(code);
    machine.memory.write64(TABLE, 0x2_1001n);
    machine.memory.write64(0x2_1000, 0x83n);
    machine.memory.write64(0x2_1008, 0x83n);
    machine.memory.write32(0, 0x1234_5678);
    expect(machine.step(7).cpu.gprLow(RAX)).toBe(0x1234_5678);
  });

  it('refuses pointers that have some', () => {
    const machine = protectedMode('0f 22 d8');
    machine.cpu.cr4 = 0x20;
    machine.memory.write64(TABLE + 8, 0x2_1003n);
    machine.load(CODE, '0f 22 c0');
    machine.cpu.cr3 = TABLE;
    machine.cpu.setGprWords(RAX, 0, 0x8000_0001);
    machine.intoHandler();
    expect([machine.cpu.rip, machine.cpu.cr0 & 0x8000_0000]).toEqual([HANDLERS + 13 * 16, 0]);
  });
});

describe('the single-step trap', () => {
  it('comes behind every instruction that began with TF set', () => {
    const machine = protectedMode('9d 90 90 90').load(HANDLERS + 16, 'cf'); // popf; nop; nop; #DB: iret
    machine.load(STACK, '02 01 00 00');
    machine.intoHandler();
    expect([machine.stackWord(0), machine.cpu.dr.read(6) & 0x4000n, machine.cpu.rflags & RFLAGS_TF]).toEqual([
      CODE + 2,
      0x4000n,
      0,
    ]);
    machine.intoHandler();
    expect(machine.stackWord(0)).toBe(CODE + 3);
  });

  it('follows the host’s instructions too', () => {
    const machine = protectedMode('0f a2 90');
    machine.cpu.rflags |= RFLAGS_TF;
    expect(machine.intoHandler().stackWord(0)).toBe(CODE + 2);
  });

  it('comes behind every element of a repeated string instruction', () => {
    const machine = protectedMode('f3 aa');
    machine.cpu.setGprNumber(RCX, 2);
    machine.cpu.setGprNumber(RDI, 0x5000);
    machine.cpu.rflags |= RFLAGS_TF;
    machine.intoHandler();
    expect([machine.stackWord(0), machine.cpu.gprLow(RCX)]).toEqual([CODE, 1]);
  });

  it('is held back by MOV SS', () => {
    const machine = protectedMode('8e d0 90 90');
    machine.cpu.setGprNumber(RAX, DATA_32);
    machine.cpu.rflags |= RFLAGS_TF;
    expect(machine.intoHandler().stackWord(0)).toBe(CODE + 3);
  });

  it('does not come behind INT', () => {
    const machine = protectedMode('cd 40')
      .setGate(0x40)
      .load(HANDLERS + 0x400, '90 90');
    machine.cpu.rflags |= RFLAGS_TF;
    machine.intoHandler().step();
    expect(machine.cpu.rip).toBe(HANDLERS + 0x401);
  });
});

describe('INS and OUTS', () => {
  function withPorts(code: string): { machine: LegacyMachine; written: number[] } {
    const machine = protectedMode(code);
    const written: number[] = [];
    machine.cpu.ports = { read: (port) => port + 1, write: (_port, _size, value) => written.push(value) };
    machine.cpu.setGprNumber(RDX, 0x41);
    machine.cpu.setGprNumber(RCX, 2);
    machine.cpu.setGprNumber(RSI, 0x5000);
    machine.cpu.setGprNumber(RDI, 0x5000);
    return { machine, written };
  }

  it('INS stores what the port gives', () => {
    const { machine } = withPorts('f3 6c');
    machine.step();
    expect([[...machine.memory.bytes(0x5000, 3)], machine.cpu.gprLow(RDI)]).toEqual([[0x42, 0x42, 0], 0x5002]);
  });

  it('OUTS sends what stands in memory', () => {
    const { machine, written } = withPorts('f3 66 6f');
    machine.load(0x5000, '34 12 78 56').step();
    expect([written, machine.cpu.gprLow(RSI), machine.cpu.gprLow(RCX)]).toEqual([[0x1234, 0x5678], 0x5004, 0]);
  });

  it('take 16-bit addresses', () => {
    const { machine } = withPorts('67 6d');
    machine.cpu.setGprWords(RDI, 0, 0x1_5000);
    machine.step();
    expect([machine.memory.read32(0x5000), machine.cpu.gprLow(RDI)]).toEqual([0x42, 0x1_5004]);
  });
});
