// The instruction loop. It runs one CPU until its limit, or until an instruction stops it; time and the retired count
// advance, and the limit is looked at, at every instruction.
import {
  CPU_CODE_BASE,
  CPU_EXTRA_TICKS,
  CPU_LIMIT,
  CPU_NOW,
  CPU_ONCE,
  CPU_ONCE_RIP,
  CPU_REGION_NOW,
  CPU_REGION_RETIRED,
  CPU_RETIRED,
  CPU_RIP,
  CPU_STOP,
  STOP_LIMIT,
} from '../hardware/cpu/layout';
import * as OP from '../hardware/cpu/opcodes';
import { R_COST, R_OFFSET, R_OP, R_TARGET, R_TARGET_OFFSET } from '../hardware/cpu/record';
import { setccR } from './bit';
import { codeMap, call, callM, callR, go, goUndecoded, jmpM, jmpR, leave, lookUp, noRecord, ret } from './control';
import * as HOT from './hot';
import { iretq } from './iret';
import { after, opcodeOf } from './operand';
import { exitSpin, parkAhead, spin } from './spin';
import { finishSplitStore } from './memory';
import { mayPassLimit } from './order';
import { rare } from './rare';
import { whole } from './ticks';
import { enterRegion } from './region';

/** Where a run begins: the record of RIP, or the one that stops for want of a record. */
function begin(cpu: usize): usize {
  const rip = load<u64>(cpu, CPU_RIP);
  const once = load<u32>(cpu, CPU_ONCE);
  if (once != 0) {
    if (load<u64>(cpu, CPU_ONCE_RIP) == rip) {
      store<u64>(cpu, rip - load<u16>(once, R_OFFSET), CPU_CODE_BASE);
      return once;
    }
    store<u32>(cpu, 0, CPU_ONCE);
  }
  return go(cpu, rip);
}

/** The end of a run of records: goes on behind it without having executed anything. */
function link(cpu: usize, pc: usize): usize {
  const known: usize = load<u32>(pc, R_TARGET);
  return known != 0 ? known : go(cpu, load<u64>(cpu, CPU_CODE_BASE) + load<u16>(pc, R_OFFSET));
}

/** An instruction that continues on the next page stands behind; it counts while that page is still the same. */
function cross(cpu: usize, pc: usize): usize {
  const base = load<u64>(cpu, CPU_CODE_BASE);
  const map = codeMap(cpu, base + 0x1000);
  return map != 0 && map == load<u32>(pc, R_TARGET) ? after(pc) : goUndecoded(cpu, base + load<u16>(pc, R_OFFSET));
}

/** A run that has come to its limit in front of HLT, or of a jump to it: an idle CPU falls asleep without another turn. */
function goesOn(cpu: usize, pc: usize, op: i32, now: u64): bool {
  if ((op != OP.JMP_J && op != OP.HLT) || load<u32>(cpu, CPU_STOP) != STOP_LIMIT) return false;
  const to = op == OP.JMP_J ? lookUp(cpu, load<u64>(cpu, CPU_CODE_BASE) + load<i32>(pc, R_TARGET_OFFSET)) : pc;
  if (to == 0 || opcodeOf(to) != OP.HLT) return false;
  const last = to == pc ? now : now + load<u16>(pc, R_COST);
  if (!mayPassLimit(cpu, last)) return false;
  store<u64>(cpu, last + 1, CPU_LIMIT);
  return true;
}

