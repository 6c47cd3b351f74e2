import { describe, expect, it } from 'vitest';
import { caseLabels, idLabels } from './case-label.js';

const base = {
  workload: 'ipi',
  vcpus: 2,
  apicMode: 'x2apic',
  ipiv: false,
  'kvm.haltPollNs': 0,
  'host.mitigations': false,
};
const labels = (...changes: readonly object[]): string[] =>
  caseLabels(changes.map((change) => ({ settings: { ...base, ...change } })));

describe('labels of cases', () => {
  it('name what tells the cases apart, columns of the tables last', () => {
    expect(labels({ ipiv: true }, { apicMode: 'xapic' }, { vcpus: 4 })).toEqual([
      '2 vCPUs, x2APIC, IPIv on',
      '2 vCPUs, xAPIC, IPIv off',
      '4 vCPUs, x2APIC, IPIv off',
    ]);
  });

  it('name mode and IPIv of an only case', () => {
    expect(labels({})).toEqual(['x2APIC, IPIv off']);
  });

  it('name other settings by their keys', () => {
    expect(labels({}, { 'host.mitigations': true, 'kvm.haltPollNs': null })).toEqual([
      'kvm.haltPollNs 0, host.mitigations off',
      'kvm.haltPollNs default, host.mitigations on',
    ]);
  });

  it('are the same from ids', () => {
    expect(idLabels(['workload=ipi apicMode=xapic ipiv=off', 'workload=ipi apicMode=xapic ipiv=on'])).toEqual([
      'IPIv off',
      'IPIv on',
    ]);
  });
});
