/**
 * Two guests that send each other virtual IPIs, on two CPUs: machine code, so that either the interpreter deals with their
 * virtual APICs or, on a machine that is stepped, the host.
 */
import { createHash } from 'node:crypto';
import { KERNEL_CODE, LOCAL_APIC, PER_CPU_BASE } from '../../src/guest/memory-map.js';
import {
  APIC_BASE_ENABLE,
  APIC_BASE_EXTD,
  APIC_SVR,
  APIC_TPR,
  DEFAULT_APIC_BASE,
  SVR_SOFTWARE_ENABLE,
} from '../../src/hardware/apic/registers.js';
import type { Cpu } from '../../src/hardware/cpu/cpu.js';
import * as L from '../../src/hardware/cpu/layout.js';
import { ROOT_IDLE, type RootState } from '../../src/hardware/cpu/root-software.js';
import * as C from '../../src/hardware/vmx/controls.js';
import * as R from '../../src/hardware/vmx/exit-reason.js';
import {
  setNotificationDestination,
  setNotificationVector,
} from '../../src/hardware/vmx/posted-interrupt-descriptor.js';
import { VMCS_FIELD as F } from '../../src/hardware/vmx/vmcs-field.js';
import type { Hardware } from '../../src/machine/hardware.js';
import { bareMachine } from './bare-machine.js';
import { SPARE_PAGES, VmxGuest } from './vmx-guest.js';

export const NOTIFICATION_VECTOR = 0xf2;
/** Vectors that have a handler; it counts, writes EOI and returns. */
export const VECTORS = [0x21, 0x31, 0x3f, 0x52, 0xe1] as const;
const NMI = 2;

const PAGE = 0x1000;
const COUNTERS = SPARE_PAGES + 8 * PAGE;
const PID_POINTER_TABLE = SPARE_PAGES + 9 * PAGE;
const PROGRAM_SIZE = 0x1000;
const HANDLERS = KERNEL_CODE + 2 * PROGRAM_SIZE;
const HANDLER_SIZE = 64;
const CPU_STRIDE = 0x1_0000;

/** What a guest does, one after the other. */
export type Act =
  | { readonly kind: 'write'; readonly register: number; readonly high: number; readonly low: number }
  | { readonly kind: 'read'; readonly register: number }
  | { readonly kind: 'flags'; readonly flags: number }
  | { readonly kind: 'delay'; readonly loops: number }
  | { readonly kind: 'count' };

/** What happens to a CPU from outside. */
export interface Disturbance {
  readonly at: number;
  readonly cpu: number;
  readonly vector: number;
}

export interface IpiGuestsCase {
  readonly x2apic: boolean;
  readonly hostX2apic: boolean;
  readonly ipiVirtualization: boolean;
  readonly interruptDelivery: boolean;
  readonly postedInterrupts: boolean;
  readonly nmiExiting: boolean;
  readonly tprThreshold: number;
  /** MSRs whose writes exit. */
  readonly exitingMsrs: readonly number[];
  readonly eoiExits: readonly number[];
  /** Both CPUs have touched the virtual-APIC pages. */
  readonly sharedPages: boolean;
  readonly lookaheadShare: number;
  readonly programs: readonly [readonly Act[], readonly Act[]];
  readonly disturbances: readonly Disturbance[];
}

// ---- Machine code

const word = (value: number): number[] => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
const movEax = (value: number): number[] => [0xb8, ...word(value)];
const movEcx = (value: number): number[] => [0xb9, ...word(value)];
const movEdx = (value: number): number[] => [0xba, ...word(value)];
const movEsi = (value: number): number[] => [0xbe, ...word(value)];
const movEdi = (value: number): number[] => [0xbf, ...word(value)];
const WRMSR = [0x0f, 0x30];
const RDMSR = [0x0f, 0x32];
/** mov [rdi + offset], eax and back. */
const storeAt = (offset: number): number[] => [0x89, 0x87, ...word(offset)];
const loadAt = (offset: number): number[] => [0x8b, 0x87, ...word(offset)];
const incrementAt = (address: number): number[] => [0xf0, 0xff, 0x04, 0x25, ...word(address)];
/** 1: dec esi; jnz 1b */
const loop = (times: number): number[] => [...movEsi(times), 0xff, 0xce, 0x75, 0xfc];
const HLT = 0xf4;

function writeRegister(x2apic: boolean, register: number, high: number, low: number): number[] {
  if (x2apic) return [...movEcx(0x800 + (register >> 4)), ...movEdx(high), ...movEax(low), ...WRMSR];
  const isIcr = register === 0x300;
  const destination = isIcr ? [...movEax((high & 0xff) << 24), ...storeAt(0x310)] : [];
  return [...movEdi(LOCAL_APIC), ...destination, ...movEax(low), ...storeAt(register)];
}

