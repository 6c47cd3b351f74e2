import { Code } from 'iced-x86';
import { describe, expect, it } from 'vitest';
import { STEP, STEP_NAMES } from '../cost/step.js';
import { EXIT_REASON_HLT, EXIT_REASON_NMI_WINDOW } from '../hardware/vmx/exit-reason.js';
import { VMCS_FIELD } from '../hardware/vmx/vmcs-field.js';
import {
  COUNTER,
  emitIcrWrite,
  kvmMachine,
  NMI_COUNTER,
  SPINS,
  type Emit,
  type KvmMachine,
} from './test-support/kvm-machine.js';
import {
  MP_STATE_HALTED,
  MP_STATE_INIT_RECEIVED,
  MP_STATE_RUNNABLE,
  MP_STATE_UNINITIALIZED,
  type MpState,
} from './vcpu.js';

const ASSERT = 1 << 14;
const LEVEL = 1 << 15;
const OTHERS = 3 << 18;
const SELF = 1 << 18;
const NMI = 4 << 8;
const INIT = 5 << 8;
const STARTUP = 6 << 8;
const TRAMPOLINE = 0x8000;
const HLT = 0xf4;
const LONG = 1_000_000;

const spin: Emit = (asm) => {
  const loop = asm.here('loop');
  asm.jmp(loop);
};

/** ICR writes of the boot CPU, then an endless loop. */
const sends =
  (...icrs: readonly number[]): Emit =>
  (asm, apicMode) => {
    for (const low of icrs) emitIcrWrite(asm, apicMode, low, 1);
    spin(asm, apicMode);
  };

/** vCPU 1 has just been created; at TRAMPOLINE stands HLT. */
function started(...icrs: readonly number[]): KvmMachine {
  const machine = kvmMachine({ sender: sends(...icrs), parameters: { haltPollNs: 0 } });
  machine.kvm.guestMemory.write(TRAMPOLINE, Uint8Array.of(HLT));
  machine.kvm.resetVcpu(machine.target.vcpu);
  return machine;
}

describe('a vCPU that is not the boot CPU', () => {
  // prettier-ignore
  it.each<[what: string, icrs: readonly number[], state: MpState]>([
    ['waits for INIT',                            [],                                          MP_STATE_UNINITIALIZED],
    ['ignores a start-up IPI before INIT',        [STARTUP | ASSERT | 8],                      MP_STATE_UNINITIALIZED],
    ['waits for a start-up IPI after INIT',       [INIT | ASSERT],                             MP_STATE_INIT_RECEIVED],
    ['ignores the de-assertion of INIT',          [INIT | LEVEL],                              MP_STATE_UNINITIALIZED],
    ['starts, and halts in the trampoline',       [INIT | ASSERT, STARTUP | ASSERT | 8],       MP_STATE_HALTED],
    ['starts by IPIs to all but self',            [OTHERS | INIT | ASSERT, OTHERS | STARTUP | 8], MP_STATE_HALTED],
    ['ignores a second start-up IPI',             [INIT | ASSERT, STARTUP | 8, STARTUP | 9],   MP_STATE_HALTED],
    ['waits again after a second INIT',           [INIT | ASSERT, STARTUP | 8, INIT | ASSERT], MP_STATE_INIT_RECEIVED],
  ])('%s', (_, icrs, state) => {
    const machine = started(...icrs);
    machine.run(LONG);
    expect(machine.failures).toEqual([]);
    expect(machine.target.vcpu.mpState).toBe(state);
    expect(machine.target.vcpu.exits[EXIT_REASON_HLT]).toBe(state === MP_STATE_HALTED ? 1 : 0);
  });

  it('starts at vector * 1000H in real mode', () => {
    const { vmx } = (() => {
      const machine = started(INIT | ASSERT, STARTUP | ASSERT | 8);
      machine.run(LONG);
      return machine.target.cpu;
    })();
    expect(vmx.vmread(VMCS_FIELD.GUEST_CS_BASE)).toBe(TRAMPOLINE);
    expect(vmx.vmread(VMCS_FIELD.GUEST_CS_SELECTOR)).toBe(TRAMPOLINE >> 4);
    expect(vmx.vmread(VMCS_FIELD.GUEST_RIP)).toBe(1);
    expect(vmx.vmread(VMCS_FIELD.CR0_READ_SHADOW)).toBe(0x6000_0010);
  });
});

