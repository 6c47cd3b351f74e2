import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SingleStep } from '../../../test/support/single-step.js';
import { VECTOR_DE, VECTOR_GP, VECTOR_SS } from './exception-vector.js';
import * as L from './layout.js';

const CODE = 0x1000;
const DATA = 0x8000;
const RAX = 0;
const RCX = 1;
const RDX = 2;
const RBX = 3;
const RSP = 4;
const RSI = 6;
const RDI = 7;
const CYCLE = 64;
const STATUS_FLAGS = [0x1, 0x4, 0x10, 0x40, 0x80, 0x800];

/** A CPU about to execute hexadecimal `code`, with registers by SDM number. */
function cpuAt(code: string, registers: Record<number, bigint | number> = {}): SingleStep {
  const cpu = new SingleStep();
  cpu.load(CODE, Buffer.from(code.replaceAll(' ', ''), 'hex'));
  for (const [number, value] of Object.entries(registers)) cpu.setRegister(Number(number), BigInt(value));
  return cpu;
}

function maskOf(cpu: SingleStep, index: number, write: boolean): number {
  return (cpu.memory.lineMasks + index * L.LINE_MASK_SIZE) / 8 + (write ? 1 : 0);
}

describe('RFLAGS', () => {
  it('keep every combination of status flags, also those that no result has', () => {
    const cpu = new SingleStep();
    fc.assert(
      fc.property(fc.subarray(STATUS_FLAGS), (flags) => {
        const value = flags.reduce((sum, flag) => sum | flag, 2);
        cpu.flags = value;
        expect(cpu.flags).toBe(value);
      }),
    );
  });

  it('POPF that changes IF stops, so that the host can look for interrupts', () => {
    const cpu = cpuAt('9d', { [RSP]: DATA });
    cpu.memory.write32(DATA, 0x202);
    expect(cpu.step()).toBe(L.STOP_FLAGS);
    expect([cpu.rip, cpu.flags, cpu.register(RSP)]).toEqual([CODE + 1, 0x202, BigInt(DATA + 8)]);
  });

  it('POPF at CPL 3 with IOPL 0 leaves IF and IOPL alone', () => {
    const cpu = cpuAt('9d', { [RSP]: DATA });
    cpu.cpl = 3;
    cpu.memory.write32(DATA, 0x3203);
    expect(cpu.step()).toBe(L.STOP_LIMIT);
    expect(cpu.flags).toBe(3);
  });
});

describe('faults commit nothing', () => {
  it('#GP for a non-canonical operand', () => {
    const cpu = cpuAt('48 01 03', { [RAX]: 1, [RBX]: 1n << 47n }); // add [rbx], rax
    expect(cpu.step()).toBe(L.STOP_FAULT);
    expect([cpu.word(L.CPU_STOP_INFO), cpu.word(L.CPU_STOP_ERROR), cpu.rip]).toEqual([VECTOR_GP, 0, CODE]);
  });

  it('#SS for a non-canonical stack', () => {
    const cpu = cpuAt('50', { [RSP]: 1n << 63n }); // push rax
    expect(cpu.step()).toBe(L.STOP_FAULT);
    expect([cpu.word(L.CPU_STOP_INFO), cpu.register(RSP)]).toEqual([VECTOR_SS, 1n << 63n]);
  });

  it('#GP for a call to a non-canonical address, before anything is pushed', () => {
    const cpu = cpuAt('ff d0', { [RAX]: 1n << 50n, [RSP]: DATA }); // call rax
    expect(cpu.step()).toBe(L.STOP_FAULT);
    expect(cpu.register(RSP)).toBe(BigInt(DATA));
  });

  it('#DE', () => {
    const cpu = cpuAt('48 f7 f1', { [RAX]: 5, [RDX]: 7, [RCX]: 7 }); // div rcx
    expect(cpu.step()).toBe(L.STOP_FAULT);
    expect([cpu.word(L.CPU_STOP_INFO), cpu.register(RAX), cpu.register(RDX)]).toEqual([VECTOR_DE, 5n, 7n]);
  });

  it('a read-modify-write of a missing page asks for it as such', () => {
    const cpu = cpuAt('83 03 01', { [RBX]: DATA }); // add dword [rbx], 1
    cpu.unmapped.add(DATA / 4096);
    const { flags } = cpu;
    expect(cpu.step()).toBe(L.STOP_TLB_MISS);
    expect(cpu.access).toEqual({ va: DATA, size: 4, access: L.ACCESS_RMW });
    expect([cpu.flags, cpu.retired, cpu.now]).toEqual([flags, 0, 0]);
  });

  it('POP to memory that is missing leaves RSP', () => {
    const cpu = cpuAt('8f 03', { [RBX]: 0x20000, [RSP]: DATA }); // pop qword [rbx]
    cpu.unmapped.add(0x20);
    expect(cpu.step()).toBe(L.STOP_TLB_MISS);
    expect(cpu.register(RSP)).toBe(BigInt(DATA));
  });
});

