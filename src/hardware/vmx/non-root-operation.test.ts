import { describe, expect, it } from 'vitest';
import { keepAsleep } from '../../../test/support/engine.js';
import {
  GUEST_RIP,
  IO_BITMAP_A_PAGE,
  IO_BITMAP_B_PAGE,
  MSR_BITMAP_PAGE,
  VIRTUAL_APIC_PAGE,
  VmxProcessor,
} from '../../../test/support/vmx-processor.js';
import {
  CPU_PAUSE_SLOW,
  CPU_PLE_GAP,
  CPU_PLE_LAST,
  CPU_PLE_ON,
  CPU_PLE_WINDOW,
  CPU_RDTSC_SLOW,
} from '../cpu/layout.js';
import { FAULT, PASS, REDIRECTED } from '../cpu/outcome.js';
import * as C from './controls.js';
import * as R from './exit-reason.js';
import type { NonRootOperation } from './non-root-operation.js';
import { VMCS_FIELD as F } from './vmcs-field.js';

const EXITED = [REDIRECTED, true];
const STAYED = [PASS, false];

function withControls(pin: number, primary = 0, secondary = 0): VmxProcessor {
  const vmx = new VmxProcessor();
  vmx.setBits(F.PIN_BASED_VM_EXEC_CONTROL, pin);
  vmx.setBits(F.CPU_BASED_VM_EXEC_CONTROL, primary);
  if (secondary !== 0) {
    vmx.setBits(F.CPU_BASED_VM_EXEC_CONTROL, C.CPU_BASED_ACTIVATE_SECONDARY_CONTROLS);
    vmx.set(F.SECONDARY_VM_EXEC_CONTROL, secondary);
  }
  return vmx;
}

/** Outcome of `act` in the guest, and whether it was a VM exit. */
function result(vmx: VmxProcessor, act: (guest: NonRootOperation) => number): [outcome: number, exited: boolean] {
  const outcome = act(vmx.guest());
  return [outcome, vmx.cpu.nonRoot === null];
}

