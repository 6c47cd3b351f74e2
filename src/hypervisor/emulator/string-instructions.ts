/**
 * String instructions that KVM emulates: MOVS, STOS, LODS, CMPS and SCAS with a device on either side, INS and OUTS (em_in,
 * em_out, pio_in_emulated, string_addr_inc, string_insn_completed, x86_emulate_insn, emulate.c). One element after the other, without entering the guest
 * in between; a repeated INS fetches what fits into its page with one access of user space.
 *
 * Left out: segment limits, and KVM's return to the guest after 1024 elements.
 */
import { RFLAGS_DF, RFLAGS_ZF } from '../../hardware/cpu/rflags.js';
import { LINE_SIZE, PAGE_SIZE } from '../../hardware/memory/physical-memory.js';
import { VMCS_FIELD } from '../../hardware/vmx/vmcs-field.js';
import { EXIT_CONTINUES, EXIT_WAITS, type ExitResult } from '../exits/exit-result.js';
import { finishEmulation } from '../exits/skip.js';
import { GUEST_WAITS, translateGuestData } from '../guest-linear.js';
import type { HostCpu } from '../host-cpu.js';
import { collectRaised } from '../interrupt-chip.js';
import { readRegister, moveAddress, readAddress, writeRegister } from './registers.js';
import { compute } from './arithmetic.js';
import type { EmulatedInstruction, Operation } from './decoded-instruction.js';
import { chargeAccess, isApic, readDevice, readPort, writeDevice, writePort } from './device-access.js';

const RAX = 0;
const RCX = 1;
const RDX = 2;
const RSI = 6;
const RDI = 7;
const SEGMENT_ES = 0;
const SEGMENT_FS = 4;
const ACCESS_L = 1 << 13;
/** Bytes that one access of user space can carry (KVM_PIO_PAGE_OFFSET; struct read_cache). */
const READ_AHEAD_BYTES = 1024;

// Which instructions use RSI, which RDI, and which set flags
const USES_SOURCE = new Set<Operation>(['movs', 'lods', 'cmps', 'outs']);
const USES_DESTINATION = new Set<Operation>(['movs', 'stos', 'cmps', 'scas', 'ins']);
const COMPARES = new Set<Operation>(['cmps', 'scas']);

// Phases of an element
const READ_PAID = 1;
const READ = 2;
/** Of the second access: a write, or the second read of a comparison. */
const WRITE_PAID = 3;

/** Emulates one element, or the end; EXIT_WAITS: call again. */
export function emulateString(host: HostCpu, instruction: EmulatedInstruction): ExitResult {
  const { cpu } = host;
  const { repeats, addressSize } = instruction;
  if (repeats && readAddress(cpu, RCX, addressSize) === 0n) return finish(host, instruction);
  if (host.phase < READ) {
    const read = readElement(host, instruction);
    if (read !== EXIT_CONTINUES) return read === FAULTED ? EXIT_CONTINUES : read;
    host.phase = READ;
  }
  const written = useElement(host, instruction);
  if (written === EXIT_WAITS) return EXIT_WAITS;
  if (written === FAULTED) return EXIT_CONTINUES;
  moveOn(host, instruction);
  host.phase = 0;
  const isOver = !repeats || readAddress(cpu, RCX, addressSize) === 0n || endsEarly(host, instruction);
  const result = isOver ? finish(host, instruction) : EXIT_WAITS;
  // What a device has asked for comes first: the rest of a repeated instruction begins anew.
  return written === EXIT_CONTINUES ? result : written;
}

/** #PF is queued. */
const FAULTED = -1;
const NOT_YET = -2;

type Step = ExitResult | typeof FAULTED;

function finish(host: HostCpu, { length }: EmulatedInstruction): ExitResult {
  host.readAhead.length = 0;
  finishEmulation(host, length);
  return collectRaised(host);
}

