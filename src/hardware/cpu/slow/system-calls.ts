/** SYSCALL, SYSRET, SYSENTER, SYSEXIT (SDM vol. 2): transfers to and from privilege level 0 without descriptors. */
import { Mnemonic } from 'iced-x86';
import { EFER_SCE } from '../control-register-bits.js';
import type { Cpu } from '../cpu.js';
import type { DecodedInstruction } from '../decoded-instruction.js';
import { generalProtection, invalidOpcode } from '../fault.js';
import { inProtectedMode } from '../legacy/segmentation.js';
import { canonical, isCanonicalPair } from '../linear-access.js';
import { in64BitMode, inLongMode, updateMode } from '../mode.js';
import { REDIRECTED, type Outcome } from '../outcome.js';
import { RFLAGS_FIXED, RFLAGS_IF, RFLAGS_RF, RFLAGS_VM } from '../rflags.js';
import { SEGMENT_CS, SEGMENT_SS } from '../segments.js';
import { chargeSystem, privileged, type HandlerTable } from './handler.js';

const RCX = 1;
const RDX = 2;
const RSP = 4;
const R11 = 11;
const FLAT_LIMIT = 0xffff_ffff;
const FLAT_CODE_64 = 0xa09b;
const FLAT_CODE_32 = 0xc09b;
const FLAT_DATA = 0xc093;
const SYSRET_FLAGS = 0x3c_7fd7;

function loadFlat(cpu: Cpu, number: number, selector: number, access: number, privilege: number): void {
  const segment = cpu.segments[number];
  segment.selector = selector;
  segment.base = 0;
  segment.limit = FLAT_LIMIT;
  segment.access = access | (privilege << 5);
}

/** CS and SS of a privilege level; SS comes behind CS (SYSRET: before it). */
function enter(cpu: Cpu, codeSelector: number, stackSelector: number, codeAccess: number, privilege: number): Outcome {
  loadFlat(cpu, SEGMENT_CS, codeSelector | privilege, codeAccess, privilege);
  loadFlat(cpu, SEGMENT_SS, stackSelector | privilege, FLAT_DATA, privilege);
  cpu.cpl = privilege;
  updateMode(cpu);
  cpu.retire(0);
  return REDIRECTED;
}

function syscall(cpu: Cpu, instruction: DecodedInstruction): Outcome {
  if ((cpu.eferLow & EFER_SCE) === 0 || !in64BitMode(cpu)) return invalidOpcode(cpu);
  chargeSystem(cpu);
  const { msrs } = cpu;
  const flags = cpu.rflags & ~(RFLAGS_RF | RFLAGS_VM);
  const selector = msrs.starHigh & 0xfffc;
  cpu.setGprNumber(RCX, cpu.rip + instruction.length);
  cpu.setGprWords(R11, 0, flags >>> 0);
  cpu.rip = msrs.lstar;
  cpu.rflags = (flags & ~msrs.fmask) | RFLAGS_FIXED;
  return enter(cpu, selector, selector + 8, FLAT_CODE_64, 0);
}

function sysret(wide: boolean): (cpu: Cpu) => Outcome {
  return (cpu) => {
    if ((cpu.eferLow & EFER_SCE) === 0 || !in64BitMode(cpu)) return invalidOpcode(cpu);
    if (cpu.cpl !== 0 || (wide && !isCanonicalPair(cpu.gprHigh(RCX)))) return generalProtection(cpu);
    chargeSystem(cpu);
    const selector = (cpu.msrs.starHigh >>> 16) & 0xfffc;
    cpu.rip = wide ? canonical(cpu.gprHigh(RCX), cpu.gprLow(RCX)) : cpu.gprLow(RCX);
    cpu.rflags = (cpu.gprLow(R11) & SYSRET_FLAGS) | RFLAGS_FIXED;
    return wide
      ? enter(cpu, selector + 16, selector + 8, FLAT_CODE_64, 3)
      : enter(cpu, selector, selector + 8, FLAT_CODE_32, 3);
  };
}

/** The stack pointer and entry point of IA-32e mode have 64 bits. */
function sysenter(cpu: Cpu): Outcome {
  const { msrs } = cpu;
  if (!inProtectedMode(cpu) || (msrs.sysenterCs & 0xfffc) === 0) return generalProtection(cpu);
  chargeSystem(cpu);
  const selector = msrs.sysenterCs & 0xfffc;
  const long = inLongMode(cpu);
  cpu.rflags &= ~(RFLAGS_VM | RFLAGS_IF | RFLAGS_RF);
  cpu.setGprNumber(RSP, long ? msrs.sysenterEsp : msrs.sysenterEsp >>> 0);
  cpu.rip = long ? msrs.sysenterEip : msrs.sysenterEip >>> 0;
  return enter(cpu, selector, selector + 8, long ? FLAT_CODE_64 : FLAT_CODE_32, 0);
}

/** SYSEXIT goes to EDX with the stack ECX; with REX.W, to RDX and RCX in 64-bit mode. */
function sysexit(wide: boolean): (cpu: Cpu) => Outcome {
  return (cpu) => {
    const selector = cpu.msrs.sysenterCs & 0xfffc;
    if (selector === 0 || !inProtectedMode(cpu)) return generalProtection(cpu);
    if (wide && !(isCanonicalPair(cpu.gprHigh(RCX)) && isCanonicalPair(cpu.gprHigh(RDX))))
      return generalProtection(cpu);
    chargeSystem(cpu);
    cpu.rip = wide ? cpu.gprNumber(RDX) : cpu.gprLow(RDX);
    cpu.setGprNumber(RSP, wide ? cpu.gprNumber(RCX) : cpu.gprLow(RCX));
    return wide
      ? enter(cpu, selector + 32, selector + 40, FLAT_CODE_64, 3)
      : enter(cpu, selector + 16, selector + 24, FLAT_CODE_32, 3);
  };
}

export const SYSTEM_CALLS: HandlerTable = [
  [Mnemonic.Syscall, syscall],
  [Mnemonic.Sysret, sysret(false)],
  [Mnemonic.Sysretq, sysret(true)],
  [Mnemonic.Sysenter, sysenter],
  [Mnemonic.Sysexit, privileged(sysexit(false))],
  [Mnemonic.Sysexitq, privileged(sysexit(true))],
];
