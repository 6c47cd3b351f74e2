import { Code, CodeExt, EncodingKind, Mnemonic, OpCodeOperandKind } from 'iced-x86';
import { codesWhere, operandKinds } from './encodings.js';

const CONDITIONS = ['o', 'no', 'b', 'ae', 'e', 'ne', 'be', 'a', 's', 'ns', 'p', 'np', 'l', 'ge', 'le', 'g'];

function conditional(prefix: string): string {
  return CONDITIONS.map((condition) => prefix + condition).join(' ');
}

/** Mnemonics by file of vectors. */
const MNEMONICS: Readonly<Record<string, string>> = {
  move: `Mov Movzx Movsx Movsxd Lea Xchg Bswap Movbe Cbw Cwde Cdqe Cwd Cdq Cqo Xlatb ${conditional('Cmov')} ${conditional('Set')}`,
  arithmetic: 'Add Or Adc Sbb And Sub Xor Cmp Test Inc Dec Neg Not Adcx Adox',
  exchange: 'Xadd Cmpxchg Cmpxchg8b Cmpxchg16b',
  shift: 'Rol Ror Rcl Rcr Shl Sal Shr Sar Shld Shrd Rorx Sarx Shlx Shrx',
  multiply: 'Mul Imul Div Idiv Mulx',
  bit: 'Bt Bts Btr Btc Bsf Bsr Tzcnt Lzcnt Popcnt Andn Bextr Blsi Blsr Blsmsk Bzhi Pdep Pext',
  branch: `${conditional('J')} Jmp Jrcxz Jecxz Loop Loope Loopne Call Ret`,
  stack:
    'Push Pop Pushf Pushfq Popf Popfq Enter Leave Lahf Sahf Clc Stc Cmc Cld Std Nop Pause Endbr64 Lfence Mfence Sfence',
  string:
    'Movsb Movsw Movsd Movsq Cmpsb Cmpsw Cmpsd Cmpsq Scasb Scasw Scasd Scasq Lodsb Lodsw Lodsd Lodsq Stosb Stosw Stosd Stosq',
};

const OPERANDS = new Set(
  [
    'r8_or_mem r16_or_mem r32_or_mem r64_or_mem r8_reg r16_reg r32_reg r64_reg r8_opcode r16_opcode r32_opcode r64_opcode',
    'r32_vvvv r64_vvvv al ax eax rax cl imm8 imm16 imm32 imm64 imm32sex64 imm8sex16 imm8sex32 imm8sex64 imm8_const_1',
    'mem mem_offs br64_1 br64_4 es_rDI seg_rSI seg_rBX_al',
  ]
    .join(' ')
    .split(' ')
    .map((name) => OpCodeOperandKind[name as keyof typeof OpCodeOperandKind]),
);

/**
 * Encodings whose outcome is not architectural, or that Intel and AMD execute differently: 16-bit operand size on near
 * branches, BSWAP of 16 bits. Far branches are system instructions.
 */
const EXCLUDED =
  /_m161?6|_m1632|_m1664|Bswap_r16|^(Call|Jmp)_rm16|^Ret(nw|f)|Retnw|Enter(w|d)|Leave(w|d)|KNC|Loop\w*_16|_CX$/;

/** All 64-bit encodings of a group. */
export function codesOf(group: string): Code[] {
  const mnemonics = new Set((MNEMONICS[group] ?? '').split(' '));
  return codesWhere((code) => isWanted(code, mnemonics));
}

function isWanted(code: Code, mnemonics: ReadonlySet<string>): boolean {
  const info = CodeExt.opCode(code);
  const wanted =
    mnemonics.has(Mnemonic[info.mnemonic]) &&
    info.mode64 &&
    info.encoding !== EncodingKind.XOP &&
    operandKinds(code).every((kind) => OPERANDS.has(kind)) &&
    !EXCLUDED.test(Code[code]);
  info.free();
  return wanted;
}

/** The encodings of a group whose name in iced-x86 matches. */
export function codesMatching(group: string, pattern: RegExp): Code[] {
  return codesOf(group).filter((code) => pattern.test(Code[code]));
}

export const GROUPS = Object.keys(MNEMONICS);