export function run(cpu: usize): u32 {
  store<u32>(cpu, STOP_LIMIT, CPU_STOP);
  let pc = begin(cpu);
  let now = whole(load<f64>(cpu, CPU_NOW));
  let retired = load<u64>(cpu, CPU_RETIRED);
  let op = i32(load<u16>(pc, R_OP));
  do {
    while (now < load<u64>(cpu, CPU_LIMIT)) {
      let next: usize;
      switch (op) {
        case OP.NO_RECORD: next = noRecord(cpu); break;
        case OP.ADD_RR32: next = HOT.doAddRr32(cpu, pc); break;
        case OP.ADD_RR64: next = HOT.doAddRr64(cpu, pc); break;
        case OP.ADD_RI32: next = HOT.doAddRi32(cpu, pc); break;
        case OP.ADD_RI64: next = HOT.doAddRi64(cpu, pc); break;
        case OP.ADD_RM32: next = HOT.doAddRm32(cpu, pc); break;
        case OP.ADD_RM64: next = HOT.doAddRm64(cpu, pc); break;
        case OP.ADD_MR32: next = HOT.doAddMr32(cpu, pc); break;
        case OP.ADD_MR64: next = HOT.doAddMr64(cpu, pc); break;
        case OP.ADD_MI32: next = HOT.doAddMi32(cpu, pc); break;
        case OP.ADD_MI64: next = HOT.doAddMi64(cpu, pc); break;
        case OP.OR_RR32: next = HOT.doOrRr32(cpu, pc); break;
        case OP.OR_RR64: next = HOT.doOrRr64(cpu, pc); break;
        case OP.OR_RI32: next = HOT.doOrRi32(cpu, pc); break;
        case OP.OR_RI64: next = HOT.doOrRi64(cpu, pc); break;
        case OP.OR_RM32: next = HOT.doOrRm32(cpu, pc); break;
        case OP.OR_RM64: next = HOT.doOrRm64(cpu, pc); break;
        case OP.OR_MR32: next = HOT.doOrMr32(cpu, pc); break;
        case OP.OR_MR64: next = HOT.doOrMr64(cpu, pc); break;
        case OP.OR_MI32: next = HOT.doOrMi32(cpu, pc); break;
        case OP.OR_MI64: next = HOT.doOrMi64(cpu, pc); break;
        case OP.AND_RR32: next = HOT.doAndRr32(cpu, pc); break;
        case OP.AND_RR64: next = HOT.doAndRr64(cpu, pc); break;
        case OP.AND_RI32: next = HOT.doAndRi32(cpu, pc); break;
        case OP.AND_RI64: next = HOT.doAndRi64(cpu, pc); break;
        case OP.AND_RM32: next = HOT.doAndRm32(cpu, pc); break;
        case OP.AND_RM64: next = HOT.doAndRm64(cpu, pc); break;
        case OP.AND_MR32: next = HOT.doAndMr32(cpu, pc); break;
        case OP.AND_MR64: next = HOT.doAndMr64(cpu, pc); break;
        case OP.AND_MI32: next = HOT.doAndMi32(cpu, pc); break;
        case OP.AND_MI64: next = HOT.doAndMi64(cpu, pc); break;
        case OP.SUB_RR32: next = HOT.doSubRr32(cpu, pc); break;
        case OP.SUB_RR64: next = HOT.doSubRr64(cpu, pc); break;
        case OP.SUB_RI32: next = HOT.doSubRi32(cpu, pc); break;
        case OP.SUB_RI64: next = HOT.doSubRi64(cpu, pc); break;
        case OP.SUB_RM32: next = HOT.doSubRm32(cpu, pc); break;
        case OP.SUB_RM64: next = HOT.doSubRm64(cpu, pc); break;
        case OP.SUB_MR32: next = HOT.doSubMr32(cpu, pc); break;
        case OP.SUB_MR64: next = HOT.doSubMr64(cpu, pc); break;
        case OP.SUB_MI32: next = HOT.doSubMi32(cpu, pc); break;
        case OP.SUB_MI64: next = HOT.doSubMi64(cpu, pc); break;
        case OP.XOR_RR32: next = HOT.doXorRr32(cpu, pc); break;
        case OP.XOR_RR64: next = HOT.doXorRr64(cpu, pc); break;
        case OP.XOR_RI32: next = HOT.doXorRi32(cpu, pc); break;
        case OP.XOR_RI64: next = HOT.doXorRi64(cpu, pc); break;
        case OP.XOR_RM32: next = HOT.doXorRm32(cpu, pc); break;
        case OP.XOR_RM64: next = HOT.doXorRm64(cpu, pc); break;
        case OP.XOR_MR32: next = HOT.doXorMr32(cpu, pc); break;
        case OP.XOR_MR64: next = HOT.doXorMr64(cpu, pc); break;
        case OP.XOR_MI32: next = HOT.doXorMi32(cpu, pc); break;
        case OP.XOR_MI64: next = HOT.doXorMi64(cpu, pc); break;
        case OP.CMP_RR8: next = HOT.doCmpRr8(cpu, pc); break;
        case OP.CMP_RR32: next = HOT.doCmpRr32(cpu, pc); break;
        case OP.CMP_RR64: next = HOT.doCmpRr64(cpu, pc); break;
        case OP.CMP_RI8: next = HOT.doCmpRi8(cpu, pc); break;
        case OP.CMP_RI32: next = HOT.doCmpRi32(cpu, pc); break;
        case OP.CMP_RI64: next = HOT.doCmpRi64(cpu, pc); break;
        case OP.CMP_RM8: next = HOT.doCmpRm8(cpu, pc); break;
        case OP.CMP_RM32: next = HOT.doCmpRm32(cpu, pc); break;
        case OP.CMP_RM64: next = HOT.doCmpRm64(cpu, pc); break;
        case OP.CMP_MR8: next = HOT.doCmpMr8(cpu, pc); break;
        case OP.CMP_MR32: next = HOT.doCmpMr32(cpu, pc); break;
        case OP.CMP_MR64: next = HOT.doCmpMr64(cpu, pc); break;
        case OP.CMP_MI8: next = HOT.doCmpMi8(cpu, pc); break;
        case OP.CMP_MI32: next = HOT.doCmpMi32(cpu, pc); break;
        case OP.CMP_MI64: next = HOT.doCmpMi64(cpu, pc); break;
        case OP.TEST_RR8: next = HOT.doTestRr8(cpu, pc); break;
        case OP.TEST_RR32: next = HOT.doTestRr32(cpu, pc); break;
        case OP.TEST_RR64: next = HOT.doTestRr64(cpu, pc); break;
        case OP.TEST_RI8: next = HOT.doTestRi8(cpu, pc); break;
        case OP.TEST_RI32: next = HOT.doTestRi32(cpu, pc); break;
        case OP.TEST_RI64: next = HOT.doTestRi64(cpu, pc); break;
        case OP.TEST_MR8: next = HOT.doTestMr8(cpu, pc); break;
        case OP.TEST_MR32: next = HOT.doTestMr32(cpu, pc); break;
        case OP.TEST_MR64: next = HOT.doTestMr64(cpu, pc); break;
        case OP.TEST_MI8: next = HOT.doTestMi8(cpu, pc); break;
        case OP.TEST_MI32: next = HOT.doTestMi32(cpu, pc); break;
        case OP.TEST_MI64: next = HOT.doTestMi64(cpu, pc); break;
        case OP.INC_R32: next = HOT.doIncR32(cpu, pc); break;
        case OP.INC_R64: next = HOT.doIncR64(cpu, pc); break;
        case OP.INC_M32: next = HOT.doIncM32(cpu, pc); break;
        case OP.INC_M64: next = HOT.doIncM64(cpu, pc); break;
        case OP.DEC_R32: next = HOT.doDecR32(cpu, pc); break;
        case OP.DEC_R64: next = HOT.doDecR64(cpu, pc); break;
        case OP.DEC_M32: next = HOT.doDecM32(cpu, pc); break;
        case OP.DEC_M64: next = HOT.doDecM64(cpu, pc); break;
        case OP.NEG_R32: next = HOT.doNegR32(cpu, pc); break;
        case OP.NEG_R64: next = HOT.doNegR64(cpu, pc); break;
        case OP.NOT_R32: next = HOT.doNotR32(cpu, pc); break;
        case OP.NOT_R64: next = HOT.doNotR64(cpu, pc); break;
        case OP.MOV_RR8: next = HOT.doMovRr8(cpu, pc); break;
        case OP.MOV_RR32: next = HOT.doMovRr32(cpu, pc); break;
        case OP.MOV_RR64: next = HOT.doMovRr64(cpu, pc); break;
        case OP.MOV_RI8: next = HOT.doMovRi8(cpu, pc); break;
        case OP.MOV_RI32: next = HOT.doMovRi32(cpu, pc); break;
        case OP.MOV_RI64: next = HOT.doMovRi64(cpu, pc); break;
        case OP.MOV_RM8: next = HOT.doMovRm8(cpu, pc); break;
        case OP.MOV_RM16: next = HOT.doMovRm16(cpu, pc); break;
        case OP.MOV_RM32: next = HOT.doMovRm32(cpu, pc); break;
        case OP.MOV_RM64: next = HOT.doMovRm64(cpu, pc); break;
        case OP.MOV_MR8: next = HOT.doMovMr8(cpu, pc); break;
        case OP.MOV_MR16: next = HOT.doMovMr16(cpu, pc); break;
        case OP.MOV_MR32: next = HOT.doMovMr32(cpu, pc); break;
        case OP.MOV_MR64: next = HOT.doMovMr64(cpu, pc); break;
        case OP.MOV_MI8: next = HOT.doMovMi8(cpu, pc); break;
        case OP.MOV_MI16: next = HOT.doMovMi16(cpu, pc); break;
        case OP.MOV_MI32: next = HOT.doMovMi32(cpu, pc); break;
        case OP.MOV_MI64: next = HOT.doMovMi64(cpu, pc); break;
        case OP.MOVZX_RR32_8: next = HOT.doMovzxRr328(cpu, pc); break;
        case OP.MOVSX_RR32_8: next = HOT.doMovsxRr328(cpu, pc); break;
        case OP.MOVZX_RM32_8: next = HOT.doMovzxRm328(cpu, pc); break;
        case OP.MOVSX_RM32_8: next = HOT.doMovsxRm328(cpu, pc); break;
        case OP.MOVZX_RR32_16: next = HOT.doMovzxRr3216(cpu, pc); break;
        case OP.MOVSX_RR32_16: next = HOT.doMovsxRr3216(cpu, pc); break;
        case OP.MOVZX_RM32_16: next = HOT.doMovzxRm3216(cpu, pc); break;
        case OP.MOVSX_RM32_16: next = HOT.doMovsxRm3216(cpu, pc); break;
        case OP.MOVSX_RR64_8: next = HOT.doMovsxRr648(cpu, pc); break;
        case OP.MOVSX_RM64_8: next = HOT.doMovsxRm648(cpu, pc); break;
        case OP.MOVSX_RR64_16: next = HOT.doMovsxRr6416(cpu, pc); break;
        case OP.MOVSX_RM64_16: next = HOT.doMovsxRm6416(cpu, pc); break;
        case OP.MOVSXD_RR64_32: next = HOT.doMovsxdRr6432(cpu, pc); break;
        case OP.MOVSXD_RM64_32: next = HOT.doMovsxdRm6432(cpu, pc); break;
        case OP.LEA_RM32: next = HOT.doLeaRm32(cpu, pc); break;
        case OP.LEA_RM64: next = HOT.doLeaRm64(cpu, pc); break;
        case OP.SHL_RI32: next = HOT.doShlRi32(cpu, pc); break;
        case OP.SHL_RI64: next = HOT.doShlRi64(cpu, pc); break;
        case OP.SHL_RC32: next = HOT.doShlRc32(cpu, pc); break;
        case OP.SHL_RC64: next = HOT.doShlRc64(cpu, pc); break;
        case OP.SHR_RI32: next = HOT.doShrRi32(cpu, pc); break;
        case OP.SHR_RI64: next = HOT.doShrRi64(cpu, pc); break;
        case OP.SHR_RC32: next = HOT.doShrRc32(cpu, pc); break;
        case OP.SHR_RC64: next = HOT.doShrRc64(cpu, pc); break;
        case OP.SAR_RI32: next = HOT.doSarRi32(cpu, pc); break;
        case OP.SAR_RI64: next = HOT.doSarRi64(cpu, pc); break;
        case OP.SAR_RC32: next = HOT.doSarRc32(cpu, pc); break;
        case OP.SAR_RC64: next = HOT.doSarRc64(cpu, pc); break;
        case OP.IMUL_RR32: next = HOT.doImulRr32(cpu, pc); break;
        case OP.IMUL_RR64: next = HOT.doImulRr64(cpu, pc); break;
        case OP.IMUL_RM32: next = HOT.doImulRm32(cpu, pc); break;
        case OP.IMUL_RM64: next = HOT.doImulRm64(cpu, pc); break;
        case OP.IMUL_RRI32: next = HOT.doImulRri32(cpu, pc); break;
        case OP.IMUL_RRI64: next = HOT.doImulRri64(cpu, pc); break;
        case OP.CMOVCC_RR32: next = HOT.doCmovccRr32(cpu, pc); break;
        case OP.CMOVCC_RR64: next = HOT.doCmovccRr64(cpu, pc); break;
        case OP.CMOVCC_RM32: next = HOT.doCmovccRm32(cpu, pc); break;
        case OP.CMOVCC_RM64: next = HOT.doCmovccRm64(cpu, pc); break;
        case OP.SETCC_R8: next = setccR(cpu, pc); break;
        case OP.PUSH_R64: next = HOT.doPushR64(cpu, pc); break;
        case OP.PUSH_I64: next = HOT.doPushI64(cpu, pc); break;
        case OP.POP_R64: next = HOT.doPopR64(cpu, pc); break;
        case OP.CALL_J: next = call(cpu, pc); break;
        case OP.CALL_R64: next = callR(cpu, pc); break;
        case OP.CALL_M64: next = callM(cpu, pc); break;
        case OP.RET: next = ret(cpu, pc); break;
        case OP.JMP_R64: next = jmpR(cpu, pc); break;
        case OP.JMP_M64: next = jmpM(cpu, pc); break;
        case OP.LEAVE: next = leave(cpu, pc); break;
        case OP.JMP_J: next = HOT.doJmpJ(cpu, pc); break;
        case OP.JCC0: next = HOT.doJcc0(cpu, pc); break;
        case OP.JCC1: next = HOT.doJcc1(cpu, pc); break;
        case OP.JCC2: next = HOT.doJcc2(cpu, pc); break;
        case OP.JCC3: next = HOT.doJcc3(cpu, pc); break;
        case OP.JCC4: next = HOT.doJcc4(cpu, pc); break;
        case OP.JCC5: next = HOT.doJcc5(cpu, pc); break;
        case OP.JCC6: next = HOT.doJcc6(cpu, pc); break;
        case OP.JCC7: next = HOT.doJcc7(cpu, pc); break;
        case OP.JCC8: next = HOT.doJcc8(cpu, pc); break;
        case OP.JCC9: next = HOT.doJcc9(cpu, pc); break;
        case OP.JCC10: next = HOT.doJcc10(cpu, pc); break;
        case OP.JCC11: next = HOT.doJcc11(cpu, pc); break;
        case OP.JCC12: next = HOT.doJcc12(cpu, pc); break;
        case OP.JCC13: next = HOT.doJcc13(cpu, pc); break;
        case OP.JCC14: next = HOT.doJcc14(cpu, pc); break;
        case OP.JCC15: next = HOT.doJcc15(cpu, pc); break;
        case OP.NOP: next = HOT.doNop(cpu, pc); break;
        case OP.LINK: pc = link(cpu, pc); op = i32(load<u16>(pc, R_OP)); continue;
        case OP.CROSS: pc = cross(cpu, pc); op = i32(load<u16>(pc, R_OP)); continue;
        case OP.IRETQ: next = iretq(cpu, pc); break;
        case OP.SPIN:
        case OP.SPIN_EXIT: {
          next = op == OP.SPIN ? spin(cpu, pc, now) : exitSpin(cpu, pc);
          now += load<u32>(cpu, CPU_EXTRA_TICKS);
          store<u32>(cpu, 0, CPU_EXTRA_TICKS);
          break;
        }
        default: {
          if (op >= OP.TRANSLATED) {
            next = enterRegion(cpu, pc, now, retired);
            now = load<u64>(cpu, CPU_REGION_NOW);
            const done = load<u64>(cpu, CPU_REGION_RETIRED);
            if (done == retired) {
              op &= ~OP.TRANSLATED;
              continue;
            }
            retired = done;
            pc = next;
            op = i32(load<u16>(pc, R_OP));
            continue;
          }
          next = rare(cpu, pc, now);
          if (next == pc) retired--; // a string instruction has elements left
        }
      }
      if (next == 0) break;
      now += load<u16>(pc, R_COST);
      retired++;
      pc = next;
      op = i32(load<u16>(pc, R_OP));
    }
    op = opcodeOf(pc);
  } while (finishSplitStore(cpu) || goesOn(cpu, pc, op, now));
  if (retired != load<u64>(cpu, CPU_RETIRED)) store<u32>(cpu, 0, CPU_ONCE);
  store<f64>(cpu, f64(i64(now)), CPU_NOW);
  store<u64>(cpu, retired, CPU_RETIRED);
  store<u64>(cpu, load<u64>(cpu, CPU_CODE_BASE) + load<u16>(pc, R_OFFSET), CPU_RIP);
  const reason = load<u32>(cpu, CPU_STOP);
  return reason == STOP_LIMIT && op == OP.SPIN ? parkAhead(cpu, pc, now) : reason;
}
