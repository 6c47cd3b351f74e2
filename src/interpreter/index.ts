export { run } from './run';
export { deliver } from './delivery';
export { takeExternalInterrupt } from './external-interrupt';
export { chargeWake, halt } from './halt';
export { getFlags, setFlags } from './flags';
export { selectBanks } from './tlb-bank';
export { activate, advance, mustWait, settleForEvent, wake } from './order';
export { noteHostEvent } from './events';
export { send } from './bus';
export {
  allowReading,
  collect,
  dropEarlierLines,
  getLines,
  hold,
  joinCode,
  mayReadLine,
  mayWriteLine,
  prepareStore,
  revokeWriting,
  touch,
} from './lines';
export { enterInstructionTlbNumber as enterInstructionTlb } from './instruction-tlb';
export {
  fillForAccess,
  fillTlbNumber as fillTlb,
  findEntryNumber as findTlbEntry,
  flushInstructionTlbs,
  flushTlbs,
  forbidStores,
  isSpecialNumber as isSpecial,
  trackEntries,
} from './tlb';
export { forgetPageNumber as forgetPage } from './line-tlb';
export { guestPhysicalNumber as guestPhysical, translateNumber as translate } from './walk';
export {
  accept,
  acknowledge,
  completeInterrupt,
  evaluateInterrupts,
  pendingVector,
  readRegister,
  writeIcrHigh,
  writeTpr,
} from './local-apic';
export { currentCount } from './apic-timer';
export { takeNmi } from './nmi';
export { park } from './parking';
export { emulateApicWrite } from './apic-write-emulation';
export { isNotification, processNotification } from './posted-interrupt-processing';
export {
  evaluatePendingVirtualInterrupts,
  isTprBelowThreshold,
  retireVirtualInterrupt,
  takeVirtualInterrupt,
  virtualizePpr,
  virtualizeTpr,
} from './virtual-apic';
export { deliverVirtualInterrupt } from './virtual-interrupt-delivery';
export { writeX2apicMsr } from './x2apic-msr';
export { leaveGuest, resumeGuest } from './vmx-transitions';
export { go } from './control';
export { iretq } from './iret';
export { accessFromRegion, spinFromRegion } from './region';
export { multiplyHighSigned } from './multiply';
export { rare } from './rare';
