import type { Engine } from '../../src/hardware/cpu/engine.js';
import { CPU_SYSTEM_FLAGS } from '../../src/hardware/cpu/layout.js';
import type { PhysicalMemory } from '../../src/hardware/memory/physical-memory.js';

/** No instructions are executed: flags are all that is asked of the interpreter. */
export function flagsOnlyEngine(memory: PhysicalMemory): Engine {
  return {
    run: () => {
      throw new Error('no machine code here');
    },
    getFlags: (block) => memory.u32[(block + CPU_SYSTEM_FLAGS) >>> 2],
    setFlags: (block, flags) => {
      memory.u32[(block + CPU_SYSTEM_FLAGS) >>> 2] = flags;
    },
  };
}
