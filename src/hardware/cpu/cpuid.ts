/**
 * CPUID (SDM vol. 2): the leaves that say what is modelled.
 *
 * Left out: cache and TLB descriptors (leaves 2 and 4 report none), performance monitoring, state beyond x87 and SSE. What
 * is announced can be executed (docs/processor.md); which instructions that is stands in announced-instructions.ts.
 */
import { CR4_OSXSAVE } from './control-register-bits.js';
import { MAXPHYADDR } from './layout.js';
import type { Cpu } from './cpu.js';
import type { CpuFeatures } from './features.js';
import { LINE_SIZE } from '../memory/physical-memory.js';
import { hasExecuteDisable, hasMonitor, limitsCpuid } from './misc-enable.js';

export interface CpuidResult {
  eax: number;
  ebx: number;
  ecx: number;
  edx: number;
}

const MAX_BASIC_LEAF = 0x16;
/** With IA32_MISC_ENABLE.Limit_CPUID_Maxval. */
const LIMITED_MAX_LEAF = 2;
const MAX_EXTENDED_LEAF = 0x8000_0008;
const LINEAR_ADDRESS_BITS = 48;
/** GenuineIntel */
const VENDOR_EBX = 0x756e_6547;
const VENDOR_ECX = 0x6c65_746e;
const VENDOR_EDX = 0x4965_6e69;

// CPUID.1:ECX
const ECX_SSE3 = 1 << 0;
const ECX_MONITOR = 1 << 3;
const ECX_VMX = 1 << 5;
/** Enhanced Intel SpeedStep. */
const ECX_EIST = 1 << 7;
const ECX_SSSE3 = 1 << 9;
const ECX_CX16 = 1 << 13;
const ECX_XTPR = 1 << 14;
const ECX_PCID = 1 << 17;
const ECX_SSE4_1 = 1 << 19;
const ECX_SSE4_2 = 1 << 20;
const ECX_X2APIC = 1 << 21;
const ECX_MOVBE = 1 << 22;
const ECX_POPCNT = 1 << 23;
const ECX_TSC_DEADLINE = 1 << 24;
const ECX_XSAVE = 1 << 26;
const ECX_OSXSAVE = 1 << 27;
const ECX_RDRAND = 1 << 30;
// CPUID.1:EDX: FPU DE PSE TSC MSR PAE MCE CX8 APIC SEP MTRR PGE MCA CMOV PAT PSE-36 CLFSH MMX FXSR SSE SSE2 SS
const EDX_FEATURES = 0x0f8b_fbfd;
const EDX_HTT = 1 << 28;
// CPUID.7.0
const EBX_FSGSBASE = 1 << 0;
const EBX_TSC_ADJUST = 1 << 1;
const EBX_BMI1 = 1 << 3;
/** The x87 unit notes operands of instructions that raise an exception only, and no selectors. */
const EBX_FDP_EXCPTN_ONLY = 1 << 6;
const EBX_SMEP = 1 << 7;
const EBX_BMI2 = 1 << 8;
const EBX_ERMS = 1 << 9;
const EBX_INVPCID = 1 << 10;
const EBX_RTM = 1 << 11;
const EBX_ZERO_FCS_FDS = 1 << 13;
const EBX_RDSEED = 1 << 18;
const EBX_ADX = 1 << 19;
const EBX_SMAP = 1 << 20;
const EBX_CLFLUSHOPT = 1 << 23;
const EBX_CLWB = 1 << 24;
const ECX_UMIP = 1 << 2;
const ECX_RDPID = 1 << 22;
const EDX_UINTR = 1 << 5;
const EDX_SERIALIZE = 1 << 14;
const EDX_SPEC_CTRL = 1 << 26;
const EDX_STIBP = 1 << 27;
const EDX_ARCH_CAPABILITIES = 1 << 29;
// CPUID.80000001H
const EXTENDED_ECX_LAHF = 1 << 0;
const EXTENDED_ECX_LZCNT = 1 << 5;
const EXTENDED_ECX_PREFETCHW = 1 << 8;
const EXTENDED_ECX = EXTENDED_ECX_LAHF | EXTENDED_ECX_LZCNT | EXTENDED_ECX_PREFETCHW;
const EXTENDED_EDX_NX = 1 << 20;
const EXTENDED_EDX = (1 << 11) | (1 << 26) | (1 << 27) | (1 << 29); // SYSCALL 1-GByte pages RDTSCP LM

/** What CPUID with EAX = `leaf` and ECX = `subleaf` returns. */
export function cpuid(cpu: Cpu, leaf: number, subleaf: number): CpuidResult {
  if (leaf >= 0x8000_0000 && leaf <= MAX_EXTENDED_LEAF) return extendedLeaf(cpu, leaf);
  if (leaf > maxBasicLeaf(cpu)) return zero();
  return basicLeaf(cpu, leaf, subleaf);
}

function zero(): CpuidResult {
  return { eax: 0, ebx: 0, ecx: 0, edx: 0 };
}

function maxBasicLeaf(cpu: Cpu): number {
  return limitsCpuid(cpu) ? LIMITED_MAX_LEAF : MAX_BASIC_LEAF;
}

