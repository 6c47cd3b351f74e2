import { describe, expect, it } from 'vitest';
import { dword, EBX } from '../guest/operand.js';
import { APICV_INHIBIT_REASON_APIC_ID_MODIFIED } from './apicv-inhibit.js';
import { POSTED_INTR_VECTOR, POSTED_INTR_WAKEUP_VECTOR } from './host-interrupt-vectors.js';
import { piLoad, piPutPreempted, syncPir } from './posted-interrupts.js';
import {
  COUNTER,
  emitEnd,
  emitIcrWrite,
  HALTS,
  kvmMachine,
  SPINS,
  VECTOR,
  type Emit,
  type KvmMachine,
} from './test-support/kvm-machine.js';
import { APIC_ADDRESS } from '../guest/memory-map.js';
import { qword, RAX } from '../guest/operand.js';
import { X2APIC_MSR_ICR } from '../hardware/apic/registers.js';
import {
  PIN_BASED_POSTED_INTR,
  SECONDARY_EXEC_APIC_REGISTER_VIRT,
  SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY,
} from '../hardware/vmx/controls.js';
import { VMCS_FIELD } from '../hardware/vmx/vmcs-field.js';
import { Code } from 'iced-x86';

const ICR_ASSERT = 1 << 14;
const LONG = 300_000;
const APICV_CONTROLS = SECONDARY_EXEC_APIC_REGISTER_VIRT | SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY;

/** Boots both vCPUs; the target of HALTS is blocked in the host afterwards, with polling off. */
function blocked(parameters: object = {}): KvmMachine {
  const machine = kvmMachine({ target: HALTS, parameters: { haltPollNs: 0, ...parameters } });
  machine.run(LONG);
  expect(machine.target.idle).toBe(true);
  return machine;
}