function codeOf(act: Act, x2apic: boolean): number[] {
  switch (act.kind) {
    case 'write':
      return writeRegister(x2apic, act.register, act.high, act.low);
    case 'read':
      return x2apic
        ? [...movEcx(0x800 + (act.register >> 4)), ...RDMSR]
        : [...movEdi(LOCAL_APIC), ...loadAt(act.register)];
    case 'flags': // push flags; popf
      return [0x68, ...word(act.flags), 0x9d];
    case 'delay':
      return loop(act.loops);
    case 'count':
      return incrementAt(COUNTERS);
  }
}

const program = (acts: readonly Act[], x2apic: boolean): number[] => [
  ...acts.flatMap((act) => codeOf(act, x2apic)),
  ...codeOf({ kind: 'flags', flags: 0x202 }, x2apic),
  ...loop(3000),
  HLT,
];

/** push rax, rcx, rdx, rdi; count; EOI; pop; iretq */
const handler = (x2apic: boolean): number[] => [
  ...[0x50, 0x51, 0x52, 0x57],
  ...incrementAt(COUNTERS + 4),
  ...writeRegister(x2apic, 0x0b0, 0, 0),
  ...[0x5f, 0x5a, 0x59, 0x58, 0x48, 0xcf],
];

function machineCode({ programs, x2apic }: IpiGuestsCase): Uint8Array {
  const bytes = new Uint8Array(2 * PROGRAM_SIZE + 2 * HANDLER_SIZE);
  programs.forEach((acts, id) => bytes.set(program(acts, x2apic), id * PROGRAM_SIZE));
  bytes.set(handler(x2apic), 2 * PROGRAM_SIZE);
  bytes.set([0x48, 0xcf], 2 * PROGRAM_SIZE + HANDLER_SIZE);
  return bytes;
}

// ---- The machine

export class IpiGuests {
  readonly hardware: Hardware;
  readonly guests: readonly VmxGuest[];
  readonly #case: IpiGuestsCase;

  constructor(each: IpiGuestsCase) {
    this.#case = each;
    this.hardware = bareMachine({
      code: { base: KERNEL_CODE, bytes: machineCode(each) },
      entries: [KERNEL_CODE, KERNEL_CODE + PROGRAM_SIZE],
      gates: [
        ...VECTORS.map((vector) => ({ vector, address: HANDLERS, dpl: 0 as const })),
        { vector: NMI, address: HANDLERS + HANDLER_SIZE, dpl: 0 as const },
      ],
      simulation: { lookaheadShare: each.lookaheadShare },
    });
    this.guests = [0, 1].map((id) => this.#guest(id));
    if (each.sharedPages) this.#sharePages();
    for (const disturbance of each.disturbances) this.#disturb(disturbance);
  }

  /** The host does everything: the interpreter runs for it alone. */
  step(): this {
    this.hardware.memory.u32[L.ORDER_STEPPED >>> 2] = 1;
    return this;
  }

  run(): this {
    this.hardware.clock.run();
    return this;
  }

  #page(id: number, index: number): number {
    return SPARE_PAGES + id * CPU_STRIDE + index * PAGE;
  }

