/** What an instruction does to a device is what the processor does to memory. */
import { Code, Instruction, Register } from 'iced-x86';
import { describe, expect, it } from 'vitest';
import type { Assembler } from '../../guest/assembler.js';
import { APIC_ADDRESS, LOCAL_APIC, MEMORY_DIRECTORY } from '../../guest/memory-map.js';
import { dword, EAX, ECX, EDI, EDX, ESI, qword, RAX, RBX, RCX, RDI, RDX, RSI } from '../../guest/operand.js';
import { STEP } from '../../cost/step.js';
import { CR4_SMAP } from '../../hardware/cpu/control-register-bits.js';
import * as X from '../../hardware/vmx/exit-reason.js';
import type { IoBus } from '../kernel-devices.js';
import { COUNTER, emitEnd, kvmMachine, type KvmMachine, type KvmMachineOptions } from '../test-support/kvm-machine.js';
import { QuietDevices } from '../test-support/quiet-devices.js';

const LONG = 8_000_000;
const RESULTS = COUNTER + 64;
/** Memory to compare with. */
const MEMORY = COUNTER + 2048;
/** In the page of the local APIC, which is a device in x2APIC mode with flexpriority off. */
const DEVICE_OFFSET = 0x800;
const PARAMETERS = { flexpriority: false, enableApicv: false };
/** PUSH imm32, POPFQ: all arithmetic flags set. */
const SET_FLAGS = [0x68, 0xd7, 0x08, 0, 0, 0x9d];
const PUSHF = 0x9c;
const STAC = [0x0f, 0x01, 0xcb];
const PTE_USER = 4;
const POP_RDX = 0x5a;
/** CF PF AF ZF SF OF */
const ARITHMETIC_FLAGS = 0x8d5n;

function bytes(asm: Assembler, ...values: number[]): void {
  asm.emit(() => Instruction.createDeclareByte(Uint8Array.from(values)));
}

const code = (hex: string): number[] => [...Buffer.from(hex.replaceAll(' ', ''), 'hex')];

function run(body: (asm: Assembler) => void, options: KvmMachineOptions = {}): KvmMachine {
  const machine = kvmMachine({
    apicMode: 'x2apic',
    parameters: PARAMETERS,
    ...options,
    sender: (asm) => {
      body(asm);
      emitEnd(asm);
    },
  });
  expect(machine.run(LONG)).toBe(true);
  expect(machine.failures).toEqual([]);
  return machine;
}

const VALUES = [
  [0x7fff_ffff, 0x8000_0001],
  [0, 0],
  [0xffff_ffff, 1],
  [0x1234_5678, 0x8765_43a1],
] as const;

/** RBX = device address */
function pointToDevice(asm: Assembler): void {
  asm.mov(RBX, qword(APIC_ADDRESS));
  asm.add(RBX, DEVICE_OFFSET);
}

