// WRMSR of an x2APIC register in VMX non-root operation, up to its retirement or the VM exit that the MSR bitmap asks for.
// The host executes all others.
import { APIC_ICR } from '../hardware/apic/registers';
import {
  BOUNDARY_NON_ROOT,
  CPU_BOUNDARY,
  CPU_CPL,
  CPU_GPR,
  CPU_MSR_BITMAP,
  CPU_STOP_SIZE,
  ORDER_RAM,
  REPORT_ICR_EXITS,
  VIRTUALIZE_WITH_MSR_BITMAPS,
  VIRTUALIZE_X2APIC_MODE,
} from '../hardware/cpu/layout';
import { EXIT_REASON_MSR_WRITE } from '../hardware/vmx/exit-reason';
import { dropEarlierLines, hold } from './lines';
import { exitAt, FAULT, HOST, PASS, report, retire, settle, WAIT } from './microcode';
import { virtualizes } from './virtual-apic';
import { registerOf, writeX2apicMsr } from './x2apic-msr';

const RAX = CPU_GPR;
const RCX = CPU_GPR + 8;
const RDX = CPU_GPR + 16;

const X2APIC_MSRS: u32 = 8; // 800H to 8FFH
const BITMAP_OF_WRITES: u32 = 0x800;

/**
 * A WRMSR of CPU_STOP_SIZE bytes: DONE, WAIT, EXITS; HOST: the host has to execute the instruction, and nothing but charges
 * has happened.
 */
export function writeMsr(cpu: usize): u32 {
  const msr = load<u32>(cpu, RCX);
  const isVirtualized = virtualizes(cpu, VIRTUALIZE_X2APIC_MODE) && virtualizes(cpu, VIRTUALIZE_WITH_MSR_BITMAPS);
  const isHosts = load<u32>(cpu, CPU_BOUNDARY) != BOUNDARY_NON_ROOT || load<u32>(cpu, CPU_CPL) != 0;
  if (isHosts || !isVirtualized || msr >> 8 != X2APIC_MSRS) return HOST;
  dropEarlierLines(cpu);
  const bits = load<u32>(cpu, CPU_MSR_BITMAP) + BITMAP_OF_WRITES + (msr >> 3);
  if (!hold(cpu, bits, false)) return WAIT;
  if ((load<u8>(load<u32>(ORDER_RAM) + bits) & (1 << (msr & 7))) != 0) return settle(cpu, exits(cpu, msr));
  const outcome = writeX2apicMsr(cpu, msr, load<u32>(cpu, RDX), load<u32>(cpu, RAX));
  if (outcome == WAIT) return WAIT;
  if (outcome == FAULT || outcome == PASS) return HOST;
  retire(cpu, load<u32>(cpu, CPU_STOP_SIZE));
  return settle(cpu, outcome);
}

/** The MSR bitmap intercepts the write. */
function exits(cpu: usize, msr: u32): u32 {
  if (registerOf(msr) == APIC_ICR) report(cpu, REPORT_ICR_EXITS, load<u32>(cpu, RDX), load<u32>(cpu, RAX));
  return exitAt(cpu, EXIT_REASON_MSR_WRITE, 0, load<u32>(cpu, CPU_STOP_SIZE));
}
