/**
 * The ordered paths of docs/conformance.md on complete machines: which steps one IPI costs, in which order, on the
 * sender and on the target.
 */
import { describe, expect, it } from 'vitest';
import type { StepName } from '../src/cost/step.js';
import { stepPath, type StepCosts, type StepPath } from './support/step-path.js';
import { perIteration, type CaseOptions } from './support/whole-machine.js';

type Steps = readonly StepName[];

const XAPIC_ACCESSES: Steps = ['apic-page-read', 'apic-page-write', 'apic-page-write']; // G2, G3, G4
const EXIT: Steps = ['vm-exit', 'exit-stub', 'fastpath-routing']; // H4, S1, S2
const SLOW: Steps = ['exit-tail', 'exit-dispatch']; // S3, S4
const LOOK_UP: Steps = ['ipi-request', 'apic-map-lookup', 'apic-accept']; // S6, S7, S8
const POST: Steps = [...LOOK_UP, 'pir-post', 'on-post']; // S9, S10
const NOTIFY: Steps = ['notification-send', 'ipi-flight']; // S11, H10
const PREPARE: Steps = ['entry-preparation', 'pir-sync']; // S13, S14
const ENTER: Steps = [...PREPARE, 'vm-entry']; // H5
const ENTER_WITHOUT_APICV: Steps = ['entry-preparation', 'vm-entry'];
const IPIV_SEND: Steps = ['ipiv-eligibility', 'ipiv-pir-set', 'ipiv-on-update', 'ipiv-icr-write', 'ipi-flight']; // H6-H10

const POSTED: Steps = ['interrupt-recognition', 'pi-processing']; // H11
const DELIVERED: Steps = ['virtual-interrupt-delivery', 'idt-delivery']; // H12
const EOI = {
  xapic: ['apic-page-write', 'eoi-virtualization', 'iretq'],
  x2apic: ['virtualized-msr-write', 'eoi-virtualization', 'iretq'],
} as const satisfies Record<string, Steps>; // G10, H13

/** The sender without IPI virtualization: exit 56 and the slow path, or exit 32 and the fastpath. */
const EXIT_AND_POST = {
  xapic: [...XAPIC_ACCESSES, ...EXIT, ...SLOW, 'apic-write-handler', ...POST],
  x2apic: [...EXIT, ...POST],
} as const satisfies Record<string, Steps>;
const RESUME = {
  xapic: ENTER,
  x2apic: ['skip-instruction', 'exit-tail', ...ENTER],
} as const satisfies Record<string, Steps>;
const SENDS = {
  xapic: [...XAPIC_ACCESSES, ...IPIV_SEND],
  x2apic: IPIV_SEND,
} as const satisfies Record<string, Steps>;

const MODES = ['xapic', 'x2apic'] as const;
const VERSIONS = ['v1', '5.19', '6.12'] as const;
type Mode = (typeof MODES)[number];
type Version = (typeof VERSIONS)[number];

const target = (mode: Mode): Steps => [...POSTED, ...DELIVERED, ...EOI[mode]];

/** From 6.12 the fastpath goes straight back to VM entry. */
function resume(mode: Mode, version: Version): Steps {
  return mode === 'x2apic' && version === '6.12' ? ['skip-instruction', 'pir-sync', 'vm-entry'] : RESUME[mode];
}

describe.each(VERSIONS)('KVM %s, a target that spins', (version) => {
  const kvm = { version };

  it.each([
    ['P1', 'xapic'],
    ['P3', 'x2apic'],
  ] as const)('%s: %s without IPI virtualization', (_, apicMode) => {
    expect(stepPath({ apicMode, kvm })).toEqual<StepPath>({
      sender: [...EXIT_AND_POST[apicMode], ...NOTIFY, ...resume(apicMode, version)],
      target: target(apicMode),
    });
  });

  it.each([
    ['P2', 'xapic'],
    ['P4', 'x2apic'],
  ] as const)('%s: %s with IPI virtualization', (_, apicMode) => {
    expect(stepPath({ apicMode, ipiv: true, kvm })).toEqual<StepPath>({
      sender: SENDS[apicMode],
      target: target(apicMode),
    });
  });
});

/** The target's way back into HLT; from 6.12 a fastpath looks for events first. */
function halts(version: Version): Steps {
  return version === '6.12'
    ? [...EXIT, 'hlt-handler', 'skip-instruction', 'exit-tail']
    : [...EXIT, ...SLOW, 'hlt-handler', 'skip-instruction'];
}

const POLLS: StepName = 'halt-poll-iteration';
const INTERRUPTED: Steps = ['idle-wake', 'host-irq-entry', 'host-eoi'];