describe('accesses that cross a page', () => {
  const END = DATA + 4096 - 3;

  it('load and store all bytes', () => {
    const cpu = cpuAt('48 8b 03 48 89 01', { [RBX]: END, [RCX]: END + 4096 }); // mov rax, [rbx]; mov [rcx], rax
    cpu.memory.bytes(END, 8).set([1, 2, 3, 4, 5, 6, 7, 8]);
    cpu.step();
    expect(cpu.register(RAX)).toBe(0x0807060504030201n);
    expect(cpu.step()).toBe(L.STOP_LIMIT);
    expect([...cpu.memory.bytes(END + 4096, 8)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(cpu.now).toBe(4 * CYCLE);
  });

  it('go on to the instruction behind within one run', () => {
    const cpu = cpuAt('48 89 03 48 ff c0 0f a2', { [RAX]: 1, [RBX]: END }); // mov [rbx], rax; inc rax; cpuid
    expect(cpu.run(1000)).toBe(L.STOP_SLOW);
    expect([cpu.register(RAX), cpu.memory.read8(END), cpu.retired]).toEqual([2n, 1, 2]);
  });

  it('change neither page when the second one is missing', () => {
    const cpu = cpuAt('48 89 03', { [RAX]: -1n, [RBX]: END });
    cpu.unmapped.add(DATA / 4096 + 1);
    expect(cpu.step()).toBe(L.STOP_TLB_MISS);
    expect(cpu.access).toEqual({ va: END, size: 8, access: L.ACCESS_WRITE });
    expect(cpu.memory.read8(END)).toBe(0);
  });
});

describe('tracked pages', () => {
  const LOAD = '8b 03'; // mov eax, [rbx]
  const STORE = '89 03'; // mov [rbx], eax
  const LOCKED = 'f0 ff 03'; // lock inc dword [rbx]

  function tracked(code: string, offset: number): SingleStep {
    const cpu = cpuAt(code, { [RBX]: DATA + offset });
    cpu.tracked.set(DATA / 4096, 1);
    return cpu;
  }

  it('a load needs the line for reading', () => {
    const cpu = tracked(LOAD, 0x80);
    expect(cpu.step()).toBe(L.STOP_LINE_MISS);
    expect([cpu.access, cpu.word(L.CPU_STOP_INFO)]).toEqual([{ va: DATA + 0x80, size: 4, access: L.ACCESS_READ }, 1]);
    cpu.memory.u64[maskOf(cpu, 1, false)] = 1n << 2n;
    expect(cpu.step()).toBe(L.STOP_LIMIT);
  });

  it('a store needs it for writing', () => {
    const cpu = tracked(STORE, 0x80);
    cpu.memory.u64[maskOf(cpu, 1, false)] = 1n << 2n;
    expect(cpu.step()).toBe(L.STOP_LINE_MISS);
    cpu.memory.u64[maskOf(cpu, 1, true)] = 1n << 2n;
    expect(cpu.step()).toBe(L.STOP_LIMIT);
  });

  it('a locked operation asks for everything at once, and is counted when it happens', () => {
    const cpu = tracked(LOCKED, 0xfc0);
    expect(cpu.step()).toBe(L.STOP_LINE_MISS);
    expect([cpu.access.access, cpu.long(L.CPU_COUNT_LOCKED)]).toEqual([L.ACCESS_RMW, 0]);
    cpu.memory.u64[maskOf(cpu, 1, true)] = 1n << 63n;
    expect(cpu.step()).toBe(L.STOP_LIMIT);
    expect([cpu.memory.read32(DATA + 0xfc0), cpu.long(L.CPU_COUNT_LOCKED)]).toEqual([1, 1]);
  });

  it('an access across two lines needs both', () => {
    const cpu = tracked(LOAD, 0x7e);
    cpu.memory.u64[maskOf(cpu, 1, false)] = 1n << 1n;
    expect(cpu.step()).toBe(L.STOP_LINE_MISS);
    cpu.memory.u64[maskOf(cpu, 1, false)] = 3n << 1n;
    expect(cpu.step()).toBe(L.STOP_LIMIT);
  });

  it('a store to a read-only page goes to the host', () => {
    const cpu = tracked('89 03 ', 0);
    cpu.step();
    const entry = (cpu.word(L.CPU_TLB) + (DATA / 4096) * 32 + L.TLB_OTHER) / 4;
    cpu.memory.u32[entry] = DATA | L.TLB_TRACKED_READ_ONLY;
    cpu.setLong(L.CPU_LIMIT, 1);
    expect(cpu.engine.run(cpu.block)).toBe(L.STOP_TLB_MISS);
  });
});

describe('time', () => {
  it('a run ends at the first instruction boundary at or behind the limit', () => {
    const cpu = cpuAt('90 90 90 90 90 90');
    cpu.run(2 * CYCLE + 1);
    expect([cpu.rip, cpu.now]).toEqual([CODE + 3, 3 * CYCLE]);
  });

  it('RDTSC reads the cycles before its own cost, plus the offset', () => {
    const cpu = cpuAt('90 0f 31');
    cpu.setLong(L.CPU_TSC_OFFSET, 2 ** 32);
    cpu.run(2 * CYCLE);
    expect([cpu.register(RAX), cpu.register(RDX), cpu.long(L.CPU_COUNT_RDTSC)]).toEqual([1n, 1n, 1]);
  });

  it('RDTSC is left to the host when it may exit', () => {
    const cpu = cpuAt('0f 31');
    cpu.setWord(L.CPU_RDTSC_SLOW, 1);
    expect([cpu.step(), cpu.rip, cpu.now]).toEqual([L.STOP_SLOW, CODE, 0]);
  });

  it('REP MOVSB can be interrupted between two elements, and retires once', () => {
    const cpu = cpuAt('f3 a4', { [RCX]: 4, [RSI]: DATA, [RDI]: DATA + 16 });
    cpu.memory.bytes(DATA, 4).set([1, 2, 3, 4]);
    expect(cpu.run(2 * CYCLE)).toBe(L.STOP_LIMIT);
    expect([cpu.rip, cpu.register(RCX), cpu.retired, cpu.now]).toEqual([CODE, 2n, 0, 2 * CYCLE]);
    cpu.step();
    expect([cpu.rip, cpu.register(RCX), cpu.retired]).toEqual([CODE + 2, 0n, 1]);
    expect([...cpu.memory.bytes(DATA + 16, 4)]).toEqual([1, 2, 3, 4]);
  });

  it('a measurement marker retires and stops', () => {
    const cpu = cpuAt('0f 1f 80 07 49 50 49');
    expect([cpu.step(), cpu.word(L.CPU_STOP_INFO)]).toEqual([L.STOP_MARKER, 7]);
    expect([cpu.rip, cpu.retired]).toEqual([CODE + 7, 1]);
  });
});

describe('PAUSE-loop exiting', () => {
  const LOOP = 'f3 90 48 ff c0 eb f9'; // pause; inc rax; jmp back: 4 cycles from PAUSE to PAUSE

  function looping(gapCycles: number): SingleStep {
    const cpu = cpuAt(LOOP);
    cpu.setWord(L.CPU_PLE_ON, 1);
    cpu.setLong(L.CPU_PLE_GAP, gapCycles * CYCLE);
    cpu.setLong(L.CPU_PLE_WINDOW, 10 * CYCLE);
    cpu.now = CYCLE;
    return cpu;
  }

  it('exits at the first PAUSE beyond the window, before it', () => {
    const cpu = looping(4);
    expect(cpu.run(1000 * CYCLE)).toBe(L.STOP_PAUSE_LOOP);
    expect([cpu.rip, cpu.long(L.CPU_COUNT_PAUSE), cpu.register(RAX)]).toEqual([CODE, 3, 3n]);
  });

  it('starts anew when more than the gap has passed', () => {
    expect(looping(3).run(1000 * CYCLE)).toBe(L.STOP_LIMIT);
  });

  it('is for CPL 0 only', () => {
    const cpu = looping(4);
    cpu.cpl = 3;
    expect(cpu.run(1000 * CYCLE)).toBe(L.STOP_LIMIT);
  });

  it('PAUSE exiting comes first', () => {
    const cpu = looping(4);
    cpu.setWord(L.CPU_PAUSE_SLOW, 1);
    expect([cpu.run(1000 * CYCLE), cpu.long(L.CPU_COUNT_PAUSE)]).toEqual([L.STOP_SLOW, 0]);
  });
});
