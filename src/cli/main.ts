import { Command, CommanderError, Option } from 'commander';
import { bugReport } from './bug.js';
import type { CommandModule } from './command.js';
import { survivePipes } from './console.js';
import { EXIT } from './exit-code.js';
import { toolVersion } from './package-file.js';

/** Every command, loaded only when it is asked for: `--help` stays quick. */
const COMMANDS: Readonly<Record<string, { summary: string; group: string; load: () => Promise<CommandModule> }>> = {
  run: {
    summary: 'run scenarios: tables on stdout, results saved',
    group: 'Measure:',
    load: async () => (await import('./run-command.js')).runCommand,
  },
  import: {
    summary: 'turn logs of a real machine into a saved result, to compare with',
    group: 'Measure:',
    load: async () => (await import('./import-command.js')).importCommand,
  },
  explain: {
    summary: 'where the cycles of one IPI go: a time line of named steps, and what IPIv changes',
    group: 'Measure:',
    load: async () => (await import('./explain-command.js')).explainCommand,
  },
  trace: {
    summary: 'events of one case: ftrace, perf kvm stat, Chrome, Perfetto or trace.dat',
    group: 'Measure:',
    load: async () => (await import('./trace-command.js')).traceCommand,
  },
  compare: {
    summary: 'put saved results side by side, emulated or measured',
    group: 'Compare:',
    load: async () => (await import('./compare-command.js')).compareCommand,
  },
  show: {
    summary: 'print a saved result, or run it again and compare',
    group: 'Compare:',
    load: async () => (await import('./show-command.js')).showCommand,
  },
  report: {
    summary: 'draw saved results on one HTML page: tables, distributions, steps, time lines',
    group: 'Compare:',
    load: async () => (await import('./report-command.js')).reportCommand,
  },
  boot: {
    summary: 'run a multiboot guest image, its serial console on stdout',
    group: 'Measure:',
    load: async () => (await import('./boot-command.js')).bootCommand,
  },
  gate: {
    summary: 'compare a saved result with a baseline and fail if it is worse',
    group: 'Compare:',
    load: async () => (await import('./gate-command.js')).gateCommand,
  },
  baseline: {
    summary: 'replace the baseline of a gate, with a reason',
    group: 'Compare:',
    load: async () => (await import('./baseline-command.js')).baselineCommand,
  },
  calibrate: {
    summary: 'fit a cost profile to measured cycles',
    group: 'Profiles:',
    load: async () => (await import('./calibrate-command.js')).calibrateCommand,
  },
  list: {
    summary: 'what there is: scenarios, profiles, workloads, policies, KVM versions',
    group: 'Reference:',
    load: async () => (await import('./list-command.js')).listCommand,
  },
  schema: {
    summary: 'the JSON Schema of scenario files',
    group: 'Reference:',
    load: async () => (await import('./schema-command.js')).schemaCommand,
  },
};

survivePipes();
try {
  await main(process.argv);
} catch (error) {
  process.exitCode = error instanceof CommanderError ? usageCode(error) : bugReport(error);
}

async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('ipiv-bench')
    .description('Benchmarks inter-processor interrupts on an emulated VMX/APIC machine that counts every cycle.')
    .version(toolVersion(), '-V, --version', 'print the version')
    .addOption(new Option('--color <when>', 'colour in tables').choices(['auto', 'always', 'never']).default('auto'))
    .showHelpAfterError('(see --help)')
    .addHelpText('after', '\nExample:\n  $ ipiv-bench run scenarios/ipiv-v1.json')
    .exitOverride();
  const wanted = argv.slice(2).find((argument) => argument in COMMANDS);
  for (const [name, { summary, group, load }] of Object.entries(COMMANDS)) {
    const command = program
      .command(name)
      .description(summary)
      .helpGroup(group)
      .showHelpAfterError(`(see ipiv-bench ${name} --help)`);
    if (name === wanted) {
      (await load()).define(command, async (work) => {
        process.exitCode = await work();
      });
    }
  }
  await program.parseAsync(argv);
}

/** Help and version are no errors; whatever else commander objects to is. */
function usageCode({ exitCode }: CommanderError): number {
  return exitCode === 0 ? EXIT.DONE : EXIT.INPUT_ERROR;
}
