import { createHash } from 'node:crypto';
import type { CostProfile } from './profile.js';
import { INSTRUCTION_CLASSES, STEP_NAMES } from './step.js';

/** SHA-256 over the values that a machine uses, in canonical order: notes and names do not matter. */
export function profileHash(profile: CostProfile): string {
  const values = [
    STEP_NAMES.map((name) => [name, profile.steps[name].value, profile.steps[name].unit ?? 'cycles']),
    INSTRUCTION_CLASSES.map((name) => [name, profile.classes[name].ticks]),
    profile.lineOccupancy.value,
    [profile.distance.line, profile.distance.flight].map(({ sibling, socket, remote }) => [sibling, socket, remote]),
    profile.noise.value,
  ];
  return createHash('sha256').update(JSON.stringify(values)).digest('hex');
}