describe('instructions in VMX non-root operation', () => {
  // prettier-ignore
  const CONTROLLED: readonly [reason: number, primary: number, secondary: number][] = [
    [R.EXIT_REASON_HLT,                 C.CPU_BASED_HLT_EXITING,     0],
    [R.EXIT_REASON_INVLPG,              C.CPU_BASED_INVLPG_EXITING,  0],
    [R.EXIT_REASON_RDPMC,               C.CPU_BASED_RDPMC_EXITING,   0],
    [R.EXIT_REASON_RDTSC,               C.CPU_BASED_RDTSC_EXITING,   0],
    [R.EXIT_REASON_DR_ACCESS,           C.CPU_BASED_MOV_DR_EXITING,  0],
    [R.EXIT_REASON_MWAIT_INSTRUCTION,   C.CPU_BASED_MWAIT_EXITING,   0],
    [R.EXIT_REASON_MONITOR_INSTRUCTION, C.CPU_BASED_MONITOR_EXITING, 0],
    [R.EXIT_REASON_PAUSE_INSTRUCTION,   C.CPU_BASED_PAUSE_EXITING,   0],
    [R.EXIT_REASON_PAUSE_INSTRUCTION,   0, C.SECONDARY_EXEC_PAUSE_LOOP_EXITING],
    [R.EXIT_REASON_GDTR_IDTR,           0, C.SECONDARY_EXEC_DESC],
    [R.EXIT_REASON_LDTR_TR,             0, C.SECONDARY_EXEC_DESC],
    [R.EXIT_REASON_WBINVD,              0, C.SECONDARY_EXEC_WBINVD_EXITING],
    [R.EXIT_REASON_RDTSCP,              C.CPU_BASED_RDTSC_EXITING, 0],
    [R.EXIT_REASON_RDRAND,              0, C.SECONDARY_EXEC_RDRAND_EXITING],
    [R.EXIT_REASON_RDSEED,              0, C.SECONDARY_EXEC_RDSEED_EXITING],
  ];

  it.each(CONTROLLED)('exit %i happens exactly when its control is 1', (reason, primary, secondary) => {
    expect(result(withControls(0, primary, secondary), (guest) => guest.intercept(reason, 0, 3))).toEqual(EXITED);
    expect(result(new VmxProcessor(), (guest) => guest.intercept(reason, 0, 3))).toEqual(STAYED);
  });

  it.each([10, 13, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 50, 53, 55])('exit %i is unconditional', (reason) => {
    const vmx = new VmxProcessor();
    expect(result(vmx, (guest) => guest.intercept(reason, 0, 3, 0xab))).toEqual(EXITED);
    expect([F.VM_EXIT_REASON, F.VM_EXIT_INSTRUCTION_LEN, F.VMX_INSTRUCTION_INFO].map((f) => vmx.get(f))).toEqual([
      reason,
      3,
      0xab,
    ]);
    expect(vmx.get(F.GUEST_RIP)).toBe(GUEST_RIP);
  });

  // prettier-ignore
  it.each<[name: string, reason: number, enable: number, primary: number]>([
    ['INVPCID', R.EXIT_REASON_INVPCID, C.SECONDARY_EXEC_ENABLE_INVPCID,        C.CPU_BASED_INVLPG_EXITING],
    ['TPAUSE',  R.EXIT_REASON_TPAUSE,  C.SECONDARY_EXEC_ENABLE_USR_WAIT_PAUSE, C.CPU_BASED_RDTSC_EXITING],
  ])('%s is #UD unless enabled, and exits with the related exiting control', (_name, reason, enable, primary) => {
    const act = (guest: NonRootOperation): number => guest.intercept(reason, 0, 3);
    expect(result(withControls(0, primary), act)).toEqual([FAULT, false]);
    expect(result(withControls(0, 0, enable), act)).toEqual(STAYED);
    expect(result(withControls(0, primary, enable), act)).toEqual(EXITED);
  });

  it('an enabled PAUSE loop, PAUSE exiting and RDTSC exiting are set up for the interpreter and taken back', () => {
    const vmx = withControls(
      0,
      C.CPU_BASED_RDTSC_EXITING | C.CPU_BASED_PAUSE_EXITING,
      C.SECONDARY_EXEC_PAUSE_LOOP_EXITING,
    );
    vmx.set(F.PLE_GAP, 128);
    vmx.set(F.PLE_WINDOW, 4096);
    vmx.guest();
    const words = (): number[] => [CPU_RDTSC_SLOW, CPU_PAUSE_SLOW, CPU_PLE_ON].map((offset) => vmx.cpu.word(offset));
    expect(words()).toEqual([1, 1, 1]);
    expect([CPU_PLE_GAP, CPU_PLE_WINDOW, CPU_PLE_LAST].map((offset) => vmx.cpu.long(offset))).toEqual([
      128 * 64,
      4096 * 64,
      0,
    ]);
    vmx.guest().tripleFault();
    expect(words()).toEqual([0, 0, 0]);
  });
});

