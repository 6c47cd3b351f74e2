/**
 * From iced-x86's description of an instruction to the interpreter's opcode (opcodes.ts) and its cost. What has no
 * opcode is SLOW: the host executes it.
 */
import {
  Code,
  ConditionCode,
  InstructionInfoFactory,
  MemorySizeExt,
  Mnemonic,
  OpAccess,
  OpKind,
  Register,
  type Instruction,
  type UsedMemory,
} from 'iced-x86';
import { INSTRUCTION_CLASSES, STEP, type CostTable, type InstructionClass } from '../../cost/step.js';
import * as OPCODES from './opcodes.js';
import {
  LOCKED_ADC,
  LOCKED_ADD,
  LOCKED_AND,
  LOCKED_BTC,
  LOCKED_BTR,
  LOCKED_BTS,
  LOCKED_CMPXCHG,
  LOCKED_DEC,
  LOCKED_INC,
  LOCKED_NEG,
  LOCKED_NOT,
  LOCKED_OR,
  LOCKED_SBB,
  LOCKED_SUB,
  LOCKED_XADD,
  LOCKED_XOR,
} from './record.js';

/** What all instructions of one encoding and form have in common. */
export interface Selection {
  readonly opcode: number;
  readonly ticks: number;
  /** Operation of a LOCKED_* opcode, else 0. */
  readonly operation: number;
  /** Operand size in bits, to which an immediate is sign-extended. */
  readonly bits: number;
}

const OPCODE_OF = new Map(Object.entries(OPCODES as Record<string, number>));
const LARGEST_COST = 0xffff;

const LOCKED_OPERATION = new Map<number, number>([
  [Mnemonic.Add, LOCKED_ADD],
  [Mnemonic.Or, LOCKED_OR],
  [Mnemonic.Adc, LOCKED_ADC],
  [Mnemonic.Sbb, LOCKED_SBB],
  [Mnemonic.And, LOCKED_AND],
  [Mnemonic.Sub, LOCKED_SUB],
  [Mnemonic.Xor, LOCKED_XOR],
  [Mnemonic.Inc, LOCKED_INC],
  [Mnemonic.Dec, LOCKED_DEC],
  [Mnemonic.Neg, LOCKED_NEG],
  [Mnemonic.Not, LOCKED_NOT],
  [Mnemonic.Xadd, LOCKED_XADD],
  [Mnemonic.Cmpxchg, LOCKED_CMPXCHG],
  [Mnemonic.Bts, LOCKED_BTS],
  [Mnemonic.Btr, LOCKED_BTR],
  [Mnemonic.Btc, LOCKED_BTC],
]);

/** Encodings whose opcode does not follow from mnemonic and form. */
const BY_CODE = new Map<number, string>([
  [Code.Retnq, 'RET'],
  [Code.Retnq_imm16, 'RET'],
  [Code.Retnd, 'RET32'],
  [Code.Retnd_imm16, 'RET32'],
  [Code.Call_rel32_32, 'CALL_J32'],
  [Code.Iretq, 'IRETQ'],
  [Code.Leaveq, 'LEAVE'],
  [Code.Leaved, 'LEAVE32'],
  [Code.Enterq_imm16_imm8, 'ENTER'],
  [Code.Pushfq, 'PUSHF64'],
  [Code.Pushfd, 'PUSHF32'],
  [Code.Pushfw, 'PUSHF16'],
  [Code.Popfq, 'POPF64'],
  [Code.Popfd, 'POPF32'],
  [Code.Popfw, 'POPF16'],
  [Code.Movsb_m8_m8, 'MOVS8'],
  [Code.Movsw_m16_m16, 'MOVS16'],
  [Code.Movsd_m32_m32, 'MOVS32'],
  [Code.Movsq_m64_m64, 'MOVS64'],
  [Code.Stosb_m8_AL, 'STOS8'],
  [Code.Stosw_m16_AX, 'STOS16'],
  [Code.Stosd_m32_EAX, 'STOS32'],
  [Code.Stosq_m64_RAX, 'STOS64'],
  [Code.Lodsb_AL_m8, 'LODS8'],
  [Code.Lodsw_AX_m16, 'LODS16'],
  [Code.Lodsd_EAX_m32, 'LODS32'],
  [Code.Lodsq_RAX_m64, 'LODS64'],
  [Code.Scasb_AL_m8, 'SCAS8'],
  [Code.Scasw_AX_m16, 'SCAS16'],
  [Code.Scasd_EAX_m32, 'SCAS32'],
  [Code.Scasq_RAX_m64, 'SCAS64'],
  [Code.Cmpsb_m8_m8, 'CMPS8'],
  [Code.Cmpsw_m16_m16, 'CMPS16'],
  [Code.Cmpsd_m32_m32, 'CMPS32'],
  [Code.Cmpsq_m64_m64, 'CMPS64'],
  [Code.Loop_rel8_64_RCX, 'LOOP64'],
  [Code.Loop_rel8_64_ECX, 'LOOP32'],
  [Code.Loop_rel8_32_ECX, 'LOOP32'],
  [Code.Loope_rel8_64_RCX, 'LOOPE64'],
  [Code.Loope_rel8_64_ECX, 'LOOPE32'],
  [Code.Loope_rel8_32_ECX, 'LOOPE32'],
  [Code.Loopne_rel8_64_RCX, 'LOOPNE64'],
  [Code.Loopne_rel8_64_ECX, 'LOOPNE32'],
  [Code.Loopne_rel8_32_ECX, 'LOOPNE32'],
  [Code.Jrcxz_rel8_64, 'JCXZ64'],
  [Code.Jecxz_rel8_64, 'JCXZ32'],
  [Code.Jecxz_rel8_32, 'JCXZ32'],
  [Code.Cmpxchg16b_m128, 'CMPXCHG16B_M128'],
]);

