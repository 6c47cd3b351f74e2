import { beforeEach, describe, expect, it } from 'vitest';
import {
  CODE,
  CODE_64,
  DATA_32,
  GDT,
  IDT,
  LegacyMachine,
  TSS,
  TSS_32,
} from '../../../../test/support/legacy-machine.js';
import { assemble } from '../../../../test/support/one-instruction.js';
import { EFER_LMA, EFER_LME } from '../control-register-bits.js';
import type { Cpu } from '../cpu.js';
import * as C from '../../vmx/controls.js';
import { VMCS_REVISION } from '../../vmx/capability.js';
import { EXIT_REASON_CPUID } from '../../vmx/exit-reason.js';
import { VMCS_FIELD as F } from '../../vmx/vmcs-field.js';

const VMXON_REGION = 0x1_2000;
const VMCS_REGION = 0x1_3000;
const POINTERS = 0x6000;
const GUEST = 0x8800;
const HOST = 0x8400;
const EFER = EFER_LMA | EFER_LME;
const CR4_VMXE = 1 << 13;
const CR0_NE = 0x20;

let machine: LegacyMachine;
let cpu: Cpu;

const hex = (...code: Uint8Array[]): string => Buffer.concat(code).toString('hex').replaceAll(/../g, '$& ');
const VMXON = assemble(64, 'Vmxon_m64', '[b]');
const VMCLEAR = assemble(64, 'Vmclear_m64', '[b+8]');
const VMPTRLD = assemble(64, 'Vmptrld_m64', '[b+8]');
const VMLAUNCH = assemble(64, 'Vmlaunch', '');
const VMRESUME = assemble(64, 'Vmresume', '');
const VMREAD = assemble(64, 'Vmread_rm64_r64', 'rax, rcx');
const CPUID = assemble(64, 'Cpuid', '');

/** 64-bit mode, with what VMXON needs; RBX points to the addresses of the two regions. */
function hypervisor(...code: Uint8Array[]): void {
  machine = new LegacyMachine().inLongMode(hex(...code));
  ({ cpu } = machine);
  cpu.cr0 = (cpu.cr0 | CR0_NE) >>> 0;
  cpu.cr4 |= CR4_VMXE;
  cpu.setGprNumber(3, POINTERS);
  for (const region of [VMXON_REGION, VMCS_REGION]) machine.memory.write32(region, VMCS_REVISION);
  machine.memory.write64(POINTERS, BigInt(VMXON_REGION));
  machine.memory.write64(POINTERS + 8, BigInt(VMCS_REGION));
}

/** A guest in 64-bit mode at GUEST that shares everything with the host at HOST. */
function fillVmcs(): void {
  const { vmx } = cpu;
  const { capabilities } = vmx;
  const set = (field: number, value: number): unknown => vmx.vmwrite(field, value);
  set(F.PIN_BASED_VM_EXEC_CONTROL, capabilities.pinAllowed0);
  set(F.CPU_BASED_VM_EXEC_CONTROL, capabilities.primaryAllowed0);
  set(F.VM_EXIT_CONTROLS, capabilities.exitAllowed0 | C.VM_EXIT_HOST_ADDR_SPACE_SIZE);
  set(F.VM_ENTRY_CONTROLS, capabilities.entryAllowed0 | C.VM_ENTRY_IA32E_MODE);
  set(F.VMCS_LINK_POINTER, -1);
  for (const [guest, host, value] of [
    [F.GUEST_CR0, F.HOST_CR0, cpu.cr0],
    [F.GUEST_CR3, F.HOST_CR3, cpu.cr3],
    [F.GUEST_CR4, F.HOST_CR4, cpu.cr4],
    [F.GUEST_IA32_EFER, F.HOST_IA32_EFER, EFER],
    [F.GUEST_GDTR_BASE, F.HOST_GDTR_BASE, GDT],
    [F.GUEST_IDTR_BASE, F.HOST_IDTR_BASE, IDT],
    [F.GUEST_TR_BASE, F.HOST_TR_BASE, TSS],
    [F.GUEST_RIP, F.HOST_RIP, 0],
  ] as const) {
    set(guest, value);
    set(host, value);
  }
  set(F.GUEST_RIP, GUEST);
  set(F.HOST_RIP, HOST);
  set(F.HOST_RSP, 0x6800);
  set(F.GUEST_RFLAGS, 2);
  set(F.GUEST_DR7, 0x400);
  set(F.HOST_CS_SELECTOR, CODE_64);
  set(F.HOST_SS_SELECTOR, DATA_32);
  set(F.HOST_TR_SELECTOR, TSS_32);
  for (let segment = 0; segment < 8; segment++) {
    const [selector, limit, access] = segmentState(segment);
    set(F.GUEST_ES_SELECTOR + 2 * segment, selector);
    set(F.GUEST_ES_LIMIT + 2 * segment, limit);
    set(F.GUEST_ES_AR_BYTES + 2 * segment, access);
  }
}

