/**
 * IRETQ in 64-bit mode, and the return to an outer privilege level that it shares with far RET (SDM vol. 2, IRET,
 * RET; vol. 3, 6.14.3).
 *
 * The plain case, a return to the segments in use, is the interpreter's (src/interpreter/iret.ts). IRET with 16- and
 * 32-bit operands is in legacy/interrupt-return. Left out: nested tasks (#GP(0) in IA-32e mode), shadow stacks.
 */
import { STEP } from '../../cost/step.js';
import type { Cpu } from './cpu.js';
import type { DecodedInstruction } from './decoded-instruction.js';
import {
  ACCESS_CODE,
  ACCESS_CONFORMING,
  ACCESS_DPL_SHIFT,
  ACCESS_RW,
  ACCESS_S,
  Descriptor,
  DESCRIPTOR_ACCESSED,
  errorCode,
  isNull,
  loadCodeSegment,
  loadNullSelector,
} from './descriptor.js';
import { VECTOR_GP, VECTOR_NP, VECTOR_SS } from './exception-vector.js';
import { fault, generalProtection } from './fault.js';
import { ACCESS_READ, CPU_SYSTEM_FLAGS } from './layout.js';
import { isCanonical, LinearRange } from './linear-access.js';
import { inLongMode } from './mode.js';
import { DONE, REDIRECTED, type Outcome } from './outcome.js';
import { RFLAGS_NT, RFLAGS_RF } from './rflags.js';
import { ACCESS_UNUSABLE, SEGMENT_DS, SEGMENT_ES, SEGMENT_FS, SEGMENT_GS, SEGMENT_SS } from './segments.js';
import { loadFlags } from './slow/flags.js';

const RSP = 4;
const FRAME_SIZE = 40;

const frame = new LinearRange();
const code = new Descriptor();
const stackSegment = new Descriptor();

/** Executes IRETQ: REDIRECTED, WAIT or FAULT. */
export function iretq(cpu: Cpu, _instruction: DecodedInstruction): Outcome {
  if (cpu.begin()) cpu.charge(STEP.IRETQ);
  if ((cpu.word(CPU_SYSTEM_FLAGS) & RFLAGS_NT) !== 0) return generalProtection(cpu);
  const rsp = cpu.gprNumber(RSP);
  if (!isCanonical(rsp) || !isCanonical(rsp + FRAME_SIZE - 1)) return fault(cpu, VECTOR_SS, 0);
  let outcome = frame.map(cpu, rsp, FRAME_SIZE, ACCESS_READ, cpu.privilege);
  if (outcome !== DONE) return outcome;
  const { memory } = cpu;
  const rip = frame.readSigned(memory, 0);
  const selector = frame.read16(memory, 8);
  const stackSelector = frame.read16(memory, 32);
  outcome = checkReturn(cpu, selector, stackSelector, rip);
  if (outcome !== DONE) return outcome;
  loadFlags(cpu, frame.read32(memory, 16), RFLAGS_RF);
  cpu.rip = rip;
  cpu.setGprWords(RSP, frame.read32(memory, 28), frame.read32(memory, 24));
  commitReturn(cpu, selector, stackSelector);
  cpu.nmiBlocked = false;
  cpu.retire(0);
  return REDIRECTED;
}

/** Checks CS, SS and RIP of a return frame. DONE = `commitReturn` cannot fail. */
export function checkReturn(cpu: Cpu, selector: number, stackSelector: number, rip: number): Outcome {
  const outcome = checkCode(cpu, selector);
  if (outcome !== DONE) return outcome;
  if (!containsReturn(cpu, rip)) return generalProtection(cpu);
  return checkStack(cpu, stackSelector, selector & 3);
}

/** The code segment of a return, into `code`. */
export function checkCode(cpu: Cpu, selector: number): Outcome {
  if (isNull(selector)) return generalProtection(cpu);
  const outcome = code.read(cpu, selector, VECTOR_GP, 0, DESCRIPTOR_ACCESSED);
  if (outcome !== DONE) return outcome;
  const rpl = selector & 3;
  const privilege = code.isConforming ? code.dpl <= rpl : code.dpl === rpl;
  if (!code.isCode || rpl < cpu.cpl || !privilege || code.hasBothSizes(cpu))
    return fault(cpu, VECTOR_GP, errorCode(selector, 0));
  return code.present ? DONE : fault(cpu, VECTOR_NP, errorCode(selector, 0));
}

/** Is `rip` in the code segment of `checkCode`? */
export function containsReturn(cpu: Cpu, rip: number): boolean {
  return code.contains(cpu, rip);
}

function checkStack(cpu: Cpu, selector: number, privilege: number): Outcome {
  if (isNull(selector)) {
    const allowed = inLongMode(cpu) && code.is64Bit && privilege !== 3 && (selector & 3) === privilege;
    return allowed ? DONE : generalProtection(cpu);
  }
  const outcome = stackSegment.read(cpu, selector, VECTOR_GP, 0, DESCRIPTOR_ACCESSED);
  if (outcome !== DONE) return outcome;
  const writableData = (stackSegment.access & (ACCESS_S | ACCESS_CODE | ACCESS_RW)) === (ACCESS_S | ACCESS_RW);
  if (!writableData || (selector & 3) !== privilege || stackSegment.dpl !== privilege) {
    return fault(cpu, VECTOR_GP, errorCode(selector, 0));
  }
  return stackSegment.present ? DONE : fault(cpu, VECTOR_SS, errorCode(selector, 0));
}

/** Loads CS and SS after `checkReturn`; at an outer level, segments that it may not use become null. */
export function commitReturn(cpu: Cpu, selector: number, stackSelector: number): void {
  const outer = (selector & 3) > cpu.cpl;
  loadReturnCode(cpu, selector);
  const ss = cpu.segments[SEGMENT_SS];
  if (isNull(stackSelector)) {
    loadNullSelector(ss, stackSelector);
  } else {
    stackSegment.mark(cpu, DESCRIPTOR_ACCESSED);
    stackSegment.load(ss, stackSelector);
  }
  if (outer) dropInnerSegments(cpu);
}

/** Loads CS after `checkCode`. */
export function loadReturnCode(cpu: Cpu, selector: number): void {
  loadCodeSegment(cpu, code, selector, selector & 3);
}

/** Unlike a MOV of a null selector, this leaves the bases of FS and GS as they are: 64-bit code still uses them. */
function dropInnerSegments(cpu: Cpu): void {
  for (const number of [SEGMENT_ES, SEGMENT_DS, SEGMENT_FS, SEGMENT_GS]) {
    const segment = cpu.segments[number];
    const { access } = segment;
    const conforming = (access & (ACCESS_CODE | ACCESS_CONFORMING)) === (ACCESS_CODE | ACCESS_CONFORMING);
    if ((access & ACCESS_UNUSABLE) !== 0 || conforming || ((access >>> ACCESS_DPL_SHIFT) & 3) >= cpu.cpl) continue;
    const { base } = segment;
    loadNullSelector(segment, 0);
    segment.base = base;
  }
}
