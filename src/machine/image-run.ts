/** Runs a machine with an image to its end and says in words how it went. */
import { UnimplementedError } from '../hardware/cpu/unimplemented.js';
import { registerLines } from '../hardware/cpu/register-text.js';
import { TRAIL_CYCLES, type ImageEnd, type ImageMachine } from './image-machine.js';
import { InstructionTrail } from './instruction-trail.js';
import { vcpuFailureText } from './vcpu-failure-text.js';

/** What came of a machine that has ended. */
export type ImageOutcome =
  /** The guest ended the machine by itself: `code` is what it wrote to the exit port, 0 for a power-off. */
  | { readonly kind: 'exit'; readonly code: number }
  /** It did not: what happened, and the last instructions, registers and VMCSs ready to print. */
  | { readonly kind: 'failure'; readonly message: string; readonly details: readonly string[] };

const RECENTLY = ` in the last ${String(TRAIL_CYCLES)} cycles`;

type Failure = Exclude<ImageEnd, { kind: 'exit' | 'power-off' }> | UnimplementedError;

/** Runs `machine` to its end. */
export function runImage(machine: ImageMachine): ImageOutcome {
  let outcome: ImageOutcome | null = null;
  while (outcome === null) outcome = runImageFor(machine, Infinity);
  return outcome;
}

/**
 * Runs `machine` for `cycles` more; null when it has not ended then. What the model lacks is a failure of the guest; any
 * other exception is a bug.
 */
export function runImageFor(machine: ImageMachine, cycles: number): ImageOutcome | null {
  const end = advance(machine, cycles);
  if (end === null) return null;
  if (end instanceof UnimplementedError) return failure(machine, end);
  if (end.kind === 'exit') return { kind: 'exit', code: end.code };
  if (end.kind === 'power-off') return { kind: 'exit', code: 0 };
  return failure(machine, end);
}

function advance(machine: ImageMachine, cycles: number): ImageEnd | UnimplementedError | null {
  try {
    return machine.run(cycles);
  } catch (error) {
    if (error instanceof UnimplementedError) return error;
    throw error;
  }
}

function failure(machine: ImageMachine, end: Failure): ImageOutcome {
  const recorded = !(end instanceof UnimplementedError) && end.kind === 'time-out' ? machine.trail : null;
  const message = failureText(machine, end);
  const registers = describe(machine);
  const trail = recorded === null ? trailLines(machine, repeat(machine), '') : trailLines(machine, recorded, RECENTLY);
  return { kind: 'failure', message, details: [...trail, ...registers] };
}

function failureText({ hardware, kvm }: ImageMachine, end: Failure): string {
  const cpu = (id: number): string => `${kvm === null ? 'CPU' : 'vCPU'} ${String(id)}`;
  if (end instanceof UnimplementedError) return `${cpu(end.cpu)}: ${end.message}`;
  switch (end.kind) {
    case 'reset':
      return 'the guest reset the machine';
    case 'deadlock':
      return 'the guest hangs: no CPU can ever go on';
    case 'time-out':
      return 'the guest has not ended in the time it was given';
    case 'failure':
      return `${cpu(end.vcpu)}: ${vcpuFailureText(end.failure, hardware.cpus[end.vcpu])}`;
  }
}

/** The trail of a machine that does once more what `machine` has done. */
function repeat(machine: ImageMachine): InstructionTrail {
  const trail = new InstructionTrail();
  const again = machine.again(trail);
  trail.begin(InstructionTrail.lastOf(machine.hardware));
  while (advance(again, Infinity) === null);
  if (again.cycles() !== machine.cycles()) throw new Error('the same machine has not done the same again');
  return trail;
}

/** `since` says how far back the trail reaches. */
function trailLines({ hardware, kvm }: ImageMachine, trail: InstructionTrail, since: string): string[] {
  return hardware.cpus.flatMap((cpu) => {
    const lines = trail.lines(cpu);
    const title = `${kvm === null ? 'CPU' : 'vCPU'} ${String(cpu.id)}, last instructions:`;
    return lines.length === 0 ? [`${title} none${since}`] : [title, ...lines.map((line) => `  ${line}`)];
  });
}

function describe({ hardware, kvm }: ImageMachine): string[] {
  return kvm === null ? hardware.cpus.flatMap(registerLines) : kvm.describeVcpus();
}
