import { Code, Instruction, Register } from 'iced-x86';
import { Assembler } from '../src/guest/assembler.js';
import { DATA, KERNEL_CODE } from '../src/guest/memory-map.js';
import { dword, EAX, EBX, ECX, EDX, qword, RAX, RBX, RCX, RDI, RDX, RSI } from '../src/guest/operand.js';
import { CPU_RETIRED } from '../src/hardware/cpu/layout.js';
import { bareMachine } from '../test/support/bare-machine.js';

/** Machine code that runs for ever; a slice of simulated time is one unit of work. */
export interface Kernel {
  readonly name: string;
  readonly emit: (asm: Assembler) => void;
}

/** Register arithmetic with a data-dependent branch. */
const alu: Kernel = {
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
const memory: Kernel = {
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
const branchy: Kernel = {
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

export const KERNELS: readonly Kernel[] = [alu, memory, branchy];

/** Simulated ticks of one unit of work. */
const SLICE = 1 << 24;

/** A running kernel: each call of `work` simulates one slice and says how many instructions that were. */
export function startKernel({ emit }: Kernel): { readonly work: () => number } {
  const asm = new Assembler(KERNEL_CODE);
  emit(asm);
  const machine = bareMachine({ code: asm.assemble(), entries: [KERNEL_CODE] });
  const [cpu] = machine.cpus;
  return {
    work: () => {
      const before = cpu.long(CPU_RETIRED);
      machine.clock.schedule(cpu.now + SLICE, cpu.id, () => {
        machine.clock.stop();
      });
      machine.clock.run();
      return cpu.long(CPU_RETIRED) - before;
    },
  };
}
