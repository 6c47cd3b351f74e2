/**
 * CPUs in 64-bit mode on which every instruction is executed by the host: no interpreter, so that system instructions,
 * events and faults can be tested on their own. NOP (90H) is the only instruction with no handler behind it. Where the
 * interpreter does the same as the host, the same CPUs have it.
 */
import { Decoder as Iced, DecoderOptions } from 'iced-x86';
import { Meter } from '../../src/cost/meter.js';
import { STEP, STEP_NAMES, TICKS_PER_CYCLE, type CostTable } from '../../src/cost/step.js';
import { Bus } from '../../src/hardware/apic/bus.js';
import { LocalApic } from '../../src/hardware/apic/local-apic.js';
import { APIC_SVR, SVR_SOFTWARE_ENABLE } from '../../src/hardware/apic/registers.js';
import { Clock } from '../../src/hardware/clock/clock.js';
import { Cpu, type CpuParts } from '../../src/hardware/cpu/cpu.js';
import type { DecodedInstruction } from '../../src/hardware/cpu/decoded-instruction.js';
import { Decoder } from '../../src/hardware/cpu/decoder.js';
import { instantiateEngine, type Engine } from '../../src/hardware/cpu/engine.js';
import { DEFAULT_FEATURES, type CpuFeatures } from '../../src/hardware/cpu/features.js';
import * as L from '../../src/hardware/cpu/layout.js';
import type { NonRoot } from '../../src/hardware/cpu/non-root.js';
import { PASS } from '../../src/hardware/cpu/outcome.js';
import { describeInstruction } from '../../src/hardware/cpu/record-encoding.js';
import { Lines } from '../../src/hardware/memory/lines.js';
import { PhysicalMemory } from '../../src/hardware/memory/physical-memory.js';
import type { VmxUnit } from '../../src/hardware/vmx/vmx-unit.js';
import { engineWithout, interpreterModule, runUntil } from './engine.js';
import { uniformCosts } from './uniform-costs.js';

export const CODE = 0x10000;
export const USER_CODE = 0x18000;
export const HANDLERS = 0x1c000;
export const STACK = 0x20000;
export const RSP0 = 0x22000;
export const IST1 = 0x24000;
export const USER_STACK = 0x28000;
export const DATA = 0x30000;
/** The first address without a mapping. */
export const NOT_PRESENT = 0x20_0000;
export const GDT = 0x4000;
export const IDT = 0x5000;
export const TSS = 0x6000;

export const KERNEL_CODE = 0x08;
export const KERNEL_DATA = 0x10;
export const USER_DATA = 0x18 | 3;
export const USER_CODE_SELECTOR = 0x20 | 3;
export const TSS_SELECTOR = 0x28;
export const NOT_PRESENT_CODE = 0x38;

export const RSP = 4;
/** Ticks of every step. */
export const STEP_TICKS = 10 * TICKS_PER_CYCLE;
export const LINE_LATENCY = 5 * TICKS_PER_CYCLE;

const RAM = 0x20_0000;
const TSS_LIMIT = 0x67;
const IO_MAP_BASE = 102;
const DESCRIPTORS = [
  0n,
  0x00af_9b00_0000_ffffn,
  0x00cf_9300_0000_ffffn,
  0x00cf_f300_0000_ffffn,
  0x00af_fb00_0000_ffffn,
  0x0000_8900_6000_0067n,
  0n,
  0x00af_1b00_0000_ffffn,
];

export interface FixtureOptions {
  readonly cpus?: number;
  readonly features?: Partial<CpuFeatures>;
  readonly quantum?: number;
  /** Instructions are decoded for the interpreter and executed there. */
  readonly interpreted?: boolean;
}

/** Addresses on lines that the second CPU has read, and has written to. */
export interface LineUse {
  readonly shared: readonly number[];
  readonly taken: readonly number[];
}

export class Fixture {
  readonly memory: PhysicalMemory;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly lines: Lines;
  readonly bus: Bus;
  readonly cpus: readonly Cpu[];