  #guest(id: number): VmxGuest {
    const cpu = this.hardware.cpus[id];
    if (this.#case.hostX2apic) cpu.apic.writeApicBase(0, (DEFAULT_APIC_BASE | APIC_BASE_ENABLE | APIC_BASE_EXTD) >>> 0);
    if (this.#case.hostX2apic) cpu.apic.writeMsr(0x80f, 0, SVR_SOFTWARE_ENABLE | 0xff);
    else cpu.apic.writeRegister(APIC_SVR, SVR_SOFTWARE_ENABLE | 0xff);
    return new VmxGuest({
      code: [],
      on: { hardware: this.hardware, id },
      prepare: (guest) => this.#prepare(guest, id),
      onExit: (guest, { reason }) => goesOn(guest, reason),
      onEnd: ({ cpu: ended }) => this.#idle(ended),
    });
  }

  #prepare(guest: VmxGuest, id: number): void {
    const each = this.#case;
    const { memory } = this.hardware;
    const [bitmap, page, descriptor] = [0, 1, 2].map((index) => this.#page(id, index));
    guest.setBits(
      F.PIN_BASED_VM_EXEC_CONTROL,
      (each.postedInterrupts ? C.PIN_BASED_POSTED_INTR : 0) | (each.nmiExiting ? C.PIN_BASED_NMI_EXITING : 0),
    );
    guest.setBits(
      F.CPU_BASED_VM_EXEC_CONTROL,
      C.CPU_BASED_TPR_SHADOW |
        C.CPU_BASED_USE_MSR_BITMAPS |
        C.CPU_BASED_ACTIVATE_SECONDARY_CONTROLS |
        C.CPU_BASED_ACTIVATE_TERTIARY_CONTROLS,
    );
    guest.set(
      F.SECONDARY_VM_EXEC_CONTROL,
      (each.x2apic ? C.SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE : C.SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES) |
        C.SECONDARY_EXEC_APIC_REGISTER_VIRT |
        (each.interruptDelivery ? C.SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY : 0),
    );
    guest.set(F.TERTIARY_VM_EXEC_CONTROL, each.ipiVirtualization ? C.TERTIARY_EXEC_IPI_VIRT : 0);
    guest.set(F.MSR_BITMAP, bitmap);
    for (const msr of each.exitingMsrs) {
      const at = bitmap + 0x800 + (msr >> 3);
      memory.write8(at, memory.read8(at) | (1 << (msr & 7)));
    }
    guest.set(F.VIRTUAL_APIC_PAGE_ADDR, page);
    guest.set(F.APIC_ACCESS_ADDR, LOCAL_APIC);
    guest.set(F.POSTED_INTR_DESC_ADDR, descriptor);
    guest.set(F.POSTED_INTR_NV, NOTIFICATION_VECTOR);
    guest.set(F.PID_POINTER_TABLE, PID_POINTER_TABLE);
    guest.set(F.LAST_PID_POINTER_INDEX, 1);
    guest.set(F.TPR_THRESHOLD, each.interruptDelivery ? 0 : each.tprThreshold);
    for (const vector of each.eoiExits) {
      const field = F.EOI_EXIT_BITMAP0 + 2 * (vector >> 6);
      guest.vmx.vmwrite64(field, guest.vmx.vmread64(field) | (1n << BigInt(vector & 63)));
    }
    memory.write32(page + APIC_TPR, each.interruptDelivery ? 0 : 0xf0);
    memory.write32(PID_POINTER_TABLE + 8 * id, descriptor | 1);
    setNotificationVector(memory, descriptor, NOTIFICATION_VECTOR);
    setNotificationDestination(memory, descriptor, each.hostX2apic ? id : id << 8);
  }

  /** Touches by both CPUs, before anything runs. */
  #sharePages(): void {
    const { cpus, lines } = this.hardware;
    for (const page of [0, 1].map((id) => this.#page(id, 1))) for (const cpu of cpus) lines.touch(cpu, page);
  }

  #disturb({ at, cpu: id, vector }: Disturbance): void {
    const cpu = this.hardware.cpus[id];
    this.hardware.clock.schedule(at, id, (now) => {
      if (vector === NMI) cpu.nmiPending = true;
      else cpu.apic.accept(vector, false);
      if (vector === NMI || cpu.apic.requestsService) cpu.wake(now);
    });
  }

  /** Root software that only dismisses interrupts. */
  #idle(cpu: Cpu): RootState {
    while (cpu.apic.requestsService) dismiss(cpu);
    return ROOT_IDLE;
  }

  /** The machine is not needed any more. */
  release(): void {
    this.hardware.memory.release();
  }

  /** Everything that software and other CPUs can tell, and what it has cost. */
  observed(): unknown {
    const { cpus, memory, meter } = this.hardware;
    const hash = (from: number, to: number): string =>
      createHash('sha256').update(memory.u8.subarray(from, to)).digest('hex');
    return {
      cpus: cpus.map((cpu, id) => ({
        exits: this.guests[id].exits,
        registers: Array.from({ length: 16 }, (_, register) => cpu.gpr(register)),
        now: cpu.now,
        slept: cpu.sleepTicks,
        retired: cpu.long(L.CPU_RETIRED),
        iretqs: cpu.long(L.CPU_COUNT_IRETQ),
        control: [cpu.injected, cpu.apicWriteOffset, cpu.nmiPending, cpu.word(L.CPU_COLLECTED_COUNT)],
        guest: [F.GUEST_RIP, F.GUEST_RSP, F.GUEST_RFLAGS, F.GUEST_INTR_STATUS].map((field) => cpu.vmx.vmread(field)),
        apic: hash(cpu.block + L.CPU_APIC_REGISTERS, cpu.block + L.CPU_APIC_REGISTERS + 256),
      })),
      counts: [...meter.counts],
      ticks: [...meter.ticks],
      memory: hash(memory.ram + PER_CPU_BASE, memory.ram + SPARE_PAGES + 2 * CPU_STRIDE),
      lines: hash(memory.lineMasks, memory.codeLines),
    };
  }
}

/** Trap-like exits go on behind the instruction anyway. */
function goesOn(guest: VmxGuest, reason: number): boolean {
  switch (reason) {
    case R.EXIT_REASON_EXTERNAL_INTERRUPT:
      guest.cpu.bus.route(guest.cpu, guest.cpu.apic.eoi());
      return true;
    case R.EXIT_REASON_MSR_READ:
    case R.EXIT_REASON_MSR_WRITE:
    case R.EXIT_REASON_APIC_ACCESS:
      guest.skip();
      return true;
    case R.EXIT_REASON_TPR_BELOW_THRESHOLD:
      guest.set(F.TPR_THRESHOLD, 0);
      return true;
    case R.EXIT_REASON_EXCEPTION_NMI:
    case R.EXIT_REASON_APIC_WRITE:
    case R.EXIT_REASON_EOI_INDUCED:
      return true;
    default:
      return false;
  }
}

function dismiss(cpu: Cpu): void {
  cpu.apic.acknowledge();
  cpu.bus.route(cpu, cpu.apic.eoi());
}
