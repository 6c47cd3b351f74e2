// The instruction TLB: which code map belongs to an instruction pointer. control.ts looks into it at every branch. Decoding is
// the host's; here a page is found again whose instructions are decoded already.
import {
  ACCESS_FETCH,
  CPU_CODE_MODE,
  CPU_DROPPED_AT,
  CPU_DROPPED_PAGE,
  CPU_ITLB,
  CPU_ITLB_SUPERVISOR,
  CPU_ITLB_USED,
  CPU_MODE,
  CPU_RETIRED,
  CPU_RIP,
  ITLB_ENTRIES,
  ITLB_ENTRY_SIZE,
  ITLB_MAP,
  MODE_64,
  ORDER_RAM_BYTES,
} from '../hardware/cpu/layout';
import * as OP from '../hardware/cpu/opcodes';
import { R_OP } from '../hardware/cpu/record';
import { codeMap } from './control';
import { dropEarlierLines, joinCode, longCodeMap, touch } from './lines';
import { canonical } from './memory';
import { markUsed } from './tlb';
import { explicitPrivilege } from './tlb-bank';
import { translate } from './walk';

/**
 * The interpreter has stopped for want of a record at RIP: looks whether the translation is all that was missing. False: the
 * host decodes, and begins with the fetch again.
 */
export function findCode(cpu: usize): bool {
  const rip = load<u64>(cpu, CPU_RIP);
  if ((load<u32>(cpu, CPU_MODE) | load<u32>(cpu, CPU_CODE_MODE)) != MODE_64) return false;
  if (!canonical(rip) || codeMap(cpu, rip) != 0) return false;
  dropEarlierLines(cpu);
  const pa = translate(cpu, rip, ACCESS_FETCH, explicitPrivilege(cpu));
  if (pa < 0 || pa >= load<u32>(ORDER_RAM_BYTES) || !touch(cpu, u32(pa))) return false;
  const map = longCodeMap(u32(pa));
  if (map == 0 || isStoringToItself(cpu, u32(pa))) return false;
  enterInstructionTlb(cpu, rip, map);
  if (!joinCode(cpu, u32(pa))) return false;
  const record: usize = load<u32>(map + ((u32(pa) & 0xfff) << 2));
  return record != 0 && i32(load<u16>(record, R_OP)) != OP.CROSS;
}

/** True while the instruction that made its own page, or one of them, be dropped has not retired: it is decoded for itself. */
function isStoringToItself(cpu: usize, pa: u32): bool {
  return load<u32>(cpu, CPU_DROPPED_PAGE) == (pa & ~0xfff) && load<u64>(cpu, CPU_DROPPED_AT) == load<u64>(cpu, CPU_RETIRED);
}

export function enterInstructionTlb(cpu: usize, rip: u64, map: usize): void {
  const place = u32(rip >> 12) & (ITLB_ENTRIES - 1);
  const bank = load<u32>(cpu, CPU_ITLB);
  const entry: usize = bank + place * ITLB_ENTRY_SIZE;
  store<u64>(entry, (rip & ~u64(0xfff)) | 1);
  store<u32>(entry, u32(map), ITLB_MAP);
  markUsed(cpu + CPU_ITLB_USED, (u32(entry) - u32(cpu) - CPU_ITLB_SUPERVISOR) / ITLB_ENTRY_SIZE);
}

/** For the host, to which addresses are numbers. */
export function enterInstructionTlbNumber(cpu: usize, rip: f64, map: usize): void {
  enterInstructionTlb(cpu, u64(i64(rip)), map);
}