  constructor({ cpus = 1, features = {}, quantum = 0, interpreted = false }: FixtureOptions) {
    const [records, codePages] = interpreted ? [4096, 16] : [1, 1];
    this.memory = new PhysicalMemory({ cpus, ramBytes: RAM, trackedPages: 64, records, codePages });
    const lines = (): Lines => this.lines;
    const engine = interpreted
      ? instantiateEngine(interpreterModule(), this.memory.wasm, lines)
      : nopEngine(this.memory, lines);
    this.clock = new Clock(this.memory, engine, quantum);
    this.bus = new Bus(this.memory, engine, () => LINE_LATENCY);
    this.meter = new Meter(costs(), this.memory.meterTables);
    this.lines = new Lines(this.memory, this.clock, engine, () => LINE_LATENCY, 0);
    this.#buildTables();
    const decoder = interpreted ? new Decoder(this.memory, costs()) : hostDecoder(() => this.cpus);
    const parts = { decoder, engine, features: { ...DEFAULT_FEATURES, ...features } };
    this.cpus = Array.from({ length: cpus }, (_, id) => this.#cpu(id, parts));
    if (interpreted) for (const cpu of this.cpus) decoder.add(cpu);
  }

  get cpu(): Cpu {
    return this.cpus[0];
  }

  /** Puts machine code at an address. */
  load(address: number, ...bytes: number[]): void {
    this.memory.bytes(address, bytes.length).set(bytes);
  }

  /** Lets `cpu` alone run until it has executed `instructions` more boundaries or sleeps. */
  step(cpu: Cpu = this.cpu, instructions = 1): void {
    const retired = cpu.long(L.CPU_RETIRED);
    for (let turn = 0; turn < 100 && cpu.long(L.CPU_RETIRED) < retired + instructions; turn++) {
      if (cpu.state > L.WAITING) return;
      cpu.state = L.RUNNING;
      runUntil(cpu, cpu.now + 1);
    }
  }

  /** Lets the first CPU deliver what is pending, up to the first instruction of the handler. */
  settle(cpu: Cpu = this.cpu): void {
    for (let turn = 0; turn < 20 && (cpu.injected !== null || cpu.faulting || turn === 0); turn++) {
      runUntil(cpu, cpu.now + 1);
    }
  }

  /** Lets the second CPU have lines of the first. */
  useLines({ shared, taken }: LineUse): void {
    for (const pa of shared) this.lines.hold(this.cpus[1], pa, false);
    for (const pa of taken) this.lines.hold(this.cpus[1], pa, true);
  }

  /** How often `step` was charged. */
  charged(step: number, cpu = 0): number {
    return this.meter.counts[cpu * STEP_NAMES.length + step];
  }

  /** The 64-bit word at `depth` words above RSP. */
  stackWord(depth: number, cpu: Cpu = this.cpu): number {
    return Number(this.memory.read64(cpu.gprNumber(RSP) + 8 * depth));
  }

  /** An interrupt gate (or trap gate, type 15) for `vector` to HANDLERS + vector * 16. */
  setGate(vector: number, options: { type?: number; dpl?: number; ist?: number; selector?: number } = {}): void {
    const { type = 14, dpl = 0, ist = 0, selector = KERNEL_CODE } = options;
    const offset = HANDLERS + vector * 16;
    this.memory.write32(IDT + vector * 16, ((selector << 16) | (offset & 0xffff)) >>> 0);
    this.memory.write32(
      IDT + vector * 16 + 4,
      ((offset & 0xffff_0000) | 0x8000 | (dpl << 13) | (type << 8) | ist) >>> 0,
    );
    this.memory.write64(IDT + vector * 16 + 8, 0n);
    this.load(offset, 0x90, 0xf4);
  }

  /** Continues at privilege level 3. */
  enterUserMode(cpu: Cpu = this.cpu): void {
    Object.assign(cpu.segments[1], { selector: USER_CODE_SELECTOR, access: 0xa0fb });
    Object.assign(cpu.segments[2], { selector: USER_DATA, access: 0xc0f3 });
    cpu.cpl = 3;
    cpu.rip = USER_CODE;
    cpu.setGprNumber(RSP, USER_STACK);
  }

  #buildTables(): void {
    const { memory } = this;
    memory.write64(0x1000, 0x2007n);
    memory.write64(0x2000, 0x3007n);
    memory.write64(0x3000, 0xe7n);
    DESCRIPTORS.forEach((descriptor, index) => memory.write64(GDT + index * 8, descriptor));
    this.writeUnaligned(TSS + 4, RSP0);
    this.writeUnaligned(TSS + 36, IST1);
    this.writeUnaligned(TSS + IO_MAP_BASE, TSS_LIMIT + 1);
    for (const vector of [0, 1, 2, 3, 6, 8, 10, 11, 12, 13, 14, 32, 33, 64]) this.setGate(vector);
  }

  /** A 64-bit word at any address. */
  writeUnaligned(pa: number, value: number): void {
    this.memory.view.setBigUint64(this.memory.ram + pa, BigInt(value), true);
  }