describe('an instruction with a device operand [RBX]', () => {
  // prettier-ignore
  it.each([
    ['MOV [m], EAX',           '89 03'],
    ['MOV [m], AH',            '88 23'],
    ['MOV [m], R9B',           '44 88 0b'],
    ['MOV AH, [m]',            '8a 23'],
    ['MOV AX, [m]',            '66 8b 03'],
    ['MOV RAX, [m]',           '48 8b 03'],
    ['MOV [m], R9',            '4c 89 0b'],
    ['MOV BYTE [m], imm',      'c6 03 5a'],
    ['MOV QWORD [m], -2',      '48 c7 03 fe ff ff ff'],
    ['MOVNTI [m], EAX',        '0f c3 03'],
    ['MOVZX EAX, BYTE [m]',    '0f b6 03'],
    ['MOVSX RAX, WORD [m]',    '48 0f bf 03'],
    ['MOVSXD RAX, [m]',        '48 63 03'],
    ['ADD [m], EAX',           '01 03'],
    ['ADD EAX, [m]',           '03 03'],
    ['ADC [m], AX',            '66 11 03'],
    ['SBB AL, [m]',            '1a 03'],
    ['SBB [m], RAX',           '48 19 03'],
    ['SUB DWORD [m], imm8',    '83 2b 7f'],
    ['AND [m], EAX',           '21 03'],
    ['OR BYTE [m], imm',       '80 0b 81'],
    ['LOCK XOR [m], EAX',      'f0 31 03'],
    ['CMP [m], EAX',           '39 03'],
    ['CMP EAX, [m]',           '3b 03'],
    ['TEST [m], EAX',          '85 03'],
    ['TEST BYTE [m], imm',     'f6 03 80'],
    ['INC DWORD [m]',          'ff 03'],
    ['DEC BYTE [m]',           'fe 0b'],
    ['NOT WORD [m]',           '66 f7 13'],
    ['NEG DWORD [m]',          'f7 1b'],
    ['XCHG [m], EAX',          '87 03'],
    ['LOCK XADD [m], EAX',     'f0 0f c1 03'],
    ['CMPXCHG [m], ECX',       '0f b1 0b'],
    ['BT DWORD [m], imm',      '0f ba 23 1f'],
    ['BTS DWORD [m], imm',     '0f ba 2b 05'],
    ['BTR DWORD [m], imm',     '0f ba 33 00'],
    ['BTC DWORD [m], imm',     '0f ba 3b 1f'],
    ['SMSW [m]',               '0f 01 23'],
  ])('%s gives the same registers, flags and contents as with memory', (_, hex) => {
    const deviceMemory = new Uint8Array(4096);
    const contents: (number | bigint)[] = [];
    const once = (asm: Assembler, at: number, [memory, register]: readonly [number, number]): void => {
      asm.mov(EAX, memory);
      asm.mov(qword(RBX), RAX);
      asm.mov(EAX, register);
      asm.mov(ECX, 0x55aa_00ff);
      bytes(asm, ...SET_FLAGS);
      bytes(asm, ...code(hex), PUSHF, POP_RDX);
      asm.mov(qword(RESULTS + at), RAX);
      asm.mov(qword(RESULTS + at + 8), RDX);
      asm.mov(RCX, qword(RBX));
      asm.mov(qword(RESULTS + at + 16), RCX);
    };
    const { kvm } = run(
      (asm) => {
        VALUES.forEach((values, index) => {
          asm.mov(RBX, MEMORY);
          once(asm, 48 * index, values);
          pointToDevice(asm);
          once(asm, 48 * index + 24, values);
        });
      },
      { deviceMemory },
    );
    const read = (at: number): bigint => kvm.guestMemory.read64(RESULTS + at);
    VALUES.forEach((_values, index) => {
      const at = 48 * index;
      contents.push(read(at), read(at + 8) & ARITHMETIC_FLAGS, read(at + 16));
      expect([read(at + 24), read(at + 32) & ARITHMETIC_FLAGS, read(at + 40)]).toEqual(contents.slice(-3));
    });
  });

  it('leaves to user space twice for a read-modify-write, once for a load', () => {
    const exits = (hex: string): number => {
      const machine = run((asm) => {
        pointToDevice(asm);
        bytes(asm, ...code(hex));
      });
      return machine.hardware.meter.counts[STEP.USER_SPACE_EXIT];
    };
    const nothing = exits('90');
    expect([exits('8b 03'), exits('01 03'), exits('39 03')].map((count) => count - nothing)).toEqual([1, 2, 1]);
  });

  it('is an internal error when KVM cannot emulate it', () => {
    const machine = kvmMachine({
      apicMode: 'x2apic',
      parameters: PARAMETERS,
      sender: (asm) => {
        pointToDevice(asm);
        bytes(asm, ...code('d1 03'));
      },
    });
    machine.run(LONG);
    expect(machine.failures).toEqual([
      {
        kind: 'internal-error',
        message: expect.stringMatching(
          /^the KVM model cannot emulate ROL \(d1 03\) at RIP [0-9a-f]+H in 64-bit code$/,
        ) as string,
      },
    ]);
  });
});

