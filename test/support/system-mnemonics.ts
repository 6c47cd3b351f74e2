/** Instructions whose effect is not on registers and memory alone, by the mnemonic a disassembler gives them. */
import { VMCS_REVISION } from '../../src/hardware/vmx/capability.js';
import { VMCS_FIELD as F } from '../../src/hardware/vmx/vmcs-field.js';
import { ACCESS_READ } from '../../src/hardware/cpu/layout.js';
import { fillTlb, lookUpTlb } from '../../src/hardware/cpu/tlb.js';
import { ACTIVITY_HLT, ACTIVITY_MWAIT } from '../../src/hardware/cpu/activity.js';
import { CODE_32, CODE_64, GDT, STACK } from './legacy-machine.js';
import { DATA_OFFSET, type Bits, type OneInstruction } from './one-instruction.js';

/** One instruction: what it needs, and what is looked at afterwards. */
export interface SystemRow {
  readonly name: string;
  readonly modes: readonly Bits[];
  /** Encoding and operands, or bytes in hexadecimal. */
  readonly code: readonly [encoding: string, operands: string] | string;
  readonly before?: string;
  readonly arrange?: (one: OneInstruction) => void;
  readonly read: (one: OneInstruction) => unknown;
  readonly wanted: unknown;
}

const ALL: readonly Bits[] = [16, 32, 64];
const PROTECTED: readonly Bits[] = [32, 64];
const LONG: readonly Bits[] = [64];

const RBX = 3;
const STATUS_FLAGS = 0x8d5;
const VMXON_REGION = 0x1_2000;
const VMCS_REGION = 0x1_3000;
const LDT = 0x48;

const register =
  (number: number) =>
  ({ cpu }: OneInstruction): bigint =>
    cpu.gpr(number);
const rax = register(0);
const status = ({ cpu }: OneInstruction): number => cpu.rflags & STATUS_FLAGS;
const place = ({ cpu }: OneInstruction): readonly number[] => [cpu.segments[1].selector, cpu.rip];
const data64 = ({ machine }: OneInstruction, offset = 0): bigint =>
  machine.memory.view.getBigUint64(machine.memory.ram + DATA_OFFSET + offset, true);
const event = ({ cpu }: OneInstruction): readonly (number | undefined)[] => [cpu.injected?.type, cpu.injected?.vector];

/** Ports that keep what is written to them in R15 and give back their number and the width. */
function connectPorts({ cpu }: OneInstruction): void {
  cpu.ports = {
    read: (port, size) => port * 0x10 + size,
    write: (port, size, value) => {
      cpu.setGpr(15, BigInt(port * 0x100 + size * 0x10 + value));
    },
  };
}

/** VMX operation with a current VMCS. */
function enterVmxOperation({ cpu, machine }: OneInstruction): void {
  cpu.cr0 = (cpu.cr0 | 0x20) >>> 0;
  cpu.cr4 |= 1 << 13;
  for (const region of [VMXON_REGION, VMCS_REGION]) machine.memory.write32(region, VMCS_REVISION);
  cpu.vmx.vmxon(VMXON_REGION);
  cpu.vmx.vmclear(VMCS_REGION);
  cpu.vmx.vmptrld(VMCS_REGION);
}

function allowVmxOperation(one: OneInstruction): void {
  enterVmxOperation(one);
  one.cpu.vmx.vmxoff();
}

const inVmx = (name: string, rest: Omit<SystemRow, 'name' | 'modes'>): SystemRow => ({
  arrange: enterVmxOperation,
  ...rest,
  name,
  modes: LONG,
});

/** Flags after a VMX instruction that succeeds are all 0; after VMfailValid ZF is 1. */
const SUCCEEDED = 0;
const FAILED_VALID = 0x40;

