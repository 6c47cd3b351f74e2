/**
 * The VMCS region: VMCS data as bytes in host-physical memory (SDM vol. 3, 25.2 and 25.11).
 *
 * The processor's own layout: revision identifier, abort indicator, launch state, then one 8-byte slot per field. VMCS
 * accesses are the processor's, made through its caches of the current VMCS; they cause no line traffic. Not modelled:
 * shadow VMCSs.
 */
import { RFLAGS_VM } from '../cpu/rflags.js';
import type { PhysicalMemory } from '../memory/physical-memory.js';
import { WINDOW_EXITING } from './controls.js';
import {
  FIELD_TYPE_CONTROL,
  FIELD_TYPE_GUEST,
  FIELD_TYPE_HOST,
  VMCS_FIELD,
  fieldType,
  fieldWidth,
  isWide,
} from './vmcs-field.js';
import { FIELD_WIDTH_16, FIELD_WIDTH_64 } from './vmcs-field.js';
import * as P from './vmcs-layout.js';

const TWO_32 = 2 ** 32;

const REVISION_WORD = 0;
const ABORT_WORD = 1;
const LAUNCH_STATE_WORD = 2;
/** Of a region: 4 KiB. */
const VMCS_WORDS = 1024;

/** Highest encoding, with the access-type bit, plus one. */
const ENCODINGS = 0x8000;
/** Word offset in the region of each encoding (the high half has its own), 0 = no such field. */
const WORD_OF_ENCODING = new Uint16Array(ENCODINGS);

/** The fields that the interpreter accesses stand first. */
// prettier-ignore
const PLACES: readonly (readonly [encoding: number, offset: number])[] = [
  [VMCS_FIELD.VM_EXIT_REASON,               P.VMCS_EXIT_REASON],
  [VMCS_FIELD.EXIT_QUALIFICATION,           P.VMCS_EXIT_QUALIFICATION],
  [VMCS_FIELD.VM_EXIT_INTR_INFO,            P.VMCS_EXIT_INTERRUPTION],
  [VMCS_FIELD.VM_EXIT_INTR_ERROR_CODE,      P.VMCS_EXIT_ERROR_CODE],
  [VMCS_FIELD.IDT_VECTORING_INFO_FIELD,     P.VMCS_IDT_VECTORING],
  [VMCS_FIELD.VM_EXIT_INSTRUCTION_LEN,      P.VMCS_EXIT_INSTRUCTION_LENGTH],
  [VMCS_FIELD.VM_ENTRY_INTR_INFO_FIELD,     P.VMCS_ENTRY_INTERRUPTION],
  [VMCS_FIELD.GUEST_RIP,                    P.VMCS_GUEST_RIP],
  [VMCS_FIELD.GUEST_RSP,                    P.VMCS_GUEST_RSP],
  [VMCS_FIELD.GUEST_RFLAGS,                 P.VMCS_GUEST_RFLAGS],
  [VMCS_FIELD.GUEST_INTERRUPTIBILITY_INFO,  P.VMCS_GUEST_INTERRUPTIBILITY],
  [VMCS_FIELD.GUEST_ACTIVITY_STATE,         P.VMCS_GUEST_ACTIVITY],
  [VMCS_FIELD.GUEST_PENDING_DBG_EXCEPTIONS, P.VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS],
  [VMCS_FIELD.GUEST_DR7,                    P.VMCS_GUEST_DR7],
  [VMCS_FIELD.GUEST_UINV,                   P.VMCS_GUEST_UINV],
  [VMCS_FIELD.GUEST_INTR_STATUS,            P.VMCS_GUEST_INTERRUPT_STATUS],
];

function place(encoding: number, word: number): void {
  WORD_OF_ENCODING[encoding] = word;
  if (fieldWidth(encoding) === FIELD_WIDTH_64) WORD_OF_ENCODING[encoding + 1] = word + 1;
}

for (const [encoding, offset] of PLACES) place(encoding, offset >>> 2);
Object.values(VMCS_FIELD)
  .filter((encoding) => WORD_OF_ENCODING[encoding] === 0)
  .forEach((encoding, index) => {
    place(encoding, (P.VMCS_OTHER_FIELDS >>> 2) + 2 * index);
  });

