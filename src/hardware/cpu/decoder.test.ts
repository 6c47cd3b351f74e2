import { Code, Register } from 'iced-x86';
import { describe, expect, it, vi } from 'vitest';
import { SingleStep } from '../../../test/support/single-step.js';
import * as L from './layout.js';

const CODE = 0x1000;
const RAX = 0;
const RBX = 3;

function cpuAt(code: string, address = CODE, options = {}): SingleStep {
  const cpu = new SingleStep(options);
  cpu.load(address, Buffer.from(code.replaceAll(' ', ''), 'hex'));
  return cpu;
}

describe('code that is written', () => {
  it('is decoded again', () => {
    const cpu = cpuAt('b0 01 eb fc'); // L: mov al, 1; jmp L
    cpu.run(1000);
    cpu.load(CODE, [0xb0, 2]);
    cpu.step();
    expect(cpu.register(RAX)).toBe(2n);
  });

  it('by the instruction before it takes effect at once', () => {
    const cpu = cpuAt('c6 03 b1 90 b0 05 0f a2'); // mov byte [rbx], b1h; nop; mov al, 5 -> mov cl, 5; cpuid
    cpu.setRegister(RBX, BigInt(CODE + 4));
    expect(cpu.run(1000)).toBe(L.STOP_SLOW);
    expect([cpu.register(RAX), cpu.register(1)]).toEqual([0n, 5n]);
  });

  it('may store to its own page in a loop', () => {
    const cpu = cpuAt('ff 05 fa 00 00 00 eb f8'); // L: inc dword [CODE+100h]; jmp L
    expect(cpu.run(3000)).toBe(L.STOP_LIMIT);
    expect(cpu.memory.read32(CODE + 0x100)).toBe(Math.ceil(cpu.retired / 2));
    expect(cpu.retired).toBeGreaterThan(10);
  });
});

describe('instructions that cross a page', () => {
  const CROSSING = CODE + 4096 - 2;

  it('are executed, in a loop too', () => {
    const cpu = cpuAt('48 05 01 00 00 00 eb f8', CROSSING); // L: add rax, 1; jmp L
    expect(cpu.run(6400)).toBe(L.STOP_LIMIT);
    expect(cpu.register(RAX)).toBe(BigInt(Math.ceil(cpu.retired / 2)));
  });

  it('are reached from the instruction before', () => {
    const cpu = cpuAt('90 90 48 05 01 00 00 00 0f a2', CROSSING - 2);
    expect(cpu.run(6400)).toBe(L.STOP_SLOW);
    expect([cpu.register(RAX), cpu.rip, cpu.retired]).toEqual([1n, CROSSING + 6, 3]);
  });

  it('may store to their second page', () => {
    const cpu = cpuAt('c6 03 05 0f a2', CROSSING); // mov byte [rbx], 5; cpuid
    cpu.setRegister(RBX, BigInt(CODE + 4096 + 0x100));
    expect(cpu.run(6400)).toBe(L.STOP_SLOW);
    expect([cpu.memory.read8(CODE + 4096 + 0x100), cpu.rip]).toEqual([5, CROSSING + 3]);
  });

  it('are decoded again when their second part is written', () => {
    const cpu = cpuAt('48 05 01 00 00 00 eb f8', CROSSING);
    cpu.run(640);
    cpu.setRegister(RAX, 0n);
    cpu.rip = CROSSING;
    cpu.drop(CODE + 4096);
    cpu.memory.write8(CODE + 4096, 7);
    cpu.step();
    expect(cpu.register(RAX)).toBe(7n);
  });

  it('push the right return address', () => {
    const cpu = cpuAt('e8 fb 0f 00 00', CODE + 4096 - 1); // call
    cpu.setRegister(4, 0x8000n);
    cpu.step();
    expect([cpu.rip, cpu.memory.read32(0x7ff8)]).toEqual([0x2fff, 0x2004]);
  });
});

describe('the record arena', () => {
  it('starts anew when it is full', () => {
    const cpu = cpuAt('90', CODE, { records: 128, codePages: 2 });
    for (let page = 1; page <= 8; page++) {
      cpu.load(page * 4096, Buffer.from('48ffc0eb00', 'hex'));
      cpu.run(3 * 64);
    }
    expect([cpu.register(RAX), cpu.decoder.hasCode(4096), cpu.decoder.hasCode(8 * 4096)]).toEqual([8n, false, true]);
  });
});

describe('what the host executes', () => {
  it('is described in plain values', () => {
    const cpu = cpuAt('0f 01 15 10 00 00 00'); // lgdt [rip+10h]
    expect(cpu.step()).toBe(L.STOP_SLOW);
    const { code, length, operands, addressSize } = cpu.decoder.instruction(cpu.word(L.CPU_STOP_INFO));
    expect([code, length, addressSize]).toEqual([Code.Lgdt_m1664, 7, 64]);
    expect(operands).toMatchObject([{ kind: 'memory', base: Register.RIP, displacement: 0x10n, segment: Register.DS }]);
  });

  it('has far pointers as an immediate', () => {
    const cpu = cpuAt('ea 78 56 34 12 08 00'); // jmp 8:12345678h
    cpu.setWord(L.CPU_MODE, L.MODE_32);
    expect(cpu.step()).toBe(L.STOP_SLOW);
    expect(cpu.decoder.instruction(cpu.word(L.CPU_STOP_INFO)).operands).toEqual([
      { kind: 'immediate', value: 0x8_1234_5678n },
    ]);
  });

  it('includes invalid encodings', () => {
    const cpu = cpuAt('06');
    expect(cpu.step()).toBe(L.STOP_SLOW);
    expect(cpu.decoder.instruction(cpu.word(L.CPU_STOP_INFO)).code).toBe(Code.INVALID);
  });
});

