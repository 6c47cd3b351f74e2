import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FLIGHT, STEP_TICKS, vmxMachine, type TestVcpu } from '../../../test/support/vmx-machine.js';
import type { Cpu } from '../cpu/cpu.js';
import { DONE, PASS, WAIT, type Outcome } from '../cpu/outcome.js';
import { ROOT_STOPPED, ROOT_WAITS, type RootSoftware, type RootState } from '../cpu/root-software.js';

type Instruction =
  | { readonly kind: 'run'; readonly ticks: number }
  | { readonly kind: 'ipi'; readonly vector: number }
  | { readonly kind: 'self'; readonly vector: number }
  | { readonly kind: 'eoi' };

/** Smallest latency of the machines here: lines take STEP_TICKS, IPIs FLIGHT. */
const LOOKAHEAD = Math.min(STEP_TICKS, FLIGHT);

/** A guest that executes a list of instructions, and an EOI at the end of every handler, as the run loop would. */
class Guest implements RootSoftware {
  readonly log: string[] = [];
  readonly #vcpu: TestVcpu;
  readonly #program: Instruction[];
  readonly #other: number;
  #started = false;

  constructor(vcpu: TestVcpu, program: readonly Instruction[]) {
    this.#vcpu = vcpu;
    this.#program = [...program, { kind: 'run', ticks: 50_000 }];
    this.#other = 1 - vcpu.cpu.id;
    vcpu.cpu.rootSoftware = this;
  }

  resume(cpu: Cpu): RootState {
    for (;;) {
      if (!this.#started) {
        if (cpu.now >= cpu.clock.limit) return ROOT_WAITS;
        const event = this.#boundary(cpu);
        if (event === WAIT) return ROOT_WAITS;
        if (event !== PASS) continue;
      }
      if (this.#program.length === 0) return ROOT_STOPPED;
      const [instruction] = this.#program;
      this.#started = true;
      const outcome = this.#execute(cpu, instruction);
      if (outcome === WAIT) return ROOT_WAITS;
      cpu.finish();
      this.#started = false;
      this.#program.shift();
      this.log.push(`${String(cpu.now)} ${instruction.kind}`);
    }
  }

  #boundary(cpu: Cpu): Outcome {
    const { apic } = this.#vcpu;
    if (apic.deliverable) return this.#deliver(cpu);
    if (!cpu.apic.requestsService) return PASS;
    const outcome = apic.processPhysicalInterrupt();
    if (outcome !== WAIT) {
      cpu.finish();
      this.log.push(`${String(cpu.now)} processed`);
    }
    return outcome;
  }

  #deliver(cpu: Cpu): Outcome {
    const outcome = this.#vcpu.apic.deliverVirtualInterrupt();
    if (outcome === WAIT) return WAIT;
    cpu.finish();
    this.log.push(`${String(cpu.now)} vector ${String(cpu.injected?.vector)}`);
    cpu.injected = null;
    this.#program.unshift({ kind: 'run', ticks: 100 }, { kind: 'eoi' });
    return outcome;
  }

  #execute(cpu: Cpu, instruction: Instruction): Outcome {
    const { apic } = this.#vcpu;
    switch (instruction.kind) {
      case 'run':
        cpu.now += instruction.ticks;
        return DONE;
      case 'ipi':
        return apic.wrmsr(0x830, this.#other, instruction.vector, 2);
      case 'self':
        return apic.wrmsr(0x83f, 0, instruction.vector, 2);
      case 'eoi':
        return apic.wrmsr(0x80b, 0, 0, 2);
    }
  }
}

function run(programs: readonly (readonly Instruction[])[], quantum: number) {
  const machine = vmxMachine({ apicMode: 'x2apic', ipiv: true, quantum });
  const guests = machine.vcpus.map((vcpu, id) => {
    machine.clock.add(vcpu.cpu);
    return new Guest(vcpu, programs[id]);
  });
  machine.clock.run();
  return {
    logs: guests.map(({ log }) => log),
    ticks: [...machine.meter.ticks],
    states: machine.vcpus.map(({ state, cpu }) => [state.rvi, state.svi, cpu.now]),
  };
}

const vector = fc.integer({ min: 16, max: 255 });
const instruction: fc.Arbitrary<Instruction> = fc.oneof(
  fc.integer({ min: 1, max: 700 }).map((ticks) => ({ kind: 'run' as const, ticks })),
  vector.map((v) => ({ kind: 'ipi' as const, vector: v })),
  vector.map((v) => ({ kind: 'self' as const, vector: v })),
);
const program = fc.array(instruction, { maxLength: 12 });

describe('APIC virtualization on two CPUs that send each other IPIs', () => {
  it('gives the same times, charges and states for every quantum up to the lookahead', () => {
    fc.assert(
      fc.property(program, program, (first, second) => {
        const expected = run([first, second], 0);
        for (const quantum of [1, LOOKAHEAD / 2, LOOKAHEAD]) expect(run([first, second], quantum)).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  it('delivers everything that was sent', () => {
    fc.assert(
      fc.property(program, program, (first, second) => {
        const { logs, states } = run([first, second], LOOKAHEAD);
        for (const [id, mine, others] of [
          [0, first, second],
          [1, second, first],
        ] as const) {
          const wanted = new Set<number>();
          for (const sent of mine) if (sent.kind === 'self') wanted.add(sent.vector);
          for (const sent of others) if (sent.kind === 'ipi') wanted.add(sent.vector);
          const delivered = new Set(
            logs[id].filter((line) => line.includes('vector')).map((line) => Number(line.split(' ')[2])),
          );
          expect(delivered).toEqual(wanted);
          expect(states[id].slice(0, 2)).toEqual([0, 0]);
        }
      }),
      { numRuns: 200 },
    );
  });
});
