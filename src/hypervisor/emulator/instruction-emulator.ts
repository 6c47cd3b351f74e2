/**
 * S19: emulation of an instruction that touched a device page (x86_emulate_instruction, emulate.c): fetch, decode, read,
 * compute, write, skip. A read-modify-write leaves to user space twice, as in KVM.
 *
 * Left out: accesses that are split between a device and memory, and #UD for user code that cannot be emulated.
 */
import { STEP } from '../../cost/step.js';
import { VMCS_FIELD } from '../../hardware/vmx/vmcs-field.js';
import { visibleCr0 } from '../exits/control-registers.js';
import { EXIT_CONTINUES, EXIT_WAITS, type ExitResult } from '../exits/exit-result.js';
import { failInternally } from '../exits/failure.js';
import { finishEmulation } from '../exits/skip.js';
import { GUEST_WAITS } from '../guest-linear.js';
import type { HostCpu } from '../host-cpu.js';
import { collectRaised } from '../interrupt-chip.js';
import { compute, type Computed } from './arithmetic.js';
import type { EmulatedInstruction } from './decoded-instruction.js';
import { chargeAccess, isApic, readApic, readDevice, writeApic, writeDevice } from './device-access.js';
import { fetchEmulated, unknownInstruction } from './fetch.js';
import { readRegister, writeRegister } from './registers.js';
import { emulateString } from './string-instructions.js';

// Phases
const READ_PAID = 1;
const READ = 2;
const WRITE_PAID = 3;

const RAX = 0;

/** Emulates the instruction at the guest's RIP: a string instruction, or one whose memory operand is at `guestPhysical`. */
export function emulateInstruction(host: HostCpu, guestPhysical: number | null): ExitResult {
  const { cpu } = host;
  if (cpu.begin()) cpu.charge(STEP.INSTRUCTION_EMULATION);
  const instruction = fetchEmulated(host);
  if (instruction === GUEST_WAITS || cpu.clock.mustWait(cpu)) return EXIT_WAITS;
  if (instruction === null) return failEmulation(host);
  if (instruction.addressSize !== 0) return emulateString(host, instruction);
  if (guestPhysical === null) return failEmulation(host);
  return instruction.operation === 'move' && instruction.size === 4 && isApic(host, guestPhysical)
    ? moveApicRegister(host, instruction, guestPhysical)
    : emulateOperand(host, instruction, guestPhysical);
}

/** MOV of 32 bits, which is what APICs are accessed with: as `emulateOperand`, without numbers of 64 bits. */
function moveApicRegister(host: HostCpu, instruction: EmulatedInstruction, guestPhysical: number): ExitResult {
  const { cpu } = host;
  const { memoryFirst, register, length } = instruction;
  if (!memoryFirst) {
    const value = readApic(host, guestPhysical);
    if (register !== null) cpu.setGprWords(register.number, 0, value);
    return finish(host, length);
  }
  const value = register === null ? Number(BigInt.asUintN(32, instruction.immediate)) : cpu.gprLow(register.number);
  const finished = finish(host, length);
  return afterWrite(host, writeApic(host, guestPhysical, value), finished);
}

/** KVM_INTERNAL_ERROR_EMULATION */
function failEmulation(host: HostCpu): ExitResult {
  return failInternally(host, `the KVM model cannot emulate ${unknownInstruction(host)}`);
}

function emulateOperand(host: HostCpu, instruction: EmulatedInstruction, guestPhysical: number): ExitResult {
  const { size } = instruction;
  if (readsMemory(instruction) && host.phase < READ) {
    if (pays(host, READ_PAID, guestPhysical, size, null)) return EXIT_WAITS;
    host.operand = readDevice(host, guestPhysical, size);
    host.phase = READ;
  }
  const computed = execute(host, instruction);
  if (!writesMemory(instruction) || computed.result === null) return complete(host, instruction, computed);
  if (pays(host, WRITE_PAID, guestPhysical, size, computed.result)) return EXIT_WAITS;
  const finished = complete(host, instruction, computed);
  return afterWrite(host, writeDevice(host, guestPhysical, size, computed.result), finished);
}

/** What becomes of an exit whose instruction had `finished` when it wrote to a device. */
function afterWrite(host: HostCpu, written: ExitResult, finished: ExitResult): ExitResult {
  if (written !== EXIT_CONTINUES) return written;
  const raised = collectRaised(host);
  return raised === EXIT_CONTINUES ? finished : raised;
}

/** Charges for an access once; true = it has, and the access comes when the CPU is next again. */
function pays(host: HostCpu, phase: number, guestPhysical: number, size: number, written: bigint | null): boolean {
  if (host.phase >= phase) return false;
  host.phase = phase;
  const { now } = host.cpu;
  chargeAccess(host, 'memory', guestPhysical, size, written);
  return host.cpu.now !== now;
}

function readsMemory({ operation, memoryFirst }: EmulatedInstruction): boolean {
  return operation !== 'store-machine-status' && (operation !== 'move' || !memoryFirst);
}

/** XADD and XCHG write both operands; the others their first. */
function writesMemory({ operation, memoryFirst }: EmulatedInstruction): boolean {
  return memoryFirst || operation === 'exchange' || operation === 'exchange-add';
}

function execute(host: HostCpu, instruction: EmulatedInstruction): Computed {
  const { cpu } = host;
  const { operation, size, memoryFirst, register } = instruction;
  const flags = cpu.vmx.vmread(VMCS_FIELD.GUEST_RFLAGS);
  if (operation === 'store-machine-status') return { result: BigInt(visibleCr0(host) & 0xffff), flags };
  const other = register === null ? BigInt.asUintN(8 * size, instruction.immediate) : readRegister(cpu, register);
  if (operation === 'compare-exchange') {
    const accumulator = readRegister(cpu, { number: RAX, size, high: false });
    const { flags: compared } = compute('cmp', accumulator, host.operand, size, flags);
    return { result: accumulator === host.operand ? other : host.operand, flags: compared };
  }
  const isLoad = operation === 'move-zero-extended' || operation === 'move-sign-extended';
  if (isLoad || (operation === 'move' && !memoryFirst)) {
    return { result: operation === 'move-sign-extended' ? BigInt.asIntN(8 * size, host.operand) : host.operand, flags };
  }
  if (memoryFirst || operation === 'exchange') return compute(operation, host.operand, other, size, flags);
  return compute(operation, other, host.operand, size, flags);
}

/** Registers, flags, RIP (writeback_registers). */
function complete(host: HostCpu, instruction: EmulatedInstruction, { result, flags }: Computed): ExitResult {
  const { cpu } = host;
  const { operation, size, register, memoryFirst } = instruction;
  if (operation === 'exchange' || operation === 'exchange-add') {
    if (register !== null) writeRegister(cpu, register, host.operand);
  } else if (operation === 'compare-exchange') {
    if (result === host.operand) writeRegister(cpu, { number: RAX, size, high: false }, host.operand);
  } else if (!memoryFirst && register !== null && result !== null) {
    writeRegister(cpu, register, result);
  }
  if (cpu.vmx.vmread(VMCS_FIELD.GUEST_RFLAGS) !== flags) cpu.vmx.vmwrite(VMCS_FIELD.GUEST_RFLAGS, flags);
  return finish(host, instruction.length);
}

function finish(host: HostCpu, length: number): ExitResult {
  finishEmulation(host, length);
  return collectRaised(host);
}
