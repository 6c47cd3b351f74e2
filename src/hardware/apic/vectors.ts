/**
 * 256-bit vector registers (ISR, TMR, IRR and their virtual twins): eight 32-bit words, vector v at word v >> 5,
 * bit v & 31. The words stand `stride` array elements apart: 1 in a register file, 4 in a page of 16-byte slots.
 */

export function setVector(words: Uint32Array, first: number, stride: number, vector: number): void {
  const at = first + (vector >>> 5) * stride;
  words[at] = words[at] | (1 << (vector & 31));
}

export function clearVector(words: Uint32Array, first: number, stride: number, vector: number): void {
  const at = first + (vector >>> 5) * stride;
  words[at] = words[at] & ~(1 << (vector & 31));
}

export function testVector(words: Uint32Array, first: number, stride: number, vector: number): boolean {
  return (words[first + (vector >>> 5) * stride] & (1 << (vector & 31))) !== 0;
}

/** The highest vector that is set; 0 when none is (vector 0 itself is never requested: it is illegal). */
export function highestVector(words: Uint32Array, first: number, stride: number): number {
  for (let word = 7; word >= 0; word--) {
    const bits = words[first + word * stride];
    if (bits !== 0) return word * 32 + 31 - Math.clz32(bits);
  }
  return 0;
}

/** Priority class of a vector, TPR or PPR: bits 7:4. */
export function priorityClass(value: number): number {
  return (value >>> 4) & 15;
}

/**
 * Processor priority (SDM 12.8.3.1; 30.1.3 for the virtual one): the TPR, or the class of the interrupt in service
 * where that is higher.
 */
export function processorPriority(tpr: number, inService: number): number {
  return priorityClass(tpr) >= priorityClass(inService) ? tpr & 0xff : inService & 0xf0;
}
