/**
 * Two physical CPUs under KVM with a guest of a few instructions: vCPU 0 runs `sender`, vCPU 1 `target`, and vector 31H
 * on either counts in COUNTER and ends with an EOI; an NMI counts in NMI_COUNTER. Every step costs what the `prior` profile says.
 */
import { Code } from 'iced-x86';
import { costTable } from '../../cost/cost-table.js';
import { loadProfile } from '../../cost/profile.js';
import { Assembler } from '../../guest/assembler.js';
import {
  globalDescriptors,
  initialRegisters,
  interruptDescriptors,
  pageTables,
  perCpuArea,
} from '../../guest/boot-image.js';
import { APIC_ADDRESS, KERNEL_CODE, LOCAL_APIC, memoryBytes } from '../../guest/memory-map.js';
import { dword, qword, RAX, RCX, RDX } from '../../guest/operand.js';
import { emitEnableApic, emitWriteMsr } from '../../guest/programs/local-apic.js';
import { TICKS_PER_CYCLE } from '../../cost/step.js';
import { ALL_CPUS } from '../../hardware/clock/clock.js';
import type { Cpu } from '../../hardware/cpu/cpu.js';
import { VECTOR_DB, VECTOR_NMI } from '../../hardware/cpu/exception-vector.js';
import { buildHardware, type Hardware } from '../../machine/hardware.js';
import { loadInterpreter } from '../../machine/interpreter.js';
import type { GuestFeatures } from '../guest-features.js';
import type { HostCpu } from '../host-cpu.js';
import type { KernelDevices } from '../kernel-devices.js';
import { Kvm } from '../kvm.js';
import type { KvmParameters } from '../kvm-parameters.js';
import type { UserSpace, VcpuFailure } from '../user-space.js';

export const VECTOR = 0x31;
/** Interrupts handled so far, a dword in a page of its own. */
export const COUNTER = 0x21_0000;
/** NMIs handled so far. */
export const NMI_COUNTER = COUNTER + 8;
const TSC_GHZ = 2;
const HOST_BYTES = 2 << 20;
const EXIT_PORT = 0xf4;
const PAGE = 4096;

export type ApicMode = 'xapic' | 'x2apic';
/** Emits the body of a vCPU's program behind the enabling of its APIC. */
export type Emit = (asm: Assembler, apicMode: ApicMode) => void;

export interface KvmMachineOptions {
  readonly apicMode?: ApicMode;
  readonly hostApicMode?: ApicMode;
  readonly sender?: Emit;
  readonly target?: Emit;
  readonly parameters?: Partial<KvmParameters>;
  readonly guestFeatures?: GuestFeatures;
  readonly kernelDevices?: KernelDevices;
  /** What user space has at addresses without memory, modulo its length (default: reads give 80H in every byte). */
  readonly deviceMemory?: Uint8Array;
  /** Code of the NMI handler behind its counting. */
  readonly nmi?: Emit;
  /** Code of the handler of #DB. */
  readonly debug?: Emit;
  /** Code of the handlers of other exceptions, by vector; behind it comes IRETQ. */
  readonly exceptions?: readonly (readonly [vector: number, emit: Emit])[];
  /** Share of the permitted run-ahead, 0 to 1. */
  readonly lookaheadShare?: number;
}

export interface KvmMachine {
  readonly hardware: Hardware;
  readonly kvm: Kvm;
  readonly sender: HostCpu;
  readonly target: HostCpu;
  readonly failures: VcpuFailure[];
  /** Port writes other than to the exit port, and MMIO writes: [address, value]. */
  readonly writes: (readonly [address: number, value: number])[];
  readonly counter: () => number;
  /** A physical interrupt arrives at the CPU of `host` when the machine next runs. */
  readonly interrupt: (host: HostCpu, vector: number) => void;
  /** Runs until the guest writes to the exit port, `cycles` have passed, or nobody can go on; true = guest's exit. */
  readonly run: (cycles: number) => boolean;
}

