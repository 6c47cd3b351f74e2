// The 32-bit MOVs with which software accesses memory-mapped registers.
import * as OP from '../hardware/cpu/opcodes';
import { immediate, opcodeOf, registerA, registerB } from './operand';

// @ts-ignore: decorator
@inline
export function isLoad(record: usize): bool {
  return opcodeOf(record) == OP.MOV_RM32;
}

// @ts-ignore: decorator
@inline
export function isStore(record: usize): bool {
  const opcode = opcodeOf(record);
  return opcode == OP.MOV_MR32 || opcode == OP.MOV_MI32;
}

/** What a load does with the value at its operand. */
export function loadInto(cpu: usize, record: usize, value: u32): void {
  store<u64>(registerA(cpu, record), value);
}

/** The value that a store writes. */
export function stored(cpu: usize, record: usize): u32 {
  return opcodeOf(record) == OP.MOV_MR32 ? load<u32>(registerB(cpu, record)) : u32(immediate(record));
}
