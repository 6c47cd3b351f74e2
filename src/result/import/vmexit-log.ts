import { WORKLOADS } from '../../machine/machine-options.js';
import type { Override } from '../../scenario/overrides.js';
import type { Problem } from '../../scenario/problem.js';
import { parseHeading } from './log-settings.js';
import { linesOf, type ForeignLine, type ParsedLog, type ParsedRun } from './parsed-log.js';

/** Tests of kvm-unit-tests' vmexit. */
const TESTS = new Set(
  (
    'cpuid vmcall wbinvd invd mov_from_cr8 mov_to_cr8 inl_from_pmtimer inl_from_qemu inl_from_kernel outl_to_kernel ' +
    'mov_dr tscdeadline_immed tscdeadline self_ipi_sti_nop self_ipi_sti_hlt self_ipi_tpr self_ipi_tpr_sti_nop ' +
    'self_ipi_tpr_sti_hlt x2apic_self_ipi_sti_nop x2apic_self_ipi_sti_hlt x2apic_self_ipi_tpr ' +
    'x2apic_self_ipi_tpr_sti_nop x2apic_self_ipi_tpr_sti_hlt ipi ipi_halt ple_round_robin wr_kernel_gs_base ' +
    'wr_tsx_ctrl_msr wr_ibrs_msr wr_ibpb_msr wr_tsc_adjust_msr rd_tsc_adjust_msr toggle_cr0_wp toggle_cr4_pge pci-mem ' +
    'pci-io'
  ).split(' '),
);

/** What a start of kvm-unit-tests prints before the first test, and after the last one. */
const EXPECTED = [
  /^\s*$/,
  /^enabling apic$/,
  /^smp: waiting for \d+ APs$/,
  /^setup: CPU \d+ online$/,
  /^paging enabled$/,
  /^cr[034] = [0-9a-f]+$/,
  /^pci-testdev at /,
  /^BUILD_HEAD=/,
  /^timeout .*qemu/,
  /^--- DONE: \d+ ---$/,
  /^1\.\.\d+$/,
  /^TAP version 1[34]$/,
];

/** Reads the console of kvm-unit-tests' vmexit, or of several starts of it, or a TAP report that holds such lines. */
export function parseVmexitLog(file: string, text: string, format: 'vmexit' | 'tap' = 'vmexit'): ParsedLog {
  const reader = new VmexitReader(file, format);
  const lines = linesOf(text);
  const cutOff = !text.endsWith('\n');
  lines.forEach((line, index) => {
    reader.take(line, index + 1, cutOff && index === lines.length - 1);
  });
  return reader.finish();
}

/** A run that may still get its second and third line. */
type OpenRun = { -readonly [Key in keyof ParsedRun]: ParsedRun[Key] } & { readonly test: string; console: string[] };

class VmexitReader {
  readonly #file: string;
  readonly #format: 'vmexit' | 'tap';
  readonly #runs: OpenRun[] = [];
  readonly #skipped: string[] = [];
  readonly #foreign: ForeignLine[] = [];
  readonly #problems: Problem[] = [];
  #settings: readonly Override[] = [];
  #vcpus: number | null = null;

  constructor(file: string, format: 'vmexit' | 'tap') {
    this.#file = file;
    this.#format = format;
  }

  /** One line; the last one of a file without a line end may be the beginning of a longer number. */
  take(line: string, number: number, cutOff: boolean): void {
    if (this.#takeHeading(line, number) || this.#takeMachine(line)) return;
    const text = this.#format === 'tap' ? withoutTap(line) : line;
    const result = /^\s*(?:(ipi|eoi) )?([\w:-]+) +(\S+)$/.exec(text);
    if (result !== null && isTest(result[2]) && /^[-+]?(\d|nan|inf)/i.test(result[3])) {
      if (cutOff) this.#problem(number, 'the last line has no line end: the log may be cut off in a number');
      else this.#takeResult(result[1], result[2], result[3], text, number);
      return;
    }
    if (!this.#takeSkip(line, text) && !EXPECTED.some((each) => each.test(text))) {
      this.#foreign.push({ line: number, text: line });
    }
  }

  finish(): ParsedLog {
    return {
      file: this.#file,
      format: this.#format,
      runs: this.#runs.map(({ test: _, ...run }) => run),
      exitTables: [],
      skipped: this.#skipped,
      foreign: this.#foreign,
      vcpus: this.#vcpus,
      problems: this.#problems,
    };
  }

  #takeHeading(line: string, number: number): boolean {
    const heading = parseHeading(line, this.#file, number);
    if (heading === null) return false;
    this.#settings = heading.settings;
    this.#problems.push(...heading.problems);
    return true;
  }

  /** How many vCPUs there are: what came up, and what QEMU was told. */
  #takeMachine(line: string): boolean {
    const online = /^setup: CPU (\d+) online$/.exec(line);
    const told = /\bqemu\S*\s.*-smp (?:cpus=)?(\d+)/.exec(line);
    const vcpus = online === null ? Number(told?.[1] ?? 0) : Number(online[1]) + 1;
    if (vcpus === 0) return false;
    this.#vcpus = Math.max(vcpus, this.#vcpus ?? 0);
    return true;
  }

  #takeResult(part: string | undefined, test: string, figure: string, line: string, number: number): void {
    const cycles = /^\d+$/.test(figure) ? Number(figure) : 0;
    if (cycles <= 0 || !Number.isSafeInteger(cycles)) {
      this.#problem(number, `${test} is "${figure}", not a number of cycles`);
    } else if (part === undefined) {
      const workload = workloadOf(test);
      const settings = this.#settings;
      this.#runs.push({ workload, test, average: cycles, inner: null, console: [line.trim()], settings });
    } else this.#takeSecondLine(part, test, cycles, line, number);
  }

  #takeSecondLine(part: string, test: string, cycles: number, line: string, number: number): void {
    const run = this.#runs.at(-1);
    if (run === undefined || run.test !== test || (part === 'ipi' && run.inner !== null)) {
      this.#problem(number, `"${line.trim()}" does not follow a line "${test} CYCLES"`);
      return;
    }
    if (part === 'ipi') run.inner = cycles;
    run.console.push(`  ${line.trim()}`);
  }

  #takeSkip(line: string, text: string): boolean {
    const skipped = /^([\w:-]+) \(skipped\)$/.exec(text.trim())?.[1];
    const tap = /^ok \d+ - (.*?)\s*# *skip/i.exec(line)?.[1] ?? /^not ok \d+ - (.*)$/.exec(line)?.[1];
    const name = skipped ?? tap;
    if (name === undefined) return this.#format === 'tap' && /^ok \d+/.test(line);
    this.#skipped.push(name);
    return true;
  }

  #problem(line: number, message: string): void {
    this.#problems.push({
      at: { source: this.#file, line, column: 1 },
      message,
      hint: 'complete the line, or take it and its run out',
    });
  }
}

/** `ok 3 - vmexit_ipi: ipi 3768` and `# ipi 3768` hold a line of the console. */
function withoutTap(line: string): string {
  return line.replace(/^(?:not )?ok \d+ - [\w:-]+: /, '').replace(/^# ?/, '');
}

function isTest(name: string): boolean {
  const plain = name.slice(name.lastIndexOf(':') + 1);
  return TESTS.has(plain) || (WORKLOADS as readonly string[]).includes(plain.replaceAll('_', '-'));
}

/** Our workloads are named after the tests, with hyphens. */
function workloadOf(test: string): string {
  const hyphenated = test.replaceAll('_', '-');
  return (WORKLOADS as readonly string[]).includes(hyphenated) ? hyphenated : test;
}
