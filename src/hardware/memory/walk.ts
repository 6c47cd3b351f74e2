/**
 * Address translation as the host asks for it. The interpreter walks the tables (src/interpreter/walk.ts); what a walk that
 * fails has left in the CPU's block becomes a fault here.
 */
import { VECTOR_PF } from '../cpu/exception-vector.js';
import { FAULT, PASS, WAIT, type Outcome } from '../cpu/outcome.js';
import type { Cpu } from '../cpu/cpu.js';
import * as L from '../cpu/layout.js';

/**
 * Translates canonical linear address `va` for an access (ACCESS_*) with a privilege (PRIVILEGE_*). Returns the
 * host-physical address, or -WAIT, or -FAULT with cpu.fault set (#PF or EPT event).
 */
export function translate(cpu: Cpu, va: number, access: number, privilege: number): number {
  const pa = cpu.engine.translate(cpu.block, va, access, privilege);
  return pa >= 0 ? pa : -outcomeOf(cpu, pa);
}

/**
 * Guest-physical to host-physical for the guest's paging structures, on behalf of linear address `va`. Returns the address,
 * or -WAIT, or -FAULT with an EPT event in cpu.fault.
 */
export function guestPhysical(cpu: Cpu, gpa: number, va: number): number {
  const pa = cpu.engine.guestPhysical(cpu.block, gpa, va, 0, L.ACCESS_READ);
  return pa >= 0 ? pa : -outcomeOf(cpu, pa);
}

/** The outcome of a walk that has come to `result` (WALK_*); a fault goes to cpu.fault. */
export function outcomeOf(cpu: Cpu, result: number): Outcome {
  if (result >= 0) return PASS;
  if (result === L.WALK_WAITS) return WAIT;
  noteFault(cpu);
  return FAULT;
}

function noteFault(cpu: Cpu): void {
  const reason = cpu.word(L.CPU_WALK_FAULT);
  const error = cpu.word(L.CPU_WALK_ERROR);
  const linear = cpu.long(L.CPU_WALK_LINEAR);
  if (reason === L.WALK_PAGE_FAULT) {
    cpu.fault = { kind: 'exception', vector: VECTOR_PF, errorCode: error, address: linear };
  } else {
    const misconfiguration = reason === L.WALK_EPT_MISCONFIGURATION;
    const physical = cpu.long(L.CPU_WALK_PHYSICAL);
    cpu.fault = { kind: 'ept', misconfiguration, guestPhysical: physical, qualification: error, linear };
  }
}
