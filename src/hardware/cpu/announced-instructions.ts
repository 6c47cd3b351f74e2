/**
 * Which instructions the processor has: those of the features that CPUID announces (cpuid.ts). All others raise #UD, as on
 * a processor without them (SDM vol. 2, "exceptions" of each instruction).
 */
import { CpuidFeature, Instruction, type Code } from 'iced-x86';
import type { CpuFeatures } from './features.js';

const always = (): boolean => true;

/** By feature, as iced-x86 names them: does the processor have it? Features that are not here it never has. */
const FEATURES = new Map<number, (features: CpuFeatures) => boolean>([
  // What every processor with Intel 64 has, without a bit of its own.
  ...[CpuidFeature.INTEL8086, CpuidFeature.INTEL186, CpuidFeature.INTEL286, CpuidFeature.INTEL386].map(entry),
  ...[CpuidFeature.INTEL486, CpuidFeature.CPUID, CpuidFeature.MULTIBYTENOP].map(entry),
  ...[CpuidFeature.PAUSE, CpuidFeature.RDPMC, CpuidFeature.FPU287, CpuidFeature.FPU387, CpuidFeature.SMM].map(entry),
  // CPUID.1:EDX
  ...[CpuidFeature.FPU, CpuidFeature.TSC, CpuidFeature.MSR, CpuidFeature.CX8, CpuidFeature.SEP].map(entry),
  ...[CpuidFeature.CMOV, CpuidFeature.CLFSH, CpuidFeature.MMX, CpuidFeature.FXSR].map(entry),
  ...[CpuidFeature.SSE, CpuidFeature.SSE2].map(entry),
  // CPUID.1:ECX
  ...[CpuidFeature.CMPXCHG16B, CpuidFeature.MOVBE, CpuidFeature.POPCNT, CpuidFeature.XSAVE].map(entry),
  [CpuidFeature.MONITOR, ({ mwait }) => mwait],
  [CpuidFeature.VMX, ({ vmx }) => vmx],
  // IA32_VMX_EPT_VPID_CAP
  [CpuidFeature.INVEPT, ({ vmx }) => vmx],
  [CpuidFeature.INVVPID, ({ vmx }) => vmx],
  ...[CpuidFeature.SSE3, CpuidFeature.SSSE3, CpuidFeature.SSE4_1, CpuidFeature.SSE4_2, CpuidFeature.RDRAND].map(entry),
  // CPUID.7.0
  ...[CpuidFeature.FSGSBASE, CpuidFeature.BMI1, CpuidFeature.BMI2, CpuidFeature.ADX].map(entry),
  ...[CpuidFeature.CLFLUSHOPT, CpuidFeature.CLWB, CpuidFeature.RDPID, CpuidFeature.SERIALIZE].map(entry),
  ...[CpuidFeature.INVPCID, CpuidFeature.RDSEED, CpuidFeature.RTM, CpuidFeature.HLE_or_RTM, CpuidFeature.SMAP].map(
    entry,
  ),
  [CpuidFeature.UINTR, ({ uintr }) => uintr],
  // CPUID.80000001H
  ...[CpuidFeature.X64, CpuidFeature.SYSCALL, CpuidFeature.RDTSCP, CpuidFeature.LZCNT].map(entry),
  [CpuidFeature.PREFETCHW, always],
  // Hints: no operations where their features are missing.
  ...[
    CpuidFeature.CET_IBT,
    CpuidFeature.MPX,
    CpuidFeature.CLDEMOTE,
    CpuidFeature.PREFETCHITI,
    CpuidFeature.PREFETCHWT1,
  ].map(entry),
  // Without the feature WBNOINVD is WBINVD: its prefix is ignored.
  [CpuidFeature.WBNOINVD, always],
]);

function entry(feature: CpuidFeature): [CpuidFeature, () => boolean] {
  return [feature, always];
}

function featuresOf(code: Code): readonly number[] {
  const instruction = new Instruction();
  instruction.code = code;
  const features = Array.from(instruction.cpuidFeatures());
  instruction.free();
  return features;
}

/** More than iced-x86 has encodings. */
const ENCODINGS = 1 << 13;

const UNKNOWN = 0;
const ANNOUNCED = 1;
const NOT_ANNOUNCED = 2;

/** The answers for one set of features, which all processors of a machine share, by encoding. */
const answers = new Uint8Array(ENCODINGS);
let answersFor: CpuFeatures | null = null;

/** Does the processor have the instruction with this encoding? */
export function isAnnounced(features: CpuFeatures, code: Code): boolean {
  if (features !== answersFor) {
    answers.fill(UNKNOWN);
    answersFor = features;
  }
  if (answers[code] === UNKNOWN) answers[code] = hasFeaturesOf(features, code) ? ANNOUNCED : NOT_ANNOUNCED;
  return answers[code] === ANNOUNCED;
}

function hasFeaturesOf(features: CpuFeatures, code: Code): boolean {
  return featuresOf(code).every((feature) => FEATURES.get(feature)?.(features) ?? false);
}
