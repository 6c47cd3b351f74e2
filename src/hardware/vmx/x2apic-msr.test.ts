import { describe, expect, it } from 'vitest';
import { vmxMachine, type VmxMachine, type VmxMachineOptions } from '../../../test/support/vmx-machine.js';
import { STEP } from '../../cost/step.js';
import { APIC_EOI, APIC_ICR, APIC_ICR_HIGH, APIC_SELF_IPI, APIC_TPR } from '../apic/registers.js';
import { DONE, FAULT, PASS, REDIRECTED } from '../cpu/outcome.js';

const ICR = 0x830;
const APIC_WRITE_EXIT = { reason: 56, qualification: 0x300, trapLike: true };
const GENERAL_PROTECTION = { kind: 'exception', vector: 13, errorCode: 0, address: 0 };

function x2apicMachine(options: VmxMachineOptions = {}): VmxMachine {
  return vmxMachine({ apicMode: 'x2apic', ipiv: true, ...options });
}

describe('WRMSR of 830H with IPI virtualization', () => {
  it('72: stores 64 bits at 300H, leaves 310H alone, posts and notifies without an exit', () => {
    const machine = x2apicMachine();
    machine.sender.setRegister(APIC_ICR_HIGH, 0x1234_5678);
    expect(machine.sender.wrmsr(ICR, 1, 0x4020)).toBe(DONE);
    expect([machine.sender.register(APIC_ICR), machine.sender.register(APIC_ICR + 4)]).toEqual([0x4020, 1]);
    expect(machine.sender.register(APIC_ICR_HIGH)).toBe(0x1234_5678);
    expect(machine.posted(1, 0x20)).toBe(true);
    expect(machine.sentIpis(0)).toBe(1);
    expect(machine.sender.exits).toEqual([]);
    expect(machine.sender.cpu.rip).toBe(3);
  });

  it.each([
    ['74: EAX = 00104020H', 0x0010_4020],
    ['75: EAX = 00014020H', 0x0001_4020],
    ['76: EAX = 00006020H', 0x0000_6020],
  ])('%s is #GP and stores nothing', (_, eax) => {
    const { sender } = x2apicMachine();
    expect(sender.wrmsr(ICR, 1, eax)).toBe(FAULT);
    expect(sender.cpu.fault).toEqual(GENERAL_PROTECTION);
    expect(sender.register(APIC_ICR)).toBe(0);
  });

  it.each([
    ['77: bit 12', 1, 0x5020],
    ['78: logical', 1, 0x4820],
    ['79: self shorthand', 0, 0x4_4020],
    ['80: destination FFFFFFFFH', 0xffff_ffff, 0x4020],
    ['81: vector 5', 1, 0x4005],
  ])('%s exits behind the WRMSR with the value in the page', (_, edx, eax) => {
    const { sender } = x2apicMachine();
    expect(sender.wrmsr(ICR, edx, eax)).toBe(REDIRECTED);
    expect(sender.exits).toEqual([APIC_WRITE_EXIT]);
    expect(sender.cpu.rip).toBe(3);
    expect([sender.register(APIC_ICR), sender.register(APIC_ICR + 4)]).toEqual([eax, edx]);
  });

  it('80: the destination is compared as 32 bits with the last index', () => {
    const machine = x2apicMachine({ lastPidPointerIndex: 0xffff });
    machine.setTableEntry(0x1_0000, 0, machine.descriptor(1) | 1);
    machine.sender.wrmsr(ICR, 0x1_0000, 0x4020);
    expect(machine.sender.exits).toEqual([APIC_WRITE_EXIT]);
    expect([machine.posted(0, 0x20), machine.posted(1, 0x20)]).toEqual([false, false]);
    machine.setTableEntry(0xffff, 0, machine.descriptor(1) | 1);
    machine.sender.wrmsr(ICR, 0xffff, 0x4020);
    expect(machine.posted(1, 0x20)).toBe(true);
  });

  it('is charged once, as the four steps of IPI virtualization alone', () => {
    const machine = x2apicMachine();
    machine.sender.wrmsr(ICR, 1, 0x4020);
    expect(machine.charged(0, STEP.VIRTUALIZED_MSR_WRITE)).toBe(0);
    expect(machine.charged(0, STEP.IPIV_ELIGIBILITY)).toBe(1);
  });
});

