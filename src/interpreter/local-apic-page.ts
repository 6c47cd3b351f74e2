// A 32-bit load from, or store to, a register of the local APIC in xAPIC mode outside VMX non-root operation (SDM vol. 3,
// 12.4.1). Loads have no effects; of stores, those that an IPI or an interrupt takes are made here, the host makes all others.
import { APIC_BASE_ENABLE, APIC_BASE_EXTD, APIC_EOI, APIC_ICR, APIC_ICR_HIGH, APIC_TPR } from '../hardware/apic/registers';
import { CPU_APIC_BASE, CPU_APIC_READABLE, CPU_ATTENTION, CPU_NOW } from '../hardware/cpu/layout';
import { R_COST, R_LENGTH } from '../hardware/cpu/record';
import { sendCommand } from './bus';
import { broadcastEoi } from './host';
import { completeInterrupt, readRegister, writeIcrHigh, writeTpr } from './local-apic';
import { DONE, HOST, retire, settle, WAIT } from './microcode';
import { loadInto, stored } from './moves';
import { idOf, mustWait, timeOf } from './order';

/** Physical address of the register page, or -1. */
export function localApicPage(cpu: usize): u64 {
  const base = load<u64>(cpu, CPU_APIC_BASE);
  if ((base & (APIC_BASE_ENABLE | APIC_BASE_EXTD)) != APIC_BASE_ENABLE) return -1;
  return base & ~u64(0xfff);
}

/** The MOV of `record` accesses the register at `offset`: an act. DONE, WAIT; HOST: nothing has happened. */
export function accessLocalApic(cpu: usize, record: usize, offset: u32, isStore: bool): u32 {
  if ((offset & 15) != 0 || !isPlain(cpu, offset, isStore)) return HOST;
  if (mustWait(cpu)) return WAIT;
  const before = timeOf(cpu);
  if (!isStore) loadInto(cpu, record, readRegister(cpu, offset, before));
  // A store takes effect at its end.
  store<f64>(cpu, before + f64(load<u16>(record, R_COST)), CPU_NOW);
  if (isStore) {
    if (!writeRegister(cpu, offset, stored(cpu, record))) {
      store<f64>(cpu, before, CPU_NOW);
      return HOST;
    }
    store<u32>(cpu, 1, CPU_ATTENTION);
  }
  retire(cpu, load<u8>(record, R_LENGTH));
  return settle(cpu, DONE);
}

function isPlain(cpu: usize, offset: u32, isStore: bool): bool {
  if (isStore) return offset == APIC_ICR || offset == APIC_ICR_HIGH || offset == APIC_EOI || offset == APIC_TPR;
  const index = offset >> 4;
  return index < 64 && ((load<u64>(cpu, CPU_APIC_READABLE) >> index) & 1) != 0;
}

/** False: nothing has happened. */
function writeRegister(cpu: usize, offset: u32, value: u32): bool {
  if (offset == APIC_ICR) return sendCommand(cpu, value);
  if (offset == APIC_ICR_HIGH) writeIcrHigh(cpu, value);
  else if (offset == APIC_TPR) writeTpr(cpu, value);
  else {
    const vector = completeInterrupt(cpu);
    if (vector != 0) broadcastEoi(idOf(cpu), vector);
  }
  return true;
}