const VMX_ROWS: readonly SystemRow[] = [
  inVmx('vmxon', {
    code: ['Vmxon_m64', '[b]'],
    before: '[DATA]:8=0x12000 flags=cz',
    arrange: allowVmxOperation,
    read: (one) => [status(one), one.cpu.vmx.inVmxOperation],
    wanted: [SUCCEEDED, true],
  }),
  inVmx('vmxoff', { code: ['Vmxoff', ''], read: ({ cpu }) => cpu.vmx.inVmxOperation, wanted: false }),
  inVmx('vmclear', {
    code: ['Vmclear_m64', '[b]'],
    before: '[DATA]:8=0x13000',
    read: ({ cpu }) => cpu.vmx.vmptrst(),
    wanted: -1,
  }),
  inVmx('vmptrld', {
    code: ['Vmptrld_m64', '[b]'],
    before: '[DATA]:8=0x12000',
    read: (one) => [status(one), one.cpu.vmx.vmread(F.VM_INSTRUCTION_ERROR)],
    wanted: [FAILED_VALID, 10],
  }),
  inVmx('vmptrst', { code: ['Vmptrst_m64', '[b]'], read: (one) => data64(one), wanted: BigInt(VMCS_REGION) }),
  inVmx('vmwrite', {
    code: ['Vmwrite_r64_rm64', 'rax, rcx'],
    before: `rax=${String(F.GUEST_RSP)} rcx=0x1122334455667788 flags=c`,
    read: (one) => [status(one), one.cpu.vmx.vmread64(F.GUEST_RSP)],
    wanted: [SUCCEEDED, 0x1122_3344_5566_7788n],
  }),
  inVmx('vmread', {
    code: ['Vmread_rm64_r64', '[b], rcx'],
    before: `rcx=${String(F.VMCS_LINK_POINTER)} [DATA]:8=5`,
    arrange: (one) => {
      enterVmxOperation(one);
      one.cpu.vmx.vmwrite(F.VMCS_LINK_POINTER, -1);
    },
    read: (one) => data64(one),
    wanted: 0xffff_ffff_ffff_ffffn,
  }),
  inVmx('vmread', {
    code: ['Vmread_rm64_r64', 'rax, rcx'],
    before: 'rax=7 rcx=0x7ffe',
    read: (one) => [status(one), rax(one), one.cpu.vmx.vmread(F.VM_INSTRUCTION_ERROR)],
    wanted: [FAILED_VALID, 7n, 12],
  }),
  inVmx('vmcall', {
    code: ['Vmcall', ''],
    read: (one) => [status(one), one.cpu.vmx.vmread(F.VM_INSTRUCTION_ERROR)],
    wanted: [FAILED_VALID, 1],
  }),
  inVmx('vmresume', {
    code: ['Vmresume', ''],
    read: (one) => [status(one), one.cpu.vmx.vmread(F.VM_INSTRUCTION_ERROR)],
    wanted: [FAILED_VALID, 5],
  }),
  inVmx('vmlaunch', {
    code: ['Vmlaunch', ''],
    read: (one) => [status(one), one.cpu.vmx.vmread(F.VM_INSTRUCTION_ERROR)],
    wanted: [FAILED_VALID, 7],
  }),
  inVmx('invept', { code: ['Invept_r64_m128', 'rax, [b]'], before: 'rax=2 flags=cz', read: status, wanted: SUCCEEDED }),
  inVmx('invvpid', {
    code: ['Invvpid_r64_m128', 'rax, [b]'],
    before: 'rax=1 [DATA]:8=0x10001',
    read: (one) => [status(one), one.cpu.vmx.vmread(F.VM_INSTRUCTION_ERROR)],
    wanted: [FAILED_VALID, 28],
  }),
];