function moveOn({ cpu }: HostCpu, { operation, size, repeats, addressSize }: EmulatedInstruction): void {
  const step = (cpu.vmx.vmread(VMCS_FIELD.GUEST_RFLAGS) & RFLAGS_DF) !== 0 ? -size : size;
  if (USES_SOURCE.has(operation)) moveAddress(cpu, RSI, addressSize, step);
  if (USES_DESTINATION.has(operation)) moveAddress(cpu, RDI, addressSize, step);
  if (repeats) moveAddress(cpu, RCX, addressSize, -1);
}

/** REPE ends behind elements that differ, REPNE behind elements that are equal. */
function endsEarly({ cpu }: HostCpu, { operation, endsAtEqual }: EmulatedInstruction): boolean {
  if (!COMPARES.has(operation)) return false;
  return ((cpu.vmx.vmread(VMCS_FIELD.GUEST_RFLAGS) & RFLAGS_ZF) !== 0) === endsAtEqual;
}

function readElement(host: HostCpu, instruction: EmulatedInstruction): Step {
  const { operation, size, segment, addressSize } = instruction;
  switch (operation) {
    case 'stos':
    case 'scas':
      host.operand = readRegister(host.cpu, { number: RAX, size, high: false });
      return EXIT_CONTINUES;
    case 'ins':
      return readPortElement(host, instruction);
    default:
      return readMemory(host, linearAddress(host, segment, RSI, addressSize), size, READ_PAID);
  }
}

/** What becomes of the element that has been read. */
function useElement(host: HostCpu, { operation, size, addressSize }: EmulatedInstruction): Step {
  const { cpu } = host;
  switch (operation) {
    case 'lods':
      writeRegister(cpu, { number: RAX, size, high: false }, host.operand);
      return EXIT_CONTINUES;
    case 'outs':
      return writePortElement(host, size);
    case 'cmps':
    case 'scas':
      return compareMemory(host, linearAddress(host, SEGMENT_ES, RDI, addressSize), size);
    default:
      return writeMemory(host, linearAddress(host, SEGMENT_ES, RDI, addressSize), size);
  }
}

// ---- Ports

function readPortElement(host: HostCpu, { size, repeats, addressSize }: EmulatedInstruction): Step {
  const { cpu, readAhead } = host;
  const port = cpu.gprLow(RDX) & 0xffff;
  if (readAhead.length === 0) {
    if (pays(host, READ_PAID, () => chargePort(host, port, size, null))) return EXIT_WAITS;
    const count = repeats ? elementsAhead(host, size, addressSize) : 1;
    for (let element = 0; element < count; element++) readAhead.push(readPort(host, port, size));
  }
  host.operand = BigInt(readAhead.shift() ?? 0);
  return EXIT_CONTINUES;
}

/** pio_in_emulated: up to the end of the destination's page, of the count, of the buffer. */
function elementsAhead({ cpu }: HostCpu, size: number, addressSize: number): number {
  const offset = cpu.gprLow(RDI) % PAGE_SIZE;
  const down = (cpu.vmx.vmread(VMCS_FIELD.GUEST_RFLAGS) & RFLAGS_DF) !== 0;
  const inPage = Math.floor((down ? offset : PAGE_SIZE - offset) / size);
  const count = Number(readAddress(cpu, RCX, addressSize));
  return Math.max(1, Math.min(inPage, READ_AHEAD_BYTES / size, count));
}

function writePortElement(host: HostCpu, size: number): Step {
  const port = host.cpu.gprLow(RDX) & 0xffff;
  const value = Number(host.operand);
  if (pays(host, WRITE_PAID, () => chargePort(host, port, size, value))) return EXIT_WAITS;
  return writePort(host, port, size, value);
}

function chargePort(host: HostCpu, port: number, size: number, value: number | null): void {
  chargeAccess(host, 'port', port, size, value === null ? null : BigInt(value));
}

// ---- Memory: devices, or the guest's own

