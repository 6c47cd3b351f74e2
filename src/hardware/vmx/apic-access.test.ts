import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { STEP } from '../../cost/step.js';
import { APIC_ICR, APIC_ICR_HIGH, APIC_LVT_TIMER, APIC_TPR } from '../apic/registers.js';
import { ACCESS_FETCH, ACCESS_READ, ACCESS_RMW, ACCESS_WRITE } from '../cpu/layout.js';
import { REDIRECTED } from '../cpu/outcome.js';
import { vmxMachine } from '../../../test/support/vmx-machine.js';
import { accessQualification, virtualizesAccess } from './apic-access.js';
import { EXIT_REASON_APIC_ACCESS, EXIT_REASON_APIC_WRITE } from './exit-reason.js';

const apicAccess = (qualification: number) => ({ reason: EXIT_REASON_APIC_ACCESS, qualification, trapLike: false });
const apicWrite = (qualification: number) => ({ reason: EXIT_REASON_APIC_WRITE, qualification, trapLike: true });

const VAA_ONLY = {
  tprShadow: false,
  apicRegisterVirtualization: false,
  virtualInterruptDelivery: false,
  processPostedInterrupts: false,
};
const WITH_TPR_SHADOW = { ...VAA_ONLY, tprShadow: true };

describe('memory-mapped accesses to the APIC-access page', () => {
  it('20: without TPR shadow a read of 080H exits with qualification 0080H', () => {
    const { sender } = vmxMachine({ controls: VAA_ONLY });
    expect(sender.read(0x080)).toBeNull();
    expect(sender.exits).toEqual([apicAccess(0x0080)]);
  });

  it('21: without TPR shadow a write to 300H exits with qualification 1300H and RIP unchanged', () => {
    const { sender } = vmxMachine({ controls: VAA_ONLY });
    sender.write(0x300, 0x4020);
    expect(sender.exits).toEqual([apicAccess(0x1300)]);
    expect(sender.cpu.rip).toBe(0);
  });

  it('22: with TPR shadow 080H is virtualized and VTPR[31:8] are cleared', () => {
    const { sender } = vmxMachine({ controls: WITH_TPR_SHADOW });
    sender.write(0x080, 0xabcd_ef35);
    expect(sender.read(0x080)).toBe(0x35);
    expect(sender.exits).toEqual([]);
  });

  it('23: with nothing but TPR shadow a read of 020H exits', () => {
    const { sender } = vmxMachine({ controls: WITH_TPR_SHADOW });
    expect(sender.read(0x020)).toBeNull();
    expect(sender.exits).toEqual([apicAccess(0x0020)]);
  });

  it('24: a read of 0A0H (PPR) exits', () => {
    const { sender } = vmxMachine();
    expect(sender.read(0x0a0)).toBeNull();
    expect(sender.exits).toEqual([apicAccess(0x00a0)]);
  });

  it('25: a read of 390H (current count) exits', () => {
    const { sender } = vmxMachine();
    expect(sender.read(0x390)).toBeNull();
    expect(sender.exits).toEqual([apicAccess(0x0390)]);
  });

  it('26: a read of 300H returns VICR_LO', () => {
    const { sender } = vmxMachine();
    sender.setRegister(APIC_ICR, 0x4020);
    expect(sender.read(0x300)).toBe(0x4020);
    expect(sender.exits).toEqual([]);
  });

  it('27: a write to 030H exits with qualification 1030H', () => {
    const { sender } = vmxMachine();
    sender.write(0x030, 0);
    expect(sender.exits).toEqual([apicAccess(0x1030)]);
  });

  it('28: a write to 320H updates the page, retires and causes an APIC-write exit', () => {
    const { sender } = vmxMachine();
    sender.write(0x320, 0x2_00ef);
    expect(sender.exits).toEqual([apicWrite(0x320)]);
    expect(sender.register(APIC_LVT_TIMER)).toBe(0x2_00ef);
    expect(sender.cpu.rip).toBe(3);
  });

  it('29: a write to 310H clears bits 23:0 and does nothing else', () => {
    const machine = vmxMachine({ ipiv: true });
    machine.sender.write(0x310, 0x01ab_cdef);
    expect(machine.sender.register(APIC_ICR_HIGH)).toBe(0x0100_0000);
    expect(machine.sender.exits).toEqual([]);
    expect(machine.sentIpis(0)).toBe(0);
  });

  it('30: an 8-byte write to 300H exits', () => {
    const { sender } = vmxMachine();
    sender.write(0x300, 0, 8);
    expect(sender.exits).toEqual([apicAccess(0x1300)]);
  });

  it('31: a 4-byte write to 302H exits', () => {
    const { sender } = vmxMachine();
    sender.write(0x302, 0);
    expect(sender.exits).toEqual([apicAccess(0x1302)]);
  });

  it('32: with register virtualization alone a write to 0B0H causes an APIC-write exit', () => {
    const { sender } = vmxMachine({ controls: { ...WITH_TPR_SHADOW, apicRegisterVirtualization: true } });
    sender.write(0x0b0, 0);
    expect(sender.exits).toEqual([apicWrite(0x0b0)]);
  });

  it('33: with virtual-interrupt delivery alone a write to 310H exits', () => {
    const { sender } = vmxMachine({ controls: { ...WITH_TPR_SHADOW, virtualInterruptDelivery: true } });
    sender.write(0x310, 0);
    expect(sender.exits).toEqual([apicAccess(0x1310)]);
  });

  it('34: a self-IPI is virtualized and delivered', () => {
    const { sender } = vmxMachine();
    sender.interruptsEnabled = false;
    sender.write(0x300, 0x0004_4031);
    expect(sender.requests(0x31)).toBe(true);
    expect(sender.state.rvi).toBe(0x31);
    sender.iret();
    expect(sender.delivered).toEqual([0x31]);
    expect(sender.exits).toEqual([]);
  });

  it('35: a self-IPI with vector 5 causes an APIC-write exit', () => {
    const { sender } = vmxMachine();
    sender.write(0x300, 0x0004_0005);
    expect(sender.exits).toEqual([apicWrite(0x300)]);
  });

  it('36: an IPI to all others causes an APIC-write exit', () => {
    const { sender } = vmxMachine();
    sender.write(0x300, 0x000c_4031);
    expect(sender.exits).toEqual([apicWrite(0x300)]);
  });

  it.each([
    ['VAA only', VAA_ONLY, [44, 44, 44, 44, 44, 44]],
    ['TPRS', WITH_TPR_SHADOW, [0, 44, 44, 44, 44, 44]],
    ['TPRS+VID', { ...WITH_TPR_SHADOW, virtualInterruptDelivery: true }, [0, 0, 56, 44, 44, 44]],
    ['TPRS+ARV', { ...WITH_TPR_SHADOW, apicRegisterVirtualization: true }, [0, 56, 56, 0, 56, 44]],
    ['TPRS+ARV+VID', {}, [0, 0, 56, 0, 56, 44]],
    ['TPRS+ARV+VID+IPIV', { ipiVirtualization: true }, [0, 0, 0, 0, 56, 44]],
  ] as const)('writes with %s', (_, controls, expected) => {
    const reasons = [0x080, 0x0b0, 0x300, 0x310, 0x320, 0x030].map((offset) => {
      const { sender } = vmxMachine({ controls });
      sender.setRegister(APIC_ICR_HIGH, 0x0100_0000);
      sender.write(offset, offset === 0x300 ? 0x4020 : 0);
      return sender.exits[0]?.reason ?? 0;
    });
    expect(reasons).toEqual(expected);
  });

  it('IPI virtualization without the others virtualizes a write to 300H', () => {
    const machine = vmxMachine({ controls: { ...WITH_TPR_SHADOW, ipiVirtualization: true } });
    machine.sender.setRegister(APIC_ICR_HIGH, 0x0100_0000);
    machine.sender.write(0x300, 0x4020);
    expect(machine.sender.exits).toEqual([]);
    expect(machine.posted(1, 0x20)).toBe(true);
  });

  it('an instruction fetch exits with type 2', () => {
    const { sender } = vmxMachine();
    expect(sender.apic.apicAccess(0x080, 1, ACCESS_FETCH)).toBe(REDIRECTED);
    expect(sender.exits).toEqual([apicAccess(0x2080)]);
  });

  it('an access during event delivery exits with type 3', () => {
    expect(accessQualification(vmxMachine().sender.state, 0x390, 4, ACCESS_WRITE, true)).toBe(0x3390);
  });

  it('a read-modify-write of a readable, unwritable register exits as a write', () => {
    const { sender } = vmxMachine();
    sender.apic.apicAccess(0x100, 4, ACCESS_RMW);
    sender.apic.apicAccess(0x0a0, 4, ACCESS_RMW);
    expect(sender.exits).toEqual([apicAccess(0x1100), apicAccess(0x00a0)]);
  });

  it('is charged once for a read, once for a write', () => {
    const machine = vmxMachine();
    machine.sender.read(0x300);
    machine.sender.write(0x310, 0);
    expect(machine.charged(0, STEP.APIC_PAGE_READ)).toBe(1);
    expect(machine.charged(0, STEP.APIC_PAGE_WRITE)).toBe(1);
  });

  it('never virtualizes what leaves the low four bytes of a slot', () => {
    const { state } = vmxMachine({ ipiv: true }).sender;
    const sizes = fc.constantFrom(1, 2, 4, 8);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4095 }), sizes, (offset, size) => {
        if ((offset & 15) + size <= 4) return;
        expect(virtualizesAccess(state, offset, size, ACCESS_READ)).toBe(false);
        expect(virtualizesAccess(state, offset, size, ACCESS_WRITE)).toBe(false);
      }),
    );
  });
});

describe('TPR virtualization', () => {
  it('without virtual-interrupt delivery exits 43 while VTPR[7:4] is below the threshold', () => {
    const { sender } = vmxMachine({ controls: { ...WITH_TPR_SHADOW, tprThreshold: 5 } });
    sender.write(0x080, 0x50);
    expect(sender.exits).toEqual([]);
    sender.write(0x080, 0x4f);
    expect(sender.exits).toEqual([{ reason: 43, qualification: 0, trapLike: true }]);
  });

  it('MOV to and from CR8 use VTPR[7:4]', () => {
    const { sender } = vmxMachine();
    sender.apic.writeCr8(0x9, 3);
    expect(sender.register(APIC_TPR)).toBe(0x90);
    expect(sender.apic.readCr8()).toBe(9);
  });

  it('MOV to CR8 below the threshold moves RIP and exits 43', () => {
    const { sender } = vmxMachine({ controls: { ...WITH_TPR_SHADOW, tprThreshold: 5 } });
    expect(sender.apic.writeCr8(4, 3)).toBe(REDIRECTED);
    expect(sender.cpu.rip).toBe(3);
    expect(sender.exits).toEqual([{ reason: 43, qualification: 0, trapLike: true }]);
  });
});
