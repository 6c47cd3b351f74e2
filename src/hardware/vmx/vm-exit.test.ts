import { describe, expect, it } from 'vitest';
import {
  GUEST_RIP,
  GUEST_RSP,
  HOST_RIP,
  HOST_RSP,
  MSR_AREA,
  VMCS_REGION,
  VmxProcessor,
} from '../../../test/support/vmx-processor.js';
import { STEP } from '../../cost/step.js';
import { CPU_FS_BASE, CPU_GS_BASE, CPU_TSC_OFFSET } from '../cpu/layout.js';
import type { IdtEvent } from '../cpu/fault.js';
import * as C from './controls.js';
import { EXIT_REASON_CPUID, EXIT_REASON_HLT } from './exit-reason.js';
import { VMCS_FIELD as F } from './vmcs-field.js';

const MSR_STAR = 0xc000_0081;

/** Leaves the guest by an instruction that always exits. */
function cpuid(vmx: VmxProcessor): void {
  vmx.guest().intercept(EXIT_REASON_CPUID, 0, 2);
}

describe('VM entry', () => {
  it('loads RIP, RSP, RFLAGS, control registers and segments', () => {
    const vmx = new VmxProcessor();
    vmx.guest();
    const { cpu } = vmx;
    expect([cpu.rip, cpu.gprNumber(4), cpu.rflags]).toEqual([GUEST_RIP, GUEST_RSP, 0x202]);
    expect([cpu.cr0, cpu.cr3, cpu.cr4, cpu.eferLow]).toEqual([0x8001_0031, 0xe000, 0x2020, 0xd00]);
    expect(cpu.segments[1]).toMatchObject({ selector: 0x10, base: 0, limit: 0xffff_ffff, access: 0xa09b });
    expect(cpu.cpl).toBe(0);
  });

  it('puts FS and GS bases where the interpreter looks for them', () => {
    const vmx = new VmxProcessor();
    vmx.set(F.GUEST_FS_BASE, -0x1000);
    vmx.set(F.GUEST_GS_BASE, 0x7000);
    vmx.guest();
    expect([vmx.cpu.long(CPU_FS_BASE), vmx.cpu.long(CPU_GS_BASE)]).toEqual([-0x1000, 0x7000]);
  });

  it('takes the CPL from SS.DPL', () => {
    const vmx = new VmxProcessor();
    vmx.set(F.GUEST_CS_SELECTOR, 0x13);
    vmx.set(F.GUEST_CS_AR_BYTES, 0xa0fb);
    vmx.set(F.GUEST_SS_SELECTOR, 0x1b);
    vmx.set(F.GUEST_SS_AR_BYTES, 0xc0f3);
    vmx.guest();
    expect(vmx.cpu.cpl).toBe(3);
  });

  it('is charged once as a VM entry, an exit once as a VM exit', () => {
    const vmx = new VmxProcessor();
    cpuid(vmx);
    expect([STEP.VM_ENTRY, STEP.VM_EXIT].map((step) => vmx.meter.counts[step])).toEqual([1, 1]);
  });

  it('leaves an injected event to be delivered first', () => {
    const vmx = new VmxProcessor();
    vmx.set(F.VM_ENTRY_INTR_INFO_FIELD, 0x8000_0b0d);
    vmx.set(F.VM_ENTRY_EXCEPTION_ERROR_CODE, 0x18);
    vmx.guest();
    expect(vmx.cpu.injected).toEqual({ type: 3, vector: 13, errorCode: 0x18, length: 0 });
  });

  it('injects a software interrupt with the length of its instruction', () => {
    const vmx = new VmxProcessor();
    vmx.set(F.VM_ENTRY_INTR_INFO_FIELD, 0x8000_0480);
    vmx.set(F.VM_ENTRY_INSTRUCTION_LEN, 2);
    vmx.guest();
    expect(vmx.cpu.injected).toEqual({ type: 4, vector: 0x80, errorCode: null, length: 2 });
  });

  it('an injected event ends the HLT activity state', () => {
    const vmx = new VmxProcessor();
    vmx.set(F.GUEST_ACTIVITY_STATE, 1);
    vmx.set(F.VM_ENTRY_INTR_INFO_FIELD, 0x8000_0020);
    vmx.guest();
    expect(vmx.cpu.activity).toBe(0);
  });

  it('adds the TSC offset, and the exit takes it away again', () => {
    const vmx = new VmxProcessor();
    vmx.cpu.setLong(CPU_TSC_OFFSET, 500);
    vmx.setBits(F.CPU_BASED_VM_EXEC_CONTROL, C.CPU_BASED_USE_TSC_OFFSETTING);
    vmx.set(F.TSC_OFFSET, -100_000_000_000);
    vmx.guest();
    expect(vmx.cpu.long(CPU_TSC_OFFSET)).toBe(500 - 100_000_000_000);
    cpuid(vmx);
    expect(vmx.cpu.long(CPU_TSC_OFFSET)).toBe(500);
  });

  it('loads the MSRs of its area', () => {
    const vmx = new VmxProcessor();
    entry(vmx, 0, MSR_STAR, 7);
    vmx.set(F.VM_ENTRY_MSR_LOAD_ADDR, MSR_AREA);
    vmx.set(F.VM_ENTRY_MSR_LOAD_COUNT, 1);
    vmx.guest();
    expect(vmx.cpu.msrs.starLow).toBe(7);
  });

  it('an MSR that cannot be loaded fails with exit 34, the entry number in the qualification', () => {
    const vmx = new VmxProcessor();
    entry(vmx, 0, MSR_STAR, 7);
    entry(vmx, 1, 0xc000_0100, 0);
    vmx.set(F.VM_ENTRY_MSR_LOAD_ADDR, MSR_AREA);
    vmx.set(F.VM_ENTRY_MSR_LOAD_COUNT, 2);
    vmx.enter();
    expect(vmx.cpu.nonRoot).toBeNull();
    expect([vmx.get(F.VM_EXIT_REASON), vmx.get(F.EXIT_QUALIFICATION)]).toEqual([0x8000_0022, 2]);
  });

  it('works again after each VM exit with everything the guest has changed', () => {
    const vmx = new VmxProcessor();
    for (let round = 1; round < 4; round++) {
      vmx.guest();
      expect(vmx.cpu.rip).toBe(GUEST_RIP + round - 1);
      vmx.cpu.rip++;
      cpuid(vmx);
    }
  });
});