function linearAddress({ cpu }: HostCpu, segment: number, register: number, addressSize: number): number {
  const { vmx } = cpu;
  const is64 = (vmx.vmread(VMCS_FIELD.GUEST_CS_AR_BYTES) & ACCESS_L) !== 0;
  const base = is64 && segment < SEGMENT_FS ? 0 : vmx.vmread(VMCS_FIELD.GUEST_ES_BASE + 2 * segment);
  return base + Number(BigInt.asIntN(64, readAddress(cpu, register, addressSize)));
}

/** Where a linear address leads; FAULTED = #PF, NOT_YET = wait. */
function translate(host: HostCpu, linear: number, write: boolean): number {
  const physical = translateGuestData(host, linear, write);
  if (physical === GUEST_WAITS) return NOT_YET;
  return physical >= 0 ? physical : FAULTED;
}

/** Flags of the element that has been read, less the one at `linear`. */
function compareMemory(host: HostCpu, linear: number, size: number): Step {
  const { vmx } = host.cpu;
  const first = host.operand;
  const read = readMemory(host, linear, size, WRITE_PAID);
  if (read !== EXIT_CONTINUES) return read;
  const { flags } = compute('cmp', first, host.operand, size, vmx.vmread(VMCS_FIELD.GUEST_RFLAGS));
  vmx.vmwrite(VMCS_FIELD.GUEST_RFLAGS, flags);
  return EXIT_CONTINUES;
}

/** Reads into host.operand; `paid` is the phase in which an access to a device has been charged. */
function readMemory(host: HostCpu, linear: number, size: number, paid: number): Step {
  const physical = translate(host, linear, false);
  if (physical < 0) return physical === FAULTED ? FAULTED : EXIT_WAITS;
  const ram = memoryAt(host, physical);
  if (ram >= 0) {
    if (!holdLines(host, ram, size, false)) return EXIT_WAITS;
    host.operand = load(host.cpu.memory.bytes(ram, size));
    return EXIT_CONTINUES;
  }
  if (pays(host, paid, () => chargeAccess(host, 'memory', physical, size, null))) return EXIT_WAITS;
  host.operand = readDevice(host, physical, size);
  return EXIT_CONTINUES;
}

function writeMemory(host: HostCpu, linear: number, size: number): Step {
  const physical = translate(host, linear, true);
  if (physical < 0) return physical === FAULTED ? FAULTED : EXIT_WAITS;
  const ram = memoryAt(host, physical);
  if (ram >= 0) {
    if (!holdLines(host, ram, size, true)) return EXIT_WAITS;
    store(host.cpu.memory.bytes(ram, size), host.operand);
    return EXIT_CONTINUES;
  }
  if (pays(host, WRITE_PAID, () => chargeAccess(host, 'memory', physical, size, host.operand))) return EXIT_WAITS;
  return writeDevice(host, physical, size, host.operand);
}

/** Host-physical address of guest memory; negative for devices. The APIC's page is one although a slot backs it. */
function memoryAt(host: HostCpu, guestPhysical: number): number {
  return isApic(host, guestPhysical) ? -1 : host.vm.mmu.hostPhysical(guestPhysical);
}

function holdLines({ cpu }: HostCpu, address: number, size: number, write: boolean): boolean {
  if (!cpu.lines.hold(cpu, address, write)) return false;
  return (address % LINE_SIZE) + size <= LINE_SIZE || cpu.lines.hold(cpu, address + size - 1, write);
}

function load(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
  return value;
}

function store(bytes: Uint8Array, value: bigint): void {
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number((value >> BigInt(8 * i)) & 0xffn);
}

/** Charges for an access once; true = it has, and the access comes when the CPU is next again. */
function pays(host: HostCpu, phase: number, charge: () => void): boolean {
  if (host.phase >= phase) return false;
  host.phase = phase;
  const { now } = host.cpu;
  charge();
  return host.cpu.now !== now;
}
