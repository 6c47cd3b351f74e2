/** One run of one case whose guest runs an image: its console, and what the CPUs did before each line of it. */
import type { LoadProblem } from '../guest/load-problem.js';
import type { Kvm } from '../hypervisor/kvm.js';
import { ConsoleLog, type ConsoleLine } from './console-log.js';
import { buildImageMachine, loadImage, type ImageMachine } from './image-machine.js';
import { imageOptionsOf, type ImageCaseOptions } from './image-options.js';
import { runImage, runImageFor, type ImageOutcome } from './image-run.js';
import type { MachineInputs } from './machine-options.js';
import { GuestFailure, type MachineResult } from './machine-result.js';
import type { Observer } from './observer.js';

/** A completed run. */
export interface ImageCaseResult {
  readonly console: readonly ConsoleLine[];
  readonly effective: MachineResult['effective'];
  /** Simulated TSC cycles from reset to the end. */
  readonly cycles: number;
}

/** What a failure shows of the console. */
const LAST_LINES = 10;

/** Why the image of a case cannot be loaded, or null. */
export function imageProblem(image: Uint8Array, options: ImageCaseOptions): LoadProblem | null {
  const loaded = loadImage(image, imageOptionsOf(options));
  return loaded.kind === 'problem' ? loaded : null;
}

/** Cycles to run between two looks at whether an observer has seen enough. */
const PIECE_CYCLES = 2 ** 22;

/**
 * Runs a case until `observer` is done, or from reset to the guest's end. It does what it does whoever looks. Throws
 * GuestFailure where the guest fails before.
 */
export function observeImageCase(
  image: Uint8Array,
  options: ImageCaseOptions,
  inputs: MachineInputs,
  observer: Observer & { readonly isDone: boolean },
): void {
  const run = new ImageRun(image, options, inputs, observer);
  let outcome: ImageOutcome | null = null;
  while (outcome === null && !observer.isDone) outcome = runImageFor(run.machine, PIECE_CYCLES);
  if (outcome !== null) run.result(outcome);
}

/** Runs a case once, from reset to the guest's end. Throws GuestFailure unless the guest ends with exit code 0. */
export function runImageCase(image: Uint8Array, options: ImageCaseOptions, inputs: MachineInputs): ImageCaseResult {
  const run = new ImageRun(image, options, inputs);
  return run.result(runImage(run.machine));
}

/** The machine of a case and its console. */
class ImageRun {
  readonly machine: ImageMachine;
  readonly #kvm: Kvm;
  readonly #console: ConsoleLog;

  constructor(image: Uint8Array, options: ImageCaseOptions, inputs: MachineInputs, observer?: Observer) {
    const log: { console: ConsoleLog | null } = { console: null };
    const write = (byte: number, ticks: number): void => log.console?.write(byte, ticks);
    const machine = buildImageMachine(image, imageOptionsOf(options), { ...inputs, console: write }, observer);
    if (machine.kind === 'problem') throw new RangeError(`guest.image: ${machine.message}`);
    const { hardware, kvm } = machine;
    if (kvm === null) throw new Error('a case has a hypervisor');
    this.#console = log.console = new ConsoleLog(hardware, (cpu) => kvm.exitStatistics(cpu));
    this.#kvm = kvm;
    this.machine = machine;
  }

  result(outcome: ImageOutcome): ImageCaseResult {
    const console = this.#console.lines();
    const cycles = this.machine.cycles();
    if (outcome.kind === 'exit' && outcome.code === 0) {
      const { enableApicv: apicv, enableIpiv: ipiv } = this.#kvm.parameters;
      return { console, effective: { apicv, ipiv }, cycles };
    }
    const message = outcome.kind === 'exit' ? `the image ended with exit code ${outcome.code}` : outcome.message;
    const tail = console.slice(-LAST_LINES).map(({ text }) => `console: ${text}`);
    throw new GuestFailure(message, cycles, [...tail, ...(outcome.kind === 'exit' ? [] : outcome.details)]);
  }
}