function entry(vmx: VmxProcessor, index: number, msr: number, value: number): void {
  vmx.memory.write32(MSR_AREA + 16 * index, msr);
  vmx.memory.write32(MSR_AREA + 16 * index + 8, value);
}

describe('VM exit', () => {
  it('saves what the guest has changed', () => {
    const vmx = new VmxProcessor();
    vmx.guest();
    const { cpu } = vmx;
    cpu.rip = -0x7fff_0000_0000;
    cpu.setGprNumber(4, 0x123_4567_89ab);
    cpu.rflags = 0x46;
    cpu.cr0 = 0x8001_0039;
    cpu.cr3 = 0x2_0000_1000;
    cpu.setLong(CPU_GS_BASE, -0x2000);
    cpu.gdtr.base = 0x1111;
    Object.assign(cpu.segments[3] as object, { selector: 0x2b, base: 0x5000, limit: 0xffff, access: 0x40f3 });
    cpu.msrs.sysenterEip = -0x3000;
    cpu.systemStateChanged = true;
    cpuid(vmx);
    // prettier-ignore
    expect(
      [F.GUEST_RIP, F.GUEST_RSP, F.GUEST_RFLAGS, F.GUEST_CR0, F.GUEST_CR3, F.GUEST_GS_BASE, F.GUEST_GDTR_BASE,
       F.GUEST_DS_SELECTOR, F.GUEST_DS_BASE, F.GUEST_DS_LIMIT, F.GUEST_DS_AR_BYTES, F.GUEST_SYSENTER_EIP].map((f) => vmx.get(f)),
    ).toEqual([-0x7fff_0000_0000, 0x123_4567_89ab, 0x46, 0x8001_0039, 0x2_0000_1000, -0x2000, 0x1111, 0x2b, 0x5000, 0xffff, 0x40f3, -0x3000]);
  });

  it('loads the host state', () => {
    const vmx = new VmxProcessor();
    vmx.set(F.HOST_GS_BASE, -0x4000);
    vmx.set(F.HOST_TR_BASE, -0x5000);
    cpuid(vmx);
    const { cpu } = vmx;
    expect([cpu.rip, cpu.gprNumber(4), cpu.rflags]).toEqual([HOST_RIP, HOST_RSP, 2]);
    expect([cpu.cr3, cpu.cr4, cpu.eferLow, cpu.cpl]).toEqual([0xd000, 0x2020, 0xd01, 0]);
    expect(cpu.segments[1]).toMatchObject({ selector: 0x10, base: 0, limit: 0xffff_ffff, access: 0xa09b });
    expect(cpu.segments[3]?.access).toBe(0x1_0000);
    expect(cpu.segments[7]).toMatchObject({ selector: 0x40, base: -0x5000, limit: 0x67, access: 0x8b });
    expect(cpu.long(CPU_GS_BASE)).toBe(-0x4000);
    expect([cpu.gdtr.limit, cpu.idtr.limit]).toEqual([0xffff, 0xffff]);
    expect(cpu.dr.read(7)).toBe(0x400n);
    expect(cpu.nonRoot).toBeNull();
  });

  it('saves blocking by STI, by NMI and the activity state', () => {
    const vmx = new VmxProcessor();
    vmx.guest();
    vmx.cpu.shadow = 1;
    vmx.cpu.nmiBlocked = true;
    cpuid(vmx);
    expect(vmx.get(F.GUEST_INTERRUPTIBILITY_INFO)).toBe(9);
    expect(vmx.cpu.shadow).toBe(0);
  });

  it('reports MWAIT as the active state', () => {
    const vmx = new VmxProcessor();
    vmx.guest();
    vmx.cpu.activity = 4;
    vmx.cpu.initPending = true;
    vmx.guest().boundary();
    expect(vmx.get(F.GUEST_ACTIVITY_STATE)).toBe(0);
  });

  it('records reason, qualification and instruction length, and no interruption information', () => {
    const vmx = new VmxProcessor();
    vmx.setBits(F.CPU_BASED_VM_EXEC_CONTROL, C.CPU_BASED_HLT_EXITING);
    vmx.guest().intercept(EXIT_REASON_HLT, 0, 1);
    // prettier-ignore
    expect([F.VM_EXIT_REASON, F.EXIT_QUALIFICATION, F.VM_EXIT_INSTRUCTION_LEN, F.VM_EXIT_INTR_INFO, F.IDT_VECTORING_INFO_FIELD].map((f) => vmx.get(f)))
      .toEqual([12, 0, 1, 0, 0]);
  });

  // prettier-ignore
  it.each<[name: string, event: IdtEvent, information: number, error: number, length: number]>([
    ['an external interrupt',  { type: 0, vector: 0x20, errorCode: null, length: 0 }, 0x8000_0020, 0, 0],
    ['#GP with error code',    { type: 3, vector: 13, errorCode: 0x18, length: 0 },   0x8000_0b0d, 0x18, 0],
    ['INT 80H',                { type: 4, vector: 0x80, errorCode: null, length: 2 }, 0x8000_0480, 0, 2],
  ])('during delivery of %s leaves it in the IDT-vectoring information', (_name, event, information, error, length) => {
    const vmx = new VmxProcessor();
    vmx.set(F.EXCEPTION_BITMAP, 1 << 11);
    const guest = vmx.guest();
    vmx.cpu.delivering = event;
    guest.exception(11, 0x10, 0, 3, 0);
    expect([F.IDT_VECTORING_INFO_FIELD, F.IDT_VECTORING_ERROR_CODE, F.VM_EXIT_INSTRUCTION_LEN].map((f) => vmx.get(f)))
      .toEqual([information, error, length]);
    expect(vmx.cpu.delivering).toBeNull();
  });

  it('during delivery of #GP in real-address mode leaves no error code', () => {
    const vmx = new VmxProcessor();
    vmx.set(F.EXCEPTION_BITMAP, 1 << 11);
    const guest = vmx.guest();
    vmx.cpu.cr0 &= ~1;
    vmx.cpu.delivering = { type: 3, vector: 13, errorCode: 0x18, length: 0 };
    guest.exception(11, null, 0, 3, 0);
    expect(vmx.get(F.IDT_VECTORING_INFO_FIELD)).toBe(0x8000_030d);
  });

  it('clears the valid bit of the VM-entry interruption information, and nothing else of it', () => {
    const vmx = new VmxProcessor();
    vmx.set(F.VM_ENTRY_INTR_INFO_FIELD, 0x8000_0020);
    cpuid(vmx);
    expect(vmx.get(F.VM_ENTRY_INTR_INFO_FIELD)).toBe(0x20);
  });

  it('writes RVI and SVI back with virtual-interrupt delivery', () => {
    const vmx = new VmxProcessor({ controls: 'base' });
    vmx.set(F.GUEST_INTR_STATUS, 0x3141);
    vmx.guest().state.rvi = 0x55;
    cpuid(vmx);
    expect(vmx.get(F.GUEST_INTR_STATUS)).toBe(0x3155);
  });

  it('stores and loads the MSRs of its areas', () => {
    const vmx = new VmxProcessor();
    entry(vmx, 0, MSR_STAR, 0);
    entry(vmx, 1, MSR_STAR, 9);
    vmx.set(F.VM_EXIT_MSR_STORE_ADDR, MSR_AREA);
    vmx.set(F.VM_EXIT_MSR_STORE_COUNT, 1);
    vmx.set(F.VM_EXIT_MSR_LOAD_ADDR, MSR_AREA + 16);
    vmx.set(F.VM_EXIT_MSR_LOAD_COUNT, 1);
    vmx.guest();
    vmx.cpu.msrs.starLow = 5;
    cpuid(vmx);
    expect(vmx.memory.read32(MSR_AREA + 8)).toBe(5);
    expect(vmx.cpu.msrs.starLow).toBe(9);
  });

  it('stores the TSC as the host has it, without the offset of the guest', () => {
    const vmx = new VmxProcessor();
    entry(vmx, 0, 0x10, 0);
    vmx.set(F.VM_EXIT_MSR_STORE_ADDR, MSR_AREA);
    vmx.set(F.VM_EXIT_MSR_STORE_COUNT, 1);
    vmx.setBits(F.CPU_BASED_VM_EXEC_CONTROL, C.CPU_BASED_USE_TSC_OFFSETTING);
    vmx.set(F.TSC_OFFSET, 1_000_000);
    vmx.guest();
    cpuid(vmx);
    const stored = vmx.memory.readNumber(MSR_AREA + 8);
    expect(vmx.cpu.tsc - stored).toBeGreaterThanOrEqual(0);
    expect(stored).toBeLessThan(1_000_000);
  });

  it('an MSR that cannot be loaded is a VMX abort', () => {
    const vmx = new VmxProcessor();
    entry(vmx, 0, 0x9b, 0);
    vmx.set(F.VM_EXIT_MSR_LOAD_ADDR, MSR_AREA);
    vmx.set(F.VM_EXIT_MSR_LOAD_COUNT, 1);
    expect(() => {
      cpuid(vmx);
    }).toThrow('VMX abort 4');
    expect(vmx.memory.read32(VMCS_REGION + 4)).toBe(4);
  });

  it('saves EFER.LMA in the "IA-32e mode guest" control', () => {
    const vmx = new VmxProcessor();
    vmx.guest();
    vmx.cpu.eferLow = 0;
    vmx.cpu.systemStateChanged = true;
    cpuid(vmx);
    expect(vmx.get(F.VM_ENTRY_CONTROLS) & C.VM_ENTRY_IA32E_MODE).toBe(0);
  });

  it('clears address-range monitoring', () => {
    const vmx = new VmxProcessor();
    vmx.guest();
    vmx.cpu.monitoredLine = 0x1000;
    cpuid(vmx);
    expect(vmx.cpu.monitoredLine).toBe(-1);
  });
});

