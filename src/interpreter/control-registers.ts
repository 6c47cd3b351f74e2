// MOV to CR4 in 64-bit mode that changes nothing but PGE, which is how software flushes all translations. The host executes
// all others; it says in CPU_CR4_PGE_TOGGLES which it has found to be of this kind and to cause no VM exit.
import { CR4_PGE } from '../hardware/cpu/control-register-bits';
import { CPU_CPL, CPU_CR4, CPU_CR4_PGE_TOGGLES, CPU_MARK_BRANCH } from '../hardware/cpu/layout';
import { R_B } from '../hardware/cpu/record';
import { following, go } from './control';
import { slow } from './miscellaneous';
import { flushTlbs } from './tlb';

export function movCr4(cpu: usize, pc: usize): usize {
  const written = load<u64>(cpu + load<u8>(pc, R_B));
  const value = load<u32>(cpu, CPU_CR4) ^ CR4_PGE;
  const isToggle = (written | CR4_PGE) == load<u32>(cpu, CPU_CR4_PGE_TOGGLES) && ((u32(written) ^ value) & CR4_PGE) == 0;
  if (!isToggle || load<u32>(cpu, CPU_CPL) != 0) return slow(cpu, pc);
  store<u32>(cpu, 0, CPU_MARK_BRANCH);
  store<u32>(cpu, value, CPU_CR4);
  flushTlbs(cpu);
  return go(cpu, following(cpu, pc));
}