const WITHOUT_FORM = new Set<number>([
  ...[Mnemonic.Mfence, Mnemonic.Rdtsc, Mnemonic.Pause, Mnemonic.Lahf, Mnemonic.Sahf, Mnemonic.Cmc, Mnemonic.Clc],
  ...[Mnemonic.Stc, Mnemonic.Cld, Mnemonic.Std, Mnemonic.Cbw, Mnemonic.Cwde, Mnemonic.Cdqe, Mnemonic.Cwd],
  ...[Mnemonic.Cdq, Mnemonic.Cqo, Mnemonic.Xlatb],
]);

const NOPS = new Set<number>([
  ...[Mnemonic.Nop, Mnemonic.Endbr64, Mnemonic.Endbr32, Mnemonic.Lfence, Mnemonic.Sfence, Mnemonic.Prefetch],
  ...[Mnemonic.Prefetchnta, Mnemonic.Prefetcht0, Mnemonic.Prefetcht1, Mnemonic.Prefetcht2, Mnemonic.Prefetchw],
  ...[Mnemonic.Prefetchwt1, Mnemonic.Prefetchit0, Mnemonic.Prefetchit1, Mnemonic.Cldemote, Mnemonic.Rdsspd],
  ...[Mnemonic.Rdsspq, Mnemonic.Reservednop, Mnemonic.Bndmk, Mnemonic.Bndmov, Mnemonic.Bndcl, Mnemonic.Bndcu],
  ...[Mnemonic.Bndcn, Mnemonic.Bndldx, Mnemonic.Bndstx],
]);

const SHIFTS = new Set<number>([
  ...[Mnemonic.Shl, Mnemonic.Sal, Mnemonic.Shr, Mnemonic.Sar, Mnemonic.Rol, Mnemonic.Ror, Mnemonic.Rcl],
  ...[Mnemonic.Rcr, Mnemonic.Shld, Mnemonic.Shrd],
]);
const SHIFT_CLASS = new Set<number>([
  ...SHIFTS,
  ...[Mnemonic.Bsf, Mnemonic.Bsr, Mnemonic.Tzcnt, Mnemonic.Lzcnt, Mnemonic.Popcnt, Mnemonic.Sarx, Mnemonic.Shlx],
  ...[Mnemonic.Shrx, Mnemonic.Rorx, Mnemonic.Pdep, Mnemonic.Pext],
]);

