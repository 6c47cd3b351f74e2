/**
 * Code that a machine like this one has decoded before: what the records of instructions were when they were new, and which
 * branches close spin loops. For machines that run the same program one after the other.
 *
 * Only the answers are kept. They follow from the bytes, which are compared each time, and from what instructions cost: with
 * other costs nothing is known. Left out: code outside 64-bit mode, instructions that cross a page.
 */
import type { CostTable } from '../../cost/step.js';
import type { DecodedInstruction } from './decoded-instruction.js';
import { haveSameCosts } from './instruction-cost.js';
import type { SpinLoop } from './spin-loop.js';

/** A new record: for copying. */
export interface KnownInstruction {
  readonly bytes: Uint8Array;
  /** The record's words. */
  readonly record: Uint32Array;
  /** Where the host may have to execute it. */
  readonly described: DecodedInstruction | null;
  /** False when nothing follows it. */
  readonly continues: boolean;
}

interface KnownLoop {
  /** From its head to the end of the branch, or further. */
  readonly bytes: Uint8Array;
  readonly loop: SpinLoop | null;
}

const LONGEST_INSTRUCTION = 15;

export class KnownCode {
  /** By physical address. */
  readonly #instructions = new Map<number, KnownInstruction>();
  /** By physical address of the branch. */
  readonly #loops = new Map<number, KnownLoop>();
  #costs: CostTable | null = null;

  /** Forgets everything if instructions cost something else now. */
  prepare(costs: CostTable): void {
    if (this.#costs !== null && haveSameCosts(costs, this.#costs)) return;
    this.#costs = costs;
    this.#instructions.clear();
    this.#loops.clear();
  }

  /** The instruction at `offset` of a page with these bytes. */
  instruction(page: number, bytes: Uint8Array, offset: number): KnownInstruction | null {
    const known = this.#instructions.get(page + offset);
    return known !== undefined && isAt(bytes, offset, known.bytes) ? known : null;
  }

  keepInstruction(page: number, offset: number, instruction: KnownInstruction): void {
    this.#instructions.set(page + offset, instruction);
  }

  /** What closes at `branch`, from `head` on: null = no spin loop, undefined = not known. */
  loop(page: number, bytes: Uint8Array, head: number, branch: number): SpinLoop | null | undefined {
    const known = this.#loops.get(page + branch);
    if (known?.bytes.length !== lengthOf(bytes, head, branch)) return undefined;
    return isAt(bytes, head, known.bytes) ? known.loop : undefined;
  }

  keepLoop(page: number, bytes: Uint8Array, head: number, branch: number, loop: SpinLoop | null): void {
    this.#loops.set(page + branch, { bytes: bytes.slice(head, head + lengthOf(bytes, head, branch)), loop });
  }
}

function lengthOf(bytes: Uint8Array, head: number, branch: number): number {
  return Math.min(branch + LONGEST_INSTRUCTION, bytes.length) - head;
}

function isAt(bytes: Uint8Array, offset: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[offset + i] !== wanted[i]) return false;
  return true;
}
