/** Runs a machine with an image to its end and says in words how it went. */
import { UnimplementedError } from '../hardware/cpu/unimplemented.js';
import type { Cpu } from '../hardware/cpu/cpu.js';
import type { ImageEnd, ImageMachine } from './image-machine.js';
import { vcpuFailureText } from './vcpu-failure-text.js';

/** What came of a machine that has ended. */
export type ImageOutcome =
  /** The guest ended the machine by itself: `code` is what it wrote to the exit port, 0 for a power-off. */
  | { readonly kind: 'exit'; readonly code: number }
  /** It did not: what happened, and registers and VMCSs ready to print. */
  | { readonly kind: 'failure'; readonly message: string; readonly details: readonly string[] };

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
  let end: ImageEnd | null;
  try {
    end = machine.run(cycles);
  } catch (error) {
    if (!(error instanceof UnimplementedError)) throw error;
    return { kind: 'failure', message: error.message, details: describe(machine) };
  }
  if (end === null) return null;
  if (end.kind === 'exit') return { kind: 'exit', code: end.code };
  if (end.kind === 'power-off') return { kind: 'exit', code: 0 };
  return { kind: 'failure', message: failureText(end), details: describe(machine) };
}

function failureText(end: Exclude<ImageEnd, { kind: 'exit' | 'power-off' }>): string {
  switch (end.kind) {
    case 'reset':
      return 'the guest reset the machine';
    case 'deadlock':
      return 'the guest hangs: no CPU can ever go on';
    case 'time-out':
      return 'the guest has not ended in the time it was given';
    case 'failure':
      return `vCPU ${String(end.vcpu)}: ${vcpuFailureText(end.failure)}`;
  }
}

function describe({ hardware, kvm }: ImageMachine): string[] {
  return kvm === null ? hardware.cpus.map(describeCpu) : kvm.describeVcpus();
}

function describeCpu(cpu: Cpu): string {
  const registers = { RIP: cpu.rip, CR0: cpu.cr0, CR2: cpu.cr2, CR3: cpu.cr3, CR4: cpu.cr4, EFER: cpu.eferLow };
  const values = Object.entries(registers).map(([name, value]) => `${name}=${hex(value)}`);
  return `CPU ${String(cpu.id)}: ${values.join(' ')} RFLAGS=${hex(cpu.rflags)} CPL=${String(cpu.cpl)}`;
}

function hex(value: number): string {
  return BigInt.asUintN(64, BigInt(value)).toString(16);
}