it('INIT resets a running vCPU: registers and local APIC, but not IA32_APIC_BASE', () => {
  const machine = kvmMachine({ sender: sends(INIT | ASSERT), target: SPINS });
  machine.run(LONG);
  const { vcpu } = machine.target;
  expect(vcpu.mpState).toBe(MP_STATE_INIT_RECEIVED);
  expect(vcpu.apic.softwareEnabled).toBe(false);
  expect(vcpu.apic.enabled).toBe(true);
  expect(vcpu.efer).toBe(0);
  expect(machine.hardware.meter.counts[STEP_NAMES.length + STEP.VCPU_RESET]).toBe(1);
});

it('INIT to the boot CPU starts it again at its reset vector', () => {
  const machine = kvmMachine({
    sender: spin,
    target: (asm, apicMode) => {
      emitIcrWrite(asm, apicMode, INIT | ASSERT, 0);
      spin(asm, apicMode);
    },
  });
  machine.run(LONG);
  const { vmx } = machine.sender.cpu;
  expect(machine.sender.vcpu.mpState).toBe(MP_STATE_RUNNABLE);
  expect(vmx.vmread(VMCS_FIELD.GUEST_CS_BASE)).toBe(0xffff_0000);
});

describe('NMIs', () => {
  const handled = ({ kvm }: KvmMachine): number => Number(kvm.guestMemory.read64(NMI_COUNTER) & 0xffff_ffffn);

  it('reach a vCPU that spins, halts, or halts with interrupts disabled', () => {
    const idle: readonly Emit[] = [
      SPINS,
      (asm) => {
        const loop = asm.here('loop');
        asm.plain(Code.Hlt);
        asm.jmp(loop);
      },
    ];
    for (const target of idle) {
      const machine = kvmMachine({ sender: sends(NMI | ASSERT), target });
      machine.run(LONG);
      expect(handled(machine)).toBe(1);
    }
  });

  it('one is handled and exactly one latched while it is', () => {
    let remaining = 10;
    const machine = kvmMachine({
      sender: sends(SELF | NMI | ASSERT),
      target: spin,
      nmi: (asm, apicMode) => {
        while (remaining-- > 0) emitIcrWrite(asm, apicMode, SELF | NMI | ASSERT, 0);
      },
    });
    // Every handler sends ten more: it never ends, but the machine keeps up with one at a time.
    machine.run(LONG);
    const { vcpu } = machine.sender;
    expect(vcpu.nmiPending + vcpu.nmiQueued).toBeLessThanOrEqual(2);
    expect(vcpu.exits[EXIT_REASON_NMI_WINDOW]).toBeGreaterThan(0);
    expect(Math.abs(handled(machine) - vcpu.exits[EXIT_REASON_NMI_WINDOW])).toBeLessThanOrEqual(2);
  });

  it('two that come together are both handled, further ones are lost', () => {
    const count = (icrs: number): number => {
      const machine = kvmMachine({
        sender: sends(...Array.from({ length: icrs }, () => NMI | ASSERT)),
        target: SPINS,
        // Slow enough that all have been sent before the first one is over.
        nmi: (asm) => {
          for (let i = 0; i < 40; i++) asm.plain(Code.Cpuid);
        },
      });
      machine.run(LONG);
      return handled(machine);
    };
    expect([count(1), count(2), count(3), count(6)]).toEqual([1, 2, 2, 2]);
    expect(COUNTER).toBeLessThan(NMI_COUNTER);
  });
});
