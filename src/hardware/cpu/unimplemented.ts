/** The guest needs something of the processor that is not modelled: a fault of the guest, not of the emulator. */
export class UnimplementedError extends Error {
  /** Linear address of the instruction. */
  readonly rip: number;

  constructor(what: string, rip: number) {
    super(`${what} at RIP ${hexAddress(rip)} is not implemented`);
    this.name = 'UnimplementedError';
    this.rip = rip;
  }
}

/** An instruction that is not modelled; `bytes` is what it consists of. */
export class UnimplementedInstructionError extends UnimplementedError {
  readonly instruction: string;
  readonly bytes: Uint8Array;

  constructor(instruction: string, bytes: Uint8Array, rip: number) {
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    super(`instruction ${instruction} (${hex})`, rip);
    this.name = 'UnimplementedInstructionError';
    this.instruction = instruction;
    this.bytes = bytes;
  }
}

function hexAddress(rip: number): string {
  return `${BigInt.asUintN(64, BigInt(rip)).toString(16)}H`;
}
