/** What the model says about cases that no fit has seen, each with its command. */
import type { Case } from '../../src/scenario/expand.js';
import { ROLES, type RunOutcome } from '../../src/result/saved-result.js';
import { markdownTable } from './markdown.js';
import { commandOf, measureCases } from './measured-case.js';

interface Prediction {
  readonly title: string;
  readonly scenario: string;
  /** Keys set on the command line. */
  readonly settings: readonly string[];
  /** Whether it is plausible, and why. */
  readonly comment: string;
}

const ONE_VCPU = ['vcpus=1', 'ipiv=true'];

export const PREDICTIONS: readonly Prediction[] = [
  {
    title: 'Round trips: vmcall and cpuid',
    scenario: 'x2apic',
    settings: ['workload=vmcall,cpuid', ...ONE_VCPU],
    comment: `Plausible. Nothing overlaps in a round trip, so the steps that \`ipi\` hides (\`entry-preparation\`,
\`vm-entry\`) show in full beside the exit path. The size rests on their assumed values. \`cpuid\` and \`vmcall\` differ by
their handlers alone, so their distance is an input and not a result.`,
  },
  {
    title: 'AP halt policies',
    scenario: 'ap-halt',
    settings: [],
    comment: `\`spin\` is the fitted case on another KVM version. \`pause\` is plausible: PAUSE is not interruptible, so the
target recognizes the notification up to \`pause\` cycles late, and because the loop is deterministic it locks to one
phase instead of averaging over all (see below for the others). \`hlt\` is plausible in kind: the target has left the guest when the IPI comes. Without
IPIv the sender sees a vCPU outside guest mode and sends no notification; the host finds the PIR by a plain load and
VM entry delivers it. Flight, recognition and posted-interrupt processing are saved, so a halting target answers
sooner than a spinning one. With IPIv the sender's processor knows the descriptor only, and notifies all the same. In the x2APIC
loop the notification meets a CPU in root mode: the host takes an interrupt for nothing (\`host-irq-entry\`,
\`notification-handler\`, \`host-eoi\`), on the target, which is the bottleneck there. That is why
IPIv on is slower than off on a halting x2APIC target. In xAPIC mode the notification comes when the target is back in the
guest, whose recognition and posted-interrupt processing eat up most of the saved exit. The sizes are uncertain: they depend on
which of two close events comes first, and the host's interrupt costs have no source of their own. \`hlt-passthrough\` and
\`mwait-passthrough\` add one C1 exit latency to \`spin\`; that latency is a policy worst case, so these rows are upper
bounds.`,
  },
  {
    title: 'PAUSE: phases of the loop',
    scenario: 'x2apic',
    settings: ['apHaltPolicy=pause', 'apPhase=0,80,160,240,320,400,480,560'],
    comment: `Plausible as a whole, no row for itself. PAUSE is not interruptible, so the answer depends on where in its pass the
loop is when the notification comes. Where it starts does not matter: it begins anew after each IPI, and each is like the one
before, so all runs of a machine meet the same phase. \`apPhase\` chooses it, by NOPs (a quarter of a cycle each)
between the handler and the loop. The figures are a sawtooth as high as one pass: from the \`spin\` row to the \`spin\` row plus one
\`pause\`. Real machines jitter, and would show all of it, half a \`pause\` on average.`,
  },
  {
    title: 'ipi-halt: target polling and blocked',
    scenario: 'ipiv-v1',
    settings: ['workload=ipi-halt', 'apHaltPolicy=hlt', 'kvm.version=5.19', 'kvm.haltPollNs=200000,0'],
    comment: `The averages include the sender's wait of 2000 cycles, as in kvm-unit-tests. Polling: plausible in kind, with the
same reasons as \`hlt\` above. In x2APIC mode IPIv on is slower where the target has entered the guest before the notification
arrives: it then runs recognition and posted-interrupt processing for an interrupt it already has, before the handler gets
anywhere. Half of the iterations of that row do, because two phases alternate; see below for the others. Blocked (\`haltPollNs\` 0) adds put,
scheduling out, the wake-up, leaving the host's idle state, scheduling in and load. IPIv on is faster there in both modes: the
notification goes to the wakeup vector, and it is wanted. The amount is as good as one author's figure for all of it together
(3200 ns), which the shares were cut from.`,
  },
  {
    title: 'ipi-halt: phases of halt polling',
    scenario: 'x2apic',
    settings: [
      'workload=ipi-halt',
      'apHaltPolicy=hlt',
      'ipiv=true',
      'kvm.version=v1,5.19',
      'apPhase=0,40,80,120,160,200,240',
    ],
    comment: `No row for itself. The target polls when the IPI comes, and sees the posted vector in the descriptor while the
notification is still under way: a race begins between its way to VM entry and 492 cycles of flight. What wins depends on
where in its pass the polling loop is, so everything repeats with \`halt-poll-iteration\`, 240 NOPs. Two examples of v1, counted from the
IPI:

| apPhase                                                               |          0 |             120 |
| --------------------------------------------------------------------- | ---------: | --------------: |
| the loop looks between the sender's line transfer and its ICR write   |         no |             yes |
| line transfers: the sender has to fetch the line once more            |          7 |               9 |
| the loop has seen and taken the vector                                |        119 |             270 |
| \`pi-load\`, \`entry-preparation\`; then the host turns interrupts off    |        469 |             620 |
| the notification arrives                                              |        492 |             492 |
| the interrupt is taken                                                | after entry | in the host |
| cycles for that                                                       |       2907 |             500 |

In the host it costs \`host-irq-entry\`, \`host-eoi\` and its handler. After interrupts are off it stays pending
across VM entry, which delivers the vector first, because virtual interrupts precede external ones. Then v1 leaves the guest once more, by
exit 1 at the first instruction of the guest's handler: it arms the wakeup vector before it polls (\`pi_pre_block\`), so what
arrives is not the notification vector. 5.19 keeps that in place while it polls, and pays for recognition and
posted-interrupt processing of an empty PIR instead.

The architecture asks for all of this, but which way is taken hangs on tens of cycles between assumed values, and on the rule that an
IPIv send posts and notifies at one instant. A few cycles elsewhere in the guest can make the loop lock to the other
way and move the average by 2100; some phases alternate. Real machines jitter and would mix both, so read 5650 to 7900 for v1
and 5450 to 6250 for 5.19. Step by step:

\`\`\`sh
ipiv-bench trace x2apic --case ipiv=on --set workload=ipi-halt --set apHaltPolicy=hlt --set kvm.version=v1 --set apPhase=120 --event all --clock x86-tsc
\`\`\``,
  },
  {
    title: 'No APICv',
    scenario: 'no-apicv',
    settings: [],
    comment: `Plausible in order. xAPIC pays three emulated instructions on the sender and an injected event and an EOI exit on the
target. \`instruction-emulation\` comes from Sandy Bridge, and three of them are a quarter of the sender's cycles, so the
figure is likely too high for a current processor. x2APIC pays one fastpath exit on the sender; the loop is bound by the target, which leaves the guest for
the EOI, finds the next IPI pending with interrupts off, and takes an interrupt-window exit after IRETQ.`,
  },
  {
    title: 'KVM versions',
    scenario: 'ipiv-v1',
    settings: ['kvm.version=5.19,6.12'],
    comment: `Plausible: equal latencies are the right answer. From 6.12 the ICR fastpath re-enters the guest without the tail of
the run loop, but the sender's way back runs in parallel with the target's work, so it shows in sender cycles only. The
fractions of a cycle come from the phase of the sender's spin loop.`,
  },
  {
    title: 'Mitigations on: ipi',
    scenario: 'ipiv-v1',
    settings: ['host.mitigations=true'],
    comment: `Plausible: IPIv on has no exits and does not move; off pays \`mitigation-exit\` on the critical path and hides
\`mitigation-entry\` behind the target. IPIv gains in relative terms. The two values are one processor generation's
(Skylake) and would be smaller on parts with enhanced IBRS.`,
  },
  {
    title: 'Mitigations on: vmcall and cpuid',
    scenario: 'x2apic',
    settings: ['workload=vmcall,cpuid', ...ONE_VCPU, 'host.mitigations=true'],
    comment: `The difference from the round trips above is the sum of the two mitigation steps: an input, not a result.`,
  },
  {
    title: 'SMT siblings',
    scenario: 'ipiv-v1',
    settings: ['host.threadsPerCore=2'],
    comment: `Plausible as a lower bound only: lines move in a seventh of the time and the flight is shorter, but siblings
also share execution units, which is not modelled, and the spinning one would slow the other. Two more transfers per IPI:
lines arrive so fast that the sender's spinning load takes the mailbox away between the target's LOCK DEC and its
store to the done flag.`,
  },
  {
    title: 'Target on the other socket',
    scenario: 'ipiv-v1',
    settings: ['host.coresPerSocket=1'],
    comment: `Plausible: six line transfers at 2.4 times the cost, which is sourced, and one flight at 1.4 times, which is not.
The host's own placement of the descriptor (home memory of the line) is not modelled.`,
  },
  {
    title: 'Host in xAPIC mode',
    scenario: 'ipiv-v1',
    settings: ['host.apicMode=xapic'],
    comment: `Half plausible. Off pays \`notification-send-xapic\` instead of \`notification-send\`: a busy poll and two
uncached writes, no source. On does not move because the microcode's ICR write is taken as equally dear in both modes, which
nobody has measured.`,
  },
  {
    title: 'SENDUIPI',
    scenario: 'senduipi',
    settings: [],
    comment: `From SENDUIPI in user mode until the sender sees what the receiver's user-interrupt handler has stored. No mainline
KVM virtualizes user interrupts, so there is nothing to be wrong against. The difference between off and on is plausible: it
is the APIC-write exit with the software path, as for \`ipi\` in xAPIC mode without its register accesses, less IPI virtualization. The
receiver's steps (notification, delivery, UIRET) have no source.`,
  },
];

