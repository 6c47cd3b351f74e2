import { Code, Instruction, Register } from 'iced-x86';
import { Assembler } from '../src/guest/assembler.js';
import { DATA, KERNEL_CODE } from '../src/guest/memory-map.js';
import { dword, EAX, EBX, ECX, EDX, qword, RAX, RBX, RCX, RDI, RDX, RSI } from '../src/guest/operand.js';
import { tinyImage } from '../src/guest/test-support/tiny-image.js';
import { TICKS_PER_CYCLE } from '../src/cost/step.js';
import type { Cpu } from '../src/hardware/cpu/cpu.js';
import { CPU_RETIRED } from '../src/hardware/cpu/layout.js';
import { bareMachine } from '../test/support/bare-machine.js';
import { imageMachine } from '../test/support/image-machine.js';

/** Machine code in 64-bit mode that runs for ever; a slice of simulated time is one unit of work. */
interface LongModeKernel {
  readonly name: string;
  readonly emit: (asm: Assembler) => void;
}

/** The same as a multiboot image, from 32-bit protected mode: machine code in hexadecimal digits. */
interface ImageKernel {
  readonly name: string;
  readonly code: string;
}

export type Kernel = LongModeKernel | ImageKernel;

/** Register arithmetic with a data-dependent branch. */
const alu: LongModeKernel = {
  name: 'ALU',
  emit: (asm) => {
    asm.mov(EAX, 1);
    asm.mov(EBX, 0x1234_5677);
    const loop = asm.here('loop');
    asm.add(RAX, RBX);
    asm.xor(RDX, RAX);
    asm.emit(() => Instruction.createRegReg(Code.Adc_r64_rm64, Register.RCX, Register.RDX));
    asm.lea(RSI, qword(RAX, 5));
    asm.emit(() => Instruction.createRegRegI32(Code.Imul_r32_rm32_imm32, Register.EBX, Register.EBX, 0x0019_660d));
    asm.add(EBX, 0x3c6e_f35f);
    asm.sub(RSI, RCX);
    asm.test(EBX, 0x10000);
    const skip = asm.label('skip');
    asm.jcc('e', skip);
    asm.add(RCX, 3);
    asm.bind(skip);
    asm.and(EDX, 0x7fff_ffff);
    asm.jmp(loop);
  },
};

/** Loads, stores, read-modify-writes, pushes and pops in private pages. */
const memory: LongModeKernel = {
  name: 'memory',
  emit: (asm) => {
    asm.mov(RDI, DATA + 0x10000);
    const loop = asm.here('loop');
    asm.mov(RAX, qword(RDI, 8));
    asm.add(RAX, 7);
    asm.mov(qword(RDI, 16), RAX);
    asm.add(dword(RDI, 24), EAX);
    asm.push(RAX);
    asm.mov(ECX, dword(RDI, 24));
    asm.pop(RDX);
    asm.mov(qword(RDI, 8), RDX);
    asm.jmp(loop);
  },
};

/** Insertion sort of 64 pseudo-random words, over and over. */
const branchy: LongModeKernel = {
  name: 'branchy',
  emit: (asm) => {
    const [outer, fill, insert, shift, place] = ['outer', 'fill', 'insert', 'shift', 'place'].map((name) =>
      asm.label(name),
    );
    asm.mov(EBX, 0x1234_5677);
    asm.bind(outer);
    asm.mov(RDI, DATA + 0x10000);
    asm.mov(ECX, 64);
    asm.bind(fill);
    asm.emit(() => Instruction.createRegRegI32(Code.Imul_r32_rm32_imm32, Register.EBX, Register.EBX, 0x0019_660d));
    asm.add(EBX, 0x3c6e_f35f);
    asm.mov(dword(RDI), EBX);
    asm.add(RDI, 4);
    asm.dec(ECX);
    asm.jcc('ne', fill);
    asm.mov(RSI, DATA + 0x10004);
    asm.bind(insert);
    asm.mov(EAX, dword(RSI));
    asm.mov(RCX, RSI);
    asm.bind(shift);
    asm.cmp(RCX, DATA + 0x10000);
    asm.jcc('be', place);
    asm.mov(EDX, dword(RCX, -4));
    asm.cmp(EDX, EAX);
    asm.jcc('be', place);
    asm.mov(dword(RCX), EDX);
    asm.sub(RCX, 4);
    asm.jmp(shift);
    asm.bind(place);
    asm.mov(dword(RCX), EAX);
    asm.add(RSI, 4);
    asm.cmp(RSI, DATA + 0x10100);
    asm.jcc('b', insert);
    asm.jmp(outer);
  },
};