function basicLeaf(cpu: Cpu, leaf: number, subleaf: number): CpuidResult {
  switch (leaf) {
    case 0:
      return { eax: maxBasicLeaf(cpu), ebx: VENDOR_EBX, ecx: VENDOR_ECX, edx: VENDOR_EDX };
    case 1:
      return featureLeaf(cpu);
    case 5:
      return cpu.features.mwait ? { eax: LINE_SIZE, ebx: LINE_SIZE, ecx: 3, edx: 0x10 } : zero();
    case 7:
      return subleaf === 0 ? structuredFeatures(cpu.features) : zero();
    case 0xb:
    case 0x1f:
      return topology(cpu, subleaf);
    case 0xd:
      // x87 and SSE state only
      return subleaf === 0 ? { eax: 3, ebx: 576, ecx: 576, edx: 0 } : zero();
    default:
      return zero();
  }
}

function featureLeaf(cpu: Cpu): CpuidResult {
  const { features } = cpu;
  const ecx =
    ECX_SSE3 |
    ECX_EIST |
    ECX_SSSE3 |
    ECX_CX16 |
    ECX_XTPR |
    ECX_PCID |
    ECX_SSE4_1 |
    ECX_SSE4_2 |
    ECX_MOVBE |
    ECX_POPCNT |
    ECX_XSAVE |
    ECX_RDRAND |
    (hasMonitor(cpu) ? ECX_MONITOR : 0) |
    (features.vmx ? ECX_VMX : 0) |
    (features.x2apic ? ECX_X2APIC : 0) |
    (features.tscDeadline ? ECX_TSC_DEADLINE : 0) |
    ((cpu.cr4 & CR4_OSXSAVE) !== 0 ? ECX_OSXSAVE : 0);
  const threads = Math.min(features.threadsPerPackage, 255);
  const ebx = ((cpu.apicId & 0xff) << 24) | (threads << 16) | ((LINE_SIZE / 8) << 8);
  const apic = cpu.apic.enabled ? 0 : 1 << 9;
  const edx = (EDX_FEATURES | (threads > 1 ? EDX_HTT : 0)) & ~apic;
  return { eax: features.signature, ebx: ebx >>> 0, ecx: ecx >>> 0, edx: edx >>> 0 };
}

function structuredFeatures(features: CpuFeatures): CpuidResult {
  const ebx =
    EBX_FSGSBASE |
    EBX_TSC_ADJUST |
    EBX_BMI1 |
    EBX_FDP_EXCPTN_ONLY |
    EBX_SMEP |
    EBX_BMI2 |
    EBX_ERMS |
    EBX_INVPCID |
    EBX_RTM |
    EBX_ZERO_FCS_FDS |
    EBX_RDSEED |
    EBX_ADX |
    EBX_SMAP |
    EBX_CLFLUSHOPT |
    EBX_CLWB;
  const edx = EDX_SERIALIZE | EDX_SPEC_CTRL | EDX_STIBP | EDX_ARCH_CAPABILITIES | (features.uintr ? EDX_UINTR : 0);
  return { eax: 0, ebx: ebx >>> 0, ecx: ECX_UMIP | ECX_RDPID, edx: edx >>> 0 };
}

/** Leaves 0BH and 1FH: threads, cores, end. */
function topology(cpu: Cpu, subleaf: number): CpuidResult {
  const { threadsPerCore, threadsPerPackage } = cpu.features;
  const edx = cpu.apicId;
  if (subleaf === 0) return { eax: idBits(threadsPerCore), ebx: threadsPerCore, ecx: 0x100, edx };
  if (subleaf === 1) return { eax: idBits(threadsPerPackage), ebx: threadsPerPackage, ecx: 0x201, edx };
  return { eax: 0, ebx: 0, ecx: subleaf & 0xff, edx };
}

/** Bits of the APIC ID that number `count` things. */
function idBits(count: number): number {
  return count <= 1 ? 0 : 32 - Math.clz32(count - 1);
}

function extendedLeaf(cpu: Cpu, leaf: number): CpuidResult {
  switch (leaf) {
    case 0x8000_0000:
      return { eax: MAX_EXTENDED_LEAF, ebx: 0, ecx: 0, edx: 0 };
    case 0x8000_0001:
      return { eax: 0, ebx: 0, ecx: EXTENDED_ECX, edx: EXTENDED_EDX | (hasExecuteDisable(cpu) ? EXTENDED_EDX_NX : 0) };
    case 0x8000_0002:
    case 0x8000_0003:
    case 0x8000_0004:
      return brandPart(cpu.features.brand, leaf - 0x8000_0002);
    case 0x8000_0006:
      return { eax: 0, ebx: 0, ecx: LINE_SIZE, edx: 0 };
    case 0x8000_0007:
      return { eax: 0, ebx: 0, ecx: 0, edx: 1 << 8 }; // invariant TSC
    case 0x8000_0008:
      return { eax: MAXPHYADDR | (LINEAR_ADDRESS_BITS << 8), ebx: 0, ecx: 0, edx: 0 };
    default:
      return zero();
  }
}

/** 16 of the 48 bytes of the brand string. */
function brandPart(brand: string, part: number): CpuidResult {
  const word = (index: number): number => {
    let value = 0;
    for (let byte = 3; byte >= 0; byte--) {
      const at = part * 16 + index * 4 + byte;
      value = (value << 8) | (at < Math.min(brand.length, 47) ? brand.charCodeAt(at) & 0xff : 0);
    }
    return value >>> 0;
  };
  return { eax: word(0), ebx: word(1), ecx: word(2), edx: word(3) };
}
