import { costTable } from '../../src/cost/cost-table.js';
import { loadProfile } from '../../src/cost/profile.js';
import type { CostTable } from '../../src/cost/step.js';
import {
  globalDescriptors,
  initialRegisters,
  interruptDescriptors,
  pageTables,
  perCpuArea,
  type InitialRegisters,
  type MemorySegment,
  type PlacedGate,
} from '../../src/guest/boot-image.js';
import { memoryBytes } from '../../src/guest/memory-map.js';
import type { Cpu } from '../../src/hardware/cpu/cpu.js';
import { CPU_FS_BASE, CPU_GS_BASE } from '../../src/hardware/cpu/layout.js';
import { buildHardware, type Hardware } from '../../src/machine/hardware.js';
import type { HostOptions, SimulationOptions } from '../../src/machine/machine-options.js';
import type { Observer } from '../../src/machine/observer.js';
import { interpreterModule } from './engine.js';

export const HOST: HostOptions = {
  apicMode: 'x2apic',
  tscGHz: 2,
  pcpus: null,
  threadsPerCore: 1,
  coresPerSocket: 64,
  mitigations: false,
};

let defaultCosts: CostTable | null = null;

function costs(): CostTable {
  defaultCosts ??= costTable(loadProfile('prior'), HOST.tscGHz);
  return defaultCosts;
}

export interface BareOptions {
  readonly code: { readonly base: number; readonly bytes: Uint8Array };
  /** Entry point of each CPU. */
  readonly entries: readonly number[];
  readonly gates?: readonly PlacedGate[];
  readonly simulation?: SimulationOptions;
  readonly host?: Partial<HostOptions>;
  readonly observer?: Observer;
}

/** Machine code on physical CPUs in 64-bit mode, without any hypervisor. */
export function bareMachine(options: BareOptions): Hardware {
  const { code, entries, gates = [], simulation = {}, host = {}, observer } = options;
  const cpus = entries.length;
  const hardware = buildHardware(
    { host: { ...HOST, ...host }, cpus, ramBytes: memoryBytes(cpus), observer },
    { interpreter: interpreterModule(), costs: costs(), simulation },
  );
  const segments: MemorySegment[] = [
    ...pageTables(cpus, false),
    globalDescriptors(cpus),
    interruptDescriptors(gates),
    ...entries.flatMap((_, cpu) => perCpuArea(cpu)),
    { gpa: code.base, bytes: code.bytes },
  ];
  for (const { gpa, bytes } of segments) hardware.memory.bytes(gpa, bytes.length).set(bytes);
  entries.forEach((rip, cpu) => {
    start(hardware.cpus[cpu], initialRegisters(cpu, rip, cpus));
  });
  return hardware;
}

function start(cpu: Cpu, registers: InitialRegisters): void {
  cpu.cr0 = registers.cr0;
  cpu.cr3 = registers.cr3;
  cpu.cr4 = registers.cr4;
  cpu.eferLow = registers.efer;
  registers.segments.forEach((segment, index) => Object.assign(cpu.segments[index] as object, segment));
  cpu.setLong(CPU_FS_BASE, registers.segments[4]?.base ?? 0);
  cpu.setLong(CPU_GS_BASE, registers.segments[5]?.base ?? 0);
  Object.assign(cpu.gdtr, registers.gdtr);
  Object.assign(cpu.idtr, registers.idtr);
  cpu.cpl = 0;
  cpu.rip = registers.rip;
  cpu.setGprNumber(4, registers.rsp);
  cpu.rflags = registers.rflags;
}
