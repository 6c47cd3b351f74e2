/**
 * One processor with its VMX unit, a current VMCS that passes every check, and no machine code: guest instructions are
 * calls of the NonRoot interface. The test is the root software.
 */
import { Meter } from '../../src/cost/meter.js';
import { Bus } from '../../src/hardware/apic/bus.js';
import { LocalApic } from '../../src/hardware/apic/local-apic.js';
import { APIC_SVR, SVR_SOFTWARE_ENABLE } from '../../src/hardware/apic/registers.js';
import { Clock } from '../../src/hardware/clock/clock.js';
import { Cpu } from '../../src/hardware/cpu/cpu.js';
import type { Decoder } from '../../src/hardware/cpu/decoder.js';
import { DEFAULT_FEATURES } from '../../src/hardware/cpu/features.js';
import { Lines } from '../../src/hardware/memory/lines.js';
import { PhysicalMemory } from '../../src/hardware/memory/physical-memory.js';
import { ROOT_IDLE } from '../../src/hardware/cpu/root-software.js';
import { VMCS_REVISION, VmxCapabilities, type VmxFeatures } from '../../src/hardware/vmx/capability.js';
import * as C from '../../src/hardware/vmx/controls.js';
import { VMCS_FIELD as F } from '../../src/hardware/vmx/vmcs-field.js';
import { VMX_SUCCEED, VMX_WAIT, VmxUnit, type VmxResult } from '../../src/hardware/vmx/vmx-unit.js';
import { flagsOnlyEngine } from './engine.js';
import { uniformCosts } from './uniform-costs.js';

export const VMXON_REGION = 0x1000;
export const VMCS_REGION = 0x2000;
export const SECOND_VMCS_REGION = 0x3000;
export const MSR_BITMAP_PAGE = 0x4000;
export const IO_BITMAP_A_PAGE = 0x5000;
export const IO_BITMAP_B_PAGE = 0x6000;
export const VIRTUAL_APIC_PAGE = 0x7000;
export const APIC_ACCESS_PAGE = 0x8000;
export const DESCRIPTOR = 0x9000;
export const PID_POINTER_TABLE = 0xa000;
export const EPT_ROOT = 0xb000;
export const MSR_AREA = 0xc000;

export const GUEST_RIP = 0x40_1000;
export const GUEST_RSP = 0x50_0000;
export const HOST_RIP = -0x7fff_f000_0000;
export const HOST_RSP = -0x7fff_e000_0000;

const RAM = 0x10000;
/** Ticks of every step. */
export const STEP_TICKS = 64;

/** Which controls are set: none that are optional, those of "base" in the conformance statements, or "IPIv". */
export type ControlSet = 'plain' | 'base' | 'ipiv';

export interface VmxProcessorOptions extends Partial<VmxFeatures> {
  readonly controls?: ControlSet;
}

export class VmxProcessor {
  readonly memory = new PhysicalMemory({ cpus: 1, ramBytes: RAM, trackedPages: 8, records: 1, codePages: 1 });
  readonly #engine = flagsOnlyEngine(this.memory, () => this.#lines);
  readonly clock = new Clock(this.memory, this.#engine, 0);
  readonly #lines = new Lines(this.memory, this.clock, this.#engine, () => STEP_TICKS, 0);
  readonly meter = new Meter(uniformCosts(STEP_TICKS), this.memory.meterTables);
  readonly cpu: Cpu;
  readonly vmx: VmxUnit;
  #launched = false;

  constructor({ controls = 'plain', ...features }: VmxProcessorOptions = {}) {
    this.cpu = this.#createCpu();
    this.vmx = new VmxUnit(this.cpu, new VmxCapabilities({ ipiv: true, apicv: true, ...features }));
    this.cpu.vmx = this.vmx;
    for (const region of [VMXON_REGION, VMCS_REGION, SECOND_VMCS_REGION]) this.memory.write32(region, VMCS_REVISION);
    this.vmx.vmxon(VMXON_REGION);
    this.load(VMCS_REGION);
    this.#setHostState();
    this.#setGuestState();
    this.#setControls(controls);
  }

  #createCpu(): Cpu {
    const { memory, clock, meter } = this;
    const lines = this.#lines;
    const bus = new Bus(memory, this.#engine, () => STEP_TICKS);
    const cpu = new Cpu(0, 0, {
      memory,
      clock,
      meter,
      lines,
      bus,
      engine: this.#engine,
      decoder: noCode(),
      features: DEFAULT_FEATURES,
      onMarker: () => undefined,
    });
    cpu.apic = new LocalApic(cpu);
    cpu.apic.writeRegister(APIC_SVR, SVR_SOFTWARE_ENABLE | 0xff);
    cpu.rootSoftware = { resume: () => ROOT_IDLE };
    lines.add(cpu);
    bus.add(cpu);
    return cpu;
  }

  // ---- Root software

  /** VMCLEAR and VMPTRLD. */
  load(region: number): void {
    this.vmx.vmclear(region);
    this.vmx.vmptrld(region);
    this.#launched = false;
  }

  set(field: number, value: number): void {
    if (this.vmx.vmwrite(field, value) !== VMX_SUCCEED) throw new Error(`VMWRITE of ${field.toString(16)} failed`);
  }

  get(field: number): number {
    const value = this.vmx.vmread(field);
    if (this.vmx.readResult !== VMX_SUCCEED) throw new Error(`VMREAD of ${field.toString(16)} failed`);
    return value;
  }

  setBits(field: number, bits: number): void {
    this.set(field, (this.get(field) | bits) >>> 0);
  }

  clearBits(field: number, bits: number): void {
    this.set(field, (this.get(field) & ~bits) >>> 0);
  }

  /** VMLAUNCH or VMRESUME. */
  enter(): VmxResult {
    for (;;) {
      const result = this.#launched ? this.vmx.vmresume() : this.vmx.vmlaunch();
      if (result === VMX_WAIT) throw new Error('a single processor never waits for its turn');
      if (result === VMX_SUCCEED && this.cpu.nonRoot !== null) this.#launched = true;
      return result;
    }
  }

  /** VM-instruction error of an entry that fails, or 0 when it succeeds. */
  entryError(): number {
    return this.enter() === VMX_SUCCEED ? 0 : this.get(F.VM_INSTRUCTION_ERROR);
  }

  /** Non-root operation after a successful entry. */
  guest(): VmxUnit['nonRoot'] {
    if (this.cpu.nonRoot !== null) return this.vmx.nonRoot;
    this.enter();
    if (this.vmx.brokenRule !== null) throw new Error(`VM entry failed: ${this.vmx.brokenRule}`);
    return this.vmx.nonRoot;
  }

  // ---- Initial VMCS

  #setHostState(): void {
    this.set(F.HOST_CR0, 0x8005_0033);
    this.set(F.HOST_CR3, 0xd000);
    this.set(F.HOST_CR4, 0x0000_2020);
    this.set(F.HOST_CS_SELECTOR, 0x10);
    this.set(F.HOST_SS_SELECTOR, 0x18);
    this.set(F.HOST_TR_SELECTOR, 0x40);
    this.set(F.HOST_IA32_EFER, 0xd01);
    this.set(F.HOST_RIP, HOST_RIP);
    this.set(F.HOST_RSP, HOST_RSP);
  }

