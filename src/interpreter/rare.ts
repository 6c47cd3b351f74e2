// The instructions that the run loop leaves out: one plain function each, named at one place of the switch.
import * as OP from '../hardware/cpu/opcodes';
import { ADC, ADD, AND, CMP, DEC, INC, NEG, NOT, OR, SBB, SUB, TEST, XOR, extendRm, extendRr, lea, m1, mi, movRi, movRr, mr, r1, ri, rm, rr } from './arithmetic';
import { ROL, ROR, RCL, RCR, SAR, SHL, SHR, doubleMrc, doubleMri, doubleRrc, doubleRri, shiftMc, shiftMi, shiftRc, shiftRi } from './shift';
import { DIV, IDIV, IMUL, MUL, imulRm, imulRmi, imulRr, imulRri, mulxRrm, mulxRrr, wideM, wideR } from './multiply';
import { ADCX, ADOX, ANDN, BEXTR, BLSI, BLSMSK, BLSR, BSF, BSR, BT, BTC, BTR, BTS, BZHI, LZCNT, MOVBE, PDEP, PEXT, POPCNT, SARX, SHLX, SHRX, TZCNT, bitMi, bitMr, bitRi, bitRr, bswapR, cmovRm, cmovRr, combineRmr, combineRrm, combineRrr, crcRm, crcRr, movbeMr, rorxRmi, rorxRri, scanRm, scanRr, setccM } from './bit';
import { cmpxchg16b, cmpxchg8b, cmpxchgMr, cmpxchgRr, lockedCmpxchg16b, lockedCmpxchg8b, lockedI, lockedR, xaddMr, xaddRr, xchgMr, xchgRr } from './exchange';
import { CMPS, LODS, MOVS, SCAS, STOS, string } from './string';
import { movCr4 } from './control-registers';
import { enter, jumpIfCountZero, loop, popM, popR, pushI, pushM, pushR } from './control';
import { zero } from './flags';
import { opcodeOf } from './operand';
import { cbw, cdq, cdqe, clc, cld, cli, cmc, cqo, cwd, cwde, lahf, marker, mfence, pause, popf, popf16, pushf, pushf16, rdtsc, sahf, slow, stc, std, sti, xlat } from './miscellaneous';
import { call32, callM32, callR32, jmpM32, jmpR32, leave32, popM32, popR32, popf32, pushI32, pushM32, pushR32, pushf32, ret32 } from './legacy';

