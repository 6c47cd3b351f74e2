// Delivery of an external interrupt through the IDT in IA-32e mode (SDM vol. 3, 6.14), to the code segment in use and
// without a switch of stacks. The host does all else.
import {
  CPU_CPL,
  CPU_GPR,
  CPU_IDTR,
  CPU_RIP,
  CPU_SEGMENT_REGISTERS,
  CPU_SYSTEM_FLAGS,
  REGISTER_BASE,
  REGISTER_LIMIT,
  REGISTER_SELECTOR,
  SEGMENT_REGISTER_SIZE,
} from '../hardware/cpu/layout';
import { RFLAGS_IF, RFLAGS_NT, RFLAGS_RF, RFLAGS_TF, RFLAGS_VM } from '../hardware/cpu/rflags';
import { getFlags } from './flags';
import { heldForSystem, heldForWriting } from './held-memory';
import { canonical } from './memory';
import { isCurrentCode } from './segment';

const RSP = CPU_GPR + 4 * 8;
const CS_SELECTOR = CPU_SEGMENT_REGISTERS + SEGMENT_REGISTER_SIZE + REGISTER_SELECTOR;
const SS_SELECTOR = CPU_SEGMENT_REGISTERS + 2 * SEGMENT_REGISTER_SIZE + REGISTER_SELECTOR;

const GATE_SIZE: u32 = 16;
/** Upper word of a gate: IST, type but for its lowest bit, present. */
const GATE_MASK: u32 = 0x9e07;
const GATE_64: u32 = 0x8e00;
const GATE_TRAP: u32 = 0x100;

const FRAME_SIZE: u32 = 40;

/** False: nothing has happened. */
export function deliver(cpu: usize, vector: u32): bool {
  const cpl = load<u32>(cpu, CPU_CPL);
  const offset = vector * GATE_SIZE;
  if (cpl == 3 || offset + GATE_SIZE - 1 > load<u32>(cpu, CPU_IDTR + REGISTER_LIMIT)) return false;
  const gate = heldForSystem(cpu, load<u64>(cpu, CPU_IDTR + REGISTER_BASE) + offset, GATE_SIZE);
  if (gate == 0) return false;
  const kind = load<u32>(gate, 4);
  if ((kind & GATE_MASK) != GATE_64) return false;
  if (!isCurrentCode(cpu, (load<u16>(gate, 2) & 0xfffc) | cpl)) return false;
  const rip = u64(load<u16>(gate)) | (u64(load<u16>(gate, 6)) << 16) | (u64(load<u32>(gate, 8)) << 32);
  const rsp = load<u64>(cpu, RSP);
  const top = (rsp & ~u64(15)) - FRAME_SIZE;
  const frame = heldForWriting(cpu, top, FRAME_SIZE);
  if (frame == 0 || !canonical(rip)) return false;
  store<u64>(frame, load<u64>(cpu, CPU_RIP));
  store<u64>(frame, load<u32>(cpu, CS_SELECTOR), 8);
  store<u64>(frame, getFlags(cpu), 16);
  store<u64>(frame, rsp, 24);
  store<u64>(frame, load<u32>(cpu, SS_SELECTOR), 32);
  enterHandler(cpu, rip, top, (kind & GATE_TRAP) == 0);
  return true;
}

/** An interrupt gate clears IF, a trap gate leaves it. */
function enterHandler(cpu: usize, rip: u64, rsp: u64, isInterruptGate: bool): void {
  const cleared = RFLAGS_TF | RFLAGS_NT | RFLAGS_RF | RFLAGS_VM | (isInterruptGate ? RFLAGS_IF : 0);
  store<u32>(cpu, load<u32>(cpu, CPU_SYSTEM_FLAGS) & ~cleared, CPU_SYSTEM_FLAGS);
  store<u64>(cpu, rip, CPU_RIP);
  store<u64>(cpu, rsp, RSP);
}