/** STI and an endless loop around `body`. */
export const loopOf =
  (body: (asm: Assembler) => void): Emit =>
  (asm) => {
    asm.plain(Code.Sti);
    const loop = asm.here('loop');
    body(asm);
    asm.jmp(loop);
  };

export const HALTS = loopOf((asm) => {
  asm.plain(Code.Hlt);
});
export const SPINS = loopOf(() => undefined);
export const CALLS = loopOf((asm) => {
  asm.plain(Code.Vmcall);
});

/** ICR := `low` to APIC ID `destination`. */
export function emitIcrWrite(asm: Assembler, apicMode: ApicMode, low: number, destination: number): void {
  if (apicMode === 'x2apic') {
    emitWriteMsr(asm, 0x830, low, destination);
    return;
  }
  asm.mov(RAX, qword(APIC_ADDRESS));
  asm.mov(dword(RAX, 0x310), destination << 24);
  asm.mov(dword(RAX, 0x300), low);
}

/** OUT of EAX to the exit port. */
export function emitEnd(asm: Assembler): void {
  asm.out(EXIT_PORT);
}

export function kvmMachine(options: KvmMachineOptions = {}): KvmMachine {
  const { apicMode = 'xapic', hostApicMode = 'x2apic', lookaheadShare = 1 } = options;
  const hardware = buildHardware(
    {
      host: {
        apicMode: hostApicMode,
        tscGHz: TSC_GHZ,
        pcpus: null,
        threadsPerCore: 1,
        coresPerSocket: 64,
        mitigations: false,
      },
      cpus: 2,
      ramBytes: memoryBytes(2) + HOST_BYTES,
    },
    {
      interpreter: loadInterpreter(),
      costs: costTable(loadProfile('prior'), TSC_GHZ),
      simulation: { lookaheadShare },
    },
  );
  const failures: VcpuFailure[] = [];
  const writes: (readonly [number, number])[] = [];
  let ended = false;
  let time = 0;
  const kvm = new Kvm({
    cpus: hardware.cpus,
    memory: hardware.memory,
    userSpace: userSpace(options.deviceMemory ?? null, failures, writes, () => {
      ended = true;
      hardware.clock.stop();
    }),
    hostMemory: { start: PAGE, end: hardware.memory.ramBytes },
    guestMemoryBytes: memoryBytes(2),
    tscGHz: TSC_GHZ,
    hostApicMode,
    ...(options.parameters === undefined ? {} : { parameters: options.parameters }),
    ...(options.guestFeatures === undefined ? {} : { guestFeatures: options.guestFeatures }),
    ...(options.kernelDevices === undefined ? {} : { kernelDevices: options.kernelDevices }),
  });
  loadGuest(kvm, hardware.cpus, apicMode, options);
  return {
    hardware,
    kvm,
    sender: kvm.hosts[0] as HostCpu,
    target: kvm.hosts[1] as HostCpu,
    failures,
    writes,
    counter: () => Number(kvm.guestMemory.read64(COUNTER) & 0xffff_ffffn),
    interrupt: (host, vector) => {
      time = Math.max(time, ...hardware.cpus.map((cpu) => cpu.now));
      hardware.clock.schedule(time, host.cpu.id, (at) => {
        host.cpu.apic.accept(vector, false);
        host.cpu.wake(at);
      });
    },
    run: (cycles) => {
      const { clock } = hardware;
      time = Math.max(time, ...hardware.cpus.map((cpu) => cpu.now)) + cycles * TICKS_PER_CYCLE;
      clock.schedule(time, ALL_CPUS, () => {
        clock.stop();
      });
      ended = false;
      clock.run();
      return ended;
    },
  };
}