  #cpu(id: number, parts: Pick<CpuParts, 'decoder' | 'engine' | 'features'>): Cpu {
    const { memory, clock, meter, lines, bus } = this;
    const cpu = new Cpu(id, id, { memory, clock, meter, lines, bus, onMarker: () => undefined, ...parts });
    cpu.apic = new LocalApic(cpu);
    cpu.apic.writeRegister(APIC_SVR, SVR_SOFTWARE_ENABLE | 0xff);
    cpu.vmx = { capability: () => null } as unknown as VmxUnit;
    clock.add(cpu);
    lines.add(cpu);
    bus.add(cpu);
    startIn64BitMode(cpu, id);
    return cpu;
  }
}

function startIn64BitMode(cpu: Cpu, id: number): void {
  cpu.cr0 = 0x8001_0033;
  cpu.cr3 = 0x1000;
  cpu.cr4 = 0x20;
  cpu.eferLow = 0xd01;
  Object.assign(cpu.segments[1], { selector: KERNEL_CODE, base: 0, limit: 0xffff_ffff, access: 0xa09b });
  Object.assign(cpu.segments[2], { selector: KERNEL_DATA, base: 0, limit: 0xffff_ffff, access: 0xc093 });
  Object.assign(cpu.segments[7], { selector: TSS_SELECTOR, base: TSS, limit: TSS_LIMIT, access: 0x8b });
  Object.assign(cpu.gdtr, { base: GDT, limit: DESCRIPTORS.length * 8 - 1 });
  Object.assign(cpu.idtr, { base: IDT, limit: 0xfff });
  cpu.rip = CODE + id * 0x1000;
  cpu.setGprNumber(RSP, STACK - id * 0x800);
  cpu.attention = false;
}

function costs(): CostTable {
  const table = uniformCosts(STEP_TICKS, TICKS_PER_CYCLE);
  table.stepTicks[STEP.LINE_TRANSFER] = LINE_LATENCY;
  return table;
}

/** Retires NOPs; everything else is slow. */
function nopEngine(memory: PhysicalMemory, lines: () => Lines): Engine {
  const add = (at: number, by: bigint): void => {
    memory.u64[at >>> 3] = memory.u64[at >>> 3] + by;
  };
  return engineWithout(memory, lines, (block) => {
    const now = (block + L.CPU_NOW) >>> 3;
    memory.u32[(block + L.CPU_STOP) >>> 2] = L.STOP_LIMIT;
    while (memory.f64[now] < Number(memory.u64[(block + L.CPU_LIMIT) >>> 3])) {
      if (memory.read8(Number(memory.u64[(block + L.CPU_RIP) >>> 3])) !== 0x90) {
        memory.u32[(block + L.CPU_STOP_INFO) >>> 2] = (block - L.CPU_BLOCKS) / L.CPU_STRIDE;
        memory.u32[(block + L.CPU_STOP) >>> 2] = L.STOP_SLOW;
        break;
      }
      add(block + L.CPU_RIP, 1n);
      add(block + L.CPU_RETIRED, 1n);
      memory.f64[now] = memory.f64[now] + TICKS_PER_CYCLE;
    }
    return memory.u32[(block + L.CPU_STOP) >>> 2];
  });
}

/** Decodes at the RIP of the CPU whose id the engine has left in INFO. */
function hostDecoder(cpus: () => readonly Cpu[]): Decoder {
  return {
    instruction: (id: number) => {
      const cpu = cpus()[id];
      return decodeInstruction(cpu.memory.bytes(cpu.rip, 15), cpu.rip);
    },
    hasCode: () => false,
    codeOf: () => undefined,
    drop: () => undefined,
  } as unknown as Decoder;
}

/** One instruction in 64-bit mode. */
export function decodeInstruction(bytes: Uint8Array, rip = 0): DecodedInstruction {
  const decoder = new Iced(64, bytes, DecoderOptions.None);
  decoder.ip = BigInt(rip);
  const instruction = decoder.decode();
  const decoded = describeInstruction(instruction, bytes.slice(0, instruction.length));
  instruction.free();
  decoder.free();
  return decoded;
}

/** VMX non-root operation that intercepts nothing, except as told. */
export function nonRoot(overrides: Partial<NonRoot> = {}): NonRoot {
  const pass = (): typeof PASS => PASS;
  return {
    takesBoundaries: true,
    enablesRdtscp: true,
    finishExit: pass,
    boundary: pass,
    intercept: pass,
    rdmsr: pass,
    wrmsr: pass,
    shadowedCr: (_cr, actual) => actual,
    mergedCr: (_cr, _actual, written) => written,
    readCr8: () => -1,
    writeCr8: pass,
    exception: pass,
    tripleFault: pass,
    apicAccess: pass,
    virtualApicPage: 0,
    apicWriteEmulation: pass,
    eptEvent: pass,
    senduipi: pass,
    ...overrides,
  };
}

export function cpuFixture(options: FixtureOptions = {}): Fixture {
  return new Fixture(options);
}
