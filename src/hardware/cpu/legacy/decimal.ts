/** Decimal arithmetic: AAA, AAS, AAM, AAD, DAA, DAS (SDM vol. 2). Flags that the SDM leaves undefined stay or become 0. */
import { Mnemonic } from 'iced-x86';
import type { Cpu } from '../cpu.js';
import { VECTOR_DE } from '../exception-vector.js';
import { fault } from '../fault.js';
import { DONE, type Outcome } from '../outcome.js';
import { RFLAGS_AF, RFLAGS_CF } from '../rflags.js';
import type { Handler, HandlerTable } from '../slow/handler.js';
import { resultFlags, setArithmeticFlags } from './comparison.js';
import { chargeRecord } from './operand-size.js';

const RAX = 0;

function setAx(cpu: Cpu, value: number): void {
  cpu.setGprWords(RAX, cpu.gprHigh(RAX), ((cpu.gprLow(RAX) & 0xffff_0000) | (value & 0xffff)) >>> 0);
}

/** AAA (sign 1) and AAS (sign -1): AL to one digit, the carry to AH. */
function adjustUnpacked(sign: 1 | -1): Handler {
  return (cpu, instruction) => {
    chargeRecord(cpu, instruction);
    const ax = cpu.gprLow(RAX) & 0xffff;
    const adjusts = (ax & 15) > 9 || (cpu.rflags & RFLAGS_AF) !== 0;
    const sum = adjusts ? ax + sign * 0x106 : ax;
    const result = sum & 0xff0f;
    setAx(cpu, result);
    setArithmeticFlags(cpu, resultFlags(1, result & 0xff) | (adjusts ? RFLAGS_AF | RFLAGS_CF : 0));
    return DONE;
  };
}

/** DAA (sign 1) and DAS (sign -1): AL to two digits. */
function adjustPacked(sign: 1 | -1): Handler {
  return (cpu, instruction) => {
    chargeRecord(cpu, instruction);
    const old = cpu.gprLow(RAX) & 0xff;
    const carry = (cpu.rflags & RFLAGS_CF) !== 0;
    let al = old;
    let flags = 0;
    if ((old & 15) > 9 || (cpu.rflags & RFLAGS_AF) !== 0) {
      al += sign * 6;
      if (carry || al > 0xff || al < 0) flags |= RFLAGS_CF;
      flags |= RFLAGS_AF;
    }
    if (old > 0x99 || carry) {
      al += sign * 0x60;
      flags |= RFLAGS_CF;
    } else if (sign === 1) flags &= ~RFLAGS_CF;
    al &= 0xff;
    setAx(cpu, (cpu.gprLow(RAX) & 0xff00) | al);
    setArithmeticFlags(cpu, resultFlags(1, al) | flags);
    return DONE;
  };
}

const multiplyAdjust: Handler = (cpu, instruction): Outcome => {
  chargeRecord(cpu, instruction);
  const base = immediate(instruction.operands[0]);
  if (base === 0) return fault(cpu, VECTOR_DE);
  const al = cpu.gprLow(RAX) & 0xff;
  setAx(cpu, (Math.floor(al / base) << 8) | (al % base));
  setArithmeticFlags(cpu, resultFlags(1, al % base));
  return DONE;
};

const divideAdjust: Handler = (cpu, instruction) => {
  chargeRecord(cpu, instruction);
  const ax = cpu.gprLow(RAX) & 0xffff;
  const al = ((ax & 0xff) + (ax >>> 8) * immediate(instruction.operands[0])) & 0xff;
  setAx(cpu, al);
  setArithmeticFlags(cpu, resultFlags(1, al));
  return DONE;
};

function immediate(operand: Parameters<Handler>[1]['operands'][number]): number {
  return operand.kind === 'immediate' ? Number(operand.value) & 0xff : 0;
}

export const DECIMAL_INSTRUCTIONS: HandlerTable = [
  [Mnemonic.Aaa, adjustUnpacked(1)],
  [Mnemonic.Aas, adjustUnpacked(-1)],
  [Mnemonic.Aam, multiplyAdjust],
  [Mnemonic.Aad, divideAdjust],
  [Mnemonic.Daa, adjustPacked(1)],
  [Mnemonic.Das, adjustPacked(-1)],
];
