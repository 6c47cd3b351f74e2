/**
 * Machine code in VMX non-root operation on a single CPU, without EPT unless asked for; root software is a list of
 * what was seen at each VM exit.
 */
import type { PlacedGate } from '../../src/guest/boot-image.js';
import { KERNEL_CODE } from '../../src/guest/memory-map.js';
import type { Clock } from '../../src/hardware/clock/clock.js';
import type { Cpu } from '../../src/hardware/cpu/cpu.js';
import { CPU_FS_BASE, CPU_GS_BASE } from '../../src/hardware/cpu/layout.js';
import { ROOT_ENTERED_GUEST, ROOT_STOPPED, ROOT_WAITS, type RootState } from '../../src/hardware/cpu/root-software.js';
import { VMCS_REVISION } from '../../src/hardware/vmx/capability.js';
import * as C from '../../src/hardware/vmx/controls.js';
import { VMCS_FIELD as F } from '../../src/hardware/vmx/vmcs-field.js';
import { VMX_SUCCEED, VMX_WAIT, type VmxUnit } from '../../src/hardware/vmx/vmx-unit.js';
import type { Hardware } from '../../src/machine/hardware.js';
import { bareMachine } from './bare-machine.js';

const VMXON_REGION = 0x70_0000;
const VMCS_REGION = 0x70_1000;
/** From the regions of one CPU to those of the next. */
const CPU_STRIDE = 0x1_0000;
/** Zeroed pages for whatever a test needs. */
export const SPARE_PAGES = 0x70_2000;
/** Linear address of the guest's code. */
export const CODE = KERNEL_CODE;
const MOST_EXITS = 100;

export interface SeenExit {
  readonly reason: number;
  readonly qualification: number;
  readonly rip: number;
  readonly length: number;
  readonly information: number;
}

export interface VmxGuestOptions {
  readonly code: readonly number[];
  readonly gates?: readonly PlacedGate[];
  /** Changes to the VMCS before the first entry. */
  readonly prepare?: (guest: VmxGuest) => void;
  /** Instead of a machine of its own: one of a machine's CPUs, where code and gates are already. */
  readonly on?: { readonly hardware: Hardware; readonly id: number };
  /** What root software does after an exit; true = enter again. Without it the first exit ends the run. */
  readonly onExit?: (guest: VmxGuest, exit: SeenExit) => boolean;
  /** What root software does when it does not enter again, or is asked once more; stops the machine if not given. */
  readonly onEnd?: (guest: VmxGuest) => RootState;
}

export class VmxGuest {
  readonly cpu: Cpu;
  readonly clock: Clock;
  readonly vmx: VmxUnit;
  readonly exits: SeenExit[] = [];
  readonly #onExit: (guest: VmxGuest, exit: SeenExit) => boolean;
  readonly #onEnd: (guest: VmxGuest) => RootState;
  #launched = false;
  #ended = false;

  constructor({ code, gates = [], on, prepare, onExit = () => false, onEnd }: VmxGuestOptions) {
    const { hardware, id } = on ?? { hardware: machineFor(code, gates), id: 0 };
    const cpu = hardware.cpus[id];
    this.cpu = cpu;
    this.clock = hardware.clock;
    this.vmx = cpu.vmx;
    this.#onExit = onExit;
    this.#onEnd = onEnd ?? (() => this.#stop());
    const vmxon = VMXON_REGION + id * CPU_STRIDE;
    const vmcs = VMCS_REGION + id * CPU_STRIDE;
    for (const region of [vmxon, vmcs]) hardware.memory.write32(region, VMCS_REVISION);
    this.vmx.vmxon(vmxon);
    this.vmx.vmclear(vmcs);
    this.vmx.vmptrld(vmcs);
    this.#setControls();
    this.#setGuestState();
    this.#setHostState();
    cpu.rootSoftware = { resume: () => this.#resume() };
    prepare?.(this);
  }

  set(field: number, value: number): void {
    if (this.vmx.vmwrite(field, value) !== VMX_SUCCEED) throw new Error(`VMWRITE of ${field.toString(16)} failed`);
  }

  setBits(field: number, bits: number): void {
    this.set(field, (this.vmx.vmread(field) | bits) >>> 0);
  }

  /** Moves RIP behind the instruction that exited. */
  skip(): void {
    this.set(F.GUEST_RIP, this.vmx.vmread(F.GUEST_RIP) + this.vmx.vmread(F.VM_EXIT_INSTRUCTION_LEN));
  }

  run(): this {
    this.clock.run();
    return this;
  }

  #resume(): RootState {
    this.#ended ||= this.#launched && !this.#exited();
    if (this.#ended) return this.#onEnd(this);
    const result = this.#launched ? this.vmx.vmresume() : this.vmx.vmlaunch();
    if (result === VMX_WAIT) return ROOT_WAITS;
    if (this.vmx.brokenRule !== null) throw new Error(`VM entry failed: ${this.vmx.brokenRule}`);
    this.#launched = true;
    return ROOT_ENTERED_GUEST;
  }

  #exited(): boolean {
    const { vmx } = this;
    const exit: SeenExit = {
      reason: vmx.vmread(F.VM_EXIT_REASON),
      qualification: vmx.vmread(F.EXIT_QUALIFICATION),
      rip: vmx.vmread(F.GUEST_RIP) - KERNEL_CODE,
      length: vmx.vmread(F.VM_EXIT_INSTRUCTION_LEN),
      information: vmx.vmread(F.VM_EXIT_INTR_INFO),
    };
    this.exits.push(exit);
    return this.exits.length < MOST_EXITS && this.#onExit(this, exit);
  }

