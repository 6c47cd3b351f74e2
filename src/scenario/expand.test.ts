import { describe, expect, it } from 'vitest';
import { expandCases, type Impossibility } from './expand.js';
import { parseScenario } from './load.js';
import { problemText } from './problem.js';

const anything: Impossibility = () => [];

function expand(text: string, impossible = anything) {
  const loaded = parseScenario('s.json', text);
  if (!loaded.ok) throw new Error(loaded.problems.map(problemText).join('\n'));
  return expandCases(loaded.value, impossible);
}

function ids(text: string): string[] {
  const cases = expand(text);
  if (!cases.ok) throw new Error(cases.problems.map(problemText).join('\n'));
  return cases.value.map(({ id }) => id);
}

describe('expansion', () => {
  it('makes the cross product of all arrays, ipiv fastest', () => {
    expect(ids('{ "apicMode": ["xapic", "x2apic"], "ipiv": [false, true] }')).toEqual([
      'workload=ipi apicMode=xapic ipiv=off apHaltPolicy=spin vcpus=2 kvm.version=5.19',
      'workload=ipi apicMode=xapic ipiv=on apHaltPolicy=spin vcpus=2 kvm.version=5.19',
      'workload=ipi apicMode=x2apic ipiv=off apHaltPolicy=spin vcpus=2 kvm.version=5.19',
      'workload=ipi apicMode=x2apic ipiv=on apHaltPolicy=spin vcpus=2 kvm.version=5.19',
    ]);
  });

  it('names in an id what is not at its default', () => {
    expect(ids('{ "kvm": { "haltPollNs": [0, 200000] } }')).toEqual([
      'workload=ipi apicMode=x2apic ipiv=on apHaltPolicy=spin vcpus=2 kvm.version=5.19 kvm.haltPollNs=0',
      'workload=ipi apicMode=x2apic ipiv=on apHaltPolicy=spin vcpus=2 kvm.version=5.19',
    ]);
  });

  it('leaves out what is excluded, also by several values and inner keys', () => {
    const text = `{ "ipiv": [false, true], "kvm": { "version": ["v1", "5.19", "6.12"] },
      "exclude": [{ "ipiv": true, "kvm": { "version": ["v1", "6.12"] } }] }`;
    expect(ids(text)).toHaveLength(4);
  });

  it('hands the machine nested options', () => {
    const cases = expand('{ "kvm": { "version": "v1" }, "host": { "tscGHz": 3 } }');
    expect(cases.ok && cases.value[0].options).toMatchObject({
      workload: 'ipi',
      kvm: { version: 'v1' },
      host: { tscGHz: 3 },
    });
  });

  it('refuses to leave nothing', () => {
    const cases = expand('{ "exclude": [{ "vcpus": 2 }] }');
    expect(cases.ok).toBe(false);
  });

  it('refuses an axis that lists a value twice', () => {
    const cases = expand('{ "vcpus": [2, 4, 2] }');
    expect(cases.ok ? [] : cases.problems.map(problemText)).toEqual(['s.json:1:19: "vcpus" lists 2 twice; remove one']);
  });

  it('reports an impossible combination once, where its value stands', () => {
    const impossible: Impossibility = ({ vcpus }) =>
      vcpus > 100 ? [{ path: ['vcpus'], message: 'too many', hint: 'at most 100' }] : [];
    const cases = expand('{ "vcpus": 2000, "ipiv": [false, true] }', impossible);
    expect(cases.ok ? [] : cases.problems.map(problemText)).toEqual([
      expect.stringMatching(/^s\.json:1:12: too many \(case .*\); at most 100$/),
    ]);
  });
});