describe.each(VERSIONS)('KVM %s, a target that HLT has made poll in the host', (version) => {
  const polling = (options: CaseOptions, steps?: StepCosts): StepPath =>
    stepPath({ ...options, apHaltPolicy: 'hlt', kvm: { version, haltPollNs: 200_000 } }, steps);

  it.each([
    ['P5', 'xapic'],
    ['P7', 'x2apic'],
  ] as const)('%s: %s without IPI virtualization notifies nobody', (_, apicMode) => {
    expect(polling({ apicMode })).toEqual<StepPath>({
      sender: [...EXIT_AND_POST[apicMode], ...resume(apicMode, version)],
      target: [POLLS, ...ENTER, ...DELIVERED, ...EOI[apicMode], ...halts(version), POLLS],
    });
  });

  it.each([
    ['P6', 'xapic'],
    ['P8', 'x2apic'],
  ] as const)('%s: %s with IPI virtualization interrupts the poll loop', (_, apicMode) => {
    const handler: StepName = version === 'v1' ? 'wakeup-handler' : 'notification-handler';
    const interrupt: Steps = [POLLS, 'host-irq-entry', 'host-eoi', handler];
    const arms: Steps = version === 'v1' ? ['pi-put'] : [];
    const disarms: Steps = version === 'v1' ? ['pi-load'] : [];
    // A poll iteration that outlasts the flight, so that the interrupt comes before the poll loop sees the request.
    expect(polling({ apicMode, ipiv: true }, { HALT_POLL_ITERATION: 300, IPI_FLIGHT: 10 })).toEqual<StepPath>({
      sender: SENDS[apicMode],
      target: [...interrupt, ...disarms, ...ENTER, ...DELIVERED, ...EOI[apicMode], ...halts(version), ...arms, POLLS],
    });
  });

  it.each(MODES)('P6, P8: %s, a notification that comes after the poll loop has seen the request', (apicMode) => {
    const { sender, target: steps } = polling({ apicMode, ipiv: true }, { IPI_FLIGHT: 200 });
    expect(sender).toEqual(SENDS[apicMode]);
    expect(steps.filter((step) => step === 'pi-processing' || step === 'host-irq-entry')).toHaveLength(1);
    expect(steps.filter((step) => step === 'virtual-interrupt-delivery')).toHaveLength(1);
  });
});

describe.each(VERSIONS)('KVM %s, a target that HLT has blocked', (version) => {
  const blocked = (options: CaseOptions): StepPath =>
    stepPath({ ...options, apHaltPolicy: 'hlt', kvm: { version, haltPollNs: 0 } });

  it.each([
    ['P5', 'xapic'],
    ['P7', 'x2apic'],
  ] as const)('%s: %s without IPI virtualization wakes the thread by a reschedule IPI', (_, apicMode) => {
    const wakes: Steps = [...INTERRUPTED, 'reschedule-handler', 'context-switch'];
    expect(blocked({ apicMode })).toEqual<StepPath>({
      sender: [...EXIT_AND_POST[apicMode], 'thread-wakeup', ...NOTIFY, ...resume(apicMode, version)],
      target: [...wakes, ...ENTER, ...DELIVERED, ...EOI[apicMode], ...halts(version), 'vcpu-block'],
    });
  });

  it.each([
    ['P6', 'xapic'],
    ['P8', 'x2apic'],
  ] as const)('%s: %s with IPI virtualization wakes it by the wakeup vector', (_, apicMode) => {
    const wakes: Steps = [...INTERRUPTED, 'wakeup-handler', 'thread-wakeup', 'context-switch', 'pi-load'];
    const blocks: Steps = version === 'v1' ? ['pi-put', 'vcpu-block'] : ['vcpu-block', 'pi-put'];
    expect(blocked({ apicMode, ipiv: true })).toEqual<StepPath>({
      sender: SENDS[apicMode],
      target: [...wakes, ...ENTER, ...DELIVERED, ...EOI[apicMode], ...halts(version), ...blocks],
    });
  });
});

