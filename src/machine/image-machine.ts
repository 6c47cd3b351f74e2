/**
 * A machine that starts a multiboot image: processors, board, and KVM between them or not; from reset to the guest's
 * end.
 */
import { TICKS_PER_CYCLE } from '../cost/step.js';
import { loadMultiboot, type MultibootImage } from '../guest/multiboot.js';
import type { LoadProblem } from '../guest/load-problem.js';
import { ACTIVITY_ACTIVE } from '../hardware/cpu/activity.js';
import type { Cpu } from '../hardware/cpu/cpu.js';
import { DEFAULT_FEATURES } from '../hardware/cpu/features.js';
import { updateMode } from '../hardware/cpu/mode.js';
import { initialize } from '../hardware/cpu/reset.js';
import { UnimplementedError } from '../hardware/cpu/unimplemented.js';
import { ALL_CPUS } from '../hardware/clock/clock.js';
import type { RaisedInterrupt } from '../hypervisor/kernel-devices.js';
import { Kvm } from '../hypervisor/kvm.js';
import { MIN_TIMER_PERIOD_NS } from '../hypervisor/kvm-parameters.js';
import { isAccepted } from '../hypervisor/lapic/destinations.js';
import type { Vcpu } from '../hypervisor/vcpu.js';
import { BoardUserSpace, type BoardMachineEnd } from '../platform/board-user-space.js';
import { BoardKernelDevices, boardInterrupts } from '../platform/board-kernel-devices.js';
import { Board, type BoardInterrupts } from '../platform/board.js';
import { directMemory, directPorts, driveLint0, listenToCpus, sendFromBoard } from './board-access.js';
import { BoardClock } from './board-clock.js';
import { ASLEEP } from '../hardware/cpu/layout.js';
import { buildHardware, type Hardware } from './hardware.js';
import { InstructionTrail } from './instruction-trail.js';
import type { ImageOptions } from './image-options.js';
import type { MachineInputs } from './machine-options.js';
import type { Observer } from './observer.js';
import { parametersOf } from './parameters.js';
import { enterVirtualWireMode } from './virtual-wire.js';

const MIB = 2 ** 20;
/** Host-physical memory for KVM's own structures: EPT tables of the VM, and pages per vCPU. */
const HOST_BYTES = 16 * MIB;
const HOST_BYTES_PER_VCPU = MIB / 16;
/** The first page stays unused, so that no structure has address 0. */
const FIRST_PAGE = 4096;
const HERTZ_PER_GHZ = 1e9;
/** An image does not say where its iterations begin. */
const NO_ITERATION = -1;
/** How long before the end of its time the machine begins to record instructions. */
export const TRAIL_CYCLES = 100_000;
const RAX = 0;
const RBX = 3;
const RSP = 4;

/** How the machine came to its end. */
export type ImageEnd =
  | BoardMachineEnd
  /** Nobody can ever go on. */
  | { readonly kind: 'deadlock' }
  /** `maxCycles` have passed. */
  | { readonly kind: 'time-out' };

/** A machine with an image loaded, before its first cycle. */
export interface ImageMachine {
  readonly kind: 'machine';
  readonly hardware: Hardware;
  readonly board: Board;
  /** null = bare. */
  readonly kvm: Kvm | null;
  /**
   * Runs for `cycles` more, or to the end; null when it has not come to that. However a run is cut into pieces, the
   * machine does the same. Throws UnimplementedError for an instruction that is not modelled.
   */
  readonly run: (cycles: number) => ImageEnd | null;
  /** Simulated TSC cycles so far. */
  readonly cycles: () => number;
  /** The last instructions, recorded near the end of the machine's time; null if somebody else observes it. */
  readonly trail: InstructionTrail | null;
  /** The same machine once more before its first cycle, observed and with a mute console. It does the same again. */
  readonly again: (observer: Observer) => ImageMachine;
}

export interface ImageInputs extends MachineInputs {
  /** Takes each byte of the serial console, and when it was written, in ticks. */
  readonly console: (byte: number, ticks: number) => void;
}

/** Loads `image` into a new machine; a LoadProblem when it is not one that can be loaded. */
export function buildImageMachine(
  image: Uint8Array,
  options: ImageOptions,
  inputs: ImageInputs,
  observer?: Observer,
): ImageMachine | LoadProblem {
  const loaded = loadImage(image, options);
  if (loaded.kind === 'problem') return loaded;
  return build(loaded, options, inputs, observer);
}

