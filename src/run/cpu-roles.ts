import type { CpuActivity } from '../machine/machine-result.js';
import { sumActivity, type Role, type RoleActivity } from '../result/saved-result.js';

/** What each role did: the first CPU sends, the second receives. */
export function activityByRole(cpus: readonly CpuActivity[]): Record<Role, RoleActivity> {
  const each = cpus.map(toActivity);
  return {
    sender: sumActivity(each.slice(0, 1)),
    target: sumActivity(each.slice(1, 2)),
    others: sumActivity(each.slice(2)),
  };
}

function toActivity(activity: CpuActivity): RoleActivity {
  const { exits, exitTimes, busyCycles, instructions, steps, guestInstructionCycles } = activity;
  const plain = { count: instructions, cycles: guestInstructionCycles };
  return { exits, exitTimes, busyCycles, instructions, steps: { ...steps, 'guest-instructions': plain } };
}
