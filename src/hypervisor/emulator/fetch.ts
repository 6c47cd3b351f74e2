/** Fetch and decoding of the instruction to be emulated (x86_decode_emulated_instruction, x86.c). */
import { VMCS_FIELD } from '../../hardware/vmx/vmcs-field.js';
import { fetchInstruction, GUEST_WAITS } from '../guest-linear.js';
import type { HostCpu } from '../host-cpu.js';
import { decodeInstruction, nameInstruction, type EmulatedInstruction } from './decoded-instruction.js';

const LONGEST_INSTRUCTION = 15;
const ACCESS_L = 1 << 13;
const ACCESS_D = 1 << 14;
/** Decoded instructions that are kept: software touches devices from few places. */
const KEPT = 256;

const bytes = new Uint8Array(LONGEST_INSTRUCTION);
const decoded = new Map<string, EmulatedInstruction | null>();

/** The instruction at the guest's RIP; GUEST_WAITS; or null when it cannot be emulated (`unknownInstruction` says which). */
export function fetchEmulated(host: HostCpu): EmulatedInstruction | typeof GUEST_WAITS | null {
  const { vmx } = host.cpu;
  const size = codeSize(host);
  const base = size === 64 ? 0 : vmx.vmread(VMCS_FIELD.GUEST_CS_BASE);
  bytes.fill(0);
  const fetched = fetchInstruction(host, base + vmx.vmread(VMCS_FIELD.GUEST_RIP), bytes);
  if (fetched === GUEST_WAITS) return GUEST_WAITS;
  return fetched < 0 ? null : decode(size);
}

/** What the guest's code segment says about its code. */
function codeSize({ cpu: { vmx } }: HostCpu): 16 | 32 | 64 {
  const access = vmx.vmread(VMCS_FIELD.GUEST_CS_AR_BYTES);
  if ((access & ACCESS_L) !== 0) return 64;
  return (access & ACCESS_D) !== 0 ? 32 : 16;
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

/** The instruction fetched last, with its bytes, place and kind of code, for messages. */
export function unknownInstruction(host: HostCpu): string {
  const size = codeSize(host);
  const rip = host.cpu.vmx.vmread(VMCS_FIELD.GUEST_RIP).toString(16);
  return `${nameInstruction(bytes, size)} at RIP ${rip}H in ${size}-bit code`;
}
