/**
 * The conditions of the four breakpoints (SDM vol. 3, 19.2.4 and 19.2.5): where, how many bytes, and what kind of access.
 * Only enabled breakpoints are looked at; L and G bits mean the same, LE and GE nothing.
 */
import { canonical } from '../linear-access.js';
import type { DebugRegisters } from './debug-registers.js';

/** An access of an instruction, to a linear address (signed) or to an I/O port. */
export interface Access {
  readonly kind: 'memory' | 'port';
  readonly address: number;
  /** Bytes, at least 1. */
  readonly size: number;
  readonly writes: boolean;
}

const COUNT = 4;
/** R/W fields. */
const EXECUTION = 0;
const DATA_WRITE = 1;
const IO = 2;
/** Bytes by LEN field. */
const SIZES = [1, 2, 8, 4] as const;

interface Breakpoint {
  readonly kind: number;
  readonly address: number;
  readonly size: number;
}

/** Breakpoint `index`, or null while it is disabled. */
function breakpoint(registers: DebugRegisters, index: number): Breakpoint | null {
  const { control } = registers;
  if (((control >>> (2 * index)) & 3) === 0) return null;
  const value = registers.read(index);
  return {
    kind: (control >>> (16 + 4 * index)) & 3,
    address: canonical(Number(value >> 32n), Number(value & 0xffff_ffffn)),
    size: SIZES[(control >>> (18 + 4 * index)) & 3],
  };
}

/** Bits B3-B0 of the breakpoints that `isMet` holds for. */
function conditions(registers: DebugRegisters, isMet: (breakpoint: Breakpoint) => boolean): number {
  let bits = 0;
  for (let index = 0; index < COUNT; index++) {
    const each = breakpoint(registers, index);
    if (each !== null && isMet(each)) bits |= 1 << index;
  }
  return bits;
}

/** An instruction at linear address `rip` is about to be executed. Breakpoints on instructions have a LEN of one byte. */
export function instructionConditions(registers: DebugRegisters, rip: number): number {
  return conditions(registers, ({ kind, address, size }) => kind === EXECUTION && size === 1 && address === rip);
}

/** An instruction has made `accesses`. Without `ports` (CR4.DE) breakpoints on I/O are undefined and never met. */
export function accessConditions(registers: DebugRegisters, accesses: readonly Access[], ports: boolean): number {
  return conditions(registers, (each) => accesses.some((access) => isTouched(each, access, ports)));
}

/** Does any byte of the access lie in the aligned range of the breakpoint? */
function isTouched({ kind, address, size }: Breakpoint, access: Access, ports: boolean): boolean {
  const isRightKind = access.kind === 'port' ? kind === IO && ports : kind > EXECUTION && kind !== IO;
  if (!isRightKind || (kind === DATA_WRITE && !access.writes)) return false;
  const first = Math.floor(address / size) * size;
  return first < access.address + access.size && access.address < first + size;
}