function userSpace(
  deviceMemory: Uint8Array | null,
  failures: VcpuFailure[],
  writes: (readonly [number, number])[],
  end: () => void,
): UserSpace {
  return {
    portWrite: (_vcpu, port, _size, value) => {
      if (port === EXIT_PORT) {
        end();
        return 'stop';
      }
      writes.push([port, value]);
      return 'continue';
    },
    portRead: (_vcpu, port) => port + 1,
    mmioWrite: (_vcpu, address, bytes) => {
      writes.push([address, bytes[0]]);
      deviceMemory?.set(bytes, address % deviceMemory.length);
      return 'continue';
    },
    mmioRead: (_vcpu, address, bytes) => {
      if (deviceMemory === null) bytes.fill(0x80);
      else bytes.set(deviceMemory.subarray(address % deviceMemory.length).subarray(0, bytes.length));
    },
    failure: (_vcpu, failure) => {
      failures.push(failure);
      end();
    },
  };
}

function loadGuest(kvm: Kvm, cpus: readonly Cpu[], apicMode: ApicMode, options: KvmMachineOptions): void {
  const { sender = SPINS, target = SPINS } = options;
  const asm = new Assembler(KERNEL_CODE);
  const entries = [sender, target].map((emit, index) => {
    asm.align(16);
    const entry = asm.here(`vcpu_${String(index)}`);
    emitEnableApic(asm, apicMode);
    emit(asm, apicMode);
    return entry;
  });
  const handler = emitHandler(asm, apicMode);
  const nmi = asm.here('nmi');
  asm.lock.inc(dword(NMI_COUNTER));
  options.nmi?.(asm, apicMode);
  asm.plain(Code.Iretq);
  const debug = asm.here('debug');
  options.debug?.(asm, apicMode);
  asm.plain(Code.Iretq);
  const exceptions = (options.exceptions ?? []).map(([vector, emit]) => {
    const label = asm.here(`exception_${String(vector)}`);
    emit(asm, apicMode);
    asm.plain(Code.Iretq);
    return { vector, label };
  });
  const code = asm.assemble();
  const constants = new DataView(new ArrayBuffer(8));
  constants.setBigUint64(0, BigInt(LOCAL_APIC), true);
  const segments = [
    ...pageTables(2, false),
    globalDescriptors(2),
    interruptDescriptors([
      { vector: VECTOR, address: code.addressOf(handler), dpl: 0 },
      { vector: VECTOR_NMI, address: code.addressOf(nmi), dpl: 0 },
      { vector: VECTOR_DB, address: code.addressOf(debug), dpl: 0 },
      ...exceptions.map(({ vector, label }) => ({ vector, address: code.addressOf(label), dpl: 0 as const })),
    ]),
    ...cpus.flatMap((_, cpu) => perCpuArea(cpu)),
    { gpa: code.base, bytes: code.bytes },
    { gpa: APIC_ADDRESS, bytes: new Uint8Array(constants.buffer) },
  ];
  for (const { gpa, bytes } of segments) kvm.guestMemory.write(gpa, bytes);
  cpus.forEach((cpu, id) => {
    const vcpu = kvm.createVcpu(id, cpu);
    const registers = initialRegisters(id, code.addressOf(entries[id]), 2);
    vcpu.setRegisters(registers);
    vcpu.setSystemRegisters(registers);
  });
}

function emitHandler(asm: Assembler, apicMode: ApicMode): ReturnType<Assembler['here']> {
  asm.align(16);
  const handler = asm.here('handler');
  asm.push(RAX);
  asm.push(RCX);
  asm.push(RDX);
  asm.lock.inc(dword(COUNTER));
  if (apicMode === 'x2apic') {
    emitWriteMsr(asm, 0x80b, 0);
  } else {
    asm.mov(RAX, qword(APIC_ADDRESS));
    asm.mov(dword(RAX, 0x0b0), 0);
  }
  asm.pop(RDX);
  asm.pop(RCX);
  asm.pop(RAX);
  asm.plain(Code.Iretq);
  return handler;
}
