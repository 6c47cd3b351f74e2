/**
 * 256-bit vector registers (ISR, TMR, IRR and their virtual twins): eight 32-bit words, vector v at word v >> 5,
 * bit v & 31. The words stand `stride` array elements apart: 1 in a register file, 4 in a page of 16-byte slots.
 */

export function setVector(words: Uint32Array, first: number, stride: number, vector: number): void {
  const at = first + (vector >>> 5) * stride;
  words[at] = words[at] | (1 << (vector & 31));
}

export function testVector(words: Uint32Array, first: number, stride: number, vector: number): boolean {
  return (words[first + (vector >>> 5) * stride] & (1 << (vector & 31))) !== 0;
}

/** Priority class of a vector, TPR or PPR: bits 7:4. */
export function priorityClass(value: number): number {
  return (value >>> 4) & 15;
}
