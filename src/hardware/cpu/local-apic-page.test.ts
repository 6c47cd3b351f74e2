import { describe, expect, it } from 'vitest';
import { bareMachine } from '../../../test/support/bare-machine.js';
import { vmxMachine } from '../../../test/support/vmx-machine.js';
import { KERNEL_CODE } from '../../guest/memory-map.js';
import { VECTOR_NMI } from './exception-vector.js';
import { CPU_RETIRED, ORDER_STEPPED } from './layout.js';
import { accessDevice } from './local-apic-page.js';

function apicCpu() {
  const machine = vmxMachine({ hostApicMode: 'xapic' });
  return { machine, cpu: machine.sender.cpu };
}

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

describe('the local APIC page', () => {
  it('an aligned 4-byte write reaches the register, and its IPI the bus', () => {
    const { machine, cpu } = apicCpu();
    accessDevice(cpu, 0x310, bytes(0, 0, 0, 1), true);
    accessDevice(cpu, 0x300, bytes(0x41, 0x40, 0, 0), true);
    machine.deliverMessages();
    expect(machine.target.cpu.apic.pendingVector).toBe(0x41);
  });

  it.each([
    [0x081, 4],
    [0x080, 8],
    [0x080, 1],
  ])('a write to %i of %i bytes is dropped', (offset, size) => {
    const { cpu } = apicCpu();
    accessDevice(cpu, offset, new Uint8Array(size).fill(0x50), true);
    expect(cpu.apic.readRegister(0x080)).toBe(0);
  });

  it('reads inside a register return its bytes, others 0', () => {
    const { cpu } = apicCpu();
    const read = (offset: number, size: number): number[] => {
      const data = new Uint8Array(size).fill(0xff);
      accessDevice(cpu, offset, data, false);
      return [...data];
    };
    expect(read(0x030, 4)).toEqual([0x15, 0x00, 0x06, 0x01]);
    expect(read(0x032, 1)).toEqual([0x06]);
    expect(read(0x030, 8)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    expect(read(0x034, 4)).toEqual([0, 0, 0, 0]);
  });
});

const TARGET = 0x100;
const NMI_HANDLER = 0x200;
const [RDX, RSI, RDI, R8] = [2, 6, 7, 8];

/** Polls the timer's count, sends NMIs to CPU 1 and to itself, and writes and reads the TPR. */
const SENDER = [
  ...[0xbb, 0x00, 0x00, 0xe0, 0xfe], //                               mov ebx, 0xfee00000
  ...[0xc7, 0x83, 0xe0, 0x03, 0, 0, 0x0b, 0, 0, 0], //                mov dword [rbx+0x3e0], 0xb
  ...[0xc7, 0x83, 0x80, 0x03, 0, 0, 0x40, 0x42, 0x0f, 0], //          mov dword [rbx+0x380], 1000000
  ...[0xb9, 0x32, 0, 0, 0], //                                        mov ecx, 50
  ...[0x8b, 0x83, 0x90, 0x03, 0, 0], //                         pass: mov eax, [rbx+0x390]
  ...[0x48, 0x01, 0xc6], //                                           add rsi, rax
  ...[0xc7, 0x83, 0x10, 0x03, 0, 0, 0, 0, 0, 0x01], //                mov dword [rbx+0x310], 0x01000000
  ...[0xc7, 0x83, 0x00, 0x03, 0, 0, 0x00, 0x04, 0, 0], //             mov dword [rbx+0x300], 0x400
  ...[0xc7, 0x83, 0x10, 0x03, 0, 0, 0, 0, 0, 0], //                   mov dword [rbx+0x310], 0
  ...[0xc7, 0x83, 0x00, 0x03, 0, 0, 0x00, 0x04, 0, 0], //             mov dword [rbx+0x300], 0x400
  ...[0x89, 0x8b, 0x80, 0, 0, 0], //                                  mov [rbx+0x80], ecx
  ...[0x0b, 0xbb, 0x80, 0, 0, 0], //                                  or edi, [rbx+0x80]
  ...[0xff, 0xc9], //                                                 dec ecx
  ...[0x75, 0xbf], //                                                 jne pass
  0xf4, //                                                            hlt
];
const COUNTS_AND_HALTS = [
  ...[0xb9, 0x88, 0x13, 0, 0], //       mov ecx, 5000
  ...[0x48, 0xff, 0xc2], //       pass: inc rdx
  ...[0xff, 0xc9], //                   dec ecx
  ...[0x75, 0xf9], //                   jne pass
  0xf4, //                        halt: hlt
  ...[0xeb, 0xfd], //                   jmp halt
];
const COUNTS_NMIS = [0x49, 0xff, 0xc0, 0x48, 0xcf]; // inc r8; iretq

/** What comes of the program; `isStepped`: with the host in charge of every stop. */
function registersAfter(isStepped: boolean) {
  const code = new Uint8Array(0x300);
  code.set(SENDER);
  code.set(COUNTS_AND_HALTS, TARGET);
  code.set(COUNTS_NMIS, NMI_HANDLER);
  const { cpus, clock, memory } = bareMachine({
    code: { base: KERNEL_CODE, bytes: code },
    entries: [KERNEL_CODE, KERNEL_CODE + TARGET],
    gates: [{ vector: VECTOR_NMI, address: KERNEL_CODE + NMI_HANDLER, dpl: 0 }],
    host: { apicMode: 'xapic' },
  });
  if (isStepped) memory.u32[ORDER_STEPPED >>> 2] = 1;
  clock.run();
  return cpus.map((cpu) => ({
    now: cpu.now,
    asleep: cpu.sleepTicks,
    retired: cpu.long(CPU_RETIRED),
    gpr: [RDX, RSI, RDI, R8].map((register) => cpu.gprNumber(register)),
    tpr: cpu.apic.readRegister(0x080),
  }));
}

describe('machine code at the local APIC page', () => {
  it('polls the timer and sends NMIs with or without the host', () => {
    const registers = registersAfter(false);
    const [, counts, tprs, own] = registers[0].gpr;
    expect(counts).toBeGreaterThan(0);
    expect([tprs, own]).toEqual([63, 50]);
    expect(registers[1].gpr[3]).toBeGreaterThan(1);
    expect(registersAfter(true)).toEqual(registers);
  });
});