describe('I/O instructions', () => {
  const out = (port: number, size: number) => (guest: NonRootOperation) =>
    guest.intercept(R.EXIT_REASON_IO_INSTRUCTION, (port << 16) | (size - 1), 1);

  it('exit with unconditional I/O exiting, not without', () => {
    expect(result(withControls(0, C.CPU_BASED_UNCOND_IO_EXITING), out(0x80, 1))).toEqual(EXITED);
    expect(result(new VmxProcessor(), out(0x80, 1))).toEqual(STAYED);
  });

  // prettier-ignore
  it.each<[port: number, size: number, bitmap: number, bit: number, exits: boolean]>([
    [0x3f8,  1, IO_BITMAP_A_PAGE, 0x3f8,  true],
    [0x3f9,  1, IO_BITMAP_A_PAGE, 0x3f8,  false],
    [0x3f5,  4, IO_BITMAP_A_PAGE, 0x3f8,  true],
    [0x8010, 1, IO_BITMAP_B_PAGE, 0x0010, true],
    [0x0010, 1, IO_BITMAP_B_PAGE, 0x0010, false],
    [0xffff, 2, IO_BITMAP_A_PAGE, 0x1234, true],
    [0xfffe, 2, IO_BITMAP_A_PAGE, 0x1234, false],
  ])('port %i, %i bytes, with the bit of bitmap %i at %i set', (port, size, bitmap, bit, exits) => {
    const vmx = withControls(0, C.CPU_BASED_USE_IO_BITMAPS | C.CPU_BASED_UNCOND_IO_EXITING);
    vmx.set(F.IO_BITMAP_A, IO_BITMAP_A_PAGE);
    vmx.set(F.IO_BITMAP_B, IO_BITMAP_B_PAGE);
    vmx.memory.write8(bitmap + (bit >>> 3), 1 << (bit & 7));
    expect(result(vmx, out(port, size))).toEqual(exits ? EXITED : STAYED);
  });
});

describe('RDMSR and WRMSR', () => {
  function withBitmap(offset: number, bit: number): VmxProcessor {
    const vmx = withControls(0, C.CPU_BASED_USE_MSR_BITMAPS);
    vmx.set(F.MSR_BITMAP, MSR_BITMAP_PAGE);
    vmx.memory.write8(MSR_BITMAP_PAGE + offset + (bit >>> 3), 1 << (bit & 7));
    return vmx;
  }

  it('always exit without MSR bitmaps', () => {
    const vmx = new VmxProcessor();
    expect(result(vmx, (guest) => guest.rdmsr(0x10, 2))).toEqual(EXITED);
    expect(result(vmx, (guest) => guest.wrmsr(0x10, 0, 0, 2))).toEqual(EXITED);
  });

  // prettier-ignore
  it.each<[name: string, offset: number, bit: number, msr: number, write: boolean]>([
    ['reads of 0-1FFFH',              0x000, 0x830,  0x830,       false],
    ['reads of C0000000H-C0001FFFH',  0x400, 0x082,  0xc000_0082, false],
    ['writes of 0-1FFFH',             0x800, 0x830,  0x830,       true],
    ['writes of C0000000H-C0001FFFH', 0xc00, 0x082,  0xc000_0082, true],
  ])('%s are intercepted by their own bitmap', (_name, offset, bit, msr, write) => {
    const act = (guest: NonRootOperation): number => (write ? guest.wrmsr(msr, 0, 0, 2) : guest.rdmsr(msr, 2));
    const other = (guest: NonRootOperation): number => (write ? guest.rdmsr(msr, 2) : guest.wrmsr(msr, 0, 0, 2));
    const vmx = withBitmap(offset, bit);
    expect(result(vmx, act)).toEqual(EXITED);
    expect(vmx.get(F.VM_EXIT_REASON)).toBe(write ? 32 : 31);
    expect(result(vmx, other)).toEqual(STAYED);
  });

  it.each([0x2000, 0xbfff_ffff, 0xc000_2000])('MSR %i is outside the bitmaps and always exits', (msr) => {
    expect(result(withBitmap(0, 0), (guest) => guest.rdmsr(msr, 2))).toEqual(EXITED);
  });
});

