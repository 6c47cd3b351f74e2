import { Code } from 'iced-x86';
import type { Assembler, Label } from '../assembler.js';
import { INNER_CYCLES, ITERATIONS, RESULTS } from '../memory-map.js';
import {
  dword,
  EAX,
  EBP,
  EBX,
  qword,
  R13,
  R14,
  R15,
  RAX,
  RBP,
  RCX,
  RDX,
  RSP,
  type RegisterOperand,
} from '../operand.js';
import type { ProgramOptions } from './program.js';

/** Measurement markers: the timed loop begins and ends. */
export const MARKER_BEGIN = 1;
export const MARKER_END = 2;

/** Offsets from RESULTS, 64-bit each. */
export const RESULT_CYCLES = 0;
export const RESULT_INNER_CYCLES = 8;
export const RESULT_ITERATIONS = 16;
export const RESULT_PASSES = 24;

/** Untimed iterations at the end: counters taken shortly after the timed loop still see its steady state. */
const COOL_DOWN = 8;

/** The rule of kvm-unit-tests: passes of twice this, four times this, ... iterations. */
export const DOUBLING_START = 32;
/** The first pass that takes so many cycles is the last. */
export const DOUBLING_GOAL = 2 ** 30;

/** RDTSC into one register; uses RAX and RDX. */
export function readTsc(asm: Assembler, destination: RegisterOperand): void {
  asm.plain(Code.Rdtsc);
  asm.mov(EAX, EAX);
  asm.shl(RDX, 32);
  asm.or(RAX, RDX);
  if (destination !== RAX) asm.mov(destination, RAX);
}

/**
 * The measurement: warm-up, one timed pass or passes of doubling length, results to memory, cool-down. `operation` is
 * called once per iteration and keeps RBX, RBP, R12-R15. Falls through when done. Returns where each iteration begins.
 */
export function emitMeasurement(asm: Assembler, { warmup, iterations }: ProgramOptions, operation: Label): Label {
  const run = asm.label('run');
  const done = asm.label('measured');
  asm.address(EBP, operation);
  asm.xor(R15, R15);
  if (warmup > 0) {
    asm.mov(dword(ITERATIONS), warmup);
    asm.call(run);
  }
  asm.mov(dword(ITERATIONS), iterations === 'kvm-unit-tests' ? DOUBLING_START : iterations);
  const pass = asm.here('pass');
  if (iterations === 'kvm-unit-tests') {
    asm.mov(EAX, dword(ITERATIONS));
    asm.add(dword(ITERATIONS), EAX);
  }
  emitTimedPass(asm, run);
  if (iterations === 'kvm-unit-tests') {
    asm.mov(RCX, DOUBLING_GOAL);
    asm.cmp(R14, RCX);
    asm.jcc('b', pass);
  }
  emitResults(asm);
  asm.mov(dword(ITERATIONS), COOL_DOWN);
  asm.call(run);
  asm.jmp(done);
  const iteration = emitRun(asm, run);
  asm.bind(done);
  return iteration;
}

function emitTimedPass(asm: Assembler, run: Label): void {
  asm.mov(qword(INNER_CYCLES), 0);
  asm.add(R15, 1);
  asm.marker(MARKER_BEGIN);
  readTsc(asm, R13);
  asm.call(run);
  asm.plain(Code.Rdtsc);
  asm.marker(MARKER_END);
  asm.mov(EAX, EAX);
  asm.shl(RDX, 32);
  asm.or(RAX, RDX);
  asm.mov(R14, RAX);
  asm.sub(R14, R13);
}

function emitResults(asm: Assembler): void {
  asm.mov(RAX, qword(INNER_CYCLES));
  asm.mov(EBX, dword(ITERATIONS));
  asm.mov(qword(RESULTS + RESULT_CYCLES), R14);
  asm.mov(qword(RESULTS + RESULT_INNER_CYCLES), RAX);
  asm.mov(dword(RESULTS + RESULT_ITERATIONS), EBX);
  asm.mov(qword(RESULTS + RESULT_PASSES), R15);
}

/** Subroutine: calls the operation ITERATIONS times. Returns the head of its loop. */
function emitRun(asm: Assembler, run: Label): Label {
  asm.bind(run);
  asm.sub(RSP, 8);
  asm.xor(EBX, EBX);
  const next = asm.here('iteration');
  asm.call(RBP);
  asm.add(EBX, 1);
  asm.cmp(EBX, dword(ITERATIONS));
  asm.jcc('ne', next);
  asm.add(RSP, 8);
  asm.ret();
  return next;
}