describe('posted-interrupt descriptor of a vCPU', () => {
  it('93: after reset NV=F2H, SN=1; after the first load SN=0 and NDST names the host CPU', () => {
    const { target } = kvmMachine();
    const { descriptor } = target.vcpu;
    expect([descriptor.nv, descriptor.sn, descriptor.on, descriptor.pirEmpty]).toEqual([0xf2, true, false, true]);
    expect(piLoad(target)).toBe(true);
    expect([descriptor.nv, descriptor.sn, descriptor.ndst]).toEqual([0xf2, false, target.cpu.apicId]);
  });

  it('92: stands in the PID-pointer table of the VMCS under the APIC ID, 64-byte aligned, with bit 0 set', () => {
    const { sender, target, hardware } = kvmMachine();
    for (const { cpu, vcpu } of [sender, target]) {
      const { address } = vcpu.descriptor;
      expect(address % 64).toBe(0);
      const table = cpu.vmx.vmread(VMCS_FIELD.PID_POINTER_TABLE);
      expect(hardware.memory.readNumber(table + 8 * vcpu.id)).toBe(address + 1);
    }
    expect(sender.vcpu.descriptor.address).not.toBe(target.vcpu.descriptor.address);
  });

  it('88: with KVM_CAP_MAX_VCPU_ID = 8 the VMCS of the second vCPU says 7, and vCPU ID 8 is -EINVAL', () => {
    const { target, kvm, hardware } = kvmMachine({ parameters: { maxVcpuIds: 8 } });
    expect(target.cpu.vmx.vmread(VMCS_FIELD.LAST_PID_POINTER_INDEX)).toBe(7);
    expect(kvm.vm.pidPointerTable?.order).toBe(0);
    expect(() => kvm.createVcpu(8, hardware.cpus[1])).toThrow('KVM_CREATE_VCPU failed: error 22');
  });

  it('93: on an xAPIC host NDST holds the ID in bits 15:8', () => {
    const { target } = kvmMachine({ hostApicMode: 'xapic' });
    piLoad(target);
    expect(target.vcpu.descriptor.ndst).toBe(target.cpu.apicId << 8);
  });

  it('is not touched by a load on the same CPU', () => {
    const { target } = kvmMachine();
    piLoad(target);
    const before = target.cpu.now;
    expect(piLoad(target)).toBe(true);
    expect(target.cpu.now).toBe(before);
  });

  it('94: a blocked vCPU with IPI virtualization has NV=F1H and stands on the wakeup list', () => {
    const { target } = blocked();
    expect(target.vcpu.descriptor.nv).toBe(POSTED_INTR_WAKEUP_VECTOR);
    expect(target.wakeupList).toEqual([target.vcpu]);
  });

  it('94: the F1H handler wakes it if ON=1', () => {
    const machine = blocked();
    const { target } = machine;
    target.vcpu.descriptor.testAndSetPir(VECTOR);
    target.vcpu.descriptor.on = true;
    machine.interrupt(target, POSTED_INTR_WAKEUP_VECTOR);
    machine.run(LONG);
    expect(machine.counter()).toBe(1);
    expect(target.interrupts[POSTED_INTR_WAKEUP_VECTOR]).toBe(1);
  });

  it('94: the F1H handler does not wake it if ON=0', () => {
    const machine = blocked();
    const { halts } = machine.target.vcpu;
    machine.interrupt(machine.target, POSTED_INTR_WAKEUP_VECTOR);
    machine.run(LONG);
    expect(machine.target.idle).toBe(true);
    expect(machine.target.vcpu.halts).toBe(halts);
  });

  it('94: with IPI virtualization off NV stays F2H', () => {
    const { target } = blocked({ enableIpiv: false });
    expect(target.vcpu.descriptor.nv).toBe(POSTED_INTR_VECTOR);
    expect(target.wakeupList).toEqual([]);
  });

  it('94: v1 arms the wakeup vector before it polls', () => {
    const machine = kvmMachine({ target: HALTS, parameters: { version: 'v1', haltPollNs: 200_000 } });
    machine.run(LONG);
    machine.target.vcpu.haltPollNs = 200_000;
    machine.target.vcpu.descriptor.testAndSetPir(VECTOR);
    machine.target.vcpu.descriptor.on = true;
    machine.interrupt(machine.target, POSTED_INTR_WAKEUP_VECTOR);
    machine.run(50_000);
    expect(machine.target.idle).toBe(false);
    expect(machine.target.vcpu.descriptor.nv).toBe(POSTED_INTR_WAKEUP_VECTOR);
  });

  it('95: an IPI posted between the last check and the NV switch is seen: F1H to itself, the vCPU wakes', () => {
    const machine = kvmMachine({ target: HALTS, parameters: { haltPollNs: 0 } });
    machine.run(LONG);
    const { target } = machine;
    const { descriptor } = target.vcpu;
    // The next time that it goes onto the wakeup list, an interrupt has just been posted.
    const { wakeupList } = target;
    const push = wakeupList.push.bind(wakeupList);
    let posted = false;
    wakeupList.push = (...vcpus) => {
      if (!posted) {
        posted = true;
        descriptor.testAndSetPir(VECTOR);
        descriptor.on = true;
      }
      return push(...vcpus);
    };
    descriptor.testAndSetPir(VECTOR);
    descriptor.on = true;
    machine.interrupt(target, POSTED_INTR_WAKEUP_VECTOR);
    machine.run(LONG);
    expect(posted).toBe(true);
    expect(target.interrupts[POSTED_INTR_WAKEUP_VECTOR]).toBe(2);
    expect(machine.counter()).toBe(2);
  });

  it.each(['v1', '5.19', '6.12'] as const)(
    '94: in %s a vCPU that wakes for a blocked class and sleeps again hears of the next IPI',
    (version) => {
      const tprAtClass2: Emit = (asm, apicMode) => {
        asm.mov(RAX, qword(APIC_ADDRESS));
        asm.mov(dword(RAX, 0x080), 0x20);
        HALTS(asm, apicMode);
      };
      const machine = kvmMachine({ target: tprAtClass2, parameters: { version, haltPollNs: 0 } });
      machine.run(LONG);
      const { target } = machine;
      const { descriptor } = target.vcpu;
      for (const vector of [0x21, VECTOR]) {
        expect([target.idle, descriptor.nv]).toEqual([true, POSTED_INTR_WAKEUP_VECTOR]);
        descriptor.testAndSetPir(vector);
        descriptor.on = true;
        machine.interrupt(target, descriptor.nv);
        machine.run(LONG);
      }
      expect(machine.counter()).toBe(1);
    },
  );

  it('96: a preempted runnable vCPU has SN=1; loading it clears SN, sets ON, and the sync sets RVI', () => {
    const { target } = kvmMachine();
    piLoad(target);
    const { descriptor } = target.vcpu;
    expect(piPutPreempted(target)).toBe(true);
    expect(descriptor.sn).toBe(true);
    descriptor.testAndSetPir(VECTOR);
    expect(piLoad(target)).toBe(true);
    expect([descriptor.sn, descriptor.on]).toEqual([false, true]);
    expect(syncPir(target)).toBe(true);
    expect(target.cpu.vmx.vmread(VMCS_FIELD.GUEST_INTR_STATUS) & 0xff).toBe(VECTOR);
    expect([descriptor.on, descriptor.pirEmpty]).toEqual([false, true]);
  });

  it('97: F2H in root mode wakes nobody and is only counted', () => {
    const machine = blocked({ enableIpiv: false });
    const { target } = machine;
    machine.interrupt(target, POSTED_INTR_VECTOR);
    machine.run(LONG);
    expect(target.interrupts[POSTED_INTR_VECTOR]).toBe(1);
    expect(target.idle).toBe(true);
    expect(machine.counter()).toBe(0);
  });
});

