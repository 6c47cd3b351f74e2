/**
 * One instruction on a CPU of its own, in real-address mode (16 bits), flat protected mode (32) or 64-bit mode: encoded by
 * iced-x86, executed, and held against what it should have changed; all else must be as it was.
 */
import { Code, Encoder, Instruction, MemoryOperand, Register, RepPrefixKind } from 'iced-x86';
import { handleStop } from '../../src/hardware/cpu/stops.js';
import type { Cpu } from '../../src/hardware/cpu/cpu.js';
import { CODE, LegacyMachine, STACK } from './legacy-machine.js';

export type Bits = 16 | 32 | 64;

/** Offset in DS of `[b]`: 16 bits reach it. */
export const DATA_OFFSET = 0x6000;
export const INITIAL_FLAGS = 2;

const RBX = 3;
const FLAG_BITS = { c: 1, p: 4, a: 0x10, z: 0x40, s: 0x80, o: 0x800, d: 0x400, i: 0x200 } as const;
const REGISTER_NAMES = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'].concat(
  Array.from({ length: 8 }, (_, number) => `r${String(number + 8)}`),
);
const ADDRESS_REGISTER = { 16: Register.BX, 32: Register.EBX, 64: Register.RBX } as const;

type Encodings = Readonly<Record<string, Code | undefined>>;
type Registers = Readonly<Record<string, Register | undefined>>;
type Create = (code: Code, ...operands: unknown[]) => Instruction;

/** An operand as text: a register, `[b+8]`, `gs:[b]`, or a number. Its letters in the names of iced-x86's constructors. */
function parseOperand(text: string, bits: Bits): { letters: string; value: unknown } {
  const memory = /^(?:(\w\w):)?\[b(?:\+(\d+))?\]$/.exec(text);
  if (memory !== null) {
    const segmentName = memory.at(1);
    const segment = segmentName === undefined ? Register.None : registerNamed(segmentName);
    const displacement = BigInt(memory.at(2) ?? 0);
    const size = displacement === 0n ? 0 : 1;
    const base = ADDRESS_REGISTER[bits];
    return { letters: 'Mem', value: new MemoryOperand(base, Register.None, 1, displacement, size, false, segment) };
  }
  if (/^[-\d]/.test(text)) return { letters: 'I32', value: Number(text) };
  return { letters: 'Reg', value: registerNamed(text) };
}

function registerNamed(name: string): Register {
  const register = (Register as unknown as Registers)[name.toUpperCase()];
  if (register === undefined) throw new RangeError(`no register is called ${name}`);
  return register;
}

/** What `encoding` (an iced-x86 `Code`, `@` standing for `bits`) with these operands is in machine code. */
export function assemble(bits: Bits, encoding: string, operands: string, at = CODE): Uint8Array {
  const [name, prefix] = encoding.replace('@', String(bits)).split(' ').reverse();
  const code = (Code as unknown as Encodings)[name];
  if (code === undefined) throw new RangeError(`no encoding is called ${name}`);
  const instruction = create(code, operands, bits, at);
  if (prefix === 'lock') instruction.hasLockPrefix = true;
  if (prefix === 'rep') instruction.hasRepPrefix = true;
  if (prefix === 'notrack') instruction.segmentPrefix = Register.DS;
  const encoder = new Encoder(bits);
  encoder.encode(instruction, BigInt(at));
  const bytes = encoder.takeBuffer();
  instruction.free();
  encoder.free();
  return bytes;
}

function create(code: Code, operands: string, bits: Bits, at: number): Instruction {
  if (code === Code.Stosd_m32_EAX) return Instruction.createStosd(bits, RepPrefixKind.None);
  if (operands.startsWith('+')) {
    const target = BigInt(at + Number(operands));
    return Code[code].startsWith('Xbegin')
      ? Instruction.createXbegin(bits, target)
      : Instruction.createBranch(code, target);
  }
  const far = /^(\w+):(\w+)$/.exec(operands);
  if (far !== null && operands.startsWith('0x'))
    return Instruction.createFarBranch(code, Number(far[1]), Number(far[2]));
  const parsed = operands === '' ? [] : operands.split(', ').map((operand) => parseOperand(operand, bits));
  const constructor = `create${parsed.map(({ letters }) => letters).join('')}`;
  const make = (Instruction as unknown as Record<string, Create>)[constructor];
  return make(code, ...parsed.map(({ value }) => value));
}

/** Values by name: a register, `rip`, `flags`, or `[place]:bytes` in memory. */
type Values = ReadonlyMap<string, string>;

function parseValues(text: string): Values {
  const pairs = text.split(/\s+/).filter((pair) => pair !== '');
  return new Map(pairs.map((pair) => pair.split('=') as [string, string]));
}

/** To build a machine takes longer than anything that is done with it here: all instructions share one. */
let shared: LegacyMachine | null = null;

function freshMachine(): LegacyMachine {
  shared ??= new LegacyMachine();
  shared.reset();
  return shared;
}

export class OneInstruction {
  readonly machine: LegacyMachine = freshMachine();
  readonly bits: Bits;
  readonly code: Uint8Array;
  readonly #start: number;

  constructor(bits: Bits, code: Uint8Array) {
    this.bits = bits;
    this.code = code;
    const hex = Buffer.from(code).toString('hex').replaceAll(/../g, '$& ');
    if (bits === 16) this.machine.inRealMode(hex);
    else if (bits === 32) this.machine.inProtectedMode(hex);
    else this.machine.inLongMode(hex);
    const { cpu } = this;
    this.#start = cpu.rip;
    cpu.setGprNumber(RBX, DATA_OFFSET);
  }

  get cpu(): Cpu {
    return this.machine.cpu;
  }

