/**
 * Debug exceptions of one processor (SDM vol. 3, 19.3.1): breakpoints on instructions before them, data and I/O
 * breakpoints and the single-step trap behind them, RFLAGS.RF, and what of that is pending.
 *
 * While there is something to watch, the processor executes one instruction at a time and asks here before and after it;
 * otherwise it asks for `isWatching` alone, once per run of the interpreter.
 *
 * Left out: BTF, the T flag of task states; RF in the frame of an interrupt between two elements of a repeated string
 * instruction while nothing is watched; #DB that MOV SS holds back and whose instruction faults is not lost.
 */
import { BLOCKING_BY_MOV_SS } from '../activity.js';
import { CR4_DE } from '../control-register-bits.js';
import type { Cpu } from '../cpu.js';
import { VECTOR_DB } from '../exception-vector.js';
import { FAULT, PASS, type Outcome } from '../outcome.js';
import { isFault } from '../fault.js';
import { isLong } from '../fetch.js';
import { CPU_RETIRED, CPU_SYSTEM_FLAGS } from '../layout.js';
import { segmentedAddress } from '../legacy/segmentation.js';
import { RFLAGS_RF, RFLAGS_TF } from '../rflags.js';
import { SEGMENT_CS } from '../segments.js';
import { accessesOf } from './accesses.js';
import { accessConditions, instructionConditions, type Access } from './breakpoints.js';
import { DR6_BD, DR6_BS } from './debug-registers.js';

/** Pending debug exceptions: at least one enabled data or I/O breakpoint is met. */
export const PENDING_ENABLED_BREAKPOINT = 1 << 12;
/** Pending debug exceptions: single step. */
export const PENDING_BS = DR6_BS;

export class DebugExceptions {
  readonly #cpu: Cpu;
  /** Debug traps to deliver at the next boundary, as the VMCS has them in its pending debug exceptions. */
  pending = 0;
  // The instruction under way.
  #accesses: readonly Access[] = [];
  #isTraced = false;
  #rip = 0;
  #retired = 0;

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
  }

  /** Must the next instruction be executed alone? */
  get isWatching(): boolean {
    const { dr } = this.#cpu;
    return dr.isArmed || (this.#cpu.word(CPU_SYSTEM_FLAGS) & (RFLAGS_TF | RFLAGS_RF)) !== 0;
  }

  /** Before every attempt at the instruction at RIP. FAULT: a breakpoint stands on it. PASS: execute it. */
  begin(isFirstAttempt: boolean): Outcome {
    const cpu = this.#cpu;
    if (isFirstAttempt) {
      const conditions = this.#instructionConditions();
      if (conditions !== 0) return debugException(cpu, conditions);
    }
    this.#isTraced = (cpu.word(CPU_SYSTEM_FLAGS) & RFLAGS_TF) !== 0;
    this.#accesses = cpu.dr.isArmed ? accessesOf(cpu, cpu.decoder.fetchedBytes(cpu)) : [];
    this.#rip = cpu.rip;
    this.#retired = cpu.long(CPU_RETIRED);
    return PASS;
  }

  /** RF and MOV SS suppress the breakpoints of one instruction; it begins by clearing RF. */
  #instructionConditions(): number {
    const cpu = this.#cpu;
    const flags = cpu.word(CPU_SYSTEM_FLAGS);
    cpu.setWord(CPU_SYSTEM_FLAGS, flags & ~RFLAGS_RF);
    if ((flags & RFLAGS_RF) !== 0 || (cpu.shadow & BLOCKING_BY_MOV_SS) !== 0 || !cpu.dr.isArmed) return 0;
    return instructionConditions(cpu.dr, isLong(cpu) ? cpu.rip : segmentedAddress(cpu, SEGMENT_CS, cpu.rip));
  }

  /** The instruction of `begin` has completed, or an element of a repeated one has. INT clears TF, MOV SS delays traps. */
  end(): void {
    const cpu = this.#cpu;
    if (cpu.dr.isArmed) this.pending |= this.#accessConditions();
    if (cpu.injected === null) {
      if (this.#isTraced && (cpu.shadow & BLOCKING_BY_MOV_SS) === 0) this.pending |= PENDING_BS;
      const hasElementsLeft = cpu.rip === this.#rip && cpu.long(CPU_RETIRED) === this.#retired;
      if (hasElementsLeft) this.resume();
    }
    if (this.pending !== 0) cpu.attention = true;
  }

  /** The instruction of `begin` ends as one with a fault does, before it retires: no single-step trap follows. */
  dropTrap(): void {
    this.#isTraced = false;
  }

  #accessConditions(): number {
    const cpu = this.#cpu;
    const bits = accessConditions(cpu.dr, this.#accesses, (cpu.cr4 & CR4_DE) !== 0);
    return bits === 0 ? 0 : bits | PENDING_ENABLED_BREAKPOINT;
  }

  /** Are there traps to be delivered at this boundary? */
  get isDue(): boolean {
    return this.pending !== 0 && (this.#cpu.shadow & BLOCKING_BY_MOV_SS) === 0;
  }

  /** RF := 1: what is under way is interrupted before it has completed, and its breakpoint has been dealt with. */
  resume(): void {
    const cpu = this.#cpu;
    cpu.setWord(CPU_SYSTEM_FLAGS, cpu.word(CPU_SYSTEM_FLAGS) | RFLAGS_RF);
  }

  /** RF as a VM exit saves it at an access: of an instruction 1, of an event's delivery as in its frame (SDM vol. 3, 28.3.3). */
  interruptAccess(): void {
    const { delivering } = this.#cpu;
    if (delivering === null || isFault(delivering)) this.resume();
  }

  /** Raises what is due: FAULT. */
  raise(): Outcome {
    return debugException(this.#cpu, this.take());
  }

  /** What is pending, as DR6 has it, is about to be reported. */
  take(): number {
    const conditions = this.pending & ~PENDING_ENABLED_BREAKPOINT;
    this.pending = 0;
    return conditions;
  }
}

/** #DB for conditions as DR6 reports them. Returns FAULT. */
function debugException(cpu: Cpu, conditions: number): Outcome {
  cpu.fault = { kind: 'exception', vector: VECTOR_DB, errorCode: null, address: conditions };
  return FAULT;
}

/** General detect: a fault, unlike traps; the instruction is not looked at again by breakpoints. Returns FAULT. */
export function detectAccess(cpu: Cpu): Outcome {
  cpu.debugExceptions.resume();
  return debugException(cpu, DR6_BD);
}