  #setGuestState(): void {
    this.set(F.VMCS_LINK_POINTER, -1);
    this.set(F.GUEST_CR0, 0x8001_0031);
    this.set(F.GUEST_CR3, 0xe000);
    this.set(F.GUEST_CR4, 0x0000_2020);
    this.set(F.GUEST_IA32_EFER, 0xd00);
    this.set(F.GUEST_RIP, GUEST_RIP);
    this.set(F.GUEST_RSP, GUEST_RSP);
    this.set(F.GUEST_RFLAGS, 0x202);
    this.set(F.GUEST_DR7, 0x400);
    for (let segment = 0; segment < 6; segment++) this.#setSegment(segment, 0x18, 0xffff_ffff, 0xc093);
    this.#setSegment(1, 0x10, 0xffff_ffff, 0xa09b);
    this.#setSegment(6, 0, 0, 0x1_0000);
    this.#setSegment(7, 0x40, 0x67, 0x8b);
  }

  #setSegment(index: number, selector: number, limit: number, access: number): void {
    this.set(F.GUEST_ES_SELECTOR + 2 * index, selector);
    this.set(F.GUEST_ES_LIMIT + 2 * index, limit);
    this.set(F.GUEST_ES_AR_BYTES + 2 * index, access);
  }

  #setControls(controls: ControlSet): void {
    const { capabilities } = this.vmx;
    this.set(F.PIN_BASED_VM_EXEC_CONTROL, capabilities.pinAllowed0);
    this.set(F.CPU_BASED_VM_EXEC_CONTROL, capabilities.primaryAllowed0);
    this.set(
      F.VM_EXIT_CONTROLS,
      (capabilities.exitAllowed0 | C.VM_EXIT_HOST_ADDR_SPACE_SIZE | C.VM_EXIT_LOAD_IA32_EFER) >>> 0,
    );
    this.set(
      F.VM_ENTRY_CONTROLS,
      (capabilities.entryAllowed0 | C.VM_ENTRY_IA32E_MODE | C.VM_ENTRY_LOAD_IA32_EFER) >>> 0,
    );
    if (controls === 'plain') return;
    this.setBits(F.PIN_BASED_VM_EXEC_CONTROL, C.PIN_BASED_EXT_INTR_MASK | C.PIN_BASED_POSTED_INTR);
    this.setBits(F.CPU_BASED_VM_EXEC_CONTROL, C.CPU_BASED_TPR_SHADOW | C.CPU_BASED_ACTIVATE_SECONDARY_CONTROLS);
    this.set(
      F.SECONDARY_VM_EXEC_CONTROL,
      C.SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES |
        C.SECONDARY_EXEC_ENABLE_EPT |
        C.SECONDARY_EXEC_APIC_REGISTER_VIRT |
        C.SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY,
    );
    this.setBits(F.VM_EXIT_CONTROLS, C.VM_EXIT_ACK_INTR_ON_EXIT);
    this.set(F.VIRTUAL_APIC_PAGE_ADDR, VIRTUAL_APIC_PAGE);
    this.set(F.APIC_ACCESS_ADDR, APIC_ACCESS_PAGE);
    this.set(F.POSTED_INTR_DESC_ADDR, DESCRIPTOR);
    this.set(F.POSTED_INTR_NV, 0xf2);
    this.set(F.EPT_POINTER, EPT_ROOT | 0x1e);
    if (controls === 'ipiv') this.enableIpiVirtualization();
  }

  enableIpiVirtualization(): void {
    this.setBits(F.CPU_BASED_VM_EXEC_CONTROL, C.CPU_BASED_ACTIVATE_TERTIARY_CONTROLS);
    this.set(F.TERTIARY_VM_EXEC_CONTROL, C.TERTIARY_EXEC_IPI_VIRT);
    this.set(F.PID_POINTER_TABLE, PID_POINTER_TABLE);
    this.set(F.LAST_PID_POINTER_INDEX, 1);
  }
}

function noCode(): Decoder {
  return { codeOf: () => undefined } as unknown as Decoder;
}