  /** A number, or CODE (where the instruction stands), NEXT (behind it), STACK or DATA, more or less something. */
  value(text: string): bigint {
    const named = /^(CODE|NEXT|STACK|DATA)([-+]\w+)?$/.exec(text);
    if (named === null) return BigInt.asUintN(64, text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text));
    const places = { CODE: this.#start, NEXT: this.#start + this.code.length, STACK, DATA: DATA_OFFSET };
    return BigInt(places[named[1] as keyof typeof places] + Number(named.at(2) ?? 0));
  }

  /** Sets registers, flags and memory as `before` says. */
  arrange(before: string): this {
    const { cpu } = this;
    for (const [name, text] of parseValues(before)) {
      const register = REGISTER_NAMES.indexOf(name);
      if (name === 'flags') cpu.rflags = INITIAL_FLAGS | flagsOf(text);
      else if (register >= 0) cpu.setGpr(register, this.value(text));
      else this.#store(name, this.value(text));
    }
    return this;
  }

  #store(place: string, value: bigint): void {
    const { address, size } = this.#place(place);
    const bytes = new DataView(new ArrayBuffer(8));
    bytes.setBigUint64(0, value, true);
    this.machine.memory.bytes(address, size).set(new Uint8Array(bytes.buffer, 0, size));
  }

  #place(text: string): { address: number; size: number } {
    const match = /^\[([^\]]+)\]:(\d)$/.exec(text);
    if (match === null) throw new RangeError(`${text} is neither a register nor a place in memory`);
    return { address: Number(this.value(match[1])), size: Number(match[2]) };
  }

  /** Executes the instruction, with all its repetitions; what it raises is not delivered. */
  execute(): this {
    const { cpu } = this;
    for (let stops = 0; stops < 100; stops++) {
      handleStop(cpu, cpu.execute(cpu.now + 1));
      if (cpu.rip !== this.#start || cpu.faulting || cpu.injected !== null) return this;
    }
    throw new Error('the instruction does not come to an end');
  }

  /** `vector` or `vector:error code` of the exception raised, or `none`. */
  get fault(): string {
    const { fault, faulting } = this.cpu;
    if (!faulting || fault?.kind !== 'exception') return 'none';
    return `${String(fault.vector)}${fault.errorCode === null ? '' : `:${String(fault.errorCode)}`}`;
  }

  /** Registers, flags and memory, as text. */
  state(): Record<string, string> {
    const { cpu } = this;
    const registers = REGISTER_NAMES.map((name, number) => [name, hex(cpu.gpr(number))] as const);
    const memory = [DATA_OFFSET, STACK - 0x40].flatMap((from) =>
      Array.from(
        { length: 16 },
        (_, word) => [`[${hex(BigInt(from + 8 * word))}]`, hex(this.#load(from + 8 * word))] as const,
      ),
    );
    const rest = [['rip', hex(BigInt(cpu.rip))] as const, ['flags', hex(BigInt(cpu.rflags))] as const];
    return Object.fromEntries([...registers, ...rest, ...memory]);
  }

  #load(address: number): bigint {
    const { memory } = this.machine;
    return memory.view.getBigUint64(memory.ram + address, true);
  }

  /** The state that `after` describes: as it is now, with these changes, and RIP behind the instruction. */
  expected(after: string): Record<string, string> {
    const values = parseValues(after);
    const flags = values.get('flags');
    const before = this.#memory();
    for (const [name, text] of values) if (name.startsWith('[')) this.#store(name, this.value(text));
    const state = this.state();
    this.machine.memory.bytes(0, before.length).set(before);
    state.rip = hex(this.value(values.get('rip') ?? 'NEXT'));
    if (flags !== undefined) state.flags = hex(BigInt(INITIAL_FLAGS | flagsOf(flags)));
    for (const name of REGISTER_NAMES) if (values.has(name)) state[name] = hex(this.value(values.get(name) ?? '0'));
    return state;
  }

  /** What an instruction may change. */
  #memory(): Uint8Array {
    return this.machine.memory.bytes(0, STACK + 0x1000).slice();
  }
}

function hex(value: bigint): string {
  return value.toString(16);
}

/** `cz`: CF and ZF are 1, the others 0. */
function flagsOf(text: string): number {
  return lettersOf(text.split('-')[0]);
}

/** `cz-ap`: AF and PF are undefined. */
function undefinedFlagsOf(text: string): number {
  return lettersOf(text.split('-')[1] ?? '');
}

function lettersOf(text: string): number {
  return Array.from(text).reduce((flags, letter) => flags | FLAG_BITS[letter as keyof typeof FLAG_BITS], 0);
}

/** The exception that an instruction raises, and how its outcome differs from what it should be. */
export function outcomeOf(bits: Bits, encoding: string, operands: string, before: string, after: string): object {
  const code = assemble(bits, encoding, operands, bits === 16 ? 0 : CODE);
  const instruction = new OneInstruction(bits, code).arrange(before);
  const values = parseValues(after);
  const wanted = instruction.expected(values.has('fault') ? 'rip=CODE' : after);
  const open = BigInt(undefinedFlagsOf(values.get('flags') ?? ''));
  const got = instruction.execute().state();
  const differences = Object.keys(wanted)
    .filter((name) => (name === 'flags' ? flagsDiffer(got.flags, wanted.flags, open) : got[name] !== wanted[name]))
    .map((name) => [name, `${got[name]}, not ${wanted[name]}`] as const);
  return { fault: instruction.fault, ...Object.fromEntries(differences) };
}

function flagsDiffer(got: string, wanted: string, open: bigint): boolean {
  return ((BigInt(`0x${got}`) ^ BigInt(`0x${wanted}`)) & ~open) !== 0n;
}
