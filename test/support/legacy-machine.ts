/**
 * Physical CPUs with the real interpreter that start in any mode, mostly for code outside 64-bit mode. Physical memory is
 * all RAM; there is no firmware.
 */
import { buildHardware, type Hardware } from '../../src/machine/hardware.js';
import { STEP, STEP_NAMES } from '../../src/cost/step.js';
import { costTable } from '../../src/cost/cost-table.js';
import { loadProfile } from '../../src/cost/profile.js';
import { ACTIVITY_ACTIVE, ACTIVITY_WAIT_FOR_SIPI } from '../../src/hardware/cpu/activity.js';
import { CR0_PG, CR4_PAE, EFER_LMA, EFER_LME } from '../../src/hardware/cpu/control-register-bits.js';
import type { Cpu } from '../../src/hardware/cpu/cpu.js';
import { resetExtendedState } from '../../src/hardware/cpu/extended-state.js';
import { initialize, startUp } from '../../src/hardware/cpu/reset.js';
import { handleStop } from '../../src/hardware/cpu/stops.js';
import * as L from '../../src/hardware/cpu/layout.js';
import { updateMode } from '../../src/hardware/cpu/mode.js';
import { HOST } from './bare-machine.js';
import { interpreterModule, runUntil } from './engine.js';

export const CODE = 0x8000;
export const STACK = 0x7000;
export const GDT = 0x1000;
export const IDT = 0x2000;
export const TSS = 0x3000;
export const HANDLERS = 0x9000;

export const CODE_32 = 0x08;
export const DATA_32 = 0x10;
export const CODE_16 = 0x18;
export const DATA_16 = 0x20;
export const USER_CODE_32 = 0x28 | 3;
export const USER_DATA_32 = 0x30 | 3;
export const CODE_64 = 0x38;
export const TSS_32 = 0x40;
/** 16 bytes long in IA-32e mode: nothing stands behind it. */
export const SPARE = 0x50;
export const SMALL_DATA = 0x58;
export const EXPAND_DOWN = 0x60;
export const ABSENT = 0x68;
export const CONFORMING = 0x70;

const DESCRIPTORS = new Map<number, bigint>([
  [CODE_32, 0x00cf_9b00_0000_ffffn],
  [DATA_32, 0x00cf_9300_0000_ffffn],
  [CODE_16, 0x0000_9b00_0000_ffffn],
  [DATA_16, 0x0000_9300_0000_ffffn],
  [USER_CODE_32 & ~3, 0x00cf_fb00_0000_ffffn],
  [USER_DATA_32 & ~3, 0x00cf_f300_0000_ffffn],
  [CODE_64, 0x00af_9b00_0000_ffffn],
  [TSS_32, 0x0000_8900_3000_0067n],
  [SMALL_DATA, 0x0040_9301_0000_00ffn], // 10000H-100FFH
  [EXPAND_DOWN, 0x0040_9701_0000_00ffn], // 10100H-...
  [ABSENT, 0x00cf_1300_0000_ffffn],
  [CONFORMING, 0x00cf_9f00_0000_ffffn],
]);
const GDT_SIZE = 0x100;
const LOW_MEMORY = 0x1_0000;
const PML4 = 0x2_0000;
/** Two pages of 2 MiB. */
const IDENTITY_MAP: readonly (readonly [address: number, entry: bigint])[] = [
  [PML4, 0x2_1003n],
  [PML4 + 0x1000, 0x2_2003n],
  [PML4 + 0x2000, 0x83n],
  [PML4 + 0x2008, 0x20_0083n],
];

export class LegacyMachine {
  readonly hardware: Hardware;

  constructor(cpus = 1) {
    this.hardware = buildHardware(
      { host: HOST, cpus, ramBytes: 0x40_0000 },
      { interpreter: interpreterModule(), costs: costTable(loadProfile('prior'), HOST.tscGHz) },
    );
    this.reset();
  }

  /** As new, except for MSRs and for memory beyond the first 64 KiB. */
  reset(): void {
    const { memory } = this;
    for (const cpu of this.hardware.cpus) {
      cpu.activity = ACTIVITY_ACTIVE;
      initialize(cpu);
      resetExtendedState(cpu);
      cpu.faulting = false;
      if (cpu.vmx.inVmxOperation) cpu.vmx.vmxoff();
      cpu.activity = ACTIVITY_WAIT_FOR_SIPI;
    }
    memory.bytes(0, LOW_MEMORY).fill(0);
    for (const [selector, descriptor] of DESCRIPTORS) memory.write64(GDT + selector, descriptor);
    memory.write32(TSS + 4, STACK - 0x800);
    memory.write32(TSS + 8, DATA_32);
  }

  get cpu(): Cpu {
    return this.hardware.cpus[0];
  }

  get memory(): Hardware['memory'] {
    return this.hardware.memory;
  }

  /** Puts machine code, written as hexadecimal bytes, at an address. */
  load(address: number, code: string): this {
    const bytes = code
      .trim()
      .split(/\s+/)
      .map((byte) => parseInt(byte, 16));
    for (let page = address - (address % 4096); page < address + bytes.length; page += 4096)
      this.cpu.decoder.drop(this.cpu, page);
    this.memory.bytes(address, bytes.length).set(bytes);
    return this;
  }

