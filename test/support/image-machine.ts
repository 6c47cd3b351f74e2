/** Complete machines that start an image: as `boot` sets them up, but for less memory and time. */
import type { ImageInputs, ImageMachine } from '../../src/machine/image-machine.js';
import { buildImageMachine } from '../../src/machine/image-machine.js';
import type { ImageOptions } from '../../src/machine/image-options.js';
import type { CpuOptions, KvmOptions } from '../../src/machine/machine-options.js';
import { HOST } from './bare-machine.js';
import { interpreterModule } from './engine.js';
import { defaultCosts, KVM } from './whole-machine.js';

/** What differs from the defaults. */
export interface ImageMachineOptions extends Partial<Omit<ImageOptions, 'cpu' | 'kvm'>> {
  readonly cpu?: Partial<CpuOptions>;
  readonly kvm?: Partial<KvmOptions>;
}

const costs = defaultCosts();

/** Two vCPUs in x2APIC mode with IPI virtualization under KVM 6.12. */
export function imageOptions({ cpu, kvm, ...options }: ImageMachineOptions = {}): ImageOptions {
  return {
    commandLine: 'guest.elf',
    environment: '',
    memoryMiB: 16,
    vcpus: 2,
    apicMode: 'x2apic',
    ipiv: true,
    bare: false,
    haltPolicy: 'hlt',
    host: HOST,
    cpu: { ipiv: true, uintr: false, ...cpu },
    kvm: { ...KVM, version: '6.12', ...kvm },
    maxCycles: 1e9,
    ...options,
  };
}

export function imageInputs(inputs: Partial<ImageInputs> = {}): ImageInputs {
  return { interpreter: interpreterModule(), costs, console: () => undefined, ...inputs };
}

/** The machine with `image` loaded, before its first cycle. */
export function imageMachine(
  image: Uint8Array,
  options: ImageMachineOptions = {},
  inputs: Partial<ImageInputs> = {},
): ImageMachine {
  const machine = buildImageMachine(image, imageOptions(options), imageInputs(inputs));
  if (machine.kind === 'problem') throw new Error(machine.message);
  return machine;
}
