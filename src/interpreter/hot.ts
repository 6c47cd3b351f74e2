// The hot instructions: one plain function each, named in the switch of run.ts.
import { ADD, AND, CMP, DEC, INC, NEG, NOT, OR, SUB, TEST, XOR, extendRm, extendRr, lea, m1, mi, movMi, movMr, movRi, movRm, movRr, mr, r1, ri, rm, rr } from './arithmetic';
import { SAR, SHL, SHR, shiftRc, shiftRi } from './shift';
import { imulRm, imulRr, imulRri } from './multiply';
import { cmovRm, cmovRr } from './bit';
import { jumpIf, popR, pushI, pushR, target } from './control';
import { carry, less, overflow, parity, sign, zero } from './flags';
import { after } from './operand';

export function doAddRr32(cpu: usize, pc: usize): usize { return rr<i32>(cpu, pc, ADD); }
export function doAddRr64(cpu: usize, pc: usize): usize { return rr<i64>(cpu, pc, ADD); }
export function doAddRi32(cpu: usize, pc: usize): usize { return ri<i32>(cpu, pc, ADD); }
export function doAddRi64(cpu: usize, pc: usize): usize { return ri<i64>(cpu, pc, ADD); }
export function doAddRm32(cpu: usize, pc: usize): usize { return rm<i32>(cpu, pc, ADD); }
export function doAddRm64(cpu: usize, pc: usize): usize { return rm<i64>(cpu, pc, ADD); }
export function doAddMr32(cpu: usize, pc: usize): usize { return mr<i32>(cpu, pc, ADD); }
export function doAddMr64(cpu: usize, pc: usize): usize { return mr<i64>(cpu, pc, ADD); }
export function doAddMi32(cpu: usize, pc: usize): usize { return mi<i32>(cpu, pc, ADD); }
export function doAddMi64(cpu: usize, pc: usize): usize { return mi<i64>(cpu, pc, ADD); }
export function doOrRr32(cpu: usize, pc: usize): usize { return rr<i32>(cpu, pc, OR); }
export function doOrRr64(cpu: usize, pc: usize): usize { return rr<i64>(cpu, pc, OR); }
export function doOrRi32(cpu: usize, pc: usize): usize { return ri<i32>(cpu, pc, OR); }
export function doOrRi64(cpu: usize, pc: usize): usize { return ri<i64>(cpu, pc, OR); }
export function doOrRm32(cpu: usize, pc: usize): usize { return rm<i32>(cpu, pc, OR); }
export function doOrRm64(cpu: usize, pc: usize): usize { return rm<i64>(cpu, pc, OR); }
export function doOrMr32(cpu: usize, pc: usize): usize { return mr<i32>(cpu, pc, OR); }
export function doOrMr64(cpu: usize, pc: usize): usize { return mr<i64>(cpu, pc, OR); }
export function doOrMi32(cpu: usize, pc: usize): usize { return mi<i32>(cpu, pc, OR); }
export function doOrMi64(cpu: usize, pc: usize): usize { return mi<i64>(cpu, pc, OR); }
export function doAndRr32(cpu: usize, pc: usize): usize { return rr<i32>(cpu, pc, AND); }
export function doAndRr64(cpu: usize, pc: usize): usize { return rr<i64>(cpu, pc, AND); }
export function doAndRi32(cpu: usize, pc: usize): usize { return ri<i32>(cpu, pc, AND); }
export function doAndRi64(cpu: usize, pc: usize): usize { return ri<i64>(cpu, pc, AND); }
export function doAndRm32(cpu: usize, pc: usize): usize { return rm<i32>(cpu, pc, AND); }
export function doAndRm64(cpu: usize, pc: usize): usize { return rm<i64>(cpu, pc, AND); }
export function doAndMr32(cpu: usize, pc: usize): usize { return mr<i32>(cpu, pc, AND); }
export function doAndMr64(cpu: usize, pc: usize): usize { return mr<i64>(cpu, pc, AND); }
export function doAndMi32(cpu: usize, pc: usize): usize { return mi<i32>(cpu, pc, AND); }
export function doAndMi64(cpu: usize, pc: usize): usize { return mi<i64>(cpu, pc, AND); }
export function doSubRr32(cpu: usize, pc: usize): usize { return rr<i32>(cpu, pc, SUB); }
export function doSubRr64(cpu: usize, pc: usize): usize { return rr<i64>(cpu, pc, SUB); }
export function doSubRi32(cpu: usize, pc: usize): usize { return ri<i32>(cpu, pc, SUB); }
export function doSubRi64(cpu: usize, pc: usize): usize { return ri<i64>(cpu, pc, SUB); }
export function doSubRm32(cpu: usize, pc: usize): usize { return rm<i32>(cpu, pc, SUB); }
export function doSubRm64(cpu: usize, pc: usize): usize { return rm<i64>(cpu, pc, SUB); }
export function doSubMr32(cpu: usize, pc: usize): usize { return mr<i32>(cpu, pc, SUB); }
export function doSubMr64(cpu: usize, pc: usize): usize { return mr<i64>(cpu, pc, SUB); }
export function doSubMi32(cpu: usize, pc: usize): usize { return mi<i32>(cpu, pc, SUB); }
export function doSubMi64(cpu: usize, pc: usize): usize { return mi<i64>(cpu, pc, SUB); }
export function doXorRr32(cpu: usize, pc: usize): usize { return rr<i32>(cpu, pc, XOR); }
export function doXorRr64(cpu: usize, pc: usize): usize { return rr<i64>(cpu, pc, XOR); }
export function doXorRi32(cpu: usize, pc: usize): usize { return ri<i32>(cpu, pc, XOR); }
export function doXorRi64(cpu: usize, pc: usize): usize { return ri<i64>(cpu, pc, XOR); }
export function doXorRm32(cpu: usize, pc: usize): usize { return rm<i32>(cpu, pc, XOR); }
export function doXorRm64(cpu: usize, pc: usize): usize { return rm<i64>(cpu, pc, XOR); }
export function doXorMr32(cpu: usize, pc: usize): usize { return mr<i32>(cpu, pc, XOR); }
export function doXorMr64(cpu: usize, pc: usize): usize { return mr<i64>(cpu, pc, XOR); }
export function doXorMi32(cpu: usize, pc: usize): usize { return mi<i32>(cpu, pc, XOR); }
export function doXorMi64(cpu: usize, pc: usize): usize { return mi<i64>(cpu, pc, XOR); }
export function doCmpRr8(cpu: usize, pc: usize): usize { return rr<i8>(cpu, pc, CMP); }
export function doCmpRr32(cpu: usize, pc: usize): usize { return rr<i32>(cpu, pc, CMP); }
export function doCmpRr64(cpu: usize, pc: usize): usize { return rr<i64>(cpu, pc, CMP); }
export function doCmpRi8(cpu: usize, pc: usize): usize { return ri<i8>(cpu, pc, CMP); }
export function doCmpRi32(cpu: usize, pc: usize): usize { return ri<i32>(cpu, pc, CMP); }
export function doCmpRi64(cpu: usize, pc: usize): usize { return ri<i64>(cpu, pc, CMP); }
export function doCmpRm8(cpu: usize, pc: usize): usize { return rm<i8>(cpu, pc, CMP); }
export function doCmpRm32(cpu: usize, pc: usize): usize { return rm<i32>(cpu, pc, CMP); }
export function doCmpRm64(cpu: usize, pc: usize): usize { return rm<i64>(cpu, pc, CMP); }
export function doCmpMr8(cpu: usize, pc: usize): usize { return mr<i8>(cpu, pc, CMP); }
export function doCmpMr32(cpu: usize, pc: usize): usize { return mr<i32>(cpu, pc, CMP); }
export function doCmpMr64(cpu: usize, pc: usize): usize { return mr<i64>(cpu, pc, CMP); }
export function doCmpMi8(cpu: usize, pc: usize): usize { return mi<i8>(cpu, pc, CMP); }
export function doCmpMi32(cpu: usize, pc: usize): usize { return mi<i32>(cpu, pc, CMP); }
export function doCmpMi64(cpu: usize, pc: usize): usize { return mi<i64>(cpu, pc, CMP); }
export function doTestRr8(cpu: usize, pc: usize): usize { return rr<i8>(cpu, pc, TEST); }
export function doTestRr32(cpu: usize, pc: usize): usize { return rr<i32>(cpu, pc, TEST); }
export function doTestRr64(cpu: usize, pc: usize): usize { return rr<i64>(cpu, pc, TEST); }
export function doTestRi8(cpu: usize, pc: usize): usize { return ri<i8>(cpu, pc, TEST); }
export function doTestRi32(cpu: usize, pc: usize): usize { return ri<i32>(cpu, pc, TEST); }
export function doTestRi64(cpu: usize, pc: usize): usize { return ri<i64>(cpu, pc, TEST); }
export function doTestMr8(cpu: usize, pc: usize): usize { return mr<i8>(cpu, pc, TEST); }
export function doTestMr32(cpu: usize, pc: usize): usize { return mr<i32>(cpu, pc, TEST); }
export function doTestMr64(cpu: usize, pc: usize): usize { return mr<i64>(cpu, pc, TEST); }
export function doTestMi8(cpu: usize, pc: usize): usize { return mi<i8>(cpu, pc, TEST); }
export function doTestMi32(cpu: usize, pc: usize): usize { return mi<i32>(cpu, pc, TEST); }
export function doTestMi64(cpu: usize, pc: usize): usize { return mi<i64>(cpu, pc, TEST); }
export function doIncR32(cpu: usize, pc: usize): usize { return r1<i32>(cpu, pc, INC); }
export function doIncR64(cpu: usize, pc: usize): usize { return r1<i64>(cpu, pc, INC); }
export function doIncM32(cpu: usize, pc: usize): usize { return m1<i32>(cpu, pc, INC); }
export function doIncM64(cpu: usize, pc: usize): usize { return m1<i64>(cpu, pc, INC); }
export function doDecR32(cpu: usize, pc: usize): usize { return r1<i32>(cpu, pc, DEC); }
export function doDecR64(cpu: usize, pc: usize): usize { return r1<i64>(cpu, pc, DEC); }
export function doDecM32(cpu: usize, pc: usize): usize { return m1<i32>(cpu, pc, DEC); }
export function doDecM64(cpu: usize, pc: usize): usize { return m1<i64>(cpu, pc, DEC); }
export function doNegR32(cpu: usize, pc: usize): usize { return r1<i32>(cpu, pc, NEG); }
export function doNegR64(cpu: usize, pc: usize): usize { return r1<i64>(cpu, pc, NEG); }
export function doNotR32(cpu: usize, pc: usize): usize { return r1<i32>(cpu, pc, NOT); }
export function doNotR64(cpu: usize, pc: usize): usize { return r1<i64>(cpu, pc, NOT); }
export function doMovRr8(cpu: usize, pc: usize): usize { return movRr<i8>(cpu, pc); }
export function doMovRr32(cpu: usize, pc: usize): usize { return movRr<i32>(cpu, pc); }
export function doMovRr64(cpu: usize, pc: usize): usize { return movRr<i64>(cpu, pc); }
export function doMovRi8(cpu: usize, pc: usize): usize { return movRi<i8>(cpu, pc); }
export function doMovRi32(cpu: usize, pc: usize): usize { return movRi<i32>(cpu, pc); }
export function doMovRi64(cpu: usize, pc: usize): usize { return movRi<i64>(cpu, pc); }
export function doMovRm8(cpu: usize, pc: usize): usize { return movRm<i8>(cpu, pc); }
export function doMovRm16(cpu: usize, pc: usize): usize { return movRm<i16>(cpu, pc); }
export function doMovRm32(cpu: usize, pc: usize): usize { return movRm<i32>(cpu, pc); }
export function doMovRm64(cpu: usize, pc: usize): usize { return movRm<i64>(cpu, pc); }
export function doMovMr8(cpu: usize, pc: usize): usize { return movMr<i8>(cpu, pc); }
export function doMovMr16(cpu: usize, pc: usize): usize { return movMr<i16>(cpu, pc); }
export function doMovMr32(cpu: usize, pc: usize): usize { return movMr<i32>(cpu, pc); }
export function doMovMr64(cpu: usize, pc: usize): usize { return movMr<i64>(cpu, pc); }
export function doMovMi8(cpu: usize, pc: usize): usize { return movMi<i8>(cpu, pc); }
export function doMovMi16(cpu: usize, pc: usize): usize { return movMi<i16>(cpu, pc); }
export function doMovMi32(cpu: usize, pc: usize): usize { return movMi<i32>(cpu, pc); }
export function doMovMi64(cpu: usize, pc: usize): usize { return movMi<i64>(cpu, pc); }
export function doMovzxRr328(cpu: usize, pc: usize): usize { return extendRr<i32, u8>(cpu, pc); }
export function doMovsxRr328(cpu: usize, pc: usize): usize { return extendRr<i32, i8>(cpu, pc); }
export function doMovzxRm328(cpu: usize, pc: usize): usize { return extendRm<i32, u8>(cpu, pc); }
export function doMovsxRm328(cpu: usize, pc: usize): usize { return extendRm<i32, i8>(cpu, pc); }
export function doMovzxRr3216(cpu: usize, pc: usize): usize { return extendRr<i32, u16>(cpu, pc); }
export function doMovsxRr3216(cpu: usize, pc: usize): usize { return extendRr<i32, i16>(cpu, pc); }
export function doMovzxRm3216(cpu: usize, pc: usize): usize { return extendRm<i32, u16>(cpu, pc); }
export function doMovsxRm3216(cpu: usize, pc: usize): usize { return extendRm<i32, i16>(cpu, pc); }
export function doMovsxRr648(cpu: usize, pc: usize): usize { return extendRr<i64, i8>(cpu, pc); }
export function doMovsxRm648(cpu: usize, pc: usize): usize { return extendRm<i64, i8>(cpu, pc); }
export function doMovsxRr6416(cpu: usize, pc: usize): usize { return extendRr<i64, i16>(cpu, pc); }
export function doMovsxRm6416(cpu: usize, pc: usize): usize { return extendRm<i64, i16>(cpu, pc); }
export function doMovsxdRr6432(cpu: usize, pc: usize): usize { return extendRr<i64, i32>(cpu, pc); }
export function doMovsxdRm6432(cpu: usize, pc: usize): usize { return extendRm<i64, i32>(cpu, pc); }
export function doLeaRm32(cpu: usize, pc: usize): usize { return lea<i32>(cpu, pc); }
export function doLeaRm64(cpu: usize, pc: usize): usize { return lea<i64>(cpu, pc); }
export function doShlRi32(cpu: usize, pc: usize): usize { return shiftRi<i32>(cpu, pc, SHL); }
export function doShlRi64(cpu: usize, pc: usize): usize { return shiftRi<i64>(cpu, pc, SHL); }
export function doShlRc32(cpu: usize, pc: usize): usize { return shiftRc<i32>(cpu, pc, SHL); }
export function doShlRc64(cpu: usize, pc: usize): usize { return shiftRc<i64>(cpu, pc, SHL); }
export function doShrRi32(cpu: usize, pc: usize): usize { return shiftRi<i32>(cpu, pc, SHR); }
export function doShrRi64(cpu: usize, pc: usize): usize { return shiftRi<i64>(cpu, pc, SHR); }
export function doShrRc32(cpu: usize, pc: usize): usize { return shiftRc<i32>(cpu, pc, SHR); }
export function doShrRc64(cpu: usize, pc: usize): usize { return shiftRc<i64>(cpu, pc, SHR); }
export function doSarRi32(cpu: usize, pc: usize): usize { return shiftRi<i32>(cpu, pc, SAR); }
export function doSarRi64(cpu: usize, pc: usize): usize { return shiftRi<i64>(cpu, pc, SAR); }
export function doSarRc32(cpu: usize, pc: usize): usize { return shiftRc<i32>(cpu, pc, SAR); }
export function doSarRc64(cpu: usize, pc: usize): usize { return shiftRc<i64>(cpu, pc, SAR); }
export function doImulRr32(cpu: usize, pc: usize): usize { return imulRr<i32>(cpu, pc); }
export function doImulRr64(cpu: usize, pc: usize): usize { return imulRr<i64>(cpu, pc); }
export function doImulRm32(cpu: usize, pc: usize): usize { return imulRm<i32>(cpu, pc); }
export function doImulRm64(cpu: usize, pc: usize): usize { return imulRm<i64>(cpu, pc); }
export function doImulRri32(cpu: usize, pc: usize): usize { return imulRri<i32>(cpu, pc); }
export function doImulRri64(cpu: usize, pc: usize): usize { return imulRri<i64>(cpu, pc); }
export function doCmovccRr32(cpu: usize, pc: usize): usize { return cmovRr<i32>(cpu, pc); }
export function doCmovccRr64(cpu: usize, pc: usize): usize { return cmovRr<i64>(cpu, pc); }
export function doCmovccRm32(cpu: usize, pc: usize): usize { return cmovRm<i32>(cpu, pc); }
export function doCmovccRm64(cpu: usize, pc: usize): usize { return cmovRm<i64>(cpu, pc); }
export function doPushR64(cpu: usize, pc: usize): usize { return pushR<i64>(cpu, pc); }
export function doPushI64(cpu: usize, pc: usize): usize { return pushI<i64>(cpu, pc); }
export function doPopR64(cpu: usize, pc: usize): usize { return popR<i64>(cpu, pc); }
export function doJmpJ(cpu: usize, pc: usize): usize { return target(cpu, pc); }
export function doJcc0(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, overflow(cpu)); }
export function doJcc1(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, !overflow(cpu)); }
export function doJcc2(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, carry(cpu)); }
export function doJcc3(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, !carry(cpu)); }
export function doJcc4(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, zero(cpu)); }
export function doJcc5(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, !zero(cpu)); }
export function doJcc6(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, carry(cpu) || zero(cpu)); }
export function doJcc7(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, !(carry(cpu) || zero(cpu))); }
export function doJcc8(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, sign(cpu)); }
export function doJcc9(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, !sign(cpu)); }
export function doJcc10(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, parity(cpu)); }
export function doJcc11(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, !parity(cpu)); }
export function doJcc12(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, less(cpu)); }
export function doJcc13(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, !less(cpu)); }
export function doJcc14(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, less(cpu) || zero(cpu)); }
export function doJcc15(cpu: usize, pc: usize): usize { return jumpIf(cpu, pc, !(less(cpu) || zero(cpu))); }
export function doNop(cpu: usize, pc: usize): usize { return after(pc); }
