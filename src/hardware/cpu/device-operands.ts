/**
 * Operands of host-executed instructions in device memory. They are read when they are mapped, and written when the instruction
 * has completed: at most eight bytes at a time, aligned, as they go over a bus.
 *
 * Left out: structures that the processor reaches for by itself (descriptor tables, TSS, stacks of events), by an error.
 */
import type { Cpu } from './cpu.js';
import { readDevice, writeDevice } from './device-access.js';
import { ACCESS_READ, ACCESS_WRITE } from './layout.js';
import { UnimplementedError } from './unimplemented.js';

const BUS_BYTES = 8;

export class DeviceOperand {
  readonly bytes: Uint8Array;
  readonly #pa: number;

  constructor(cpu: Cpu, pa: number, size: number, access: number) {
    this.#pa = pa;
    this.bytes = new Uint8Array(size);
    if (access !== ACCESS_WRITE) this.#inPieces((at, piece) => readDevice(cpu, at, piece));
  }

  store(cpu: Cpu): void {
    this.#inPieces((at, piece) => writeDevice(cpu, at, piece));
  }

  #inPieces(transfer: (pa: number, piece: Uint8Array) => void): void {
    for (let offset = 0; offset < this.bytes.length;) {
      const size = pieceAt(this.#pa + offset, this.bytes.length - offset);
      transfer(this.#pa + offset, this.bytes.subarray(offset, offset + size));
      offset += size;
    }
  }
}

/** Up to the next multiple of eight. */
function pieceAt(pa: number, left: number): number {
  return Math.min(left, BUS_BYTES - (pa % BUS_BYTES));
}

/** Those of the instruction in progress that will be stored; null while there is no such instruction. */
let stored: DeviceOperand[] | null = null;

/** An instruction begins, whose operands may be in device memory. */
export function beginDeviceOperands(): void {
  stored = NONE;
}

/** What is at `pa`; `access` is null for a structure of the processor's own, which is an error, as is anything outside an instruction. */
export function deviceOperand(cpu: Cpu, pa: number, size: number, access: number | null): DeviceOperand {
  if (stored === null || access === null) {
    throw new UnimplementedError(`a structure of microcode in the device page at ${pa.toString(16)}H`, cpu);
  }
  const operand = new DeviceOperand(cpu, pa, size, access);
  if (access !== ACCESS_READ) stored = [...stored, operand];
  return operand;
}

/** The instruction has ended; if it has `completed`, its results go to the devices. */
export function endDeviceOperands(cpu: Cpu, completed: boolean): void {
  const operands = stored;
  stored = null;
  if (completed && operands !== null && operands.length > 0) for (const operand of operands) operand.store(cpu);
}

const NONE: DeviceOperand[] = [];
