// IRETQ to the same privilege level and the segments in use (SDM vol. 2, IRET). The host does all else.
import {
  BOUNDARY_ROOT,
  CPU_BOUNDARY,
  CPU_COUNT_IRETQ,
  CPU_CPL,
  CPU_GPR,
  CPU_MARK_BRANCH,
  CPU_NMI_BLOCKED,
  CPU_SYSTEM_FLAGS,
  STOP_FLAGS,
} from '../hardware/cpu/layout';
import { RFLAGS_NT, RFLAGS_RF } from '../hardware/cpu/rflags';
import { isQuiet } from './boundary';
import { go } from './control';
import { heldForReading } from './held-memory';
import { canonical } from './memory';
import { countOne, loadFlags, slow } from './miscellaneous';
import { isHosts } from './order';
import { isCurrentCode, isCurrentStack } from './segment';
import { stop } from './stop';

const RSP = CPU_GPR + 4 * 8;
const FRAME_SIZE: u32 = 40;

export function iretq(cpu: usize, pc: usize): usize {
  const endsBlocking = load<u32>(cpu, CPU_NMI_BLOCKED) != 0;
  if (endsBlocking && (load<u32>(cpu, CPU_BOUNDARY) != BOUNDARY_ROOT || isHosts(cpu))) return slow(cpu, pc);
  if ((load<u32>(cpu, CPU_SYSTEM_FLAGS) & RFLAGS_NT) != 0 || load<u32>(cpu, CPU_CPL) == 3) return slow(cpu, pc);
  const frame = heldForReading(cpu, load<u64>(cpu, RSP), FRAME_SIZE);
  if (frame == 0) return slow(cpu, pc);
  const rip = load<u64>(frame);
  const flags = load<u32>(frame, 16);
  if (!canonical(rip) || (flags & RFLAGS_RF) != 0) return slow(cpu, pc);
  if (!isCurrentCode(cpu, load<u16>(frame, 8)) || !isCurrentStack(cpu, load<u16>(frame, 32))) return slow(cpu, pc);
  store<u32>(cpu, 0, CPU_MARK_BRANCH);
  store<u64>(cpu, load<u64>(frame, 24), RSP);
  countOne(cpu, CPU_COUNT_IRETQ);
  const next = go(cpu, rip);
  store<u32>(cpu, 0, CPU_NMI_BLOCKED);
  const hasChanged = loadFlags(cpu, flags) || endsBlocking;
  if (hasChanged && !isQuiet(cpu)) stop(cpu, STOP_FLAGS);
  return next;
}
