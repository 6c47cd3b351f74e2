import { Assembler } from './assembler.js';
import {
  globalDescriptors,
  initialRegisters,
  interruptDescriptors,
  pageTables,
  perCpuArea,
  type InitialRegisters,
  type MemorySegment,
  type PlacedGate,
} from './boot-image.js';
import * as M from './memory-map.js';
import { cpuid } from './programs/cpuid.js';
import { ipi } from './programs/ipi.js';
import { ipiHalt } from './programs/ipi-halt.js';
import { RESULT_CYCLES, RESULT_INNER_CYCLES, RESULT_ITERATIONS, RESULT_PASSES } from './programs/measurement.js';
import type { Program, ProgramOptions } from './programs/program.js';
import { senduipi, userInterruptTables } from './programs/senduipi.js';
import { emitExceptionHandlers } from './programs/start.js';
import { vmcall } from './programs/vmcall.js';
import { workload, type WorkloadName } from './workloads.js';

export interface GuestOptions extends ProgramOptions {
  readonly workload: WorkloadName;
}

/** A built-in guest, ready to be copied into memory and started. */
export interface GuestImage {
  readonly segments: readonly MemorySegment[];
  /** Guest-physical memory that the guest needs, from address 0. */
  readonly memoryBytes: number;
  /** Initial state by vCPU. All of them start active; the guest does not use INIT or SIPI. */
  readonly vcpus: readonly InitialRegisters[];
  /** Linear address of the instruction with which each iteration begins, on CPU 0. */
  readonly iteration: number;
  /** Reads the results from guest-physical memory once the guest has ended. */
  readonly readResults: (read64: (gpa: number) => number) => GuestResults;
}

export interface GuestResults {
  /** Cycles of the timed loop. */
  readonly cycles: number;
  /** Sum of the cycles of the operations alone, or null where the program does not measure it. */
  readonly innerCycles: number | null;
  /** Iterations of the last pass, to which the cycles belong. */
  readonly iterations: number;
  readonly passes: number;
}

const PROGRAMS: Readonly<Record<WorkloadName, (asm: Assembler, options: ProgramOptions) => Program>> = {
  ipi,
  'ipi-halt': ipiHalt,
  vmcall,
  cpuid,
  senduipi,
};

/**
 * Assembles a built-in guest. Throws a RangeError for options that the workload cannot run with; scenario checks
 * report them earlier and better.
 */
export function buildGuest(options: GuestOptions): GuestImage {
  checkOptions(options);
  const { vcpus } = options;
  const asm = new Assembler(M.KERNEL_CODE);
  const program = PROGRAMS[options.workload](asm, options);
  const gates = [...program.gates, ...emitExceptionHandlers(asm)];
  const code = asm.assemble();
  const placed = gates.map(({ vector, handler, dpl }): PlacedGate => ({
    vector,
    address: code.addressOf(handler),
    dpl,
  }));
  return {
    segments: [
      ...pageTables(vcpus, program.user !== null),
      globalDescriptors(vcpus),
      interruptDescriptors(placed),
      { gpa: code.base, bytes: code.bytes },
      ...apicConstants(program, vcpus, code.addressOf),
      ...userSegments(program, options),
      ...Array.from({ length: vcpus }, (_, cpu) => perCpuArea(cpu)).flat(),
    ],
    memoryBytes: M.memoryBytes(vcpus),
    vcpus: Array.from({ length: vcpus }, (_, cpu) => initialRegisters(cpu, code.addressOf(program.entry(cpu)), vcpus)),
    iteration: typeof program.iteration === 'number' ? program.iteration : code.addressOf(program.iteration),
    readResults: resultsReader(workload(options.workload).hasInnerAverage),
  };
}

function checkOptions({ workload: name, vcpus, apHaltPolicy, iterations }: GuestOptions): void {
  const { minimumVcpus, apHaltPolicies } = workload(name);
  if (vcpus < minimumVcpus || vcpus > M.MAX_VCPUS) {
    throw new RangeError(
      `${name} runs on ${String(minimumVcpus)} to ${String(M.MAX_VCPUS)} vCPUs, not on ${String(vcpus)}`,
    );
  }
  if (!apHaltPolicies.includes(apHaltPolicy)) {
    throw new RangeError(`${name} cannot run with idle policy ${apHaltPolicy}; it knows ${apHaltPolicies.join(', ')}`);
  }
  if (iterations !== 'kvm-unit-tests' && iterations < 1) throw new RangeError('at least one iteration is needed');
}

type AddressOf = ReturnType<Assembler['assemble']>['addressOf'];

function apicConstants({ apicAccessors }: Program, vcpus: number, addressOf: AddressOf): MemorySegment[] {
  const view = new DataView(new ArrayBuffer(M.APIC_ACCESSORS + 16 - M.APIC_ADDRESS));
  view.setBigUint64(0, BigInt(M.LOCAL_APIC), true);
  if (apicAccessors !== null) {
    const at = M.APIC_ACCESSORS - M.APIC_ADDRESS;
    view.setBigUint64(at + M.ACCESSOR_WRITE_REGISTER, BigInt(addressOf(apicAccessors.writeRegister)), true);
    view.setBigUint64(at + M.ACCESSOR_WRITE_ICR, BigInt(addressOf(apicAccessors.writeIcr)), true);
  }
  const ids = Uint32Array.from({ length: vcpus }, (_, cpu) => cpu);
  return [
    { gpa: M.APIC_ADDRESS, bytes: new Uint8Array(view.buffer) },
    { gpa: M.ID_MAP, bytes: new Uint8Array(ids.buffer) },
  ];
}

function userSegments({ user }: Program, { apicMode }: GuestOptions): MemorySegment[] {
  if (user === null) return [];
  const code = user.assemble();
  return [{ gpa: code.base, bytes: code.bytes }, ...userInterruptTables(apicMode)];
}

function resultsReader(hasInnerAverage: boolean): GuestImage['readResults'] {
  return (read64) => ({
    cycles: read64(M.RESULTS + RESULT_CYCLES),
    innerCycles: hasInnerAverage ? read64(M.RESULTS + RESULT_INNER_CYCLES) : null,
    iterations: read64(M.RESULTS + RESULT_ITERATIONS),
    passes: read64(M.RESULTS + RESULT_PASSES),
  });
}