function doAddRr8(cpu: usize, pc: usize): usize { return rr<i8>(cpu, pc, ADD); }
function doAddRr16(cpu: usize, pc: usize): usize { return rr<i16>(cpu, pc, ADD); }
function doAddRi8(cpu: usize, pc: usize): usize { return ri<i8>(cpu, pc, ADD); }
function doAddRi16(cpu: usize, pc: usize): usize { return ri<i16>(cpu, pc, ADD); }
function doAddRm8(cpu: usize, pc: usize): usize { return rm<i8>(cpu, pc, ADD); }
function doAddRm16(cpu: usize, pc: usize): usize { return rm<i16>(cpu, pc, ADD); }
function doAddMr8(cpu: usize, pc: usize): usize { return mr<i8>(cpu, pc, ADD); }
function doAddMr16(cpu: usize, pc: usize): usize { return mr<i16>(cpu, pc, ADD); }
function doAddMi8(cpu: usize, pc: usize): usize { return mi<i8>(cpu, pc, ADD); }
function doAddMi16(cpu: usize, pc: usize): usize { return mi<i16>(cpu, pc, ADD); }
function doOrRr8(cpu: usize, pc: usize): usize { return rr<i8>(cpu, pc, OR); }
function doOrRr16(cpu: usize, pc: usize): usize { return rr<i16>(cpu, pc, OR); }
function doOrRi8(cpu: usize, pc: usize): usize { return ri<i8>(cpu, pc, OR); }
function doOrRi16(cpu: usize, pc: usize): usize { return ri<i16>(cpu, pc, OR); }
function doOrRm8(cpu: usize, pc: usize): usize { return rm<i8>(cpu, pc, OR); }
function doOrRm16(cpu: usize, pc: usize): usize { return rm<i16>(cpu, pc, OR); }
function doOrMr8(cpu: usize, pc: usize): usize { return mr<i8>(cpu, pc, OR); }
function doOrMr16(cpu: usize, pc: usize): usize { return mr<i16>(cpu, pc, OR); }
function doOrMi8(cpu: usize, pc: usize): usize { return mi<i8>(cpu, pc, OR); }
function doOrMi16(cpu: usize, pc: usize): usize { return mi<i16>(cpu, pc, OR); }
function doAdcRr8(cpu: usize, pc: usize): usize { return rr<i8>(cpu, pc, ADC); }
function doAdcRr16(cpu: usize, pc: usize): usize { return rr<i16>(cpu, pc, ADC); }
function doAdcRr32(cpu: usize, pc: usize): usize { return rr<i32>(cpu, pc, ADC); }
function doAdcRr64(cpu: usize, pc: usize): usize { return rr<i64>(cpu, pc, ADC); }
function doAdcRi8(cpu: usize, pc: usize): usize { return ri<i8>(cpu, pc, ADC); }
function doAdcRi16(cpu: usize, pc: usize): usize { return ri<i16>(cpu, pc, ADC); }
function doAdcRi32(cpu: usize, pc: usize): usize { return ri<i32>(cpu, pc, ADC); }
function doAdcRi64(cpu: usize, pc: usize): usize { return ri<i64>(cpu, pc, ADC); }
function doAdcRm8(cpu: usize, pc: usize): usize { return rm<i8>(cpu, pc, ADC); }
function doAdcRm16(cpu: usize, pc: usize): usize { return rm<i16>(cpu, pc, ADC); }
function doAdcRm32(cpu: usize, pc: usize): usize { return rm<i32>(cpu, pc, ADC); }
function doAdcRm64(cpu: usize, pc: usize): usize { return rm<i64>(cpu, pc, ADC); }
function doAdcMr8(cpu: usize, pc: usize): usize { return mr<i8>(cpu, pc, ADC); }
function doAdcMr16(cpu: usize, pc: usize): usize { return mr<i16>(cpu, pc, ADC); }
function doAdcMr32(cpu: usize, pc: usize): usize { return mr<i32>(cpu, pc, ADC); }
function doAdcMr64(cpu: usize, pc: usize): usize { return mr<i64>(cpu, pc, ADC); }
function doAdcMi8(cpu: usize, pc: usize): usize { return mi<i8>(cpu, pc, ADC); }
function doAdcMi16(cpu: usize, pc: usize): usize { return mi<i16>(cpu, pc, ADC); }
function doAdcMi32(cpu: usize, pc: usize): usize { return mi<i32>(cpu, pc, ADC); }
function doAdcMi64(cpu: usize, pc: usize): usize { return mi<i64>(cpu, pc, ADC); }
function doSbbRr8(cpu: usize, pc: usize): usize { return rr<i8>(cpu, pc, SBB); }
function doSbbRr16(cpu: usize, pc: usize): usize { return rr<i16>(cpu, pc, SBB); }
function doSbbRr32(cpu: usize, pc: usize): usize { return rr<i32>(cpu, pc, SBB); }
function doSbbRr64(cpu: usize, pc: usize): usize { return rr<i64>(cpu, pc, SBB); }
function doSbbRi8(cpu: usize, pc: usize): usize { return ri<i8>(cpu, pc, SBB); }
function doSbbRi16(cpu: usize, pc: usize): usize { return ri<i16>(cpu, pc, SBB); }
function doSbbRi32(cpu: usize, pc: usize): usize { return ri<i32>(cpu, pc, SBB); }
function doSbbRi64(cpu: usize, pc: usize): usize { return ri<i64>(cpu, pc, SBB); }
function doSbbRm8(cpu: usize, pc: usize): usize { return rm<i8>(cpu, pc, SBB); }
function doSbbRm16(cpu: usize, pc: usize): usize { return rm<i16>(cpu, pc, SBB); }
function doSbbRm32(cpu: usize, pc: usize): usize { return rm<i32>(cpu, pc, SBB); }
function doSbbRm64(cpu: usize, pc: usize): usize { return rm<i64>(cpu, pc, SBB); }
function doSbbMr8(cpu: usize, pc: usize): usize { return mr<i8>(cpu, pc, SBB); }
function doSbbMr16(cpu: usize, pc: usize): usize { return mr<i16>(cpu, pc, SBB); }
function doSbbMr32(cpu: usize, pc: usize): usize { return mr<i32>(cpu, pc, SBB); }
function doSbbMr64(cpu: usize, pc: usize): usize { return mr<i64>(cpu, pc, SBB); }
function doSbbMi8(cpu: usize, pc: usize): usize { return mi<i8>(cpu, pc, SBB); }
function doSbbMi16(cpu: usize, pc: usize): usize { return mi<i16>(cpu, pc, SBB); }
function doSbbMi32(cpu: usize, pc: usize): usize { return mi<i32>(cpu, pc, SBB); }
function doSbbMi64(cpu: usize, pc: usize): usize { return mi<i64>(cpu, pc, SBB); }
function doAndRr8(cpu: usize, pc: usize): usize { return rr<i8>(cpu, pc, AND); }
function doAndRr16(cpu: usize, pc: usize): usize { return rr<i16>(cpu, pc, AND); }
function doAndRi8(cpu: usize, pc: usize): usize { return ri<i8>(cpu, pc, AND); }
function doAndRi16(cpu: usize, pc: usize): usize { return ri<i16>(cpu, pc, AND); }
function doAndRm8(cpu: usize, pc: usize): usize { return rm<i8>(cpu, pc, AND); }
function doAndRm16(cpu: usize, pc: usize): usize { return rm<i16>(cpu, pc, AND); }
function doAndMr8(cpu: usize, pc: usize): usize { return mr<i8>(cpu, pc, AND); }
function doAndMr16(cpu: usize, pc: usize): usize { return mr<i16>(cpu, pc, AND); }
function doAndMi8(cpu: usize, pc: usize): usize { return mi<i8>(cpu, pc, AND); }
function doAndMi16(cpu: usize, pc: usize): usize { return mi<i16>(cpu, pc, AND); }
function doSubRr8(cpu: usize, pc: usize): usize { return rr<i8>(cpu, pc, SUB); }
function doSubRr16(cpu: usize, pc: usize): usize { return rr<i16>(cpu, pc, SUB); }
function doSubRi8(cpu: usize, pc: usize): usize { return ri<i8>(cpu, pc, SUB); }
function doSubRi16(cpu: usize, pc: usize): usize { return ri<i16>(cpu, pc, SUB); }
function doSubRm8(cpu: usize, pc: usize): usize { return rm<i8>(cpu, pc, SUB); }
function doSubRm16(cpu: usize, pc: usize): usize { return rm<i16>(cpu, pc, SUB); }
function doSubMr8(cpu: usize, pc: usize): usize { return mr<i8>(cpu, pc, SUB); }
function doSubMr16(cpu: usize, pc: usize): usize { return mr<i16>(cpu, pc, SUB); }
function doSubMi8(cpu: usize, pc: usize): usize { return mi<i8>(cpu, pc, SUB); }
function doSubMi16(cpu: usize, pc: usize): usize { return mi<i16>(cpu, pc, SUB); }
function doXorRr8(cpu: usize, pc: usize): usize { return rr<i8>(cpu, pc, XOR); }
function doXorRr16(cpu: usize, pc: usize): usize { return rr<i16>(cpu, pc, XOR); }
function doXorRi8(cpu: usize, pc: usize): usize { return ri<i8>(cpu, pc, XOR); }
function doXorRi16(cpu: usize, pc: usize): usize { return ri<i16>(cpu, pc, XOR); }
function doXorRm8(cpu: usize, pc: usize): usize { return rm<i8>(cpu, pc, XOR); }
function doXorRm16(cpu: usize, pc: usize): usize { return rm<i16>(cpu, pc, XOR); }
function doXorMr8(cpu: usize, pc: usize): usize { return mr<i8>(cpu, pc, XOR); }
function doXorMr16(cpu: usize, pc: usize): usize { return mr<i16>(cpu, pc, XOR); }
function doXorMi8(cpu: usize, pc: usize): usize { return mi<i8>(cpu, pc, XOR); }
function doXorMi16(cpu: usize, pc: usize): usize { return mi<i16>(cpu, pc, XOR); }
function doCmpRr16(cpu: usize, pc: usize): usize { return rr<i16>(cpu, pc, CMP); }
function doCmpRi16(cpu: usize, pc: usize): usize { return ri<i16>(cpu, pc, CMP); }
function doCmpRm16(cpu: usize, pc: usize): usize { return rm<i16>(cpu, pc, CMP); }
function doCmpMr16(cpu: usize, pc: usize): usize { return mr<i16>(cpu, pc, CMP); }
function doCmpMi16(cpu: usize, pc: usize): usize { return mi<i16>(cpu, pc, CMP); }
function doTestRr16(cpu: usize, pc: usize): usize { return rr<i16>(cpu, pc, TEST); }
function doTestRi16(cpu: usize, pc: usize): usize { return ri<i16>(cpu, pc, TEST); }
function doTestMr16(cpu: usize, pc: usize): usize { return mr<i16>(cpu, pc, TEST); }
function doTestMi16(cpu: usize, pc: usize): usize { return mi<i16>(cpu, pc, TEST); }
function doIncR8(cpu: usize, pc: usize): usize { return r1<i8>(cpu, pc, INC); }
function doIncR16(cpu: usize, pc: usize): usize { return r1<i16>(cpu, pc, INC); }
function doIncM8(cpu: usize, pc: usize): usize { return m1<i8>(cpu, pc, INC); }
function doIncM16(cpu: usize, pc: usize): usize { return m1<i16>(cpu, pc, INC); }
function doDecR8(cpu: usize, pc: usize): usize { return r1<i8>(cpu, pc, DEC); }
function doDecR16(cpu: usize, pc: usize): usize { return r1<i16>(cpu, pc, DEC); }
function doDecM8(cpu: usize, pc: usize): usize { return m1<i8>(cpu, pc, DEC); }
function doDecM16(cpu: usize, pc: usize): usize { return m1<i16>(cpu, pc, DEC); }
function doNegR8(cpu: usize, pc: usize): usize { return r1<i8>(cpu, pc, NEG); }
function doNegR16(cpu: usize, pc: usize): usize { return r1<i16>(cpu, pc, NEG); }
function doNegM8(cpu: usize, pc: usize): usize { return m1<i8>(cpu, pc, NEG); }
function doNegM16(cpu: usize, pc: usize): usize { return m1<i16>(cpu, pc, NEG); }
function doNegM32(cpu: usize, pc: usize): usize { return m1<i32>(cpu, pc, NEG); }
function doNegM64(cpu: usize, pc: usize): usize { return m1<i64>(cpu, pc, NEG); }
function doNotR8(cpu: usize, pc: usize): usize { return r1<i8>(cpu, pc, NOT); }
function doNotR16(cpu: usize, pc: usize): usize { return r1<i16>(cpu, pc, NOT); }
function doNotM8(cpu: usize, pc: usize): usize { return m1<i8>(cpu, pc, NOT); }
function doNotM16(cpu: usize, pc: usize): usize { return m1<i16>(cpu, pc, NOT); }
function doNotM32(cpu: usize, pc: usize): usize { return m1<i32>(cpu, pc, NOT); }
function doNotM64(cpu: usize, pc: usize): usize { return m1<i64>(cpu, pc, NOT); }
function doMovRr16(cpu: usize, pc: usize): usize { return movRr<i16>(cpu, pc); }
function doMovRi16(cpu: usize, pc: usize): usize { return movRi<i16>(cpu, pc); }
function doMovzxRr168(cpu: usize, pc: usize): usize { return extendRr<i16, u8>(cpu, pc); }
function doMovsxRr168(cpu: usize, pc: usize): usize { return extendRr<i16, i8>(cpu, pc); }
function doMovzxRm168(cpu: usize, pc: usize): usize { return extendRm<i16, u8>(cpu, pc); }
function doMovsxRm168(cpu: usize, pc: usize): usize { return extendRm<i16, i8>(cpu, pc); }
function doLeaRm16(cpu: usize, pc: usize): usize { return lea<i16>(cpu, pc); }
function doShlRi8(cpu: usize, pc: usize): usize { return shiftRi<i8>(cpu, pc, SHL); }
function doShlRi16(cpu: usize, pc: usize): usize { return shiftRi<i16>(cpu, pc, SHL); }
function doShlRc8(cpu: usize, pc: usize): usize { return shiftRc<i8>(cpu, pc, SHL); }
function doShlRc16(cpu: usize, pc: usize): usize { return shiftRc<i16>(cpu, pc, SHL); }
function doShlMi8(cpu: usize, pc: usize): usize { return shiftMi<i8>(cpu, pc, SHL); }
function doShlMi16(cpu: usize, pc: usize): usize { return shiftMi<i16>(cpu, pc, SHL); }
function doShlMi32(cpu: usize, pc: usize): usize { return shiftMi<i32>(cpu, pc, SHL); }
function doShlMi64(cpu: usize, pc: usize): usize { return shiftMi<i64>(cpu, pc, SHL); }
function doShlMc8(cpu: usize, pc: usize): usize { return shiftMc<i8>(cpu, pc, SHL); }
function doShlMc16(cpu: usize, pc: usize): usize { return shiftMc<i16>(cpu, pc, SHL); }
function doShlMc32(cpu: usize, pc: usize): usize { return shiftMc<i32>(cpu, pc, SHL); }
function doShlMc64(cpu: usize, pc: usize): usize { return shiftMc<i64>(cpu, pc, SHL); }
function doShrRi8(cpu: usize, pc: usize): usize { return shiftRi<i8>(cpu, pc, SHR); }
function doShrRi16(cpu: usize, pc: usize): usize { return shiftRi<i16>(cpu, pc, SHR); }
function doShrRc8(cpu: usize, pc: usize): usize { return shiftRc<i8>(cpu, pc, SHR); }
function doShrRc16(cpu: usize, pc: usize): usize { return shiftRc<i16>(cpu, pc, SHR); }
function doShrMi8(cpu: usize, pc: usize): usize { return shiftMi<i8>(cpu, pc, SHR); }
function doShrMi16(cpu: usize, pc: usize): usize { return shiftMi<i16>(cpu, pc, SHR); }
function doShrMi32(cpu: usize, pc: usize): usize { return shiftMi<i32>(cpu, pc, SHR); }
function doShrMi64(cpu: usize, pc: usize): usize { return shiftMi<i64>(cpu, pc, SHR); }
function doShrMc8(cpu: usize, pc: usize): usize { return shiftMc<i8>(cpu, pc, SHR); }
function doShrMc16(cpu: usize, pc: usize): usize { return shiftMc<i16>(cpu, pc, SHR); }
function doShrMc32(cpu: usize, pc: usize): usize { return shiftMc<i32>(cpu, pc, SHR); }
function doShrMc64(cpu: usize, pc: usize): usize { return shiftMc<i64>(cpu, pc, SHR); }
function doSarRi8(cpu: usize, pc: usize): usize { return shiftRi<i8>(cpu, pc, SAR); }
function doSarRi16(cpu: usize, pc: usize): usize { return shiftRi<i16>(cpu, pc, SAR); }
function doSarRc8(cpu: usize, pc: usize): usize { return shiftRc<i8>(cpu, pc, SAR); }
function doSarRc16(cpu: usize, pc: usize): usize { return shiftRc<i16>(cpu, pc, SAR); }
function doSarMi8(cpu: usize, pc: usize): usize { return shiftMi<i8>(cpu, pc, SAR); }
function doSarMi16(cpu: usize, pc: usize): usize { return shiftMi<i16>(cpu, pc, SAR); }
function doSarMi32(cpu: usize, pc: usize): usize { return shiftMi<i32>(cpu, pc, SAR); }
function doSarMi64(cpu: usize, pc: usize): usize { return shiftMi<i64>(cpu, pc, SAR); }
function doSarMc8(cpu: usize, pc: usize): usize { return shiftMc<i8>(cpu, pc, SAR); }
function doSarMc16(cpu: usize, pc: usize): usize { return shiftMc<i16>(cpu, pc, SAR); }
function doSarMc32(cpu: usize, pc: usize): usize { return shiftMc<i32>(cpu, pc, SAR); }
function doSarMc64(cpu: usize, pc: usize): usize { return shiftMc<i64>(cpu, pc, SAR); }
function doRolRi8(cpu: usize, pc: usize): usize { return shiftRi<i8>(cpu, pc, ROL); }
function doRolRi16(cpu: usize, pc: usize): usize { return shiftRi<i16>(cpu, pc, ROL); }
function doRolRi32(cpu: usize, pc: usize): usize { return shiftRi<i32>(cpu, pc, ROL); }
function doRolRi64(cpu: usize, pc: usize): usize { return shiftRi<i64>(cpu, pc, ROL); }
function doRolRc8(cpu: usize, pc: usize): usize { return shiftRc<i8>(cpu, pc, ROL); }
function doRolRc16(cpu: usize, pc: usize): usize { return shiftRc<i16>(cpu, pc, ROL); }
function doRolRc32(cpu: usize, pc: usize): usize { return shiftRc<i32>(cpu, pc, ROL); }
function doRolRc64(cpu: usize, pc: usize): usize { return shiftRc<i64>(cpu, pc, ROL); }
function doRolMi8(cpu: usize, pc: usize): usize { return shiftMi<i8>(cpu, pc, ROL); }
function doRolMi16(cpu: usize, pc: usize): usize { return shiftMi<i16>(cpu, pc, ROL); }
function doRolMi32(cpu: usize, pc: usize): usize { return shiftMi<i32>(cpu, pc, ROL); }
function doRolMi64(cpu: usize, pc: usize): usize { return shiftMi<i64>(cpu, pc, ROL); }
function doRolMc8(cpu: usize, pc: usize): usize { return shiftMc<i8>(cpu, pc, ROL); }
function doRolMc16(cpu: usize, pc: usize): usize { return shiftMc<i16>(cpu, pc, ROL); }
function doRolMc32(cpu: usize, pc: usize): usize { return shiftMc<i32>(cpu, pc, ROL); }
function doRolMc64(cpu: usize, pc: usize): usize { return shiftMc<i64>(cpu, pc, ROL); }
function doRorRi8(cpu: usize, pc: usize): usize { return shiftRi<i8>(cpu, pc, ROR); }
function doRorRi16(cpu: usize, pc: usize): usize { return shiftRi<i16>(cpu, pc, ROR); }
function doRorRi32(cpu: usize, pc: usize): usize { return shiftRi<i32>(cpu, pc, ROR); }
function doRorRi64(cpu: usize, pc: usize): usize { return shiftRi<i64>(cpu, pc, ROR); }
function doRorRc8(cpu: usize, pc: usize): usize { return shiftRc<i8>(cpu, pc, ROR); }
function doRorRc16(cpu: usize, pc: usize): usize { return shiftRc<i16>(cpu, pc, ROR); }
function doRorRc32(cpu: usize, pc: usize): usize { return shiftRc<i32>(cpu, pc, ROR); }
function doRorRc64(cpu: usize, pc: usize): usize { return shiftRc<i64>(cpu, pc, ROR); }
function doRorMi8(cpu: usize, pc: usize): usize { return shiftMi<i8>(cpu, pc, ROR); }
function doRorMi16(cpu: usize, pc: usize): usize { return shiftMi<i16>(cpu, pc, ROR); }
function doRorMi32(cpu: usize, pc: usize): usize { return shiftMi<i32>(cpu, pc, ROR); }
function doRorMi64(cpu: usize, pc: usize): usize { return shiftMi<i64>(cpu, pc, ROR); }
function doRorMc8(cpu: usize, pc: usize): usize { return shiftMc<i8>(cpu, pc, ROR); }
function doRorMc16(cpu: usize, pc: usize): usize { return shiftMc<i16>(cpu, pc, ROR); }
function doRorMc32(cpu: usize, pc: usize): usize { return shiftMc<i32>(cpu, pc, ROR); }
function doRorMc64(cpu: usize, pc: usize): usize { return shiftMc<i64>(cpu, pc, ROR); }
function doRclRi8(cpu: usize, pc: usize): usize { return shiftRi<i8>(cpu, pc, RCL); }
function doRclRi16(cpu: usize, pc: usize): usize { return shiftRi<i16>(cpu, pc, RCL); }
function doRclRi32(cpu: usize, pc: usize): usize { return shiftRi<i32>(cpu, pc, RCL); }
function doRclRi64(cpu: usize, pc: usize): usize { return shiftRi<i64>(cpu, pc, RCL); }
function doRclRc8(cpu: usize, pc: usize): usize { return shiftRc<i8>(cpu, pc, RCL); }
function doRclRc16(cpu: usize, pc: usize): usize { return shiftRc<i16>(cpu, pc, RCL); }
function doRclRc32(cpu: usize, pc: usize): usize { return shiftRc<i32>(cpu, pc, RCL); }
function doRclRc64(cpu: usize, pc: usize): usize { return shiftRc<i64>(cpu, pc, RCL); }
function doRclMi8(cpu: usize, pc: usize): usize { return shiftMi<i8>(cpu, pc, RCL); }
function doRclMi16(cpu: usize, pc: usize): usize { return shiftMi<i16>(cpu, pc, RCL); }
function doRclMi32(cpu: usize, pc: usize): usize { return shiftMi<i32>(cpu, pc, RCL); }
function doRclMi64(cpu: usize, pc: usize): usize { return shiftMi<i64>(cpu, pc, RCL); }
function doRclMc8(cpu: usize, pc: usize): usize { return shiftMc<i8>(cpu, pc, RCL); }
function doRclMc16(cpu: usize, pc: usize): usize { return shiftMc<i16>(cpu, pc, RCL); }
function doRclMc32(cpu: usize, pc: usize): usize { return shiftMc<i32>(cpu, pc, RCL); }
function doRclMc64(cpu: usize, pc: usize): usize { return shiftMc<i64>(cpu, pc, RCL); }
function doRcrRi8(cpu: usize, pc: usize): usize { return shiftRi<i8>(cpu, pc, RCR); }
function doRcrRi16(cpu: usize, pc: usize): usize { return shiftRi<i16>(cpu, pc, RCR); }
function doRcrRi32(cpu: usize, pc: usize): usize { return shiftRi<i32>(cpu, pc, RCR); }
function doRcrRi64(cpu: usize, pc: usize): usize { return shiftRi<i64>(cpu, pc, RCR); }
function doRcrRc8(cpu: usize, pc: usize): usize { return shiftRc<i8>(cpu, pc, RCR); }
function doRcrRc16(cpu: usize, pc: usize): usize { return shiftRc<i16>(cpu, pc, RCR); }
function doRcrRc32(cpu: usize, pc: usize): usize { return shiftRc<i32>(cpu, pc, RCR); }
function doRcrRc64(cpu: usize, pc: usize): usize { return shiftRc<i64>(cpu, pc, RCR); }
function doRcrMi8(cpu: usize, pc: usize): usize { return shiftMi<i8>(cpu, pc, RCR); }
function doRcrMi16(cpu: usize, pc: usize): usize { return shiftMi<i16>(cpu, pc, RCR); }
function doRcrMi32(cpu: usize, pc: usize): usize { return shiftMi<i32>(cpu, pc, RCR); }
function doRcrMi64(cpu: usize, pc: usize): usize { return shiftMi<i64>(cpu, pc, RCR); }
function doRcrMc8(cpu: usize, pc: usize): usize { return shiftMc<i8>(cpu, pc, RCR); }
function doRcrMc16(cpu: usize, pc: usize): usize { return shiftMc<i16>(cpu, pc, RCR); }
function doRcrMc32(cpu: usize, pc: usize): usize { return shiftMc<i32>(cpu, pc, RCR); }
function doRcrMc64(cpu: usize, pc: usize): usize { return shiftMc<i64>(cpu, pc, RCR); }
function doShldRri16(cpu: usize, pc: usize): usize { return doubleRri<i16>(cpu, pc, true); }
function doShldRri32(cpu: usize, pc: usize): usize { return doubleRri<i32>(cpu, pc, true); }
function doShldRri64(cpu: usize, pc: usize): usize { return doubleRri<i64>(cpu, pc, true); }
function doShldRrc16(cpu: usize, pc: usize): usize { return doubleRrc<i16>(cpu, pc, true); }
function doShldRrc32(cpu: usize, pc: usize): usize { return doubleRrc<i32>(cpu, pc, true); }
function doShldRrc64(cpu: usize, pc: usize): usize { return doubleRrc<i64>(cpu, pc, true); }
function doShldMri16(cpu: usize, pc: usize): usize { return doubleMri<i16>(cpu, pc, true); }
function doShldMri32(cpu: usize, pc: usize): usize { return doubleMri<i32>(cpu, pc, true); }
function doShldMri64(cpu: usize, pc: usize): usize { return doubleMri<i64>(cpu, pc, true); }
function doShldMrc16(cpu: usize, pc: usize): usize { return doubleMrc<i16>(cpu, pc, true); }
function doShldMrc32(cpu: usize, pc: usize): usize { return doubleMrc<i32>(cpu, pc, true); }
function doShldMrc64(cpu: usize, pc: usize): usize { return doubleMrc<i64>(cpu, pc, true); }
function doShrdRri16(cpu: usize, pc: usize): usize { return doubleRri<i16>(cpu, pc, false); }
function doShrdRri32(cpu: usize, pc: usize): usize { return doubleRri<i32>(cpu, pc, false); }
function doShrdRri64(cpu: usize, pc: usize): usize { return doubleRri<i64>(cpu, pc, false); }
function doShrdRrc16(cpu: usize, pc: usize): usize { return doubleRrc<i16>(cpu, pc, false); }
function doShrdRrc32(cpu: usize, pc: usize): usize { return doubleRrc<i32>(cpu, pc, false); }
function doShrdRrc64(cpu: usize, pc: usize): usize { return doubleRrc<i64>(cpu, pc, false); }
function doShrdMri16(cpu: usize, pc: usize): usize { return doubleMri<i16>(cpu, pc, false); }
function doShrdMri32(cpu: usize, pc: usize): usize { return doubleMri<i32>(cpu, pc, false); }
function doShrdMri64(cpu: usize, pc: usize): usize { return doubleMri<i64>(cpu, pc, false); }
function doShrdMrc16(cpu: usize, pc: usize): usize { return doubleMrc<i16>(cpu, pc, false); }
function doShrdMrc32(cpu: usize, pc: usize): usize { return doubleMrc<i32>(cpu, pc, false); }
function doShrdMrc64(cpu: usize, pc: usize): usize { return doubleMrc<i64>(cpu, pc, false); }
function doImulRr16(cpu: usize, pc: usize): usize { return imulRr<i16>(cpu, pc); }
function doImulRm16(cpu: usize, pc: usize): usize { return imulRm<i16>(cpu, pc); }
function doImulRri16(cpu: usize, pc: usize): usize { return imulRri<i16>(cpu, pc); }
function doImulRmi16(cpu: usize, pc: usize): usize { return imulRmi<i16>(cpu, pc); }
function doImulRmi32(cpu: usize, pc: usize): usize { return imulRmi<i32>(cpu, pc); }
function doImulRmi64(cpu: usize, pc: usize): usize { return imulRmi<i64>(cpu, pc); }
function doMulR8(cpu: usize, pc: usize): usize { return wideR<i8>(cpu, pc, MUL); }
function doMulR16(cpu: usize, pc: usize): usize { return wideR<i16>(cpu, pc, MUL); }
function doMulR32(cpu: usize, pc: usize): usize { return wideR<i32>(cpu, pc, MUL); }
function doMulR64(cpu: usize, pc: usize): usize { return wideR<i64>(cpu, pc, MUL); }
function doMulM8(cpu: usize, pc: usize): usize { return wideM<i8>(cpu, pc, MUL); }
function doMulM16(cpu: usize, pc: usize): usize { return wideM<i16>(cpu, pc, MUL); }
function doMulM32(cpu: usize, pc: usize): usize { return wideM<i32>(cpu, pc, MUL); }
function doMulM64(cpu: usize, pc: usize): usize { return wideM<i64>(cpu, pc, MUL); }
function doImulR8(cpu: usize, pc: usize): usize { return wideR<i8>(cpu, pc, IMUL); }
function doImulR16(cpu: usize, pc: usize): usize { return wideR<i16>(cpu, pc, IMUL); }
function doImulR32(cpu: usize, pc: usize): usize { return wideR<i32>(cpu, pc, IMUL); }
function doImulR64(cpu: usize, pc: usize): usize { return wideR<i64>(cpu, pc, IMUL); }
function doImulM8(cpu: usize, pc: usize): usize { return wideM<i8>(cpu, pc, IMUL); }
function doImulM16(cpu: usize, pc: usize): usize { return wideM<i16>(cpu, pc, IMUL); }
function doImulM32(cpu: usize, pc: usize): usize { return wideM<i32>(cpu, pc, IMUL); }
function doImulM64(cpu: usize, pc: usize): usize { return wideM<i64>(cpu, pc, IMUL); }
function doDivR8(cpu: usize, pc: usize): usize { return wideR<i8>(cpu, pc, DIV); }
function doDivR16(cpu: usize, pc: usize): usize { return wideR<i16>(cpu, pc, DIV); }
function doDivR32(cpu: usize, pc: usize): usize { return wideR<i32>(cpu, pc, DIV); }
function doDivR64(cpu: usize, pc: usize): usize { return wideR<i64>(cpu, pc, DIV); }
function doDivM8(cpu: usize, pc: usize): usize { return wideM<i8>(cpu, pc, DIV); }
function doDivM16(cpu: usize, pc: usize): usize { return wideM<i16>(cpu, pc, DIV); }
function doDivM32(cpu: usize, pc: usize): usize { return wideM<i32>(cpu, pc, DIV); }
function doDivM64(cpu: usize, pc: usize): usize { return wideM<i64>(cpu, pc, DIV); }
function doIdivR8(cpu: usize, pc: usize): usize { return wideR<i8>(cpu, pc, IDIV); }
function doIdivR16(cpu: usize, pc: usize): usize { return wideR<i16>(cpu, pc, IDIV); }
function doIdivR32(cpu: usize, pc: usize): usize { return wideR<i32>(cpu, pc, IDIV); }
function doIdivR64(cpu: usize, pc: usize): usize { return wideR<i64>(cpu, pc, IDIV); }
function doIdivM8(cpu: usize, pc: usize): usize { return wideM<i8>(cpu, pc, IDIV); }
function doIdivM16(cpu: usize, pc: usize): usize { return wideM<i16>(cpu, pc, IDIV); }
function doIdivM32(cpu: usize, pc: usize): usize { return wideM<i32>(cpu, pc, IDIV); }
function doIdivM64(cpu: usize, pc: usize): usize { return wideM<i64>(cpu, pc, IDIV); }
function doMulxRrr32(cpu: usize, pc: usize): usize { return mulxRrr<i32>(cpu, pc); }
function doMulxRrr64(cpu: usize, pc: usize): usize { return mulxRrr<i64>(cpu, pc); }
function doMulxRrm32(cpu: usize, pc: usize): usize { return mulxRrm<i32>(cpu, pc); }
function doMulxRrm64(cpu: usize, pc: usize): usize { return mulxRrm<i64>(cpu, pc); }
function doBtRr16(cpu: usize, pc: usize): usize { return bitRr<i16>(cpu, pc, BT); }
function doBtRr32(cpu: usize, pc: usize): usize { return bitRr<i32>(cpu, pc, BT); }
function doBtRr64(cpu: usize, pc: usize): usize { return bitRr<i64>(cpu, pc, BT); }
function doBtRi16(cpu: usize, pc: usize): usize { return bitRi<i16>(cpu, pc, BT); }
function doBtRi32(cpu: usize, pc: usize): usize { return bitRi<i32>(cpu, pc, BT); }
function doBtRi64(cpu: usize, pc: usize): usize { return bitRi<i64>(cpu, pc, BT); }
function doBtMr16(cpu: usize, pc: usize): usize { return bitMr<i16>(cpu, pc, BT); }
function doBtMr32(cpu: usize, pc: usize): usize { return bitMr<i32>(cpu, pc, BT); }
function doBtMr64(cpu: usize, pc: usize): usize { return bitMr<i64>(cpu, pc, BT); }
function doBtMi16(cpu: usize, pc: usize): usize { return bitMi<i16>(cpu, pc, BT); }
function doBtMi32(cpu: usize, pc: usize): usize { return bitMi<i32>(cpu, pc, BT); }
function doBtMi64(cpu: usize, pc: usize): usize { return bitMi<i64>(cpu, pc, BT); }
function doBtsRr16(cpu: usize, pc: usize): usize { return bitRr<i16>(cpu, pc, BTS); }
function doBtsRr32(cpu: usize, pc: usize): usize { return bitRr<i32>(cpu, pc, BTS); }
function doBtsRr64(cpu: usize, pc: usize): usize { return bitRr<i64>(cpu, pc, BTS); }
function doBtsRi16(cpu: usize, pc: usize): usize { return bitRi<i16>(cpu, pc, BTS); }
function doBtsRi32(cpu: usize, pc: usize): usize { return bitRi<i32>(cpu, pc, BTS); }
function doBtsRi64(cpu: usize, pc: usize): usize { return bitRi<i64>(cpu, pc, BTS); }
function doBtsMr16(cpu: usize, pc: usize): usize { return bitMr<i16>(cpu, pc, BTS); }
function doBtsMr32(cpu: usize, pc: usize): usize { return bitMr<i32>(cpu, pc, BTS); }
function doBtsMr64(cpu: usize, pc: usize): usize { return bitMr<i64>(cpu, pc, BTS); }
function doBtsMi16(cpu: usize, pc: usize): usize { return bitMi<i16>(cpu, pc, BTS); }
function doBtsMi32(cpu: usize, pc: usize): usize { return bitMi<i32>(cpu, pc, BTS); }
function doBtsMi64(cpu: usize, pc: usize): usize { return bitMi<i64>(cpu, pc, BTS); }
function doBtrRr16(cpu: usize, pc: usize): usize { return bitRr<i16>(cpu, pc, BTR); }
function doBtrRr32(cpu: usize, pc: usize): usize { return bitRr<i32>(cpu, pc, BTR); }
function doBtrRr64(cpu: usize, pc: usize): usize { return bitRr<i64>(cpu, pc, BTR); }
function doBtrRi16(cpu: usize, pc: usize): usize { return bitRi<i16>(cpu, pc, BTR); }
function doBtrRi32(cpu: usize, pc: usize): usize { return bitRi<i32>(cpu, pc, BTR); }
function doBtrRi64(cpu: usize, pc: usize): usize { return bitRi<i64>(cpu, pc, BTR); }
function doBtrMr16(cpu: usize, pc: usize): usize { return bitMr<i16>(cpu, pc, BTR); }
function doBtrMr32(cpu: usize, pc: usize): usize { return bitMr<i32>(cpu, pc, BTR); }
function doBtrMr64(cpu: usize, pc: usize): usize { return bitMr<i64>(cpu, pc, BTR); }
function doBtrMi16(cpu: usize, pc: usize): usize { return bitMi<i16>(cpu, pc, BTR); }
function doBtrMi32(cpu: usize, pc: usize): usize { return bitMi<i32>(cpu, pc, BTR); }
function doBtrMi64(cpu: usize, pc: usize): usize { return bitMi<i64>(cpu, pc, BTR); }
function doBtcRr16(cpu: usize, pc: usize): usize { return bitRr<i16>(cpu, pc, BTC); }
function doBtcRr32(cpu: usize, pc: usize): usize { return bitRr<i32>(cpu, pc, BTC); }
function doBtcRr64(cpu: usize, pc: usize): usize { return bitRr<i64>(cpu, pc, BTC); }
function doBtcRi16(cpu: usize, pc: usize): usize { return bitRi<i16>(cpu, pc, BTC); }
function doBtcRi32(cpu: usize, pc: usize): usize { return bitRi<i32>(cpu, pc, BTC); }
function doBtcRi64(cpu: usize, pc: usize): usize { return bitRi<i64>(cpu, pc, BTC); }
function doBtcMr16(cpu: usize, pc: usize): usize { return bitMr<i16>(cpu, pc, BTC); }
function doBtcMr32(cpu: usize, pc: usize): usize { return bitMr<i32>(cpu, pc, BTC); }
function doBtcMr64(cpu: usize, pc: usize): usize { return bitMr<i64>(cpu, pc, BTC); }
function doBtcMi16(cpu: usize, pc: usize): usize { return bitMi<i16>(cpu, pc, BTC); }
function doBtcMi32(cpu: usize, pc: usize): usize { return bitMi<i32>(cpu, pc, BTC); }
function doBtcMi64(cpu: usize, pc: usize): usize { return bitMi<i64>(cpu, pc, BTC); }
function doBsfRr16(cpu: usize, pc: usize): usize { return scanRr<i16>(cpu, pc, BSF); }
function doBsfRr32(cpu: usize, pc: usize): usize { return scanRr<i32>(cpu, pc, BSF); }
function doBsfRr64(cpu: usize, pc: usize): usize { return scanRr<i64>(cpu, pc, BSF); }
function doBsfRm16(cpu: usize, pc: usize): usize { return scanRm<i16>(cpu, pc, BSF); }
function doBsfRm32(cpu: usize, pc: usize): usize { return scanRm<i32>(cpu, pc, BSF); }
function doBsfRm64(cpu: usize, pc: usize): usize { return scanRm<i64>(cpu, pc, BSF); }
function doBsrRr16(cpu: usize, pc: usize): usize { return scanRr<i16>(cpu, pc, BSR); }
function doBsrRr32(cpu: usize, pc: usize): usize { return scanRr<i32>(cpu, pc, BSR); }
function doBsrRr64(cpu: usize, pc: usize): usize { return scanRr<i64>(cpu, pc, BSR); }
function doBsrRm16(cpu: usize, pc: usize): usize { return scanRm<i16>(cpu, pc, BSR); }
function doBsrRm32(cpu: usize, pc: usize): usize { return scanRm<i32>(cpu, pc, BSR); }
function doBsrRm64(cpu: usize, pc: usize): usize { return scanRm<i64>(cpu, pc, BSR); }
function doTzcntRr16(cpu: usize, pc: usize): usize { return scanRr<i16>(cpu, pc, TZCNT); }
function doTzcntRr32(cpu: usize, pc: usize): usize { return scanRr<i32>(cpu, pc, TZCNT); }
function doTzcntRr64(cpu: usize, pc: usize): usize { return scanRr<i64>(cpu, pc, TZCNT); }
function doTzcntRm16(cpu: usize, pc: usize): usize { return scanRm<i16>(cpu, pc, TZCNT); }
function doTzcntRm32(cpu: usize, pc: usize): usize { return scanRm<i32>(cpu, pc, TZCNT); }
function doTzcntRm64(cpu: usize, pc: usize): usize { return scanRm<i64>(cpu, pc, TZCNT); }
function doLzcntRr16(cpu: usize, pc: usize): usize { return scanRr<i16>(cpu, pc, LZCNT); }
function doLzcntRr32(cpu: usize, pc: usize): usize { return scanRr<i32>(cpu, pc, LZCNT); }
function doLzcntRr64(cpu: usize, pc: usize): usize { return scanRr<i64>(cpu, pc, LZCNT); }
function doLzcntRm16(cpu: usize, pc: usize): usize { return scanRm<i16>(cpu, pc, LZCNT); }
function doLzcntRm32(cpu: usize, pc: usize): usize { return scanRm<i32>(cpu, pc, LZCNT); }
function doLzcntRm64(cpu: usize, pc: usize): usize { return scanRm<i64>(cpu, pc, LZCNT); }
function doPopcntRr16(cpu: usize, pc: usize): usize { return scanRr<i16>(cpu, pc, POPCNT); }
function doPopcntRr32(cpu: usize, pc: usize): usize { return scanRr<i32>(cpu, pc, POPCNT); }
function doPopcntRr64(cpu: usize, pc: usize): usize { return scanRr<i64>(cpu, pc, POPCNT); }
function doPopcntRm16(cpu: usize, pc: usize): usize { return scanRm<i16>(cpu, pc, POPCNT); }
function doPopcntRm32(cpu: usize, pc: usize): usize { return scanRm<i32>(cpu, pc, POPCNT); }
function doPopcntRm64(cpu: usize, pc: usize): usize { return scanRm<i64>(cpu, pc, POPCNT); }
function doBlsiRr32(cpu: usize, pc: usize): usize { return scanRr<i32>(cpu, pc, BLSI); }
function doBlsiRr64(cpu: usize, pc: usize): usize { return scanRr<i64>(cpu, pc, BLSI); }
function doBlsiRm32(cpu: usize, pc: usize): usize { return scanRm<i32>(cpu, pc, BLSI); }
function doBlsiRm64(cpu: usize, pc: usize): usize { return scanRm<i64>(cpu, pc, BLSI); }
function doBlsmskRr32(cpu: usize, pc: usize): usize { return scanRr<i32>(cpu, pc, BLSMSK); }
function doBlsmskRr64(cpu: usize, pc: usize): usize { return scanRr<i64>(cpu, pc, BLSMSK); }
function doBlsmskRm32(cpu: usize, pc: usize): usize { return scanRm<i32>(cpu, pc, BLSMSK); }
function doBlsmskRm64(cpu: usize, pc: usize): usize { return scanRm<i64>(cpu, pc, BLSMSK); }
function doBlsrRr32(cpu: usize, pc: usize): usize { return scanRr<i32>(cpu, pc, BLSR); }
function doBlsrRr64(cpu: usize, pc: usize): usize { return scanRr<i64>(cpu, pc, BLSR); }
function doBlsrRm32(cpu: usize, pc: usize): usize { return scanRm<i32>(cpu, pc, BLSR); }
function doBlsrRm64(cpu: usize, pc: usize): usize { return scanRm<i64>(cpu, pc, BLSR); }
function doAdcxRr32(cpu: usize, pc: usize): usize { return scanRr<i32>(cpu, pc, ADCX); }
function doAdcxRr64(cpu: usize, pc: usize): usize { return scanRr<i64>(cpu, pc, ADCX); }
function doAdcxRm32(cpu: usize, pc: usize): usize { return scanRm<i32>(cpu, pc, ADCX); }
function doAdcxRm64(cpu: usize, pc: usize): usize { return scanRm<i64>(cpu, pc, ADCX); }
function doAdoxRr32(cpu: usize, pc: usize): usize { return scanRr<i32>(cpu, pc, ADOX); }
function doAdoxRr64(cpu: usize, pc: usize): usize { return scanRr<i64>(cpu, pc, ADOX); }
function doAdoxRm32(cpu: usize, pc: usize): usize { return scanRm<i32>(cpu, pc, ADOX); }
function doAdoxRm64(cpu: usize, pc: usize): usize { return scanRm<i64>(cpu, pc, ADOX); }
function doMovbeRm16(cpu: usize, pc: usize): usize { return scanRm<i16>(cpu, pc, MOVBE); }
function doMovbeMr16(cpu: usize, pc: usize): usize { return movbeMr<i16>(cpu, pc); }
function doMovbeRm32(cpu: usize, pc: usize): usize { return scanRm<i32>(cpu, pc, MOVBE); }
function doMovbeMr32(cpu: usize, pc: usize): usize { return movbeMr<i32>(cpu, pc); }
function doMovbeRm64(cpu: usize, pc: usize): usize { return scanRm<i64>(cpu, pc, MOVBE); }
function doMovbeMr64(cpu: usize, pc: usize): usize { return movbeMr<i64>(cpu, pc); }
function doBswapR32(cpu: usize, pc: usize): usize { return bswapR<i32>(cpu, pc); }
function doBswapR64(cpu: usize, pc: usize): usize { return bswapR<i64>(cpu, pc); }
function doAndnRrr32(cpu: usize, pc: usize): usize { return combineRrr<i32>(cpu, pc, ANDN); }
function doAndnRrr64(cpu: usize, pc: usize): usize { return combineRrr<i64>(cpu, pc, ANDN); }
function doAndnRrm32(cpu: usize, pc: usize): usize { return combineRrm<i32>(cpu, pc, ANDN); }
function doAndnRrm64(cpu: usize, pc: usize): usize { return combineRrm<i64>(cpu, pc, ANDN); }
function doPdepRrr32(cpu: usize, pc: usize): usize { return combineRrr<i32>(cpu, pc, PDEP); }
function doPdepRrr64(cpu: usize, pc: usize): usize { return combineRrr<i64>(cpu, pc, PDEP); }
function doPdepRrm32(cpu: usize, pc: usize): usize { return combineRrm<i32>(cpu, pc, PDEP); }
function doPdepRrm64(cpu: usize, pc: usize): usize { return combineRrm<i64>(cpu, pc, PDEP); }
function doPextRrr32(cpu: usize, pc: usize): usize { return combineRrr<i32>(cpu, pc, PEXT); }
function doPextRrr64(cpu: usize, pc: usize): usize { return combineRrr<i64>(cpu, pc, PEXT); }
function doPextRrm32(cpu: usize, pc: usize): usize { return combineRrm<i32>(cpu, pc, PEXT); }
function doPextRrm64(cpu: usize, pc: usize): usize { return combineRrm<i64>(cpu, pc, PEXT); }
function doBextrRrr32(cpu: usize, pc: usize): usize { return combineRrr<i32>(cpu, pc, BEXTR); }
function doBextrRrr64(cpu: usize, pc: usize): usize { return combineRrr<i64>(cpu, pc, BEXTR); }
function doBextrRmr32(cpu: usize, pc: usize): usize { return combineRmr<i32>(cpu, pc, BEXTR); }
function doBextrRmr64(cpu: usize, pc: usize): usize { return combineRmr<i64>(cpu, pc, BEXTR); }
function doBzhiRrr32(cpu: usize, pc: usize): usize { return combineRrr<i32>(cpu, pc, BZHI); }
function doBzhiRrr64(cpu: usize, pc: usize): usize { return combineRrr<i64>(cpu, pc, BZHI); }
function doBzhiRmr32(cpu: usize, pc: usize): usize { return combineRmr<i32>(cpu, pc, BZHI); }
function doBzhiRmr64(cpu: usize, pc: usize): usize { return combineRmr<i64>(cpu, pc, BZHI); }
function doSarxRrr32(cpu: usize, pc: usize): usize { return combineRrr<i32>(cpu, pc, SARX); }
function doSarxRrr64(cpu: usize, pc: usize): usize { return combineRrr<i64>(cpu, pc, SARX); }
function doSarxRmr32(cpu: usize, pc: usize): usize { return combineRmr<i32>(cpu, pc, SARX); }
function doSarxRmr64(cpu: usize, pc: usize): usize { return combineRmr<i64>(cpu, pc, SARX); }
function doShlxRrr32(cpu: usize, pc: usize): usize { return combineRrr<i32>(cpu, pc, SHLX); }
function doShlxRrr64(cpu: usize, pc: usize): usize { return combineRrr<i64>(cpu, pc, SHLX); }
function doShlxRmr32(cpu: usize, pc: usize): usize { return combineRmr<i32>(cpu, pc, SHLX); }
function doShlxRmr64(cpu: usize, pc: usize): usize { return combineRmr<i64>(cpu, pc, SHLX); }
function doShrxRrr32(cpu: usize, pc: usize): usize { return combineRrr<i32>(cpu, pc, SHRX); }
function doShrxRrr64(cpu: usize, pc: usize): usize { return combineRrr<i64>(cpu, pc, SHRX); }
function doShrxRmr32(cpu: usize, pc: usize): usize { return combineRmr<i32>(cpu, pc, SHRX); }
function doShrxRmr64(cpu: usize, pc: usize): usize { return combineRmr<i64>(cpu, pc, SHRX); }
function doRorxRri32(cpu: usize, pc: usize): usize { return rorxRri<i32>(cpu, pc); }
function doRorxRri64(cpu: usize, pc: usize): usize { return rorxRri<i64>(cpu, pc); }
function doRorxRmi32(cpu: usize, pc: usize): usize { return rorxRmi<i32>(cpu, pc); }
function doRorxRmi64(cpu: usize, pc: usize): usize { return rorxRmi<i64>(cpu, pc); }
function doCrc32Rr8(cpu: usize, pc: usize): usize { return crcRr<u8>(cpu, pc); }
function doCrc32Rr16(cpu: usize, pc: usize): usize { return crcRr<u16>(cpu, pc); }
function doCrc32Rr32(cpu: usize, pc: usize): usize { return crcRr<u32>(cpu, pc); }
function doCrc32Rr64(cpu: usize, pc: usize): usize { return crcRr<u64>(cpu, pc); }
function doCrc32Rm8(cpu: usize, pc: usize): usize { return crcRm<u8>(cpu, pc); }
function doCrc32Rm16(cpu: usize, pc: usize): usize { return crcRm<u16>(cpu, pc); }
function doCrc32Rm32(cpu: usize, pc: usize): usize { return crcRm<u32>(cpu, pc); }
function doCrc32Rm64(cpu: usize, pc: usize): usize { return crcRm<u64>(cpu, pc); }
function doCmovccRr16(cpu: usize, pc: usize): usize { return cmovRr<i16>(cpu, pc); }
function doCmovccRm16(cpu: usize, pc: usize): usize { return cmovRm<i16>(cpu, pc); }
function doXchgRr8(cpu: usize, pc: usize): usize { return xchgRr<i8>(cpu, pc); }
function doXchgRr16(cpu: usize, pc: usize): usize { return xchgRr<i16>(cpu, pc); }
function doXchgRr32(cpu: usize, pc: usize): usize { return xchgRr<i32>(cpu, pc); }
function doXchgRr64(cpu: usize, pc: usize): usize { return xchgRr<i64>(cpu, pc); }
function doXchgMr8(cpu: usize, pc: usize): usize { return xchgMr<i8>(cpu, pc); }
function doXchgMr16(cpu: usize, pc: usize): usize { return xchgMr<i16>(cpu, pc); }
function doXchgMr32(cpu: usize, pc: usize): usize { return xchgMr<i32>(cpu, pc); }
function doXchgMr64(cpu: usize, pc: usize): usize { return xchgMr<i64>(cpu, pc); }
function doXaddRr8(cpu: usize, pc: usize): usize { return xaddRr<i8>(cpu, pc); }
function doXaddRr16(cpu: usize, pc: usize): usize { return xaddRr<i16>(cpu, pc); }
function doXaddRr32(cpu: usize, pc: usize): usize { return xaddRr<i32>(cpu, pc); }
function doXaddRr64(cpu: usize, pc: usize): usize { return xaddRr<i64>(cpu, pc); }
function doXaddMr8(cpu: usize, pc: usize): usize { return xaddMr<i8>(cpu, pc); }
function doXaddMr16(cpu: usize, pc: usize): usize { return xaddMr<i16>(cpu, pc); }
function doXaddMr32(cpu: usize, pc: usize): usize { return xaddMr<i32>(cpu, pc); }
function doXaddMr64(cpu: usize, pc: usize): usize { return xaddMr<i64>(cpu, pc); }
function doCmpxchgRr8(cpu: usize, pc: usize): usize { return cmpxchgRr<i8>(cpu, pc); }
function doCmpxchgRr16(cpu: usize, pc: usize): usize { return cmpxchgRr<i16>(cpu, pc); }
function doCmpxchgRr32(cpu: usize, pc: usize): usize { return cmpxchgRr<i32>(cpu, pc); }
function doCmpxchgRr64(cpu: usize, pc: usize): usize { return cmpxchgRr<i64>(cpu, pc); }
function doCmpxchgMr8(cpu: usize, pc: usize): usize { return cmpxchgMr<i8>(cpu, pc); }
function doCmpxchgMr16(cpu: usize, pc: usize): usize { return cmpxchgMr<i16>(cpu, pc); }
function doCmpxchgMr32(cpu: usize, pc: usize): usize { return cmpxchgMr<i32>(cpu, pc); }
function doCmpxchgMr64(cpu: usize, pc: usize): usize { return cmpxchgMr<i64>(cpu, pc); }
function doLockedR8(cpu: usize, pc: usize): usize { return lockedR<i8>(cpu, pc); }
function doLockedR16(cpu: usize, pc: usize): usize { return lockedR<i16>(cpu, pc); }
function doLockedR32(cpu: usize, pc: usize): usize { return lockedR<i32>(cpu, pc); }
function doLockedR64(cpu: usize, pc: usize): usize { return lockedR<i64>(cpu, pc); }
function doLockedI8(cpu: usize, pc: usize): usize { return lockedI<i8>(cpu, pc); }
function doLockedI16(cpu: usize, pc: usize): usize { return lockedI<i16>(cpu, pc); }
function doLockedI32(cpu: usize, pc: usize): usize { return lockedI<i32>(cpu, pc); }
function doLockedI64(cpu: usize, pc: usize): usize { return lockedI<i64>(cpu, pc); }
function doMovs8(cpu: usize, pc: usize): usize { return string<i8>(cpu, pc, MOVS); }
function doMovs16(cpu: usize, pc: usize): usize { return string<i16>(cpu, pc, MOVS); }
function doMovs32(cpu: usize, pc: usize): usize { return string<i32>(cpu, pc, MOVS); }
function doMovs64(cpu: usize, pc: usize): usize { return string<i64>(cpu, pc, MOVS); }
function doStos8(cpu: usize, pc: usize): usize { return string<i8>(cpu, pc, STOS); }
function doStos16(cpu: usize, pc: usize): usize { return string<i16>(cpu, pc, STOS); }
function doStos32(cpu: usize, pc: usize): usize { return string<i32>(cpu, pc, STOS); }
function doStos64(cpu: usize, pc: usize): usize { return string<i64>(cpu, pc, STOS); }
function doLods8(cpu: usize, pc: usize): usize { return string<i8>(cpu, pc, LODS); }
function doLods16(cpu: usize, pc: usize): usize { return string<i16>(cpu, pc, LODS); }
function doLods32(cpu: usize, pc: usize): usize { return string<i32>(cpu, pc, LODS); }
function doLods64(cpu: usize, pc: usize): usize { return string<i64>(cpu, pc, LODS); }
function doScas8(cpu: usize, pc: usize): usize { return string<i8>(cpu, pc, SCAS); }
function doScas16(cpu: usize, pc: usize): usize { return string<i16>(cpu, pc, SCAS); }
function doScas32(cpu: usize, pc: usize): usize { return string<i32>(cpu, pc, SCAS); }
function doScas64(cpu: usize, pc: usize): usize { return string<i64>(cpu, pc, SCAS); }
function doCmps8(cpu: usize, pc: usize): usize { return string<i8>(cpu, pc, CMPS); }
function doCmps16(cpu: usize, pc: usize): usize { return string<i16>(cpu, pc, CMPS); }
function doCmps32(cpu: usize, pc: usize): usize { return string<i32>(cpu, pc, CMPS); }
function doCmps64(cpu: usize, pc: usize): usize { return string<i64>(cpu, pc, CMPS); }
function doPushR16(cpu: usize, pc: usize): usize { return pushR<i16>(cpu, pc); }
function doPushI16(cpu: usize, pc: usize): usize { return pushI<i16>(cpu, pc); }
function doPushM16(cpu: usize, pc: usize): usize { return pushM<i16>(cpu, pc); }
function doPopR16(cpu: usize, pc: usize): usize { return popR<i16>(cpu, pc); }
function doPopM16(cpu: usize, pc: usize): usize { return popM<i16>(cpu, pc); }
function doPushM64(cpu: usize, pc: usize): usize { return pushM<i64>(cpu, pc); }
function doPopM64(cpu: usize, pc: usize): usize { return popM<i64>(cpu, pc); }
function doLoop32(cpu: usize, pc: usize): usize { return loop<i32>(cpu, pc, -1, false); }
function doLoope32(cpu: usize, pc: usize): usize { return loop<i32>(cpu, pc, 0, zero(cpu)); }
function doLoopne32(cpu: usize, pc: usize): usize { return loop<i32>(cpu, pc, 1, zero(cpu)); }
function doJcxz32(cpu: usize, pc: usize): usize { return jumpIfCountZero<i32>(cpu, pc); }
function doLoop64(cpu: usize, pc: usize): usize { return loop<i64>(cpu, pc, -1, false); }
function doLoope64(cpu: usize, pc: usize): usize { return loop<i64>(cpu, pc, 0, zero(cpu)); }
function doLoopne64(cpu: usize, pc: usize): usize { return loop<i64>(cpu, pc, 1, zero(cpu)); }
function doJcxz64(cpu: usize, pc: usize): usize { return jumpIfCountZero<i64>(cpu, pc); }

