import { describe, expect, it } from 'vitest';
import { CODE, cpuFixture, DATA, HANDLERS, type Fixture } from '../../../../test/support/cpu-fixture.js';
import { CR0_EM, CR0_TS, CR4_OSFXSR, CR4_OSXSAVE } from '../control-register-bits.js';
import { mxcsr, xmm } from '../extended-state.js';

const RAX = 0;
const RDX = 2;
const RBX = 3;
const COUNT = Array.from({ length: 16 }, (_, byte) => byte + 1);

/** XMM0 holds 1 to 16; RBX points to DATA. NOPs follow: here SSE instructions take no time. */
function sse(...code: number[]): Fixture {
  const fixture = cpuFixture();
  fixture.cpu.cr4 |= CR4_OSFXSR;
  fixture.cpu.setGprNumber(RBX, DATA);
  xmm(fixture.cpu, 0).set(COUNT);
  fixture.load(CODE, ...code, 0x90, 0x90);
  return fixture;
}

const bytesOf = (fixture: Fixture, register: number): number[] => [...xmm(fixture.cpu, register)];
const memoryOf = (fixture: Fixture, size = 16): number[] => [...fixture.memory.bytes(DATA, size)];

/** Address of the handler that an exception goes to. */
function handlerOf(fixture: Fixture): number {
  fixture.settle();
  return (fixture.cpu.rip - HANDLERS) / 16;
}

describe('SSE moves', () => {
  it.each([
    ['movaps', [0x0f, 0x29, 0x03]],
    ['movdqu', [0xf3, 0x0f, 0x7f, 0x03]],
    ['movntdq', [0x66, 0x0f, 0xe7, 0x03]],
  ])('%s stores 16 bytes', (_, code) => {
    const fixture = sse(...code);
    fixture.step();
    expect(memoryOf(fixture)).toEqual(COUNT);
  });

  it('need alignment where their name says so', () => {
    expect(handlerOf(sse(0x66, 0x0f, 0x6f, 0x43, 0x08))).toBe(13); // movdqa xmm0, [rbx+8]
    const unaligned = sse(0xf3, 0x0f, 0x6f, 0x4b, 0x08); // movdqu xmm1, [rbx+8]
    unaligned.load(DATA + 8, ...COUNT);
    unaligned.step();
    expect(bytesOf(unaligned, 1)).toEqual(COUNT);
  });

  it('clear the rest of a register on a load, and keep it between registers', () => {
    const load = sse(0xf3, 0x0f, 0x10, 0x03); // movss xmm0, [rbx]
    load.load(DATA, 0xaa, 0xbb, 0xcc, 0xdd);
    load.step();
    expect(bytesOf(load, 0)).toEqual([0xaa, 0xbb, 0xcc, 0xdd, ...Array<number>(12).fill(0)]);
    const between = sse(0xf3, 0x0f, 0x10, 0xc1); // movss xmm0, xmm1
    between.step();
    expect(bytesOf(between, 0)).toEqual([0, 0, 0, 0, ...COUNT.slice(4)]);
  });

  it('go between general and XMM registers', () => {
    const fixture = sse(0x66, 0x48, 0x0f, 0x7e, 0xc0, 0x66, 0x0f, 0x6e, 0xc8); // movq rax, xmm0; movd xmm1, eax
    fixture.step();
    expect(fixture.cpu.gpr(RAX)).toBe(0x0807_0605_0403_0201n);
    fixture.step();
    expect(bytesOf(fixture, 1)).toEqual([1, 2, 3, 4, ...Array<number>(12).fill(0)]);
  });

  it('move halves', () => {
    const fixture = sse(0x0f, 0x17, 0x03, 0x0f, 0x12, 0xc8, 0x0f, 0x16, 0xd0); // movhps [rbx]; movhlps 1, 0; movlhps 2, 0
    fixture.step(fixture.cpu, 3);
    expect(memoryOf(fixture, 8)).toEqual(COUNT.slice(8));
    expect(bytesOf(fixture, 1).slice(0, 8)).toEqual(COUNT.slice(8));
    expect(bytesOf(fixture, 2).slice(8)).toEqual(COUNT.slice(0, 8));
  });
});

