import fc from 'fast-check';
import { Code } from 'iced-x86';
import { describe, expect, it } from 'vitest';
import { disassemble } from '../../test/support/code-walk.js';
import { Assembler } from './assembler.js';
import { dword, dwordElement, EAX, EBX, ECX, EDI, perCpuDword, qword, R13, RAX, RBX, RDI, RSP } from './operand.js';

const BASE = 0x10_0000;

function textOf(write: (asm: Assembler) => void): string[] {
  const asm = new Assembler(BASE);
  write(asm);
  return disassemble(asm.assemble()).map(({ text }) => text);
}

describe('Assembler', () => {
  it.each<[string, (asm: Assembler) => void]>([
    ['mov eax,ebx', (asm) => asm.mov(EAX, EBX)],
    ['mov rax,[rbx+8]', (asm) => asm.mov(RAX, qword(RBX, 8))],
    ['mov rax,[rsp]', (asm) => asm.mov(RAX, qword(RSP))],
    ['mov rax,[r13]', (asm) => asm.mov(RAX, qword(R13))],
    ['mov dword ptr [200008h],1', (asm) => asm.mov(dword(0x20_0008), 1)],
    ['mov rax,0fee00000h', (asm) => asm.mov(RAX, 0xfee0_0000)],
    ['mov ebx,[rdi*4+204000h]', (asm) => asm.mov(EBX, dwordElement(0x20_4000, RDI))],
    ['cmp edi,gs:[0]', (asm) => asm.cmp(EDI, perCpuDword(0))],
    ['lock inc dword ptr [200004h]', (asm) => asm.lock.inc(dword(0x20_0004))],
    ['xchg [200000h],eax', (asm) => asm.xchg(dword(0x20_0000), EAX)],
    ['and rsp,0fffffffffffffff0h', (asm) => asm.and(RSP, -16)],
    ['add rax,3e8h', (asm) => asm.add(RAX, 1000)],
    ['lea ecx,[rdi+800h]', (asm) => asm.lea(ECX, dword(RDI, 0x800))],
    ['call qword ptr [rax+8]', (asm) => asm.call(qword(RAX, 8))],
    ['nop [rax+49504901h]', (asm) => asm.marker(1)],
    ['out 0f4h,eax', (asm) => asm.out(0xf4)],
    ['int 80h', (asm) => asm.int(0x80)],
    ['uiret', (asm) => asm.plain(Code.Uiret)],
  ])('encodes %s', (text, write) => {
    expect(textOf(write)).toEqual([text]);
  });

  it('gives a marker the seven bytes that the decoder looks for', () => {
    const asm = new Assembler(BASE);
    asm.marker(2);
    expect([...asm.assemble().bytes]).toEqual([0x0f, 0x1f, 0x80, 0x02, 0x49, 0x50, 0x49]);
  });

  it('rejects operands of different width', () => {
    expect(() => textOf((asm) => asm.mov(EAX, RBX))).toThrow('operands of 32 and 64 bits');
  });

  it('rejects a label that was never bound', () => {
    expect(() => textOf((asm) => asm.jmp(asm.label('nowhere')))).toThrow('label nowhere was never bound');
  });

  it('reaches every label with the shortest branch, at any distance', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 12 }), fc.integer(), (gaps, seed) => {
        const asm = new Assembler(BASE);
        const labels = gaps.map((_, index) => asm.label(`l${String(index)}`));
        const targets = gaps.map(
          (_, index) => labels[Math.abs(seed + index * 7) % labels.length] ?? asm.here('unused'),
        );
        gaps.forEach((gap, index) => {
          asm.bind(labels[index] ?? asm.label(''));
          asm.jcc('ne', targets[index] ?? asm.label(''));
          for (let i = 0; i < gap; i++) asm.plain(Code.Nopd);
        });
        const code = asm.assemble();
        const branches = disassemble(code).filter(({ text }) => text.startsWith('jne'));
        expect(branches.map(({ text }) => parseInt(/ ([0-9a-f]+)h/.exec(text)?.[1] ?? '', 16))).toEqual(
          targets.map((label) => code.addressOf(label)),
        );
      }),
    );
  });

  it('pads to an alignment', () => {
    const asm = new Assembler(BASE);
    asm.ret();
    asm.align(16);
    const label = asm.here('aligned');
    asm.ret();
    expect(asm.assemble().addressOf(label)).toBe(BASE + 16);
  });
});