describe('control registers', () => {
  const RAX = 0;

  function withMasks(cr: 0 | 4, mask: number, shadow: number): VmxProcessor {
    const vmx = new VmxProcessor();
    vmx.set(cr === 0 ? F.CR0_GUEST_HOST_MASK : F.CR4_GUEST_HOST_MASK, mask);
    vmx.set(cr === 0 ? F.CR0_READ_SHADOW : F.CR4_READ_SHADOW, shadow);
    return vmx;
  }

  const access = (qualification: number) => (guest: NonRootOperation) =>
    guest.intercept(R.EXIT_REASON_CR_ACCESS, qualification, 3);

  // prettier-ignore
  it.each<[name: string, cr: 0 | 4, written: bigint, exits: boolean]>([
    ['a host-owned bit of CR0 away from the shadow', 0, 0x2n, true],
    ['a host-owned bit of CR0 as in the shadow',     0, 0x1n, false],
    ['a guest-owned bit of CR0',                     0, 0x9n, false],
    ['a host-owned bit of CR4 away from the shadow', 4, 0x3n, true],
    ['a guest-owned bit of CR4',                     4, 0x9n, false],
  ])('MOV that writes %s', (_name, cr, written, exits) => {
    const vmx = withMasks(cr, 0x3, 0x1);
    vmx.cpu.setGpr(RAX, written);
    expect(result(vmx, access(cr))).toEqual(exits ? EXITED : STAYED);
  });

  it('reads take host-owned bits from the shadow, writes leave them in the register', () => {
    const guest = withMasks(0, 0x8000_0000, 0).guest();
    expect(guest.shadowedCr(0, 0x8001_0031n)).toBe(0x0001_0031n);
    expect(guest.mergedCr(0, 0x8001_0031n, 0x11n)).toBe(0x8000_0011n);
  });

  it('CLTS exits only when TS is host-owned and set in the shadow', () => {
    expect(result(withMasks(0, 8, 8), access(0x20))).toEqual(EXITED);
    expect(result(withMasks(0, 8, 0), access(0x20))).toEqual(STAYED);
    expect(result(withMasks(0, 0, 8), access(0x20))).toEqual(STAYED);
  });

  // prettier-ignore
  it.each<[name: string, mask: number, shadow: number, source: number, exits: boolean]>([
    ['sets a host-owned PE',                 1, 0, 1, true],
    ['clears PE, which it cannot',           1, 1, 0, false],
    ['changes a host-owned TS',              8, 0, 8, true],
    ['changes a guest-owned TS',             1, 1, 8, false],
  ])('LMSW that %s', (_name, mask, shadow, source, exits) => {
    expect(result(withMasks(0, mask, shadow), access((source << 16) | 0x30))).toEqual(exits ? EXITED : STAYED);
  });

  it('MOV to CR3 exits with CR3-load exiting unless the value is a CR3 target', () => {
    const vmx = withControls(0, C.CPU_BASED_CR3_LOAD_EXITING);
    vmx.set(F.CR3_TARGET_COUNT, 2);
    vmx.set(F.CR3_TARGET_VALUE1, 0x5000);
    vmx.cpu.setGprNumber(RAX, 0x5000);
    expect(result(vmx, access(3))).toEqual(STAYED);
    vmx.cpu.setGprNumber(RAX, 0x6000);
    expect(result(vmx, access(3))).toEqual(EXITED);
    expect(result(withControls(0, 0), access(3))).toEqual(STAYED);
  });

  // prettier-ignore
  it.each<[name: string, control: number, qualification: number]>([
    ['MOV from CR3', C.CPU_BASED_CR3_STORE_EXITING, 0x13],
    ['MOV to CR8',   C.CPU_BASED_CR8_LOAD_EXITING,  0x08],
    ['MOV from CR8', C.CPU_BASED_CR8_STORE_EXITING, 0x18],
  ])('%s exits exactly with its control', (_name, control, qualification) => {
    expect(result(withControls(0, control), access(qualification))).toEqual(EXITED);
    expect(result(new VmxProcessor(), access(qualification))).toEqual(STAYED);
  });

  it('MOV from CR8 returns VTPR[7:4] with TPR shadow', () => {
    const vmx = new VmxProcessor({ controls: 'base' });
    vmx.memory.write32(VIRTUAL_APIC_PAGE + 0x80, 0x50);
    expect(vmx.guest().readCr8()).toBe(5);
    expect(new VmxProcessor().guest().readCr8()).toBe(-1);
  });
});

