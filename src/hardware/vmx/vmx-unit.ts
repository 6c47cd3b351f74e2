/**
 * The VMX instructions of one logical processor (SDM vol. 3, chapter 31), for whoever executes in root operation.
 *
 * Operands are plain values; the results are those that the instructions put into RFLAGS. The unit does not know
 * whether root software is a model or machine code: privilege, mode and operand faults are the caller's, and so are
 * the costs of everything but VM entry. Not modelled: SMM and the dual-monitor treatment, shadow VMCSs, VMFUNC.
 */
import { BLOCKING_BY_MOV_SS } from '../cpu/activity.js';
import type { Cpu } from '../cpu/cpu.js';
import { MAXPHYADDR } from '../cpu/layout.js';
import { VmxCapabilities, VMCS_REVISION } from './capability.js';
import { NonRootOperation } from './non-root-operation.js';
import { ENTRY_DONE, ENTRY_WAITS, VmEntry } from './vm-entry.js';
import * as E from './vm-instruction-error.js';
import { Vmcs, VMCS_ENCODINGS } from './vmcs.js';
import { FIELD_TYPE_READ_ONLY, fieldType, isWide, VMCS_FIELD } from './vmcs-field.js';

export const VMX_SUCCEED = 0;
/** No current VMCS to hold an error number. */
export const VMX_FAIL_INVALID = 1;
/** The VM-instruction error field says why. */
export const VMX_FAIL_VALID = 2;
/** Not this CPU's turn: call again when it is next in order. */
export const VMX_WAIT = 3;

export type VmxResult = typeof VMX_SUCCEED | typeof VMX_FAIL_INVALID | typeof VMX_FAIL_VALID;
export type VmxEntryResult = VmxResult | typeof VMX_WAIT;

/** INVEPT types; INVVPID adds individual-address (0) and single-context-retaining-globals (3). */
export const INVEPT_SINGLE_CONTEXT = 1;
export const INVEPT_ALL_CONTEXTS = 2;
export const INVVPID_INDIVIDUAL_ADDRESS = 0;
export const INVVPID_SINGLE_CONTEXT = 1;
export const INVVPID_ALL_CONTEXTS = 2;
export const INVVPID_RETAINING_GLOBALS = 3;

const TWO_32 = 2 ** 32;
const CANONICAL_LIMIT = 2 ** 47;
const NO_VMCS = -1;

export class VmxUnit {
  readonly #cpu: Cpu;
  readonly capabilities: VmxCapabilities;
  /** Non-root operation of this CPU; `cpu.nonRoot` is this object while a guest runs. */
  readonly nonRoot: NonRootOperation;
  readonly #entry: VmEntry;
  /** Address of the VMXON region, or -1 outside VMX operation. */
  #vmxonRegion = NO_VMCS;
  #current: Vmcs | null = null;
  /** Field encodings that this processor supports. */
  readonly #supported = new Uint8Array(0x8000);
  /** Result of the last VMREAD: the reading methods return the value itself, 0 when they fail. */
  readResult: VmxResult = VMX_SUCCEED;

  constructor(cpu: Cpu, capabilities: VmxCapabilities = new VmxCapabilities(cpu.features)) {
    this.#cpu = cpu;
    this.capabilities = capabilities;
    this.nonRoot = new NonRootOperation(cpu);
    this.#entry = new VmEntry(cpu, this.nonRoot, capabilities);
    for (const encoding of VMCS_ENCODINGS) {
      if (capabilities.supportsField(encoding)) this.#supported[encoding] = 1;
    }
  }

  /** Value of a VMX capability MSR (480H-493H), or null if reading it is #GP. */
  capability(msr: number): bigint | null {
    return this.capabilities.read(msr);
  }

  /** Why the last VM entry failed, as a sentence: real processors do not tell. Null after a success. */
  get brokenRule(): string | null {
    return this.#entry.brokenRule;
  }

  // ---- VMX operation and the current VMCS

  /** Between VMXON and VMXOFF. */
  get inVmxOperation(): boolean {
    return this.#vmxonRegion !== NO_VMCS;
  }