  /** Starts the first CPU in real-address mode at CODE, with all data segments at 0. */
  inRealMode(code: string): this {
    const { cpu } = this;
    startUp(cpu, CODE >>> 12);
    cpu.setGprNumber(4, STACK);
    return this.load(CODE, code);
  }

  /** Starts the first CPU in protected mode at CODE, with flat segments, `selector` in CS and no paging. */
  inProtectedMode(code: string, selector = CODE_32): this {
    const { cpu } = this;
    startUp(cpu, 0);
    cpu.cr0 = (cpu.cr0 | 1) >>> 0;
    Object.assign(cpu.gdtr, { base: GDT, limit: GDT_SIZE - 1 });
    Object.assign(cpu.idtr, { base: IDT, limit: 0x7ff });
    for (const segment of [0, 2, 3, 4, 5]) this.setSegment(segment, DATA_32);
    this.setSegment(1, selector);
    Object.assign(cpu.segments[7], { selector: TSS_32, base: TSS, limit: 0x67, access: 0x8b });
    updateMode(cpu);
    cpu.rip = CODE;
    cpu.setGprNumber(4, STACK);
    return this.load(CODE, code);
  }

  /** Starts the first CPU in 64-bit mode at CODE, with the first 4 MiB mapped to themselves. */
  inLongMode(code: string): this {
    const { cpu, memory } = this;
    this.inProtectedMode(code, CODE_64);
    for (const [address, entry] of IDENTITY_MAP) memory.write64(address, entry);
    Object.assign(cpu, { cr0: (cpu.cr0 | CR0_PG) >>> 0, cr3: PML4, cr4: CR4_PAE, eferLow: EFER_LME | EFER_LMA });
    updateMode(cpu);
    return this;
  }

  /** Fills a segment register from the GDT, without checks. */
  setSegment(number: number, selector: number): void {
    const low = this.memory.read32(GDT + (selector & 0xfff8));
    const high = this.memory.read32(GDT + (selector & 0xfff8) + 4);
    const access = (high >>> 8) & 0xf0ff;
    const limit = (low & 0xffff) | (high & 0xf_0000);
    const base = ((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff00_0000)) >>> 0;
    const scaled = (access & 0x8000) === 0 ? limit : ((limit << 12) | 0xfff) >>> 0;
    Object.assign(this.cpu.segments[number], { selector, base, limit: scaled, access });
  }

  /** A 32-bit (type 14, 15) or 16-bit (type 6, 7) gate to HANDLERS + vector * 16. */
  setGate(vector: number, options: { type?: number; dpl?: number; selector?: number } = {}): this {
    const { type = 14, dpl = 0, selector = CODE_32 } = options;
    this.memory.write32(IDT + vector * 8, ((selector << 16) | (HANDLERS + vector * 16)) >>> 0);
    this.memory.write32(IDT + vector * 8 + 4, 0x8000 | (dpl << 13) | (type << 8));
    return this;
  }

  /** Lets the first CPU execute `count` instructions; events are delivered on the way. */
  step(count = 1, cpu: Cpu = this.cpu): this {
    const retired = cpu.long(L.CPU_RETIRED);
    for (let turn = 0; turn < 1000 * count && cpu.long(L.CPU_RETIRED) < retired + count; turn++) {
      cpu.state = L.RUNNING;
      runUntil(cpu, cpu.now + 1);
    }
    return this;
  }

  /** Lets the first CPU go on until something has happened. */
  turnUntil(isDone: () => boolean): this {
    for (let turn = 0; turn < 1000 && !isDone(); turn++) {
      this.cpu.state = L.RUNNING;
      runUntil(this.cpu, this.cpu.now + 1);
    }
    return this;
  }

  /** Executes one instruction, which faults: the exception, not yet delivered. */
  raised(): { vector: number; errorCode: number | null } {
    const { cpu } = this;
    for (let stops = 0; stops < 100 && !cpu.faulting; stops++) handleStop(cpu, cpu.execute(cpu.now + 1));
    if (cpu.fault?.kind !== 'exception') throw new Error('no exception');
    return { vector: cpu.fault.vector, errorCode: cpu.fault.errorCode };
  }

  /** Lets the first CPU run into an event and deliver it: the first instruction of the handler is next. */
  intoHandler(cpu: Cpu = this.cpu): this {
    const before = this.#deliveries(cpu);
    for (let turn = 0; turn < 1000; turn++) {
      cpu.state = L.RUNNING;
      runUntil(cpu, cpu.now + 1);
      if (this.#deliveries(cpu) > before && cpu.injected === null && !cpu.faulting) return this;
    }
    throw new Error('no event was delivered');
  }

  #deliveries(cpu: Cpu): number {
    return this.hardware.meter.counts[cpu.id * STEP_NAMES.length + STEP.IDT_DELIVERY];
  }

  /** Word of the stack, `size` bytes, `index` words above SS:ESP (SS at 0). */
  stackWord(index: number, size: 2 | 4 = 4): number {
    const at = this.cpu.gprLow(4) + index * size;
    return size === 4
      ? this.memory.view.getUint32(this.memory.ram + at, true)
      : this.memory.view.getUint16(this.memory.ram + at, true);
  }
}
