/** Fetch and decoding of the instruction to be emulated (x86_decode_emulated_instruction, x86.c). */
import { VMCS_FIELD } from '../../hardware/vmx/vmcs-field.js';
import { fetchInstruction, GUEST_WAITS } from '../guest-linear.js';
import type { HostCpu } from '../host-cpu.js';
import { decodeInstruction, type EmulatedInstruction } from './decoded-instruction.js';

const LONGEST_INSTRUCTION = 15;
const ACCESS_L = 1 << 13;
const ACCESS_D = 1 << 14;
/** Decoded instructions that are kept: software touches devices from few places. */
const KEPT = 256;

const bytes = new Uint8Array(LONGEST_INSTRUCTION);
const decoded = new Map<string, EmulatedInstruction | null>();

/** The instruction at the guest's RIP; GUEST_WAITS; or null when it cannot be emulated (its bytes: `fetchedBytes`). */
export function fetchEmulated(host: HostCpu): EmulatedInstruction | typeof GUEST_WAITS | null {
  const { vmx } = host.cpu;
  const access = vmx.vmread(VMCS_FIELD.GUEST_CS_AR_BYTES);
  const is64 = (access & ACCESS_L) !== 0;
  const base = is64 ? 0 : vmx.vmread(VMCS_FIELD.GUEST_CS_BASE);
  bytes.fill(0);
  const fetched = fetchInstruction(host, base + vmx.vmread(VMCS_FIELD.GUEST_RIP), bytes);
  if (fetched === GUEST_WAITS) return GUEST_WAITS;
  return fetched < 0 ? null : decode(is64 ? 64 : (access & ACCESS_D) !== 0 ? 32 : 16);
}

function decode(bitness: 16 | 32 | 64): EmulatedInstruction | null {
  const key = String.fromCharCode(bitness, ...bytes);
  let instruction = decoded.get(key);
  if (instruction === undefined) {
    if (decoded.size === KEPT) decoded.clear();
    instruction = decodeInstruction(bytes, bitness);
    decoded.set(key, instruction);
  }
  return instruction;
}

/** The bytes fetched last, for messages. */
export function fetchedBytes(): string {
  return Array.from(bytes, (value) => value.toString(16).padStart(2, '0')).join(' ');
}