/** One section per prediction: command, figures, comment. */
export function predictionSections(): string {
  return PREDICTIONS.map(section).join('\n\n');
}

function section({ title, scenario, settings, comment }: Prediction): string {
  const measured = measureCases(scenario, settings);
  const axes = varyingKeys(measured.map(({ each }) => each));
  const table = markdownTable(
    [...axes, 'cycles', 'exits', 'line transfers', 'sender cycles', 'target cycles'],
    measured.map(({ each, outcome }) => [...axes.map((key) => shown(each.settings[key])), ...figures(outcome)]),
    [0, 1, 2, 3, 4].map((column) => axes.length + column),
  );
  return `### ${title}\n\n\`\`\`sh\n${commandOf(scenario, settings)}\n\`\`\`\n\n${table}\n\n${comment}`;
}

/** Settings that differ between the cases. */
function varyingKeys(cases: readonly Case[]): string[] {
  return Object.keys(cases[0].settings).filter((key) =>
    cases.some(({ settings }) => settings[key] !== cases[0].settings[key]),
  );
}

function shown(value: unknown): string {
  return typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value);
}

function figures({ iterations, outer, activity, lineTransfers }: RunOutcome): string[] {
  const { sender, target } = activity;
  const exits = ROLES.filter((role) => role !== 'others')
    .flatMap((role) => Object.entries(activity[role].exits).map(([reason, count]) => [role, reason, count] as const))
    .map(([role, reason, count]) => [rounded(count / iterations), `${reason} (${role})`])
    .filter(([perIteration]) => perIteration !== '0')
    .map((words) => words.join(' '));
  return [
    outer.toFixed(1),
    exits.join(', '),
    rounded(lineTransfers / iterations),
    sender.busyCycles === 0 ? '' : (sender.busyCycles / iterations).toFixed(0),
    target.busyCycles === 0 ? '' : (target.busyCycles / iterations).toFixed(0),
  ];
}

function rounded(value: number): string {
  return String(Math.round(value * 10) / 10);
}