/** Offset of a general-purpose register in the CPU block, or -1 for any other register. */
export function registerSlot(register: Register): number {
  if (register >= Register.RAX && register <= Register.R15) return (register - Register.RAX) * 8;
  if (register >= Register.EAX && register <= Register.R15D) return (register - Register.EAX) * 8;
  if (register >= Register.AX && register <= Register.R15W) return (register - Register.AX) * 8;
  if (register >= Register.SPL && register <= Register.R15L) return (register - Register.SPL + 4) * 8;
  if (register >= Register.AH && register <= Register.BH) return (register - Register.AH) * 8 + 1;
  if (register >= Register.AL && register <= Register.BL) return (register - Register.AL) * 8;
  return -1;
}

function registerBits(register: Register): number {
  if (register >= Register.RAX && register <= Register.R15) return 64;
  if (register >= Register.EAX && register <= Register.R15D) return 32;
  return register >= Register.AX && register <= Register.R15W ? 16 : 8;
}

/** One letter per operand: R register, C the CL register as a count, M memory, I immediate, J branch target. */
function formOf(instruction: Instruction): string {
  let form = '';
  for (let i = 0; i < instruction.opCount; i++) form += operandLetter(instruction, i);
  return form;
}

function operandLetter(instruction: Instruction, operand: number): string {
  const kind = instruction.opKind(operand);
  if (kind === OpKind.Memory) return 'M';
  if (isNearBranch(kind)) return 'J';
  if (kind >= OpKind.Immediate8 && kind <= OpKind.Immediate32to64) return 'I';
  if (kind !== OpKind.Register) return '?';
  const register = instruction.opRegister(operand);
  if (register === Register.CL && operand > 0 && SHIFTS.has(instruction.mnemonic)) return 'C';
  return registerSlot(register) < 0 ? '?' : 'R';
}

export function isNearBranch(kind: OpKind): boolean {
  return kind === OpKind.NearBranch16 || kind === OpKind.NearBranch32 || kind === OpKind.NearBranch64;
}

function operandBits(instruction: Instruction, operand: number): number {
  switch (instruction.opKind(operand)) {
    case OpKind.Register:
      return registerBits(instruction.opRegister(operand));
    case OpKind.Memory:
      return MemorySizeExt.size(instruction.memorySize) * 8;
    case OpKind.Immediate16:
    case OpKind.Immediate8to16:
      return 16;
    case OpKind.Immediate32:
    case OpKind.Immediate8to32:
      return 32;
    default:
      return 64;
  }
}

function nameOf(instruction: Instruction): string {
  const { mnemonic } = instruction;
  const special = BY_CODE.get(instruction.code);
  if (special !== undefined) return special;
  if (NOPS.has(mnemonic)) return 'NOP';
  if (WITHOUT_FORM.has(mnemonic)) return upperName(mnemonic);
  const form = formOf(instruction);
  if (instruction.isJccShortOrNear) return `JCC${String(instruction.conditionCode - ConditionCode.o)}`;
  if (form.startsWith('J')) return `${upperName(mnemonic)}_J`;
  const bits = instruction.opCount === 0 ? 0 : operandBits(instruction, 0);
  const name = `${operationName(instruction)}_${form}${String(bits)}`;
  if (mnemonic === Mnemonic.Movzx || mnemonic === Mnemonic.Movsx || mnemonic === Mnemonic.Movsxd) {
    const to = mnemonic === Mnemonic.Movzx ? Math.min(bits, 32) : bits;
    if (bits === operandBits(instruction, 1)) return `MOV_${form}${String(bits)}`;
    return `${upperName(mnemonic)}_${form}${String(to)}_${String(operandBits(instruction, 1))}`;
  }
  return mnemonic === Mnemonic.Crc32 ? `CRC32_${form}_${String(operandBits(instruction, 1))}` : name;
}

function operationName(instruction: Instruction): string {
  const { mnemonic } = instruction;
  if (mnemonic === Mnemonic.Sal) return 'SHL';
  if (mnemonic === Mnemonic.Movnti) return 'MOV';
  const name = upperName(mnemonic);
  if (instruction.conditionCode === ConditionCode.None) return name;
  return name.startsWith('SET') ? 'SETCC' : 'CMOVCC';
}

function upperName(mnemonic: Mnemonic): string {
  return Mnemonic[mnemonic].toUpperCase();
}

/** Chooses opcodes; remembers its answers by encoding. */
export class OpcodeSelector {
  readonly #costs: CostTable;
  readonly #known = new Map<number, Selection>();
  readonly #info = new InstructionInfoFactory();

