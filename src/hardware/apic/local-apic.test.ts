import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flagsOnlyEngine, noHost } from '../../../test/support/engine.js';
import { CPU_ATTENTION, CPU_STRIDE } from '../cpu/layout.js';
import { PhysicalMemory } from '../memory/physical-memory.js';
import { LocalApic } from './local-apic.js';
import { LVT_OFFSETS } from './register-access.js';
import * as R from './registers.js';
import { APIC_BASE_ENABLE, APIC_BASE_EXTD, DEFAULT_APIC_BASE } from './registers.js';

const memory = new PhysicalMemory({ cpus: 1, ramBytes: 0x1000, trackedPages: 1, records: 1, codePages: 1 });
const engine = flagsOnlyEngine(memory, noHost);

class Owner {
  readonly id: number;
  readonly apicId: number;
  readonly memory = memory;
  readonly engine = engine;
  readonly block = memory.cpuBlock(0);
  now = 0;
  nmiPending = false;
  wakes = 0;
  readonly events: { at: number; action: (at: number) => void }[] = [];
  readonly clock = {
    schedule: (at: number, _target: number, action: (at: number) => void) => this.events.push({ at, action }),
  };

  constructor(id: number) {
    this.id = id;
    this.apicId = id;
    memory.u8.fill(0, this.block, this.block + CPU_STRIDE);
  }

  get attention(): boolean {
    return memory.u32[(this.block + CPU_ATTENTION) >>> 2] !== 0;
  }

  set attention(value: boolean) {
    memory.u32[(this.block + CPU_ATTENTION) >>> 2] = value ? 1 : 0;
  }

  wake(): void {
    this.wakes++;
  }
}

const XAPIC = (DEFAULT_APIC_BASE | APIC_BASE_ENABLE) >>> 0;
const X2APIC = (XAPIC | APIC_BASE_EXTD) >>> 0;
const GP = { kind: 'general-protection' };
const NONE = { kind: 'none' };

function xapic(id = 1): { apic: LocalApic; owner: Owner } {
  const owner = new Owner(id);
  const apic = new LocalApic(owner);
  apic.writeRegister(R.APIC_SVR, 0x1ff);
  return { apic, owner };
}

function x2apic(id = 1): { apic: LocalApic; owner: Owner } {
  const machine = xapic(id);
  machine.apic.writeApicBase(0, X2APIC);
  return machine;
}

describe('reset state', () => {
  it('is xAPIC mode, software-disabled, everything masked', () => {
    const apic = new LocalApic(new Owner(3));
    expect(apic.apicBase).toBe(XAPIC);
    expect(apic.basePage).toBe(DEFAULT_APIC_BASE);
    expect(apic.softwareEnabled).toBe(false);
    expect(apic.readRegister(R.APIC_ID)).toBe(3 << 24);
    expect(apic.readRegister(R.APIC_DFR)).toBe(0xffff_ffff);
    expect(apic.readRegister(R.APIC_SVR)).toBe(0xff);
    expect(LVT_OFFSETS.map((offset) => apic.readRegister(offset))).toEqual(LVT_OFFSETS.map(() => 0x10000));
  });

  it('the xAPIC ID can be written and survives INIT; global disabling and x2APIC mode bring back the ID of power-up', () => {
    const apic = new LocalApic(new Owner(3));
    expect(apic.writeRegister(R.APIC_ID, 0x9a12_3456)).toEqual({ kind: 'renamed' });
    apic.reset();
    expect([apic.readRegister(R.APIC_ID), apic.physicalId]).toEqual([0x9a00_0000, 0x9a]);
    apic.writeApicBase(0, XAPIC | 0x400);
    expect(apic.physicalId).toBe(3);
    apic.writeApicBase(0, 0xfee0_0000);
    apic.writeApicBase(0, XAPIC);
    expect([apic.readRegister(R.APIC_ID), apic.physicalId]).toEqual([3 << 24, 3]);
  });

  it('CPU 0 is the bootstrap processor', () => {
    expect(new LocalApic(new Owner(0)).apicBase & 0x100).toBe(0x100);
  });

  it('INIT keeps IA32_APIC_BASE and the ID', () => {
    const { apic } = x2apic(0x25);
    apic.writeMsr(0x808, 0, 0x40);
    apic.reset();
    expect(apic.x2apic).toBe(true);
    expect(apic.readMsr(0x802)).toEqual({ hi: 0, lo: 0x25 });
    expect(apic.readMsr(0x80d)).toEqual({ hi: 0, lo: 0x0002_0020 });
    expect(apic.readMsr(0x808)).toEqual({ hi: 0, lo: 0 });
  });
});

