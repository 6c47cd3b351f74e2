import { describe, expect, it } from 'vitest';
import { ipivPairs, type CaseExplanation, type Explanation, type PathLine } from '../result/explanation.js';
import { explainText } from './explain-text.js';
import { styleFor } from './style.js';

const SETTINGS = { workload: 'ipi', apicMode: 'x2apic', apHaltPolicy: 'spin', vcpus: 2, 'kvm.version': 'v1' };

function line(name: string, start: number, cycles: number, group: string | null = null): PathLine {
  const known = { source: group === null ? 'assumed' : 'fitted', group, identifiable: group === null } as const;
  return { name, start, cycles, share: cycles / 400, cpu: 0, count: 1, instructions: 3, ...known };
}

function explained(ipiv: boolean, lines: readonly PathLine[]): CaseExplanation {
  const cycles = lines.reduce((sum, each) => sum + each.cycles, 0);
  return {
    id: `workload=ipi apicMode=x2apic ipiv=${ipiv ? 'on' : 'off'}`,
    settings: { ...SETTINGS, ipiv },
    profile: { name: 'sample', hash: 'cafe' },
    groups: { path: 'the exit', flight: 'how far it is' },
    iterations: 64,
    average: 400,
    iteration: 33,
    cycles,
    rest: 400 - cycles,
    typical: true,
    path: [{ name: 'sender', cycles, lines }],
    overlapped: [{ cpu: 1, start: 350, cycles: 100, slack: 42, endsWithStore: false, work: [line('iretq', 0, 100)] }],
    sender: { busyCycles: 300, exits: ipiv ? {} : { MSR_WRITE: 1 } },
    target: { busyCycles: 200, exits: { CPUID: 0.001, MSR_READ: 0.003 } },
  };
}

const off = explained(false, [
  line('guest-instructions', 0, 99.5),
  line('vm-exit', 99.5, 200, 'path'),
  line('exit-stub', 299.5, 60, 'path'),
  line('pir-post', 359.5, 40),
]);
const on = explained(true, [
  line('guest-instructions', 0, 100),
  line('ipiv-pir-set', 100, 250),
  line('pir-post', 350, 50),
]);

function text(...cases: readonly CaseExplanation[]): string {
  const explanation: Explanation = {
    ...{ kind: 'ipiv-bench-explanation', schemaVersion: 1, toolVersion: '0.0.0', scenario: 'sample' },
    ...{ cases, pairs: ipivPairs(cases) },
  };
  return explainText(explanation, styleFor(false));
}

describe('the time line', () => {
  it('shows every line with its place, its share and its source, and steps of a group under their sum', () => {
    expect(text(off).split('\n').slice(0, 13)).toEqual([
      'x2APIC mode, IPIv off: ipi, 2 vCPUs, AP halt policy spin, KVM v1',
      'cycles per IPI; profile sample, noise off; iteration 33 of 64',
      '',
      '    start    cycles   share',
      '     0.00    399.50   99.9%  sender',
      '     0.00     99.50   24.9%    guest-instructions (3)          assumed    ███████',
      '    99.50    260.00   65.0%    ~ path',
      '    99.50    200.00   50.0%      ~ vm-exit                     fitted            ████████████████',
      '   299.50     60.00   15.0%      ~ exit-stub                   fitted                            █████',
      '   359.50     40.00   10.0%    pir-post                        assumed                                ████',
      '               0.50    0.1%  rest: other phases of waiting loops, edges of the timed loop',
      '             400.00  100.0%  total',
      '',
    ]);
  });

  it('names what overlaps, what both CPUs spend, and why they leave the guest', () => {
    const lines = text(off).split('\n');
    const at = lines.indexOf('off the critical path');
    expect(lines.slice(at, at + 6)).toEqual([
      'off the critical path',
      '   350.00    100.00          target, until it waits or is needed again; slack 42.00',
      '                               iretq 100.00',
      '',
      'sender: 300.00 CPU cycles per IPI; exits: MSR_WRITE 1.00',
      'target: 200.00 CPU cycles per IPI; exits: others 0.00',
    ]);
  });

  it('explains the mark of the groups that occur, and no others', () => {
    expect(text(off)).toContain('\n  path: the exit\n');
    expect(text(off)).not.toContain('how far it is');
    expect(text(on)).not.toContain('the data fix only');
  });

  it('says so when the neighbours take another path', () => {
    expect(text({ ...off, typical: false })).toContain('no single iteration is typical');
  });
});

describe('IPIv off against on', () => {
  it('lists what was removed and added where it stands in the path, and sums that fit', () => {
    const lines = text(off, on).split('\n');
    const at = lines.findIndex((each) => each.startsWith('IPIv off against on'));
    expect(lines.slice(at + 1, at + 13)).toEqual([
      '                                         off        on   difference',
      'sender',
      '  guest-instructions                   99.50    100.00        +0.50',
      '  ipiv-pir-set                             -    250.00      +250.00',
      '  ~ vm-exit                           200.00         -      -200.00',
      '  ~ exit-stub                          60.00         -       -60.00',
      '  pir-post                             40.00     50.00       +10.00',
      'rest                                    0.50      0.00        -0.50',
      'total                                 400.00    400.00            .  0.00%',
      'sender CPU cycles                     300.00    300.00            .',
      'target CPU cycles                     200.00    200.00            .',
      'exits                                   1.00      0.00        -1.00',
    ]);
  });

  it('has nothing to say about a case without its pair', () => {
    expect(text(on)).not.toContain('IPIv off against on');
  });
});