describe('string instructions', () => {
  const source = 'sphinx of black quartz';
  const pattern = Uint8Array.from(Buffer.from(source.padEnd(4096, '.')));

  const copy = (
    hex: string,
    count: number,
    toDevice: boolean,
    down = false,
  ): KvmMachine & { readonly device: Uint8Array } => {
    const device = toDevice ? new Uint8Array(4096) : pattern.slice();
    const machine = run(
      (asm) => {
        pointToDevice(asm);
        asm.mov(RSI, MEMORY);
        asm.mov(RDI, MEMORY);
        if (toDevice) asm.mov(RDI, RBX);
        else asm.mov(RSI, RBX);
        asm.mov(EAX, 0x6162_6364);
        asm.mov(qword(MEMORY), RAX);
        asm.mov(ECX, count);
        bytes(asm, down ? 0xfd : 0xfc, ...code(hex), 0xfc);
        asm.mov(qword(RESULTS), RSI);
        asm.mov(qword(RESULTS + 8), RDI);
        asm.mov(qword(RESULTS + 16), RCX);
      },
      { deviceMemory: device },
    );
    return { ...machine, device };
  };
  const moved = ({ kvm }: KvmMachine, index: 0 | 1): number =>
    Number(kvm.guestMemory.read64(RESULTS + 8 * index) & 0xfffn);

  it('REP MOVSB reads a device into memory, an exit to user space per byte but one entry into KVM', () => {
    const machine = copy('f3 a4', 7, false);
    const text = Buffer.from(machine.kvm.guestMemory.bytes(MEMORY, 7)).toString();
    expect(text).toBe(Buffer.from(pattern.subarray(0x800, 0x807)).toString());
    expect([moved(machine, 0), moved(machine, 1)]).toEqual([0x807, (MEMORY & 0xfff) + 7]);
    expect(machine.kvm.guestMemory.read64(RESULTS + 16)).toBe(0n);
    expect(machine.sender.vcpu.exits[X.EXIT_REASON_EPT_MISCONFIG]).toBe(1);
    expect(machine.hardware.meter.counts[STEP.INSTRUCTION_EMULATION]).toBe(1);
  });

  it('MOVSD writes memory to a device', () => {
    const { device } = copy('a5', 1, true);
    expect([...device.subarray(0x800, 0x805)]).toEqual([0x64, 0x63, 0x62, 0x61, 0]);
  });

  it('REP STOSD fills a device, downwards with DF', () => {
    const { device } = copy('f3 ab', 2, true, true);
    expect([...device.subarray(0x7fc, 0x804)]).toEqual([0x64, 0x63, 0x62, 0x61, 0x64, 0x63, 0x62, 0x61]);
  });

  it('LODSB reads a device into AL', () => {
    const machine = copy('ac', 1, false);
    expect(moved(machine, 0)).toBe(0x801);
  });

  /** Compares a device with memory that holds "sphinx of white" (CMPS), or looks for `character` in it (SCAS). */
  const compare = (hex: string, count: number, character = 0) => {
    const device = new Uint8Array(4096);
    device.set(Buffer.from(source), DEVICE_OFFSET);
    const machine = run(
      (asm) => {
        pointToDevice(asm);
        for (let index = 0; index < 16; index += 4) {
          asm.mov(EAX, Buffer.from('sphinx of white ').readUInt32LE(index));
          asm.mov(qword(MEMORY + index), RAX);
        }
        asm.mov(RSI, MEMORY);
        asm.mov(RDI, RBX);
        asm.mov(EAX, character);
        asm.mov(ECX, count);
        bytes(asm, 0xfc, ...code(hex), PUSHF, POP_RDX);
        asm.mov(qword(RESULTS), RDI);
        asm.mov(qword(RESULTS + 8), RDX);
      },
      { deviceMemory: device },
    );
    const flags = Number(machine.kvm.guestMemory.read64(RESULTS + 8) & ARITHMETIC_FLAGS);
    return { elements: moved(machine, 0) - DEVICE_OFFSET, flags };
  };
  /** ZF PF */
  const EQUAL = 0x44;

  it.each([
    ['CMPSB compares memory with a device', 'a6', 1, 0, 1, EQUAL],
    ['REPE CMPSB ends behind the first difference: "w" - "b"', 'f3 a6', 20, 0, 11, 0],
    ['REPE CMPSB ends with the count', 'f3 a6', 6, 0, 6, EQUAL],
    ['REPNE SCASB ends behind the first match', 'f2 ae', 20, 0x78, 6, EQUAL],
    ['REPNE SCASB ends with the count: 10H - "n"', 'f2 ae', 5, 0x10, 5, 0x91],
    ['REPE SCASB ends behind what differs', 'f3 ae', 20, 0x73, 2, 0x04],
  ])('%s', (_name, hex, count, character, elements, flags) => {
    expect(compare(hex, count, character)).toMatchObject({ elements, flags });
  });

  it('a comparison of a device with itself reads it twice', () => {
    const machine = run((asm) => {
      pointToDevice(asm);
      asm.mov(RSI, RBX);
      asm.mov(RDI, RBX);
      bytes(asm, 0xfc, ...code('a7'), PUSHF, POP_RDX);
      asm.mov(qword(RESULTS), RDX);
    });
    expect(Number(machine.kvm.guestMemory.read64(RESULTS) & ARITHMETIC_FLAGS)).toBe(EQUAL);
    expect(machine.hardware.meter.counts[STEP.USER_SPACE_EXIT]).toBe(2 + 1);
  });

  it('REP with a count of 0 does nothing', () => {
    const { device } = copy('f3 ab', 0, true);
    expect(device.every((byte) => byte === 0)).toBe(true);
  });
});

