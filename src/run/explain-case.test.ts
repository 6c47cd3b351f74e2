import { describe, expect, it } from 'vitest';
import { interpreterModule } from '../../test/support/engine.js';
import { scenarioFrom } from '../../test/support/sample-result.js';
import { STEP, TICKS_PER_CYCLE } from '../cost/step.js';
import { ipivPairs, type CaseExplanation, type PathSection } from '../result/explanation.js';
import { explainCase } from './explain-case.js';
import { planScenario, unitOf } from './plan.js';

type StepValues = Partial<Record<keyof typeof STEP, number>>;

/** Explains every case of a scenario; `steps` are costs in cycles that differ from the profile's. */
function explain(scenario: object, steps: StepValues = {}): CaseExplanation[] {
  const planned = planScenario(scenarioFrom({ noise: 'off', ...scenario }));
  if (!planned.ok) throw new Error(JSON.stringify(planned.problems));
  return planned.value.cases.map((each) => {
    const unit = unitOf(planned.value, each, 0);
    const stepTicks = unit.costs.stepTicks.slice();
    for (const [name, cycles] of Object.entries(steps))
      stepTicks[STEP[name as keyof typeof STEP]] = cycles * TICKS_PER_CYCLE;
    const profile = planned.value.profiles.get(each.profile)!;
    return explainCase(interpreterModule(), { ...unit, costs: { ...unit.costs, stepTicks } }, each, profile);
  });
}

const BOTH = { ipiv: [false, true], iterations: 64 };
const PLAIN = ['guest-instructions', 'line-transfer', 'loop-phase'];

/** Named steps of a section, in order. */
const stepsOf = (path: readonly PathSection[], section: string): string[] =>
  path
    .filter(({ name }) => name === section)
    .flatMap(({ lines }) => lines.map(({ name }) => name))
    .filter((name) => !PLAIN.includes(name));

const sum = (values: readonly { readonly cycles: number }[]): number =>
  values.reduce((total, { cycles }) => total + cycles, 0);

describe.each<[string, object]>([
  ['spinning targets', { ...BOTH, apicMode: ['xapic', 'x2apic'], kvm: { version: ['v1', '6.12'] } }],
  ['sleeping targets', { ...BOTH, apHaltPolicy: ['pause', 'hlt', 'hlt-passthrough', 'mwait-passthrough'] }],
  [
    'targets that always sleep',
    { ...BOTH, workload: 'ipi-halt', apHaltPolicy: 'hlt', kvm: { haltPollNs: [0, 200_000] } },
  ],
  ['user interrupts', { ...BOTH, workload: 'senduipi', cpu: { uintr: true } }],
  [
    'machines without APICv',
    { iterations: 64, apicMode: ['xapic', 'x2apic'], ipiv: false, kvm: { enableApicv: false } },
  ],
  ['round trips', { ...BOTH, workload: ['vmcall', 'cpuid'] }],
  ['a single iteration', { ...BOTH, iterations: 1, warmup: 0 }],
  ['three vCPUs and siblings', { ...BOTH, vcpus: 3, host: { threadsPerCore: 2 } }],
])('%s', (_, scenario) => {
  const cases = explain(scenario);

  it.each(cases)('$id: the lines add up to the average, exactly', ({ average, cycles, rest, path }) => {
    for (const section of path) expect(sum(section.lines)).toBe(section.cycles);
    expect(sum(path)).toBe(cycles);
    expect(sum(path) + rest).toBe(average);
    const shares = path.flatMap(({ lines }) => lines.map(({ share }) => share));
    expect(shares.reduce((total, share) => total + share, rest / average)).toBeCloseTo(1, 9);
  });

  it.each(cases)('$id: a section begins where the one before it ends', ({ path }) => {
    let end = 0;
    for (const { cycles, lines } of path) {
      expect(lines[0].start).toBe(end);
      end += cycles;
    }
  });

  it('what IPI virtualization changes adds up to the difference of the averages', () => {
    for (const { changes, rest, average } of ipivPairs(cases)) {
      const differences = changes.map(({ difference }) => ({ cycles: difference }));
      expect(sum(differences) + rest.difference).toBeCloseTo(average.difference, 9);
    }
  });
});