describe('32-bit code', () => {
  function cpu32(code: string): SingleStep {
    const cpu = cpuAt(code);
    cpu.setWord(L.CPU_MODE, L.MODE_32);
    cpu.setRegister(4, 0x8000n);
    return cpu;
  }

  it('is decoded once, in runs', () => {
    // mov ecx, 5; L: add eax, ecx; dec ecx; jne L; mov [8100h], eax; cpuid
    const cpu = cpu32('b9 05 00 00 00 01 c8 49 75 fb a3 00 81 00 00 0f a2');
    const decode = vi.spyOn(cpu.decoder, 'decode');
    expect(cpu.run(1e6)).toBe(L.STOP_SLOW);
    expect([cpu.memory.read32(0x8100), cpu.register(RAX), cpu.retired]).toEqual([15, 15n, 17]);
    expect(decode).toHaveBeenCalledTimes(1);
  });

  it('parks in an idle loop', () => {
    const cpu = cpu32('f3 90 83 3d 00 81 00 00 00 74 f5'); // L: pause; cmp dword [8100h], 0; je L
    cpu.setWord(L.CPU_FAST_FORWARD, 1);
    expect(cpu.run(1e6)).toBe(L.STOP_PARKED);
  });

  it('pushes, calls and returns with four bytes', () => {
    // push 7; call F; cpuid; F: pop edx; push edx; ret
    const cpu = cpu32('6a 07 e8 02 00 00 00 0f a2 5a 52 c3');
    expect(cpu.run(1e6)).toBe(L.STOP_SLOW);
    expect([cpu.rip, cpu.register(4), cpu.register(2)]).toEqual([CODE + 7, 0x7ffcn, BigInt(CODE + 7)]);
    expect([cpu.memory.read32(0x7ffc), cpu.memory.read32(0x7ff8)]).toEqual([7, CODE + 7]);
  });

  it('is kept while its instruction waits for a line', () => {
    const cpu = cpu32('a1 00 81 00 00'); // mov eax, [8100h]
    cpu.tracked.set(8, 0);
    expect(cpu.step()).toBe(L.STOP_LINE_MISS);
    cpu.memory.u64[cpu.memory.lineMasks / 8] = 1n << 4n;
    cpu.setLong(L.CPU_LIMIT, 1);
    expect([cpu.engine.run(cpu.block), cpu.retired]).toEqual([L.STOP_LIMIT, 1]);
  });

  it('does not run into records of 64-bit code at the same place', () => {
    const cpu = cpuAt('90 48 ff c0 0f a2'); // nop; inc rax, or dec eax; inc eax
    expect([cpu.run(1e6), cpu.register(RAX)]).toEqual([L.STOP_SLOW, 1n]);
    cpu.rip = CODE;
    cpu.setWord(L.CPU_MODE, L.MODE_32);
    expect([cpu.run(1e6), cpu.register(RAX), cpu.retired]).toEqual([L.STOP_SLOW, 1n, 2 + 3]);
  });

  it('has its address worked out when segments or addresses are not the plain ones', () => {
    const cpu = cpu32('67 8b 47 04'); // mov eax, [bx + 4]
    cpu.setRegister(3, 0x1_8100n);
    cpu.segments[3].base = 0x100;
    cpu.memory.write32(0x8204, 0x1234);
    cpu.segmentBase = (segment) => cpu.segments[segment].base;
    expect([cpu.step(), cpu.register(RAX)]).toEqual([L.STOP_LIMIT, 0x1234n]);
  });

  it('is left to the host where the stack is not the plain one', () => {
    const cpu = cpu32('50 50');
    cpu.step();
    cpu.segments[2].limit = 0xffff;
    expect([cpu.register(4), cpu.step()]).toEqual([0x7ffcn, L.STOP_SLOW]);
  });
});

describe('costs', () => {
  it('are those of the class, of the memory operand, or of the step', () => {
    const classTicks = Uint16Array.from([1, 2, 4, 8, 16, 32, 64, 128, 256]);
    const stepTicks = new Float64Array(new SingleStep().costs.stepTicks.length).fill(1000);
    const costOf = (code: string): number => {
      const cpu = cpuAt(code, CODE, { costs: { ...new SingleStep().costs, classTicks, stepTicks } });
      cpu.setRegister(RBX, 0x8000n);
      cpu.setRegister(4, 0x8000n);
      cpu.setRegister(1, 1n);
      cpu.step();
      return cpu.now;
    };
    expect(costOf('48 01 c0')).toBe(1); //      add rax, rax
    expect(costOf('48 03 03')).toBe(1 + 2); //  add rax, [rbx]
    expect(costOf('48 01 03')).toBe(1 + 2 + 4); // add [rbx], rax
    expect(costOf('48 89 03')).toBe(1 + 4); //  mov [rbx], rax
    expect(costOf('48 8d 03')).toBe(1); //      lea rax, [rbx]
    expect(costOf('50')).toBe(1 + 4); //        push rax
    expect(costOf('eb 00')).toBe(8); //         jmp
    expect(costOf('e8 00 00 00 00')).toBe(8 + 4); // call
    expect(costOf('48 0f af c0')).toBe(16); //  imul rax, rax
    expect(costOf('48 f7 f1')).toBe(32); //     div rcx
    expect(costOf('48 d1 e0')).toBe(64); //     shl rax, 1
    expect(costOf('ac')).toBe(128); //          lodsb
    expect(costOf('f0 ff 03')).toBe(1000); //   lock inc dword [rbx]
    expect(costOf('87 03')).toBe(1000); //      xchg [rbx], eax
    expect(costOf('0f ae f0')).toBe(1000); //   mfence
  });
});
