import { readdirSync } from 'node:fs';
import { Argument } from 'commander';
import { builtInProfiles, loadProfile } from '../cost/profile.js';
import { AP_HALT_POLICIES, KVM_VERSIONS, WORKLOADS } from '../machine/machine-options.js';
import { COMPARISON_FORMAT_NAMES, COMPARISON_FORMATS } from '../report/comparison/comparison-format.js';
import { FORMAT_NAMES, FORMATS } from '../report/format.js';
import { machineText } from '../report/layout.js';
import { IMPORT_FORMATS } from '../result/import/parse-log.js';
import { loadResult } from '../result/load-result.js';
import { METRICS } from '../result/metric.js';
import { loadScenario } from '../scenario/load.js';
import { imageKeys } from '../scenario/schema.js';
import { example, type CommandModule } from './command.js';
import { complain, print } from './console.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { packageFile } from './package-file.js';
import { shippedScenarios } from './scenario-file.js';

type Entry = readonly [name: string, description: string];

const TOPICS = {
  scenarios: (): Entry[] => shippedScenarios().map((name) => [name, scenarioDescription(name)]),
  profiles: (): Entry[] => builtInProfiles().map((name) => [name, loadProfile(name).description]),
  workloads: (): Entry[] => WORKLOADS.map((name) => [name, WORKLOAD_DESCRIPTIONS[name]]),
  policies: (): Entry[] => AP_HALT_POLICIES.map((name) => [name, POLICY_DESCRIPTIONS[name]]),
  images: (): Entry[] => [BOOT, ...imageKeys()],
  'kvm-versions': (): Entry[] => KVM_VERSIONS.map((name) => [name, VERSION_DESCRIPTIONS[name]]),
  metrics: (): Entry[] => Object.entries(METRICS).map(([name, { description }]) => [name, description]),
  formats: (): Entry[] => FORMAT_NAMES.map((name) => [name, FORMATS[name].description]),
  'compare-formats': (): Entry[] => COMPARISON_FORMAT_NAMES.map((name) => [name, COMPARISON_FORMATS[name].description]),
  'import-formats': (): Entry[] => Object.entries(IMPORT_FORMATS),
  measured: (): Entry[] => shippedMeasurements().map((file) => [file, measurementDescription(file)]),
} as const;

type Topic = keyof typeof TOPICS;

const WORKLOAD_DESCRIPTIONS = {
  ipi: 'the sender waits until the target has run the handler',
  'ipi-halt': 'the same, after a pause that lets the target halt',
  vmcall: 'round trip of a hypercall',
  cpuid: 'round trip of CPUID',
  senduipi: 'user interrupt from user mode to user mode',
} as const;

const POLICY_DESCRIPTIONS = {
  spin: 'idle loop without PAUSE',
  pause: 'idle loop with PAUSE (idle=poll)',
  hlt: 'HLT exits to KVM, which polls and then blocks',
  'hlt-passthrough': 'HLT does not exit',
  'mwait-passthrough': 'MONITOR and MWAIT do not exit',
} as const;

/** Beside it stand the keys of a scenario with an image. */
const BOOT: Entry = [
  'boot IMAGE',
  'not a scenario: its console on stdout, on KVM or bare; `boot --help` has the options',
];

const VERSION_DESCRIPTIONS = {
  v1: 'the first posting of the series, July 2021, on Linux 5.14',
  '5.19': 'Linux 5.19, as merged',
  '6.12': 'Linux 6.12',
} as const;

/** `ipiv-bench list [TOPIC]` */
export const listCommand: CommandModule = {
  define(command, run) {
    const topics = Object.keys(TOPICS) as Topic[];
    command
      .addArgument(new Argument('[topic]', 'what to list (default: everything)').choices(topics))
      .action((topic?: Topic) => run(() => list(topic === undefined ? topics : [topic])));
    example(command, 'ipiv-bench list scenarios');
  },
};

async function list(topics: readonly Topic[]): Promise<ExitCode> {
  const sections = topics.map((topic) => {
    const lines = columns(TOPICS[topic]());
    return topics.length === 1 ? lines : [`${topic}:`, ...lines.map((line) => `  ${line}`), ''];
  });
  const problem = await print(`${sections.flat().join('\n').trimEnd()}\n`);
  return problem === null ? EXIT.DONE : complain([problem]);
}

function columns(entries: readonly Entry[]): string[] {
  const width = Math.max(...entries.map(([name]) => name.length));
  return entries.map(([name, description]) => `${name.padEnd(width)}  ${description}`);
}

function scenarioDescription(name: string): string {
  const loaded = loadScenario(packageFile(`scenarios/${name}.json`));
  return loaded.ok ? loaded.value.scenario.description : '';
}

/** Results of real machines that come with the package. */
function shippedMeasurements(): string[] {
  return readdirSync(packageFile('results/measured'))
    .filter((file) => file.endsWith('.json'))
    .map((file) => `results/measured/${file}`)
    .sort();
}

function measurementDescription(file: string): string {
  const loaded = loadResult(packageFile(file));
  return loaded.status === 'loaded' ? machineText(loaded.result) : '';
}