describe('a target that waits in VMX non-root operation', () => {
  it.each(MODES)('P9: HLT passthrough, %s', (apicMode) => {
    const paths = [false, true].map((ipiv) => stepPath({ apicMode, ipiv, apHaltPolicy: 'hlt-passthrough' }));
    const [withoutIpiv, withIpiv] = paths;
    expect(withoutIpiv.sender).toEqual([...EXIT_AND_POST[apicMode], ...NOTIFY, ...RESUME[apicMode]]);
    expect(withIpiv.sender).toEqual(SENDS[apicMode]);
    for (const path of paths) expect(path.target).toEqual([...POSTED, 'hlt-wake', ...DELIVERED, ...EOI[apicMode]]);
  });

  it.each(MODES)('MWAIT passthrough, %s: any notification ends the wait', (apicMode) => {
    const { sender, target: steps } = stepPath({ apicMode, ipiv: true, apHaltPolicy: 'mwait-passthrough' });
    expect(sender).toEqual(SENDS[apicMode]);
    expect(steps).toEqual(['mwait-wake', ...POSTED, ...DELIVERED, ...EOI[apicMode]]);
  });

  it.each(MODES)('PAUSE, %s: as a target that spins', (apicMode) => {
    expect(stepPath({ apicMode, ipiv: true, apHaltPolicy: 'pause' })).toEqual(stepPath({ apicMode, ipiv: true }));
  });
});

describe('without APICv', () => {
  const kvm = { enableApicv: false };
  const EMULATED: Steps = [...EXIT, ...SLOW, 'instruction-emulation', 'skip-instruction'];
  const KICK: Steps = [...LOOK_UP, 'pir-post', 'reschedule-kick', ...NOTIFY]; // the request goes into the IRR
  const KICKED: Steps = [
    'interrupt-recognition',
    ...EXIT,
    'exit-tail',
    'host-irq-entry',
    'host-eoi',
    'reschedule-handler',
    'exit-dispatch',
    'entry-preparation',
    'event-injection',
    'vm-entry',
    'idt-delivery',
  ];
  const ends = (handler: StepName): Steps => [
    ...EXIT,
    ...SLOW,
    handler,
    'skip-instruction',
    ...ENTER_WITHOUT_APICV,
    'iretq',
  ];

  it('P10: xAPIC, every access is emulated, the target is kicked', () => {
    const access: Steps = [...EMULATED, ...ENTER_WITHOUT_APICV];
    expect(stepPath({ apicMode: 'xapic', kvm })).toEqual<StepPath>({
      sender: [...access, ...access, ...EMULATED, ...KICK, ...ENTER_WITHOUT_APICV],
      target: [...KICKED, ...ends('fast-eoi-handler')],
    });
  });

  it.each([
    ['5.19', ['exit-tail', ...ENTER_WITHOUT_APICV]],
    ['6.12', ['vm-entry']],
  ] as const)('P11: x2APIC, KVM %s, the fastpath kicks the target', (version, back) => {
    expect(stepPath({ apicMode: 'x2apic', kvm: { ...kvm, version } })).toEqual<StepPath>({
      sender: [...EXIT, ...KICK, 'skip-instruction', ...back],
      target: [...KICKED, ...ends('msr-handler')],
    });
  });

  it.each([
    ['xapic', { APIC_ACCESS: 3 }, 'APIC_ACCESS'],
    ['x2apic', { MSR_WRITE: 1 }, 'MSR_WRITE'],
  ] as const)('exits per IPI, %s', (apicMode, senderExits, eoiExit) => {
    const [sender, receiver] = perIteration({ workload: 'ipi-halt', apicMode, kvm });
    expect(sender.exits).toEqual(senderExits);
    expect(receiver.exits).toEqual({ EXTERNAL_INTERRUPT: 1, [eoiExit]: 1 });
  });
});

describe('variants of the host', () => {
  it.each(MODES)('a host in xAPIC mode notifies by two register writes, %s guest', (apicMode) => {
    const host = { apicMode: 'xapic' } as const;
    const { sender } = stepPath({ apicMode, host });
    expect(sender).toEqual([...EXIT_AND_POST[apicMode], 'notification-send-xapic', 'ipi-flight', ...RESUME[apicMode]]);
    expect(stepPath({ apicMode, ipiv: true, host })).toEqual(stepPath({ apicMode, ipiv: true }));
  });

  it('mitigations cost on every exit and every entry, and nowhere else', () => {
    const withMitigations = (steps: Steps): Steps =>
      steps.flatMap((step) =>
        step === 'vm-exit' ? [step, 'mitigation-exit'] : step === 'vm-entry' ? ['mitigation-entry', step] : [step],
      );
    for (const options of [{ apicMode: 'xapic' }, { apicMode: 'x2apic' }, { apHaltPolicy: 'hlt' }] as const) {
      const { sender, target: steps } = stepPath(options);
      expect(stepPath({ ...options, host: { mitigations: true } })).toEqual<StepPath>({
        sender: withMitigations(sender),
        target: withMitigations(steps),
      });
    }
  });
});
