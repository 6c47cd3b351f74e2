/**
 * RDRAND and RDSEED (SDM vol. 1, 7.3.17). A number is always there. The numbers are those of a generator that starts
 * alike in every run: results depend on nothing else.
 */
import { Mnemonic } from 'iced-x86';
import { EXIT_REASON_RDRAND, EXIT_REASON_RDSEED } from '../../vmx/exit-reason.js';
import type { Cpu } from '../cpu.js';
import { PASS, DONE } from '../outcome.js';
import { RFLAGS_ARITHMETIC, RFLAGS_CF } from '../rflags.js';
import { chargeSystem, intercept, type Handler, type HandlerTable } from './handler.js';
import { gprBits, gprNumber, registerOperand, writeRegister } from './operands.js';

const INCREMENT = 0x9e37_79b9;
/** Operand size in bits 12:11 of the VM-exit instruction information. */
const SIZE_SHIFT = 11;
const SIZE_CODE = { 16: 0, 32: 1, 64: 2 } as const;

/** 32 bits; each CPU has its own sequence. The mixing function is the finalizer of MurmurHash3. */
function nextWord(cpu: Cpu): number {
  const { msrs } = cpu;
  msrs.randomState = (msrs.randomState + INCREMENT) >>> 0;
  let x = msrs.randomState ^ Math.imul(cpu.id + 1, 0x85eb_ca6b);
  x = Math.imul(x ^ (x >>> 16), 0x85eb_ca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2_ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

function randomNumber(reason: number): Handler {
  return (cpu, instruction) => {
    const register = registerOperand(instruction, 0);
    const size = SIZE_CODE[gprBits(register)];
    const info = (gprNumber(register) << 3) | (size << SIZE_SHIFT);
    const outcome = intercept(cpu, reason, 0, instruction.length, info);
    if (outcome !== PASS) return outcome;
    chargeSystem(cpu);
    writeRegister(cpu, register, nextWord(cpu), nextWord(cpu));
    cpu.rflags = (cpu.rflags & ~RFLAGS_ARITHMETIC) | RFLAGS_CF;
    return DONE;
  };
}

export const RANDOM_NUMBERS: HandlerTable = [
  [Mnemonic.Rdrand, randomNumber(EXIT_REASON_RDRAND)],
  [Mnemonic.Rdseed, randomNumber(EXIT_REASON_RDSEED)],
];
