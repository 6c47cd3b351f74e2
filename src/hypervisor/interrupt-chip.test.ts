import { Code } from 'iced-x86';
import { describe, expect, it } from 'vitest';
import type { ApicMessage } from '../hardware/apic/message.js';
import { EAX, EBX, dword } from '../guest/operand.js';
import type { Assembler } from '../guest/assembler.js';
import { emitWriteMsr } from '../guest/programs/local-apic.js';
import * as X from '../hardware/vmx/exit-reason.js';
import { VMCS_FIELD } from '../hardware/vmx/vmcs-field.js';
import { STEP } from '../cost/step.js';
import type { EoiRoute, IoBus, RaisedInterrupt } from './kernel-devices.js';
import {
  COUNTER,
  emitEnd,
  HALTS,
  kvmMachine,
  NMI_COUNTER,
  SPINS,
  VECTOR,
  type KvmMachine,
} from './test-support/kvm-machine.js';
import { QuietDevices } from './test-support/quiet-devices.js';

const LONG = 2_000_000;
const LINE = 0x90;
const LVT_LINT0 = 0x835;
const EXTINT = 0x700;
const NMI = 0x400;
const MASKED = 0x1_0000;

/** A write to the LINE port raises what the test has prepared; the PIC's vector is VECTOR. */
class Chip extends QuietDevices {
  readonly log: string[] = [];
  readonly #onLine: readonly RaisedInterrupt[];

  constructor(...onLine: RaisedInterrupt[]) {
    super();
    this.#onLine = onLine;
  }

  override claims(bus: IoBus, address: number): boolean {
    return bus === 'port' && address === LINE;
  }

