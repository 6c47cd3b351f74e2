/**
 * Memory-mapped accesses to the APIC-access page: which are virtualized and which cause an APIC-access VM exit (SDM
 * vol. 3, 30.4.1 to 30.4.3.1).
 *
 * Left out: an instruction with several accesses to the page at different offsets, of which only the first would be
 * virtualized; guest-physical accesses (paging structures on the page).
 */
import { ACCESS_FETCH, ACCESS_READ, ACCESS_WRITE } from '../cpu/layout.js';
import type { VirtualizationState } from './virtualization-state.js';

/** Exit qualification of an APIC-access exit, bits 15:12. */
export const APIC_ACCESS_READ = 0 << 12;
export const APIC_ACCESS_WRITE = 1 << 12;
export const APIC_ACCESS_FETCH = 2 << 12;
export const APIC_ACCESS_EVENT_DELIVERY = 3 << 12;

const TPRS = 1; // with "use TPR shadow"
const VID = 2; //  with "virtual-interrupt delivery"
const IPIV = 4; // with "IPI virtualization"
const ARV = 8; //  with "APIC-register virtualization"

/** Which control virtualizes the 16-byte slot at an offset. */
type Row = readonly [offset: number, count: number, read: number, write: number];

const VIRTUALIZED: readonly Row[] = [
  [0x020, 1, ARV, /*        */ ARV], //               ID
  [0x030, 1, ARV, /*        */ 0], //                 version
  [0x080, 1, TPRS, /*       */ TPRS], //              TPR
  [0x0b0, 1, VID | ARV, /*  */ VID | ARV], //         EOI
  [0x0d0, 1, ARV, /*        */ ARV], //               LDR
  [0x0e0, 1, ARV, /*        */ ARV], //               DFR
  [0x0f0, 1, ARV, /*        */ ARV], //               SVR
  [0x100, 8, ARV, /*        */ 0], //                 ISR
  [0x180, 8, ARV, /*        */ 0], //                 TMR
  [0x200, 8, ARV, /*        */ 0], //                 IRR
  [0x280, 1, ARV, /*        */ ARV], //               ESR
  [0x300, 1, VID | ARV, /*  */ VID | IPIV | ARV], //  ICR low
  [0x310, 1, ARV, /*        */ ARV], //               ICR high
  [0x320, 6, ARV, /*        */ ARV], //               LVT
  [0x380, 1, ARV, /*        */ ARV], //               initial count
  [0x3e0, 1, ARV, /*        */ ARV], //               divide configuration
];

const READ = new Uint8Array(256);
const WRITE = new Uint8Array(256);
for (const [offset, count, read, write] of VIRTUALIZED) {
  READ.fill(read, offset >> 4, (offset >> 4) + count);
  WRITE.fill(write, offset >> 4, (offset >> 4) + count);
}

/** True when a read of `size` bytes at page offset `offset` returns data from the virtual-APIC page. */
export function virtualizesRead(state: VirtualizationState, offset: number, size: number): boolean {
  return isVirtualized(state, offset, size, READ[offset >> 4]);
}

/** True when a write of `size` bytes at page offset `offset` goes to the virtual-APIC page. */
export function virtualizesWrite(state: VirtualizationState, offset: number, size: number): boolean {
  return isVirtualized(state, offset, size, WRITE[offset >> 4]);
}

/** Only APIC-register virtualization covers bytes 1 to 3 of a register on their own. */
function isVirtualized(state: VirtualizationState, offset: number, size: number, by: number): boolean {
  if (!state.tprShadow || (offset & 15) + size > 4) return false;
  if ((by & ARV) !== 0 && state.apicRegisterVirtualization) return true;
  if ((offset & 15) !== 0) return false;
  return (
    (by & TPRS) !== 0 ||
    ((by & VID) !== 0 && state.virtualInterruptDelivery) ||
    ((by & IPIV) !== 0 && state.ipiVirtualization)
  );
}

/** Whether an access of kind `access` (ACCESS_READ ...) is virtualized as a whole. */
export function virtualizesAccess(state: VirtualizationState, offset: number, size: number, access: number): boolean {
  if (access === ACCESS_FETCH) return false;
  if (access !== ACCESS_WRITE && !virtualizesRead(state, offset, size)) return false;
  return access === ACCESS_READ || virtualizesWrite(state, offset, size);
}

/** Exit qualification (SDM table 28-6) of an access that is not virtualized. */
export function accessQualification(
  state: VirtualizationState,
  offset: number,
  size: number,
  access: number,
  deliveringEvent: boolean,
): number {
  if (deliveringEvent) return offset | APIC_ACCESS_EVENT_DELIVERY;
  if (access === ACCESS_FETCH) return offset | APIC_ACCESS_FETCH;
  if (access === ACCESS_READ) return offset | APIC_ACCESS_READ;
  const failsAsRead = access !== ACCESS_WRITE && !virtualizesRead(state, offset, size);
  return offset | (failsAsRead ? APIC_ACCESS_READ : APIC_ACCESS_WRITE);
}
