import { z } from 'zod';
import { IMAGE_HALT_POLICIES, type ImageCaseOptions } from '../machine/image-options.js';
import {
  AP_HALT_POLICIES,
  APIC_MODES,
  KVM_VERSIONS,
  MOST_PHASE_NOPS,
  WORKLOADS,
  type MachineOptions,
} from '../machine/machine-options.js';
import { gateLimits } from './gate-limits.js';

/** One value, or an array that makes an axis of the scenario. */
function axis<T extends z.ZodType>(schema: T) {
  return z.union([schema, z.array(schema).min(1)]);
}

const wholeNumber = (minimum: number) => z.int().min(minimum);

/** Guests count in 32 bits, and compare as signed numbers. */
const MOST_ITERATIONS = 2 ** 31 - 1;
const MOST_RUNS = 1_000_000;
/** Module parameters of kvm and fields of the VMCS. */
const unsigned32 = z.int().min(0).max(0xffff_ffff);

const host = z
  .strictObject({
    apicMode: axis(z.enum(APIC_MODES)).default('x2apic').describe('mode of the physical local APICs'),
    tscGHz: axis(z.number().min(0.1).max(100))
      .default(2)
      .describe('TSC frequency; converts what a profile gives in nanoseconds'),
    pcpus: axis(wholeNumber(1).nullable()).default(null).describe('physical CPUs; null is one per vCPU'),
    threadsPerCore: axis(z.literal([1, 2]))
      .default(1)
      .describe('2 makes CPUs 2n and 2n+1 siblings on one core'),
    coresPerSocket: axis(wholeNumber(1)).default(64).describe('cores of one socket; further CPUs sit on the next one'),
    mitigations: axis(z.boolean()).default(false).describe('speculation controls on every VM exit and entry'),
  })
  .describe('the physical machine');

const cpu = z
  .strictObject({
    ipiv: axis(z.boolean()).default(true).describe('the processor has IPI virtualization'),
    uintr: axis(z.boolean()).default(false).describe('the processor has user interrupts, and the guest may use them'),
  })
  .describe('features of the physical processor');

const kvm = z
  .strictObject({
    version: axis(z.enum(KVM_VERSIONS))
      .default('5.19')
      .describe('v1 is the posting of July 2021, 5.19 the merged form'),
    enableApicv: axis(z.boolean()).default(true).describe("kvm_intel's enable_apicv"),
    haltPollNs: axis(unsigned32).default(200_000).describe("kvm's halt_poll_ns"),
    maxVcpuIds: axis(wholeNumber(1).nullable())
      .default(null)
      .describe("KVM_CAP_MAX_VCPU_ID; null is the version's own"),
    pleGap: axis(unsigned32).default(128).describe("kvm_intel's ple_gap in cycles; 0 turns PAUSE-loop exiting off"),
    pleWindow: axis(unsigned32).default(4096).describe("kvm_intel's ple_window in cycles"),
  })
  .describe('kvm and kvm_intel: version and module parameters');

const guest = z
  .strictObject({
    image: axis(z.string().min(1)).describe('multiboot-1 image; a relative path begins at the folder of the scenario'),
    append: axis(z.string().nullable())
      .default(null)
      .describe('command line behind the name of the image; null is the name of the test'),
    environment: axis(z.string()).default('').describe('lines NAME=VALUE of the environment module'),
    memoryMiB: axis(wholeNumber(2)).default(128).describe('memory of the guest'),
    iterations: axis(z.union([wholeNumber(1), z.literal('kvm-unit-tests')]))
      .default('kvm-unit-tests')
      .describe('how often the image repeats what it measures: its own number, or the doubling rule of kvm-unit-tests'),
    timeoutSeconds: axis(wholeNumber(1))
      .default(600)
      .describe('simulated seconds after which the guest counts as hanging'),
  })
  .describe('a multiboot image that the guest runs instead of a built-in program');

/** Keys of the machine: each may be an array and then is an axis. */
const axes = {
  workload: axis(z.enum(WORKLOADS)).default('ipi').describe('program that the guest runs'),
  vcpus: axis(wholeNumber(1)).default(2).describe('vCPUs; the first sends, the second receives, others are idle'),
  apicMode: axis(z.enum(APIC_MODES)).default('x2apic').describe("mode of the guest's local APICs"),
  ipiv: axis(z.boolean()).default(true).describe("kvm_intel's enable_ipiv"),
  apHaltPolicy: axis(z.enum(AP_HALT_POLICIES)).default('spin').describe('what the target vCPU does between IPIs'),
  iterations: axis(z.union([wholeNumber(1).max(MOST_ITERATIONS), z.literal('kvm-unit-tests')]))
    .default(1024)
    .describe('timed iterations, or the doubling rule of kvm-unit-tests'),
  warmup: axis(wholeNumber(0).max(MOST_ITERATIONS)).default(64).describe('untimed iterations before them'),
  apPhase: axis(wholeNumber(0).max(MOST_PHASE_NOPS))
    .default(0)
    .describe('NOPs between the handler of an IPI and the idle loop: they shift the phase of the loop'),
  profile: axis(z.string().min(1)).default('ipiv-v1').describe('cost profile: a built-in name or a file'),
  host: host.prefault({}),
  cpu: cpu.prefault({}),
  kvm: kvm.prefault({}),
};

