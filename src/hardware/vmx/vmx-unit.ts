/**
 * The VMX instructions of one logical processor (SDM vol. 3, chapter 31), for whoever executes in root operation.
 *
 * Operands are plain values; the results are those that the instructions put into RFLAGS. The unit does not know
 * whether root software is a model or machine code: privilege, mode and operand faults are the caller's, and so are
 * the costs of everything but VM entry. Not modelled: SMM and the dual-monitor treatment, shadow VMCSs, VMFUNC.
 */
import type { Cpu } from '../cpu/cpu.js';

export const VMX_SUCCEED = 0;
/** No current VMCS to hold an error number. */
export const VMX_FAIL_INVALID = 1;
/** The VM-instruction error field says why. */
export const VMX_FAIL_VALID = 2;
/** Not this CPU's turn: call again when it is next in order. */
export const VMX_WAIT = 3;

export type VmxResult = typeof VMX_SUCCEED | typeof VMX_FAIL_INVALID | typeof VMX_FAIL_VALID;

export class VmxUnit {
  readonly #cpu: Cpu;

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
  }

  /** Value of a VMX capability MSR (480H-493H), or null if reading it is #GP. */
  capability(_msr: number): bigint | null {
    return null;
  }

  vmxon(_address: number): VmxResult {
    return VMX_FAIL_INVALID;
  }

  vmxoff(): VmxResult {
    return VMX_FAIL_INVALID;
  }

  vmclear(_address: number): VmxResult {
    return VMX_FAIL_INVALID;
  }

  vmptrld(_address: number): VmxResult {
    return VMX_FAIL_INVALID;
  }

  /** Address of the current VMCS, or -1 (FFFFFFFF_FFFFFFFFH). */
  vmptrst(): number {
    return -1;
  }

  /** Result of the last VMREAD: these return the value itself, 0 when they fail. */
  readResult: VmxResult = VMX_SUCCEED;

  /** A field as a number: unsigned up to 32 bits, signed (exact for addresses and below 2^53) for wider fields. */
  vmread(_field: number): number {
    return 0;
  }

  vmread64(_field: number): bigint {
    return 0n;
  }

  vmwrite(_field: number, _value: number): VmxResult {
    return VMX_FAIL_INVALID;
  }

  vmwrite64(_field: number, _value: bigint): VmxResult {
    return VMX_FAIL_INVALID;
  }

  vmwriteWords(_field: number, _high: number, _low: number): VmxResult {
    return VMX_FAIL_INVALID;
  }

  vmlaunch(): VmxResult | typeof VMX_WAIT {
    return this.#cpu.vmx === this ? VMX_FAIL_INVALID : VMX_WAIT;
  }

  vmresume(): VmxResult | typeof VMX_WAIT {
    return VMX_FAIL_INVALID;
  }

  invept(_type: number, _eptPointer: number): VmxResult {
    return VMX_FAIL_INVALID;
  }

  invvpid(_type: number, _vpid: number, _linearAddress: number): VmxResult {
    return VMX_FAIL_INVALID;
  }
}
