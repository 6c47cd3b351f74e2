/**
 * What happens at an instruction without a handler: #UD if CPUID does not announce it, as on a processor without it; if
 * it does, an error of that name, never a silent skip.
 */
import { CpuidFeature, Mnemonic } from 'iced-x86';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { invalidOpcode } from '../fault.js';
import { newDecoder } from '../fetch.js';
import type { Outcome } from '../outcome.js';
import { UnimplementedInstructionError } from '../unimplemented.js';

/** What CPUID announces (cpuid.ts) of that which has instructions without a handler. */
const ANNOUNCED = new Set<number>([
  ...[CpuidFeature.INTEL8086, CpuidFeature.INTEL186, CpuidFeature.INTEL286, CpuidFeature.INTEL386],
  ...[CpuidFeature.INTEL486, CpuidFeature.X64, CpuidFeature.FPU, CpuidFeature.FPU287, CpuidFeature.FPU387],
  ...[CpuidFeature.MMX, CpuidFeature.SSE, CpuidFeature.SSE2, CpuidFeature.SSE3, CpuidFeature.XSAVE],
]);

/** #UD, or throws UnimplementedInstructionError. */
export function unimplemented(cpu: Cpu, { mnemonic, bytes }: DecodedInstruction): Outcome {
  if (!isAnnounced(cpu, bytes)) return invalidOpcode(cpu);
  throw new UnimplementedInstructionError(Mnemonic[mnemonic].toUpperCase(), bytes, cpu);
}

function isAnnounced(cpu: Cpu, bytes: Uint8Array): boolean {
  const decoder = newDecoder(cpu, bytes);
  const instruction = decoder.decode();
  const features = Array.from(instruction.cpuidFeatures());
  instruction.free();
  decoder.free();
  return features.every((feature) => ANNOUNCED.has(feature));
}
