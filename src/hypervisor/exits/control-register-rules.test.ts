import { describe, expect, it } from 'vitest';
import {
  isAllowedCr0,
  isAllowedCr4,
  loadMachineStatus,
  usesPdptes,
  type PagingState,
} from './control-register-rules.js';

const PE = 1;
const NW = 1 << 29;
const CD = 1 << 30;
const PG = 1 << 31;
const PAE = 1 << 5;
const PCIDE = 1 << 17;
const UINTR = 1 << 25;
const LME = 0x100;
const LMA = 0x400;
const L = 1 << 13;

/** 32-bit protected mode without paging, but for `changes`. */
function state(changes: Partial<PagingState> = {}): PagingState {
  return { cr0: PE, cr3: 0x1000, cr4: 0, efer: 0, codeAccess: 0xc09b, ...changes };
}
const longMode = state({ cr0: PE | PG, cr4: PAE, efer: LME | LMA, codeAccess: 0x209b | L });

describe('CR0', () => {
  // prettier-ignore
  it.each([
    ['NW without CD',                           PE | NW,      state(),                                       false],
    ['NW with CD',                              PE | NW | CD, state(),                                       true],
    ['PG without PE',                           PG,           state(),                                       false],
    ['PG, no long mode',                        PE | PG,      state(),                                       true],
    ['PG with LME, without PAE',                PE | PG,      state({ efer: LME }),                          false],
    ['PG with LME and PAE',                     PE | PG,      state({ efer: LME, cr4: PAE }),                true],
    ['PG with LME and PAE from a CS with L = 1', PE | PG,     state({ efer: LME, cr4: PAE, codeAccess: L }), false],
    ['paging off in 64-bit mode',               PE,           longMode,                                      false],
    ['paging off in compatibility mode',        PE,           { ...longMode, codeAccess: 0xc09b },           true],
    ['paging off with PCIDs',                   PE,           { ...longMode, codeAccess: 0xc09b, cr4: PAE | PCIDE }, false],
  ])('%s: allowed %4$s', (_, value, before, allowed) => {
    expect(isAllowedCr0(value, before)).toBe(allowed);
  });

  it('LMSW sets PE, but cannot clear it', () => {
    expect(loadMachineStatus(0x6000_0010, 0x000f)).toBe(0x6000_001f);
    expect(loadMachineStatus(0x6000_001f, 0x0000)).toBe(0x6000_0011);
  });
});

describe('CR4', () => {
  // prettier-ignore
  it.each([
    ['what CPUID announces',         0x0035_0fff, false, state(), true],
    ['VMXE',                         1 << 13,     false, state(), false],
    ['PKE',                          1 << 22,     false, state(), false],
    ['UINTR without user interrupts', UINTR,      false, state(), false],
    ['UINTR with user interrupts',   UINTR,       true,  state(), true],
    ['PCIDE in IA-32e mode',         PCIDE | PAE, false, longMode, true],
    ['PCIDE with a PCID in CR3',     PCIDE | PAE, false, { ...longMode, cr3: 0x1001 }, false],
    ['PCIDE outside IA-32e mode',    PCIDE | PAE, false, state(), false],
    ['PAE cleared in IA-32e mode',   0,           false, longMode, false],
  ])('%s', (_, value, uintr, before, allowed) => {
    expect(isAllowedCr4(value, before, uintr)).toBe(allowed);
  });

  it('PAE paging without IA-32e mode needs PDPTEs', () => {
    expect(usesPdptes(PE | PG, PAE, 0)).toBe(true);
    expect(usesPdptes(PE | PG, PAE, LME)).toBe(false);
    expect(usesPdptes(PE, PAE, 0)).toBe(false);
  });
});
