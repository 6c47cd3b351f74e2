/** The compiled interpreterModule, as a whole or with the host in place of its instruction loop. */
import { readFileSync } from 'node:fs';
import type { Cpu } from '../../src/hardware/cpu/cpu.js';
import { instantiateEngine, type Engine, type EngineHost } from '../../src/hardware/cpu/engine.js';
import { ASLEEP, CPU_SYSTEM_FLAGS, ORDER_LIMIT, ORDER_STEPPED } from '../../src/hardware/cpu/layout.js';
import type { PhysicalMemory } from '../../src/hardware/memory/physical-memory.js';

let compiled: WebAssembly.Module | null = null;

export function interpreterModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(readFileSync(new URL('../../build/interpreter.wasm', import.meta.url)));
  return compiled;
}

/** For engines that have no other CPUs to deal with. */
export function noHost(): EngineHost {
  throw new Error('nothing here needs the host');
}

/**
 * An engine that keeps the order and the cache lines of a machine; `run` stands for the instruction loop. RFLAGS are
 * kept as they are, and the host delivers interrupts.
 */
export function engineWithout(memory: PhysicalMemory, host: () => EngineHost, run: Engine['run']): Engine {
  memory.u32[ORDER_STEPPED >>> 2] = 1;
  const engine = instantiateEngine(interpreterModule(), memory.wasm, host);
  return {
    ...engine,
    run,
    deliver: () => 0,
    getFlags: (block) => memory.u32[(block + CPU_SYSTEM_FLAGS) >>> 2],
    setFlags: (block, flags) => {
      memory.u32[(block + CPU_SYSTEM_FLAGS) >>> 2] = flags;
      engine.selectBanks(block);
    },
  };
}

/** `engineWithout` for machines that execute no instructions: flags are all that is asked of the interpreter. */
export function flagsOnlyEngine(memory: PhysicalMemory, host: () => EngineHost): Engine {
  return engineWithout(memory, host, () => {
    throw new Error('no machine code here');
  });
}

/** Keeps a CPU out of the order, in the hands of the test; when an event wakes it, it goes back to sleep. */
export function keepAsleep(cpu: Cpu): void {
  cpu.clock.add({
    id: cpu.id,
    block: cpu.block,
    run: () => {
      cpu.state = ASLEEP;
    },
  });
  cpu.state = ASLEEP;
}

/** Lets `cpu` alone run until `limit`, or until it waits or sleeps, outside the order of CPUs. */
export function runUntil(cpu: Pick<Cpu, 'memory' | 'run'>, limit: number): void {
  cpu.memory.u32[ORDER_STEPPED >>> 2] = 1;
  cpu.memory.f64[ORDER_LIMIT >>> 3] = limit;
  cpu.run();
}
