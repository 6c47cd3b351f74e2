/**
 * Which values a guest may write to CR0 and CR4; everything else is #GP(0) (kvm_set_cr0, kvm_is_valid_cr4, kvm_set_cr4,
 * x86.c; SDM vol. 3, 2.5 and 4.1.2). Reserved in CR4 is what CPUID does not announce.
 */
import {
  CR0_CD,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR4_FSGSBASE,
  CR4_OSXSAVE,
  CR4_PAE,
  CR4_PCIDE,
  CR4_PGE,
  CR4_PSE,
  CR4_SMAP,
  CR4_SMEP,
  CR4_UINTR,
  CR4_UMIP,
  EFER_LMA,
  EFER_LME,
} from '../../hardware/cpu/control-register-bits.js';

/** PE, MP, EM, TS. */
const MACHINE_STATUS = 0xf;

/** VME PVI TSD DE PSE PAE MCE PGE PCE OSFXSR OSXMMEXCPT UMIP FSGSBASE PCIDE OSXSAVE SMEP SMAP. */
const CR4_BITS = 0x7ff | CR4_UMIP | CR4_FSGSBASE | CR4_PCIDE | CR4_OSXSAVE | CR4_SMEP | CR4_SMAP;

const PCID_MASK = 0xfff;
/** L bit of a code segment's access rights. */
const ACCESS_L = 1 << 13;

/** What the rules depend on, as it is before the write. */
export interface PagingState {
  readonly cr0: number;
  readonly cr3: number;
  readonly cr4: number;
  readonly efer: number;
  /** Access rights of CS. */
  readonly codeAccess: number;
}

export function isAllowedCr0(value: number, { cr0, cr4, efer, codeAccess }: PagingState): boolean {
  const paging = (value & CR0_PG) !== 0;
  if ((value & CR0_NW) !== 0 && (value & CR0_CD) === 0) return false;
  if (paging && (value & CR0_PE) === 0) return false;
  const wide = (codeAccess & ACCESS_L) !== 0;
  const entersLongMode = paging && (cr0 & CR0_PG) === 0 && (efer & EFER_LME) !== 0;
  if (entersLongMode && ((cr4 & CR4_PAE) === 0 || wide)) return false;
  if (!paging && (cr4 & CR4_PCIDE) !== 0) return false;
  return paging || (efer & EFER_LMA) === 0 || !wide;
}

export function isAllowedCr4(value: number, { cr3, cr4, efer }: PagingState, uintr: boolean): boolean {
  if ((value & ~(uintr ? CR4_BITS | CR4_UINTR : CR4_BITS)) !== 0) return false;
  const enablesPcids = (value & ~cr4 & CR4_PCIDE) !== 0;
  if (enablesPcids && ((efer & EFER_LMA) === 0 || (cr3 & PCID_MASK) !== 0)) return false;
  return (efer & EFER_LMA) === 0 || (value & CR4_PAE) !== 0;
}

/** PAE paging without IA-32e mode. */
export function usesPdptes(cr0: number, cr4: number, efer: number): boolean {
  return (cr0 & CR0_PG) !== 0 && (cr4 & CR4_PAE) !== 0 && (efer & EFER_LME) === 0;
}

/** A write to CR0 that changes bits `changed` loads the PDPTEs, if the guest uses them then. */
export function cr0LoadsPdptes(changed: number): boolean {
  return (changed & (CR0_PG | CR0_CD | CR0_NW)) !== 0;
}

/** The same for CR4. */
export function cr4LoadsPdptes(changed: number): boolean {
  return (changed & (CR4_PAE | CR4_PGE | CR4_PSE)) !== 0;
}

/** CR0 after LMSW with `source`: PE can be set, not cleared. */
export function loadMachineStatus(cr0: number, source: number): number {
  return ((cr0 & ~(MACHINE_STATUS & ~CR0_PE)) | (source & MACHINE_STATUS)) >>> 0;
}