describe('exceptions', () => {
  it('exit when their bit of the exception bitmap is 1, with interruption information and error code', () => {
    const vmx = new VmxProcessor();
    vmx.set(F.EXCEPTION_BITMAP, 1 << 13);
    expect(result(vmx, (guest) => guest.exception(6, null, 0, 3, 0))).toEqual(STAYED);
    expect(result(vmx, (guest) => guest.exception(13, 0x18, 0, 3, 0))).toEqual(EXITED);
    expect([F.VM_EXIT_REASON, F.VM_EXIT_INTR_INFO, F.VM_EXIT_INTR_ERROR_CODE].map((f) => vmx.get(f))).toEqual([
      0, 0x8000_0b0d, 0x18,
    ]);
  });

  it('INT3 leaves its length and type 6', () => {
    const vmx = new VmxProcessor();
    vmx.set(F.EXCEPTION_BITMAP, 1 << 3);
    vmx.guest().exception(3, null, 0, 6, 1);
    expect([vmx.get(F.VM_EXIT_INTR_INFO), vmx.get(F.VM_EXIT_INSTRUCTION_LEN)]).toEqual([0x8000_0603, 1]);
  });

  // prettier-ignore
  it.each<[bit: number, mask: number, match: number, error: number, exits: boolean]>([
    [1, 0, 0, 2,  true],
    [0, 0, 0, 2,  false],
    [1, 1, 1, 2,  false],
    [0, 1, 1, 2,  true],
    [0, 0, -1, 2, true],
  ])('#PF with bitmap bit %i, mask %i, match %i, error code %i', (bit, mask, match, error, exits) => {
    const vmx = new VmxProcessor();
    vmx.set(F.EXCEPTION_BITMAP, bit << 14);
    vmx.set(F.PAGE_FAULT_ERROR_CODE_MASK, mask);
    vmx.set(F.PAGE_FAULT_ERROR_CODE_MATCH, match);
    expect(result(vmx, (guest) => guest.exception(14, error, -0x1000, 3, 0))).toEqual(exits ? EXITED : STAYED);
    if (exits) expect(vmx.get(F.EXIT_QUALIFICATION)).toBe(-0x1000);
  });

  it('a double fault that exits has no IDT-vectoring information, nor has a triple fault', () => {
    const vmx = new VmxProcessor();
    vmx.set(F.EXCEPTION_BITMAP, 1 << 8);
    const event = { type: 3, vector: 14, errorCode: 0, length: 0 };
    vmx.guest();
    vmx.cpu.delivering = event;
    vmx.guest().exception(8, 0, 0, 3, 0);
    expect([vmx.get(F.VM_EXIT_INTR_INFO), vmx.get(F.IDT_VECTORING_INFO_FIELD)]).toEqual([0x8000_0b08, 0]);
    vmx.guest();
    vmx.cpu.delivering = event;
    vmx.guest().tripleFault();
    expect([vmx.get(F.VM_EXIT_REASON), vmx.get(F.IDT_VECTORING_INFO_FIELD)]).toEqual([2, 0]);
  });

  it('an EPT violation leaves qualification, guest-linear and guest-physical address', () => {
    const vmx = new VmxProcessor();
    const guest = vmx.guest();
    vmx.cpu.fault = {
      kind: 'ept',
      misconfiguration: false,
      guestPhysical: 0xfee0_0300,
      qualification: 0x182,
      linear: -0x1000,
    };
    expect(guest.eptEvent()).toBe(REDIRECTED);
    // prettier-ignore
    expect([F.VM_EXIT_REASON, F.EXIT_QUALIFICATION, F.GUEST_LINEAR_ADDRESS, F.GUEST_PHYSICAL_ADDRESS].map((f) => vmx.get(f)))
      .toEqual([48, 0x182, -0x1000, 0xfee0_0300]);
  });

  it('an EPT misconfiguration has qualification 0', () => {
    const vmx = new VmxProcessor();
    const guest = vmx.guest();
    vmx.cpu.fault = { kind: 'ept', misconfiguration: true, guestPhysical: 0x1000, qualification: 5, linear: 0 };
    guest.eptEvent();
    expect([vmx.get(F.VM_EXIT_REASON), vmx.get(F.EXIT_QUALIFICATION), vmx.get(F.GUEST_PHYSICAL_ADDRESS)]).toEqual([
      49, 0, 0x1000,
    ]);
  });
});