describe('the path of an IPI', () => {
  const EXIT = ['vm-exit', 'exit-stub', 'fastpath-routing'];
  const POST = ['ipi-request', 'apic-map-lookup', 'apic-accept', 'pir-post', 'on-post', 'notification-send'];
  const IPIV = ['ipiv-eligibility', 'ipiv-pir-set', 'ipiv-on-update', 'ipiv-icr-write'];
  const ACCESSES = ['apic-page-read', 'apic-page-write', 'apic-page-write'];
  const PROLOGUE = ['rdtsc', 'locked-rmw', 'locked-rmw'];

  it.each([
    ['P1', 'xapic', false, [...ACCESSES, ...EXIT, 'exit-tail', 'exit-dispatch', 'apic-write-handler', ...POST]],
    ['P2', 'xapic', true, [...ACCESSES, ...IPIV]],
    ['P3', 'x2apic', false, ['mfence', ...EXIT, ...POST]],
    ['P4', 'x2apic', true, ['mfence', ...IPIV]],
  ] as const)('%s: %s, IPIv %s', (_, apicMode, ipiv, sends) => {
    const [{ path, typical, rest }] = explain({ apicMode, ipiv, kvm: { version: 'v1' } });
    expect(path.map(({ name }) => name)).toEqual(['sender', 'flight', 'target', 'return']);
    expect(stepsOf(path, 'sender')).toEqual([...PROLOGUE, ...sends]);
    expect(stepsOf(path, 'flight')).toEqual(['ipi-flight']);
    expect(stepsOf(path, 'target')).toEqual([
      ...['interrupt-recognition', 'pi-processing', 'virtual-interrupt-delivery', 'idt-delivery'],
    ]);
    expect(stepsOf(path, 'return')).toEqual(['spin-exit', 'rdtsc']);
    expect(typical).toBe(true);
    expect(Math.abs(rest)).toBeLessThan(1);
  });

  it('goes round once through the host of a halted target', () => {
    const [{ path }] = explain({
      workload: 'ipi-halt',
      apHaltPolicy: 'hlt',
      ipiv: true,
      kvm: { haltPollNs: 0 },
      iterations: 64,
    });
    expect(stepsOf(path, 'target')).toEqual([
      ...['idle-wake', 'host-irq-entry', 'host-eoi', 'wakeup-handler', 'thread-wakeup', 'context-switch', 'pi-load'],
      ...['entry-preparation', 'pir-sync', 'vm-entry', 'virtual-interrupt-delivery', 'idt-delivery'],
    ]);
  });

  it('begins at a target that the next IPI finds busy', () => {
    const [{ path }] = explain({ apHaltPolicy: 'hlt', ipiv: true, iterations: 64 });
    expect(path.map(({ name }) => name)).toEqual(['target', 'return']);
    expect(stepsOf(path, 'target').slice(0, 3)).toEqual(['vm-exit', 'exit-stub', 'fastpath-routing']);
  });

  it('stays with a sender whose way back takes longer than all the rest', () => {
    const [{ path }] = explain({ ipiv: false, iterations: 64 }, { VM_ENTRY: 10_000 });
    expect(path.map(({ name }) => name)).toEqual(['sender']);
    expect(stepsOf(path, 'sender')).toContain('vm-entry');
  });

  it('is a round trip where no other CPU takes part', () => {
    const [{ path }] = explain({ workload: 'cpuid', iterations: 64 });
    expect(path.map(({ name }) => name)).toEqual(['round-trip']);
    expect(stepsOf(path, 'round-trip').slice(3, 6)).toEqual(['exit-tail', 'exit-dispatch', 'cpuid-handler']);
  });

  it('shows a loop that waits for the TSC as idle, and the passes at its ends with how often', () => {
    const [{ path }] = explain({ workload: 'ipi-halt', iterations: 64 });
    const lines = path.flatMap((stage) => stage.lines);
    const idle = lines.filter(({ name }) => name === 'idle');
    expect(idle).toHaveLength(1);
    expect(idle[0].cycles).toBeGreaterThan(1500);
    const [rdtsc] = lines.filter(({ name }) => name === 'rdtsc');
    expect(rdtsc.count).toBeGreaterThan(1);
    expect(rdtsc.cycles).toBe(rdtsc.count * 25);
  });
});

describe('what a line says', () => {
  const [{ path, groups }] = explain({ ipiv: false, iterations: 64 });
  const line = (name: string) => path.flatMap(({ lines }) => lines).find((each) => each.name === name)!;

  it('names the source of its value', () => {
    expect([line('vm-exit'), line('pir-post'), line('loop-phase')].map(({ source }) => source)).toEqual([
      'fitted',
      'assumed',
      null,
    ]);
  });

  it('marks steps of which the data know the sum only, with their group', () => {
    expect(line('vm-exit')).toMatchObject({ identifiable: false, group: 'exit-to-notification' });
    expect(line('pir-post')).toMatchObject({ identifiable: true, group: null });
    expect(groups).toHaveProperty('exit-to-notification');
  });
});

describe('what overlaps', () => {
  const [off, on] = explain({ ...BOTH, apicMode: 'xapic' });
  const steps = ({ overlapped }: CaseExplanation, index: number): string[] =>
    overlapped[index].work.map(({ name }) => name).filter((name) => !PLAIN.includes(name));

  it("is the sender's way back to the guest", () => {
    expect(steps(off, 0)).toEqual(['entry-preparation', 'pir-sync', 'vm-entry']);
    expect(steps(on, 0)).toEqual([]);
  });

  it('is what the target does after its store, with the time until the next IPI', () => {
    for (const each of [off, on]) {
      const [, store, end] = each.overlapped;
      expect(store).toMatchObject({ cpu: 1, endsWithStore: true });
      expect(store.slack).toBeLessThan(115);
      expect(steps(each, 2)).toEqual(['apic-page-write', 'eoi-virtualization', 'iretq']);
      expect(end.slack).toBeGreaterThan(1000);
    }
  });

  it('stands beside the CPU cycles and exits of both sides', () => {
    expect(off.sender.exits).toEqual({ APIC_WRITE: 1 });
    expect([on.sender.exits, on.target.exits]).toEqual([{}, {}]);
    expect(off.sender.busyCycles - on.sender.busyCycles).toBeGreaterThan(off.average - on.average);
  });
});

describe('an iteration', () => {
  it('is not typical when its neighbours take other paths', () => {
    const [{ typical }] = explain({ ipiv: true, iterations: 1, warmup: 0 });
    expect(typical).toBe(false);
  });

  it.each([
    [64, 33],
    [5000, 513],
    ['kvm-unit-tests', 33],
  ])('of a loop of %s is number %i', (iterations, number) => {
    const [{ iteration }] = explain({ ipiv: true, iterations, warmup: 4 }, { IPI_FLIGHT: 100_000 });
    expect(iteration).toBe(number);
  });
});