const TABLES: readonly SystemRow[] = [
  {
    name: 'lgdt',
    modes: LONG,
    code: ['Lgdt_m1664', '[b]'],
    before: '[DATA]:2=0x7f [DATA+2]:8=0x123456789a',
    read: ({ cpu: { gdtr } }) => ({ base: gdtr.base, limit: gdtr.limit }),
    wanted: { base: 0x12_3456_789a, limit: 0x7f },
  },
  {
    name: 'lgdt',
    modes: [16, 32],
    code: ['Lgdt_m1632', '[b]'],
    before: '[DATA]:2=0x17 [DATA+2]:4=0x12345678',
    read: ({ cpu: { gdtr } }) => ({ base: gdtr.base, limit: gdtr.limit }),
    wanted: { base: 0x1234_5678, limit: 0x17 },
  },
  {
    name: 'lidt',
    modes: LONG,
    code: ['Lidt_m1664', '[b]'],
    before: '[DATA]:2=0xfff [DATA+2]:8=-4096',
    read: ({ cpu: { idtr } }) => ({ base: idtr.base, limit: idtr.limit }),
    wanted: { base: -4096, limit: 0xfff },
  },
  {
    name: 'sgdt',
    modes: LONG,
    code: ['Sgdt_m1664', '[b]'],
    before: '[DATA]:8=-1',
    read: (one) => data64(one),
    wanted: BigInt(GDT * 0x1_0000 + 0xff),
  },
  {
    name: 'sidt',
    modes: PROTECTED,
    code: '0f010b',
    read: (one) => data64(one),
    wanted: 0x2000_07ffn,
  },
  { name: 'strw', modes: PROTECTED, code: ['Str_rm16', '[b]'], read: (one) => data64(one), wanted: 0x40n },
  {
    name: 'sldtw',
    modes: PROTECTED,
    code: ['Sldt_rm16', '[b]'],
    arrange: ({ cpu }) => {
      cpu.segments[6].selector = LDT;
    },
    read: (one) => data64(one),
    wanted: BigInt(LDT),
  },
  {
    name: 'ltr',
    modes: PROTECTED,
    code: ['Ltr_rm16', 'cx'],
    before: 'rcx=0x40',
    arrange: ({ cpu }) => {
      cpu.segments[7].selector = 0;
    },
    // The descriptor is busy from now on.
    read: ({ cpu, machine }) => [cpu.segments[7].selector, machine.memory.read8(GDT + 0x45)],
    wanted: [0x40, 0x8b],
  },
  {
    name: 'lldt',
    modes: PROTECTED,
    code: ['Lldt_rm16', 'cx'],
    before: `rcx=${String(LDT)}`,
    arrange: ({ machine }) => {
      machine.memory.write64(GDT + LDT, 0x0000_8200_5000_001fn);
      machine.memory.write64(GDT + LDT + 8, 0n);
    },
    read: ({ cpu }) => [cpu.segments[6].base, cpu.segments[6].limit],
    wanted: [0x5000, 0x1f],
  },
  {
    name: 'mov-sreg',
    modes: PROTECTED,
    code: ['Mov_Sreg_r32m16', 'gs, ecx'],
    before: 'rcx=0x58',
    read: ({ cpu }) => [cpu.segments[5].selector, cpu.segmentBase(5)],
    wanted: [0x58, 0x1_0000],
  },
  {
    name: 'mov-sreg',
    modes: [16],
    code: ['Mov_Sreg_r32m16', 'es, ecx'],
    before: 'rcx=0x1234',
    read: ({ cpu }) => cpu.segmentBase(0),
    wanted: 0x1_2340,
  },
];

