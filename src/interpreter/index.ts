export { run } from './run';
export { deliver } from './delivery';
export { getFlags, setFlags } from './flags';
export { activate, advance, mustWait, settleForEvent } from './order';
export { allowReading, collect, dropEarlierLines, getLines, hold, mayReadLine, mayWriteLine, revokeWriting, touch } from './lines';
export { park } from './parking';
