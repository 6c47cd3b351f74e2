// A 32-bit load from, or store to, a register of the APIC: on the local APIC's own page, or on the APIC-access page, where it
// goes to the virtual-APIC page instead (SDM vol. 3, 30.4). Of the latter, the registers that an IPI takes, with "APIC-register
// virtualization". The host does all others.
import { STEP_APIC_PAGE_READ, STEP_APIC_PAGE_WRITE } from '../cost/step-numbers';
import { APIC_EOI, APIC_ICR, APIC_ICR_HIGH, APIC_TPR } from '../hardware/apic/registers';
import {
  ACCESS_WRITE,
  BOUNDARY_NON_ROOT,
  BOUNDARY_ROOT,
  CPU_APIC_WRITE,
  CPU_ATTENTION,
  CPU_BOUNDARY,
  CPU_GUEST_APIC_PAGE,
  CPU_NOW,
  CPU_RIP,
  CPU_STOP_ACCESS,
  CPU_STOP_SIZE,
  CPU_STOP_VA,
  CPU_VIRTUAL_APIC_PAGE,
  ORDER_RAM,
  SPECIAL_LOAD,
  SPECIAL_STORE,
  TLB_ADDEND,
  TLB_INFO,
  TLB_OTHER,
  TLB_SPECIAL,
  VIRTUALIZE_APIC_REGISTERS,
  VIRTUALIZE_TPR_SHADOW,
} from '../hardware/cpu/layout';
import { R_COST, R_LENGTH } from '../hardware/cpu/record';
import { lookUp } from './control';
import { charge } from './cost';
import { hold } from './lines';
import { accessLocalApic, localApicPage } from './local-apic-page';
import { findEntry } from './memory';
import { begin, DONE, HOST, retire, settle, WAIT } from './microcode';
import { isLoad, isStore, loadInto, stored } from './moves';
import { timeOf } from './order';
import { virtualizes } from './virtual-apic';

/** The interpreter has stopped for an access to a special page. DONE, WAIT; HOST: nothing has happened. */
export function accessApicPage(cpu: usize): u32 {
  const va = load<u64>(cpu, CPU_STOP_VA);
  const offset = u32(va) & 0xfff;
  const kind = load<u32>(cpu, CPU_BOUNDARY);
  if (load<u32>(cpu, CPU_STOP_SIZE) != 4) return HOST;
  const page = kind == BOUNDARY_ROOT ? localApicPage(cpu) : load<u64>(cpu, CPU_GUEST_APIC_PAGE);
  if (!isPage(cpu, va, page)) return HOST;
  const record = lookUp(cpu, load<u64>(cpu, CPU_RIP));
  if (record == 0) return HOST;
  const write = isStore(record);
  if (!write && !isLoad(record)) return HOST;
  if (kind == BOUNDARY_ROOT) return accessLocalApic(cpu, record, offset, write);
  return kind == BOUNDARY_NON_ROOT && isPlain(cpu, offset) ? accessVirtualApic(cpu, record, offset, write) : HOST;
}

/** DONE, WAIT. */
function accessVirtualApic(cpu: usize, record: usize, offset: u32, write: bool): u32 {
  if (begin(cpu)) charge(cpu, write ? STEP_APIC_PAGE_WRITE : STEP_APIC_PAGE_READ);
  const address = load<u32>(cpu, CPU_VIRTUAL_APIC_PAGE) + offset;
  if (!hold(cpu, address, write)) return WAIT;
  const at = load<u32>(ORDER_RAM) + address;
  if (write) store<u32>(at, stored(cpu, record));
  else loadInto(cpu, record, load<u32>(at));
  store<f64>(cpu, timeOf(cpu) + f64(load<u16>(record, R_COST)), CPU_NOW);
  retire(cpu, load<u8>(record, R_LENGTH));
  if (write) announceWrite(cpu, offset);
  return settle(cpu, DONE);
}

/** Are loads and stores of this register virtualized? */
function isPlain(cpu: usize, offset: u32): bool {
  if (!virtualizes(cpu, VIRTUALIZE_TPR_SHADOW) || !virtualizes(cpu, VIRTUALIZE_APIC_REGISTERS)) return false;
  return offset == APIC_TPR || offset == APIC_EOI || offset == APIC_ICR || offset == APIC_ICR_HIGH;
}

/** The access is to the special page at this physical address, and its translation allows it. */
function isPage(cpu: usize, va: u64, physical: u64): bool {
  const page = va & ~u64(0xfff);
  const entry = findEntry(cpu, va, page);
  const right: u32 = load<u32>(cpu, CPU_STOP_ACCESS) == ACCESS_WRITE ? SPECIAL_STORE : SPECIAL_LOAD;
  if (load<u64>(entry, TLB_OTHER) != (page | TLB_SPECIAL) || (load<u32>(entry, TLB_INFO) & right) == 0) return false;
  return u64(load<u32>(entry, TLB_ADDEND) - load<u32>(ORDER_RAM)) == physical;
}

/** APIC-write emulation follows the instruction. */
function announceWrite(cpu: usize, offset: u32): void {
  store<u32>(cpu, offset + 1, CPU_APIC_WRITE);
  store<u32>(cpu, 1, CPU_ATTENTION);
}
