/**
 * From iced-x86's description of an instruction to the interpreter's opcode (opcodes.ts) and its cost. What has no
 * opcode is SLOW: the host executes it.
 */
import { Code, ConditionCode, FlowControl, Mnemonic, type Instruction, type OpKind } from 'iced-x86';
import type { CostTable } from '../../cost/step.js';
import { instructionCost, NOPS, ticksOf, type InstructionCost } from './instruction-cost.js';
import * as OPCODES from './opcodes.js';
import { formOf, kindOf, operandBits } from './operand-form.js';
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

/** What all instructions of one encoding and form have in common: each question to iced-x86 is a call. */
interface Encoding {
  readonly mnemonic: Mnemonic;
  readonly kinds: readonly OpKind[];
  readonly isLocked: boolean;
  readonly isString: boolean;
  /** Number of the condition, or -1. */
  readonly condition: number;
  /** Can execution go on behind it? */
  readonly continues: boolean;
  readonly opcode: number;
  /** Operation of a LOCKED_* opcode, else 0. */
  readonly operation: number;
  /** Operand size in bits, to which an immediate is sign-extended. */
  readonly bits: number;
  readonly cost: InstructionCost;
}

/** An encoding with its cost in ticks. */
export interface Selection extends Encoding {
  readonly ticks: number;
}

const OPCODE_OF = new Map(Object.entries(OPCODES as Record<string, number>));
const LARGEST_COST = 0xffff;
/** The host executes them in some cases, and charges what they cost. */
const CHARGED_BY_HOST: readonly number[] = [OPCODES.IRETQ, OPCODES.MOV_CR4, OPCODES.HLT];

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
  [Code.Wrmsr, 'WRMSR'],
  [Code.Mov_cr_r64, 'MOV_CR4'],
  [Code.Hlt, 'HLT'],
  [Code.Cli, 'CLI'],
  [Code.Sti, 'STI'],
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

/** More than there are. */
const CODES = 8192;
const OPERAND_KINDS = 32;

/** They do not depend on a machine. */
const encodings = new Map<number, Encoding>();

/** Chooses opcodes; remembers its answers by encoding. */
export class OpcodeSelector {
  readonly #costs: CostTable;
  readonly #known = new Map<number, Selection>();

  constructor(costs: CostTable) {
    this.#costs = costs;
  }

  select(instruction: Instruction): Selection {
    const key = keyOf(instruction);
    let selection = this.#known.get(key);
    if (selection === undefined) {
      selection = this.#selectNew(key, instruction);
      this.#known.set(key, selection);
    }
    return selection;
  }

  #selectNew(key: number, instruction: Instruction): Selection {
    let encoding = encodings.get(key);
    if (encoding === undefined) {
      encoding = encodingOf(instruction);
      encodings.set(key, encoding);
    }
    const cost = Math.round(ticksOf(encoding.cost, this.#costs));
    const ticks = Math.min(LARGEST_COST, Math.max(1, cost));
    const isHosts = CHARGED_BY_HOST.includes(encoding.opcode) && ticks !== cost;
    return { ...encoding, ticks, opcode: isHosts ? OPCODES.SLOW : encoding.opcode };
  }
}

/** One number for each encoding with the kinds of its operands, locked or not. */
function keyOf(instruction: Instruction): number {
  const { opCount } = instruction;
  let kinds = 0;
  for (let i = 0; i < opCount; i++) kinds = kinds * OPERAND_KINDS + kindOf(instruction, i);
  return (kinds * CODES + instruction.code) * 2 + (instruction.hasLockPrefix ? 1 : 0);
}

function encodingOf(instruction: Instruction): Encoding {
  const { mnemonic, opCount, flowControl, conditionCode } = instruction;
  const { name, operation } = lockedName(instruction);
  return {
    mnemonic,
    kinds: Array.from({ length: opCount }, (_, operand) => kindOf(instruction, operand)),
    isLocked: instruction.hasLockPrefix,
    isString: instruction.isStringInstruction,
    condition: conditionCode === ConditionCode.None ? -1 : conditionCode - ConditionCode.o,
    continues: flowControl === FlowControl.Next || flowControl === FlowControl.ConditionalBranch,
    opcode: OPCODE_OF.get(name) ?? OPCODES.SLOW,
    operation,
    bits: opCount === 0 ? 64 : operandBits(instruction, 0),
    cost: instructionCost(instruction),
  };
}

function lockedName(instruction: Instruction): { name: string; operation: number } {
  const name = nameOf(instruction);
  if (!instruction.hasLockPrefix || instruction.mnemonic === Mnemonic.Xchg) return { name, operation: 0 };
  const operation = LOCKED_OPERATION.get(instruction.mnemonic);
  if (operation === undefined) return { name: `LOCKED_${name}`, operation: 0 };
  const source = formOf(instruction).endsWith('I') ? 'I' : 'R';
  return { name: `LOCKED_${source}${String(operandBits(instruction, 0))}`, operation };
}
