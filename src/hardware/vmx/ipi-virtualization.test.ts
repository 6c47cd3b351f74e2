import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  NOTIFICATION_VECTOR,
  PID_POINTER_TABLE,
  STEP_TICKS,
  vmxMachine,
  type VmxMachine,
  type VmxMachineOptions,
} from '../../../test/support/vmx-machine.js';
import { STEP } from '../../cost/step.js';
import { APIC_ICR, APIC_ICR_HIGH } from '../apic/registers.js';
import { DONE } from '../cpu/outcome.js';
import {
  notificationVectorOf,
  setOutstandingNotification,
  setSuppressNotification,
} from './posted-interrupt-descriptor.js';

const APIC_WRITE_EXIT = { reason: 56, qualification: 0x300, trapLike: true };

/** IPI virtualization on, a guest in xAPIC mode, VICR_HI naming `destination`. */
function xapicMachine(destination = 1, options: VmxMachineOptions = {}): VmxMachine {
  const machine = vmxMachine({ ipiv: true, ...options });
  machine.sender.setRegister(APIC_ICR_HIGH, destination << 24);
  machine.target.interruptsEnabled = false;
  return machine;
}

/** Of a notification: when it arrives, the physical ICR of the sender, and what was charged. */
function notification(options: VmxMachineOptions, watch: boolean) {
  const machine = xapicMachine(1, options);
  const { cpu } = machine.sender;
  const flights: unknown[] = [];
  if (watch) machine.bus.onFlight = (flight) => flights.push(flight);
  send(machine, 0x4020);
  machine.deliverMessages();
  const icr = cpu.apic.x2apic
    ? cpu.apic.readMsr(0x830)
    : { hi: cpu.apic.readRegister(APIC_ICR_HIGH), lo: cpu.apic.readRegister(APIC_ICR) };
  const counts = [...machine.meter.counts, ...machine.meter.ticks];
  return { icr: { ...icr }, counts, now: machine.target.cpu.now, requested: machine.target.cpu.apic.pendingVector };
}

const DESCRIPTOR_BYTES = 64;

/** The descriptor of vCPU 1, byte by byte. */
function descriptorBytes(machine: VmxMachine): number[] {
  return [...machine.memory.bytes(machine.descriptor(1), DESCRIPTOR_BYTES)];
}

/** What became of a write to 300H: exits of the sender, what was posted to vCPU 1, physical IPIs. */
function send(machine: VmxMachine, icr: number) {
  machine.sender.write(0x300, icr);
  return {
    exits: machine.sender.exits,
    posted: machine.posted(1, icr & 0xff),
    outstanding: machine.outstanding(1),
    physicalIpis: machine.sentIpis(0),
  };
}

const POSTED_AND_NOTIFIED = { exits: [], posted: true, outstanding: true, physicalIpis: 1 };
const LEFT_TO_SOFTWARE = { exits: [APIC_WRITE_EXIT], posted: false, outstanding: false, physicalIpis: 0 };

/** The write exits, and not one byte of the descriptor of vCPU 1 changes. */
function expectExit(machine: VmxMachine, icr: number): void {
  const before = descriptorBytes(machine);
  expect(send(machine, icr)).toEqual(LEFT_TO_SOFTWARE);
  expect(descriptorBytes(machine)).toEqual(before);
}

