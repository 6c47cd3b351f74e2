/**
 * One machine for one run of one case: the host, KVM on it, a built-in guest in it; from reset to result.
 */
import { DEFAULT_FEATURES } from '../hardware/cpu/features.js';
import { KnownCode } from '../hardware/cpu/known-code.js';
import { ALL_CPUS } from '../hardware/clock/clock.js';
import { TICKS_PER_CYCLE } from '../cost/step.js';
import { buildGuest, type GuestImage, type GuestOptions, type GuestResults } from '../guest/guest-image.js';
import { EXIT_DONE } from '../guest/programs/start.js';
import { Kvm, NO_EXITS } from '../hypervisor/kvm.js';
import { BenchUserSpace } from './bench-user-space.js';
import { buildHardware, type Hardware } from './hardware.js';
import { parametersOf } from './parameters.js';
import { vcpuFailureText } from './vcpu-failure-text.js';
import { impossibilities } from './impossible.js';
import type { MachineInputs, MachineOptions } from './machine-options.js';
import { GuestFailure, type MachineResult } from './machine-result.js';
import { Measurement } from './measurement.js';
import type { Observer } from './observer.js';

/** Host-physical memory for KVM's own structures: tables of the VM, and pages per vCPU. */
const HOST_BYTES = 4 << 20;
const HOST_BYTES_PER_VCPU = 64 << 10;
/** A guest that has not ended by then never will: 2^42 cycles are half an hour at 2.4 GHz. */
const LONGEST_RUN_CYCLES = 2 ** 42;
/** The first page stays unused, so that no structure has address 0. */
const FIRST_PAGE = 4096;

/** A machine with a guest loaded, before its first cycle. */
export interface Machine {
  readonly hardware: Hardware;
  readonly kvm: Kvm;
  readonly guest: GuestImage;
  readonly userSpace: BenchUserSpace;
  readonly measurement: Measurement;
}

/**
 * Builds the machine of a case, with an observer if wanted. Throws a RangeError when the case is impossible (see
 * `impossibilities`).
 */
export function buildMachine(options: MachineOptions, inputs: MachineInputs, observer?: Observer): Machine {
  const impossible = impossibilities(options).at(0);
  if (impossible !== undefined) throw new RangeError(`${impossible.path.join('.')}: ${impossible.message}`);
  const { guest, code } = programOf(options);
  const hostBytes = HOST_BYTES + options.vcpus * HOST_BYTES_PER_VCPU;
  const kvmOfExits: { kvm: Kvm | null } = { kvm: null };
  const measurement = new Measurement((cpu) => kvmOfExits.kvm?.exitStatistics(cpu) ?? NO_EXITS);
  const hardware = buildHardware(
    {
      host: options.host,
      cpus: options.vcpus,
      ramBytes: guest.memoryBytes + hostBytes,
      features: { ...DEFAULT_FEATURES, ipiv: options.cpu.ipiv, uintr: options.cpu.uintr },
      onMarker: (cpu, marker) => {
        measurement.onMarker(cpu, marker);
        observer?.onMarker?.(cpu, marker);
      },
      knownCode: code,
      observer,
    },
    inputs,
  );
  measurement.attach(hardware);
  observer?.attach(hardware, guest.iteration);
  const userSpace = new BenchUserSpace(() => {
    hardware.clock.stop();
  });
  const kvm = new Kvm({
    cpus: hardware.cpus,
    memory: hardware.memory,
    userSpace,
    hostMemory: { start: FIRST_PAGE, end: hardware.memory.ramBytes },
    guestMemoryBytes: guest.memoryBytes,
    parameters: parametersOf(options, {
      hlt: options.apHaltPolicy === 'hlt-passthrough',
      mwait: options.apHaltPolicy === 'mwait-passthrough',
      pause: false,
    }),
    tscGHz: options.host.tscGHz,
    hostApicMode: options.host.apicMode,
  });
  kvmOfExits.kvm = kvm;
  loadGuest(kvm, hardware, guest);
  return { hardware, kvm, guest, userSpace, measurement };
}

/** A guest, and what machines have found out about its code. */
interface Program {
  readonly guest: GuestImage;
  readonly code: KnownCode;
}

