/**
 * What an instruction costs: a step that has a name, or what its class does, with a load and a store where it has them.
 */
import { Code, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, type Instruction, type UsedMemory } from 'iced-x86';
import { INSTRUCTION_CLASSES, STEP, type CostTable, type InstructionClass } from '../../cost/step.js';
import { isNearBranch, SHIFTS } from './operand-form.js';

/** Steps that are all of what an instruction costs. */
const OWN_STEPS = [STEP.LOCKED_RMW, STEP.RDTSC, STEP.MFENCE, STEP.PAUSE, STEP.IRETQ] as const;
type OwnStep = (typeof OWN_STEPS)[number];

/** By number, as cost tables count them. */
export type InstructionCost = { readonly step: OwnStep } | { readonly classes: readonly number[] };

/** Instructions that do nothing, whatever their operands are. */
export const NOPS = new Set<number>([
  ...[Mnemonic.Nop, Mnemonic.Endbr64, Mnemonic.Endbr32, Mnemonic.Lfence, Mnemonic.Sfence, Mnemonic.Prefetch],
  ...[Mnemonic.Prefetchnta, Mnemonic.Prefetcht0, Mnemonic.Prefetcht1, Mnemonic.Prefetcht2, Mnemonic.Prefetchw],
  ...[Mnemonic.Prefetchwt1, Mnemonic.Prefetchit0, Mnemonic.Prefetchit1, Mnemonic.Cldemote, Mnemonic.Rdsspd],
  ...[Mnemonic.Rdsspq, Mnemonic.Reservednop, Mnemonic.Bndmk, Mnemonic.Bndmov, Mnemonic.Bndcl, Mnemonic.Bndcu],
  ...[Mnemonic.Bndcn, Mnemonic.Bndldx, Mnemonic.Bndstx],
]);

const SHIFT_CLASS = new Set<number>([
  ...SHIFTS,
  ...[Mnemonic.Bsf, Mnemonic.Bsr, Mnemonic.Tzcnt, Mnemonic.Lzcnt, Mnemonic.Popcnt, Mnemonic.Sarx, Mnemonic.Shlx],
  ...[Mnemonic.Shrx, Mnemonic.Rorx, Mnemonic.Pdep, Mnemonic.Pext],
]);

const information = new InstructionInfoFactory();

export function instructionCost(instruction: Instruction): InstructionCost {
  const { mnemonic, hasLockPrefix } = instruction;
  if (hasLockPrefix || (mnemonic === Mnemonic.Xchg && hasMemory(instruction))) return { step: STEP.LOCKED_RMW };
  if (mnemonic === Mnemonic.Rdtsc) return { step: STEP.RDTSC };
  if (mnemonic === Mnemonic.Mfence) return { step: STEP.MFENCE };
  if (mnemonic === Mnemonic.Pause) return { step: STEP.PAUSE };
  if (mnemonic === Mnemonic.Iretq) return { step: STEP.IRETQ };
  return { classes: classesOf(instruction).map((name) => INSTRUCTION_CLASSES.indexOf(name)) };
}

/** In ticks, with the values of a profile. */
export function ticksOf(cost: InstructionCost, { stepTicks, classTicks }: CostTable): number {
  return 'step' in cost ? stepTicks[cost.step] : cost.classes.reduce((sum, each) => sum + classTicks[each], 0);
}

/** Does every instruction cost the same with both? */
export function haveSameCosts(a: CostTable, b: CostTable): boolean {
  return (
    OWN_STEPS.every((step) => a.stepTicks[step] === b.stepTicks[step]) &&
    a.classTicks.every((ticks, index) => ticks === b.classTicks[index])
  );
}

function classesOf(instruction: Instruction): InstructionClass[] {
  const classes = [classOf(instruction)];
  if (instruction.isStringInstruction || NOPS.has(instruction.mnemonic)) return classes;
  const info = information.info(instruction);
  const accesses = (info.usedMemory() as UsedMemory[]).map((used) => {
    const { access } = used;
    used.free();
    return access;
  });
  info.free();
  if (accesses.some((access) => access !== OpAccess.Write && access !== OpAccess.CondWrite)) classes.push('load');
  if (accesses.some((access) => access !== OpAccess.Read && access !== OpAccess.CondRead)) classes.push('store');
  return classes;
}

function classOf(instruction: Instruction): InstructionClass {
  const { mnemonic } = instruction;
  if (instruction.isStringInstruction) return 'string';
  if (instruction.code === Code.Mov_cr_r64 || SYSTEM.has(mnemonic)) return 'system';
  if (SHIFT_CLASS.has(mnemonic)) return 'shift';
  if (mnemonic === Mnemonic.Mul || mnemonic === Mnemonic.Imul || mnemonic === Mnemonic.Mulx) return 'multiply';
  if (mnemonic === Mnemonic.Div || mnemonic === Mnemonic.Idiv) return 'divide';
  const isRelative = instruction.opCount > 0 && isNearBranch(instruction.opKind(0));
  return isRelative || BRANCHES.has(mnemonic) ? 'branch' : 'alu';
}

const SYSTEM = new Set<number>([Mnemonic.Hlt, Mnemonic.Cli, Mnemonic.Sti]);
const BRANCHES = new Set<number>([Mnemonic.Jmp, Mnemonic.Call, Mnemonic.Ret]);

function hasMemory(instruction: Instruction): boolean {
  for (let i = 0; i < instruction.opCount; i++) {
    if (instruction.opKind(i) === OpKind.Memory) return true;
  }
  return false;
}
