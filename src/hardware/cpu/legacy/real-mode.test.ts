import { describe, expect, it } from 'vitest';
import { CODE, LegacyMachine, STACK } from '../../../../test/support/legacy-machine.js';
import { ACTIVITY_SHUTDOWN } from '../activity.js';
import { RFLAGS_IF, RFLAGS_ZF } from '../rflags.js';
import { runUntil } from '../../../../test/support/engine.js';

const RAX = 0;
const RCX = 1;
const RBX = 3;
const RSP = 4;
const RSI = 6;
const RDI = 7;
const CS = 1;
const DS = 3;
const ES = 0;

function realMode(code: string): LegacyMachine {
  return new LegacyMachine().inRealMode(code);
}

describe('real-address mode', () => {
  it('starts at vector * 1000H after a start-up IPI', () => {
    const { cpu } = realMode('90');
    expect(cpu.segments[CS]).toMatchObject({ selector: CODE >>> 4, base: CODE });
    expect([cpu.rip, cpu.cr0 & 1]).toEqual([0, 0]);
  });

  it('adds sixteen times the segment to 16-bit offsets', () => {
    const machine = realMode('b8 00 20 8e d8 c7 47 02 34 12'); // mov ax, 2000h; mov ds, ax; mov word [bx+2], 1234h
    machine.cpu.setGpr(RBX, 0x10n);
    machine.step(3);
    expect(machine.memory.read32(0x20010) >>> 16).toBe(0x1234);
  });

  it('wraps 16-bit offsets', () => {
    const machine = realMode('8a 87 ff ff'); // mov al, [bx-1]
    machine.cpu.setGpr(RBX, 0x11n);
    machine.load(0x10, '77').step();
    expect(machine.cpu.gprLow(RAX)).toBe(0x77);
  });

  it('raises #GP beyond 64 KiB, without an error code', () => {
    const machine = realMode('a1 ff ff'); // mov ax, [0ffffh]
    machine.load(13 * 4, '00 01 00 30').intoHandler(); // 3000h:100h
    const { cpu } = machine;
    expect([cpu.segments[CS].selector, cpu.rip, cpu.gprLow(RSP)]).toEqual([0x3000, 0x100, STACK - 6]);
    expect([0, 1].map((index) => machine.stackWord(index, 2))).toEqual([0, CODE >>> 4]);
  });

  it('keeps a limit that protected mode has left behind', () => {
    const machine = realMode('67 66 a1 00 00 10 00'); // mov eax, [dword 100000h]
    machine.cpu.segments[DS].limit = 0xffff_ffff;
    machine.memory.write32(0x10_0000, 0x1234_5678);
    expect(machine.step().cpu.gprLow(RAX)).toBe(0x1234_5678);
  });

  it('pushes and pops 16 or 32 bits on a 16-bit stack', () => {
    const machine = realMode('6a ff 66 6a ff 58 5b 59'); // push -1; push dword -1; pop ax; pop bx; pop cx
    machine.step(2);
    expect(machine.cpu.gprLow(RSP)).toBe(STACK - 6);
    machine.step(3);
    expect([RAX, RBX, RCX, RSP].map((register) => machine.cpu.gprLow(register))).toEqual([
      0xffff,
      0xffff,
      0xffff,
      STACK,
    ]);
  });

  it('leaves the upper half of ESP alone', () => {
    const machine = realMode('50');
    machine.cpu.setGprNumber(RSP, 0x12340000);
    machine.step();
    expect(machine.cpu.gprLow(RSP)).toBe(0x1234_fffe);
  });

  it('pushes all registers and pops them but SP', () => {
    const machine = realMode('60 61');
    for (let register = 0; register < 8; register++)
      if (register !== RSP) machine.cpu.setGprNumber(register, register + 1);
    machine.step();
    expect(Array.from({ length: 8 }, (_, word) => machine.stackWord(word, 2))).toEqual([8, 7, 6, STACK, 4, 3, 2, 1]);
    machine.cpu.setGprNumber(RAX, 0);
    machine.step();
    expect([machine.cpu.gprLow(RAX), machine.cpu.gprLow(RSP)]).toEqual([1, STACK]);
  });

  it('calls and returns near', () => {
    const machine = realMode('e8 01 00 f4 c2 02 00'); // call +1; hlt; ret 2
    machine.step();
    expect([machine.cpu.rip, machine.stackWord(0, 2)]).toEqual([4, 3]);
    machine.step();
    expect([machine.cpu.rip, machine.cpu.gprLow(RSP)]).toEqual([3, STACK + 2]);
  });

  it('jumps and calls far, and returns', () => {
    const machine = realMode('9a 05 00 00 40 f4').load(0x40005, 'cb'); // call 4000h:5; hlt; retf
    machine.step();
    expect([machine.cpu.segments[CS].base, machine.cpu.rip]).toEqual([0x40000, 5]);
    expect([machine.stackWord(0, 2), machine.stackWord(1, 2)]).toEqual([5, CODE >>> 4]);
    machine.step();
    expect([machine.cpu.segments[CS].base, machine.cpu.rip, machine.cpu.gprLow(RSP)]).toEqual([CODE, 5, STACK]);
    machine.load(CODE, 'ea 78 56 00 30');
    machine.cpu.rip = 0;
    machine.step();
    expect([machine.cpu.segments[CS].selector, machine.cpu.rip]).toEqual([0x3000, 0x5678]);
  });

  it('delivers interrupts through the vector table and returns from them', () => {
    const machine = realMode('cd 21')
      .load(0x21 * 4, '00 00 00 30')
      .load(0x30000, 'cf'); // int 21h; iret
    machine.cpu.rflags |= RFLAGS_IF;
    machine.intoHandler();
    expect([machine.cpu.rip, machine.cpu.interruptsEnabled]).toEqual([0, false]);
    expect([0, 1, 2].map((word) => machine.stackWord(word, 2))).toEqual([2, CODE >>> 4, 0x202]);
    machine.step();
    expect([machine.cpu.segments[CS].base, machine.cpu.rip, machine.cpu.interruptsEnabled]).toEqual([CODE, 2, true]);
  });

  it('shuts down when the vector table is too short for a double fault', () => {
    const machine = realMode('0f 0b');
    machine.cpu.idtr.limit = 0;
    for (let turn = 0; turn < 10; turn++) runUntil(machine.cpu, machine.cpu.now + 1);
    expect(machine.cpu.activity).toBe(ACTIVITY_SHUTDOWN);
  });

  it('loads 24 bits of a table base with 16-bit operands, 32 with 32-bit ones', () => {
    const machine = realMode('0f 01 16 00 50 66 0f 01 16 00 50').load(0x5000, '17 00 78 56 34 12'); // lgdt [5000h]
    expect(machine.step().cpu.gdtr).toMatchObject({ base: 0x34_5678, limit: 0x17 });
    expect(machine.step().cpu.gdtr).toMatchObject({ base: 0x1234_5678, limit: 0x17 });
  });

  it('does not know LTR and ARPL', () => {
    for (const code of ['0f 00 d8', '63 c0']) {
      const machine = realMode(code)
        .load(6 * 4, '00 00 00 30')
        .intoHandler();
      expect(machine.cpu.segments[CS].selector).toBe(0x3000);
    }
  });

  it('loads far pointers', () => {
    const machine = realMode('c4 3e 00 50').load(0x5000, '34 12 00 40'); // les di, [5000h]
    machine.step();
    expect([machine.cpu.gprLow(RDI), machine.cpu.segments[ES].base]).toEqual([0x1234, 0x40000]);
  });
});

