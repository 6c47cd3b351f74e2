/**
 * Records of decoded code (record.ts): writes them into the memory shared with the interpreter, and keeps what the host
 * has to know of some, by address of the record.
 */
import type { Instruction } from 'iced-x86';
import type { CostTable } from '../../cost/step.js';
import type { PhysicalMemory } from '../memory/physical-memory.js';
import type { DecodedInstruction } from './decoded-instruction.js';
import type { KnownInstruction } from './known-code.js';
import { RECORD_SIZE } from './layout.js';
import { dependsOnStack, writeLegacyRecord } from './legacy-code.js';
import * as OP from './opcodes.js';
import { OpcodeSelector, type Selection } from './opcode-selection.js';
import * as R from './record.js';
import { describeInstruction, writeRecord } from './record-encoding.js';
import type { SpinLoop } from './spin-loop.js';

export class CodeRecords {
  readonly #memory: PhysicalMemory;
  readonly #selector: OpcodeSelector;
  readonly #instructions = new Map<number, DecodedInstruction>();
  readonly #spinLoops = new Map<number, SpinLoop>();

  constructor(memory: PhysicalMemory, costs: CostTable) {
    this.#memory = memory;
    this.#selector = new OpcodeSelector(costs);
  }

  clear(): void {
    this.#instructions.clear();
    this.#spinLoops.clear();
  }

  opcode(record: number): number {
    return this.#memory.view.getUint16(record, true);
  }

  /** What instructions like this one have in common. */
  select(instruction: Instruction): Selection {
    return this.#selector.select(instruction);
  }

  /** The instruction of a record that the host has to execute. */
  instruction(record: number): DecodedInstruction {
    const instruction = this.#instructions.get(record);
    if (instruction === undefined) throw new RangeError(`no instruction is kept for record ${record.toString(16)}H`);
    return instruction;
  }

  /** The spin loop that the branch of `record` closes. */
  spinLoop(record: number): SpinLoop | null {
    return this.#spinLoops.get(record) ?? null;
  }

  /**
   * Writes the record of an instruction in 64-bit mode (`long`) or another one, with its page offset counted from `origin`,
   * and keeps the instruction if the host may need it; `code` begins with its bytes. False when nothing follows it.
   */
  write(at: number, instruction: Instruction, code: Uint8Array, long: boolean, origin: bigint): boolean {
    const selection = this.#selector.select(instruction);
    const opcode = (long ? writeRecord : writeLegacyRecord)(this.#memory, at, instruction, selection, origin);
    if (mayReachHost(opcode)) this.#instructions.set(at, describeInstruction(instruction, code));
    return selection.continues;
  }

  /** Writes the record of an instruction that is known; false when nothing follows it. */
  writeKnown(at: number, { record, described, continues }: KnownInstruction): boolean {
    this.#memory.u32.set(record, at >>> 2);
    if (described !== null) this.#instructions.set(at, described);
    return continues;
  }

  /** What `write` has just written of the instruction with these bytes. */
  known(at: number, bytes: Uint8Array, continues: boolean): KnownInstruction {
    const record = this.#memory.u32.slice(at >>> 2, (at + RECORD_SIZE) >>> 2);
    return { bytes: bytes.slice(), record, described: this.#instructions.get(at) ?? null, continues };
  }

  /** To `record`, or if that is 0 to whatever will have been decoded at `offset` of the page. */
  writeLink(at: number, offset: number, record: number): void {
    this.#writeReference(at, OP.LINK, offset, record);
  }

  /** In front of an instruction that goes on in the page of code map `next`. */
  writeCross(at: number, offset: number, next: number): void {
    this.#writeReference(at, OP.CROSS, offset, next);
  }

  #writeReference(at: number, opcode: number, offset: number, target: number): void {
    const { view, u8 } = this.#memory;
    u8.fill(0, at, at + RECORD_SIZE);
    view.setUint16(at + R.R_OP, opcode, true);
    view.setUint16(at + R.R_OFFSET, offset, true);
    view.setUint32(at + R.R_TARGET, target, true);
  }

  /** Page offset that the branch at `offset` goes back to, or -1. */
  backwardTarget(record: number, offset: number): number {
    const opcode = this.opcode(record);
    const isBranch = opcode === OP.JMP_J || (opcode >= OP.JCC0 && opcode <= OP.JCC15);
    const target = isBranch ? this.#memory.view.getInt32(record + R.R_TARGET_OFFSET, true) : -1;
    return target <= offset ? target : -1;
  }

  /** Makes the branch of `record` close a spin loop that has branches out of it in the records `exits`. */
  markSpinLoop(record: number, loop: SpinLoop, exits: readonly number[]): void {
    const { view } = this.#memory;
    for (const exit of exits) {
      view.setUint16(exit + R.R_OP, OP.SPIN_EXIT, true);
      view.setUint32(exit + R.R_TICKS, record, true);
    }
    if (this.opcode(record) === OP.JMP_J) view.setUint8(record + R.R_C, R.CONDITION_ALWAYS);
    view.setUint16(record + R.R_OP, OP.SPIN, true);
    view.setUint32(record + R.R_TICKS, loop.ticks, true);
    view.setUint8(record + R.R_INSTRUCTIONS, loop.instructions);
    view.setUint8(record + R.R_PAUSES, loop.pauses);
    view.setUint8(record + R.R_RDTSCS, loop.rdtscs);
    view.setUint32(record + R.R_INTERVAL, loop.pauseInterval, true);
    this.#spinLoops.set(record, loop);
  }
}

const SOMETIMES_SLOW: readonly number[] = [
  ...[OP.RDTSC, OP.PAUSE, OP.HLT, OP.CLI, OP.STI],
  ...[OP.IRETQ, OP.WRMSR, OP.MOV_CR4],
];

/**
 * RDTSC, PAUSE, HLT, CLI and STI are left to the host while they cause VM exits or faults, IRETQ, WRMSR and MOV to CR4 if it
 * is not the plain case.
 */
function mayReachHost(opcode: number): boolean {
  return opcode === OP.SLOW || SOMETIMES_SLOW.includes(opcode) || dependsOnStack(opcode);
}