function build(image: MultibootImage, options: ImageOptions, inputs: ImageInputs, given?: Observer): ImageMachine {
  const memoryBytes = options.memoryMiB * MIB;
  const trail = given === undefined ? new InstructionTrail() : null;
  const observer = (given ?? trail) as Observer;
  const hardware = buildImageHardware(options, memoryBytes, inputs, observer);
  observer.attach(hardware, NO_ITERATION);
  const machine = new Builder(hardware, options, inputs, trail);
  const kvm = options.bare ? machine.startBare(image) : machine.startKvm(image, memoryBytes);
  return {
    kind: 'machine',
    hardware,
    board: machine.board,
    kvm,
    run: (cycles) => machine.run(cycles),
    cycles: () => Math.floor(Math.max(...hardware.cpus.map((cpu) => cpu.now)) / TICKS_PER_CYCLE),
    trail,
    again: (watching) => build(image, options, { ...inputs, console: () => undefined }, watching),
  };
}

/** Where an image lies in the machine's memory and how it starts, or why not. */
export function loadImage(image: Uint8Array, options: ImageOptions): MultibootImage | LoadProblem {
  const { commandLine, environment, memoryMiB } = options;
  return loadMultiboot(image, { commandLine, environment, memoryBytes: memoryMiB * MIB });
}

function buildImageHardware(
  options: ImageOptions,
  memoryBytes: number,
  inputs: MachineInputs,
  observer: Observer,
): Hardware {
  const { bare, vcpus, apicMode, cpu, host, haltPolicy } = options;
  const hardware = buildHardware(
    {
      host,
      cpus: vcpus,
      ramBytes: bare ? memoryBytes : memoryBytes + HOST_BYTES + vcpus * HOST_BYTES_PER_VCPU,
      features: {
        ...DEFAULT_FEATURES,
        ipiv: cpu.ipiv,
        uintr: cpu.uintr,
        x2apic: !bare || apicMode === 'x2apic',
      },
      observer,
    },
    inputs,
  );
  if (haltPolicy === 'spin') for (const each of hardware.cpus.slice(1)) each.haltPolls = true;
  return hardware;
}

class Builder {
  readonly board: Board;
  readonly #hardware: Hardware;
  readonly #options: ImageOptions;
  readonly #clock = new BoardClock();
  readonly #raised: RaisedInterrupt[] = [];
  readonly #trail: InstructionTrail | null;
  /** Those of a machine with KVM. */
  #vcpus: readonly Vcpu[] = [];
  #end: ImageEnd | null = null;
  /** Cycles that it has been given to run. */
  #given = 0;

