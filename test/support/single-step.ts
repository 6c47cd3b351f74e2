/**
 * One CPU without VMX, interrupts or paging, for single instructions: linear addresses are physical ones. What the
 * interpreter leaves to the host is reported, not executed.
 */
import { INSTRUCTION_CLASSES, STEP_NAMES, type CostTable } from '../../src/cost/step.js';
import type { Cpu } from '../../src/hardware/cpu/cpu.js';
import { Decoder } from '../../src/hardware/cpu/decoder.js';
import { instantiateEngine, type Engine } from '../../src/hardware/cpu/engine.js';
import type { Fault } from '../../src/hardware/cpu/fault.js';
import * as L from '../../src/hardware/cpu/layout.js';
import { enterCodeContext } from '../../src/hardware/cpu/legacy/code-context.js';
import { PASS } from '../../src/hardware/cpu/outcome.js';
import { StateBlock } from '../../src/hardware/cpu/state-block.js';
import { PhysicalMemory } from '../../src/hardware/memory/physical-memory.js';
import { interpreterModule, noHost } from './engine.js';

/** Every class costs one cycle and every step two, unless the test says otherwise. */
export function plainCosts(): CostTable {
  return {
    stepTicks: new Float64Array(STEP_NAMES.length).fill(128),
    classTicks: new Uint16Array(INSTRUCTION_CLASSES.length).fill(64),
    lineOccupancyTicks: 0,
    lineDistance: [1, 1, 1],
    flightDistance: [1, 1, 1],
  };
}

export interface SingleStepOptions {
  readonly ramBytes?: number;
  readonly costs?: CostTable;
  readonly records?: number;
  readonly codePages?: number;
}

/** A memory access that the test wants to see as the interpreter reports it. */
export interface ReportedAccess {
  readonly va: number;
  readonly size: number;
  readonly access: number;
}

/** Every page is the CPU's own. */
const PRIVATE = {
  touch: (): boolean => true,
  hold: (): boolean => true,
  joinCode: (): boolean => true,
  fetch: (): boolean => true,
  isFetchable: (): boolean => true,
};

export class SingleStep extends StateBlock {
  readonly engine: Engine;
  readonly decoder: Decoder;
  readonly costs: CostTable;
  fault: Fault | null = null;
  /** Pages that are not mapped: page number to true. An access stops with STOP_TLB_MISS. */
  readonly unmapped = new Set<number>();
  /** Tracked pages: page number to tracked page index. */
  readonly tracked = new Map<number, number>();
  readonly cr0 = 0;
  readonly nonRoot = null;
  readonly id = 0;
  /** Flat, with a 32-bit stack. */
  readonly segments = Array.from({ length: 8 }, () => ({ selector: 0, base: 0, limit: 0xffff_ffff, access: 0xc093 }));
  readonly lines = {
    ...PRIVATE,
    addCode: (pa: number): void => {
      this.memory.noteCode(pa);
    },
  };

