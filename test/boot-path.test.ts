/** The boot path of images, on bare processors: loader, board, the way up to 64-bit mode, start-up of the other CPUs. */
import { describe, expect, it } from 'vitest';
import { costTable } from '../src/cost/cost-table.js';
import { loadProfile } from '../src/cost/profile.js';
import type { MemorySegment } from '../src/guest/boot-image.js';
import { loadMultiboot } from '../src/guest/multiboot.js';
import { bootGuest, bootGuestOutput } from '../src/guest/test-support/boot-guest.js';
import { ACTIVITY_ACTIVE, ACTIVITY_WAIT_FOR_SIPI } from '../src/hardware/cpu/activity.js';
import { updateMode } from '../src/hardware/cpu/mode.js';
import { initialize } from '../src/hardware/cpu/reset.js';
import { buildHardware, type Hardware } from '../src/machine/hardware.js';
import { Board } from '../src/platform/board.js';
import { HOST } from './support/bare-machine.js';
import { interpreterModule } from './support/engine.js';

const MEMORY_BYTES = 16 * 2 ** 20;
const TICKS_PER_CYCLE = 64;
const EAX = 0;
const EBX = 3;

interface Boot {
  readonly hardware: Hardware;
  readonly board: Board;
  output: string;
}

/** Loads an image as a boot loader does and puts a board beside `cpus` processors. */
function boot(image: Uint8Array, commandLine: string, environment: string, cpus: number): Boot {
  const costs = costTable(loadProfile('prior'), HOST.tscGHz);
  const hardware = buildHardware(
    { host: HOST, cpus, ramBytes: MEMORY_BYTES },
    { interpreter: interpreterModule(), costs },
  );
  const apicIds = hardware.cpus.map(({ apicId }) => apicId);
  const board = new Board(
    { apicIds, memoryBytes: MEMORY_BYTES, tscHertz: HOST.tscGHz * 1e9, reinjectsTimer: false, leastTimerPeriodNs: 0 },
    {
      now: () => Math.floor(hardware.cpus[0].now / TICKS_PER_CYCLE),
      console: (byte) => (booted.output += String.fromCharCode(byte)),
      deliver: () => true,
      picOutput: () => undefined,
      lineDriven: () => undefined,
      redirectionChanged: () => undefined,
      timerTicked: () => undefined,
      schedule: () => undefined,
    },
  );
  const booted: Boot = { hardware, board, output: '' };
  for (const cpu of hardware.cpus) {
    cpu.ports = {
      read: (port, size) => board.portRead(port, size),
      write: (port, size, value) => {
        board.portWrite(port, size, value);
        if (board.end !== null) hardware.clock.stop();
      },
    };
    cpu.activity = ACTIVITY_ACTIVE;
    initialize(cpu);
    cpu.activity = ACTIVITY_WAIT_FOR_SIPI;
  }
  place(hardware, [board.firmware]);
  start(hardware, image, commandLine, environment);
  return booted;
}

function place({ memory }: Hardware, segments: readonly MemorySegment[]): void {
  for (const { gpa, bytes } of segments) memory.bytes(gpa, bytes.length).set(bytes);
}

function start(hardware: Hardware, image: Uint8Array, commandLine: string, environment: string): void {
  const loaded = loadMultiboot(image, { commandLine, environment, memoryBytes: MEMORY_BYTES });
  if (loaded.kind === 'problem') throw new Error(loaded.message);
  place(hardware, loaded.segments);
  const [cpu] = hardware.cpus;
  const { registers, eax, ebx } = loaded;
  registers.segments.forEach((segment, index) => Object.assign(cpu.segments[index], segment));
  cpu.cr0 = registers.cr0;
  cpu.rip = registers.rip;
  cpu.rflags = registers.rflags;
  cpu.setGprWords(EAX, 0, eax);
  cpu.setGprWords(EBX, 0, ebx);
  cpu.activity = ACTIVITY_ACTIVE;
  updateMode(cpu);
}

describe('boot path', () => {
  it.each([1, 2, 3])('a multiboot kernel comes up on %d CPUs', (cpus) => {
    const booted = boot(bootGuest(), 'guest.elf all', 'NR_CPUS=2\n', cpus);
    booted.hardware.clock.run();
    expect(booted.output).toBe(bootGuestOutput('guest.elf all', 'NR_CPUS=2\n', cpus));
    expect(booted.board.end).toEqual({ kind: 'exit', code: 0 });
  });
});
