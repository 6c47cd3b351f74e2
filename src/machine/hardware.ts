import { Meter } from '../cost/meter.js';
import { Bus } from '../hardware/apic/bus.js';
import { LocalApic } from '../hardware/apic/local-apic.js';
import { Clock } from '../hardware/clock/clock.js';
import { Cpu } from '../hardware/cpu/cpu.js';
import { Decoder } from '../hardware/cpu/decoder.js';
import { instantiateEngine } from '../hardware/cpu/engine.js';
import { DEFAULT_FEATURES, type CpuFeatures } from '../hardware/cpu/features.js';
import type { KnownCode } from '../hardware/cpu/known-code.js';
import { CPU_FAST_FORWARD, ORDER_STEPPED } from '../hardware/cpu/layout.js';
import { Lines } from '../hardware/memory/lines.js';
import { PhysicalMemory } from '../hardware/memory/physical-memory.js';
import { VmxUnit } from '../hardware/vmx/vmx-unit.js';
import { Translator } from '../translator/translator.js';
import type { HostOptions, MachineInputs } from './machine-options.js';
import type { Observer } from './observer.js';
import { Topology } from './topology.js';

/** What the emulated host is made of. */
export interface HardwareOptions {
  readonly host: HostOptions;
  /** CPUs in use; the host may have more. */
  readonly cpus: number;
  readonly ramBytes: number;
  readonly features?: Partial<CpuFeatures>;
  readonly onMarker?: (cpu: Cpu, marker: number) => void;
  /** Of machines that have run the same program; this one adds to it. */
  readonly knownCode?: KnownCode;
  /** Still to be attached. */
  readonly observer?: Observer | undefined;
}

/** A physical machine without software. */
export interface Hardware {
  readonly memory: PhysicalMemory;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly lines: Lines;
  readonly bus: Bus;
  readonly cpus: readonly Cpu[];
  readonly topology: Topology;
}

/** A translation costs as much as ten thousand instructions in the interpreter, and its first calls are slow. */
const TRANSLATE_AFTER = 10_000;

const IGNORE = (): void => undefined;

/** Puts CPUs, memory and interconnect together. CPUs that nothing is pinned to are left out: they would only sleep. */
export function buildHardware(options: HardwareOptions, inputs: MachineInputs): Hardware {
  const { costs, simulation = {} } = inputs;
  const { observer } = options;
  const topology = new Topology(options.host, options.cpus, costs);
  const memory = new PhysicalMemory({ cpus: options.cpus, ramBytes: options.ramBytes });
  const interpreter = instantiateEngine(inputs.interpreter, memory.wasm, () => lines);
  const engine = observer?.engine(interpreter) ?? interpreter;
  const isWatched = observer?.isWatching ?? false;
  if (isWatched) memory.u32[ORDER_STEPPED >>> 2] = 1;
  const clock = new Clock(memory, engine, Math.floor(topology.lookahead * (simulation.lookaheadShare ?? 1)));
  const meter = new Meter(costs, memory.meterTables);
  const lines = new Lines(memory, clock, engine, topology.lineLatency, costs.lineOccupancyTicks);
  const bus = new Bus(memory, engine, topology.flightLatency);
  const { translateAfter = TRANSLATE_AFTER } = simulation;
  const translates = translateAfter > 0 && !isWatched;
  const translator = translates ? new Translator(memory, interpreter, translateAfter) : null;
  const decoder = new Decoder(memory, costs, translator, options.knownCode);
  const features = { ...DEFAULT_FEATURES, ...topologyFeatures(options), ...options.features };
  const parts = { memory, clock, meter, lines, engine, decoder, bus, features, onMarker: options.onMarker ?? IGNORE };
  const cpus = Array.from({ length: options.cpus }, (_, id) => {
    const cpu = new Cpu(id, id, parts);
    cpu.apic = new LocalApic(cpu);
    cpu.vmx = new VmxUnit(cpu);
    cpu.setWord(CPU_FAST_FORWARD, simulation.fastForward === false ? 0 : 1);
    clock.add(cpu);
    lines.add(cpu);
    bus.add(cpu);
    decoder.add(cpu);
    return cpu;
  });
  return { memory, clock, meter, lines, bus, cpus, topology };
}

function topologyFeatures({ host, cpus }: HardwareOptions): Partial<CpuFeatures> {
  return {
    threadsPerCore: host.threadsPerCore,
    threadsPerPackage: Math.min(cpus, host.threadsPerCore * host.coresPerSocket),
  };
}
