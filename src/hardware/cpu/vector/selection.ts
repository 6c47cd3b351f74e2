/** SSE4.1: blends, widening, and PTEST; single elements, of which SSE and SSE2 have words (SDM vol. 2). */
import { Mnemonic } from 'iced-x86';
import { xmm } from '../extended-state.js';
import { DONE } from '../outcome.js';
import { RFLAGS_ARITHMETIC, RFLAGS_CF, RFLAGS_ZF } from '../rflags.js';
import type { Handler, HandlerTable } from '../slow/handler.js';
import { memoryOperand, registerOperand, writeRegister } from '../slow/operands.js';
import type { LaneType } from './lanes.js';
import {
  destination,
  immediate,
  packed,
  readSource,
  source,
  target,
  vector,
  vectorRegister,
  writeMemory,
} from './operands.js';

const XMM_SIZE = 16;

/** Elements of `size` bytes from the second operand where the immediate has a bit. */
function blend(size: number): Handler {
  return packed((_, instruction) => {
    const chosen = immediate(instruction, 2);
    for (let lane = 0; lane * size < XMM_SIZE; lane++) {
      const at = lane * size;
      if (((chosen >>> lane) & 1) === 1) target.u8.set(source.u8.subarray(at, at + size), at);
    }
  });
}

/** Elements of `size` bytes from the second operand where XMM0 has the sign bit. */
function blendBySign(size: number): Handler {
  return vector((cpu, instruction) => {
    const outcome = readSource(cpu, instruction, 1, XMM_SIZE);
    if (outcome !== DONE) return outcome;
    const mask = xmm(cpu, 0).slice();
    const to = destination(cpu, instruction);
    for (let at = 0; at < XMM_SIZE; at += size) {
      if (mask[at + size - 1] >= 0x80) to.set(source.u8.subarray(at, at + size), at);
    }
    return DONE;
  });
}

/** PTEST: ZF if the operands have no bit in common, CF if the first one has all bits of the second. */
const test = vector((cpu, instruction) => {
  const outcome = readSource(cpu, instruction, 1, XMM_SIZE);
  if (outcome !== DONE) return outcome;
  target.u8.set(destination(cpu, instruction));
  const [low, high] = target.u64;
  const isDisjoint = ((low & source.u64[0]) | (high & source.u64[1])) === 0n;
  const isCovered = ((~low & source.u64[0]) | (~high & source.u64[1])) === 0n;
  const flags = (isDisjoint ? RFLAGS_ZF : 0) | (isCovered ? RFLAGS_CF : 0);
  cpu.rflags = (cpu.rflags & ~RFLAGS_ARITHMETIC) | flags;
  return DONE;
});

/** PMOVSX and PMOVZX: the lowest elements of one type, as elements of `bytes` bytes. */
function widen(from: LaneType, bytes: 2 | 4 | 8): Handler {
  return vector((cpu, instruction) => {
    const lanes = XMM_SIZE / bytes;
    const outcome = readSource(cpu, instruction, 1, lanes * source[from].BYTES_PER_ELEMENT);
    if (outcome !== DONE) return outcome;
    for (let lane = 0; lane < lanes; lane++) {
      const value = source[from][lane];
      if (bytes === 2) target.i16[lane] = value;
      else if (bytes === 4) target.i32[lane] = value;
      else target.u64[lane] = BigInt(value);
    }
    destination(cpu, instruction).set(target.u8);
    return DONE;
  });
}

/** PEXTR, EXTRACTPS: an element of `bytes` bytes to a general-purpose register or memory. */
function extract(bytes: 1 | 2 | 4 | 8): Handler {
  return vector((cpu, instruction) => {
    const from = vectorRegister(cpu, registerOperand(instruction, 1)) as Uint8Array;
    const at = bytes * (immediate(instruction, 2) & (from.length / bytes - 1));
    source.u8.fill(0);
    source.u8.set(from.subarray(at, at + bytes));
    if (memoryOperand(instruction, 0) !== null) return writeMemory(cpu, instruction);
    writeRegister(cpu, registerOperand(instruction, 0), source.u32[1], source.u32[0]);
    return DONE;
  });
}

/** PINSR: an element of `bytes` bytes from a general-purpose register or memory. */
function insert(bytes: 1 | 2 | 4 | 8): Handler {
  return vector((cpu, instruction) => {
    const outcome = readSource(cpu, instruction, 1, bytes);
    if (outcome !== DONE) return outcome;
    const to = destination(cpu, instruction);
    to.set(source.u8.subarray(0, bytes), bytes * (immediate(instruction, 2) & (to.length / bytes - 1)));
    return DONE;
  });
}

/** INSERTPS: one element to another place, and zeros where bits 3:0 of the immediate ask for them. */
const insertSingle = vector((cpu, instruction) => {
  const outcome = readSource(cpu, instruction, 1, XMM_SIZE);
  if (outcome !== DONE) return outcome;
  const control = immediate(instruction, 2);
  const from = memoryOperand(instruction, 1) === null ? control >>> 6 : 0;
  const to = destination(cpu, instruction);
  target.u8.set(to);
  target.u32[(control >>> 4) & 3] = source.u32[from];
  for (let lane = 0; lane < 4; lane++) if (((control >>> lane) & 1) === 1) target.u32[lane] = 0;
  to.set(target.u8);
  return DONE;
});

// prettier-ignore
export const SELECTION: HandlerTable = [
  [Mnemonic.Blendps,   blend(4)],
  [Mnemonic.Blendpd,   blend(8)],
  [Mnemonic.Pblendw,   blend(2)],
  [Mnemonic.Blendvps,  blendBySign(4)],
  [Mnemonic.Blendvpd,  blendBySign(8)],
  [Mnemonic.Pblendvb,  blendBySign(1)],
  [Mnemonic.Ptest,     test],
  [Mnemonic.Pmovsxbw,  widen('i8', 2)],
  [Mnemonic.Pmovsxbd,  widen('i8', 4)],
  [Mnemonic.Pmovsxbq,  widen('i8', 8)],
  [Mnemonic.Pmovsxwd,  widen('i16', 4)],
  [Mnemonic.Pmovsxwq,  widen('i16', 8)],
  [Mnemonic.Pmovsxdq,  widen('i32', 8)],
  [Mnemonic.Pmovzxbw,  widen('u8', 2)],
  [Mnemonic.Pmovzxbd,  widen('u8', 4)],
  [Mnemonic.Pmovzxbq,  widen('u8', 8)],
  [Mnemonic.Pmovzxwd,  widen('u16', 4)],
  [Mnemonic.Pmovzxwq,  widen('u16', 8)],
  [Mnemonic.Pmovzxdq,  widen('u32', 8)],
  [Mnemonic.Pextrb,    extract(1)],
  [Mnemonic.Pextrw,    extract(2)],
  [Mnemonic.Pextrd,    extract(4)],
  [Mnemonic.Pextrq,    extract(8)],
  [Mnemonic.Extractps, extract(4)],
  [Mnemonic.Pinsrb,    insert(1)],
  [Mnemonic.Pinsrw,    insert(2)],
  [Mnemonic.Pinsrd,    insert(4)],
  [Mnemonic.Pinsrq,    insert(8)],
  [Mnemonic.Insertps,  insertSingle],
];
