import {
  WORKLOADS,
  type ApicMode,
  type CpuOptions,
  type HostOptions,
  type KvmOptions,
  type MachineOptions,
} from './machine-options.js';

/** What a vCPU other than the first does at HLT. */
export const IMAGE_HALT_POLICIES = ['hlt', 'hlt-passthrough', 'spin'] as const;
export type ImageHaltPolicy = (typeof IMAGE_HALT_POLICIES)[number];

/** A machine that starts a multiboot image. */
export interface ImageOptions {
  /** The program's path, then its arguments. */
  readonly commandLine: string;
  /** Text of the only module, lines `NAME=VALUE`. */
  readonly environment: string;
  readonly memoryMiB: number;
  readonly vcpus: number;
  /** `xapic` hides the x2APIC from the guest. */
  readonly apicMode: ApicMode;
  /** kvm_intel's enable_ipiv. */
  readonly ipiv: boolean;
  /** No hypervisor: the image runs on the emulated processors themselves. */
  readonly bare: boolean;
  readonly haltPolicy: ImageHaltPolicy;
  readonly host: HostOptions;
  readonly cpu: CpuOptions;
  readonly kvm: KvmOptions;
  /** Simulated TSC cycles after which the guest counts as hanging. */
  readonly maxCycles: number;
}

/** An image and how it is started, as a scenario says. */
export interface GuestOptions {
  /** Path as the scenario has it; also the program's path on the command line. */
  readonly image: string;
  /** Arguments; null = the name of the test. */
  readonly append: string | null;
  /** Lines `NAME=VALUE`. */
  readonly environment: string;
  readonly memoryMiB: number;
  /** How often the image repeats what it measures, all passes together; or the doubling rule of kvm-unit-tests. */
  readonly iterations: number | 'kvm-unit-tests';
  readonly timeoutSeconds: number;
}

/** One case of a scenario with an image, fully resolved. */
export interface ImageCaseOptions {
  readonly guest: GuestOptions;
  /** What is measured: a workload of the built-in programs, or a test that only the image has. */
  readonly workload: string;
  readonly vcpus: number;
  readonly apicMode: ApicMode;
  readonly ipiv: boolean;
  readonly apHaltPolicy: ImageHaltPolicy;
  readonly host: HostOptions;
  readonly cpu: CpuOptions;
  readonly kvm: KvmOptions;
}

/** Whether the guest of a case runs a built-in program rather than an image. */
export function isProgramCase(options: MachineOptions | ImageCaseOptions): options is MachineOptions {
  return !('guest' in options);
}

/** Whether the guest of a case runs on what a processor could be. */
export function isArchitectural(options: MachineOptions | ImageCaseOptions): boolean {
  return isProgramCase(options) || options.apHaltPolicy !== 'spin';
}

const HERTZ_PER_GHZ = 1e9;

/** How long a guest can run: the interpreter counts up to 2 ** 52 ticks (src/interpreter/ticks.ts), twice as many. */
export const MOST_CYCLES = 2 ** 45;

/** The machine of a case. */
export function imageOptionsOf({ guest, workload, apHaltPolicy, ...options }: ImageCaseOptions): ImageOptions {
  const { image, append, environment, memoryMiB, timeoutSeconds } = guest;
  return {
    ...options,
    commandLine: [image, append ?? testNameOf(workload)].filter((part) => part !== '').join(' '),
    environment: environment === '' || environment.endsWith('\n') ? environment : `${environment}\n`,
    memoryMiB,
    bare: false,
    haltPolicy: apHaltPolicy,
    maxCycles: Math.min(MOST_CYCLES, Math.round(timeoutSeconds * options.host.tscGHz * HERTZ_PER_GHZ)),
  };
}

/** What kvm-unit-tests calls a workload: `ipi_halt` for `ipi-halt`. Names of other tests stay as they are. */
export function testNameOf(workload: string): string {
  return (WORKLOADS as readonly string[]).includes(workload) ? workload.replaceAll('-', '_') : workload;
}
