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
import { R_COST, R_OFFSET, R_OP, R_TARGET } from '../hardware/cpu/record';
import { ADD, AND, CMP, DEC, INC, NEG, NOT, OR, SUB, TEST, XOR, extendRm, extendRr, lea, m1, mi, movMi, movMr, movRi, movRm, movRr, mr, r1, ri, rm, rr } from './arithmetic';
import { SAR, SHL, SHR, shiftRc, shiftRi } from './shift';
import { imulRm, imulRr, imulRri } from './multiply';
import { cmovRm, cmovRr, setccR } from './bit';
import { codeMap, call, callM, callR, go, goUndecoded, jmpM, jmpR, jumpIf, leave, noRecord, popR, pushI, pushR, ret, target } from './control';
import { carry, less, overflow, parity, sign, zero } from './flags';
import { iretq } from './iret';
import { after } from './operand';
import { exitSpin, spin } from './spin';
import { finishSplitStore } from './memory';
import { rare } from './rare';
import { whole } from './ticks';
import { enterRegion } from './region';

function doAddRr32(cpu: usize, pc: usize): usize { return rr<i32>(cpu, pc, ADD); }
function doAddRr64(cpu: usize, pc: usize): usize { return rr<i64>(cpu, pc, ADD); }
function doAddRi32(cpu: usize, pc: usize): usize { return ri<i32>(cpu, pc, ADD); }
function doAddRi64(cpu: usize, pc: usize): usize { return ri<i64>(cpu, pc, ADD); }
function doAddRm32(cpu: usize, pc: usize): usize { return rm<i32>(cpu, pc, ADD); }
function doAddRm64(cpu: usize, pc: usize): usize { return rm<i64>(cpu, pc, ADD); }
function doAddMr32(cpu: usize, pc: usize): usize { return mr<i32>(cpu, pc, ADD); }
function doAddMr64(cpu: usize, pc: usize): usize { return mr<i64>(cpu, pc, ADD); }
function doAddMi32(cpu: usize, pc: usize): usize { return mi<i32>(cpu, pc, ADD); }
function doAddMi64(cpu: usize, pc: usize): usize { return mi<i64>(cpu, pc, ADD); }
function doOrRr32(cpu: usize, pc: usize): usize { return rr<i32>(cpu, pc, OR); }
function doOrRr64(cpu: usize, pc: usize): usize { return rr<i64>(cpu, pc, OR); }
function doOrRi32(cpu: usize, pc: usize): usize { return ri<i32>(cpu, pc, OR); }
function doOrRi64(cpu: usize, pc: usize): usize { return ri<i64>(cpu, pc, OR); }
function doOrRm32(cpu: usize, pc: usize): usize { return rm<i32>(cpu, pc, OR); }
function doOrRm64(cpu: usize, pc: usize): usize { return rm<i64>(cpu, pc, OR); }
function doOrMr32(cpu: usize, pc: usize): usize { return mr<i32>(cpu, pc, OR); }
function doOrMr64(cpu: usize, pc: usize): usize { return mr<i64>(cpu, pc, OR); }
function doOrMi32(cpu: usize, pc: usize): usize { return mi<i32>(cpu, pc, OR); }
function doOrMi64(cpu: usize, pc: usize): usize { return mi<i64>(cpu, pc, OR); }
function doAndRr32(cpu: usize, pc: usize): usize { return rr<i32>(cpu, pc, AND); }
function doAndRr64(cpu: usize, pc: usize): usize { return rr<i64>(cpu, pc, AND); }
function doAndRi32(cpu: usize, pc: usize): usize { return ri<i32>(cpu, pc, AND); }
function doAndRi64(cpu: usize, pc: usize): usize { return ri<i64>(cpu, pc, AND); }
function doAndRm32(cpu: usize, pc: usize): usize { return rm<i32>(cpu, pc, AND); }
function doAndRm64(cpu: usize, pc: usize): usize { return rm<i64>(cpu, pc, AND); }
function doAndMr32(cpu: usize, pc: usize): usize { return mr<i32>(cpu, pc, AND); }
function doAndMr64(cpu: usize, pc: usize): usize { return mr<i64>(cpu, pc, AND); }
function doAndMi32(cpu: usize, pc: usize): usize { return mi<i32>(cpu, pc, AND); }
function doAndMi64(cpu: usize, pc: usize): usize { return mi<i64>(cpu, pc, AND); }
function doSubRr32(cpu: usize, pc: usize): usize { return rr<i32>(cpu, pc, SUB); }
function doSubRr64(cpu: usize, pc: usize): usize { return rr<i64>(cpu, pc, SUB); }
function doSubRi32(cpu: usize, pc: usize): usize { return ri<i32>(cpu, pc, SUB); }
function doSubRi64(cpu: usize, pc: usize): usize { return ri<i64>(cpu, pc, SUB); }
function doSubRm32(cpu: usize, pc: usize): usize { return rm<i32>(cpu, pc, SUB); }
function doSubRm64(cpu: usize, pc: usize): usize { return rm<i64>(cpu, pc, SUB); }
function doSubMr32(cpu: usize, pc: usize): usize { return mr<i32>(cpu, pc, SUB); }
function doSubMr64(cpu: usize, pc: usize): usize { return mr<i64>(cpu, pc, SUB); }
function doSubMi32(cpu: usize, pc: usize): usize { return mi<i32>(cpu, pc, SUB); }
function doSubMi64(cpu: usize, pc: usize): usize { return mi<i64>(cpu, pc, SUB); }
function doXorRr32(cpu: usize, pc: usize): usize { return rr<i32>(cpu, pc, XOR); }
function doXorRr64(cpu: usize, pc: usize): usize { return rr<i64>(cpu, pc, XOR); }
function doXorRi32(cpu: usize, pc: usize): usize { return ri<i32>(cpu, pc, XOR); }
function doXorRi64(cpu: usize, pc: usize): usize { return ri<i64>(cpu, pc, XOR); }
function doXorRm32(cpu: usize, pc: usize): usize { return rm<i32>(cpu, pc, XOR); }
function doXorRm64(cpu: usize, pc: usize): usize { return rm<i64>(cpu, pc, XOR); }
function doXorMr32(cpu: usize, pc: usize): usize { return mr<i32>(cpu, pc, XOR); }
function doXorMr64(cpu: usize, pc: usize): usize { return mr<i64>(cpu, pc, XOR); }
function doXorMi32(cpu: usize, pc: usize): usize { return mi<i32>(cpu, pc, XOR); }
function doXorMi64(cpu: usize, pc: usize): usize { return mi<i64>(cpu, pc, XOR); }
function doCmpRr8(cpu: usize, pc: usize): usize { return rr<i8>(cpu, pc, CMP); }
function doCmpRr32(cpu: usize, pc: usize): usize { return rr<i32>(cpu, pc, CMP); }
function doCmpRr64(cpu: usize, pc: usize): usize { return rr<i64>(cpu, pc, CMP); }
function doCmpRi8(cpu: usize, pc: usize): usize { return ri<i8>(cpu, pc, CMP); }
function doCmpRi32(cpu: usize, pc: usize): usize { return ri<i32>(cpu, pc, CMP); }
function doCmpRi64(cpu: usize, pc: usize): usize { return ri<i64>(cpu, pc, CMP); }
function doCmpRm8(cpu: usize, pc: usize): usize { return rm<i8>(cpu, pc, CMP); }
function doCmpRm32(cpu: usize, pc: usize): usize { return rm<i32>(cpu, pc, CMP); }
function doCmpRm64(cpu: usize, pc: usize): usize { return rm<i64>(cpu, pc, CMP); }
function doCmpMr8(cpu: usize, pc: usize): usize { return mr<i8>(cpu, pc, CMP); }
function doCmpMr32(cpu: usize, pc: usize): usize { return mr<i32>(cpu, pc, CMP); }
function doCmpMr64(cpu: usize, pc: usize): usize { return mr<i64>(cpu, pc, CMP); }
function doCmpMi8(cpu: usize, pc: usize): usize { return mi<i8>(cpu, pc, CMP); }
function doCmpMi32(cpu: usize, pc: usize): usize { return mi<i32>(cpu, pc, CMP); }
function doCmpMi64(cpu: usize, pc: usize): usize { return mi<i64>(cpu, pc, CMP); }
function doTestRr8(cpu: usize, pc: usize): usize { return rr<i8>(cpu, pc, TEST); }
function doTestRr32(cpu: usize, pc: usize): usize { return rr<i32>(cpu, pc, TEST); }
function doTestRr64(cpu: usize, pc: usize): usize { return rr<i64>(cpu, pc, TEST); }
function doTestRi8(cpu: usize, pc: usize): usize { return ri<i8>(cpu, pc, TEST); }
function doTestRi32(cpu: usize, pc: usize): usize { return ri<i32>(cpu, pc, TEST); }
function doTestRi64(cpu: usize, pc: usize): usize { return ri<i64>(cpu, pc, TEST); }
function doTestMr8(cpu: usize, pc: usize): usize { return mr<i8>(cpu, pc, TEST); }
function doTestMr32(cpu: usize, pc: usize): usize { return mr<i32>(cpu, pc, TEST); }
function doTestMr64(cpu: usize, pc: usize): usize { return mr<i64>(cpu, pc, TEST); }
function doTestMi8(cpu: usize, pc: usize): usize { return mi<i8>(cpu, pc, TEST); }
function doTestMi32(cpu: usize, pc: usize): usize { return mi<i32>(cpu, pc, TEST); }
function doTestMi64(cpu: usize, pc: usize): usize { return mi<i64>(cpu, pc, TEST); }
function doIncR32(cpu: usize, pc: usize): usize { return r1<i32>(cpu, pc, INC); }
function doIncR64(cpu: usize, pc: usize): usize { return r1<i64>(cpu, pc, INC); }
function doIncM32(cpu: usize, pc: usize): usize { return m1<i32>(cpu, pc, INC); }
function doIncM64(cpu: usize, pc: usize): usize { return m1<i64>(cpu, pc, INC); }
function doDecR32(cpu: usize, pc: usize): usize { return r1<i32>(cpu, pc, DEC); }
function doDecR64(cpu: usize, pc: usize): usize { return r1<i64>(cpu, pc, DEC); }
function doDecM32(cpu: usize, pc: usize): usize { return m1<i32>(cpu, pc, DEC); }
function doDecM64(cpu: usize, pc: usize): usize { return m1<i64>(cpu, pc, DEC); }
function doNegR32(cpu: usize, pc: usize): usize { return r1<i32>(cpu, pc, NEG); }
function doNegR64(cpu: usize, pc: usize): usize { return r1<i64>(cpu, pc, NEG); }
function doNotR32(cpu: usize, pc: usize): usize { return r1<i32>(cpu, pc, NOT); }
function doNotR64(cpu: usize, pc: usize): usize { return r1<i64>(cpu, pc, NOT); }
function doMovRr8(cpu: usize, pc: usize): usize { return movRr<i8>(cpu, pc); }
function doMovRr32(cpu: usize, pc: usize): usize { return movRr<i32>(cpu, pc); }
function doMovRr64(cpu: usize, pc: usize): usize { return movRr<i64>(cpu, pc); }
function doMovRi8(cpu: usize, pc: usize): usize { return movRi<i8>(cpu, pc); }
function doMovRi32(cpu: usize, pc: usize): usize { return movRi<i32>(cpu, pc); }
function doMovRi64(cpu: usize, pc: usize): usize { return movRi<i64>(cpu, pc); }
function doMovRm8(cpu: usize, pc: usize): usize { return movRm<i8>(cpu, pc); }
function doMovRm16(cpu: usize, pc: usize): usize { return movRm<i16>(cpu, pc); }
function doMovRm32(cpu: usize, pc: usize): usize { return movRm<i32>(cpu, pc); }
function doMovRm64(cpu: usize, pc: usize): usize { return movRm<i64>(cpu, pc); }
function doMovMr8(cpu: usize, pc: usize): usize { return movMr<i8>(cpu, pc); }
function doMovMr16(cpu: usize, pc: usize): usize { return movMr<i16>(cpu, pc); }
function doMovMr32(cpu: usize, pc: usize): usize { return movMr<i32>(cpu, pc); }
function doMovMr64(cpu: usize, pc: usize): usize { return movMr<i64>(cpu, pc); }
function doMovMi8(cpu: usize, pc: usize): usize { return movMi<i8>(cpu, pc); }
function doMovMi16(cpu: usize, pc: usize): usize { return movMi<i16>(cpu, pc); }
function doMovMi32(cpu: usize, pc: usize): usize { return movMi<i32>(cpu, pc); }
function doMovMi64(cpu: usize, pc: usize): usize { return movMi<i64>(cpu, pc); }
function doMovzxRr328(cpu: usize, pc: usize): usize { return extendRr<i32, u8>(cpu, pc); }
function doMovsxRr328(cpu: usize, pc: usize): usize { return extendRr<i32, i8>(cpu, pc); }
function doMovzxRm328(cpu: usize, pc: usize): usize { return extendRm<i32, u8>(cpu, pc); }
function doMovsxRm328(cpu: usize, pc: usize): usize { return extendRm<i32, i8>(cpu, pc); }
function doMovzxRr3216(cpu: usize, pc: usize): usize { return extendRr<i32, u16>(cpu, pc); }
function doMovsxRr3216(cpu: usize, pc: usize): usize { return extendRr<i32, i16>(cpu, pc); }
function doMovzxRm3216(cpu: usize, pc: usize): usize { return extendRm<i32, u16>(cpu, pc); }
function doMovsxRm3216(cpu: usize, pc: usize): usize { return extendRm<i32, i16>(cpu, pc); }
function doMovsxRr648(cpu: usize, pc: usize): usize { return extendRr<i64, i8>(cpu, pc); }
function doMovsxRm648(cpu: usize, pc: usize): usize { return extendRm<i64, i8>(cpu, pc); }
function doMovsxRr6416(cpu: usize, pc: usize): usize { return extendRr<i64, i16>(cpu, pc); }
function doMovsxRm6416(cpu: usize, pc: usize): usize { return extendRm<i64, i16>(cpu, pc); }
function doMovsxdRr6432(cpu: usize, pc: usize): usize { return extendRr<i64, i32>(cpu, pc); }
function doMovsxdRm6432(cpu: usize, pc: usize): usize { return extendRm<i64, i32>(cpu, pc); }
function doLeaRm32(cpu: usize, pc: usize): usize { return lea<i32>(cpu, pc); }
function doLeaRm64(cpu: usize, pc: usize): usize { return lea<i64>(cpu, pc); }
function doShlRi32(cpu: usize, pc: usize): usize { return shiftRi<i32>(cpu, pc, SHL); }
function doShlRi64(cpu: usize, pc: usize): usize { return shiftRi<i64>(cpu, pc, SHL); }
function doShlRc32(cpu: usize, pc: usize): usize { return shiftRc<i32>(cpu, pc, SHL); }
function doShlRc64(cpu: usize, pc: usize): usize { return shiftRc<i64>(cpu, pc, SHL); }
function doShrRi32(cpu: usize, pc: usize): usize { return shiftRi<i32>(cpu, pc, SHR); }
function doShrRi64(cpu: usize, pc: usize): usize { return shiftRi<i64>(cpu, pc, SHR); }
function doShrRc32(cpu: usize, pc: usize): usize { return shiftRc<i32>(cpu, pc, SHR); }
function doShrRc64(cpu: usize, pc: usize): usize { return shiftRc<i64>(cpu, pc, SHR); }
function doSarRi32(cpu: usize, pc: usize): usize { return shiftRi<i32>(cpu, pc, SAR); }
function doSarRi64(cpu: usize, pc: usize): usize { return shiftRi<i64>(cpu, pc, SAR); }
function doSarRc32(cpu: usize, pc: usize): usize { return shiftRc<i32>(cpu, pc, SAR); }
function doSarRc64(cpu: usize, pc: usize): usize { return shiftRc<i64>(cpu, pc, SAR); }
function doImulRr32(cpu: usize, pc: usize): usize { return imulRr<i32>(cpu, pc); }
function doImulRr64(cpu: usize, pc: usize): usize { return imulRr<i64>(cpu, pc); }
function doImulRm32(cpu: usize, pc: usize): usize { return imulRm<i32>(cpu, pc); }
function doImulRm64(cpu: usize, pc: usize): usize { return imulRm<i64>(cpu, pc); }
function doImulRri32(cpu: usize, pc: usize): usize { return imulRri<i32>(cpu, pc); }
function doImulRri64(cpu: usize, pc: usize): usize { return imulRri<i64>(cpu, pc); }
function doCmovccRr32(cpu: usize, pc: usize): usize { return cmovRr<i32>(cpu, pc); }
function doCmovccRr64(cpu: usize, pc: usize): usize { return cmovRr<i64>(cpu, pc); }
function doCmovccRm32(cpu: usize, pc: usize): usize { return cmovRm<i32>(cpu, pc); }
function doCmovccRm64(cpu: usize, pc: usize): usize { return cmovRm<i64>(cpu, pc); }
function doPushR64(cpu: usize, pc: usize): usize { return pushR<i64>(cpu, pc); }
function doPushI64(cpu: usize, pc: usize): usize { return pushI<i64>(cpu, pc); }
function doPopR64(cpu: usize, pc: usize): usize { return popR<i64>(cpu, pc); }
function doJmpJ(cpu: usize, pc: usize): usize { return target(cpu, pc); }
function doJcc0(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, overflow(cpu)); }
function doJcc1(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, !overflow(cpu)); }
function doJcc2(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, carry(cpu)); }
function doJcc3(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, !carry(cpu)); }
function doJcc4(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, zero(cpu)); }
function doJcc5(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, !zero(cpu)); }
function doJcc6(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, carry(cpu) || zero(cpu)); }
function doJcc7(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, !(carry(cpu) || zero(cpu))); }
function doJcc8(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, sign(cpu)); }
function doJcc9(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, !sign(cpu)); }
function doJcc10(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, parity(cpu)); }
function doJcc11(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, !parity(cpu)); }
function doJcc12(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, less(cpu)); }
function doJcc13(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, !less(cpu)); }
function doJcc14(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, less(cpu) || zero(cpu)); }
function doJcc15(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, !(less(cpu) || zero(cpu))); }
function doNop(cpu: usize, pc: usize): usize { return after(pc); }

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
        case OP.ADD_RR32: next = doAddRr32(cpu, pc); break;
        case OP.ADD_RR64: next = doAddRr64(cpu, pc); break;
        case OP.ADD_RI32: next = doAddRi32(cpu, pc); break;
        case OP.ADD_RI64: next = doAddRi64(cpu, pc); break;
        case OP.ADD_RM32: next = doAddRm32(cpu, pc); break;
        case OP.ADD_RM64: next = doAddRm64(cpu, pc); break;
        case OP.ADD_MR32: next = doAddMr32(cpu, pc); break;
        case OP.ADD_MR64: next = doAddMr64(cpu, pc); break;
        case OP.ADD_MI32: next = doAddMi32(cpu, pc); break;
        case OP.ADD_MI64: next = doAddMi64(cpu, pc); break;
        case OP.OR_RR32: next = doOrRr32(cpu, pc); break;
        case OP.OR_RR64: next = doOrRr64(cpu, pc); break;
        case OP.OR_RI32: next = doOrRi32(cpu, pc); break;
        case OP.OR_RI64: next = doOrRi64(cpu, pc); break;
        case OP.OR_RM32: next = doOrRm32(cpu, pc); break;
        case OP.OR_RM64: next = doOrRm64(cpu, pc); break;
        case OP.OR_MR32: next = doOrMr32(cpu, pc); break;
        case OP.OR_MR64: next = doOrMr64(cpu, pc); break;
        case OP.OR_MI32: next = doOrMi32(cpu, pc); break;
        case OP.OR_MI64: next = doOrMi64(cpu, pc); break;
        case OP.AND_RR32: next = doAndRr32(cpu, pc); break;
        case OP.AND_RR64: next = doAndRr64(cpu, pc); break;
        case OP.AND_RI32: next = doAndRi32(cpu, pc); break;
        case OP.AND_RI64: next = doAndRi64(cpu, pc); break;
        case OP.AND_RM32: next = doAndRm32(cpu, pc); break;
        case OP.AND_RM64: next = doAndRm64(cpu, pc); break;
        case OP.AND_MR32: next = doAndMr32(cpu, pc); break;
        case OP.AND_MR64: next = doAndMr64(cpu, pc); break;
        case OP.AND_MI32: next = doAndMi32(cpu, pc); break;
        case OP.AND_MI64: next = doAndMi64(cpu, pc); break;
        case OP.SUB_RR32: next = doSubRr32(cpu, pc); break;
        case OP.SUB_RR64: next = doSubRr64(cpu, pc); break;
        case OP.SUB_RI32: next = doSubRi32(cpu, pc); break;
        case OP.SUB_RI64: next = doSubRi64(cpu, pc); break;
        case OP.SUB_RM32: next = doSubRm32(cpu, pc); break;
        case OP.SUB_RM64: next = doSubRm64(cpu, pc); break;
        case OP.SUB_MR32: next = doSubMr32(cpu, pc); break;
        case OP.SUB_MR64: next = doSubMr64(cpu, pc); break;
        case OP.SUB_MI32: next = doSubMi32(cpu, pc); break;
        case OP.SUB_MI64: next = doSubMi64(cpu, pc); break;
        case OP.XOR_RR32: next = doXorRr32(cpu, pc); break;
        case OP.XOR_RR64: next = doXorRr64(cpu, pc); break;
        case OP.XOR_RI32: next = doXorRi32(cpu, pc); break;
        case OP.XOR_RI64: next = doXorRi64(cpu, pc); break;
        case OP.XOR_RM32: next = doXorRm32(cpu, pc); break;
        case OP.XOR_RM64: next = doXorRm64(cpu, pc); break;
        case OP.XOR_MR32: next = doXorMr32(cpu, pc); break;
        case OP.XOR_MR64: next = doXorMr64(cpu, pc); break;
        case OP.XOR_MI32: next = doXorMi32(cpu, pc); break;
        case OP.XOR_MI64: next = doXorMi64(cpu, pc); break;
        case OP.CMP_RR8: next = doCmpRr8(cpu, pc); break;
        case OP.CMP_RR32: next = doCmpRr32(cpu, pc); break;
        case OP.CMP_RR64: next = doCmpRr64(cpu, pc); break;
        case OP.CMP_RI8: next = doCmpRi8(cpu, pc); break;
        case OP.CMP_RI32: next = doCmpRi32(cpu, pc); break;
        case OP.CMP_RI64: next = doCmpRi64(cpu, pc); break;
        case OP.CMP_RM8: next = doCmpRm8(cpu, pc); break;
        case OP.CMP_RM32: next = doCmpRm32(cpu, pc); break;
        case OP.CMP_RM64: next = doCmpRm64(cpu, pc); break;
        case OP.CMP_MR8: next = doCmpMr8(cpu, pc); break;
        case OP.CMP_MR32: next = doCmpMr32(cpu, pc); break;
        case OP.CMP_MR64: next = doCmpMr64(cpu, pc); break;
        case OP.CMP_MI8: next = doCmpMi8(cpu, pc); break;
        case OP.CMP_MI32: next = doCmpMi32(cpu, pc); break;
        case OP.CMP_MI64: next = doCmpMi64(cpu, pc); break;
        case OP.TEST_RR8: next = doTestRr8(cpu, pc); break;
        case OP.TEST_RR32: next = doTestRr32(cpu, pc); break;
        case OP.TEST_RR64: next = doTestRr64(cpu, pc); break;
        case OP.TEST_RI8: next = doTestRi8(cpu, pc); break;
        case OP.TEST_RI32: next = doTestRi32(cpu, pc); break;
        case OP.TEST_RI64: next = doTestRi64(cpu, pc); break;
        case OP.TEST_MR8: next = doTestMr8(cpu, pc); break;
        case OP.TEST_MR32: next = doTestMr32(cpu, pc); break;
        case OP.TEST_MR64: next = doTestMr64(cpu, pc); break;
        case OP.TEST_MI8: next = doTestMi8(cpu, pc); break;
        case OP.TEST_MI32: next = doTestMi32(cpu, pc); break;
        case OP.TEST_MI64: next = doTestMi64(cpu, pc); break;
        case OP.INC_R32: next = doIncR32(cpu, pc); break;
        case OP.INC_R64: next = doIncR64(cpu, pc); break;
        case OP.INC_M32: next = doIncM32(cpu, pc); break;
        case OP.INC_M64: next = doIncM64(cpu, pc); break;
        case OP.DEC_R32: next = doDecR32(cpu, pc); break;
        case OP.DEC_R64: next = doDecR64(cpu, pc); break;
        case OP.DEC_M32: next = doDecM32(cpu, pc); break;
        case OP.DEC_M64: next = doDecM64(cpu, pc); break;
        case OP.NEG_R32: next = doNegR32(cpu, pc); break;
        case OP.NEG_R64: next = doNegR64(cpu, pc); break;
        case OP.NOT_R32: next = doNotR32(cpu, pc); break;
        case OP.NOT_R64: next = doNotR64(cpu, pc); break;
        case OP.MOV_RR8: next = doMovRr8(cpu, pc); break;
        case OP.MOV_RR32: next = doMovRr32(cpu, pc); break;
        case OP.MOV_RR64: next = doMovRr64(cpu, pc); break;
        case OP.MOV_RI8: next = doMovRi8(cpu, pc); break;
        case OP.MOV_RI32: next = doMovRi32(cpu, pc); break;
        case OP.MOV_RI64: next = doMovRi64(cpu, pc); break;
        case OP.MOV_RM8: next = doMovRm8(cpu, pc); break;
        case OP.MOV_RM16: next = doMovRm16(cpu, pc); break;
        case OP.MOV_RM32: next = doMovRm32(cpu, pc); break;
        case OP.MOV_RM64: next = doMovRm64(cpu, pc); break;
        case OP.MOV_MR8: next = doMovMr8(cpu, pc); break;
        case OP.MOV_MR16: next = doMovMr16(cpu, pc); break;
        case OP.MOV_MR32: next = doMovMr32(cpu, pc); break;
        case OP.MOV_MR64: next = doMovMr64(cpu, pc); break;
        case OP.MOV_MI8: next = doMovMi8(cpu, pc); break;
        case OP.MOV_MI16: next = doMovMi16(cpu, pc); break;
        case OP.MOV_MI32: next = doMovMi32(cpu, pc); break;
        case OP.MOV_MI64: next = doMovMi64(cpu, pc); break;
        case OP.MOVZX_RR32_8: next = doMovzxRr328(cpu, pc); break;
        case OP.MOVSX_RR32_8: next = doMovsxRr328(cpu, pc); break;
        case OP.MOVZX_RM32_8: next = doMovzxRm328(cpu, pc); break;
        case OP.MOVSX_RM32_8: next = doMovsxRm328(cpu, pc); break;
        case OP.MOVZX_RR32_16: next = doMovzxRr3216(cpu, pc); break;
        case OP.MOVSX_RR32_16: next = doMovsxRr3216(cpu, pc); break;
        case OP.MOVZX_RM32_16: next = doMovzxRm3216(cpu, pc); break;
        case OP.MOVSX_RM32_16: next = doMovsxRm3216(cpu, pc); break;
        case OP.MOVSX_RR64_8: next = doMovsxRr648(cpu, pc); break;
        case OP.MOVSX_RM64_8: next = doMovsxRm648(cpu, pc); break;
        case OP.MOVSX_RR64_16: next = doMovsxRr6416(cpu, pc); break;
        case OP.MOVSX_RM64_16: next = doMovsxRm6416(cpu, pc); break;
        case OP.MOVSXD_RR64_32: next = doMovsxdRr6432(cpu, pc); break;
        case OP.MOVSXD_RM64_32: next = doMovsxdRm6432(cpu, pc); break;
        case OP.LEA_RM32: next = doLeaRm32(cpu, pc); break;
        case OP.LEA_RM64: next = doLeaRm64(cpu, pc); break;
        case OP.SHL_RI32: next = doShlRi32(cpu, pc); break;
        case OP.SHL_RI64: next = doShlRi64(cpu, pc); break;
        case OP.SHL_RC32: next = doShlRc32(cpu, pc); break;
        case OP.SHL_RC64: next = doShlRc64(cpu, pc); break;
        case OP.SHR_RI32: next = doShrRi32(cpu, pc); break;
        case OP.SHR_RI64: next = doShrRi64(cpu, pc); break;
        case OP.SHR_RC32: next = doShrRc32(cpu, pc); break;
        case OP.SHR_RC64: next = doShrRc64(cpu, pc); break;
        case OP.SAR_RI32: next = doSarRi32(cpu, pc); break;
        case OP.SAR_RI64: next = doSarRi64(cpu, pc); break;
        case OP.SAR_RC32: next = doSarRc32(cpu, pc); break;
        case OP.SAR_RC64: next = doSarRc64(cpu, pc); break;
        case OP.IMUL_RR32: next = doImulRr32(cpu, pc); break;
        case OP.IMUL_RR64: next = doImulRr64(cpu, pc); break;
        case OP.IMUL_RM32: next = doImulRm32(cpu, pc); break;
        case OP.IMUL_RM64: next = doImulRm64(cpu, pc); break;
        case OP.IMUL_RRI32: next = doImulRri32(cpu, pc); break;
        case OP.IMUL_RRI64: next = doImulRri64(cpu, pc); break;
        case OP.CMOVCC_RR32: next = doCmovccRr32(cpu, pc); break;
        case OP.CMOVCC_RR64: next = doCmovccRr64(cpu, pc); break;
        case OP.CMOVCC_RM32: next = doCmovccRm32(cpu, pc); break;
        case OP.CMOVCC_RM64: next = doCmovccRm64(cpu, pc); break;
        case OP.SETCC_R8: next = setccR(cpu, pc); break;
        case OP.PUSH_R64: next = doPushR64(cpu, pc); break;
        case OP.PUSH_I64: next = doPushI64(cpu, pc); break;
        case OP.POP_R64: next = doPopR64(cpu, pc); break;
        case OP.CALL_J: next = call(cpu, pc); break;
        case OP.CALL_R64: next = callR(cpu, pc); break;
        case OP.CALL_M64: next = callM(cpu, pc); break;
        case OP.RET: next = ret(cpu, pc); break;
        case OP.JMP_R64: next = jmpR(cpu, pc); break;
        case OP.JMP_M64: next = jmpM(cpu, pc); break;
        case OP.LEAVE: next = leave(cpu, pc); break;
        case OP.JMP_J: next = doJmpJ(cpu, pc); break;
        case OP.JCC0: next = doJcc0(cpu, pc); break;
        case OP.JCC1: next = doJcc1(cpu, pc); break;
        case OP.JCC2: next = doJcc2(cpu, pc); break;
        case OP.JCC3: next = doJcc3(cpu, pc); break;
        case OP.JCC4: next = doJcc4(cpu, pc); break;
        case OP.JCC5: next = doJcc5(cpu, pc); break;
        case OP.JCC6: next = doJcc6(cpu, pc); break;
        case OP.JCC7: next = doJcc7(cpu, pc); break;
        case OP.JCC8: next = doJcc8(cpu, pc); break;
        case OP.JCC9: next = doJcc9(cpu, pc); break;
        case OP.JCC10: next = doJcc10(cpu, pc); break;
        case OP.JCC11: next = doJcc11(cpu, pc); break;
        case OP.JCC12: next = doJcc12(cpu, pc); break;
        case OP.JCC13: next = doJcc13(cpu, pc); break;
        case OP.JCC14: next = doJcc14(cpu, pc); break;
        case OP.JCC15: next = doJcc15(cpu, pc); break;
        case OP.NOP: next = doNop(cpu, pc); break;
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
            next = enterRegion(cpu, pc, now);
            const done = load<u64>(cpu, CPU_REGION_RETIRED);
            if (done == 0) {
              op &= ~OP.TRANSLATED;
              continue;
            }
            now = load<u64>(cpu, CPU_REGION_NOW);
            retired += done;
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
  } while (finishSplitStore(cpu));
  if (retired != load<u64>(cpu, CPU_RETIRED)) store<u32>(cpu, 0, CPU_ONCE);
  store<f64>(cpu, f64(i64(now)), CPU_NOW);
  store<u64>(cpu, retired, CPU_RETIRED);
  store<u64>(cpu, load<u64>(cpu, CPU_CODE_BASE) + load<u16>(pc, R_OFFSET), CPU_RIP);
  return load<u32>(cpu, CPU_STOP);
}
