import { basename } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Option, type Command } from 'commander';
import { costTable } from '../cost/cost-table.js';
import { builtInProfiles, DEFAULT_PROFILE, loadProfile } from '../cost/profile.js';
import type { CostTable } from '../cost/step.js';
import { buildImageMachine, type ImageMachine } from '../machine/image-machine.js';
import { IMAGE_HALT_POLICIES, MOST_CYCLES, type ImageHaltPolicy, type ImageOptions } from '../machine/image-options.js';
import { runImageFor, type ImageOutcome } from '../machine/image-run.js';
import { MOST_CPUS } from '../machine/impossible.js';
import { loadInterpreter } from '../machine/interpreter.js';
import { APIC_MODES, KVM_VERSIONS, type ApicMode } from '../machine/machine-options.js';
import type { Observer } from '../machine/observer.js';
import { bad, good, type Checked, type Problem } from '../scenario/problem.js';
import { readImage } from '../scenario/image-file.js';
import type { BootTrace, BootTraceOptions } from './boot-trace.js';
import { example, type CommandModule } from './command.js';
import { complain, tell } from './console.js';
import { ConsoleOutput } from './console-output.js';
import { EXIT } from './exit-code.js';
import { interruptSignal } from './interrupt.js';
import { collect, wholeNumber } from './numbers.js';
import { addTraceOptions, TRACE_OPTION_NAMES } from './trace-options.js';

/** The emulated host: its TSC runs at 2 GHz. */
const HOST = {
  apicMode: 'x2apic',
  tscGHz: 2,
  pcpus: null,
  threadsPerCore: 1,
  coresPerSocket: 64,
  mitigations: false,
} as const;
const HALT_POLL_NS = 200_000;
const PLE_GAP = 128;
const PLE_WINDOW = 4096;
const CYCLES_PER_SECOND = HOST.tscGHz * 1e9;
const LARGEST_EXIT_CODE = 255;
/** How long the machine runs before this program looks around: 5 ms of its time. */
const PIECE_CYCLES = CYCLES_PER_SECOND / 200;
const MOST_SECONDS = Math.floor(MOST_CYCLES / CYCLES_PER_SECOND);

interface Options extends BootTraceOptions {
  readonly append: string;
  readonly env?: readonly string[];
  readonly memory: number;
  readonly apic: ApicMode;
  readonly ipiv: 'on' | 'off';
  readonly apicv: 'on' | 'off';
  readonly kvm: ImageOptions['kvm']['version'];
  readonly bare?: true;
  readonly apHaltPolicy: ImageHaltPolicy;
  readonly profile: string;
  readonly maxCycles?: number;
  readonly timeout: number;
  readonly fastForward: boolean;
  readonly translate: boolean;
}