/** The encodings of vmcs-field.ts and those of the high halves of 64-bit fields. */
export const VMCS_ENCODINGS: readonly number[] = Object.values(VMCS_FIELD).flatMap((encoding) =>
  fieldWidth(encoding) === FIELD_WIDTH_64 ? [encoding, encoding + 1] : [encoding],
);

/** Guest state outside registers: loaded at every VM entry, checked when software has written it. */
const NON_REGISTER_STATE: ReadonlySet<number> = new Set([
  VMCS_FIELD.GUEST_INTERRUPTIBILITY_INFO,
  VMCS_FIELD.GUEST_ACTIVITY_STATE,
  VMCS_FIELD.GUEST_PENDING_DBG_EXCEPTIONS,
]);

/** Fields that change with nearly every VM entry; entry looks at them anyway. */
const HOT_FIELDS: ReadonlySet<number> = new Set([
  VMCS_FIELD.GUEST_RIP,
  VMCS_FIELD.GUEST_RSP,
  VMCS_FIELD.GUEST_INTR_STATUS,
  VMCS_FIELD.VMX_PREEMPTION_TIMER_VALUE,
  VMCS_FIELD.VM_ENTRY_INTR_INFO_FIELD,
  VMCS_FIELD.VM_ENTRY_EXCEPTION_ERROR_CODE,
  VMCS_FIELD.VM_ENTRY_INSTRUCTION_LEN,
]);

const DIRTY_CONTROLS = 1;
const DIRTY_GUEST = 2;
const DIRTY_HOST = 4;
const DIRTY_NON_REGISTER_STATE = 8;
/** Nothing of the controls but WINDOW_EXITING. */
const DIRTY_WINDOWS = 16;
/** RFLAGS, but for VM. */
const DIRTY_FLAGS = 32;
const ALL_DIRTY = DIRTY_CONTROLS | DIRTY_GUEST | DIRTY_HOST | DIRTY_NON_REGISTER_STATE | DIRTY_WINDOWS | DIRTY_FLAGS;

/** What a write to each encoding makes stale: DIRTY_* or 0. */
const DIRTIES = new Uint8Array(ENCODINGS);
for (const encoding of Object.values(VMCS_FIELD)) {
  if (HOT_FIELDS.has(encoding)) continue;
  const type = fieldType(encoding);
  if (NON_REGISTER_STATE.has(encoding)) DIRTIES[encoding] = DIRTY_NON_REGISTER_STATE;
  else if (type === FIELD_TYPE_CONTROL) DIRTIES[encoding] = DIRTY_CONTROLS;
  else if (type === FIELD_TYPE_GUEST) DIRTIES[encoding] = DIRTY_GUEST;
  else if (type === FIELD_TYPE_HOST) DIRTIES[encoding] = DIRTY_HOST;
}

function staleBy(encoding: number, changed: number): number {
  if (encoding === VMCS_FIELD.CPU_BASED_VM_EXEC_CONTROL && (changed & ~WINDOW_EXITING) === 0) return DIRTY_WINDOWS;
  if (encoding === VMCS_FIELD.GUEST_RFLAGS && (changed & RFLAGS_VM) === 0) return DIRTY_FLAGS;
  return DIRTIES[encoding & ~1];
}

/** A region that a processor has made current, with what it remembers of the last VM entry. */
export class Vmcs {
  readonly address: number;
  readonly #u32: Uint32Array;
  readonly #i32: Int32Array;
  /** What has been written since the last VM entry that passed its checks. */
  #dirty = ALL_DIRTY;

  constructor(memory: PhysicalMemory, address: number) {
    this.address = address;
    const { buffer, byteOffset } = memory.bytes(address, VMCS_WORDS * 4);
    this.#u32 = new Uint32Array(buffer, byteOffset, VMCS_WORDS);
    this.#i32 = new Int32Array(buffer, byteOffset, VMCS_WORDS);
  }

  // ---- Header

  get revision(): number {
    return this.#u32[REVISION_WORD];
  }

  set abortIndicator(value: number) {
    this.#u32[ABORT_WORD] = value;
  }