  #stop(): RootState {
    this.clock.stop();
    return ROOT_STOPPED;
  }

  #setControls(): void {
    const { capabilities } = this.vmx;
    this.set(F.PIN_BASED_VM_EXEC_CONTROL, capabilities.pinAllowed0 | C.PIN_BASED_EXT_INTR_MASK);
    this.set(F.CPU_BASED_VM_EXEC_CONTROL, (capabilities.primaryAllowed0 | C.CPU_BASED_HLT_EXITING) >>> 0);
    const exit = C.VM_EXIT_HOST_ADDR_SPACE_SIZE | C.VM_EXIT_LOAD_IA32_EFER | C.VM_EXIT_ACK_INTR_ON_EXIT;
    this.set(F.VM_EXIT_CONTROLS, capabilities.exitAllowed0 | exit);
    this.set(F.VM_ENTRY_CONTROLS, capabilities.entryAllowed0 | C.VM_ENTRY_IA32E_MODE | C.VM_ENTRY_LOAD_IA32_EFER);
  }

  #setGuestState(): void {
    const { cpu } = this;
    this.set(F.VMCS_LINK_POINTER, -1);
    this.set(F.GUEST_CR0, (cpu.cr0 | 0x20) >>> 0);
    this.set(F.GUEST_CR3, cpu.cr3);
    this.set(F.GUEST_CR4, cpu.cr4 | 0x2000);
    this.set(F.GUEST_IA32_EFER, cpu.eferLow);
    this.set(F.GUEST_RIP, cpu.rip);
    this.set(F.GUEST_RSP, cpu.gprNumber(4));
    this.set(F.GUEST_RFLAGS, cpu.rflags);
    this.set(F.GUEST_DR7, 0x400);
    this.set(F.GUEST_GDTR_BASE, cpu.gdtr.base);
    this.set(F.GUEST_GDTR_LIMIT, cpu.gdtr.limit);
    this.set(F.GUEST_IDTR_BASE, cpu.idtr.base);
    this.set(F.GUEST_IDTR_LIMIT, cpu.idtr.limit);
    cpu.segments.forEach((segment, index) => {
      this.set(F.GUEST_ES_SELECTOR + 2 * index, segment.selector);
      this.set(F.GUEST_ES_BASE + 2 * index, segment.base);
      this.set(F.GUEST_ES_LIMIT + 2 * index, segment.limit);
      this.set(F.GUEST_ES_AR_BYTES + 2 * index, segment.access);
    });
    this.set(F.GUEST_FS_BASE, cpu.long(CPU_FS_BASE));
    this.set(F.GUEST_GS_BASE, cpu.long(CPU_GS_BASE));
  }

  #setHostState(): void {
    this.set(F.HOST_CR0, 0x8005_0033);
    this.set(F.HOST_CR4, 0x0000_2020);
    this.set(F.HOST_CS_SELECTOR, 0x10);
    this.set(F.HOST_TR_SELECTOR, 0x40);
    this.set(F.HOST_IA32_EFER, 0xd01);
  }
}

function machineFor(code: readonly number[], gates: readonly PlacedGate[]): Hardware {
  const bytes = Uint8Array.from(code);
  return bareMachine({ code: { base: KERNEL_CODE, bytes }, entries: [KERNEL_CODE], gates });
}
