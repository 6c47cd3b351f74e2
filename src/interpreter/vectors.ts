// 256-bit vector registers (ISR, TMR, IRR): eight 32-bit words, `stride` bytes apart; vector v at word v >> 5, bit v & 31.

// @ts-ignore: decorator
@inline
export function setVector(words: usize, stride: u32, vector: u32): void {
  const at = words + (vector >> 5) * stride;
  store<u32>(at, load<u32>(at) | (1 << (vector & 31)));
}

// @ts-ignore: decorator
@inline
export function clearVector(words: usize, stride: u32, vector: u32): void {
  const at = words + (vector >> 5) * stride;
  store<u32>(at, load<u32>(at) & ~(1 << (vector & 31)));
}

// @ts-ignore: decorator
@inline
export function testVector(words: usize, stride: u32, vector: u32): bool {
  return (load<u32>(words + (vector >> 5) * stride) & (1 << (vector & 31))) != 0;
}

/** Most of the time nothing is set, which is seen without a loop. */
// @ts-ignore: decorator
@inline
function isEmpty(words: usize, stride: u32): bool {
  const lower = load<u32>(words) | load<u32>(words + stride) | load<u32>(words + 2 * stride) | load<u32>(words + 3 * stride);
  const above = words + 4 * stride;
  const upper = load<u32>(above) | load<u32>(above + stride) | load<u32>(above + 2 * stride) | load<u32>(above + 3 * stride);
  return (lower | upper) == 0;
}

/** The highest vector that is set; 0 when none is (vector 0 itself is never requested: it is illegal). */
export function highestVector(words: usize, stride: u32): u32 {
  if (isEmpty(words, stride)) return 0;
  for (let word: i32 = 7; word >= 0; word--) {
    const bits = load<u32>(words + word * stride);
    if (bits != 0) return word * 32 + 31 - clz(bits);
  }
  return 0;
}

/** Priority class of a vector, TPR or PPR: bits 7:4. */
// @ts-ignore: decorator
@inline
export function priorityClass(value: u32): u32 {
  return (value >> 4) & 15;
}

/**
 * Processor priority (SDM 12.8.3.1; 30.1.3 for the virtual one): the TPR, or the class of the interrupt in service
 * where that is higher.
 */
export function processorPriority(tpr: u32, inService: u32): u32 {
  return priorityClass(tpr) >= priorityClass(inService) ? tpr & 0xff : inService & 0xf0;
}