describe('APICv inhibited at run time', () => {
  /** Changes its xAPIC ID, then sends an IPI and waits until it has been handled. */
  const changesId: Emit = (asm, apicMode) => {
    asm.mov(RAX, qword(APIC_ADDRESS));
    asm.mov(dword(RAX, 0x020), 7 << 24);
    asm.mov(EBX, 1);
    emitIcrWrite(asm, apicMode, ICR_ASSERT | VECTOR, 1);
    const wait = asm.here('wait');
    asm.cmp(dword(COUNTER), EBX);
    asm.jcc('ne', wait);
    emitEnd(asm);
    asm.plain(Code.Hlt);
  };

  it.each([
    ['spins', SPINS],
    ['halts', HALTS],
  ])(
    '91: a changed xAPIC ID turns APICv and IPIv off for every vCPU; an IPI to a target that %s arrives',
    (_, target) => {
      const machine = kvmMachine({ sender: changesId, target });
      expect(machine.run(1_000_000)).toBe(true);
      expect(machine.counter()).toBe(1);
      expect(machine.kvm.vm.inhibits.reasons).toBe(1 << APICV_INHIBIT_REASON_APIC_ID_MODIFIED);
      expect(machine.kvm.effective).toEqual({ apicv: false, ipiv: false });
      for (const { vcpu, cpu } of [machine.sender, machine.target]) {
        expect([vcpu.apicvActive, vcpu.vmcs.apicvActive, vcpu.vmcs.ipivActive]).toEqual([false, false, false]);
        expect(cpu.vmx.vmread(VMCS_FIELD.PIN_BASED_VM_EXEC_CONTROL) & PIN_BASED_POSTED_INTR).toBe(0);
        expect(cpu.vmx.vmread(VMCS_FIELD.SECONDARY_VM_EXEC_CONTROL) & APICV_CONTROLS).toBe(0);
        expect(cpu.vmx.vmread64(VMCS_FIELD.TERTIARY_VM_EXEC_CONTROL)).toBe(0n);
        expect(vcpu.vmcs.msrBitmap.interceptsWrite(X2APIC_MSR_ICR)).toBe(true);
      }
    },
  );

  it('91: v1 does not notice', () => {
    const machine = kvmMachine({ sender: changesId, parameters: { version: 'v1' } });
    expect(machine.run(1_000_000)).toBe(true);
    expect(machine.kvm.effective).toEqual({ apicv: true, ipiv: true });
  });

  it('86: enable_ipiv=1, enable_apicv=0: reported off', () => {
    const { kvm } = kvmMachine({ parameters: { enableApicv: false, enableIpiv: true } });
    expect(kvm.effective).toEqual({ apicv: false, ipiv: false });
    expect(kvm.parameters.enableIpiv).toBe(false);
  });
});
