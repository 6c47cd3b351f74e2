import { describe, expect, it } from 'vitest';
import { constantsMovedTo, disassemble, walk, type Visited } from '../../../test/support/code-walk.js';
import { Assembler, type AssembledCode, type Label } from '../assembler.js';
import * as M from '../memory-map.js';
import { ipi } from './ipi.js';
import { ipiHalt } from './ipi-halt.js';
import type { Program, ProgramOptions } from './program.js';

const OPTIONS: ProgramOptions = {
  apicMode: 'x2apic',
  apHaltPolicy: 'spin',
  vcpus: 2,
  warmup: 64,
  apPhase: 0,
  iterations: 1024,
};

type Emit = (asm: Assembler, options: ProgramOptions) => Program;

/** What sender and target execute per iteration, without repetitions of the sender's spin loop. */
function iteration(apicMode: 'xapic' | 'x2apic', emit: Emit = ipi): { sender: Visited[]; target: Visited[] } {
  const asm = new Assembler(M.KERNEL_CODE);
  const program = emit(asm, { ...OPTIONS, apicMode });
  const code = asm.assemble();
  const whole = disassemble(code);
  const [operation = 0] = constantsMovedTo(whole, 'ebp');
  const nop = constantsMovedTo(whole, 'esi').find((constant) => constant >= M.KERNEL_CODE) ?? 0;
  const loop = whole.find(({ text }) => text === 'call rbp')?.address ?? 0;
  const indirect = indirectTargets(program, code, operation, nop);
  return {
    sender: walk(code, loop, indirect),
    target: walk(code, code.addressOf(program.gates[0]?.handler ?? asm.label('')), indirect),
  };
}

function indirectTargets({ apicAccessors }: Program, code: AssembledCode, operation: number, nop: number) {
  const accessor = (label: Label | undefined): number => (label === undefined ? 0 : code.addressOf(label));
  const targets: Readonly<Record<string, number>> = {
    'call rbp': operation,
    'call rax': nop,
    'call qword ptr [rax]': accessor(apicAccessors?.writeRegister),
    'call qword ptr [rax+8]': accessor(apicAccessors?.writeIcr),
  };
  return (text: string): number => targets[text] ?? 0;
}

function textsMatching(path: readonly Visited[], pattern: RegExp): string[] {
  return path.map(({ text }) => text).filter((text) => pattern.test(text));
}

/** Accesses of the mailbox line, in order. */
const MAILBOX = /\[2000[0-3][0-9a-f]h\]/;
const SPIN_LOOP_INSTRUCTIONS = 3;

describe('the ipi program', () => {
  it('106: an xAPIC iteration reads 300H, writes 310H and 300H on the sender and 0B0H on the target', () => {
    const { sender, target } = iteration('xapic');
    expect(textsMatching(sender, /\[rax\+3|\[rdi\]|msr/)).toEqual([
      'mov eax,[rax+300h]',
      'mov [rax+310h],esi',
      'mov [rax+300h],edi',
    ]);
    expect(textsMatching(target, /\[rax\+3|\[rdi\]|msr|edi,0b0h/)).toEqual(['mov edi,0b0h', 'mov [rdi],esi']);
  });

  it('106: an x2APIC iteration writes 830H on the sender and 80BH on the target', () => {
    const { sender, target } = iteration('x2apic');
    expect(textsMatching(sender, /ecx,8|msr|fence/)).toEqual(['mov ecx,830h', 'mfence', 'wrmsr']);
    expect(textsMatching(target, /edi,|ecx,\[rdi|msr/)).toEqual([
      'mov edi,0b0h',
      'shr edi,4',
      'lea ecx,[rdi+800h]',
      'wrmsr',
    ]);
  });

  it('sends vector 20H with fixed delivery, physical destination, assert', () => {
    expect(textsMatching(iteration('x2apic').sender, /^mov edi,4/)).toEqual(['mov edi,4020h']);
  });

  it('touches the mailbox in the order of kvm-unit-tests', () => {
    const { sender, target } = iteration('x2apic');
    expect(textsMatching(sender, MAILBOX)).toEqual([
      'xchg [200000h],eax',
      'lock inc dword ptr [200004h]',
      'mov dword ptr [200008h],0',
      'mov [200010h],r12',
      'mov [200018h],rbp',
      'mov [20000ch],ecx',
      'mov eax,[200008h]',
      'mov dword ptr [200000h],0',
    ]);
    expect(textsMatching(target, MAILBOX)).toEqual([
      'mov rax,[200010h]',
      'mov rdi,[200018h]',
      'mov ebx,[20000ch]',
      'lock dec dword ptr [200004h]',
      'mov dword ptr [200008h],1',
    ]);
  });

  it('signals completion before EOI', () => {
    const texts = iteration('x2apic').target.map(({ text }) => text);
    expect(texts.indexOf('mov dword ptr [200008h],1')).toBeLessThan(texts.indexOf('wrmsr'));
  });

  it.each([
    ['xapic', 82, 50],
    ['x2apic', 78, 51],
  ] as const)('executes as many instructions as kvm-unit-tests in %s mode', (mode, senderCount, targetCount) => {
    const { sender, target } = iteration(mode);
    expect(sender.length - SPIN_LOOP_INSTRUCTIONS).toBe(senderCount);
    expect(target.length).toBe(targetCount);
  });

  it('reaches the completion store after 24 instructions on the target', () => {
    const texts = iteration('x2apic').target.map(({ text }) => text);
    expect(texts.indexOf('mov dword ptr [200008h],1')).toBe(23);
  });

  it('times the whole call on the sender', () => {
    const texts = iteration('x2apic').sender.map(({ text }) => text);
    const first = texts.indexOf('rdtsc');
    expect(first).toBeLessThan(texts.indexOf('xchg [200000h],eax'));
    expect(texts.lastIndexOf('rdtsc')).toBeGreaterThan(texts.lastIndexOf('mov dword ptr [200000h],0'));
  });
});

describe('the ipi-halt program', () => {
  it('waits 2000 cycles after each IPI', () => {
    const texts = iteration('x2apic', ipiHalt).sender.map(({ text }) => text);
    expect(texts.filter((text) => text === 'rdtsc')).toHaveLength(2);
    expect(texts).toContain('add rbx,7d0h');
    expect(texts.indexOf('rdtsc')).toBeGreaterThan(texts.lastIndexOf('mov dword ptr [200000h],0'));
  });
});
