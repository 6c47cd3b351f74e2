import type { Cpu } from './cpu.js';
import { modeName } from './mode.js';

/** The guest needs something of the processor that is not modelled: a fault of the guest, not of the emulator. */
export class UnimplementedError extends Error {
  /** ID of the CPU. */
  readonly cpu: number;

  constructor(what: string, cpu: Cpu) {
    const rip = BigInt.asUintN(64, BigInt(cpu.rip)).toString(16);
    super(`${what} at RIP ${rip}H in ${modeName(cpu)} is not implemented`);
    this.name = 'UnimplementedError';
    this.cpu = cpu.id;
  }
}

/** An instruction that is not modelled; `bytes` is what it consists of. */
export class UnimplementedInstructionError extends UnimplementedError {
  constructor(instruction: string, bytes: Uint8Array, cpu: Cpu) {
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    super(`instruction ${instruction} (${hex})`, cpu);
    this.name = 'UnimplementedInstructionError';
  }
}
