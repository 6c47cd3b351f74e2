/**
 * Cached copies of the VMX controls of one VMCS, so that a control is written only when it changes: the accessors that
 * BUILD_CONTROLS_SHADOW generates (vmx.h). Entry, exit, pin-based, primary and secondary controls are 32 bits wide, the
 * tertiary controls 64.
 *
 * A fresh VMCS region is all zeros, and so are the copies. The VMCS must be current when a control is set.
 */
import { VMCS_FIELD } from '../hardware/vmx/vmcs-field.js';
import { VMX_SUCCEED, type VmxUnit } from '../hardware/vmx/vmx-unit.js';

/** VMREAD and VMWRITE on the current VMCS. */
export type VmcsAccess = Pick<VmxUnit, 'vmread' | 'vmread64' | 'vmwrite' | 'vmwrite64'>;

/** One shadowed 32-bit control word. */
export class ShadowedControls32 {
  readonly #shadow: ControlShadow;
  readonly #field: number;
  #value = 0;

  constructor(shadow: ControlShadow, field: number) {
    this.#shadow = shadow;
    this.#field = field;
  }

  get(): number {
    return this.#value;
  }

  has(bits: number): boolean {
    return (this.#value & bits) >>> 0 === bits >>> 0;
  }

  /** True when the word changed and was written. */
  set(value: number): boolean {
    const word = value >>> 0;
    if (word === this.#value) return false;
    this.#value = word;
    this.#shadow.write32(this.#field, word);
    return true;
  }

  setBits(bits: number): boolean {
    return this.set(this.#value | bits);
  }

  clearBits(bits: number): boolean {
    return this.set(this.#value & ~bits);
  }
}

/** The shadowed 64-bit control word. */
export class ShadowedControls64 {
  readonly #shadow: ControlShadow;
  readonly #field: number;
  #value = 0n;

  constructor(shadow: ControlShadow, field: number) {
    this.#shadow = shadow;
    this.#field = field;
  }

  get(): bigint {
    return this.#value;
  }

  has(bits: bigint): boolean {
    return (this.#value & bits) === bits;
  }

  /** True when the word changed and was written. */
  set(value: bigint): boolean {
    if (value === this.#value) return false;
    this.#value = value;
    this.#shadow.write64(this.#field, value);
    return true;
  }

  setBits(bits: bigint): boolean {
    return this.set(this.#value | bits);
  }

  clearBits(bits: bigint): boolean {
    return this.set(this.#value & ~bits);
  }
}

export class ControlShadow {
  readonly #vmcs: VmcsAccess;
  /** VMWRITEs made so far, for whoever accounts for them. */
  writes = 0;

  readonly entry = new ShadowedControls32(this, VMCS_FIELD.VM_ENTRY_CONTROLS);
  readonly exit = new ShadowedControls32(this, VMCS_FIELD.VM_EXIT_CONTROLS);
  readonly pin = new ShadowedControls32(this, VMCS_FIELD.PIN_BASED_VM_EXEC_CONTROL);
  readonly primary = new ShadowedControls32(this, VMCS_FIELD.CPU_BASED_VM_EXEC_CONTROL);
  readonly secondary = new ShadowedControls32(this, VMCS_FIELD.SECONDARY_VM_EXEC_CONTROL);
  readonly tertiary = new ShadowedControls64(this, VMCS_FIELD.TERTIARY_VM_EXEC_CONTROL);

  constructor(vmcs: VmcsAccess) {
    this.#vmcs = vmcs;
  }

  write32(field: number, value: number): void {
    this.writes++;
    writeField(this.#vmcs, field, value);
  }

  write64(field: number, value: bigint): void {
    this.writes++;
    writeField64(this.#vmcs, field, value);
  }
}

/** VMWRITE that must succeed: vmcs_write16/32/64/l. A failure is a mistake of the hypervisor (vmwrite_error). */
export function writeField(vmcs: VmcsAccess, field: number, value: number): void {
  if (vmcs.vmwrite(field, value) !== VMX_SUCCEED) throw vmwriteError(vmcs, field);
}

/** VMWRITE of a full 64-bit value. */
export function writeField64(vmcs: VmcsAccess, field: number, value: bigint): void {
  if (vmcs.vmwrite64(field, value) !== VMX_SUCCEED) throw vmwriteError(vmcs, field);
}

function vmwriteError(vmcs: VmcsAccess, field: number): Error {
  const error = vmcs.vmread(VMCS_FIELD.VM_INSTRUCTION_ERROR);
  return new Error('vmwrite failed: field=' + field.toString(16) + ' err=' + String(error));
}
