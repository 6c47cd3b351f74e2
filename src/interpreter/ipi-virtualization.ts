// IPI virtualization (SDM vol. 3, 30.1.6): a virtual IPI becomes a request in the target's posted-interrupt descriptor and,
// if that is not notified yet, one physical IPI. Nothing checks that the target vCPU runs.
//
// The microcode's steps are charged as it comes to them; the descriptor changes and the notification leaves at one
// instant, at the end.
import {
  STEP_IPIV_ELIGIBILITY,
  STEP_IPIV_ICR_WRITE,
  STEP_IPIV_ON_UPDATE,
  STEP_IPIV_PIR_SET,
} from '../cost/step-numbers';
import { FIRST_LEGAL_VECTOR } from '../hardware/apic/registers';
import {
  CPU_LAST_PID_POINTER_INDEX,
  CPU_PID_POINTER_TABLE,
  EXITS,
  MAXPHYADDR,
  ORDER_RAM,
  ORDER_RAM_BYTES,
  REPORT_ON_SET,
  REPORT_PIR_SET,
  REPORT_PIR_SET_AGAIN,
} from '../hardware/cpu/layout';
import { charge } from './cost';
import { sendFixed } from './bus';
import { sendNotification } from './host';
import { collect } from './lines';
import { DONE, reaches, report, WAIT } from './microcode';
import { idOf, mustWait } from './order';
import {
  isToBeNotified,
  notificationDestination,
  notificationVectorOf,
  setOutstandingNotification,
  testAndSetPir,
} from './posted-interrupt-descriptor';

/** Bits of the ICR that must be 0 in an IPI that can be virtualized: all but the vector and bit 14 (level). */
export const IPI_MUST_BE_ZERO: u32 = 0xffff_bf00;

/** PID-pointer table entry, bits 5:0: valid (bit 0), the others reserved; bits 63:46 lie beyond MAXPHYADDR. */
const ENTRY_VALID: u64 = 1;
const ENTRY_LOW_BITS: u64 = 0x3f;

// Stages of the operation (microcode.ts)
const ELIGIBILITY: u32 = 1;
const POSTING: u32 = 2;
const NOTIFICATION: u32 = 3;

// @ts-ignore: decorator
@inline
function isRam(address: u64): bool {
  return address < u64(load<u32>(ORDER_RAM_BYTES));
}

// @ts-ignore: decorator
@inline
function entryOf(cpu: usize, destination: u32): u64 {
  return load<u64>(cpu, CPU_PID_POINTER_TABLE) + (u64(destination) << 3);
}

/** The PID-pointer table entry at `entry`, in memory. */
// @ts-ignore: decorator
@inline
function readEntry(entry: u64): u64 {
  return load<u64>(load<u32>(ORDER_RAM) + u32(entry));
}

/**
 * Steps 1 to 5, and everything that `post` needs to act at once: DONE, WAIT, or EXITS = software has to handle it.
 * `destination` is a 32-bit APIC ID.
 */
export function prepareIpi(cpu: usize, vector: u32, destination: u32): u32 {
  if (reaches(cpu, ELIGIBILITY)) charge(cpu, STEP_IPIV_ELIGIBILITY);
  if (vector < u32(FIRST_LEGAL_VECTOR) || destination > load<u32>(cpu, CPU_LAST_PID_POINTER_INDEX)) return EXITS;
  if (mustWait(cpu)) return WAIT;
  const at = entryOf(cpu, destination);
  if (!isRam(at)) return EXITS;
  if (!collect(cpu, u32(at), false)) return WAIT;
  const entry = readEntry(at);
  if ((entry & ENTRY_LOW_BITS) != ENTRY_VALID || entry >> MAXPHYADDR != 0) return EXITS;
  if (reaches(cpu, POSTING)) {
    charge(cpu, STEP_IPIV_PIR_SET);
    charge(cpu, STEP_IPIV_ON_UPDATE);
  }
  return prepareDescriptor(cpu, entry & ~ENTRY_LOW_BITS);
}

function prepareDescriptor(cpu: usize, address: u64): u32 {
  if (!isRam(address)) return DONE;
  if (mustWait(cpu) || !collect(cpu, u32(address), true)) return WAIT;
  const notifies = isToBeNotified(load<u32>(ORDER_RAM) + u32(address));
  if (notifies && reaches(cpu, NOTIFICATION)) charge(cpu, STEP_IPIV_ICR_WRITE);
  return mustWait(cpu) ? WAIT : DONE;
}

/** Steps 6 to 8. A descriptor where no memory is reads as all ones: ON is 1, and the request is lost. */
export function postIpi(cpu: usize, vector: u32, destination: u32): void {
  const address = readEntry(entryOf(cpu, destination)) & ~ENTRY_LOW_BITS;
  if (!isRam(address)) return;
  const descriptor: usize = load<u32>(ORDER_RAM) + u32(address);
  const notifies = isToBeNotified(descriptor);
  const wasSet = testAndSetPir(descriptor, vector);
  report(cpu, wasSet ? REPORT_PIR_SET_AGAIN : REPORT_PIR_SET, u32(address), vector);
  if (!notifies) return;
  setOutstandingNotification(descriptor, true);
  report(cpu, REPORT_ON_SET, u32(address));
  const notificationVector = notificationVectorOf(descriptor);
  const notified = notificationDestination(descriptor);
  if (!sendFixed(cpu, notificationVector, notified)) sendNotification(idOf(cpu), notificationVector, notified);
}