  /** VMXON. CPL, CR0, CR4.VMXE and IA32_FEATURE_CONTROL are the caller's to check. */
  vmxon(address: number): VmxResult {
    if (this.#vmxonRegion !== NO_VMCS) return this.#fail(E.ERROR_VMXON_IN_VMX_ROOT_OPERATION);
    if (!this.#isRegion(address) || this.#cpu.memory.read32(address) !== VMCS_REVISION) return VMX_FAIL_INVALID;
    this.#vmxonRegion = address;
    this.#current = null;
    return VMX_SUCCEED;
  }

  vmxoff(): VmxResult {
    this.#requireVmxOperation();
    this.#vmxonRegion = NO_VMCS;
    this.#current = null;
    this.nonRoot.tlb.forget();
    return VMX_SUCCEED;
  }

  /** VMCALL in root operation, without a monitor in SMM to call. */
  vmcall(): VmxResult {
    return this.#fail(E.ERROR_VMCALL_IN_VMX_ROOT_OPERATION);
  }

  /** VMCLEAR: the region holds all VMCS data and its launch state is clear; it is current no longer. */
  vmclear(address: number): VmxResult {
    this.#requireVmxOperation();
    if (!this.#isRegion(address)) return this.#fail(E.ERROR_VMCLEAR_INVALID_ADDRESS);
    if (address === this.#vmxonRegion) return this.#fail(E.ERROR_VMCLEAR_VMXON_POINTER);
    new Vmcs(this.#cpu.memory, address).launched = false;
    if (this.#current?.address === address) this.#current = null;
    return VMX_SUCCEED;
  }

  vmptrld(address: number): VmxResult {
    this.#requireVmxOperation();
    if (!this.#isRegion(address)) return this.#fail(E.ERROR_VMPTRLD_INVALID_ADDRESS);
    if (address === this.#vmxonRegion) return this.#fail(E.ERROR_VMPTRLD_VMXON_POINTER);
    const vmcs = new Vmcs(this.#cpu.memory, address);
    if (vmcs.revision !== VMCS_REVISION) return this.#fail(E.ERROR_VMPTRLD_INCORRECT_REVISION);
    this.#current = vmcs;
    return VMX_SUCCEED;
  }

  /** VMPTRST: address of the current VMCS, or -1 (FFFFFFFF_FFFFFFFFH). */
  vmptrst(): number {
    this.#requireVmxOperation();
    return this.#current?.address ?? NO_VMCS;
  }

  #isRegion(address: number): boolean {
    return address % 4096 === 0 && address < 2 ** MAXPHYADDR && this.#cpu.memory.isRam(address);
  }

  #requireVmxOperation(): void {
    if (this.#vmxonRegion === NO_VMCS) throw new Error('VMX instruction outside VMX operation: #UD');
  }

  #fail(error: number): VmxResult {
    if (this.#current === null) return VMX_FAIL_INVALID;
    this.#current.write32(VMCS_FIELD.VM_INSTRUCTION_ERROR, error);
    return VMX_FAIL_VALID;
  }

  // ---- VMREAD and VMWRITE

  /** The VMCS to read `field` from, or null with `readResult` set. */
  #readable(field: number): Vmcs | null {
    const vmcs = this.#current;
    if (vmcs !== null && this.#supported[field] === 1) {
      this.readResult = VMX_SUCCEED;
      return vmcs;
    }
    this.readResult = this.#fail(E.ERROR_UNSUPPORTED_VMCS_COMPONENT);
    return null;
  }

  /** A field as a number: unsigned up to 32 bits, signed (exact for addresses and below 2^53) for wider fields. */
  vmread(field: number): number {
    const vmcs = this.#readable(field);
    if (vmcs === null) return 0;
    return isWide(field) ? vmcs.readLong(field) : vmcs.read32(field);
  }

  /** Bits 31:0 of a field. */
  vmreadLow(field: number): number {
    const vmcs = this.#readable(field);
    return vmcs === null ? 0 : vmcs.read32(field);
  }

  /** Bits 63:32 of a field, 0 for narrower ones. */
  vmreadHigh(field: number): number {
    return this.#readable(field)?.highWord(field) ?? 0;
  }

  /** A field as an unsigned 64-bit value. */
  vmread64(field: number): bigint {
    const vmcs = this.#readable(field);
    return vmcs === null ? 0n : (BigInt(vmcs.highWord(field)) << 32n) | BigInt(vmcs.read32(field));
  }

  /** Negative values are sign-extended to 64 bits. */
  vmwrite(field: number, value: number): VmxResult {
    return this.vmwriteWords(field, Math.floor(value / TWO_32) >>> 0, value >>> 0);
  }

  vmwrite64(field: number, value: bigint): VmxResult {
    return this.vmwriteWords(field, Number((value >> 32n) & 0xffff_ffffn), Number(value & 0xffff_ffffn));
  }

  vmwriteWords(field: number, high: number, low: number): VmxResult {
    const vmcs = this.#current;
    if (vmcs === null || this.#supported[field] !== 1) return this.#fail(E.ERROR_UNSUPPORTED_VMCS_COMPONENT);
    if (fieldType(field) === FIELD_TYPE_READ_ONLY) return this.#fail(E.ERROR_VMWRITE_READ_ONLY_COMPONENT);
    vmcs.store(field, high, low);
    return VMX_SUCCEED;
  }

  // ---- VM entry

  /**
   * VMLAUNCH. VMX_SUCCEED: the guest runs (`cpu.nonRoot` is set), or the entry failed with a VM exit (33, 34), which
   * the VMCS describes as any other.
   */
  vmlaunch(): VmxEntryResult {
    return this.#enter(false, E.ERROR_VMLAUNCH_NON_CLEAR_VMCS);
  }

  /** VMRESUME; results as for VMLAUNCH. */
  vmresume(): VmxEntryResult {
    return this.#enter(true, E.ERROR_VMRESUME_NON_LAUNCHED_VMCS);
  }

  /** In the order of the SDM: no VMCS, blocking by MOV SS, the wrong launch state (`error`). */
  #enter(launched: boolean, error: number): VmxEntryResult {
    this.#requireVmxOperation();
    if (this.#current === null) return this.#refuse(0);
    if ((this.#cpu.shadow & BLOCKING_BY_MOV_SS) !== 0) return this.#refuse(E.ERROR_ENTRY_BLOCKED_BY_MOV_SS);
    if (this.#current.launched !== launched) return this.#refuse(error);
    const result = this.#entry.enter(this.#current);
    if (result === ENTRY_WAITS) return VMX_WAIT;
    if (result !== ENTRY_DONE) return this.#refuse(result);
    this.#cpu.finish();
    return VMX_SUCCEED;
  }

  #refuse(error: number): VmxResult {
    this.#cpu.finish();
    return this.#fail(error);
  }

  // ---- Translations

  invept(type: number, _eptPointer: number): VmxResult {
    this.#requireVmxOperation();
    const known = type === INVEPT_SINGLE_CONTEXT || type === INVEPT_ALL_CONTEXTS;
    return known ? this.#forgetTranslations() : this.#fail(E.ERROR_INVALID_INVEPT_INVVPID_OPERAND);
  }

  invvpid(type: number, vpid: number, linearAddress: number): VmxResult {
    this.#requireVmxOperation();
    const known = type >= INVVPID_INDIVIDUAL_ADDRESS && type <= INVVPID_RETAINING_GLOBALS;
    const named = type === INVVPID_ALL_CONTEXTS || vpid !== 0;
    const canonical = linearAddress >= -CANONICAL_LIMIT && linearAddress < CANONICAL_LIMIT;
    if (!known || !named || (type === INVVPID_INDIVIDUAL_ADDRESS && !canonical)) {
      return this.#fail(E.ERROR_INVALID_INVEPT_INVVPID_OPERAND);
    }
    return this.#forgetTranslations();
  }

  /** INVVPID with reserved bits in its descriptor. */
  refuseInvalidation(): VmxResult {
    return this.#fail(E.ERROR_INVALID_INVEPT_INVVPID_OPERAND);
  }

  #forgetTranslations(): VmxResult {
    this.nonRoot.tlb.forget();
    return VMX_SUCCEED;
  }
}
