/**
 * #UD of a guest (handle_ud, x86.c): KVM decodes the instruction, for there are some that it emulates on processors that
 * do not have them. VMMCALL, the hypercall of AMD's processors, becomes VMCALL in the guest's code and is executed again
 * (em_hypercall, KVM_X86_QUIRK_FIX_HYPERCALL_INSN). Any other #UD is the guest's own.
 *
 * Left out: the prefix that forces emulation (kvm.force_emulation_prefix, off by default). What else KVM emulates on #UD,
 * the emulated processor executes or Intel processors do not have either.
 */
import { STEP } from '../../cost/step.js';
import { VECTOR_UD } from '../../hardware/cpu/exception-vector.js';
import { VMCS_FIELD } from '../../hardware/vmx/vmcs-field.js';
import { fetchInstruction, GUEST_WAITS, translateGuestData } from '../guest-linear.js';
import type { HostCpu } from '../host-cpu.js';
import { EXIT_CONTINUES, EXIT_WAITS, type ExitResult } from './exit-result.js';

const VMMCALL = [0x0f, 0x01, 0xd9] as const;
/** The byte in which VMCALL (0F 01 C1) differs. */
const LAST_BYTE = 2;
const VMCALL_LAST_BYTE = 0xc1;
const ACCESS_L = 1 << 13;

const bytes = new Uint8Array(VMMCALL.length);

/** Exit 0 with vector 6. Repeat while it answers EXIT_WAITS. */
export function handleInvalidOpcodeException(host: HostCpu): ExitResult {
  const { cpu, vcpu } = host;
  if (cpu.begin()) cpu.charge(STEP.INSTRUCTION_EMULATION);
  if (cpu.clock.mustWait(cpu)) return EXIT_WAITS;
  const linear = linearRip(host);
  const fetched = fetchInstruction(host, linear, bytes);
  if (fetched === GUEST_WAITS) return EXIT_WAITS;
  if (fetched === bytes.length && VMMCALL.every((byte, index) => bytes[index] === byte))
    return fixHypercall(host, linear);
  vcpu.queueException(VECTOR_UD);
  return EXIT_CONTINUES;
}

function linearRip({ cpu: { vmx } }: HostCpu): number {
  const is64 = (vmx.vmread(VMCS_FIELD.GUEST_CS_AR_BYTES) & ACCESS_L) !== 0;
  return (is64 ? 0 : vmx.vmread(VMCS_FIELD.GUEST_CS_BASE)) + vmx.vmread(VMCS_FIELD.GUEST_RIP);
}

/** emulator_fix_hypercall: the guest's code may not be writable, then it gets #PF instead. */
function fixHypercall(host: HostCpu, linear: number): ExitResult {
  const { cpu, vm } = host;
  const physical = translateGuestData(host, linear + LAST_BYTE, true);
  if (physical === GUEST_WAITS) return EXIT_WAITS;
  if (physical < 0) return EXIT_CONTINUES;
  const address = vm.mmu.hostPhysical(physical);
  if (!cpu.lines.hold(cpu, address, true)) return EXIT_WAITS;
  cpu.memory.write8(address, VMCALL_LAST_BYTE);
  return EXIT_CONTINUES;
}