function segmentState(segment: number): readonly [selector: number, limit: number, access: number] {
  if (segment === 1) return [CODE_64, 0xffff_ffff, 0xa09b];
  if (segment === 6) return [0, 0, 0x1_0000];
  return segment === 7 ? [TSS_32, 0x67, 0x8b] : [DATA_32, 0xffff_ffff, 0xc093];
}

const statusFlags = (): number => cpu.rflags & 0x8d5;

describe('a hypervisor in machine code', () => {
  beforeEach(() => {
    hypervisor(VMXON, VMCLEAR, VMPTRLD, VMLAUNCH);
  });

  it('enters a guest, gets its VM exit at the host RIP, reads why, and resumes behind the instruction', () => {
    machine.load(GUEST, hex(CPUID)).load(HOST, hex(VMREAD, VMRESUME));
    machine.step(3);
    fillVmcs();
    machine.step();
    expect([cpu.nonRoot !== null, cpu.rip]).toEqual([true, GUEST]);
    machine.turnUntil(() => cpu.nonRoot === null);
    expect([cpu.rip, cpu.gprNumber(4)]).toEqual([HOST, 0x6800]);
    cpu.setGprNumber(1, F.VM_EXIT_REASON);
    machine.step();
    expect([cpu.gprNumber(0), statusFlags()]).toEqual([EXIT_REASON_CPUID, 0]);
    cpu.vmx.vmwrite(F.GUEST_RIP, GUEST + CPUID.length);
    machine.step();
    expect([cpu.nonRoot !== null, cpu.rip]).toEqual([true, GUEST + CPUID.length]);
  });

  it('sees ZF and an error number when its VMCS is wrong', () => {
    machine.step(3);
    fillVmcs();
    cpu.vmx.vmwrite(F.HOST_TR_SELECTOR, 0);
    machine.step();
    expect([statusFlags(), cpu.vmx.vmread(F.VM_INSTRUCTION_ERROR), cpu.rip]).toEqual([
      0x40,
      8,
      CODE + VMXON.length + VMCLEAR.length + VMPTRLD.length + VMLAUNCH.length,
    ]);
  });

  it('sees CF when there is no VMCS to keep an error number', () => {
    hypervisor(VMXON, VMREAD);
    machine.step(2);
    expect(statusFlags()).toBe(1);
  });

  it('cannot clear what VMX operation fixes in CR0 and CR4', () => {
    hypervisor(VMXON, assemble(64, 'Mov_cr_r64', 'cr4, rax'));
    machine.step();
    cpu.setGprNumber(0, 0x20);
    expect(machine.raised()).toEqual({ vector: 13, errorCode: 0 });
  });
});

describe('VMX instructions', () => {
  it('are #UD outside VMX operation, VMXON without CR4.VMXE', () => {
    hypervisor(VMREAD);
    expect(machine.raised()).toEqual({ vector: 6, errorCode: null });
    hypervisor(VMXON);
    cpu.cr4 &= ~CR4_VMXE;
    expect(machine.raised()).toEqual({ vector: 6, errorCode: null });
  });

  it('are #UD in real-address mode', () => {
    machine = new LegacyMachine().inRealMode(hex(assemble(16, 'Vmxon_m64', '[b]')));
    ({ cpu } = machine);
    cpu.cr4 |= CR4_VMXE;
    expect(machine.raised()).toEqual({ vector: 6, errorCode: null });
  });

  it('VMXON is #GP(0) while CR0.NE is 0', () => {
    hypervisor(VMXON);
    cpu.cr0 &= ~CR0_NE;
    expect(machine.raised()).toEqual({ vector: 13, errorCode: 0 });
  });

  it('VMXON fails without the revision in its region, and where it has been before', () => {
    hypervisor(VMXON);
    machine.memory.write32(VMXON_REGION, 0);
    machine.step();
    expect([statusFlags(), cpu.vmx.inVmxOperation]).toEqual([1, false]);
    hypervisor(VMXON, VMXON);
    machine.step(2);
    expect([statusFlags(), cpu.vmx.inVmxOperation]).toEqual([1, true]);
  });
});