  constructor(options: SingleStepOptions = {}) {
    const { ramBytes = 1 << 20, costs = plainCosts(), records = 4096, codePages = 16 } = options;
    super(new PhysicalMemory({ cpus: 1, ramBytes, trackedPages: 4, records, codePages }), 0);
    this.costs = costs;
    this.engine = instantiateEngine(interpreterModule(), this.memory.wasm, noHost);
    this.decoder = new Decoder(this.memory, costs);
    this.decoder.add(this.#cpu);
    this.cpl = 0;
    this.flags = 2;
  }

  // ---- What the decoder needs of a CPU

  get cpl(): number {
    return this.word(L.CPU_CPL);
  }

  set cpl(value: number) {
    this.setWord(L.CPU_CPL, value);
    this.engine.selectBanks(this.block);
  }

  segmentBase(_segment: number): number {
    return 0;
  }

  flushTlbs(): void {
    this.engine.flushTlbs(this.block);
  }

  // ---- State

  get flags(): number {
    return this.engine.getFlags(this.block) >>> 0;
  }

  set flags(value: number) {
    this.engine.setFlags(this.block, value);
  }

  /** General-purpose register by SDM number, unsigned. */
  register(number: number): bigint {
    return this.memory.u64[(this.block >>> 3) + number];
  }

  setRegister(number: number, value: bigint): void {
    this.memory.u64[(this.block >>> 3) + number] = BigInt.asUintN(64, value);
  }

  get retired(): number {
    return this.long(L.CPU_RETIRED);
  }

  /** Puts code at an address, forgetting what was decoded there, and points RIP at it. */
  load(address: number, bytes: readonly number[] | Uint8Array): void {
    for (let page = address - (address % 4096); page < address + bytes.length; page += 4096) this.drop(page);
    this.flushTlbs();
    this.memory.bytes(address, bytes.length).set(bytes);
    this.rip = address;
  }

  // ---- Running

  /** Runs until `limit` more ticks have passed or something else than decoding and filling the TLB is asked for. */
  run(ticks: number): number {
    const limit = this.now + ticks;
    enterCodeContext(this);
    for (;;) {
      this.setLong(L.CPU_LIMIT, limit);
      const stop = this.engine.run(this.block);
      if (stop === L.STOP_NO_RECORD) {
        if (this.decoder.decode(this.#cpu) !== PASS) return stop;
      } else if (stop !== L.STOP_TLB_MISS || !this.#fillTlb()) return stop;
    }
  }

  /**
   * Executes the one instruction at RIP, a repeated string instruction with all its elements. Returns STOP_LIMIT, or
   * STOP_SLOW, STOP_FAULT ... with nothing committed.
   */
  step(): number {
    const { retired } = this;
    for (;;) {
      const stop = this.run(1);
      if (stop !== L.STOP_LIMIT || this.retired !== retired) return stop;
    }
  }

  /** The access that the last stop was about. */
  get access(): ReportedAccess {
    const access = { size: this.word(L.CPU_STOP_SIZE), access: this.word(L.CPU_STOP_ACCESS) };
    return { va: this.long(L.CPU_STOP_VA), ...access };
  }

  /** Forgets what was decoded in a page. */
  drop(page: number): void {
    this.decoder.drop(this.#cpu, page);
  }

  /** As much of a CPU as decoding concerns. */
  get #cpu(): Cpu {
    return this as unknown as Cpu;
  }

  #fillTlb(): boolean {
    const { va, size, access } = this.access;
    return this.#fillPage(va, access) && this.#fillPage(va + size - 1, access);
  }

  /** The engine looks for entries, and clears them, where it has filled some. */
  #markAllUsed(): void {
    const first = (this.block + L.CPU_TLB_USED) >>> 2;
    this.memory.i32.fill(-1, first, first + (L.TLB_BANKS * L.TLB_ENTRIES) / 32);
  }

  #fillPage(va: number, access: number): boolean {
    const page = Math.floor(va / 4096);
    if (this.unmapped.has(page) || !this.memory.isRam(page * 4096)) return false;
    if (access !== L.ACCESS_READ) this.drop(page * 4096);
    const at = (this.word(L.CPU_TLB) >>> 2) + (page % L.TLB_ENTRIES) * 8;
    const index = this.tracked.get(page);
    const writable = !this.decoder.hasCode(page * 4096);
    const tag = ((page * 4096) | 1) >>> 0;
    this.memory.u32.fill(0, at, at + 8);
    this.#markAllUsed();
    if (index === undefined) {
      this.memory.u32[at] = tag;
      this.memory.u32[at + 2] = writable ? tag : 0;
    } else {
      this.memory.u32[at + 4] = (page * 4096) | (writable ? L.TLB_TRACKED : L.TLB_TRACKED_READ_ONLY);
    }
    this.memory.u32[at + 6] = this.memory.ram + page * 4096;
    this.memory.u32[at + 7] = index ?? 0;
    return true;
  }
}
