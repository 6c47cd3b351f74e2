import type { CommandModule } from './command.js';

interface CommandEntry {
  readonly summary: string;
  /** Heading in the help under which it stands. */
  readonly group: string;
  readonly load: () => Promise<CommandModule>;
  /** It describes all commands, so that they must be defined with it. */
  readonly describesAll?: true;
}

/** Every command, loaded only when it is asked for: `--help` stays quick. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
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
  completion: {
    summary: 'a script that completes commands and options in bash, zsh or fish',
    group: 'Reference:',
    load: async () => (await import('./completion-command.js')).completionCommand,
    describesAll: true,
  },
  schema: {
    summary: 'the JSON Schema of scenarios, profiles or saved results',
    group: 'Reference:',
    load: async () => (await import('./schema-command.js')).schemaCommand,
  },
};
