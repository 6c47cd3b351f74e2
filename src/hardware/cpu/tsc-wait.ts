/** How long a spin loop that reads the TSC goes on as it does (tsc-branch.ts). */
import { TICKS_PER_CYCLE } from '../../cost/step.js';
import type { Cpu } from './cpu.js';
import { CPU_TSC_OFFSET } from './layout.js';
import type { Constant, TscBranch } from './tsc-branch.js';

const TWO_64 = 1n << 64n;

/** What the wait depends on of a CPU at the start of a pass. */
export type WaitingCpu = Pick<Cpu, 'gpr' | 'long' | 'now'>;

/** Passes of `ticks` each, from now on, in which every branch goes the way it went in the last pass. */
export function passesBeforeTurn(cpu: WaitingCpu, branches: readonly TscBranch[], ticks: number): number {
  let passes = Infinity;
  for (const branch of branches) passes = Math.min(passes, passesOf(cpu, branch, ticks));
  return passes;
}

function passesOf(cpu: WaitingCpu, { readAt, since, bound, margin }: TscBranch, ticks: number): number {
  const lastRead = cpu.now - ticks + readAt;
  const cycle = Math.floor(lastRead / TICKS_PER_CYCLE);
  const elapsed = BigInt.asUintN(64, BigInt(cycle + cpu.long(CPU_TSC_OFFSET)) - valueOf(cpu, since));
  const turn = valueOf(cpu, bound) + BigInt(margin);
  const remaining = Number((elapsed < turn ? turn : TWO_64) - elapsed);
  const turnAt = (cycle + remaining) * TICKS_PER_CYCLE;
  return turnAt < Number.MAX_SAFE_INTEGER ? Math.ceil((turnAt - lastRead) / ticks) - 1 : Infinity;
}

function valueOf(cpu: WaitingCpu, constant: Constant): bigint {
  return 'value' in constant ? constant.value : cpu.gpr(constant.register);
}
