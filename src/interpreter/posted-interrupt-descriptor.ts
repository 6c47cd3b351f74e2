// The posted-interrupt descriptor, as microcode meets it: see hardware/vmx/posted-interrupt-descriptor.ts. Everything takes
// its address in this memory and acts at once; the caller holds its line for writing.
const CONTROL: usize = 32;
const VECTOR: usize = 34;
const DESTINATION: usize = 36;
const ON: u32 = 1;
const SN: u32 = 2;

/** PIR[vector] := 1; returns whether it was set before. */
export function testAndSetPir(descriptor: usize, vector: u32): bool {
  const word = descriptor + ((vector >> 5) << 2);
  const requests = load<u32>(word);
  store<u32>(word, requests | (1 << (vector & 31)));
  return (requests & (1 << (vector & 31))) != 0;
}

/** Takes 64 vectors (quadword 0 to 3) out of the PIR. */
export function exchangePir(descriptor: usize, quadword: u32): u64 {
  const at = descriptor + (quadword << 3);
  const requests = load<u64>(at);
  if (requests != 0) store<u64>(at, 0);
  return requests;
}

/** Neither is a notification outstanding nor are notifications suppressed: who posts notifies. */
export function isToBeNotified(descriptor: usize): bool {
  return (load<u32>(descriptor, CONTROL) & (ON | SN)) == 0;
}

export function setOutstandingNotification(descriptor: usize, on: bool): void {
  const control = load<u32>(descriptor, CONTROL);
  store<u32>(descriptor, on ? control | ON : control & ~ON, CONTROL);
}

export function notificationVectorOf(descriptor: usize): u32 {
  return load<u8>(descriptor, VECTOR);
}

/** NDST, all 32 bits. */
export function notificationDestination(descriptor: usize): u32 {
  return load<u32>(descriptor, DESTINATION);
}
