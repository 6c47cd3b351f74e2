import { describe, expect, it } from 'vitest';
import {
  CODE,
  CODE_32,
  CODE_64,
  GDT,
  IDT,
  LegacyMachine,
  STACK,
  TSS_32,
} from '../../../../test/support/legacy-machine.js';
import { RUNNING } from '../layout.js';
import { in64BitMode, inLongMode } from '../mode.js';

const TRAMPOLINE = 0x6000;
const AP_ENTRY_32 = 0x8080;
const ENTRY_64 = 0x8100;
const AP_HANDLER = 0x8300;
const BSP_HANDLER = 0x8380;
const PML4 = 0x2_0000;
const ONLINE = 0x5000;
const PINGED = 0x5004;
const ANSWERED = 0x5008;

/** CR4.PAE, CR3, EFER.LME, CR0.PG, and a far jump to 64-bit code. */
const UP = `
  0f 20 e0  83 c8 20  0f 22 e0
  b8 00 00 02 00  0f 22 d8
  b9 80 00 00 c0  0f 32  80 cc 01  0f 30
  0f 20 c0  0d 01 00 00 80  0f 22 c0
  ea 00 81 00 00 38 00`;

/** lgdt cs:[40h]; CR0.PE; jmp 8:AP_ENTRY_32 */
const REAL_MODE = '66 2e 0f 01 16 40 00  0f 20 c0  0c 01  0f 22 c0  66 ea 80 80 00 00 08 00';

/** Data segments, a stack, and the common way up. */
const AP_32 = '66 b8 10 00  8e d8  8e c0  8e d0  bc 00 68 00 00  e9 6c ff ff ff';

/** lidt; edi = local APIC, esi = mailbox; software enable; CPUID says which CPU this is. */
const COMMON_64 = `
  0f 01 1c 25 00 51 00 00  b8 01 00 00 00  0f a2  bf 00 00 e0 fe  be 00 50 00 00
  c7 87 f0 00 00 00 ff 01 00 00  c1 eb 18  75 36`;

/** INIT, SIPI, wait until the AP is online, ping it, wait for the effect, sleep. */
const BSP_64 = `
  c7 87 10 03 00 00 00 00 00 01  c7 87 00 03 00 00 00 45 00 00  c7 87 00 03 00 00 06 46 00 00
  83 3e 01  75 fb  c7 87 00 03 00 00 40 40 00 00  83 7e 04 01  75 fa  fb  f4  eb fd`;

/** sti; online = 1; sleep */
const AP_64 = 'fb  c7 06 01 00 00 00  f4  eb fd';

/** pinged = 1; IPI 41H to APIC ID 0; EOI; iretq */
const AP_PINGED = `
  c7 46 04 01 00 00 00  c7 87 10 03 00 00 00 00 00 00  c7 87 00 03 00 00 41 40 00 00
  c7 87 b0 00 00 00 00 00 00 00  48 cf`;
const BSP_ANSWERED = 'c7 46 08 01 00 00 00  c7 87 b0 00 00 00 00 00 00 00  48 cf';

function pageTables({ memory }: LegacyMachine): void {
  memory.write64(PML4, 0x2_1003n);
  memory.write64(0x2_1000, 0x2_2003n);
  memory.write64(0x2_1018, 0x2_3003n);
  memory.write64(0x2_2000, 0x83n);
  memory.write64(0x2_2008, 0x20_0083n);
  memory.write64(0x2_3000 + 503 * 8, 0xfee0_0083n);
}

function setGate64({ memory }: LegacyMachine, vector: number, handler: number): void {
  memory.write32(IDT + vector * 16, (CODE_64 << 16) | handler);
  memory.write32(IDT + vector * 16 + 4, 0x8e00);
}

/** A machine whose first CPU is about to go up. */
function machineAtEntry(cpus: number): LegacyMachine {
  const machine = new LegacyMachine(cpus).inProtectedMode(UP);
  pageTables(machine);
  return machine;
}

