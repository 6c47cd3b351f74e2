/**
 * CLI, STI, CLAC, STAC, PUSHF, POPF (SDM vol. 2).
 *
 * Left out: virtual-8086 and protected-mode virtual interrupts (VME, PVI).
 */
import { Mnemonic } from 'iced-x86';
import type { Cpu } from '../cpu.js';
import { VECTOR_SS } from '../exception-vector.js';
import { fault, generalProtection, invalidOpcode } from '../fault.js';
import { ACCESS_READ, ACCESS_WRITE, CPU_SYSTEM_FLAGS } from '../layout.js';
import { isCanonical, LinearRange } from '../linear-access.js';
import { DONE, type Outcome } from '../outcome.js';
import * as R from '../rflags.js';
import { chargeSystem, type Handler, type HandlerTable } from './handler.js';

const RSP = 4;
const stack = new LinearRange();

/** May this privilege level use CLI, STI, IN and OUT freely? */
export function hasIoPrivilege(cpu: Cpu): boolean {
  return cpu.cpl <= (cpu.word(CPU_SYSTEM_FLAGS) & R.RFLAGS_IOPL) >>> 12;
}

/** CLAC and STAC, which user code does not have. */
function setAccessControl(isSet: boolean): Handler {
  return (cpu) => {
    if (cpu.cpl !== 0) return invalidOpcode(cpu);
    chargeSystem(cpu);
    const others = cpu.word(CPU_SYSTEM_FLAGS) & ~R.RFLAGS_AC;
    cpu.setWord(CPU_SYSTEM_FLAGS, isSet ? others | R.RFLAGS_AC : others);
    cpu.engine.selectBanks(cpu.block);
    return DONE;
  };
}

/** Maps `size` bytes of the stack at `rsp`, or #SS(0). */
function mapStack(cpu: Cpu, rsp: number, size: number, access: number): Outcome {
  if (!isCanonical(rsp) || !isCanonical(rsp + size - 1)) return fault(cpu, VECTOR_SS, 0);
  return stack.map(cpu, rsp, size, access, cpu.privilege);
}

function pushf(size: 2 | 8): Handler {
  return (cpu) => {
    chargeSystem(cpu);
    const rsp = cpu.gprNumber(RSP) - size;
    const outcome = mapStack(cpu, rsp, size, ACCESS_WRITE);
    if (outcome !== DONE) return outcome;
    const flags = cpu.rflags & ~(R.RFLAGS_VM | R.RFLAGS_RF);
    if (size === 8) stack.writeSigned(cpu.memory, 0, flags >>> 0);
    else stack.write16(cpu.memory, 0, flags & 0xffff);
    cpu.setGprNumber(RSP, rsp);
    return DONE;
  };
}

function popf(size: 2 | 8): Handler {
  return (cpu) => {
    chargeSystem(cpu);
    const rsp = cpu.gprNumber(RSP);
    const outcome = mapStack(cpu, rsp, size, ACCESS_READ);
    if (outcome !== DONE) return outcome;
    const { memory } = cpu;
    const popped = size === 8 ? stack.read32(memory, 0) : (cpu.rflags & ~0xffff) | stack.read16(memory, 0);
    loadFlags(cpu, popped);
    cpu.setGprNumber(RSP, rsp + size);
    return DONE;
  };
}

const ALWAYS = R.RFLAGS_ARITHMETIC | R.RFLAGS_TF | R.RFLAGS_DF | R.RFLAGS_NT | R.RFLAGS_AC | R.RFLAGS_ID;

/**
 * Loads RFLAGS from a popped image: IOPL only at CPL 0, IF only with I/O privilege. Of what else may be loaded by some
 * instructions, RF by IRET, `more` says what; the rest of RFLAGS stays, RF becomes 0.
 */
export function loadFlags(cpu: Cpu, image: number, more = 0): void {
  let writable = ALWAYS | more;
  if (cpu.cpl === 0) writable |= R.RFLAGS_IOPL;
  if (hasIoPrivilege(cpu)) writable |= R.RFLAGS_IF;
  cpu.rflags = (cpu.rflags & ~(writable | R.RFLAGS_RF)) | (image & writable) | R.RFLAGS_FIXED;
}

export const FLAG_INSTRUCTIONS: HandlerTable = [
  // With I/O privilege they are the interpreter's.
  [Mnemonic.Cli, generalProtection],
  [Mnemonic.Sti, generalProtection],
  [Mnemonic.Clac, setAccessControl(false)],
  [Mnemonic.Stac, setAccessControl(true)],
  [Mnemonic.Pushf, pushf(2)],
  [Mnemonic.Pushfq, pushf(8)],
  [Mnemonic.Popf, popf(2)],
  [Mnemonic.Popfq, popf(8)],
];
