/**
 * The stack that a transfer to an inner privilege level switches to: from the task-state segment (SDM vol. 3, 6.8.5 and
 * figure 8-2; 16-bit figure 8-10; IA-32e mode 8.7).
 */
import type { Cpu } from '../cpu.js';
import { ACCESS_CODE, ACCESS_RW, ACCESS_S, Descriptor, DESCRIPTOR_ACCESSED, errorCode, isNull } from '../descriptor.js';
import { loadNullSelector } from '../descriptor.js';
import { VECTOR_SS, VECTOR_TS } from '../exception-vector.js';
import { fault } from '../fault.js';
import { ACCESS_READ, PRIVILEGE_IMPLICIT } from '../layout.js';
import { LinearRange } from '../linear-access.js';
import { inLongMode } from '../mode.js';
import { DONE, type Outcome } from '../outcome.js';
import { SEGMENT_SS, SEGMENT_TR } from '../segments.js';
import type { Stack } from './stack.js';

const TYPE_32_BIT_TSS = 1 << 3;

const taskState = new LinearRange();
const descriptor = new Descriptor();
let selector = 0;
let pointer = 0;
let isWide = false;

/** Points `stack` at the stack of `privilege`, which is inner to CPL. `ext` is bit 0 of error codes. */
export function findInnerStack(cpu: Cpu, stack: Stack, privilege: number, ext: number): Outcome {
  isWide = inLongMode(cpu);
  const outcome = isWide ? readWide(cpu, privilege, ext) : readPointer(cpu, privilege, ext);
  if (outcome !== DONE) return outcome;
  if (isWide) {
    stack.useWide(pointer);
    return DONE;
  }
  return checkSegment(cpu, stack, privilege, ext);
}

/** Loads SS after `findInnerStack`: nothing can fail any more. The stack pointer is the caller's. */
export function loadInnerStack(cpu: Cpu, privilege: number): void {
  const ss = cpu.segments[SEGMENT_SS];
  if (isWide) {
    loadNullSelector(ss, privilege);
    return;
  }
  descriptor.mark(cpu, DESCRIPTOR_ACCESSED);
  descriptor.load(ss, selector);
}

function mapTaskState(cpu: Cpu, offset: number, size: number, ext: number): Outcome {
  const tr = cpu.segments[SEGMENT_TR];
  if (offset + size - 1 > tr.limit) return fault(cpu, VECTOR_TS, errorCode(tr.selector, ext));
  return taskState.map(cpu, tr.base + offset, size, ACCESS_READ, PRIVILEGE_IMPLICIT);
}

function readWide(cpu: Cpu, privilege: number, ext: number): Outcome {
  const outcome = mapTaskState(cpu, 4 + 8 * privilege, 8, ext);
  if (outcome === DONE) pointer = taskState.readSigned(cpu.memory, 0);
  return outcome;
}

function readPointer(cpu: Cpu, privilege: number, ext: number): Outcome {
  const is32Bit = (cpu.segments[SEGMENT_TR].access & TYPE_32_BIT_TSS) !== 0;
  const outcome = is32Bit ? mapTaskState(cpu, 4 + 8 * privilege, 8, ext) : mapTaskState(cpu, 2 + 4 * privilege, 4, ext);
  if (outcome !== DONE) return outcome;
  pointer = is32Bit ? taskState.read32(cpu.memory, 0) : taskState.read16(cpu.memory, 0);
  selector = taskState.read16(cpu.memory, is32Bit ? 4 : 2);
  return DONE;
}

function checkSegment(cpu: Cpu, stack: Stack, privilege: number, ext: number): Outcome {
  if (isNull(selector)) return fault(cpu, VECTOR_TS, ext);
  const outcome = descriptor.read(cpu, selector, VECTOR_TS, ext, DESCRIPTOR_ACCESSED);
  if (outcome !== DONE) return outcome;
  const error = errorCode(selector, ext);
  const isWritableData = (descriptor.access & (ACCESS_S | ACCESS_CODE | ACCESS_RW)) === (ACCESS_S | ACCESS_RW);
  if (!isWritableData || (selector & 3) !== privilege || descriptor.dpl !== privilege) {
    return fault(cpu, VECTOR_TS, error);
  }
  if (!descriptor.present) return fault(cpu, VECTOR_SS, error);
  stack.useInner(descriptor, selector, pointer, error);
  return DONE;
}