  override write(_vcpu: number): void {
    this.raised.push(...this.#onLine);
    this.picOutput = this.#onLine.includes('pic-output');
  }

  override acknowledgePic(): number {
    this.log.push('acknowledge');
    this.picOutput = false;
    return VECTOR;
  }

  override endOfInterrupt(vcpu: number, vector: number, level: boolean): void {
    this.log.push(`vCPU ${String(vcpu)} ends ${level ? 'level' : 'edge'} ${vector.toString(16)}H`);
  }

  override runEvents(vcpu: number): void {
    this.log.push(`timer on vCPU ${String(vcpu)}`);
    this.raised.push(message());
    super.runEvents(vcpu);
  }
}

const message = (overrides: Partial<ApicMessage> = {}): ApicMessage => ({
  ...{ vector: VECTOR, deliveryMode: 0, logical: false, level: false, assert: true },
  ...{ shorthand: 0, destination: 0, x2apic: false },
  ...overrides,
});

const route = (overrides: Partial<EoiRoute> = {}): EoiRoute => ({
  ...{ vector: VECTOR, logical: false, destination: 0 },
  ...overrides,
});

const APICV = [
  ['with APICv', true],
  ['without', false],
] as const;

/** vCPU 0 drives the line with interrupts on, waits until VECTOR has come `count` times in all, and ends. */
function drive(chip: Chip, enableApicv: boolean, before: (asm: Assembler) => void = () => undefined): KvmMachine {
  const machine = kvmMachine({
    apicMode: 'x2apic',
    kernelDevices: chip,
    parameters: { enableApicv },
    target: HALTS,
    sender: (asm) => {
      asm.plain(Code.Sti);
      before(asm);
      asm.out(LINE);
      const wait = asm.here('wait');
      asm.mov(EBX, 1);
      asm.cmp(dword(COUNTER), EBX);
      asm.jcc('ne', wait);
      emitEnd(asm);
    },
  });
  expect(machine.run(LONG)).toBe(true);
  expect(machine.failures).toEqual([]);
  return machine;
}

describe.each(APICV)('interrupts of the I/O APIC, %s', (_, apicv) => {
  it('reach the vCPU that causes them', () => {
    const { sender } = drive(new Chip(message()), apicv);
    expect(sender.vcpu.exits[X.EXIT_REASON_EXTERNAL_INTERRUPT]).toBe(0);
  });

  it('wake a vCPU that halts', () => {
    const { target } = drive(new Chip(message({ destination: 1 })), apicv);
    expect(target.vcpu.halts).toBeGreaterThan(1);
  });

  it('an edge-triggered one needs no end-of-interrupt broadcast', () => {
    const chip = new Chip('redirection', message());
    drive(chip, apicv);
    expect(chip.log).toEqual([]);
  });

  it('an NMI needs no vector and no acceptance by priority', () => {
    const { kvm } = drive(new Chip(message({ deliveryMode: 4, vector: 0, destination: 1 }), message()), apicv);
    expect(Number(kvm.guestMemory.read64(NMI_COUNTER) & 0xffff_ffffn)).toBe(1);
  });

  it('ExtINT is for LINT0 alone', () => {
    const { kvm } = drive(new Chip(message({ deliveryMode: 7 }), message({ destination: 1 })), apicv);
    expect(Number(kvm.guestMemory.read64(NMI_COUNTER) & 0xffff_ffffn)).toBe(0);
  });

  it('45: the end of a level-triggered one goes to the I/O APIC', () => {
    const chip = new Chip('redirection', message({ level: true }));
    chip.routes = [route()];
    const { sender } = drive(chip, apicv);
    expect(chip.log).toEqual([`vCPU 0 ends level ${VECTOR.toString(16)}H`]);
    expect(sender.vcpu.exits[X.EXIT_REASON_EOI_INDUCED]).toBe(apicv ? 1 : 0);
  });

  it('45: so does that of an edge-triggered one that somebody waits for', () => {
    const chip = new Chip('redirection', message());
    chip.routes = [route()];
    const { sender } = drive(chip, apicv);
    expect(chip.log).toEqual([`vCPU 0 ends edge ${VECTOR.toString(16)}H`]);
    expect(sender.vcpu.exits[X.EXIT_REASON_EOI_INDUCED]).toBe(apicv ? 1 : 0);
  });

  it('a driven line of user space costs a system call', () => {
    const { hardware } = drive(new Chip('irq-line', message()), apicv);
    expect(hardware.meter.counts[STEP.IRQ_LINE]).toBe(1);
  });
});

describe('the EOI-exit bitmap', () => {
  const bitmapOf = (machine: KvmMachine, index: 0 | 1): bigint => {
    const { vmx } = [machine.sender, machine.target][index].cpu;
    return vmx.vmread64(VMCS_FIELD.EOI_EXIT_BITMAP0);
  };

  it('has the level-triggered vectors that go to the vCPU', () => {
    const chip = new Chip('redirection', message());
    chip.routes = [route(), route({ vector: 0x25, destination: 1 }), route({ vector: 0x26, destination: 0xff })];
    const machine = drive(chip, true);
    expect(bitmapOf(machine, 0)).toBe((1n << BigInt(VECTOR)) | (1n << 0x26n));
    expect(bitmapOf(machine, 1)).toBe((1n << 0x25n) | (1n << 0x26n));
  });

  it('keeps a vector that went here and has not been ended', () => {
    const chip = new Chip('redirection', message({ level: true }));
    chip.routes = [route({ destination: 1 })];
    const machine = kvmMachine({
      apicMode: 'x2apic',
      kernelDevices: chip,
      sender: (asm) => {
        // Requested with interrupts off, then routed elsewhere.
        asm.out(LINE);
        asm.out(LINE);
        emitEnd(asm);
      },
    });
    expect(machine.run(LONG)).toBe(true);
    expect(bitmapOf(machine, 0)).toBe(1n << BigInt(VECTOR));
  });
});

describe.each(APICV)('interrupts of the PIC, %s', (_, apicv) => {
  it('are injected where LINT0 is ExtINT', () => {
    const chip = new Chip('pic-output');
    const machine = drive(chip, apicv, (asm) => emitWriteMsr(asm, LVT_LINT0, EXTINT));
    expect([chip.log, machine.counter()]).toEqual([['acknowledge'], 1]);
  });

  it('wait for an interrupt window while IF = 0', () => {
    const chip = new Chip('pic-output');
    const { sender } = drive(chip, apicv, (asm) => {
      emitWriteMsr(asm, LVT_LINT0, EXTINT);
      asm.plain(Code.Cli);
      asm.out(LINE);
      asm.plain(Code.Sti);
    });
    expect(sender.vcpu.exits[X.EXIT_REASON_INTERRUPT_WINDOW]).toBeGreaterThan(0);
  });

  it('do not get past a masked LINT0', () => {
    const chip = new Chip('pic-output', message());
    drive(chip, apicv, (asm) => emitWriteMsr(asm, LVT_LINT0, MASKED));
    expect(chip.log).toEqual([]);
  });
});

describe('the PIT', () => {
  it('interrupts the CPU whose access has set it, and its worker drives the line', () => {
    const chip = new (class extends Chip {
      override write(): void {
        this.nextEventAt = 300_000;
      }
    })();
    const { sender, hardware } = drive(chip, true);
    expect(chip.log).toEqual(['timer on vCPU 0']);
    expect(sender.vcpu.exits[X.EXIT_REASON_EXTERNAL_INTERRUPT]).toBe(1);
    expect(hardware.meter.counts[STEP.HRTIMER_INTERRUPT]).toBe(1);
  });

  it.each([
    ['an NMI', NMI, 1],
    ['masked', NMI | MASKED, 0],
    ['ExtINT', EXTINT, 0],
  ])('its tick is an NMI where LINT0 is one: %s', (_, lint0, expected) => {
    const { kvm } = drive(new Chip('timer-tick', message()), true, (asm) => emitWriteMsr(asm, LVT_LINT0, lint0));
    expect(Number(kvm.guestMemory.read64(NMI_COUNTER) & 0xffff_ffffn)).toBe(expected);
  });

  it('a missed tick that an access releases costs its worker, no timer', () => {
    const chip = new (class extends Chip {
      override write(): void {
        this.hasTimerWork = true;
      }
      override runTimerWork(vcpu: number): void {
        super.runTimerWork(vcpu);
        this.log.push(`work on vCPU ${String(vcpu)}`);
        this.raised.push(message());
      }
    })();
    const { hardware } = drive(chip, true);
    expect(chip.log).toEqual(['work on vCPU 0']);
    expect([STEP.CONTEXT_SWITCH, STEP.HRTIMER_START].map((step) => hardware.meter.counts[step])).toEqual([1, 0]);
  });

  it('a missed tick that an automatic EOI releases comes with the acknowledgement', () => {
    const chip = new (class extends Chip {
      override acknowledgePic(): number {
        this.hasTimerWork = true;
        return super.acknowledgePic();
      }
      override runTimerWork(vcpu: number): void {
        super.runTimerWork(vcpu);
        this.log.push('work');
      }
    })('pic-output');
    drive(chip, true, (asm) => emitWriteMsr(asm, LVT_LINT0, EXTINT));
    expect(chip.log).toEqual(['acknowledge', 'work']);
  });

  it('follows to another CPU, and the timer left behind does nothing', () => {
    const chip = new (class extends Chip {
      override write(vcpu: number): void {
        this.nextEventAt = vcpu === 0 ? 300_000 : 400_000;
      }
    })();
    const later = (asm: Assembler): void => {
      asm.mov(EAX, 0);
      for (let i = 0; i < 20; i++) asm.plain(Code.Cpuid);
      asm.out(LINE);
    };
    const machine = kvmMachine({
      apicMode: 'x2apic',
      kernelDevices: chip,
      sender: (asm) => {
        asm.plain(Code.Sti);
        asm.out(LINE);
        SPINS(asm, 'x2apic');
      },
      target: (asm) => {
        later(asm);
        HALTS(asm, 'x2apic');
      },
    });
    machine.run(LONG);
    expect(chip.log).toEqual(['timer on vCPU 1']);
    expect(machine.counter()).toBe(1);
  });
});