  get abortIndicator(): number {
    return this.#u32[ABORT_WORD];
  }

  get launched(): boolean {
    return this.#u32[LAUNCH_STATE_WORD] === 1;
  }

  set launched(value: boolean) {
    this.#u32[LAUNCH_STATE_WORD] = value ? 1 : 0;
  }

  // ---- What VM entry need not check and load again

  get controlsDirty(): boolean {
    return (this.#dirty & DIRTY_CONTROLS) !== 0;
  }

  /** Nothing has been written but RFLAGS, WINDOW_EXITING, and fields that change with nearly every VM entry. */
  get isNearlyClean(): boolean {
    return (this.#dirty & ~(DIRTY_FLAGS | DIRTY_WINDOWS)) === 0;
  }

  /** Interrupt-window or NMI-window exiting. */
  get windowsDirty(): boolean {
    return (this.#dirty & DIRTY_WINDOWS) !== 0;
  }

  get guestDirty(): boolean {
    return (this.#dirty & DIRTY_GUEST) !== 0;
  }

  /** RFLAGS: what an emulator ends with, which clears RF. */
  get flagsDirty(): boolean {
    return (this.#dirty & DIRTY_FLAGS) !== 0;
  }

  /** Interruptibility, activity state, pending debug exceptions. */
  get nonRegisterStateDirty(): boolean {
    return (this.#dirty & DIRTY_NON_REGISTER_STATE) !== 0;
  }

  get hostDirty(): boolean {
    return (this.#dirty & DIRTY_HOST) !== 0;
  }

  /** All checks of a VM entry passed. */
  markClean(): void {
    this.#dirty = 0;
  }

  /** The region may have been changed behind this processor's back. */
  markDirty(): void {
    this.#dirty = ALL_DIRTY;
  }

  /** A control has changed that the guest-state and host-state areas depend on. */
  markAreasDirty(): void {
    this.#dirty |= DIRTY_GUEST | DIRTY_HOST | DIRTY_NON_REGISTER_STATE;
  }

  // ---- Fields, by encoding. Reads and writes of the processor itself: nothing is checked.

  /** Bits 31:0 of a field, or bits 63:32 when bit 0 of the encoding is set. */
  read32(encoding: number): number {
    return this.#u32[WORD_OF_ENCODING[encoding]];
  }

  write32(encoding: number, value: number): void {
    this.#u32[WORD_OF_ENCODING[encoding]] = value;
  }

  /** Bits 63:32 of a 64-bit or natural-width field. */
  readHigh(encoding: number): number {
    return this.#u32[WORD_OF_ENCODING[encoding] + 1];
  }

  /** A 64-bit or natural-width field as a signed number: exact for addresses and for |value| < 2^53. */
  readLong(encoding: number): number {
    const at = WORD_OF_ENCODING[encoding];
    return this.#i32[at + 1] * TWO_32 + this.#u32[at];
  }

  writeLong(encoding: number, value: number): void {
    this.writeWords(encoding, Math.floor(value / TWO_32), value >>> 0);
  }

  writeWords(encoding: number, high: number, low: number): void {
    const at = WORD_OF_ENCODING[encoding];
    this.#u32[at] = low;
    this.#u32[at + 1] = high;
  }

  /** A value of the field's full width as VMREAD returns it: zero-extended high word. */
  highWord(encoding: number): number {
    return isWide(encoding) ? this.readHigh(encoding) : 0;
  }

  /**
   * VMWRITE by software: stores the operand, cut to the width of the field or of the half that the encoding names. What is
   * there already makes nothing stale.
   */
  store(encoding: number, high: number, low: number): void {
    const at = WORD_OF_ENCODING[encoding];
    const word = fieldWidth(encoding) === FIELD_WIDTH_16 ? low & 0xffff : low;
    let changed = this.#u32[at] ^ word;
    this.#u32[at] = word;
    if (isWide(encoding)) {
      changed |= this.#u32[at + 1] ^ high;
      this.#u32[at + 1] = high;
    }
    if (changed !== 0) this.#dirty |= staleBy(encoding, changed);
  }
}