describe('string I/O', () => {
  const PORT = 0x90;
  const exchange = (hex: string, count: number, options: KvmMachineOptions = {}): KvmMachine =>
    run((asm) => {
      asm.mov(ESI, MEMORY);
      asm.mov(EDI, MEMORY);
      asm.mov(EAX, 0x6162_6364);
      asm.mov(qword(MEMORY), RAX);
      asm.mov(ECX, count);
      asm.mov(EDX, PORT);
      bytes(asm, 0xfc, ...code(hex));
    }, options);
  const userSpaceExits = ({ hardware }: KvmMachine): number => hardware.meter.counts[STEP.USER_SPACE_EXIT] - 1;

  it('REP OUTSB goes to user space once per element', () => {
    const machine = exchange('f3 6e', 3);
    expect(machine.writes).toEqual([
      [PORT, 0x64],
      [PORT, 0x63],
      [PORT, 0x62],
    ]);
    expect(userSpaceExits(machine)).toBe(3);
    expect(machine.sender.vcpu.exits[X.EXIT_REASON_IO_INSTRUCTION]).toBe(2);
  });

  it('REP INSW goes there once for all elements that fit into a page', () => {
    const machine = exchange('f3 66 6d', 4);
    expect([...machine.kvm.guestMemory.bytes(MEMORY, 10)]).toEqual([0x91, 0, 0x91, 0, 0x91, 0, 0x91, 0, 0, 0]);
    expect(userSpaceExits(machine)).toBe(1);
  });

  it('in-kernel devices answer in the kernel', () => {
    const devices = new (class extends QuietDevices {
      readonly log: number[] = [];
      override claims(bus: IoBus, address: number): boolean {
        return bus === 'port' && address === PORT;
      }
      override write(_vcpu: number, _bus: IoBus, _address: number, _size: number, value: number): void {
        this.log.push(value);
      }
    })();
    const machine = exchange('66 6f', 1, { kernelDevices: devices });
    expect(devices.log).toEqual([0x6364]);
    expect([userSpaceExits(machine), machine.hardware.meter.counts[STEP.KERNEL_PORT_IO]]).toEqual([0, 1]);
  });

  it.each([
    ['with SMAP is a page fault', CR4_SMAP, [], 3],
    ['with RFLAGS.AC is not', CR4_SMAP, STAC, 0],
    ['without SMAP is not', 0, [], 0],
  ])('a store to a user page by supervisor code %s', (_name, bit, prelude, errorCode) => {
    const machine = run(
      (asm) => {
        asm.or(dword(MEMORY_DIRECTORY + 8), PTE_USER);
        asm.movControl(Code.Mov_r64_cr, Register.RAX, Register.CR4);
        asm.or(EAX, bit);
        asm.movControl(Code.Mov_cr_r64, Register.CR4, Register.RAX);
        asm.mov(EDI, MEMORY);
        asm.mov(EDX, PORT);
        bytes(asm, ...prelude, 0x6c);
        // For the markers that follow.
        bytes(asm, ...STAC);
      },
      {
        exceptions: [
          [
            14,
            (asm) => {
              asm.movControl(Code.Mov_r64_cr, Register.RAX, Register.CR4);
              asm.and(RAX, ~CR4_SMAP);
              asm.movControl(Code.Mov_cr_r64, Register.CR4, Register.RAX);
              asm.pop(RAX);
              asm.mov(qword(RESULTS), RAX);
            },
          ],
        ],
      },
    );
    expect(machine.kvm.guestMemory.read64(RESULTS)).toBe(BigInt(errorCode));
    expect(machine.kvm.guestMemory.bytes(MEMORY, 1)[0]).toBe(0x91);
  });

  it('a store to a page that is not mapped is a page fault', () => {
    const machine = kvmMachine({
      apicMode: 'x2apic',
      sender: (asm) => {
        asm.mov(RDI, LOCAL_APIC);
        asm.add(RDI, 0x7fff_0000);
        asm.add(RDI, RDI);
        asm.mov(EDX, PORT);
        bytes(asm, 0x6c);
      },
    });
    machine.run(LONG);
    // There is no handler: double fault, triple fault.
    expect(machine.failures).toEqual([{ kind: 'shutdown' }]);
    expect(machine.sender.cpu.cr2).toBeGreaterThan(LOCAL_APIC);
  });
});