describe('string instructions with 16-bit addresses', () => {
  it('move element by element, and wrap', () => {
    const machine = realMode('f3 a4').load(0xffff, '11').load(0, '22'); // rep movsb
    const { cpu } = machine;
    cpu.setGprNumber(RCX, 2);
    cpu.setGprNumber(RSI, 0xffff);
    cpu.setGprNumber(RDI, 0x5000);
    machine.step();
    expect([RCX, RSI, RDI].map((register) => cpu.gprLow(register))).toEqual([0, 1, 0x5002]);
    expect([...machine.memory.bytes(0x5000, 2)]).toEqual([0x11, 0x22]);
  });

  it('go down with DF', () => {
    const machine = realMode('fd f3 66 ab'); // std; rep stosd
    machine.cpu.setGprNumber(RCX, 2);
    machine.cpu.setGprNumber(RDI, 0x5004);
    machine.cpu.setGprNumber(RAX, 0x12345678);
    machine.step(2);
    expect([machine.memory.read32(0x5000), machine.memory.read32(0x5004)]).toEqual([0x12345678, 0x12345678]);
    expect(machine.cpu.gprLow(RDI)).toBe(0x4ffc);
  });

  it('do nothing with a count of 0', () => {
    const machine = realMode('f3 a4');
    expect(machine.step().cpu.rip).toBe(2);
  });

  it('stop comparing where ZF says so', () => {
    const machine = realMode('f2 ae').load(0x5000, '01 02 03 04'); // repne scasb
    machine.cpu.setGprNumber(RAX, 3);
    machine.cpu.setGprNumber(RCX, 4);
    machine.cpu.setGprNumber(RDI, 0x5000);
    machine.step();
    expect([machine.cpu.gprLow(RCX), machine.cpu.rflags & RFLAGS_ZF]).toEqual([1, RFLAGS_ZF]);
  });

  it('load AL and leave the rest of EAX', () => {
    const machine = realMode('ac').load(0x5000, '7f');
    machine.cpu.setGprNumber(RAX, 0x1234_5678);
    machine.cpu.setGprNumber(RSI, 0x5000);
    expect(machine.step().cpu.gprLow(RAX)).toBe(0x1234_567f);
  });
});

describe('counted branches with 16-bit counters', () => {
  it('count CX and leave the upper half of ECX', () => {
    const machine = realMode('e2 fe');
    machine.cpu.setGprNumber(RCX, 0x1234_0002);
    machine.step();
    expect([machine.cpu.rip, machine.cpu.gprLow(RCX)]).toEqual([0, 0x1234_0001]);
    machine.step();
    expect([machine.cpu.rip, machine.cpu.gprLow(RCX)]).toEqual([2, 0x1234_0000]);
  });

  it('look at CX only', () => {
    const machine = realMode('e3 10');
    machine.cpu.setGprNumber(RCX, 0x1_0000);
    expect(machine.step().cpu.rip).toBe(0x12);
  });
});