describe('IA32_APIC_BASE', () => {
  const states = {
    disabled: DEFAULT_APIC_BASE,
    invalid: DEFAULT_APIC_BASE + APIC_BASE_EXTD,
    xapic: XAPIC,
    x2apic: X2APIC,
  };
  const legal: Record<string, string[]> = {
    disabled: ['disabled', 'xapic'],
    xapic: ['disabled', 'xapic', 'x2apic'],
    x2apic: ['disabled', 'x2apic'],
  };

  it.each(Object.keys(legal).flatMap((from) => Object.keys(states).map((to) => [from, to] as const)))(
    '%s to %s',
    (from, to) => {
      const { apic } = from === 'x2apic' ? x2apic() : xapic();
      if (from === 'disabled') apic.writeApicBase(0, states.disabled);
      const effect = apic.writeApicBase(0, states[to as keyof typeof states]);
      expect(effect).toEqual(legal[from].includes(to) ? NONE : GP);
    },
  );

  it('reserved bits are #GP', () => {
    const { apic } = xapic();
    expect(apic.writeApicBase(0, XAPIC | 1)).toEqual(GP);
    expect(apic.writeApicBase(0, XAPIC | 0x200)).toEqual(GP);
    expect(apic.writeApicBase(1 << 14, XAPIC)).toEqual(GP);
  });

  it('moves the register page, above 4 GiB too', () => {
    const { apic } = xapic();
    apic.writeApicBase(0x3f, 0x1234_5000 | APIC_BASE_ENABLE);
    expect(apic.basePage).toBe(0x3f_1234_5000);
  });

  it('there is no page in x2APIC mode or when disabled', () => {
    const { apic } = x2apic();
    expect(apic.basePage).toBe(-1);
    apic.writeApicBase(0, DEFAULT_APIC_BASE);
    expect(apic.basePage).toBe(-1);
    expect(apic.enabled).toBe(false);
  });

  it('leaving x2APIC mode loses the state', () => {
    const { apic } = x2apic();
    apic.accept(0x31, false);
    apic.writeApicBase(0, DEFAULT_APIC_BASE);
    apic.writeApicBase(0, XAPIC);
    expect(apic.requestsService).toBe(false);
    expect(apic.softwareEnabled).toBe(false);
  });
});

