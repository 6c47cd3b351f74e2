import { createHash } from 'node:crypto';
import { STEP, STEP_NAMES } from '../../src/cost/step.js';
import * as L from '../../src/hardware/cpu/layout.js';
import { GDT, STACK, type Fixture } from './cpu-fixture.js';

const PAGE = 4096;

/** Everything that software and other CPUs can tell about the first CPU, and what it has cost. */
export function observed({ cpu, memory, meter }: Fixture): Readonly<Record<string, unknown>> {
  const counts = Array.from(meter.counts.subarray(0, STEP_NAMES.length));
  const ticks = Array.from(meter.ticks.subarray(0, STEP_NAMES.length));
  const iretqs = cpu.long(L.CPU_COUNT_IRETQ);
  counts[STEP.IRETQ] += iretqs;
  ticks[STEP.IRETQ] += iretqs * meter.table.stepTicks[STEP.IRETQ];
  return {
    registers: Array.from({ length: 16 }, (_, register) => cpu.gpr(register)),
    rip: cpu.rip,
    flags: cpu.rflags,
    cpl: cpu.cpl,
    segments: cpu.segments.map(({ selector, base, limit, access }) => ({ selector, base, limit, access })),
    blocking: [cpu.nmiBlocked, cpu.shadow, cpu.debugExceptions.pending, cpu.activity],
    control: [cpu.cr2, cpu.injected, cpu.delivering, cpu.fault, cpu.word(L.CPU_COLLECTED_COUNT)],
    now: cpu.now,
    retired: cpu.long(L.CPU_RETIRED),
    counts,
    ticks,
    memory: [GDT, STACK - PAGE, STACK - 2 * PAGE].map((page) =>
      createHash('sha256').update(memory.bytes(page, PAGE)).digest('hex'),
    ),
    lines: Array.from(memory.u8.subarray(memory.lineMasks, memory.lineMasks + 4 * L.LINE_MASK_SIZE)),
  };
}
