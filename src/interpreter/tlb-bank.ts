// Which banks of the TLBs serve: by privilege level, and by RFLAGS.AC where a control gives it a meaning. At CPL 3 it asks for
// alignment to be checked (CR0.AM; SDM vol. 3, 6.15 interrupt 17): instructions then look into a bank that is always empty,
// and the long way checks. Below it overrides SMAP (CR4.SMAP; 5.6.1): what such accesses may do stands in a bank of its own,
// so that STAC and CLAC flush nothing.
import { CR0_AM, CR4_SMAP } from '../hardware/cpu/control-register-bits';
import {
  CPU_CPL,
  CPU_CR0,
  CPU_CR4,
  CPU_ITLB,
  CPU_ITLB_SUPERVISOR,
  CPU_ITLB_USER,
  CPU_LINE_KIND,
  CPU_SYSTEM_FLAGS,
  CPU_TLB,
  CPU_TLB_BANK,
  CPU_TLB_NONE,
  CPU_TLB_OVERRIDE,
  CPU_TLB_SUPERVISOR,
  CPU_TLB_USER,
  PRIVILEGE_SUPERVISOR,
  PRIVILEGE_USER,
  TLB_BANK_SIZE,
} from '../hardware/cpu/layout';
import { RFLAGS_AC } from '../hardware/cpu/rflags';

/** CPL, RFLAGS.AC, CR0.AM or CR4.SMAP may have changed. */
export function selectBanks(cpu: usize): void {
  const isUser = load<u32>(cpu, CPU_CPL) == 3;
  const hasAc = (load<u32>(cpu, CPU_SYSTEM_FLAGS) & RFLAGS_AC) != 0;
  const overrides = hasAc && !isUser && (load<u32>(cpu, CPU_CR4) & CR4_SMAP) != 0;
  const aligns = hasAc && isUser && (load<u32>(cpu, CPU_CR0) & CR0_AM) != 0;
  const bank = u32(cpu) + (isUser ? CPU_TLB_USER : overrides ? CPU_TLB_OVERRIDE : CPU_TLB_SUPERVISOR);
  store<u32>(cpu, bank, CPU_TLB_BANK);
  store<u32>(cpu, aligns ? u32(cpu) + CPU_TLB_NONE : bank, CPU_TLB);
  store<u64>(cpu, 1 + (load<u32>(cpu, CPU_TLB) - u32(cpu) - CPU_TLB_SUPERVISOR) / TLB_BANK_SIZE, CPU_LINE_KIND);
  store<u32>(cpu, u32(cpu) + (isUser ? CPU_ITLB_USER : CPU_ITLB_SUPERVISOR), CPU_ITLB);
}

/** The privilege of accesses that instructions ask for. */
// @ts-ignore: decorator
@inline
export function explicitPrivilege(cpu: usize): u32 {
  return load<u32>(cpu, CPU_CPL) == 3 ? PRIVILEGE_USER : PRIVILEGE_SUPERVISOR;
}

/** Are explicit accesses let through that SMAP forbids implicit ones? */
// @ts-ignore: decorator
@inline
export function overridesSmap(cpu: usize): bool {
  return load<u32>(cpu, CPU_TLB_BANK) == u32(cpu) + CPU_TLB_OVERRIDE;
}

// @ts-ignore: decorator
@inline
export function checksAlignment(cpu: usize): bool {
  return load<u32>(cpu, CPU_TLB) == u32(cpu) + CPU_TLB_NONE;
}