  constructor(costs: CostTable) {
    this.#costs = costs;
  }

  select(instruction: Instruction): Selection {
    const key = instruction.code * 4 + (hasMemory(instruction) ? 2 : 0) + (instruction.hasLockPrefix ? 1 : 0);
    let selection = this.#known.get(key);
    if (selection === undefined) {
      selection = this.#selectNew(instruction);
      this.#known.set(key, selection);
    }
    return selection;
  }

  #selectNew(instruction: Instruction): Selection {
    const { name, operation } = this.#lockedName(instruction);
    const cost = Math.round(this.#ticks(instruction));
    const ticks = Math.min(LARGEST_COST, Math.max(1, cost));
    // The host charges what does not fit into a record.
    const isHosts = instruction.code === Code.Iretq && ticks !== cost;
    const opcode = isHosts ? OPCODES.SLOW : (OPCODE_OF.get(name) ?? OPCODES.SLOW);
    const bits = instruction.opCount === 0 ? 64 : operandBits(instruction, 0);
    return { opcode, operation, bits, ticks };
  }

  #lockedName(instruction: Instruction): { name: string; operation: number } {
    const name = nameOf(instruction);
    if (!instruction.hasLockPrefix || instruction.mnemonic === Mnemonic.Xchg) return { name, operation: 0 };
    const operation = LOCKED_OPERATION.get(instruction.mnemonic);
    if (operation === undefined) return { name: `LOCKED_${name}`, operation: 0 };
    const source = formOf(instruction).endsWith('I') ? 'I' : 'R';
    return { name: `LOCKED_${source}${String(operandBits(instruction, 0))}`, operation };
  }

  #ticks(instruction: Instruction): number {
    const { stepTicks } = this.#costs;
    const { mnemonic } = instruction;
    const memory = hasMemory(instruction);
    if (instruction.hasLockPrefix || (mnemonic === Mnemonic.Xchg && memory)) return stepTicks[STEP.LOCKED_RMW];
    if (mnemonic === Mnemonic.Rdtsc) return stepTicks[STEP.RDTSC];
    if (mnemonic === Mnemonic.Mfence) return stepTicks[STEP.MFENCE];
    if (mnemonic === Mnemonic.Pause) return stepTicks[STEP.PAUSE];
    if (mnemonic === Mnemonic.Iretq) return stepTicks[STEP.IRETQ];
    const access = this.#memoryAccess(instruction);
    let ticks = this.#classTicks(classOf(instruction));
    if (access.read) ticks += this.#classTicks('load');
    if (access.write) ticks += this.#classTicks('store');
    return ticks;
  }

  #classTicks(name: InstructionClass): number {
    return this.#costs.classTicks[INSTRUCTION_CLASSES.indexOf(name)];
  }

  #memoryAccess(instruction: Instruction): { read: boolean; write: boolean } {
    const info = this.#info.info(instruction);
    const result = { read: false, write: false };
    for (const used of info.usedMemory() as UsedMemory[]) {
      if (used.access !== OpAccess.Write && used.access !== OpAccess.CondWrite) result.read = true;
      if (used.access !== OpAccess.Read && used.access !== OpAccess.CondRead) result.write = true;
      used.free();
    }
    info.free();
    return instruction.isStringInstruction || NOPS.has(instruction.mnemonic) ? { read: false, write: false } : result;
  }
}

function classOf(instruction: Instruction): InstructionClass {
  const { mnemonic } = instruction;
  if (instruction.isStringInstruction) return 'string';
  if (SHIFT_CLASS.has(mnemonic)) return 'shift';
  if (mnemonic === Mnemonic.Mul || mnemonic === Mnemonic.Imul || mnemonic === Mnemonic.Mulx) return 'multiply';
  if (mnemonic === Mnemonic.Div || mnemonic === Mnemonic.Idiv) return 'divide';
  const form = formOf(instruction);
  const isBranch = form.startsWith('J') || mnemonic === Mnemonic.Jmp || mnemonic === Mnemonic.Call;
  return isBranch || mnemonic === Mnemonic.Ret ? 'branch' : 'alu';
}

export function hasMemory(instruction: Instruction): boolean {
  for (let i = 0; i < instruction.opCount; i++) {
    if (instruction.opKind(i) === OpKind.Memory) return true;
  }
  return false;
}