describe('the way to 64-bit mode', () => {
  it('leads through compatibility mode', () => {
    const machine = machineAtEntry(1);
    machine.step(12);
    expect([inLongMode(machine.cpu), in64BitMode(machine.cpu)]).toEqual([true, false]);
    machine.step();
    expect([in64BitMode(machine.cpu), machine.cpu.rip]).toEqual([true, ENTRY_64]);
  });

  it('is taken by two CPUs, the second one from a start-up IPI on, which then exchange IPIs', () => {
    const machine = machineAtEntry(2);
    machine.load(TRAMPOLINE, REAL_MODE).load(TRAMPOLINE + 0x40, 'ff 00 00 10 00 00');
    machine.load(AP_ENTRY_32, AP_32).load(ENTRY_64, COMMON_64 + BSP_64 + AP_64);
    machine.load(AP_HANDLER, AP_PINGED).load(BSP_HANDLER, BSP_ANSWERED).load(0x5100, 'ff 0f 00 20 00 00 00 00 00 00');
    setGate64(machine, 0x40, AP_HANDLER);
    setGate64(machine, 0x41, BSP_HANDLER);
    const { hardware, memory } = machine;
    for (const cpu of hardware.cpus) cpu.state = RUNNING;
    hardware.clock.run();
    expect([ONLINE, PINGED, ANSWERED].map((address) => memory.read32(address))).toEqual([1, 1, 1]);
    expect(hardware.cpus.map((cpu) => in64BitMode(cpu))).toEqual([true, true]);
    expect(hardware.cpus.map((cpu) => cpu.gprNumber(4))).toEqual([STACK, 0x6800]);
  });

  it('needs PAE', () => {
    const machine = machineAtEntry(1).setGate(13);
    machine.load(CODE, '90 90 90 90 90 90 90 90 90');
    machine.intoHandler();
    expect([machine.stackWord(0), inLongMode(machine.cpu)]).toEqual([0, false]);
  });

  it('is closed to a code segment with L set', () => {
    const machine = machineAtEntry(1).setGate(13);
    machine.cpu.segments[1].access |= 1 << 13;
    expect(machine.intoHandler().stackWord(0)).toBe(0);
  });

  it('is closed to a 16-bit TSS', () => {
    const machine = machineAtEntry(1).setGate(13);
    machine.cpu.segments[7].access = 0x83;
    expect(machine.intoHandler().stackWord(0)).toBe(0);
  });
});

describe('the way back', () => {
  /** Compatibility mode at 9000H, by a far return from 64-bit mode. */
  function inCompatibilityMode(code: string): LegacyMachine {
    const machine = machineAtEntry(1).load(ENTRY_64, '6a 08 68 00 90 00 00 48 cb').load(0x9000, code);
    return machine.step(16);
  }

  it('begins with a far return to a 32-bit segment', () => {
    const { cpu } = inCompatibilityMode('90');
    expect([cpu.rip, cpu.segments[1].selector, inLongMode(cpu), in64BitMode(cpu)]).toEqual([
      0x9000,
      CODE_32,
      true,
      false,
    ]);
  });

  it('ends when compatibility mode clears CR0.PG', () => {
    const machine = inCompatibilityMode('0f 20 c0 25 ff ff ff 7f 0f 22 c0 b8 05 00 00 00');
    machine.step(4);
    expect([inLongMode(machine.cpu), machine.cpu.eferLow, machine.cpu.gprLow(0)]).toEqual([false, 0x100, 5]);
  });

  it('is closed in 64-bit mode: CR0.PG cannot be cleared', () => {
    const machine = machineAtEntry(1).load(ENTRY_64, '0f 20 c0 25 ff ff ff 7f 0f 22 c0').step(13);
    setGate64(machine, 13, AP_HANDLER);
    machine.cpu.idtr.limit = 0xfff;
    expect(machine.intoHandler().cpu.rip).toBe(AP_HANDLER);
  });

  it('delivers events of compatibility mode to 64-bit handlers', () => {
    const machine = inCompatibilityMode('cd 40').load(AP_HANDLER, '48 cf');
    setGate64(machine, 0x40, AP_HANDLER);
    machine.cpu.idtr.limit = 0xfff;
    machine.intoHandler();
    expect([in64BitMode(machine.cpu), machine.stackWord(0), machine.stackWord(2)]).toEqual([true, 0x9002, CODE_32]);
    machine.step();
    expect([in64BitMode(machine.cpu), machine.cpu.rip]).toEqual([false, 0x9002]);
  });

  it('knows no SYSCALL in compatibility mode', () => {
    const machine = inCompatibilityMode('0f 05');
    setGate64(machine, 6, AP_HANDLER);
    machine.cpu.idtr.limit = 0xfff;
    expect(machine.intoHandler().cpu.rip).toBe(AP_HANDLER);
  });

  it('loads TSS descriptors of 16 bytes in IA-32e mode', () => {
    const machine = inCompatibilityMode('0f 00 d8');
    machine.memory.write32(GDT + TSS_32 + 8, 0x12);
    machine.cpu.setGprNumber(0, TSS_32);
    expect(machine.step().cpu.segments[7].base).toBe(0x12_0000_3000);
  });
});