describe('events at an instruction boundary', () => {
  const ACK = C.VM_EXIT_ACK_INTR_ON_EXIT;
  const NMI_CONTROLS = C.PIN_BASED_NMI_EXITING | C.PIN_BASED_VIRTUAL_NMIS;

  function reasonAtBoundary(vmx: VmxProcessor): number | null {
    const outcome = vmx.guest().boundary();
    return outcome === PASS ? null : vmx.cpu.nonRoot === null ? vmx.get(F.VM_EXIT_REASON) : -1;
  }

  it('nothing happens when nothing is pending', () => {
    expect(reasonAtBoundary(withControls(C.PIN_BASED_EXT_INTR_MASK))).toBeNull();
  });

  it('INIT exits with reason 3, in wait-for-SIPI it is held', () => {
    const vmx = new VmxProcessor();
    vmx.cpu.initPending = true;
    expect(reasonAtBoundary(vmx)).toBe(3);
    expect(vmx.cpu.initPending).toBe(false);
    const waiting = new VmxProcessor();
    waiting.set(F.GUEST_ACTIVITY_STATE, 3);
    waiting.cpu.initPending = true;
    expect(reasonAtBoundary(waiting)).toBeNull();
  });

  it('SIPI exits with reason 4 and its vector in wait-for-SIPI, and is lost otherwise', () => {
    const waiting = new VmxProcessor();
    waiting.set(F.GUEST_ACTIVITY_STATE, 3);
    waiting.cpu.sipiPending = 0x9a;
    expect(reasonAtBoundary(waiting)).toBe(4);
    expect(waiting.get(F.EXIT_QUALIFICATION)).toBe(0x9a);
    const active = new VmxProcessor();
    active.cpu.sipiPending = 0x9a;
    expect(reasonAtBoundary(active)).toBeNull();
    expect(active.cpu.sipiPending).toBe(-1);
  });

  it('an NMI exits with NMI exiting and blocks further NMIs in root operation', () => {
    const vmx = withControls(C.PIN_BASED_NMI_EXITING);
    vmx.guest();
    vmx.cpu.nmiPending = true;
    expect(reasonAtBoundary(vmx)).toBe(0);
    expect(vmx.get(F.VM_EXIT_INTR_INFO)).toBe(0x8000_0202);
    expect(vmx.cpu.nmiBlocked).toBe(true);
  });

  it('virtual-NMI blocking does not hold a physical NMI, blocking by NMI does', () => {
    for (const [pin, reason] of [
      [NMI_CONTROLS, 0],
      [C.PIN_BASED_NMI_EXITING, null],
    ] as const) {
      const vmx = withControls(pin);
      vmx.set(F.GUEST_INTERRUPTIBILITY_INFO, 8);
      vmx.guest();
      vmx.cpu.nmiPending = true;
      expect(reasonAtBoundary(vmx)).toBe(reason);
    }
  });

  it('an NMI without NMI exiting is delivered to the guest', () => {
    const vmx = new VmxProcessor();
    vmx.guest();
    vmx.cpu.nmiPending = true;
    expect(reasonAtBoundary(vmx)).toBe(-1);
    expect(vmx.cpu.injected?.vector).toBe(2);
  });

  it('an NMI without NMI exiting precedes a virtual interrupt', () => {
    const vmx = new VmxProcessor({ controls: 'base' });
    vmx.set(F.GUEST_INTR_STATUS, 0x31);
    vmx.guest();
    vmx.cpu.nmiPending = true;
    vmx.guest().boundary();
    expect(vmx.cpu.injected?.vector).toBe(2);
  });

  it('the NMI window opens without virtual-NMI blocking', () => {
    const vmx = withControls(NMI_CONTROLS, C.CPU_BASED_NMI_WINDOW_EXITING);
    vmx.set(F.GUEST_INTERRUPTIBILITY_INFO, 8);
    expect(reasonAtBoundary(vmx)).toBeNull();
    vmx.cpu.nmiBlocked = false;
    expect(reasonAtBoundary(vmx)).toBe(8);
  });

  it.each([
    ['with IF = 1', 0x202, 0, 7],
    ['not with IF = 0', 2, 0, null],
    ['not under blocking by STI', 0x202, 1, null],
    ['not under blocking by MOV SS', 0x202, 2, null],
  ])('the interrupt window opens %s', (_name, rflags, blocking, reason) => {
    const vmx = withControls(0, C.CPU_BASED_INTR_WINDOW_EXITING);
    vmx.set(F.GUEST_RFLAGS, rflags);
    vmx.set(F.GUEST_INTERRUPTIBILITY_INFO, blocking);
    expect(reasonAtBoundary(vmx)).toBe(reason);
  });

  it('38: a physical interrupt exits with its vector acknowledged, whatever IF is', () => {
    const vmx = new VmxProcessor({ controls: 'base' });
    vmx.set(F.GUEST_RFLAGS, 2);
    vmx.guest();
    vmx.cpu.apic.accept(0x51, false);
    expect(reasonAtBoundary(vmx)).toBe(1);
    expect(vmx.get(F.VM_EXIT_INTR_INFO)).toBe(0x8000_0051);
    expect(vmx.cpu.apic.requestsService).toBe(false);
  });

  it('without acknowledge on exit the vector stays in the local APIC', () => {
    const vmx = withControls(C.PIN_BASED_EXT_INTR_MASK);
    vmx.clearBits(F.VM_EXIT_CONTROLS, ACK);
    vmx.guest();
    vmx.cpu.apic.accept(0x51, false);
    expect(reasonAtBoundary(vmx)).toBe(1);
    expect(vmx.get(F.VM_EXIT_INTR_INFO)).toBe(0);
    expect(vmx.cpu.apic.requestsService).toBe(true);
  });

  it('without external-interrupt exiting it is delivered to the guest when IF is 1', () => {
    const vmx = new VmxProcessor();
    vmx.guest();
    vmx.cpu.apic.accept(0x51, false);
    expect(reasonAtBoundary(vmx)).toBe(-1);
    expect(vmx.cpu.injected?.vector).toBe(0x51);
  });

  it('an exit from HLT charges the wake-up and saves the HLT activity state', () => {
    const vmx = new VmxProcessor({ controls: 'base' });
    vmx.set(F.GUEST_ACTIVITY_STATE, 1);
    vmx.guest();
    vmx.cpu.apic.accept(0x51, false);
    expect(reasonAtBoundary(vmx)).toBe(1);
    expect(vmx.get(F.GUEST_ACTIVITY_STATE)).toBe(1);
    expect(vmx.cpu.activity).toBe(0);
  });

  it('in the shutdown state external interrupts are held', () => {
    const vmx = withControls(C.PIN_BASED_EXT_INTR_MASK);
    vmx.set(F.GUEST_ACTIVITY_STATE, 2);
    vmx.guest();
    vmx.cpu.apic.accept(0x51, false);
    expect(reasonAtBoundary(vmx)).toBeNull();
  });

  it('a pending virtual interrupt recognized at VM entry is delivered before a physical interrupt is looked at', () => {
    const vmx = new VmxProcessor({ controls: 'base' });
    vmx.set(F.GUEST_INTR_STATUS, 0x31);
    vmx.memory.write32(VIRTUAL_APIC_PAGE + 0x210, 1 << 0x11);
    vmx.guest();
    vmx.cpu.apic.accept(0x51, false);
    expect(reasonAtBoundary(vmx)).toBe(-1);
    expect(vmx.cpu.injected?.vector).toBe(0x31);
  });

  it('events come in the order INIT, preemption timer, NMI window, NMI, interrupt window, external interrupt', () => {
    const vmx = withControls(
      NMI_CONTROLS | C.PIN_BASED_EXT_INTR_MASK | C.PIN_BASED_VMX_PREEMPTION_TIMER,
      C.CPU_BASED_NMI_WINDOW_EXITING | C.CPU_BASED_INTR_WINDOW_EXITING,
    );
    vmx.setBits(F.VM_EXIT_CONTROLS, ACK);
    const { cpu } = vmx;
    vmx.guest();
    cpu.initPending = true;
    cpu.nmiPending = true;
    cpu.apic.accept(0x51, false);
    expect(reasonAtBoundary(vmx)).toBe(3);
    expect(reasonAtBoundary(vmx)).toBe(52);
    vmx.clearBits(F.PIN_BASED_VM_EXEC_CONTROL, C.PIN_BASED_VMX_PREEMPTION_TIMER);
    expect(reasonAtBoundary(vmx)).toBe(8);
    vmx.clearBits(F.CPU_BASED_VM_EXEC_CONTROL, C.CPU_BASED_NMI_WINDOW_EXITING);
    expect(reasonAtBoundary(vmx)).toBe(0);
    expect(reasonAtBoundary(vmx)).toBe(7);
    vmx.clearBits(F.CPU_BASED_VM_EXEC_CONTROL, C.CPU_BASED_INTR_WINDOW_EXITING);
    expect(reasonAtBoundary(vmx)).toBe(1);
  });
});