/** The same for a guest that runs an image: it decides itself how often it repeats what it measures. */
const { iterations: _iterations, warmup: _warmup, apPhase: _apPhase, ...sharedAxes } = axes;
const imageAxes = {
  ...sharedAxes,
  workload: axis(z.string().regex(/^[A-Za-z][\w:-]*$/))
    .default('ipi')
    .describe('test of the image: the name before the cycles on its console'),
  apHaltPolicy: axis(z.enum(IMAGE_HALT_POLICIES))
    .default('hlt')
    .describe('HLT of the vCPUs other than the first; spin makes it a no-op, which no processor does'),
  guest,
};

/** Some of the keys, without defaults: a combination to leave out. */
function exclusion(keys: z.ZodRawShape) {
  return z.strictObject(mapValues(keys, (key) => withoutDefaults(key).optional()));
}

function withoutDefaults(schema: z.core.$ZodType): z.ZodType {
  const bare = schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault ? schema.unwrap() : schema;
  return bare instanceof z.ZodObject ? exclusion(bare.shape) : (bare as z.ZodType);
}

function mapValues(shape: z.ZodRawShape, change: (value: z.core.$ZodType) => z.ZodType): z.ZodRawShape {
  return Object.fromEntries(Object.entries(shape).map(([key, value]) => [key, change(value)]));
}

/** What a scenario has besides the keys of the machine. */
function withRuns<Keys extends z.ZodRawShape>(keys: Keys) {
  return z.strictObject({
    $schema: z.string().optional().describe('this schema, for editors'),
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/)
      .optional()
      .describe('names saved results; default: the name of the file'),
    description: z.string().default('').describe('what the scenario is for'),
    ...keys,
    exclude: z.array(exclusion(keys)).default([]).describe('combinations to leave out of the cross product'),
    runs: wholeNumber(1).max(MOST_RUNS).default(20).describe('runs of each case, each on a fresh machine'),
    seed: unsigned32.default(1).describe("each run's seed is derived from this one and its index"),
    noise: z.enum(['placement', 'off']).default('placement').describe('whether runs differ in where the vCPUs sit'),
    gate: gateLimits.optional(),
  });
}

/** A scenario file with a built-in program. An unknown key is an error. */
export const scenarioSchema = withRuns(axes).meta({ title: 'ipiv-bench scenario' });

/** A scenario file that names an image: it has the key `guest`. */
export const imageScenarioSchema = withRuns(imageAxes).meta({ title: 'ipiv-bench scenario with an image' });

/** The keys of a scenario that are its own, or mean something else, where its guest runs an image; with what they are. */
export function imageKeys(): [key: string, description: string][] {
  const { workload, apHaltPolicy } = imageAxes;
  return [
    ...Object.entries(guest.shape).map(([key, { description = '' }]): [string, string] => [
      `guest.${key}`,
      description,
    ]),
    ['workload', workload.description ?? ''],
    ['apHaltPolicy', apHaltPolicy.description ?? ''],
  ];
}

/** The schema that a raw scenario has to meet. */
export function schemaOf(raw: object): typeof scenarioSchema | typeof imageScenarioSchema {
  return 'guest' in raw ? imageScenarioSchema : scenarioSchema;
}

type Named<T> = Omit<T, '$schema' | 'name'> & { readonly name: string };

/** A scenario with every default filled in; arrays are axes. */
export type Scenario = Named<z.infer<typeof scenarioSchema>> | Named<z.infer<typeof imageScenarioSchema>>;

export type Scalar = string | number | boolean | null;

/** Every key that can be an axis, dotted, in the order in which cases vary: the last one fastest. */
export const AXIS_KEYS = [
  'profile',
  ...Object.keys(guest.shape).map((key) => `guest.${key}`),
  'workload',
  'iterations',
  'warmup',
  'apPhase',
  ...Object.keys(host.shape).map((key) => `host.${key}`),
  ...Object.keys(cpu.shape).map((key) => `cpu.${key}`),
  ...Object.keys(kvm.shape).map((key) => `kvm.${key}`),
  'vcpus',
  'apHaltPolicy',
  'apicMode',
  'ipiv',
] as const;

/** Keys that `--set` knows: the axes and what holds for all cases. */
export const SETTABLE_KEYS: readonly string[] = [...AXIS_KEYS, 'runs', 'seed', 'noise', 'name', 'description'];

/** What a case hands to the machine: everything of it except which profile prices it. */
export type CaseOptions = MachineOptions | ImageCaseOptions;

/** The JSON Schema of a scenario file, as editors use it. */
export function scenarioJsonSchema(): unknown {
  return z.toJSONSchema(z.union([scenarioSchema, imageScenarioSchema]), { io: 'input', target: 'draft-2020-12' });
}