describe('IPI virtualization of memory-mapped ICR writes', () => {
  it('48: xAPIC ICR write posts and notifies without an exit', () => {
    const machine = xapicMachine();
    expect(send(machine, 0x4020)).toEqual(POSTED_AND_NOTIFIED);
    machine.deliverMessages();
    expect(machine.target.cpu.apic.pendingVector).toBe(NOTIFICATION_VECTOR);
    machine.target.iret();
    expect(machine.target.delivered).toEqual([0x20]);
  });

  it.each([
    ['x2apic', { hi: 1, lo: NOTIFICATION_VECTOR }],
    ['xapic', { hi: 1 << 24, lo: NOTIFICATION_VECTOR }],
  ] as const)(
    '48: the notification passes through the physical ICR in %s mode, whoever watches',
    (hostApicMode, icr) => {
      const alone = notification({ hostApicMode }, false);
      expect(alone.icr).toEqual(icr);
      expect(alone.requested).toBe(NOTIFICATION_VECTOR);
      expect(notification({ hostApicMode }, true)).toEqual(alone);
    },
  );

  it('49: the level bit does not matter', () => {
    expect(send(xapicMachine(), 0x0020)).toEqual(POSTED_AND_NOTIFIED);
  });

  it('50: with ON = 1 the request is posted without a notification', () => {
    const machine = xapicMachine();
    setOutstandingNotification(machine.memory, machine.descriptor(1), true);
    expect(send(machine, 0x4020)).toEqual({ ...POSTED_AND_NOTIFIED, physicalIpis: 0 });
  });

  it('51: with SN = 1 the request is posted, ON stays 0 and nobody is notified', () => {
    const machine = xapicMachine();
    setSuppressNotification(machine.memory, machine.descriptor(1), true);
    expect(send(machine, 0x4020)).toEqual({ ...POSTED_AND_NOTIFIED, outstanding: false, physicalIpis: 0 });
  });

  it('52: a request that is posted already still notifies', () => {
    const machine = xapicMachine();
    machine.post(1, 0x20);
    expect(send(machine, 0x4020)).toEqual(POSTED_AND_NOTIFIED);
  });

  it('54: vector 0FH exits and touches nothing', () => {
    expectExit(xapicMachine(), 0x400f);
  });

  it('55: vector 10H is virtualized', () => {
    expect(send(xapicMachine(), 0x4010)).toEqual(POSTED_AND_NOTIFIED);
  });

  it.each([
    ['56: logical destination', 0x4820],
    ['57: level-triggered', 0xc020],
    ['58: lowest priority', 0x4120],
    ['59: NMI', 0x4400],
    ['60: INIT', 0x4500],
    // With a vector that would be valid, so that the delivery mode alone decides
    ['59: NMI with vector 20H', 0x4420],
    ['60: INIT with vector 20H', 0x4520],
    ['SMI with vector 20H', 0x4220],
    ['start-up with vector 20H', 0x4620],
    ['61: bit 12', 0x5020],
    ['62: bit 13, without #GP', 0x6020],
    ['63: all including self', 0x8_4020],
  ])('%s exits', (_, icr) => {
    const machine = xapicMachine();
    expectExit(machine, icr);
    expect(machine.sender.register(APIC_ICR)).toBe(icr);
  });

  it('64: the last PID-pointer index is inclusive, and a valid entry behind it is not used', () => {
    const towards = (destination: number): VmxMachine => {
      const machine = xapicMachine(destination, { lastPidPointerIndex: 5 });
      machine.setTableEntry(1, 0, 0);
      machine.setTableEntry(destination, 0, machine.descriptor(1) | 1);
      return machine;
    };
    expect(send(towards(5), 0x4020)).toEqual(POSTED_AND_NOTIFIED);
    expectExit(towards(6), 0x4020);
  });

  it.each([
    ['65: an entry of 0', 0, 0],
    ['66: reserved bit 1 set', 0, 0x21003],
    ['66: reserved bit 5 set', 0, 0x21021],
    ['67: an address beyond MAXPHYADDR', 1 << 14, 0x21001],
    ['67: bit 63 set', 0x8000_0000, 0x21001],
  ])('%s exits', (_, hi, lo) => {
    const machine = xapicMachine();
    machine.setTableEntry(1, hi, lo);
    expectExit(machine, 0x4020);
  });

  it('a descriptor where no memory is takes the request without an exit or a notification', () => {
    const machine = xapicMachine();
    machine.setTableEntry(1, 0x3fff, 0xffff_ffc1);
    expect(send(machine, 0x4020)).toEqual({ ...LEFT_TO_SOFTWARE, exits: [] });
  });

  it('a table entry where no memory is exits', () => {
    const machine = xapicMachine(1, { controls: { pidPointerTable: 0x8000_0000 } });
    expect(send(machine, 0x4020)).toEqual(LEFT_TO_SOFTWARE);
  });

  it('68: broadcast FFH is entry 255', () => {
    const machine = xapicMachine(0xff, { lastPidPointerIndex: 4095 });
    expect(send(machine, 0x4020)).toEqual(LEFT_TO_SOFTWARE);
    machine.setTableEntry(255, 0, machine.descriptor(1) | 1);
    expect(send(machine, 0x4020).posted).toBe(true);
  });

  it('69: an IPI to itself is a posted interrupt of its own', () => {
    const machine = xapicMachine(0);
    machine.sender.write(0x300, 0x4020);
    expect(machine.sender.delivered).toEqual([0x20]);
    expect(machine.sender.exits).toEqual([]);
    const steps = [STEP.IPIV_PIR_SET, STEP.IPIV_ICR_WRITE, STEP.PI_PROCESSING, STEP.SELF_IPI_VIRTUALIZATION];
    expect(steps.map((step) => machine.charged(0, step))).toEqual([1, 1, 1, 0]);
    expect(machine.outstanding(0)).toBe(false);
  });

  it('70: without IPI virtualization the write exits and touches nothing', () => {
    expectExit(xapicMachine(1, { ipiv: false }), 0x4020);
  });

  it.each([
    ['xapic', 0x100],
    ['x2apic', 1],
  ] as const)('71: a host in %s mode names physical ID 1 by NDST %i', (hostApicMode, ndst) => {
    const machine = xapicMachine(1, { hostApicMode });
    expect(machine.memory.read32(machine.descriptor(1) + 36)).toBe(ndst);
    send(machine, 0x4020);
    machine.deliverMessages();
    expect(machine.target.cpu.apic.pendingVector).toBe(NOTIFICATION_VECTOR);
  });

  it('the notification vector is that of the descriptor, not of the VMCS', () => {
    const machine = xapicMachine();
    machine.memory.write8(machine.descriptor(1) + 34, 0xf1);
    expect(notificationVectorOf(machine.memory, machine.descriptor(1))).toBe(0xf1);
    send(machine, 0x4020);
    machine.deliverMessages();
    expect(machine.target.cpu.apic.pendingVector).toBe(0xf1);
  });

  it('changes neither RVI nor SVI of the sender', () => {
    const machine = xapicMachine();
    send(machine, 0x4020);
    expect([machine.sender.state.rvi, machine.sender.state.svi]).toEqual([0, 0]);
  });

  it('the vector is checked before the table is touched', () => {
    const machine = xapicMachine(1);
    const transfers: number[] = [];
    machine.lines.touch(machine.target.cpu, PID_POINTER_TABLE);
    machine.lines.onTransfer = ({ pa }) => transfers.push(pa);
    send(machine, 0x4005);
    expect(transfers).toEqual([]);
    send(machine, 0x4020);
    expect(transfers).toEqual([PID_POINTER_TABLE]);
  });

  it('is charged step by step, as far as it comes', () => {
    const steps = [STEP.IPIV_ELIGIBILITY, STEP.IPIV_PIR_SET, STEP.IPIV_ON_UPDATE, STEP.IPIV_ICR_WRITE];
    const charges = (machine: VmxMachine, icr: number): number[] => {
      send(machine, icr);
      return steps.map((step) => machine.charged(0, step));
    };
    const busy = xapicMachine();
    setOutstandingNotification(busy.memory, busy.descriptor(1), true);
    expect(charges(xapicMachine(), 0x4020)).toEqual([1, 1, 1, 1]);
    expect(charges(busy, 0x4020)).toEqual([1, 1, 1, 0]);
    expect(charges(xapicMachine(), 0x4005)).toEqual([1, 0, 0, 0]);
    expect(charges(xapicMachine(), 0x4820)).toEqual([0, 0, 0, 0]);
  });

  it('the sender goes on after the ICR write of the microcode; the flight is not its time', () => {
    const machine = xapicMachine();
    send(machine, 0x4020);
    expect(machine.sender.cpu.now).toBe(5 * STEP_TICKS);
  });

  it('no IPI is lost whatever the order of sends and notifications', () => {
    const step = fc.oneof(
      fc.integer({ min: 16, max: 255 }).map((vector) => ({ kind: 'send' as const, vector })),
      fc.constant({ kind: 'arrive' as const, vector: 0 }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const machine = xapicMachine();
        const sent = new Set<number>();
        for (const { kind, vector } of steps) {
          if (kind === 'send') {
            machine.sender.write(0x300, 0x4000 | vector);
            sent.add(vector);
          } else {
            machine.deliverMessages();
            machine.target.boundary();
          }
        }
        machine.deliverMessages();
        machine.target.boundary();
        for (const vector of sent) expect(machine.target.requests(vector)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});

describe('SENDUIPI in non-root operation', () => {
  it('becomes a virtual IPI to the APIC ID in the descriptor', () => {
    const machine = vmxMachine({ ipiv: true, apicMode: 'x2apic' });
    expect(machine.sender.apic.senduipi(0xec, 1)).toBe(DONE);
    expect(machine.sender.cpu.apicWriteOffset).toBe(0x300);
    expect(machine.sender.apic.apicWriteEmulation(0x300)).toBe(DONE);
    expect(machine.posted(1, 0xec)).toBe(true);
  });

  it('takes the xAPIC ID from NDST[15:8] when APIC accesses are virtualized', () => {
    const machine = vmxMachine({ ipiv: true });
    machine.sender.apic.senduipi(0xec, 0x100);
    machine.sender.apic.apicWriteEmulation(0x300);
    expect(machine.sender.register(APIC_ICR_HIGH)).toBe(0x0100_0000);
    expect(machine.posted(1, 0xec)).toBe(true);
  });

  it('exits without IPI virtualization', () => {
    const machine = vmxMachine({ apicMode: 'x2apic' });
    machine.sender.apic.senduipi(0xec, 1);
    machine.sender.apic.apicWriteEmulation(0x300);
    expect(machine.sender.exits).toEqual([APIC_WRITE_EXIT]);
  });
});
