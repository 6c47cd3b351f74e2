import { describe, expect, it } from 'vitest';
import { PhysicalMemory } from '../hardware/memory/physical-memory.js';
import { EEXIST, EINVAL } from './errno.js';
import { HostMemory } from './host-memory.js';
import { KVM_BEHAVIOUR, type KvmVersion } from './kvm-parameters.js';
import { PidPointerTable } from './pid-pointer-table.js';
import { VcpuIds } from './vcpu-ids.js';

const PAGE = 4096;

function table(version: KvmVersion, ids = new VcpuIds(KVM_BEHAVIOUR[version])): PidPointerTable {
  const memory = new PhysicalMemory({ cpus: 1, ramBytes: 64 * PAGE });
  const host = new HostMemory(memory, { start: PAGE, end: 64 * PAGE });
  return new PidPointerTable(memory, host, KVM_BEHAVIOUR[version], ids.max);
}

describe('PidPointerTable', () => {
  it('88: with KVM_CAP_MAX_VCPU_ID = 8 the table is 1 page and L = 7', () => {
    const ids = new VcpuIds(KVM_BEHAVIOUR['5.19']);
    ids.enableMaxVcpuId(8);
    ids.create(0);
    ids.create(1);
    const { order, lastIndex } = table('5.19', ids);
    expect({ pages: 2 ** order, lastIndex }).toEqual({ pages: 1, lastIndex: 7 });
  });

  it.each(['5.19', '6.12'] as const)('89: by default L = 4095 and the table is 8 pages (%s)', (version) => {
    const { order, lastIndex } = table(version);
    expect({ pages: 2 ** order, lastIndex }).toEqual({ pages: 8, lastIndex: 4095 });
  });

  it('89: in v1 L = 1023 in 2 pages, and slot 1023 is all zeros', () => {
    const posted = table('v1');
    expect({ pages: 2 ** posted.order, lastIndex: posted.lastIndex }).toEqual({ pages: 2, lastIndex: 1023 });
    expect(posted.entry(1023)).toBe(0);
  });

  it('lies at a multiple of its own size', () => {
    const { address, order } = table('5.19');
    expect(address % (PAGE * 2 ** order)).toBe(0);
  });

  it('92: an entry is the descriptor address with bit 0 set', () => {
    const posted = table('5.19');
    posted.install(3, 0x12_3440);
    expect(posted.entry(3)).toBe(0x12_3441);
    expect(posted.entry(2)).toBe(0);
  });

  it('92: refuses a descriptor that is not 64-byte aligned, and an ID beyond L', () => {
    const posted = table('5.19');
    expect(() => {
      posted.install(0, 0x1020);
    }).toThrow(RangeError);
    expect(() => {
      posted.install(4096, 0x1000);
    }).toThrow(RangeError);
  });
});

describe('VcpuIds', () => {
  it('88: creating vCPU ID 8 of 8 possible IDs is -EINVAL', () => {
    const ids = new VcpuIds(KVM_BEHAVIOUR['5.19']);
    expect(ids.enableMaxVcpuId(8)).toBe(0);
    expect(ids.create(7)).toBe(0);
    expect(ids.create(8)).toBe(-EINVAL);
  });

  it('90: setting the maximum after the first vCPU is -EINVAL', () => {
    const ids = new VcpuIds(KVM_BEHAVIOUR['5.19']);
    ids.create(0);
    expect(ids.enableMaxVcpuId(8)).toBe(-EINVAL);
  });

  it('90: setting a second non-zero maximum is -EINVAL, the same one again is not', () => {
    const ids = new VcpuIds(KVM_BEHAVIOUR['5.19']);
    expect(ids.enableMaxVcpuId(8)).toBe(0);
    expect(ids.enableMaxVcpuId(16)).toBe(-EINVAL);
    expect(ids.enableMaxVcpuId(8)).toBe(0);
  });

  it('90: a maximum above KVM_MAX_VCPU_IDS is -EINVAL', () => {
    expect(new VcpuIds(KVM_BEHAVIOUR['5.19']).enableMaxVcpuId(4097)).toBe(-EINVAL);
  });

  it('has no such capability in v1, where IDs end at 1022', () => {
    const ids = new VcpuIds(KVM_BEHAVIOUR.v1);
    expect(ids.enableMaxVcpuId(8)).toBe(-EINVAL);
    expect(ids.create(1022)).toBe(0);
    expect(ids.create(1023)).toBe(-EINVAL);
  });

  it('refuses an ID in use with -EEXIST', () => {
    const ids = new VcpuIds(KVM_BEHAVIOUR['5.19']);
    ids.create(1);
    expect(ids.create(1)).toBe(-EEXIST);
  });
});