describe('acceptance, acknowledgement, EOI', () => {
  it('A1: an illegal vector is dropped and recorded in ESR bit 6', () => {
    const { apic } = xapic();
    apic.accept(15, false);
    expect(apic.requestsService).toBe(false);
    apic.writeRegister(R.APIC_ESR, 0);
    expect(apic.readRegister(R.APIC_ESR)).toBe(0x40);
    apic.writeRegister(R.APIC_ESR, 0);
    expect(apic.readRegister(R.APIC_ESR)).toBe(0);
  });

  it('A1: a software-disabled APIC drops interrupts', () => {
    const { apic } = xapic();
    apic.writeRegister(R.APIC_SVR, 0xff);
    apic.accept(0x31, false);
    apic.writeRegister(R.APIC_SVR, 0x1ff);
    expect(apic.requestsService).toBe(false);
  });

  it('A1: requests for the same vector merge', () => {
    const { apic } = xapic();
    apic.accept(0x31, false);
    apic.accept(0x31, false);
    apic.acknowledge();
    apic.eoi();
    expect(apic.requestsService).toBe(false);
  });

  it('A2: only a class above that of the PPR requests service', () => {
    const { apic, owner } = xapic();
    apic.writeRegister(R.APIC_TPR, 0x30);
    owner.attention = false;
    apic.accept(0x3f, false);
    expect([apic.requestsService, owner.attention]).toEqual([false, false]);
    apic.accept(0x40, false);
    expect([apic.requestsService, owner.attention]).toEqual([true, true]);
  });

  it('A2: the PPR is the TPR or the class in service, whichever class is higher', () => {
    const { apic } = xapic();
    apic.accept(0x31, false);
    apic.acknowledge();
    const ppr = [0x35, 0x25].map((tpr) => {
      apic.writeRegister(R.APIC_TPR, tpr);
      return apic.readRegister(R.APIC_PPR);
    });
    expect(ppr).toEqual([0x35, 0x30]);
    apic.eoi();
    expect(apic.readRegister(R.APIC_PPR)).toBe(0x25);
  });

  it('A3: acknowledging moves the vector from IRR to ISR and raises the PPR', () => {
    const { apic } = xapic();
    apic.accept(0x31, false);
    expect(apic.acknowledge()).toBe(0x31);
    expect(apic.readRegister(R.APIC_IRR + 0x10)).toBe(0);
    expect(apic.readRegister(R.APIC_ISR + 0x10)).toBe(1 << 0x11);
    expect(apic.readRegister(R.APIC_PPR)).toBe(0x30);
  });

  it('A3: when the TPR was raised in between, the spurious vector comes without an ISR bit', () => {
    const { apic } = xapic();
    apic.accept(0x31, false);
    apic.writeRegister(R.APIC_TPR, 0xf0);
    expect(apic.acknowledge()).toBe(0xff);
    expect(apic.readRegister(R.APIC_ISR + 0x10)).toBe(0);
    expect(apic.eoi()).toEqual(NONE);
  });

  it('A4: EOI ends the highest vector in service; level-triggered ones are broadcast', () => {
    const { apic } = xapic();
    apic.accept(0x31, true);
    apic.acknowledge();
    expect(apic.readRegister(R.APIC_TMR + 0x10)).toBe(1 << 0x11);
    expect(apic.writeRegister(R.APIC_EOI, 0)).toEqual({ kind: 'eoi-broadcast', vector: 0x31 });
    expect(apic.readRegister(R.APIC_ISR + 0x10)).toBe(0);
  });

  it('A4: SVR bit 12 suppresses the broadcast', () => {
    const { apic } = xapic();
    apic.writeRegister(R.APIC_SVR, 0x11ff);
    apic.accept(0x31, true);
    apic.acknowledge();
    expect(apic.eoi()).toEqual(NONE);
  });

  it('nested interrupts come in order of their class and nothing is lost', () => {
    const vectors = fc.uniqueArray(fc.integer({ min: 16, max: 255 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(vectors, (list) => {
        const { apic } = xapic();
        for (const vector of list) apic.accept(vector, false);
        const taken: number[] = [];
        while (apic.requestsService) {
          taken.push(apic.acknowledge());
          expect(apic.requestsService).toBe(false);
          apic.eoi();
        }
        expect(taken).toEqual([...list].sort((a, b) => b - a));
      }),
    );
  });
});

describe('ICR', () => {
  it('xAPIC: the low half sends to the high half, which sends nothing', () => {
    const { apic } = xapic();
    expect(apic.writeRegister(R.APIC_ICR_HIGH, 0x02ff_ffff)).toEqual(NONE);
    expect(apic.readRegister(R.APIC_ICR_HIGH)).toBe(0x0200_0000);
    expect(apic.writeRegister(R.APIC_ICR, 0x4820)).toEqual({
      kind: 'message',
      message: {
        vector: 0x20,
        deliveryMode: 0,
        logical: true,
        level: false,
        assert: true,
        shorthand: 0,
        destination: 2,
        x2apic: false,
      },
    });
  });

  it('delivery status reads 0', () => {
    const { apic } = xapic();
    apic.writeRegister(R.APIC_ICR, 0x5020);
    expect(apic.readRegister(R.APIC_ICR)).toBe(0x4020);
  });

  it('x2APIC: one write with a 32-bit destination; bit 12 is ignored and reads 0', () => {
    const { apic } = x2apic();
    expect(apic.writeMsr(0x830, 0x12345, 0xc_5020)).toMatchObject({
      kind: 'message',
      message: { vector: 0x20, shorthand: 3, destination: 0x12345, x2apic: true },
    });
    expect(apic.readMsr(0x830)).toEqual({ hi: 0x12345, lo: 0xc_4020 });
  });

  it('a fixed IPI with an illegal vector is not sent and sets ESR bit 5', () => {
    const { apic } = xapic();
    expect(apic.writeRegister(R.APIC_ICR, 0x400f)).toEqual(NONE);
    apic.writeRegister(R.APIC_ESR, 0);
    expect(apic.readRegister(R.APIC_ESR)).toBe(0x20);
  });

  it('83FH is a self-IPI', () => {
    const { apic } = x2apic();
    expect(apic.writeMsr(0x83f, 0, 0x31)).toMatchObject({ kind: 'message', message: { vector: 0x31, shorthand: 1 } });
  });
});

describe('x2APIC MSRs', () => {
  it('are #GP in xAPIC mode', () => {
    const { apic } = xapic();
    expect(apic.readMsr(0x802)).toBeNull();
    expect(apic.writeMsr(0x80b, 0, 0)).toEqual(GP);
  });

  it.each([0x80b, 0x83f, 0x80e, 0x831, 0x809, 0x8ff])('RDMSR of %i is #GP', (msr) => {
    expect(x2apic().apic.readMsr(msr)).toBeNull();
  });

  it.each([0x802, 0x803, 0x80a, 0x80d, 0x80e, 0x810, 0x820, 0x831, 0x839])('WRMSR of %i is #GP', (msr) => {
    expect(x2apic().apic.writeMsr(msr, 0, 0)).toEqual(GP);
  });

  it.each([
    [0x808, 0x100],
    [0x80b, 1],
    [0x80f, 0x400],
    [0x828, 1],
    [0x830, 0x10_0000],
    [0x830, 0x1_0000],
    [0x830, 0x2000],
    [0x832, 0x8_0000],
    [0x837, 0x100],
    [0x83e, 4],
    [0x83f, 0x100],
  ])('WRMSR of %i with reserved bits %i is #GP', (msr, value) => {
    expect(x2apic().apic.writeMsr(msr, 0, value)).toEqual(GP);
  });

  it('EDX must be 0 except in the ICR', () => {
    const { apic } = x2apic();
    for (const msr of [0x808, 0x80b, 0x80f, 0x828, 0x832, 0x838, 0x83e, 0x83f]) {
      expect(apic.writeMsr(msr, 1, 0)).toEqual(GP);
    }
  });
});

describe('xAPIC registers', () => {
  it('an unimplemented register reads 0 and sets ESR bit 7', () => {
    const { apic } = xapic();
    expect(apic.readRegister(0x3f0)).toBe(0);
    apic.writeRegister(R.APIC_ESR, 0);
    expect(apic.readRegister(R.APIC_ESR)).toBe(0x80);
  });

  it('a write to a read-only register is ignored', () => {
    const { apic } = xapic();
    apic.writeRegister(R.APIC_VERSION, 0);
    expect(apic.readRegister(R.APIC_VERSION)).toBe(R.VERSION_VALUE);
  });

  it('software disable masks the LVT and keeps it masked', () => {
    const { apic } = xapic();
    apic.writeRegister(R.APIC_LVT_LINT0, 0x700);
    apic.writeRegister(R.APIC_SVR, 0xff);
    expect(apic.readRegister(R.APIC_LVT_LINT0)).toBe(0x10700);
    apic.writeRegister(R.APIC_LVT_LINT0, 0x700);
    expect(apic.readRegister(R.APIC_LVT_LINT0)).toBe(0x10700);
  });

  it('an error raises the LVT error interrupt, once until the ESR is written', () => {
    const { apic } = xapic();
    apic.writeRegister(R.APIC_LVT_ERROR, 0x33);
    apic.accept(3, false);
    expect(apic.acknowledge()).toBe(0x33);
    apic.eoi();
    apic.accept(3, false);
    expect(apic.requestsService).toBe(false);
    apic.writeRegister(R.APIC_ESR, 0);
    apic.accept(3, false);
    expect(apic.requestsService).toBe(true);
  });
});

describe('timer', () => {
  it('delivers its vector and wakes the core', () => {
    const { apic, owner } = xapic();
    apic.writeRegister(R.APIC_LVT_TIMER, 0x40);
    apic.writeRegister(R.APIC_DIVIDE, 0b1011);
    apic.writeRegister(R.APIC_INITIAL_COUNT, 100);
    const event = owner.events[0];
    expect(event.at).toBe(6400);
    owner.now = 6400;
    event.action(6400);
    expect(apic.acknowledge()).toBe(0x40);
    expect(owner.wakes).toBe(1);
  });

  it('masked, it only counts', () => {
    const { apic, owner } = xapic();
    apic.writeRegister(R.APIC_INITIAL_COUNT, 100);
    owner.events[0]?.action(owner.events[0].at);
    expect(apic.requestsService).toBe(false);
    expect(owner.wakes).toBe(0);
  });
});

describe('LINT0', () => {
  const EXTINT = 0x700;

  it('as ExtINT asks as long as it is high, and the PIC gives the vector', () => {
    const { apic, owner } = xapic();
    apic.writeRegister(R.APIC_LVT_LINT0, EXTINT);
    apic.acknowledgeExternal = () => {
      apic.setLint0(false, 0);
      return 0x23;
    };
    apic.setLint0(true, 0);
    expect([apic.requestsService, apic.pendingVector, owner.wakes]).toEqual([true, -1, 1]);
    expect([apic.acknowledge(), apic.requestsService]).toEqual([0x23, false]);
    expect(apic.readRegister(R.APIC_ISR + 0x10)).toBe(0);
  });

  it('a masked one asks when it is unmasked', () => {
    const { apic } = xapic();
    apic.setLint0(true, 0);
    expect(apic.requestsService).toBe(false);
    apic.writeRegister(R.APIC_LVT_LINT0, EXTINT);
    expect(apic.requestsService).toBe(true);
    apic.writeRegister(R.APIC_SVR, 0xff);
    expect(apic.requestsService).toBe(false);
  });

  it('is the INTR input while the APIC is disabled', () => {
    const { apic } = xapic();
    apic.writeApicBase(0, DEFAULT_APIC_BASE);
    apic.setLint0(true, 0);
    expect(apic.requestsService).toBe(true);
  });

  it('as a fixed interrupt or NMI its rising edge counts', () => {
    const { apic, owner } = xapic();
    apic.writeRegister(R.APIC_LVT_LINT0, 0x41);
    apic.setLint0(true, 0);
    apic.setLint0(true, 0);
    expect(apic.acknowledge()).toBe(0x41);
    expect(apic.requestsService).toBe(false);
    apic.writeRegister(R.APIC_LVT_LINT0, 0x400);
    apic.setLint0(false, 0);
    apic.setLint0(true, 0);
    expect(owner.nmiPending).toBe(true);
  });
});