/** `ipiv-bench boot IMAGE` */
export const bootCommand: CommandModule = {
  define(command, run) {
    const onOff = (flag: string, description: string): Option =>
      new Option(`${flag} <on|off>`, description).choices(['on', 'off']).default('on');
    command
      .argument('<image>', 'multiboot-1 kernel, such as a .flat file of kvm-unit-tests')
      .optionsGroup('The guest:')
      .option('--append <arguments>', 'command line behind the name of the image', '')
      .option('--env <NAME=VALUE>', 'a line of the environment module; repeatable', collect)
      .option('--vcpus <n>', 'virtual CPUs', wholeNumber(1), 2)
      .option('--memory <MiB>', 'memory', wholeNumber(2), 128)
      .addOption(new Option('--apic <mode>', 'xapic hides the x2APIC').choices(APIC_MODES).default('x2apic'))
      .addOption(
        new Option('--ap-halt-policy <policy>', 'HLT of the other CPUs; spin is not architectural')
          .choices(IMAGE_HALT_POLICIES)
          .default('hlt'),
      )
      .optionsGroup('What it runs on:')
      .addOption(onOff('--ipiv', 'IPI virtualization'))
      .addOption(onOff('--apicv', 'APIC virtualization; off turns off IPI virtualization as well'))
      .addOption(new Option('--kvm <version>', 'version of KVM').choices(KVM_VERSIONS).default('6.12'))
      .option('--bare', 'no hypervisor: run on the emulated processors themselves')
      .option('--profile <p>', 'cost profile: a built-in name or a file', DEFAULT_PROFILE)
      .optionsGroup('How long:')
      .option(
        '--max-cycles <n>',
        'simulated cycles after which the guest counts as hanging',
        wholeNumber(1, MOST_CYCLES),
      )
      .option('--timeout <seconds>', 'the same, in simulated seconds', wholeNumber(1, MOST_SECONDS), 600)
      .option('--no-fast-forward', 'simulate every pass of idle loops; results are the same')
      .option('--no-translate', 'leave hot code to the interpreter; results are the same')
      .optionsGroup('Tracing:')
      .option(
        '--trace <format=file>',
        'also write what happens: ftrace, perf-stat, chrome, perfetto or trace-dat; repeatable',
        collect,
      );
    addTraceOptions(command);
    command.action((image: string, options: Options) => run(() => execute(image, options, given(command))));
    example(command, 'ipiv-bench boot vmexit.flat --append "cpuid ipi" --apic xapic --ipiv off');
    command.addHelpText(
      'after',
      '\nExit code: what the guest writes to its exit port (255 if it is more), 0 when it powers itself off. 2: nothing that\n' +
        'can be started. 4: the guest failed or did not end. 130: interrupted. A line on stderr tells ours from its own.',
    );
  },
};

/** Options that the user has typed. */
function given(command: Command): (name: keyof Options) => boolean {
  return (name) => command.getOptionValueSource(name) === 'cli';
}

async function execute(file: string, options: Options, isGiven: (name: keyof Options) => boolean): Promise<number> {
  const wrong = checkOptions(options, isGiven);
  if (wrong !== null) return complain([wrong]);
  const trace = await traceOf(options, isGiven);
  if (!trace.ok) return complain(trace.problems);
  const console = new ConsoleOutput();
  const write = (byte: number): void => {
    console.write(byte);
  };
  const machine = await prepare(file, options, write, trace.value?.tracing);
  if (!machine.ok) return complain(machine.problems);
  if (options.apHaltPolicy === 'spin') {
    tell('note: with --ap-halt-policy spin, HLT of the other CPUs is a one-cycle no-op; no processor does that');
  }
  const code = await watch(machine.value, console);
  const problems = (await trace.value?.write(basename(file), HOST.tscGHz)) ?? [];
  return problems.length > 0 ? complain(problems) : code;
}

/** What the options say about tracing; null when it is nothing. */
async function traceOf(
  options: Options,
  isGiven: (name: keyof Options) => boolean,
): Promise<Checked<BootTrace | null>> {
  if (options.trace === undefined && !TRACE_OPTION_NAMES.some(isGiven)) return good(null);
  const { bootTrace } = await import('./boot-trace.js');
  return bootTrace(options, isGiven);
}

/** Runs the machine piece by piece, so that Ctrl-C and a reader that has gone are noticed. */
async function watch(machine: ImageMachine, console: ConsoleOutput): Promise<number> {
  const signal = interruptSignal();
  for (;;) {
    const outcome = runImageFor(machine, PIECE_CYCLES);
    const problem = console.flush();
    if (problem !== null) return complain([problem]);
    if (outcome !== null) return report(outcome, machine.cycles());
    if (console.isClosed) return EXIT.DONE;
    await nextTurn();
    if (!signal.aborted) continue;
    tell(`interrupted after ${machine.cycles()} cycles`);
    return EXIT.INTERRUPTED;
  }
}