const TRANSFERS: readonly SystemRow[] = [
  {
    name: 'ljmpl',
    modes: [16, 32],
    code: ['Jmp_ptr1632', '0x08:0x8200'],
    arrange: ({ cpu }) => {
      Object.assign(cpu.gdtr, { base: GDT, limit: 0xff });
      cpu.cr0 |= 1;
    },
    read: place,
    wanted: [CODE_32, 0x8200],
  },
  {
    name: 'lretq',
    modes: LONG,
    code: ['Retfq', ''],
    before: `[STACK]:8=0x8200 [STACK+8]:8=${String(CODE_64)}`,
    read: (one) => [...place(one), one.cpu.gprLow(4)],
    wanted: [CODE_64, 0x8200, STACK + 16],
  },
  {
    name: 'lretl',
    modes: PROTECTED,
    code: ['Retfd', ''],
    before: `[STACK]:4=0x8200 [STACK+4]:4=${String(CODE_32)}`,
    read: (one) => [...place(one), one.cpu.gprLow(4)],
    wanted: [CODE_32, 0x8200, STACK + 8],
  },
  {
    name: 'lcall',
    modes: PROTECTED,
    code: ['Call_m1632', '[b]'],
    before: `[DATA]:4=0x8200 [DATA+4]:2=${String(CODE_32)}`,
    read: (one) => [...place(one), one.cpu.gprLow(4)],
    wanted: [CODE_32, 0x8200, STACK - 8],
  },
  {
    name: 'iretq',
    modes: LONG,
    code: ['Iretq', ''],
    before: `[STACK]:8=0x8200 [STACK+8]:8=${String(CODE_64)} [STACK+16]:8=0x203 [STACK+24]:8=0x6800 [STACK+32]:8=0x10`,
    read: (one) => [...place(one), one.cpu.gprLow(4), one.cpu.rflags],
    wanted: [CODE_64, 0x8200, 0x6800, 0x203],
  },
  // Type and vector of the event: software interrupt, software exception, privileged software exception.
  { name: 'int', modes: ALL, code: 'cd40', read: event, wanted: [4, 0x40] },
  { name: 'int3', modes: ALL, code: 'cc', read: event, wanted: [6, 3] },
  { name: 'int1', modes: ALL, code: 'f1', read: event, wanted: [5, 1] },
  { name: 'data16', modes: [32, 64], code: '66660f1f440000', read: ({ cpu }) => cpu.rip, wanted: 0x8007 },
];