  constructor(hardware: Hardware, options: ImageOptions, inputs: ImageInputs, trail: InstructionTrail | null) {
    this.#hardware = hardware;
    this.#options = options;
    this.#trail = trail;
    this.board = new Board(
      {
        apicIds: hardware.cpus.map(({ apicId }) => apicId),
        memoryBytes: options.memoryMiB * MIB,
        tscHertz: Math.round(options.host.tscGHz * HERTZ_PER_GHZ),
        reinjectsTimer: !options.bare,
        leastTimerPeriodNs: options.bare ? 0 : MIN_TIMER_PERIOD_NS,
      },
      {
        now: () => this.#clock.cycles,
        console: (byte) => {
          inputs.console(byte, this.#clock.ticks);
        },
        ...(options.bare
          ? this.#bareInterrupts()
          : boardInterrupts(this.#raised, (message) => isAccepted(this.#vcpus, message))),
      },
    );
  }

  run(cycles: number): ImageEnd | null {
    const { clock, cpus } = this.#hardware;
    const { maxCycles } = this.#options;
    const before = this.#given;
    this.#given = Math.min(before + cycles, maxCycles);
    const trailFrom = Math.max(0, maxCycles - TRAIL_CYCLES);
    if (before <= trailFrom && trailFrom < this.#given) this.#scheduleTrail(trailFrom);
    clock.schedule(this.#given * TICKS_PER_CYCLE, ALL_CPUS, () => {
      const isStuck = !clock.hasEvents && cpus.every(({ state }) => state === ASLEEP);
      if (isStuck) this.#finish({ kind: 'deadlock' });
      else if (this.#given === maxCycles) this.#finish({ kind: 'time-out' });
      else clock.stop();
    });
    try {
      clock.run();
    } catch (error) {
      // What a CPU does ahead of the others after the machine's end does not count.
      if (this.#end === null || !(error instanceof UnimplementedError)) throw error;
    }
    return this.#end;
  }

  #scheduleTrail(cycles: number): void {
    this.#hardware.clock.schedule(cycles * TICKS_PER_CYCLE, ALL_CPUS, () => {
      this.#trail?.begin();
    });
  }

  #finish(end: ImageEnd): void {
    this.#end ??= end;
    this.#hardware.clock.stop();
  }

  #bareInterrupts(): BoardInterrupts {
    const hardware = this.#hardware;
    return {
      deliver: (message) => sendFromBoard(hardware, this.#clock, message),
      picOutput: (asserted) => {
        driveLint0(hardware, this.#clock, asserted);
      },
      lineDriven: () => undefined,
      redirectionChanged: () => undefined,
      timerTicked: () => undefined,
      schedule: (at) => {
        this.#schedule(at);
      },
    };
  }

  #schedule(at: number): void {
    if (at === Infinity) return;
    this.#hardware.clock.schedule(at * TICKS_PER_CYCLE, ALL_CPUS, (ticks) => {
      if (this.board.nextEventAt !== at) return;
      this.#clock.atEvent(ticks);
      this.board.runEvents();
    });
  }

  startKvm(image: MultibootImage, memoryBytes: number): Kvm {
    const { cpus, memory } = this.#hardware;
    const { host, apicMode, haltPolicy } = this.#options;
    const disableExits = { hlt: haltPolicy === 'hlt-passthrough', mwait: false, pause: false };
    const onAccess = (vcpu: number): void => {
      this.#clock.at(cpus[vcpu]);
    };
    const userSpace = new BoardUserSpace(this.board, onAccess, (end) => {
      this.#finish(end);
    });
    const kvm = new Kvm({
      cpus,
      memory,
      userSpace,
      hostMemory: { start: FIRST_PAGE, end: memory.ramBytes },
      guestMemoryBytes: memoryBytes,
      parameters: { ...parametersOf(this.#options, disableExits), dumpInvalidVmcs: true },
      guestFeatures: { x2apic: apicMode === 'x2apic', tscDeadline: true, paravirtual: true },
      kernelDevices: new BoardKernelDevices(this.board, this.#raised, onAccess),
      tscGHz: host.tscGHz,
      hostApicMode: host.apicMode,
    });
    cpus.forEach((cpu, id) => {
      kvm.resetVcpu(kvm.createVcpu(id, cpu));
    });
    this.#vcpus = kvm.vm.vcpus;
    const [vcpu] = kvm.vm.vcpus;
    vcpu.setRegisters(image.registers);
    vcpu.setSystemRegisters(image.registers);
    setEntryRegisters(cpus[0], image);
    enterVirtualWireMode(vcpu.apic);
    for (const { gpa, bytes } of [this.board.firmware, ...image.segments]) kvm.guestMemory.write(gpa, bytes);
    return kvm;
  }

  startBare(image: MultibootImage): null {
    const { cpus, memory } = this.#hardware;
    const onWrite = (): void => {
      if (this.board.end !== null) this.#finish(this.board.end);
    };
    for (const cpu of cpus) {
      initialize(cpu);
      cpu.ports = directPorts(cpu, this.board, this.#clock, onWrite);
      cpu.deviceMemory = directMemory(cpu, this.board, this.#clock, onWrite);
      cpu.onShutdown = () => {
        this.#finish({ kind: 'failure', vcpu: cpu.id, failure: { kind: 'shutdown' } });
      };
    }
    listenToCpus(this.#hardware, this.board, this.#clock);
    enterVirtualWireMode(cpus[0].apic);
    for (const { gpa, bytes } of [this.board.firmware, ...image.segments]) memory.bytes(gpa, bytes.length).set(bytes);
    startBootCpu(cpus[0], image);
    return null;
  }
}

function setEntryRegisters(cpu: Cpu, { eax, ebx }: MultibootImage): void {
  cpu.setGprWords(RAX, 0, eax);
  cpu.setGprWords(RBX, 0, ebx);
}

function startBootCpu(cpu: Cpu, image: MultibootImage): void {
  const { registers } = image;
  cpu.cr0 = registers.cr0;
  registers.segments.forEach((segment, index) => Object.assign(cpu.segments[index], segment));
  Object.assign(cpu.gdtr, registers.gdtr);
  Object.assign(cpu.idtr, registers.idtr);
  cpu.cpl = 0;
  cpu.rip = registers.rip;
  cpu.setGprNumber(RSP, registers.rsp);
  cpu.rflags = registers.rflags;
  setEntryRegisters(cpu, image);
  cpu.activity = ACTIVITY_ACTIVE;
  updateMode(cpu);
}