function report(outcome: ImageOutcome, cycles: number): number {
  if (outcome.kind === 'exit') return Math.min(outcome.code, LARGEST_EXIT_CODE);
  tell(`error: ${outcome.message}, after ${cycles} cycles`);
  for (const line of outcome.details) tell(`  ${line}`);
  return EXIT.GUEST_FAILED;
}

async function prepare(
  file: string,
  options: Options,
  write: (byte: number) => void,
  observer: Observer | undefined,
): Promise<Checked<ImageMachine>> {
  const image = readImage(file, { source: file });
  if (!image.ok) return image;
  const costs = await readCosts(options.profile);
  if (!costs.ok) return costs;
  const inputs = {
    interpreter: loadInterpreter(),
    costs: costs.value,
    simulation: { fastForward: options.fastForward, ...(options.translate ? {} : { translateAfter: 0 }) },
    console: write,
  };
  const machine = buildImageMachine(image.value, imageOptions(file, options), inputs, observer);
  if (machine.kind === 'machine') return good(machine);
  const { message, hint, offset } = machine;
  return bad({ at: { source: offset === 0 ? file : `${file} at byte ${offset}` }, message, hint });
}

function checkOptions(options: Options, isGiven: (name: keyof Options) => boolean): Problem | null {
  const { vcpus, apic, env = [] } = options;
  const ofKvm = (['ipiv', 'apicv', 'kvm'] as const).find(isGiven);
  if (options.bare === true && ofKvm !== undefined) {
    const hint = `leave out --${ofKvm} or --bare`;
    return { at: { source: `--${ofKvm} ${options[ofKvm]}` }, message: 'there is no hypervisor with --bare', hint };
  }
  if (options.bare === true && options.apHaltPolicy === 'hlt-passthrough') {
    const at = { source: '--ap-halt-policy hlt-passthrough' };
    return { at, message: 'there is no hypervisor with --bare that HLT could exit to', hint: 'leave it out' };
  }
  const noValue = env.find((line) => !/^[^=]+=/.test(line));
  if (noValue !== undefined) {
    return {
      at: { source: `--env ${noValue}` },
      message: 'is not NAME=VALUE',
      hint: 'for example --env TEST_DEVICE=0',
    };
  }
  if (vcpus > MOST_CPUS) {
    return {
      at: { source: `--vcpus ${vcpus}` },
      message: `the emulated host has ${MOST_CPUS} CPUs`,
      hint: 'take fewer',
    };
  }
  if (apic === 'xapic' && vcpus > 255) {
    return { at: { source: '--apic xapic' }, message: 'its IDs are 8 bits wide', hint: 'take at most 255 vCPUs' };
  }
  return null;
}

function imageOptions(file: string, options: Options): ImageOptions {
  const { append, env = [], timeout, maxCycles } = options;
  return {
    commandLine: append === '' ? file : `${file} ${append}`,
    environment: env.map((line) => `${line}\n`).join(''),
    memoryMiB: options.memory,
    vcpus: options.vcpus,
    apicMode: options.apic,
    ipiv: options.ipiv === 'on',
    bare: options.bare === true,
    haltPolicy: options.apHaltPolicy,
    host: HOST,
    cpu: { ipiv: true, uintr: false },
    kvm: {
      version: options.kvm,
      enableApicv: options.apicv === 'on',
      haltPollNs: HALT_POLL_NS,
      maxVcpuIds: null,
      pleGap: PLE_GAP,
      pleWindow: PLE_WINDOW,
    },
    maxCycles: maxCycles ?? timeout * CYCLES_PER_SECOND,
  };
}

/** What reads profiles of users takes longer to load than many an image runs. */
async function readCosts(name: string): Promise<Checked<CostTable>> {
  if (builtInProfiles().includes(name)) return good(costTable(loadProfile(name), HOST.tscGHz));
  const { readProfile } = await import('../scenario/profile-file.js');
  const profile = readProfile(name, { source: `--profile ${name}` });
  return profile.ok ? good(costTable(profile.value, HOST.tscGHz)) : profile;
}