describe('VMX-preemption timer', () => {
  function timed(value: number): VmxProcessor {
    const vmx = withControls(C.PIN_BASED_VMX_PREEMPTION_TIMER);
    vmx.setBits(F.VM_EXIT_CONTROLS, C.VM_EXIT_SAVE_VMX_PREEMPTION_TIMER);
    vmx.set(F.VMX_PREEMPTION_TIMER_VALUE, value);
    return vmx;
  }

  it('counts down every 32 TSC cycles and exits when it has reached 0', () => {
    const vmx = timed(10);
    vmx.guest();
    vmx.cpu.now = 10 * 32 * 64;
    keepAsleep(vmx.cpu);
    vmx.clock.run();
    expect(vmx.cpu.attention).toBe(true);
    expect(vmx.guest().boundary()).toBe(REDIRECTED);
    expect([vmx.get(F.VM_EXIT_REASON), vmx.get(F.VMX_PREEMPTION_TIMER_VALUE)]).toEqual([52, 0]);
  });

  it('value 0 exits at the first boundary', () => {
    const vmx = timed(0);
    vmx.guest().boundary();
    expect(vmx.get(F.VM_EXIT_REASON)).toBe(52);
  });

  it('causes no exit in wait-for-SIPI', () => {
    const vmx = timed(0);
    vmx.set(F.GUEST_ACTIVITY_STATE, 3);
    expect(vmx.guest().boundary()).toBe(PASS);
  });

  it('another exit stops it and saves what is left', () => {
    const vmx = timed(10);
    vmx.guest();
    vmx.cpu.now = 4 * 32 * 64;
    vmx.guest().tripleFault();
    expect(vmx.get(F.VMX_PREEMPTION_TIMER_VALUE)).toBe(6);
    vmx.clearBits(F.VM_EXIT_CONTROLS, C.VM_EXIT_SAVE_VMX_PREEMPTION_TIMER);
    vmx.clearBits(F.PIN_BASED_VM_EXEC_CONTROL, C.PIN_BASED_VMX_PREEMPTION_TIMER);
    vmx.guest();
    vmx.clock.run();
    expect(vmx.guest().boundary()).toBe(PASS);
  });
});
