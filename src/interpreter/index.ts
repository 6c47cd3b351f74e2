export { run } from './run';
export { deliver } from './delivery';
export { getFlags, setFlags } from './flags';
export { activate, advance, mustWait, settleForEvent, wake } from './order';
export { noteHostEvent } from './events';
export { send } from './bus';
export { allowReading, collect, dropEarlierLines, getLines, hold, mayReadLine, mayWriteLine, revokeWriting, touch } from './lines';
export { accept, acknowledge, completeInterrupt, evaluateInterrupts, pendingVector } from './local-apic';
export { park } from './parking';
export { emulateApicWrite } from './apic-write-emulation';
export { collectForPostedInterrupts, processPostedInterrupts } from './posted-interrupt-processing';
export {
  deliverVirtualInterrupt,
  evaluatePendingVirtualInterrupts,
  isTprBelowThreshold,
  retireVirtualInterrupt,
  virtualizePpr,
  virtualizeTpr,
} from './virtual-apic';
export { writeX2apicMsr } from './x2apic-msr';
