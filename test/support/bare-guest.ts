import { costTable } from '../../src/cost/cost-table.js';
import { loadProfile } from '../../src/cost/profile.js';
import { buildGuest, type GuestImage, type GuestOptions, type GuestResults } from '../../src/guest/guest-image.js';
import { EXIT_PORT } from '../../src/guest/programs/start.js';
import type { Cpu } from '../../src/hardware/cpu/cpu.js';
import type { InitialRegisters } from '../../src/guest/boot-image.js';
import { CPU_FS_BASE, CPU_GS_BASE } from '../../src/hardware/cpu/layout.js';
import { buildHardware, type Hardware } from '../../src/machine/hardware.js';
import { HOST } from './bare-machine.js';
import { interpreterModule } from './engine.js';

const RSP = 4;

export interface BareGuestRun {
  readonly results: GuestResults;
  /** What the guest wrote to the exit port, or null when it stopped in another way. */
  readonly exitCode: number | null;
  readonly markers: readonly number[];
  readonly hardware: Hardware;
}

/** Runs a built-in guest as the operating system of the physical processors: no hypervisor. */
export function runBareGuest(options: GuestOptions): BareGuestRun {
  return runBareImage(options, buildGuest(options));
}

/** The same with an image that a test has changed. */
export function runBareImage(options: GuestOptions, guest: GuestImage): BareGuestRun {
  const markers: number[] = [];
  const hardware = buildHardware(
    {
      host: { ...HOST, apicMode: options.apicMode },
      cpus: options.vcpus,
      ramBytes: guest.memoryBytes,
      onMarker: (_, marker) => markers.push(marker),
    },
    { interpreter: interpreterModule(), costs: costTable(loadProfile('prior'), HOST.tscGHz) },
  );
  for (const { gpa, bytes } of guest.segments) hardware.memory.bytes(gpa, bytes.length).set(bytes);
  let exitCode: number | null = null;
  hardware.cpus.forEach((cpu, index) => {
    start(cpu, guest.vcpus[index]);
    cpu.ports = {
      read: () => 0xffff_ffff,
      write: (port, _, value) => {
        if (port !== EXIT_PORT) return;
        exitCode = value;
        hardware.clock.stop();
      },
    };
  });
  hardware.clock.run();
  const results = guest.readResults((gpa) => hardware.memory.readNumber(gpa));
  return { results, exitCode, markers, hardware };
}

function start(cpu: Cpu, registers: InitialRegisters): void {
  cpu.cr0 = registers.cr0;
  cpu.cr3 = registers.cr3;
  cpu.cr4 = registers.cr4;
  cpu.eferLow = registers.efer;
  registers.segments.forEach((segment, index) => Object.assign(cpu.segments[index], segment));
  cpu.setLong(CPU_FS_BASE, registers.segments[4].base);
  cpu.setLong(CPU_GS_BASE, registers.segments[5].base);
  Object.assign(cpu.gdtr, registers.gdtr);
  Object.assign(cpu.idtr, registers.idtr);
  cpu.cpl = 0;
  cpu.rip = registers.rip;
  cpu.setGprNumber(RSP, registers.rsp);
  cpu.rflags = registers.rflags;
}
