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

type Bitness = 16 | 32 | 64;

/** What an instruction was decoded from, and what came of it. */
interface Decoded {
  readonly bytes: Uint8Array;
  readonly bitness: Bitness;
  readonly instruction: EmulatedInstruction | null;
}

const bytes = new Uint8Array(LONGEST_INSTRUCTION);
/** By linear address; each counts while the same bytes stand there. */
const decoded = new Map<number, Decoded>();

/** The instruction at the guest's RIP; GUEST_WAITS; or null when it cannot be emulated (`unknownInstruction` says which). */
export function fetchEmulated(host: HostCpu): EmulatedInstruction | typeof GUEST_WAITS | null {
  const { vmx } = host.cpu;
  const size = codeSize(host);
  const linear = (size === 64 ? 0 : vmx.vmread(VMCS_FIELD.GUEST_CS_BASE)) + vmx.vmread(VMCS_FIELD.GUEST_RIP);
  const fetched = fetchInstruction(host, linear, bytes);
  if (fetched === GUEST_WAITS) return GUEST_WAITS;
  bytes.fill(0, Math.max(0, fetched));
  return fetched < 0 ? null : decode(linear, size);
}

/** What the guest's code segment says about its code. */
function codeSize({ cpu: { vmx } }: HostCpu): Bitness {
  const access = vmx.vmread(VMCS_FIELD.GUEST_CS_AR_BYTES);
  if ((access & ACCESS_L) !== 0) return 64;
  return (access & ACCESS_D) !== 0 ? 32 : 16;
}

function decode(linear: number, bitness: Bitness): EmulatedInstruction | null {
  const known = decoded.get(linear);
  if (known?.bitness === bitness && areFetched(known.bytes)) return known.instruction;
  if (decoded.size === KEPT) decoded.clear();
  const instruction = decodeInstruction(bytes, bitness);
  decoded.set(linear, { bytes: bytes.slice(), bitness, instruction });
  return instruction;
}

function areFetched(earlier: Uint8Array): boolean {
  for (let index = 0; index < LONGEST_INSTRUCTION; index++) {
    if (earlier[index] !== bytes[index]) return false;
  }
  return true;
}

/** The instruction fetched last, with its bytes, place and kind of code, for messages. */
export function unknownInstruction(host: HostCpu): string {
  const size = codeSize(host);
  const rip = host.cpu.vmx.vmread(VMCS_FIELD.GUEST_RIP).toString(16);
  return `${nameInstruction(bytes, size)} at RIP ${rip}H in ${size}-bit code`;
}