describe('translations across VM entries and exits', () => {
  function flushes(change: (vmx: VmxProcessor) => void, vpid = 1): number {
    const vmx = new VmxProcessor({ controls: 'base' });
    if (vpid !== 0) {
      vmx.setBits(F.SECONDARY_VM_EXEC_CONTROL, C.SECONDARY_EXEC_ENABLE_VPID);
      vmx.set(F.VIRTUAL_PROCESSOR_ID, vpid);
    }
    cpuid(vmx);
    let count = 0;
    const flush = vmx.cpu.flushTlbs.bind(vmx.cpu);
    vmx.cpu.flushTlbs = () => {
      count++;
      flush();
    };
    change(vmx);
    vmx.guest();
    return count;
  }

  it('survive with VPID when nothing has changed', () => {
    expect(flushes(() => undefined)).toBe(0);
  });

  // prettier-ignore
  it.each<[name: string, change: (vmx: VmxProcessor) => void]>([
    ['another VPID',             (vmx) => { vmx.set(F.VIRTUAL_PROCESSOR_ID, 2); }],
    ['another EPT pointer',      (vmx) => { vmx.set(F.EPT_POINTER, 0xd01e); }],
    ['another APIC-access page', (vmx) => { vmx.set(F.APIC_ACCESS_ADDR, 0xd000); }],
    ['another guest CR3',        (vmx) => { vmx.set(F.GUEST_CR3, 0xc000); }],
    ['INVEPT',                   (vmx) => { vmx.vmx.invept(2, 0); }],
    ['INVVPID',                  (vmx) => { vmx.vmx.invvpid(1, 1, 0); }],
  ])('are flushed by %s', (_name, change) => {
    expect(flushes(change)).toBeGreaterThan(0);
  });

  it('are flushed by every entry without VPID', () => {
    expect(flushes(() => undefined, 0)).toBe(1);
  });
});