/** Those built so far, by their options: the runs of a case differ in costs alone. */
const programs = new Map<string, Program>();
const PROGRAMS_KEPT = 32;

function programOf({ workload, vcpus, apicMode, apHaltPolicy, apPhase, iterations, warmup }: MachineOptions): Program {
  const options: GuestOptions = { workload, vcpus, apicMode, apHaltPolicy, apPhase, iterations, warmup };
  const key = JSON.stringify(options);
  const known = programs.get(key);
  if (known !== undefined) return known;
  const program = { guest: buildGuest(options), code: new KnownCode() };
  if (programs.size === PROGRAMS_KEPT) programs.clear();
  programs.set(key, program);
  return program;
}

function loadGuest(kvm: Kvm, hardware: Hardware, guest: GuestImage): void {
  guest.vcpus.forEach((registers, id) => {
    const cpu = hardware.cpus.at(id);
    if (cpu === undefined) throw new RangeError('more vCPUs than physical CPUs');
    const vcpu = kvm.createVcpu(id, cpu);
    vcpu.setRegisters(registers);
    vcpu.setSystemRegisters(registers);
  });
  for (const { gpa, bytes } of guest.segments) kvm.guestMemory.write(gpa, bytes);
}

/** Runs a case once, from reset to the guest's end. Throws GuestFailure when it yields no result. */
export function runMachine(options: MachineOptions, inputs: MachineInputs, observer?: Observer): MachineResult {
  const machine = buildMachine(options, inputs, observer);
  const { hardware, kvm, guest, userSpace, measurement } = machine;
  hardware.clock.schedule(LONGEST_RUN_CYCLES * TICKS_PER_CYCLE, ALL_CPUS, () => {
    hardware.clock.stop();
  });
  const isStopped = hardware.clock.run();
  if (isStopped && userSpace.end === null) {
    const details = kvm.describeVcpus();
    throw new GuestFailure('the guest has not ended: no run may take longer', LONGEST_RUN_CYCLES, details);
  }
  if (userSpace.end?.kind !== 'exit' || userSpace.end.code !== EXIT_DONE) throw failureOf(machine);
  const results = guest.readResults((gpa) => Number(kvm.guestMemory.read64(gpa)));
  const cpus = measurement.activity();
  // An observer may look back.
  if (observer === undefined) hardware.memory.release();
  return {
    iterations: results.iterations,
    outer: results.cycles / results.iterations,
    inner: results.innerCycles === null ? null : results.innerCycles / results.iterations,
    cpus,
    lineTransfers: cpus.reduce((sum, { steps }) => sum + (steps['line-transfer']?.count ?? 0), 0),
    console: consoleLines(options.workload, results),
    effective: { apicv: kvm.parameters.enableApicv, ipiv: kvm.parameters.enableIpiv },
  };
}

/** As kvm-unit-tests' vmexit prints it: integer division, the inner average only where there is one. */
function consoleLines(workload: string, { cycles, innerCycles, iterations }: GuestResults): string[] {
  const name = workload.replaceAll('-', '_');
  const lines = [`${name} ${String(Math.floor(cycles / iterations))}`];
  if (innerCycles !== null && innerCycles !== 0)
    lines.push(`  ipi ${name} ${String(Math.floor(innerCycles / iterations))}`);
  return lines;
}

function failureOf({ hardware, kvm, userSpace }: Machine): GuestFailure {
  const cycles = Math.floor(Math.max(...hardware.cpus.map((cpu) => cpu.now)) / TICKS_PER_CYCLE);
  const details = kvm.describeVcpus();
  if (userSpace.end?.kind === 'exit') {
    return new GuestFailure(
      `the guest took exception ${String(userSpace.end.code & 0xff)} and gave up`,
      cycles,
      details,
    );
  }
  if (userSpace.end?.kind === 'failure') {
    const { vcpu, failure } = userSpace.end;
    return new GuestFailure(`vCPU ${String(vcpu)}: ${vcpuFailureText(failure, hardware.cpus[vcpu])}`, cycles, details);
  }
  return new GuestFailure('the guest hangs: no CPU can ever go on', cycles, details);
}