describe('other x2APIC MSRs', () => {
  it('82: 83FH is a virtualized self-IPI', () => {
    const { sender } = x2apicMachine();
    sender.wrmsr(0x83f, 0, 0x31);
    expect(sender.delivered).toEqual([0x31]);
    expect(sender.register(APIC_SELF_IPI)).toBe(0x31);
    expect(sender.exits).toEqual([]);
  });

  it('82: 83FH with EDX or EAX[31:8] not 0 is #GP', () => {
    const { sender } = x2apicMachine();
    expect(sender.wrmsr(0x83f, 1, 0x31)).toBe(FAULT);
    expect(sender.wrmsr(0x83f, 0, 0x131)).toBe(FAULT);
  });

  it('82: 83FH with an illegal vector exits with qualification 3F0H', () => {
    const { sender } = x2apicMachine();
    expect(sender.wrmsr(0x83f, 0, 0x05)).toBe(REDIRECTED);
    expect(sender.exits).toEqual([{ reason: 56, qualification: 0x3f0, trapLike: true }]);
    expect(sender.cpu.rip).toBe(3);
  });

  it('83: 80BH takes 0 and nothing else', () => {
    const { sender } = x2apicMachine();
    sender.wrmsr(0x83f, 0, 0x31);
    expect(sender.wrmsr(0x80b, 0, 1)).toBe(FAULT);
    expect(sender.inService(0x31)).toBe(true);
    expect(sender.wrmsr(0x80b, 0, 0)).toBe(DONE);
    expect(sender.inService(0x31)).toBe(false);
    expect(sender.register(APIC_EOI)).toBe(0);
  });

  it('83: an EOI-induced exit finds RIP behind the WRMSR', () => {
    const { sender } = x2apicMachine();
    sender.state.eoiExitBitmap[1] = 1 << 0x11;
    sender.wrmsr(0x83f, 0, 0x31);
    expect(sender.wrmsr(0x80b, 0, 0)).toBe(REDIRECTED);
    expect(sender.exits).toEqual([{ reason: 45, qualification: 0x31, trapLike: true }]);
    expect(sender.cpu.rip).toBe(6);
  });

  it('84: without IPI virtualization 830H is the physical ICR', () => {
    const { sender } = x2apicMachine({ ipiv: false });
    expect(sender.wrmsr(ICR, 1, 0x4020)).toBe(PASS);
    expect(sender.register(APIC_ICR)).toBe(0);
  });

  it('85: with register virtualization every RDMSR reads the page, 80AH and 839H too', () => {
    const { sender } = x2apicMachine();
    sender.setRegister(0x0a0, 0x30);
    sender.setRegister(0x390, 77);
    expect(sender.rdmsr(0x80a)).toEqual([0, 0x30]);
    expect(sender.rdmsr(0x839)).toEqual([0, 77]);
    expect(sender.rdmsr(0x8ff)).toEqual([0, 0]);
  });

  it('without register virtualization only 808H reads the page', () => {
    const { sender } = x2apicMachine({ controls: { apicRegisterVirtualization: false } });
    sender.setRegister(APIC_TPR, 0x40);
    expect(sender.rdmsr(0x808)).toEqual([0, 0x40]);
    expect(sender.rdmsr(0x80a)).toBeNull();
  });

  it('808H performs TPR virtualization', () => {
    const { sender } = x2apicMachine();
    expect(sender.wrmsr(0x808, 0, 0x100)).toBe(FAULT);
    expect(sender.wrmsr(0x808, 0, 0x45)).toBe(DONE);
    expect(sender.register(0x0a0)).toBe(0x45);
  });

  it('80BH, 83FH and 830H are not virtualized without the control for them', () => {
    const { sender } = x2apicMachine({ controls: { virtualInterruptDelivery: false, ipiVirtualization: false } });
    expect([0x80b, 0x83f, 0x830, 0x80f].map((msr) => sender.wrmsr(msr, 0, 0))).toEqual([PASS, PASS, PASS, PASS]);
  });

  it('nothing is virtualized without "virtualize x2APIC mode"', () => {
    const { sender } = vmxMachine({ ipiv: true });
    expect(sender.wrmsr(ICR, 1, 0x4020)).toBe(PASS);
    expect(sender.rdmsr(0x808)).toBeNull();
  });
});