const CONTROL: readonly SystemRow[] = [
  {
    name: 'mov-cr',
    modes: [16],
    code: ['Mov_cr_r32', 'cr0, eax'],
    before: 'rax=0x11',
    read: ({ cpu }) => cpu.cr0,
    wanted: 0x11,
  },
  { name: 'mov-cr', modes: [16, 32], code: ['Mov_r32_cr', 'eax, cr0'], read: (one) => rax(one) & 0x10n, wanted: 0x10n },
  {
    name: 'mov-cr',
    modes: LONG,
    code: ['Mov_cr_r64', 'cr4, rax'],
    before: 'rax=0xa0',
    read: ({ cpu }) => cpu.cr4,
    wanted: 0xa0,
  },
  {
    name: 'mov-cr8',
    modes: LONG,
    code: ['Mov_cr_r64', 'cr8, rax'],
    before: 'rax=9',
    read: ({ cpu }) => cpu.apic.readRegister(0x80),
    wanted: 0x90,
  },
  {
    name: 'mov-dr',
    modes: LONG,
    code: ['Mov_dr_r64', 'dr7, rax'],
    before: 'rax=0x400',
    read: ({ cpu }) => cpu.dr.control,
    wanted: 0x400,
  },
  {
    name: 'sti',
    modes: ALL,
    code: ['Sti', ''],
    read: ({ cpu }) => [cpu.interruptsEnabled, cpu.shadow],
    wanted: [true, 1],
  },
  { name: 'hlt', modes: ALL, code: ['Hlt', ''], read: ({ cpu }) => cpu.activity, wanted: ACTIVITY_HLT },
  { name: 'wbinvd', modes: ALL, code: ['Wbinvd', ''], read: ({ cpu }) => cpu.faulting, wanted: false },
  { name: 'invd', modes: ALL, code: ['Invd', ''], read: ({ cpu }) => cpu.faulting, wanted: false },
  {
    name: 'invlpg',
    modes: PROTECTED,
    code: ['Invlpg_m', '[b]'],
    arrange: ({ cpu }) => {
      fillTlb(cpu, cpu.gprNumber(RBX), ACCESS_READ);
      if (lookUpTlb(cpu, cpu.gprNumber(RBX), false) < 0) throw new Error('there is nothing to invalidate');
    },
    read: ({ cpu }) => lookUpTlb(cpu, cpu.gprNumber(RBX), false),
    wanted: -1,
  },
  {
    name: 'wrmsr',
    modes: PROTECTED,
    code: ['Wrmsr', ''],
    before: 'rcx=0xc0000102 rax=0x12345000 rdx=0xffff8000',
    read: ({ cpu }) => cpu.msrs.kernelGsBase,
    wanted: -0x7fff_edcb_b000,
  },
  {
    name: 'rdmsr',
    modes: ALL,
    code: ['Rdmsr', ''],
    before: 'rcx=0x1b rax=-1 rdx=-1',
    read: (one) => [rax(one), register(2)(one)],
    wanted: [0xfee0_0900n, 0n],
  },
  {
    name: 'cpuid',
    modes: ALL,
    code: ['Cpuid', ''],
    before: 'rax=-1 rcx=-1 rbx=-1 rdx=-1',
    arrange: ({ cpu }) => {
      cpu.setGpr(0, 0n);
    },
    read: (one) => [3, 2, 1].map((number) => register(number)(one)),
    wanted: [0x756e_6547n, 0x4965_6e69n, 0x6c65_746en],
  },
  {
    name: 'outl',
    modes: ALL,
    code: ['Out_DX_EAX', 'dx, eax'],
    before: 'rdx=0xf4 rax=7',
    arrange: connectPorts,
    read: register(15),
    wanted: 0xf447n,
  },
  {
    name: 'outb',
    modes: ALL,
    code: ['Out_DX_AL', 'dx, al'],
    before: 'rdx=0x3f8 rax=0x107',
    arrange: connectPorts,
    read: register(15),
    wanted: 0x3_f817n,
  },
  {
    name: 'inb',
    modes: ALL,
    code: ['In_AL_DX', 'al, dx'],
    before: 'rdx=0x3f rax=0x1200',
    arrange: connectPorts,
    read: rax,
    wanted: 0x12f1n,
  },
  {
    name: 'rdtsc',
    modes: ALL,
    code: ['Rdtsc', ''],
    before: 'rax=-1 rdx=-1',
    read: (one) => [Number(rax(one)) <= one.cpu.tsc, register(2)(one)],
    wanted: [true, 0n],
  },
  {
    name: 'rdtscp',
    modes: ALL,
    code: ['Rdtscp', ''],
    arrange: ({ cpu }) => {
      cpu.msrs.tscAux = 7;
    },
    read: register(1),
    wanted: 7n,
  },
  {
    name: 'rdpid',
    modes: LONG,
    code: ['Rdpid_r64', 'rax'],
    before: 'rax=-1',
    arrange: ({ cpu }) => {
      cpu.msrs.tscAux = 9;
    },
    read: rax,
    wanted: 9n,
  },
  ...['Rdrand', 'Rdseed'].map((name) => ({
    name: name.toLowerCase(),
    modes: LONG,
    code: [`${name}_r64`, 'rax'] as const,
    before: 'flags=pazso',
    // Neither zero nor all in one half.
    read: (one: OneInstruction) => [status(one), rax(one) >> 32n !== 0n, (rax(one) & 0xffff_ffffn) !== 0n],
    wanted: [1, true, true],
  })),
  {
    name: 'monitor',
    modes: PROTECTED,
    code: '0f01c8',
    before: 'rax=0x6048',
    read: ({ cpu }) => cpu.monitoredLine,
    wanted: 0x6040,
  },
  {
    name: 'mwait',
    modes: PROTECTED,
    code: ['Mwait', ''],
    arrange: ({ cpu }) => {
      cpu.monitoredLine = DATA_OFFSET;
    },
    read: ({ cpu }) => cpu.activity,
    wanted: ACTIVITY_MWAIT,
  },
];

export const SYSTEM_MNEMONICS: readonly SystemRow[] = [...VMX_ROWS, ...TABLES, ...TRANSFERS, ...CONTROL];
