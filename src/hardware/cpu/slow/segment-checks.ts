/**
 * LAR, LSL, VERR, VERW (SDM vol. 2): what a selector names, without loading it. ZF says whether there is an answer; a
 * bad selector is no fault.
 */
import { Mnemonic } from 'iced-x86';
import type { Cpu } from '../cpu.js';
import { ACCESS_RW, Descriptor } from '../descriptor.js';
import { VECTOR_GP } from '../exception-vector.js';
import { invalidOpcode } from '../fault.js';
import { ACCESS_READ } from '../layout.js';
import { inProtectedMode } from '../legacy/segmentation.js';
import { inLongMode } from '../mode.js';
import { DONE } from '../outcome.js';
import { RFLAGS_ZF } from '../rflags.js';
import { chargeSystem, type Handler, type HandlerTable } from './handler.js';
import { gprBits, readWord, registerOperand, word, writeRegister } from './operands.js';

/** Types of system descriptors that have access rights: outside IA-32e mode, and in it. */
const LAR_TYPES: readonly number[] = [1, 2, 3, 4, 5, 9, 11, 12];
const LAR_TYPES_64: readonly number[] = [2, 9, 11, 12];
/** The same for limits. */
const LSL_TYPES: readonly number[] = [1, 2, 3, 9, 11];
const LSL_TYPES_64: readonly number[] = [2, 9, 11];
/** Second word of a descriptor, as LAR gives it. */
const RIGHTS_32 = 0x00f0_ff00;
const RIGHTS_16 = 0xff00;

const descriptor = new Descriptor();

function setZero(cpu: Cpu, value: boolean): void {
  cpu.rflags = value ? cpu.rflags | RFLAGS_ZF : cpu.rflags & ~RFLAGS_ZF;
}

/** Code that is not conforming and everything else must not be more privileged than CPL and RPL. */
function isVisible(cpu: Cpu, selector: number): boolean {
  if (descriptor.isCode && descriptor.isConforming) return true;
  return descriptor.dpl >= cpu.cpl && descriptor.dpl >= (selector & 3);
}

/** `test` decides on the descriptor, `use` takes what it says. */
function checking(index: number, test: (cpu: Cpu) => boolean, use: (...args: Parameters<Handler>) => void): Handler {
  return (cpu, instruction) => {
    if (!inProtectedMode(cpu)) return invalidOpcode(cpu);
    chargeSystem(cpu);
    let outcome = readWord(cpu, instruction, index, ACCESS_READ);
    if (outcome !== DONE) return outcome;
    const selector = word.value;
    const exists = descriptor.exists(cpu, selector);
    if (exists) {
      outcome = descriptor.read(cpu, selector, VECTOR_GP, 0, 0);
      if (outcome !== DONE) return outcome;
    }
    const passes = exists && isVisible(cpu, selector) && test(cpu);
    if (passes) use(cpu, instruction);
    setZero(cpu, passes);
    return DONE;
  };
}

const isSegment = (): boolean => descriptor.type >= 16;

const lar = checking(
  1,
  (cpu) => isSegment() || (inLongMode(cpu) ? LAR_TYPES_64 : LAR_TYPES).includes(descriptor.type),
  (cpu, instruction) => {
    const register = registerOperand(instruction, 0);
    writeRegister(cpu, register, 0, descriptor.high & (gprBits(register) === 16 ? RIGHTS_16 : RIGHTS_32));
  },
);

const lsl = checking(
  1,
  (cpu) => isSegment() || (inLongMode(cpu) ? LSL_TYPES_64 : LSL_TYPES).includes(descriptor.type),
  (cpu, instruction) => {
    writeRegister(cpu, registerOperand(instruction, 0), 0, descriptor.limit);
  },
);

const isReadable = (): boolean => isSegment() && (!descriptor.isCode || (descriptor.access & ACCESS_RW) !== 0);
const isWritable = (): boolean => isSegment() && !descriptor.isCode && (descriptor.access & ACCESS_RW) !== 0;
const nothing = (): void => undefined;

export const SEGMENT_CHECKS: HandlerTable = [
  [Mnemonic.Lar, lar],
  [Mnemonic.Lsl, lsl],
  [Mnemonic.Verr, checking(0, isReadable, nothing)],
  [Mnemonic.Verw, checking(0, isWritable, nothing)],
];
