/**
 * A physical CPU as a booted 64-bit Linux host leaves it to KVM: control registers, local APIC enabled in the host's
 * mode, VMX operation entered (hardware_enable, vmx.c). Boot itself is not modelled.
 */
import type { Cpu } from '../hardware/cpu/cpu.js';
import { RFLAGS_FIXED } from '../hardware/cpu/rflags.js';
import { SEGMENT_CS, SEGMENT_SS } from '../hardware/cpu/segments.js';
import { VMX_SUCCEED } from '../hardware/vmx/vmx-unit.js';
import { LOCAL_TIMER_VECTOR } from './host-interrupt-vectors.js';
import type { HostMemory } from './host-memory.js';
import { LINUX_HOST_STATE } from './host-state.js';

const APIC_SPIV = 0xf0;
const SPURIOUS_VECTOR_ENABLED = 0x1ff;
const APIC_BASE_EXTD = 1 << 10;
const APIC_LVT_TIMER = 0x320;
const MSR_SPIV = 0x80f;
const MSR_LVT_TIMER = 0x832;
/** TSC-deadline mode, unmasked. */
const LVT_TIMER_DEADLINE = (2 << 17) | LOCAL_TIMER_VECTOR;
const ACCESS_CODE_64 = 0xa09b;
const ACCESS_DATA = 0xc093;

/** Prepares `cpu` and enters VMX operation with a VMXON region from `memory`; `revision` is the VMCS revision. */
export function bootHost(cpu: Cpu, memory: HostMemory, revision: number, x2apic: boolean): void {
  const { cr0, cr3, cr4, efer } = LINUX_HOST_STATE;
  cpu.cr0 = cr0;
  cpu.cr3 = cr3;
  cpu.cr4 = cr4;
  cpu.eferLow = efer;
  cpu.rflags = RFLAGS_FIXED;
  cpu.cpl = 0;
  Object.assign(cpu.segments[SEGMENT_CS], { selector: 0x10, base: 0, limit: 0xffff_ffff, access: ACCESS_CODE_64 });
  Object.assign(cpu.segments[SEGMENT_SS], { selector: 0x18, base: 0, limit: 0xffff_ffff, access: ACCESS_DATA });
  enableApic(cpu, x2apic);
  const region = memory.allocatePages();
  cpu.memory.write32(region, revision);
  if (cpu.vmx.vmxon(region) !== VMX_SUCCEED) throw new Error('VMXON failed');
}

function enableApic({ apic }: Cpu, x2apic: boolean): void {
  if (!x2apic) {
    apic.writeRegister(APIC_SPIV, SPURIOUS_VECTOR_ENABLED);
    apic.writeRegister(APIC_LVT_TIMER, LVT_TIMER_DEADLINE);
    return;
  }
  apic.writeApicBase(0, (apic.apicBase | APIC_BASE_EXTD) >>> 0);
  apic.writeMsr(MSR_SPIV, 0, SPURIOUS_VECTOR_ENABLED);
  apic.writeMsr(MSR_LVT_TIMER, 0, LVT_TIMER_DEADLINE);
}