/** Arithmetic, a store, a load and a data-dependent branch. */
const bits32: ImageKernel = {
  name: '32-bit',
  code: `
    bf00801000 bb77563412              mov edi, 108000H; mov ebx, 12345677H
    01d8 31c2 11d1                     loop: add eax, ebx; xor edx, eax; adc ecx, edx
    69db0d661900 81c35ff36e3c          imul ebx, ebx, 19660DH; add ebx, 3C6EF35FH
    894708 034710                      mov [edi+8], eax; add eax, [edi+10H]
    f7c300000100 7403 83c103 ebdb      test ebx, 10000H; je skip; add ecx, 3; skip: jmp loop`,
};

/** The same with 16-bit registers, in a 16-bit code segment. */
const bits16: ImageKernel = {
  name: '16-bit',
  code: `
    0f011560001000 ea1a0000000800      lgdt [100060H]; jmp 0008H:001AH
    bf0080 bb7756                      mov di, 8000H; mov bx, 5677H
    01d8 31c2 11d1                     loop: add ax, bx; xor dx, ax; adc cx, dx
    69db0d66 81c35ff3                  imul bx, bx, 660DH; add bx, F35FH
    894508 034510                      mov [di+8], ax; add ax, [di+10H]
    f7c30001 7403 83c103 ebe1          test bx, 100H; je skip; add cx, 3; skip: jmp loop
    9090909090909090909090909090909090  up to 100050H
    0000000000000000 ffff0000109a0000  0008H: code, base 100000H
    0f0050001000                       its limit and address`,
};

/** Stores into the page that it runs in, beside its code. */
const ownPage: ImageKernel = {
  name: 'own page',
  code: `
    bf00081000                         mov edi, 100800H
    01d8 8907 034704 ebf7              loop: add eax, ebx; mov [edi], eax; add eax, [edi+4]; jmp loop`,
};

/** Changes an operand of its code before each pass. */
const rewriting: ImageKernel = {
  name: 'rewriting',
  code: `
    a218001000 01d8 31c2               loop: mov [100018H], al; add eax, ebx; xor edx, eax
    01d8 bb00000000 ebee               add eax, ebx; mov ebx, 0 (its first byte is 100018H); jmp loop`,
};

export const KERNELS: readonly Kernel[] = [alu, memory, branchy, bits32, bits16, ownPage, rewriting];

/** Simulated cycles of one unit of work: less where code has to be decoded again and again. */
const SLICE = 1 << 18;
const SLICE_OF_MODIFIED_CODE = 1 << 12;

/** A running kernel: each call of `work` simulates one slice and says how many instructions that were. */
export function startKernel(kernel: Kernel): { readonly work: () => number } {
  return 'emit' in kernel ? startInLongMode(kernel) : startImage(kernel);
}

function startInLongMode({ emit }: LongModeKernel): { readonly work: () => number } {
  const asm = new Assembler(KERNEL_CODE);
  emit(asm);
  const { cpus, clock } = bareMachine({ code: asm.assemble(), entries: [KERNEL_CODE] });
  return counted(cpus[0], () => {
    clock.schedule(cpus[0].now + SLICE * TICKS_PER_CYCLE, cpus[0].id, () => {
      clock.stop();
    });
    clock.run();
  });
}

function startImage(kernel: ImageKernel): { readonly work: () => number } {
  const digits = kernel.code.split('\n').map((line) => /^(?: *(?:[0-9a-f]{2})+(?= |$))*/.exec(line)?.[0] ?? '');
  const machine = imageMachine(tinyImage(digits.join('').replaceAll(' ', '')), {
    ...{ bare: true, vcpus: 1, maxCycles: Infinity },
  });
  const slice = kernel === rewriting ? SLICE_OF_MODIFIED_CODE : SLICE;
  return counted(machine.hardware.cpus[0], () => machine.run(slice));
}

/** `run`, and how many instructions that were. */
function counted(cpu: Cpu, run: () => void): { readonly work: () => number } {
  return {
    work: () => {
      const before = cpu.long(CPU_RETIRED);
      run();
      return cpu.long(CPU_RETIRED) - before;
    },
  };
}
