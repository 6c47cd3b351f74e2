/**
 * Every instruction of the images of kvm-unit-tests, by the mnemonics that a disassembler lists for them (AT&T names, with
 * the size as a suffix), in the modes that they have them in: each is executed and must change what it is for, and
 * nothing else.
 */
import { describe, expect, it } from 'vitest';
import { assemble, OneInstruction, outcomeOf, type Bits } from './support/one-instruction.js';
import { CODE } from './support/legacy-machine.js';
import { PLAIN_MNEMONICS } from './support/plain-mnemonics.js';
import { SYSTEM_MNEMONICS } from './support/system-mnemonics.js';

/** Of the vmexit image: the frequent ones, and those that it has a few times. */
const VMEXIT = `movl movq callq pushq popq retq je endbr64 jne addq leaq jmp cmpq cmpl movzbl testq subq cmpb shlq movb testb
  testl jmpq leal andl addl orl jae shrq movzwl cpuid ja orq outl movslq leaveq subl jb jbe shll andq wrmsr outb movsbl
  sete setne movabsq xchgl movw inb rdmsr rdtsc`;
const VMEXIT_FEW = `divq idivq mulq imulq cqto cltq adcl sbbl bsrq btq btsl btrl cmova cmovae cmovb cmovbe cmove cmovne cmovg
  cmovns setcc negq notq sarq sarl shrl shrw incl decl xaddl lock-incl lock-decl lock-bts lock-xadd cld mfence pause ud2 sgdt
  strw sldtw pushfq lretq ljmpl iretq ltr lgdt lidt`;
/** What the apic image has besides. */
const APIC = 'btsq setbe setle';
/** What the vmx image has besides, and prefixes. */
const VMX = `vmwrite vmread vmcall vmptrld vmclear invept vmptrst invvpid vmlaunch vmxon vmxoff vmresume popfq xchgq lahf
  sahf invlpg fnop rdrand rdseed rdpid rdtscp rdpmc monitor mwait xbegin xend wrpkru lldt lcall int int1 int3 lfence cmovs
  lretl notrack-jmpq rep-stosl es-movl data16`;
/** What the images' way up and their tests execute besides. */
const PRIVILEGED = 'mov-cr mov-cr8 mov-dr mov-sreg sti hlt wbinvd invd sidt';

const LISTS = [VMEXIT, VMEXIT_FEW, APIC, VMX, PRIVILEGED].flatMap((list) => list.split(/\s+/));

describe('the mnemonics of the images', () => {
  const cases = PLAIN_MNEMONICS.flatMap(([mnemonic, modes, ...row]) =>
    modes.split(' ').map((bits) => [mnemonic, Number(bits) as Bits, ...row] as const),
  );
  it.each(cases)('%s in %i-bit code: %s %s, from { %s } to { %s }', (_, bits, encoding, operands, before, after) => {
    const fault = /fault=(\S+)/.exec(after)?.[1] ?? 'none';
    expect(outcomeOf(bits, encoding, operands, before, after)).toEqual({ fault });
  });

  const system = SYSTEM_MNEMONICS.flatMap(({ modes, ...row }) => modes.map((bits) => ({ bits, ...row })));
  it.each(system)('$name in $bits-bit code', ({ bits, code, before = '', arrange, read, wanted }) => {
    const bytes = typeof code === 'string' ? Buffer.from(code, 'hex') : assemble(bits, ...code, bits === 16 ? 0 : CODE);
    const one = new OneInstruction(bits, bytes).arrange(before);
    arrange?.(one);
    one.execute();
    expect([one.fault, read(one)]).toEqual(['none', wanted]);
  });

  it('are all here', () => {
    const known = new Set([...PLAIN_MNEMONICS.map(([name]) => name), ...SYSTEM_MNEMONICS.map(({ name }) => name)]);
    expect(LISTS.filter((name) => !known.has(name))).toEqual([]);
  });
});