describe('packed operations', () => {
  it.each([
    ['pxor xmm0, xmm0', [0x66, 0x0f, 0xef, 0xc0], Array<number>(16).fill(0)],
    ['pcmpeqb xmm0, xmm0', [0x66, 0x0f, 0x74, 0xc0], Array<number>(16).fill(0xff)],
    ['paddd xmm0, xmm0', [0x66, 0x0f, 0xfe, 0xc0], COUNT.map((byte) => 2 * byte)],
    ['pshufd xmm0, xmm0, 1bh', [0x66, 0x0f, 0x70, 0xc0, 0x1b], [12, 8, 4, 0].flatMap((at) => COUNT.slice(at, at + 4))],
    ['punpcklqdq xmm0, xmm0', [0x66, 0x0f, 0x6c, 0xc0], [...COUNT.slice(0, 8), ...COUNT.slice(0, 8)]],
    ['psrldq xmm0, 12', [0x66, 0x0f, 0x73, 0xd8, 12], [13, 14, 15, 16, ...Array<number>(12).fill(0)]],
    ['pandn xmm0, xmm1', [0x66, 0x0f, 0xdf, 0xc1], Array<number>(16).fill(0)],
  ])('%s', (_, code, result) => {
    const fixture = sse(...code);
    fixture.step();
    expect(bytesOf(fixture, 0)).toEqual(result);
  });

  it('PMOVMSKB collects signs', () => {
    const fixture = sse(0x66, 0x0f, 0xd7, 0xc0);
    xmm(fixture.cpu, 0).set([0x80, 0, 0xff]);
    fixture.step();
    expect(fixture.cpu.gpr(RAX)).toBe(5n);
  });
});

describe('availability', () => {
  it('is #UD without CR4.OSFXSR or with CR0.EM', () => {
    const without = sse(0x0f, 0x57, 0xc0);
    without.cpu.cr4 &= ~CR4_OSFXSR;
    expect(handlerOf(without)).toBe(6);
    const emulated = sse(0x0f, 0x57, 0xc0);
    emulated.cpu.cr0 |= CR0_EM;
    expect(handlerOf(emulated)).toBe(6);
  });

  it('is #NM with CR0.TS', () => {
    for (const code of [
      [0x0f, 0x57, 0xc0],
      [0xdb, 0xe3],
      [0x0f, 0xae, 0x03],
    ]) {
      const fixture = sse(...code);
      fixture.setGate(7);
      fixture.cpu.cr0 |= CR0_TS;
      expect(handlerOf(fixture)).toBe(7);
    }
  });
});

describe('areas', () => {
  it('FXSAVE and FXRSTOR keep everything', () => {
    const fixture = sse(0xdb, 0xe3, 0x0f, 0xae, 0x03, 0x0f, 0x57, 0xc0, 0x0f, 0xae, 0x0b); // fninit; fxsave; xorps; fxrstor
    fixture.step(fixture.cpu, 2);
    expect([fixture.memory.read32(DATA) & 0xffff, fixture.memory.read32(DATA + 24)]).toEqual([0x37f, 0x1f80]);
    fixture.step(fixture.cpu, 2);
    expect(bytesOf(fixture, 0)).toEqual(COUNT);
  });

  it('FXRSTOR refuses reserved bits of MXCSR', () => {
    const fixture = sse(0x0f, 0xae, 0x0b);
    fixture.memory.write32(DATA + 24, 0x1_0000);
    expect(handlerOf(fixture)).toBe(13);
  });

  it('XSAVE writes the components asked for, XRSTOR initializes those that are missing', () => {
    const fixture = sse(0x0f, 0xae, 0x23, 0x0f, 0xae, 0x2b); // xsave [rbx]; xrstor [rbx]
    const { cpu } = fixture;
    cpu.cr4 |= CR4_OSXSAVE;
    cpu.msrs.xcr0 = 3;
    cpu.setGprNumber(RAX, 2);
    cpu.setGprNumber(RDX, 0);
    fixture.step();
    expect([fixture.memory.read32(DATA + 512), ...fixture.memory.bytes(DATA + 160, 2)]).toEqual([2, 1, 2]);
    fixture.memory.write32(DATA + 512, 0);
    fixture.step();
    expect(bytesOf(fixture, 0)).toEqual(Array(16).fill(0));
  });

  it('XSAVE is #UD without CR4.OSXSAVE, #GP off 64 bytes', () => {
    expect(handlerOf(sse(0x0f, 0xae, 0x23))).toBe(6);
    const fixture = sse(0x0f, 0xae, 0x63, 0x10);
    fixture.cpu.cr4 |= CR4_OSXSAVE;
    expect(handlerOf(fixture)).toBe(13);
  });

  it('LDMXCSR and STMXCSR move the control register', () => {
    const fixture = sse(0x0f, 0xae, 0x5b, 0x04, 0x0f, 0xae, 0x13); // stmxcsr [rbx+4]; ldmxcsr [rbx]
    fixture.memory.write32(DATA, 0x1fa0);
    fixture.step(fixture.cpu, 2);
    expect([fixture.memory.read32(DATA + 4), mxcsr(fixture.cpu)]).toEqual([0x1f80, 0x1fa0]);
  });

  it('FNSTSW goes to AX, FNSTCW to memory', () => {
    const fixture = sse(0xdf, 0xe0, 0xd9, 0x3b);
    fixture.cpu.setGprNumber(RAX, 0x1_2345);
    fixture.step(fixture.cpu, 2);
    expect([fixture.cpu.gprLow(RAX), fixture.memory.read32(DATA) & 0xffff]).toEqual([0x1_0000, 0x40]);
  });
});