/** Executes the instruction of `pc`; returns the next record, `pc` for a string instruction with elements left, or 0. */
export function rare(cpu: usize, pc: usize, now: u64): usize {
  switch (opcodeOf(pc)) {
    case OP.ADD_RR8: return doAddRr8(cpu, pc);
    case OP.ADD_RR16: return doAddRr16(cpu, pc);
    case OP.ADD_RI8: return doAddRi8(cpu, pc);
    case OP.ADD_RI16: return doAddRi16(cpu, pc);
    case OP.ADD_RM8: return doAddRm8(cpu, pc);
    case OP.ADD_RM16: return doAddRm16(cpu, pc);
    case OP.ADD_MR8: return doAddMr8(cpu, pc);
    case OP.ADD_MR16: return doAddMr16(cpu, pc);
    case OP.ADD_MI8: return doAddMi8(cpu, pc);
    case OP.ADD_MI16: return doAddMi16(cpu, pc);
    case OP.OR_RR8: return doOrRr8(cpu, pc);
    case OP.OR_RR16: return doOrRr16(cpu, pc);
    case OP.OR_RI8: return doOrRi8(cpu, pc);
    case OP.OR_RI16: return doOrRi16(cpu, pc);
    case OP.OR_RM8: return doOrRm8(cpu, pc);
    case OP.OR_RM16: return doOrRm16(cpu, pc);
    case OP.OR_MR8: return doOrMr8(cpu, pc);
    case OP.OR_MR16: return doOrMr16(cpu, pc);
    case OP.OR_MI8: return doOrMi8(cpu, pc);
    case OP.OR_MI16: return doOrMi16(cpu, pc);
    case OP.ADC_RR8: return doAdcRr8(cpu, pc);
    case OP.ADC_RR16: return doAdcRr16(cpu, pc);
    case OP.ADC_RR32: return doAdcRr32(cpu, pc);
    case OP.ADC_RR64: return doAdcRr64(cpu, pc);
    case OP.ADC_RI8: return doAdcRi8(cpu, pc);
    case OP.ADC_RI16: return doAdcRi16(cpu, pc);
    case OP.ADC_RI32: return doAdcRi32(cpu, pc);
    case OP.ADC_RI64: return doAdcRi64(cpu, pc);
    case OP.ADC_RM8: return doAdcRm8(cpu, pc);
    case OP.ADC_RM16: return doAdcRm16(cpu, pc);
    case OP.ADC_RM32: return doAdcRm32(cpu, pc);
    case OP.ADC_RM64: return doAdcRm64(cpu, pc);
    case OP.ADC_MR8: return doAdcMr8(cpu, pc);
    case OP.ADC_MR16: return doAdcMr16(cpu, pc);
    case OP.ADC_MR32: return doAdcMr32(cpu, pc);
    case OP.ADC_MR64: return doAdcMr64(cpu, pc);
    case OP.ADC_MI8: return doAdcMi8(cpu, pc);
    case OP.ADC_MI16: return doAdcMi16(cpu, pc);
    case OP.ADC_MI32: return doAdcMi32(cpu, pc);
    case OP.ADC_MI64: return doAdcMi64(cpu, pc);
    case OP.SBB_RR8: return doSbbRr8(cpu, pc);
    case OP.SBB_RR16: return doSbbRr16(cpu, pc);
    case OP.SBB_RR32: return doSbbRr32(cpu, pc);
    case OP.SBB_RR64: return doSbbRr64(cpu, pc);
    case OP.SBB_RI8: return doSbbRi8(cpu, pc);
    case OP.SBB_RI16: return doSbbRi16(cpu, pc);
    case OP.SBB_RI32: return doSbbRi32(cpu, pc);
    case OP.SBB_RI64: return doSbbRi64(cpu, pc);
    case OP.SBB_RM8: return doSbbRm8(cpu, pc);
    case OP.SBB_RM16: return doSbbRm16(cpu, pc);
    case OP.SBB_RM32: return doSbbRm32(cpu, pc);
    case OP.SBB_RM64: return doSbbRm64(cpu, pc);
    case OP.SBB_MR8: return doSbbMr8(cpu, pc);
    case OP.SBB_MR16: return doSbbMr16(cpu, pc);
    case OP.SBB_MR32: return doSbbMr32(cpu, pc);
    case OP.SBB_MR64: return doSbbMr64(cpu, pc);
    case OP.SBB_MI8: return doSbbMi8(cpu, pc);
    case OP.SBB_MI16: return doSbbMi16(cpu, pc);
    case OP.SBB_MI32: return doSbbMi32(cpu, pc);
    case OP.SBB_MI64: return doSbbMi64(cpu, pc);
    case OP.AND_RR8: return doAndRr8(cpu, pc);
    case OP.AND_RR16: return doAndRr16(cpu, pc);
    case OP.AND_RI8: return doAndRi8(cpu, pc);
    case OP.AND_RI16: return doAndRi16(cpu, pc);
    case OP.AND_RM8: return doAndRm8(cpu, pc);
    case OP.AND_RM16: return doAndRm16(cpu, pc);
    case OP.AND_MR8: return doAndMr8(cpu, pc);
    case OP.AND_MR16: return doAndMr16(cpu, pc);
    case OP.AND_MI8: return doAndMi8(cpu, pc);
    case OP.AND_MI16: return doAndMi16(cpu, pc);
    case OP.SUB_RR8: return doSubRr8(cpu, pc);
    case OP.SUB_RR16: return doSubRr16(cpu, pc);
    case OP.SUB_RI8: return doSubRi8(cpu, pc);
    case OP.SUB_RI16: return doSubRi16(cpu, pc);
    case OP.SUB_RM8: return doSubRm8(cpu, pc);
    case OP.SUB_RM16: return doSubRm16(cpu, pc);
    case OP.SUB_MR8: return doSubMr8(cpu, pc);
    case OP.SUB_MR16: return doSubMr16(cpu, pc);
    case OP.SUB_MI8: return doSubMi8(cpu, pc);
    case OP.SUB_MI16: return doSubMi16(cpu, pc);
    case OP.XOR_RR8: return doXorRr8(cpu, pc);
    case OP.XOR_RR16: return doXorRr16(cpu, pc);
    case OP.XOR_RI8: return doXorRi8(cpu, pc);
    case OP.XOR_RI16: return doXorRi16(cpu, pc);
    case OP.XOR_RM8: return doXorRm8(cpu, pc);
    case OP.XOR_RM16: return doXorRm16(cpu, pc);
    case OP.XOR_MR8: return doXorMr8(cpu, pc);
    case OP.XOR_MR16: return doXorMr16(cpu, pc);
    case OP.XOR_MI8: return doXorMi8(cpu, pc);
    case OP.XOR_MI16: return doXorMi16(cpu, pc);
    case OP.CMP_RR16: return doCmpRr16(cpu, pc);
    case OP.CMP_RI16: return doCmpRi16(cpu, pc);
    case OP.CMP_RM16: return doCmpRm16(cpu, pc);
    case OP.CMP_MR16: return doCmpMr16(cpu, pc);
    case OP.CMP_MI16: return doCmpMi16(cpu, pc);
    case OP.TEST_RR16: return doTestRr16(cpu, pc);
    case OP.TEST_RI16: return doTestRi16(cpu, pc);
    case OP.TEST_MR16: return doTestMr16(cpu, pc);
    case OP.TEST_MI16: return doTestMi16(cpu, pc);
    case OP.INC_R8: return doIncR8(cpu, pc);
    case OP.INC_R16: return doIncR16(cpu, pc);
    case OP.INC_M8: return doIncM8(cpu, pc);
    case OP.INC_M16: return doIncM16(cpu, pc);
    case OP.DEC_R8: return doDecR8(cpu, pc);
    case OP.DEC_R16: return doDecR16(cpu, pc);
    case OP.DEC_M8: return doDecM8(cpu, pc);
    case OP.DEC_M16: return doDecM16(cpu, pc);
    case OP.NEG_R8: return doNegR8(cpu, pc);
    case OP.NEG_R16: return doNegR16(cpu, pc);
    case OP.NEG_M8: return doNegM8(cpu, pc);
    case OP.NEG_M16: return doNegM16(cpu, pc);
    case OP.NEG_M32: return doNegM32(cpu, pc);
    case OP.NEG_M64: return doNegM64(cpu, pc);
    case OP.NOT_R8: return doNotR8(cpu, pc);
    case OP.NOT_R16: return doNotR16(cpu, pc);
    case OP.NOT_M8: return doNotM8(cpu, pc);
    case OP.NOT_M16: return doNotM16(cpu, pc);
    case OP.NOT_M32: return doNotM32(cpu, pc);
    case OP.NOT_M64: return doNotM64(cpu, pc);
    case OP.MOV_RR16: return doMovRr16(cpu, pc);
    case OP.MOV_RI16: return doMovRi16(cpu, pc);
    case OP.MOVZX_RR16_8: return doMovzxRr168(cpu, pc);
    case OP.MOVSX_RR16_8: return doMovsxRr168(cpu, pc);
    case OP.MOVZX_RM16_8: return doMovzxRm168(cpu, pc);
    case OP.MOVSX_RM16_8: return doMovsxRm168(cpu, pc);
    case OP.LEA_RM16: return doLeaRm16(cpu, pc);
    case OP.SHL_RI8: return doShlRi8(cpu, pc);
    case OP.SHL_RI16: return doShlRi16(cpu, pc);
    case OP.SHL_RC8: return doShlRc8(cpu, pc);
    case OP.SHL_RC16: return doShlRc16(cpu, pc);
    case OP.SHL_MI8: return doShlMi8(cpu, pc);
    case OP.SHL_MI16: return doShlMi16(cpu, pc);
    case OP.SHL_MI32: return doShlMi32(cpu, pc);
    case OP.SHL_MI64: return doShlMi64(cpu, pc);
    case OP.SHL_MC8: return doShlMc8(cpu, pc);
    case OP.SHL_MC16: return doShlMc16(cpu, pc);
    case OP.SHL_MC32: return doShlMc32(cpu, pc);
    case OP.SHL_MC64: return doShlMc64(cpu, pc);
    case OP.SHR_RI8: return doShrRi8(cpu, pc);
    case OP.SHR_RI16: return doShrRi16(cpu, pc);
    case OP.SHR_RC8: return doShrRc8(cpu, pc);
    case OP.SHR_RC16: return doShrRc16(cpu, pc);
    case OP.SHR_MI8: return doShrMi8(cpu, pc);
    case OP.SHR_MI16: return doShrMi16(cpu, pc);
    case OP.SHR_MI32: return doShrMi32(cpu, pc);
    case OP.SHR_MI64: return doShrMi64(cpu, pc);
    case OP.SHR_MC8: return doShrMc8(cpu, pc);
    case OP.SHR_MC16: return doShrMc16(cpu, pc);
    case OP.SHR_MC32: return doShrMc32(cpu, pc);
    case OP.SHR_MC64: return doShrMc64(cpu, pc);
    case OP.SAR_RI8: return doSarRi8(cpu, pc);
    case OP.SAR_RI16: return doSarRi16(cpu, pc);
    case OP.SAR_RC8: return doSarRc8(cpu, pc);
    case OP.SAR_RC16: return doSarRc16(cpu, pc);
    case OP.SAR_MI8: return doSarMi8(cpu, pc);
    case OP.SAR_MI16: return doSarMi16(cpu, pc);
    case OP.SAR_MI32: return doSarMi32(cpu, pc);
    case OP.SAR_MI64: return doSarMi64(cpu, pc);
    case OP.SAR_MC8: return doSarMc8(cpu, pc);
    case OP.SAR_MC16: return doSarMc16(cpu, pc);
    case OP.SAR_MC32: return doSarMc32(cpu, pc);
    case OP.SAR_MC64: return doSarMc64(cpu, pc);
    case OP.ROL_RI8: return doRolRi8(cpu, pc);
    case OP.ROL_RI16: return doRolRi16(cpu, pc);
    case OP.ROL_RI32: return doRolRi32(cpu, pc);
    case OP.ROL_RI64: return doRolRi64(cpu, pc);
    case OP.ROL_RC8: return doRolRc8(cpu, pc);
    case OP.ROL_RC16: return doRolRc16(cpu, pc);
    case OP.ROL_RC32: return doRolRc32(cpu, pc);
    case OP.ROL_RC64: return doRolRc64(cpu, pc);
    case OP.ROL_MI8: return doRolMi8(cpu, pc);
    case OP.ROL_MI16: return doRolMi16(cpu, pc);
    case OP.ROL_MI32: return doRolMi32(cpu, pc);
    case OP.ROL_MI64: return doRolMi64(cpu, pc);
    case OP.ROL_MC8: return doRolMc8(cpu, pc);
    case OP.ROL_MC16: return doRolMc16(cpu, pc);
    case OP.ROL_MC32: return doRolMc32(cpu, pc);
    case OP.ROL_MC64: return doRolMc64(cpu, pc);
    case OP.ROR_RI8: return doRorRi8(cpu, pc);
    case OP.ROR_RI16: return doRorRi16(cpu, pc);
    case OP.ROR_RI32: return doRorRi32(cpu, pc);
    case OP.ROR_RI64: return doRorRi64(cpu, pc);
    case OP.ROR_RC8: return doRorRc8(cpu, pc);
    case OP.ROR_RC16: return doRorRc16(cpu, pc);
    case OP.ROR_RC32: return doRorRc32(cpu, pc);
    case OP.ROR_RC64: return doRorRc64(cpu, pc);
    case OP.ROR_MI8: return doRorMi8(cpu, pc);
    case OP.ROR_MI16: return doRorMi16(cpu, pc);
    case OP.ROR_MI32: return doRorMi32(cpu, pc);
    case OP.ROR_MI64: return doRorMi64(cpu, pc);
    case OP.ROR_MC8: return doRorMc8(cpu, pc);
    case OP.ROR_MC16: return doRorMc16(cpu, pc);
    case OP.ROR_MC32: return doRorMc32(cpu, pc);
    case OP.ROR_MC64: return doRorMc64(cpu, pc);
    case OP.RCL_RI8: return doRclRi8(cpu, pc);
    case OP.RCL_RI16: return doRclRi16(cpu, pc);
    case OP.RCL_RI32: return doRclRi32(cpu, pc);
    case OP.RCL_RI64: return doRclRi64(cpu, pc);
    case OP.RCL_RC8: return doRclRc8(cpu, pc);
    case OP.RCL_RC16: return doRclRc16(cpu, pc);
    case OP.RCL_RC32: return doRclRc32(cpu, pc);
    case OP.RCL_RC64: return doRclRc64(cpu, pc);
    case OP.RCL_MI8: return doRclMi8(cpu, pc);
    case OP.RCL_MI16: return doRclMi16(cpu, pc);
    case OP.RCL_MI32: return doRclMi32(cpu, pc);
    case OP.RCL_MI64: return doRclMi64(cpu, pc);
    case OP.RCL_MC8: return doRclMc8(cpu, pc);
    case OP.RCL_MC16: return doRclMc16(cpu, pc);
    case OP.RCL_MC32: return doRclMc32(cpu, pc);
    case OP.RCL_MC64: return doRclMc64(cpu, pc);
    case OP.RCR_RI8: return doRcrRi8(cpu, pc);
    case OP.RCR_RI16: return doRcrRi16(cpu, pc);
    case OP.RCR_RI32: return doRcrRi32(cpu, pc);
    case OP.RCR_RI64: return doRcrRi64(cpu, pc);
    case OP.RCR_RC8: return doRcrRc8(cpu, pc);
    case OP.RCR_RC16: return doRcrRc16(cpu, pc);
    case OP.RCR_RC32: return doRcrRc32(cpu, pc);
    case OP.RCR_RC64: return doRcrRc64(cpu, pc);
    case OP.RCR_MI8: return doRcrMi8(cpu, pc);
    case OP.RCR_MI16: return doRcrMi16(cpu, pc);
    case OP.RCR_MI32: return doRcrMi32(cpu, pc);
    case OP.RCR_MI64: return doRcrMi64(cpu, pc);
    case OP.RCR_MC8: return doRcrMc8(cpu, pc);
    case OP.RCR_MC16: return doRcrMc16(cpu, pc);
    case OP.RCR_MC32: return doRcrMc32(cpu, pc);
    case OP.RCR_MC64: return doRcrMc64(cpu, pc);
    case OP.SHLD_RRI16: return doShldRri16(cpu, pc);
    case OP.SHLD_RRI32: return doShldRri32(cpu, pc);
    case OP.SHLD_RRI64: return doShldRri64(cpu, pc);
    case OP.SHLD_RRC16: return doShldRrc16(cpu, pc);
    case OP.SHLD_RRC32: return doShldRrc32(cpu, pc);
    case OP.SHLD_RRC64: return doShldRrc64(cpu, pc);
    case OP.SHLD_MRI16: return doShldMri16(cpu, pc);
    case OP.SHLD_MRI32: return doShldMri32(cpu, pc);
    case OP.SHLD_MRI64: return doShldMri64(cpu, pc);
    case OP.SHLD_MRC16: return doShldMrc16(cpu, pc);
    case OP.SHLD_MRC32: return doShldMrc32(cpu, pc);
    case OP.SHLD_MRC64: return doShldMrc64(cpu, pc);
    case OP.SHRD_RRI16: return doShrdRri16(cpu, pc);
    case OP.SHRD_RRI32: return doShrdRri32(cpu, pc);
    case OP.SHRD_RRI64: return doShrdRri64(cpu, pc);
    case OP.SHRD_RRC16: return doShrdRrc16(cpu, pc);
    case OP.SHRD_RRC32: return doShrdRrc32(cpu, pc);
    case OP.SHRD_RRC64: return doShrdRrc64(cpu, pc);
    case OP.SHRD_MRI16: return doShrdMri16(cpu, pc);
    case OP.SHRD_MRI32: return doShrdMri32(cpu, pc);
    case OP.SHRD_MRI64: return doShrdMri64(cpu, pc);
    case OP.SHRD_MRC16: return doShrdMrc16(cpu, pc);
    case OP.SHRD_MRC32: return doShrdMrc32(cpu, pc);
    case OP.SHRD_MRC64: return doShrdMrc64(cpu, pc);
    case OP.IMUL_RR16: return doImulRr16(cpu, pc);
    case OP.IMUL_RM16: return doImulRm16(cpu, pc);
    case OP.IMUL_RRI16: return doImulRri16(cpu, pc);
    case OP.IMUL_RMI16: return doImulRmi16(cpu, pc);
    case OP.IMUL_RMI32: return doImulRmi32(cpu, pc);
    case OP.IMUL_RMI64: return doImulRmi64(cpu, pc);
    case OP.MUL_R8: return doMulR8(cpu, pc);
    case OP.MUL_R16: return doMulR16(cpu, pc);
    case OP.MUL_R32: return doMulR32(cpu, pc);
    case OP.MUL_R64: return doMulR64(cpu, pc);
    case OP.MUL_M8: return doMulM8(cpu, pc);
    case OP.MUL_M16: return doMulM16(cpu, pc);
    case OP.MUL_M32: return doMulM32(cpu, pc);
    case OP.MUL_M64: return doMulM64(cpu, pc);
    case OP.IMUL_R8: return doImulR8(cpu, pc);
    case OP.IMUL_R16: return doImulR16(cpu, pc);
    case OP.IMUL_R32: return doImulR32(cpu, pc);
    case OP.IMUL_R64: return doImulR64(cpu, pc);
    case OP.IMUL_M8: return doImulM8(cpu, pc);
    case OP.IMUL_M16: return doImulM16(cpu, pc);
    case OP.IMUL_M32: return doImulM32(cpu, pc);
    case OP.IMUL_M64: return doImulM64(cpu, pc);
    case OP.DIV_R8: return doDivR8(cpu, pc);
    case OP.DIV_R16: return doDivR16(cpu, pc);
    case OP.DIV_R32: return doDivR32(cpu, pc);
    case OP.DIV_R64: return doDivR64(cpu, pc);
    case OP.DIV_M8: return doDivM8(cpu, pc);
    case OP.DIV_M16: return doDivM16(cpu, pc);
    case OP.DIV_M32: return doDivM32(cpu, pc);
    case OP.DIV_M64: return doDivM64(cpu, pc);
    case OP.IDIV_R8: return doIdivR8(cpu, pc);
    case OP.IDIV_R16: return doIdivR16(cpu, pc);
    case OP.IDIV_R32: return doIdivR32(cpu, pc);
    case OP.IDIV_R64: return doIdivR64(cpu, pc);
    case OP.IDIV_M8: return doIdivM8(cpu, pc);
    case OP.IDIV_M16: return doIdivM16(cpu, pc);
    case OP.IDIV_M32: return doIdivM32(cpu, pc);
    case OP.IDIV_M64: return doIdivM64(cpu, pc);
    case OP.MULX_RRR32: return doMulxRrr32(cpu, pc);
    case OP.MULX_RRR64: return doMulxRrr64(cpu, pc);
    case OP.MULX_RRM32: return doMulxRrm32(cpu, pc);
    case OP.MULX_RRM64: return doMulxRrm64(cpu, pc);
    case OP.BT_RR16: return doBtRr16(cpu, pc);
    case OP.BT_RR32: return doBtRr32(cpu, pc);
    case OP.BT_RR64: return doBtRr64(cpu, pc);
    case OP.BT_RI16: return doBtRi16(cpu, pc);
    case OP.BT_RI32: return doBtRi32(cpu, pc);
    case OP.BT_RI64: return doBtRi64(cpu, pc);
    case OP.BT_MR16: return doBtMr16(cpu, pc);
    case OP.BT_MR32: return doBtMr32(cpu, pc);
    case OP.BT_MR64: return doBtMr64(cpu, pc);
    case OP.BT_MI16: return doBtMi16(cpu, pc);
    case OP.BT_MI32: return doBtMi32(cpu, pc);
    case OP.BT_MI64: return doBtMi64(cpu, pc);
    case OP.BTS_RR16: return doBtsRr16(cpu, pc);
    case OP.BTS_RR32: return doBtsRr32(cpu, pc);
    case OP.BTS_RR64: return doBtsRr64(cpu, pc);
    case OP.BTS_RI16: return doBtsRi16(cpu, pc);
    case OP.BTS_RI32: return doBtsRi32(cpu, pc);
    case OP.BTS_RI64: return doBtsRi64(cpu, pc);
    case OP.BTS_MR16: return doBtsMr16(cpu, pc);
    case OP.BTS_MR32: return doBtsMr32(cpu, pc);
    case OP.BTS_MR64: return doBtsMr64(cpu, pc);
    case OP.BTS_MI16: return doBtsMi16(cpu, pc);
    case OP.BTS_MI32: return doBtsMi32(cpu, pc);
    case OP.BTS_MI64: return doBtsMi64(cpu, pc);
    case OP.BTR_RR16: return doBtrRr16(cpu, pc);
    case OP.BTR_RR32: return doBtrRr32(cpu, pc);
    case OP.BTR_RR64: return doBtrRr64(cpu, pc);
    case OP.BTR_RI16: return doBtrRi16(cpu, pc);
    case OP.BTR_RI32: return doBtrRi32(cpu, pc);
    case OP.BTR_RI64: return doBtrRi64(cpu, pc);
    case OP.BTR_MR16: return doBtrMr16(cpu, pc);
    case OP.BTR_MR32: return doBtrMr32(cpu, pc);
    case OP.BTR_MR64: return doBtrMr64(cpu, pc);
    case OP.BTR_MI16: return doBtrMi16(cpu, pc);
    case OP.BTR_MI32: return doBtrMi32(cpu, pc);
    case OP.BTR_MI64: return doBtrMi64(cpu, pc);
    case OP.BTC_RR16: return doBtcRr16(cpu, pc);
    case OP.BTC_RR32: return doBtcRr32(cpu, pc);
    case OP.BTC_RR64: return doBtcRr64(cpu, pc);
    case OP.BTC_RI16: return doBtcRi16(cpu, pc);
    case OP.BTC_RI32: return doBtcRi32(cpu, pc);
    case OP.BTC_RI64: return doBtcRi64(cpu, pc);
    case OP.BTC_MR16: return doBtcMr16(cpu, pc);
    case OP.BTC_MR32: return doBtcMr32(cpu, pc);
    case OP.BTC_MR64: return doBtcMr64(cpu, pc);
    case OP.BTC_MI16: return doBtcMi16(cpu, pc);
    case OP.BTC_MI32: return doBtcMi32(cpu, pc);
    case OP.BTC_MI64: return doBtcMi64(cpu, pc);
    case OP.BSF_RR16: return doBsfRr16(cpu, pc);
    case OP.BSF_RR32: return doBsfRr32(cpu, pc);
    case OP.BSF_RR64: return doBsfRr64(cpu, pc);
    case OP.BSF_RM16: return doBsfRm16(cpu, pc);
    case OP.BSF_RM32: return doBsfRm32(cpu, pc);
    case OP.BSF_RM64: return doBsfRm64(cpu, pc);
    case OP.BSR_RR16: return doBsrRr16(cpu, pc);
    case OP.BSR_RR32: return doBsrRr32(cpu, pc);
    case OP.BSR_RR64: return doBsrRr64(cpu, pc);
    case OP.BSR_RM16: return doBsrRm16(cpu, pc);
    case OP.BSR_RM32: return doBsrRm32(cpu, pc);
    case OP.BSR_RM64: return doBsrRm64(cpu, pc);
    case OP.TZCNT_RR16: return doTzcntRr16(cpu, pc);
    case OP.TZCNT_RR32: return doTzcntRr32(cpu, pc);
    case OP.TZCNT_RR64: return doTzcntRr64(cpu, pc);
    case OP.TZCNT_RM16: return doTzcntRm16(cpu, pc);
    case OP.TZCNT_RM32: return doTzcntRm32(cpu, pc);
    case OP.TZCNT_RM64: return doTzcntRm64(cpu, pc);
    case OP.LZCNT_RR16: return doLzcntRr16(cpu, pc);
    case OP.LZCNT_RR32: return doLzcntRr32(cpu, pc);
    case OP.LZCNT_RR64: return doLzcntRr64(cpu, pc);
    case OP.LZCNT_RM16: return doLzcntRm16(cpu, pc);
    case OP.LZCNT_RM32: return doLzcntRm32(cpu, pc);
    case OP.LZCNT_RM64: return doLzcntRm64(cpu, pc);
    case OP.POPCNT_RR16: return doPopcntRr16(cpu, pc);
    case OP.POPCNT_RR32: return doPopcntRr32(cpu, pc);
    case OP.POPCNT_RR64: return doPopcntRr64(cpu, pc);
    case OP.POPCNT_RM16: return doPopcntRm16(cpu, pc);
    case OP.POPCNT_RM32: return doPopcntRm32(cpu, pc);
    case OP.POPCNT_RM64: return doPopcntRm64(cpu, pc);
    case OP.BLSI_RR32: return doBlsiRr32(cpu, pc);
    case OP.BLSI_RR64: return doBlsiRr64(cpu, pc);
    case OP.BLSI_RM32: return doBlsiRm32(cpu, pc);
    case OP.BLSI_RM64: return doBlsiRm64(cpu, pc);
    case OP.BLSMSK_RR32: return doBlsmskRr32(cpu, pc);
    case OP.BLSMSK_RR64: return doBlsmskRr64(cpu, pc);
    case OP.BLSMSK_RM32: return doBlsmskRm32(cpu, pc);
    case OP.BLSMSK_RM64: return doBlsmskRm64(cpu, pc);
    case OP.BLSR_RR32: return doBlsrRr32(cpu, pc);
    case OP.BLSR_RR64: return doBlsrRr64(cpu, pc);
    case OP.BLSR_RM32: return doBlsrRm32(cpu, pc);
    case OP.BLSR_RM64: return doBlsrRm64(cpu, pc);
    case OP.ADCX_RR32: return doAdcxRr32(cpu, pc);
    case OP.ADCX_RR64: return doAdcxRr64(cpu, pc);
    case OP.ADCX_RM32: return doAdcxRm32(cpu, pc);
    case OP.ADCX_RM64: return doAdcxRm64(cpu, pc);
    case OP.ADOX_RR32: return doAdoxRr32(cpu, pc);
    case OP.ADOX_RR64: return doAdoxRr64(cpu, pc);
    case OP.ADOX_RM32: return doAdoxRm32(cpu, pc);
    case OP.ADOX_RM64: return doAdoxRm64(cpu, pc);
    case OP.MOVBE_RM16: return doMovbeRm16(cpu, pc);
    case OP.MOVBE_MR16: return doMovbeMr16(cpu, pc);
    case OP.MOVBE_RM32: return doMovbeRm32(cpu, pc);
    case OP.MOVBE_MR32: return doMovbeMr32(cpu, pc);
    case OP.MOVBE_RM64: return doMovbeRm64(cpu, pc);
    case OP.MOVBE_MR64: return doMovbeMr64(cpu, pc);
    case OP.BSWAP_R32: return doBswapR32(cpu, pc);
    case OP.BSWAP_R64: return doBswapR64(cpu, pc);
    case OP.ANDN_RRR32: return doAndnRrr32(cpu, pc);
    case OP.ANDN_RRR64: return doAndnRrr64(cpu, pc);
    case OP.ANDN_RRM32: return doAndnRrm32(cpu, pc);
    case OP.ANDN_RRM64: return doAndnRrm64(cpu, pc);
    case OP.PDEP_RRR32: return doPdepRrr32(cpu, pc);
    case OP.PDEP_RRR64: return doPdepRrr64(cpu, pc);
    case OP.PDEP_RRM32: return doPdepRrm32(cpu, pc);
    case OP.PDEP_RRM64: return doPdepRrm64(cpu, pc);
    case OP.PEXT_RRR32: return doPextRrr32(cpu, pc);
    case OP.PEXT_RRR64: return doPextRrr64(cpu, pc);
    case OP.PEXT_RRM32: return doPextRrm32(cpu, pc);
    case OP.PEXT_RRM64: return doPextRrm64(cpu, pc);
    case OP.BEXTR_RRR32: return doBextrRrr32(cpu, pc);
    case OP.BEXTR_RRR64: return doBextrRrr64(cpu, pc);
    case OP.BEXTR_RMR32: return doBextrRmr32(cpu, pc);
    case OP.BEXTR_RMR64: return doBextrRmr64(cpu, pc);
    case OP.BZHI_RRR32: return doBzhiRrr32(cpu, pc);
    case OP.BZHI_RRR64: return doBzhiRrr64(cpu, pc);
    case OP.BZHI_RMR32: return doBzhiRmr32(cpu, pc);
    case OP.BZHI_RMR64: return doBzhiRmr64(cpu, pc);
    case OP.SARX_RRR32: return doSarxRrr32(cpu, pc);
    case OP.SARX_RRR64: return doSarxRrr64(cpu, pc);
    case OP.SARX_RMR32: return doSarxRmr32(cpu, pc);
    case OP.SARX_RMR64: return doSarxRmr64(cpu, pc);
    case OP.SHLX_RRR32: return doShlxRrr32(cpu, pc);
    case OP.SHLX_RRR64: return doShlxRrr64(cpu, pc);
    case OP.SHLX_RMR32: return doShlxRmr32(cpu, pc);
    case OP.SHLX_RMR64: return doShlxRmr64(cpu, pc);
    case OP.SHRX_RRR32: return doShrxRrr32(cpu, pc);
    case OP.SHRX_RRR64: return doShrxRrr64(cpu, pc);
    case OP.SHRX_RMR32: return doShrxRmr32(cpu, pc);
    case OP.SHRX_RMR64: return doShrxRmr64(cpu, pc);
    case OP.RORX_RRI32: return doRorxRri32(cpu, pc);
    case OP.RORX_RRI64: return doRorxRri64(cpu, pc);
    case OP.RORX_RMI32: return doRorxRmi32(cpu, pc);
    case OP.RORX_RMI64: return doRorxRmi64(cpu, pc);
    case OP.CRC32_RR_8: return doCrc32Rr8(cpu, pc);
    case OP.CRC32_RR_16: return doCrc32Rr16(cpu, pc);
    case OP.CRC32_RR_32: return doCrc32Rr32(cpu, pc);
    case OP.CRC32_RR_64: return doCrc32Rr64(cpu, pc);
    case OP.CRC32_RM_8: return doCrc32Rm8(cpu, pc);
    case OP.CRC32_RM_16: return doCrc32Rm16(cpu, pc);
    case OP.CRC32_RM_32: return doCrc32Rm32(cpu, pc);
    case OP.CRC32_RM_64: return doCrc32Rm64(cpu, pc);
    case OP.CMOVCC_RR16: return doCmovccRr16(cpu, pc);
    case OP.CMOVCC_RM16: return doCmovccRm16(cpu, pc);
    case OP.SETCC_M8: return setccM(cpu, pc);
    case OP.XCHG_RR8: return doXchgRr8(cpu, pc);
    case OP.XCHG_RR16: return doXchgRr16(cpu, pc);
    case OP.XCHG_RR32: return doXchgRr32(cpu, pc);
    case OP.XCHG_RR64: return doXchgRr64(cpu, pc);
    case OP.XCHG_MR8: return doXchgMr8(cpu, pc);
    case OP.XCHG_MR16: return doXchgMr16(cpu, pc);
    case OP.XCHG_MR32: return doXchgMr32(cpu, pc);
    case OP.XCHG_MR64: return doXchgMr64(cpu, pc);
    case OP.XADD_RR8: return doXaddRr8(cpu, pc);
    case OP.XADD_RR16: return doXaddRr16(cpu, pc);
    case OP.XADD_RR32: return doXaddRr32(cpu, pc);
    case OP.XADD_RR64: return doXaddRr64(cpu, pc);
    case OP.XADD_MR8: return doXaddMr8(cpu, pc);
    case OP.XADD_MR16: return doXaddMr16(cpu, pc);
    case OP.XADD_MR32: return doXaddMr32(cpu, pc);
    case OP.XADD_MR64: return doXaddMr64(cpu, pc);
    case OP.CMPXCHG_RR8: return doCmpxchgRr8(cpu, pc);
    case OP.CMPXCHG_RR16: return doCmpxchgRr16(cpu, pc);
    case OP.CMPXCHG_RR32: return doCmpxchgRr32(cpu, pc);
    case OP.CMPXCHG_RR64: return doCmpxchgRr64(cpu, pc);
    case OP.CMPXCHG_MR8: return doCmpxchgMr8(cpu, pc);
    case OP.CMPXCHG_MR16: return doCmpxchgMr16(cpu, pc);
    case OP.CMPXCHG_MR32: return doCmpxchgMr32(cpu, pc);
    case OP.CMPXCHG_MR64: return doCmpxchgMr64(cpu, pc);
    case OP.CMPXCHG8B_M64: return cmpxchg8b(cpu, pc);
    case OP.CMPXCHG16B_M128: return cmpxchg16b(cpu, pc);
    case OP.LOCKED_CMPXCHG8B_M64: return lockedCmpxchg8b(cpu, pc);
    case OP.LOCKED_CMPXCHG16B_M128: return lockedCmpxchg16b(cpu, pc);
    case OP.LOCKED_R8: return doLockedR8(cpu, pc);
    case OP.LOCKED_R16: return doLockedR16(cpu, pc);
    case OP.LOCKED_R32: return doLockedR32(cpu, pc);
    case OP.LOCKED_R64: return doLockedR64(cpu, pc);
    case OP.LOCKED_I8: return doLockedI8(cpu, pc);
    case OP.LOCKED_I16: return doLockedI16(cpu, pc);
    case OP.LOCKED_I32: return doLockedI32(cpu, pc);
    case OP.LOCKED_I64: return doLockedI64(cpu, pc);
    case OP.MOVS8: return doMovs8(cpu, pc);
    case OP.MOVS16: return doMovs16(cpu, pc);
    case OP.MOVS32: return doMovs32(cpu, pc);
    case OP.MOVS64: return doMovs64(cpu, pc);
    case OP.STOS8: return doStos8(cpu, pc);
    case OP.STOS16: return doStos16(cpu, pc);
    case OP.STOS32: return doStos32(cpu, pc);
    case OP.STOS64: return doStos64(cpu, pc);
    case OP.LODS8: return doLods8(cpu, pc);
    case OP.LODS16: return doLods16(cpu, pc);
    case OP.LODS32: return doLods32(cpu, pc);
    case OP.LODS64: return doLods64(cpu, pc);
    case OP.SCAS8: return doScas8(cpu, pc);
    case OP.SCAS16: return doScas16(cpu, pc);
    case OP.SCAS32: return doScas32(cpu, pc);
    case OP.SCAS64: return doScas64(cpu, pc);
    case OP.CMPS8: return doCmps8(cpu, pc);
    case OP.CMPS16: return doCmps16(cpu, pc);
    case OP.CMPS32: return doCmps32(cpu, pc);
    case OP.CMPS64: return doCmps64(cpu, pc);
    case OP.PUSH_R16: return doPushR16(cpu, pc);
    case OP.PUSH_I16: return doPushI16(cpu, pc);
    case OP.PUSH_M16: return doPushM16(cpu, pc);
    case OP.POP_R16: return doPopR16(cpu, pc);
    case OP.POP_M16: return doPopM16(cpu, pc);
    case OP.PUSH_M64: return doPushM64(cpu, pc);
    case OP.POP_M64: return doPopM64(cpu, pc);
    case OP.ENTER: return enter(cpu, pc);
    case OP.MFENCE: return mfence(cpu, pc);
    case OP.PUSHF64: return pushf(cpu, pc);
    case OP.PUSHF16: return pushf16(cpu, pc);
    case OP.POPF64: return popf(cpu, pc);
    case OP.POPF16: return popf16(cpu, pc);
    case OP.LAHF: return lahf(cpu, pc);
    case OP.SAHF: return sahf(cpu, pc);
    case OP.CMC: return cmc(cpu, pc);
    case OP.CLC: return clc(cpu, pc);
    case OP.STC: return stc(cpu, pc);
    case OP.CLD: return cld(cpu, pc);
    case OP.STD: return std(cpu, pc);
    case OP.CBW: return cbw(cpu, pc);
    case OP.CWDE: return cwde(cpu, pc);
    case OP.CDQE: return cdqe(cpu, pc);
    case OP.CWD: return cwd(cpu, pc);
    case OP.CDQ: return cdq(cpu, pc);
    case OP.CQO: return cqo(cpu, pc);
    case OP.XLATB: return xlat(cpu, pc);
    case OP.SLOW: return slow(cpu, pc);
    case OP.MARKER: return marker(cpu, pc);
    case OP.RDTSC: return rdtsc(cpu, pc, now);
    case OP.PAUSE: return pause(cpu, pc, now);
    case OP.LOOP32: return doLoop32(cpu, pc);
    case OP.LOOPE32: return doLoope32(cpu, pc);
    case OP.LOOPNE32: return doLoopne32(cpu, pc);
    case OP.JCXZ32: return doJcxz32(cpu, pc);
    case OP.LOOP64: return doLoop64(cpu, pc);
    case OP.LOOPE64: return doLoope64(cpu, pc);
    case OP.LOOPNE64: return doLoopne64(cpu, pc);
    case OP.JCXZ64: return doJcxz64(cpu, pc);
    case OP.PUSH_R32: return pushR32(cpu, pc);
    case OP.PUSH_I32: return pushI32(cpu, pc);
    case OP.PUSH_M32: return pushM32(cpu, pc);
    case OP.POP_R32: return popR32(cpu, pc);
    case OP.POP_M32: return popM32(cpu, pc);
    case OP.PUSHF32: return pushf32(cpu, pc);
    case OP.POPF32: return popf32(cpu, pc);
    case OP.LEAVE32: return leave32(cpu, pc);
    case OP.CALL_J32: return call32(cpu, pc);
    case OP.CALL_R32: return callR32(cpu, pc);
    case OP.CALL_M32: return callM32(cpu, pc);
    case OP.JMP_R32: return jmpR32(cpu, pc);
    case OP.JMP_M32: return jmpM32(cpu, pc);
    case OP.RET32: return ret32(cpu, pc);
    case OP.MOV_CR4: return movCr4(cpu, pc);
    case OP.CLI: return cli(cpu, pc);
    case OP.STI: return sti(cpu, pc);
    default: return slow(cpu, pc);
  }
}
