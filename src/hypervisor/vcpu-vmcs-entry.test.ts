import { describe, expect, it } from 'vitest';
import type { Segment } from '../hardware/cpu/segments.js';
import { PhysicalMemory } from '../hardware/memory/physical-memory.js';
import { ActiveControls } from '../hardware/vmx/active-controls.js';
import { VmxCapabilities } from '../hardware/vmx/capability.js';
import { checkControls, checkHostState } from '../hardware/vmx/entry-checks.js';
import { checkGuestState } from '../hardware/vmx/guest-state-checks.js';
import { Vmcs } from '../hardware/vmx/vmcs.js';
import { VMX_FAIL_VALID, VMX_SUCCEED } from '../hardware/vmx/vmx-unit.js';
import type { VmcsAccess } from './control-shadow.js';
import { PAT_RESET, type InitialGuestState } from './guest-state.js';
import { HostMemory } from './host-memory.js';
import { KVM_BEHAVIOUR, type KvmVersion } from './kvm-parameters.js';
import { Mmu } from './mmu.js';
import { MsrBitmap } from './msr-bitmap.js';
import { PidPointerTable } from './pid-pointer-table.js';
import { setUp } from './test-support/fake-vmcs.js';
import { VcpuVmcs, type VirtualApicMode } from './vcpu-vmcs.js';

const PAGE = 4096;

const flat = (selector: number, access: number): Segment => ({ selector, base: 0, limit: 0xffff_ffff, access });
const DATA = flat(0x10, 0xc093);
const TASK: Segment = { selector: 0x18, base: 0x3000, limit: 0x67, access: 0x8b };
const NONE: Segment = { selector: 0, base: 0, limit: 0, access: 1 << 16 };

/** A vCPU that starts in 64-bit mode. */
const LONG_MODE: InitialGuestState = {
  rip: 0x10_0000,
  rsp: 0x20_0000,
  rflags: 0x200,
  cr0: 0x8001_0033,
  cr3: 0x1000,
  cr4: 0x620,
  efer: 0x500,
  pat: PAT_RESET,
  segments: [DATA, flat(8, 0xa09b), DATA, DATA, DATA, DATA, NONE, TASK],
  gdtr: { base: 0x2000, limit: 0x3f },
  idtr: { base: 0x4000, limit: 0xfff },
};

interface Case {
  readonly version: KvmVersion;
  readonly mode: VirtualApicMode;
  readonly enableApicv: boolean;
  readonly enableIpiv: boolean;
  readonly evmcs: boolean;
}

function region(memory: PhysicalMemory, address: number, capabilities: VmxCapabilities): [Vmcs, VmcsAccess] {
  const vmcs = new Vmcs(memory, address);
  const write = (field: number, high: number, low: number) => {
    if (!capabilities.supportsField(field)) return VMX_FAIL_VALID;
    vmcs.store(field, high, low);
    return VMX_SUCCEED;
  };
  const access: VmcsAccess = {
    vmread: (field) => vmcs.readLong(field),
    vmread64: (field) => BigInt(vmcs.readLong(field)),
    vmwrite: (field, value) => write(field, Math.floor(value / 2 ** 32), value >>> 0),
    vmwrite64: (field, value) => write(field, Number(value >> 32n), Number(value & 0xffff_ffffn)),
  };
  return [vmcs, access];
}

/** The first VM-entry rule that the VMCS of such a vCPU breaks, or null. */
function brokenRule({ version, mode, enableApicv, enableIpiv, evmcs }: Case): unknown {
  const memory = new PhysicalMemory({ cpus: 1, ramBytes: 64 * PAGE });
  const host = new HostMemory(memory, { start: PAGE, end: 64 * PAGE });
  const capabilities = new VmxCapabilities({ ipiv: true, apicv: true });
  const [vmcs, access] = region(memory, host.allocatePages(), capabilities);
  const setup = setUp({ version, enableApicv, enableIpiv, evmcs });
  const behaviour = KVM_BEHAVIOUR[version];
  const vcpu = new VcpuVmcs(access, setup, new MsrBitmap(memory, host.allocatePages(), { uintr: false }));
  vcpu.initialize({
    cpuId: 0,
    vpid: 1,
    eptPointer: new Mmu(memory, host, false).eptPointer,
    registerPage: host.allocatePages(),
    apicAccessPage: host.allocatePages(),
    descriptor: host.allocatePages(),
    pidPointerTable: new PidPointerTable(memory, host, behaviour, behaviour.maxVcpuIds),
    apicvActive: setup.parameters.enableApicv,
  });
  vcpu.startAt(LONG_MODE);
  vcpu.setVirtualApicMode(mode);
  const controls = new ActiveControls();
  controls.read(vmcs);
  return (
    checkControls(vmcs, controls, capabilities) ??
    checkHostState(vmcs, controls) ??
    checkGuestState(vmcs, controls, memory)
  );
}

const CASES = (['v1', '5.19', '6.12'] as const).flatMap((version) =>
  (['xapic', 'x2apic', 'disabled'] as const).flatMap((mode) => [
    { version, mode, enableApicv: true, enableIpiv: true, evmcs: false },
    { version, mode, enableApicv: true, enableIpiv: false, evmcs: false },
    { version, mode, enableApicv: false, enableIpiv: true, evmcs: false },
    { version, mode, enableApicv: true, enableIpiv: true, evmcs: true },
  ]),
);

describe('VM-entry checks on a new vCPU', () => {
  it.each(CASES)('pass: $version $mode apicv=$enableApicv ipiv=$enableIpiv evmcs=$evmcs', (options) => {
    expect(brokenRule(options)).toBeNull();
  });
});
