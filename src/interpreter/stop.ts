// How an instruction ends the run: it says why, and the limit becomes 0.
import {
  CPU_LIMIT,
  CPU_MARK_BRANCH,
  CPU_SPLIT_SIZE,
  CPU_STOP,
  CPU_STOP_ACCESS,
  CPU_STOP_ERROR,
  CPU_STOP_INFO,
  CPU_STOP_SIZE,
  CPU_STOP_VA,
  RECORD_SIZE,
  STOP_FAULT,
  STOP_NO_RECORD,
  STOP_PARKED,
  STOP_TLB_MISS,
} from '../hardware/cpu/layout';

/** Filling the TLB and decoding are the emulator's own business and take no time. */
function keepsMark(reason: u32): bool {
  return reason == STOP_PARKED || reason == STOP_TLB_MISS || reason == STOP_NO_RECORD;
}

/** Stops before anything is committed. Returns 0: there is no next record. */
export function stop(cpu: usize, reason: u32): usize {
  if (!keepsMark(reason)) store<u32>(cpu, 0, CPU_MARK_BRANCH);
  store<u32>(cpu, reason, CPU_STOP);
  store<u64>(cpu, 0, CPU_LIMIT);
  store<u32>(cpu, 0, CPU_SPLIT_SIZE);
  return 0;
}

export function stopWith(cpu: usize, reason: u32, info: u32): usize {
  store<u32>(cpu, info, CPU_STOP_INFO);
  return stop(cpu, reason);
}

/** Stops when the instruction of `pc` has retired. */
export function stopAfter(cpu: usize, pc: usize, reason: u32, info: u32): usize {
  stopWith(cpu, reason, info);
  return pc + RECORD_SIZE;
}

export function fault(cpu: usize, vector: u32, error: u32): usize {
  store<u32>(cpu, error, CPU_STOP_ERROR);
  return stopWith(cpu, STOP_FAULT, vector);
}

export function stopForAccess(cpu: usize, reason: u32, va: u64, size: u32, access: u32, info: u32): usize {
  store<u64>(cpu, va, CPU_STOP_VA);
  store<u32>(cpu, size, CPU_STOP_SIZE);
  store<u32>(cpu, access, CPU_STOP_ACCESS);
  return stopWith(cpu, reason, info);
}
