import { Code, Encoder, Instruction, MemoryOperand, Register } from 'iced-x86';
import { dword, RAX, type MemoryOperandSpec, type Operand, type RegisterOperand } from './operand.js';

/** A position in the code, bound once with `bind`; used as a branch target or as an address. */
export interface Label {
  readonly name: string;
}

export type Condition = 'e' | 'ne' | 'b' | 'ae' | 'a' | 'be';

/** Machine code at its address. */
export interface AssembledCode {
  readonly base: number;
  readonly bytes: Uint8Array;
  readonly addressOf: (label: Label) => number;
}

type AddressOf = (label: Label) => number;

interface Branch {
  readonly target: Label;
  readonly short: Code | null;
  readonly near: Code;
}

type Item =
  | { readonly kind: 'label'; readonly label: Label }
  | { readonly kind: 'align'; readonly to: number }
  | {
      readonly kind: 'instruction';
      readonly make: (addressOf: AddressOf) => Instruction;
      readonly lock: boolean;
      length: number;
    }
  | { readonly kind: 'branch'; readonly branch: Branch; isNear: boolean };

const BITNESS = 64;
const PAD = 0xcc;
const SHORT_BRANCH_LENGTH = 2;
const JUMP_NEAR_LENGTH = 5;
const CONDITIONAL_NEAR_LENGTH = 6;
/** `nop dword [rax + MARKER_BASE + n]` is measurement marker n. */
const MARKER_BASE = 0x4950_4900;
/** Any address of 32 bits: instructions that hold one have the same length for all. */
const SOME_ADDRESS = 0x10_0000;

/** Encodings are named MNEMONIC_operands in iced-x86, with the widths in the name. */
function codeNamed(name: string): Code {
  const code = (Code as unknown as Readonly<Record<string, Code | undefined>>)[name];
  if (code === undefined) throw new RangeError(`no encoding is called ${name}`);
  return code;
}

function icedMemory({ bits, base, index, displacement, gs }: MemoryOperandSpec): MemoryOperand {
  const baseRegister = base === null ? Register.None : base.register;
  const indexRegister = index === null ? Register.None : index.register;
  const scale = index === null ? 1 : bits / 8;
  const displacementSize = base === null ? 4 : displacement === 0 ? 0 : 1;
  const segment = gs ? Register.GS : Register.None;
  return new MemoryOperand(baseRegister, indexRegister, scale, BigInt(displacement), displacementSize, false, segment);
}

function fitsInByte(value: number): boolean {
  return value >= -128 && value <= 127;
}

/**
 * A small 64-bit assembler over iced-x86's encoder: instructions are methods, labels are objects, branches take the
 * shortest form that reaches. Anything without a method goes through `emit`.
 */
export class Assembler {
  readonly base: number;
  readonly #items: Item[] = [];
  #lockNext = false;

  /** @param base linear address of the first byte, below 2 GiB */
  constructor(base: number) {
    this.base = base;
  }

  // ---- Positions

  /** A new label, to be bound later. */
  label(name: string): Label {
    return { name };
  }

  bind(label: Label): void {
    this.#items.push({ kind: 'label', label });
  }

  /** A new label bound here. */
  here(name: string): Label {
    const label = this.label(name);
    this.bind(label);
    return label;
  }

  align(to: number): void {
    this.#items.push({ kind: 'align', to });
  }

  // ---- Instructions

  /** Appends what `make` builds; it is called twice, first with provisional addresses. */
  emit(make: (addressOf: AddressOf) => Instruction): void {
    this.#items.push({ kind: 'instruction', make, lock: this.#lockNext, length: 0 });
    this.#lockNext = false;
  }

  /** Gives the next instruction a LOCK prefix. */
  get lock(): this {
    this.#lockNext = true;
    return this;
  }

  /** An instruction without explicit operands, by iced-x86 `Code`. */
  plain(code: Code): void {
    this.emit(() => Instruction.create(code));
  }

  mov(destination: Operand, source: Operand | number): void {
    if (typeof source !== 'number' || destination.kind === 'memory') this.#binary('Mov', destination, source, false);
    else this.#moveImmediate(destination, source);
  }

  /** MOV of a label's address. */
  address(destination: RegisterOperand, label: Label): void {
    this.emit((addressOf) => Instruction.createRegU32(Code.Mov_r32_imm32, destination.register, addressOf(label)));
  }

  /** MOV to or from a control register. */
  movControl(code: Code, first: Register, second: Register): void {
    this.emit(() => Instruction.createRegReg(code, first, second));
  }

  lea(destination: RegisterOperand, source: MemoryOperandSpec): void {
    const code = codeNamed(`Lea_r${String(destination.bits)}_m`);
    this.emit(() => Instruction.createRegMem(code, destination.register, icedMemory(source)));
  }

  add(destination: Operand, source: Operand | number): void {
    this.#binary('Add', destination, source, true);
  }

  sub(destination: Operand, source: Operand | number): void {
    this.#binary('Sub', destination, source, true);
  }

  and(destination: Operand, source: Operand | number): void {
    this.#binary('And', destination, source, true);
  }

  or(destination: Operand, source: Operand | number): void {
    this.#binary('Or', destination, source, true);
  }

  xor(destination: Operand, source: Operand | number): void {
    this.#binary('Xor', destination, source, true);
  }

  cmp(destination: Operand, source: Operand | number): void {
    this.#binary('Cmp', destination, source, true);
  }

  test(destination: Operand, source: RegisterOperand | number): void {
    this.#binary('Test', destination, source, false);
  }

  xchg(destination: Operand, source: RegisterOperand): void {
    this.#binary('Xchg', destination, source, false);
  }

  inc(operand: Operand): void {
    this.#unary(`Inc_rm${String(operand.bits)}`, operand);
  }

  dec(operand: Operand): void {
    this.#unary(`Dec_rm${String(operand.bits)}`, operand);
  }

  shl(operand: RegisterOperand, count: number): void {
    const code = codeNamed(`Shl_rm${String(operand.bits)}_imm8`);
    this.emit(() => Instruction.createRegI32(code, operand.register, count));
  }

  shr(operand: RegisterOperand, count: number): void {
    const code = codeNamed(`Shr_rm${String(operand.bits)}_imm8`);
    this.emit(() => Instruction.createRegI32(code, operand.register, count));
  }

  push(operand: Operand | number): void {
    if (typeof operand === 'number') this.emit(() => Instruction.createI32(Code.Pushq_imm32, operand));
    else this.#unary(operand.kind === 'register' ? 'Push_r64' : 'Push_rm64', operand);
  }

  pop(operand: RegisterOperand): void {
    this.#unary('Pop_r64', operand);
  }

  /** CALL of a label, or through a register or memory. */
  call(target: Label | Operand): void {
    if ('name' in target) this.#branch({ target, short: null, near: Code.Call_rel32_64 });
    else this.#unary('Call_rm64', target);
  }

  jmp(target: Label | Operand): void {
    if ('name' in target) this.#branch({ target, short: Code.Jmp_rel8_64, near: Code.Jmp_rel32_64 });
    else this.#unary('Jmp_rm64', target);
  }

  /** Conditional jump: `jcc('ne', label)`. */
  jcc(condition: Condition, target: Label): void {
    this.#branch({ target, short: codeNamed(`J${condition}_rel8_64`), near: codeNamed(`J${condition}_rel32_64`) });
  }

  ret(): void {
    this.plain(Code.Retnq);
  }

  int(vector: number): void {
    this.emit(() => Instruction.createU32(Code.Int_imm8, vector));
  }

  /** OUT of EAX to a port below 100H. */
  out(port: number): void {
    this.emit(() => Instruction.createU32Reg(Code.Out_imm8_EAX, port, Register.EAX));
  }

  /** Measurement marker `number` (0..255): a long NOP that the emulator reports. */
  marker(number: number): void {
    this.emit(() => Instruction.createMem(Code.Nop_rm32, icedMemory(dword(RAX, MARKER_BASE + number))));
  }

  // ---- Result

  /** Encodes everything. Throws a RangeError for a label that was never bound. */
  assemble(): AssembledCode {
    this.#measure();
    let addresses = this.#place();
    while (this.#lengthenBranches(addresses)) addresses = this.#place();
    const addressOf: AddressOf = (label) => {
      const address = addresses.get(label);
      if (address === undefined) throw new RangeError(`label ${label.name} was never bound`);
      return address;
    };
    return { base: this.base, bytes: this.#encode(addressOf), addressOf };
  }

  #moveImmediate(destination: RegisterOperand, value: number): void {
    const { register, bits } = destination;
    if (bits === 32) this.emit(() => Instruction.createRegI32(Code.Mov_r32_imm32, register, value | 0));
    else if (value === (value | 0)) this.emit(() => Instruction.createRegI32(Code.Mov_rm64_imm32, register, value));
    else this.emit(() => Instruction.createRegU64(Code.Mov_r64_imm64, register, BigInt(value)));
  }

  #binary(mnemonic: string, destination: Operand, source: Operand | number, byteForm: boolean): void {
    const bits = String(destination.bits);
    if (typeof source === 'number') {
      this.#withImmediate(
        codeNamed(`${mnemonic}_rm${bits}_imm${byteForm && fitsInByte(source) ? '8' : '32'}`),
        destination,
        source,
      );
      return;
    }
    if (source.bits !== destination.bits)
      throw new RangeError(`${mnemonic}: operands of ${bits} and ${String(source.bits)} bits`);
    const form = source.kind === 'memory' ? `r${bits}_rm${bits}` : `rm${bits}_r${bits}`;
    this.#twoOperands(codeNamed(`${mnemonic}_${form}`), destination, source);
  }

  #twoOperands(code: Code, destination: Operand, source: Operand): void {
    this.emit(() => {
      if (destination.kind === 'memory') {
        if (source.kind === 'memory') throw new RangeError('two memory operands');
        return Instruction.createMemReg(code, icedMemory(destination), source.register);
      }
      if (source.kind === 'memory') return Instruction.createRegMem(code, destination.register, icedMemory(source));
      return Instruction.createRegReg(code, destination.register, source.register);
    });
  }

  #withImmediate(code: Code, destination: Operand, value: number): void {
    this.emit(() =>
      destination.kind === 'memory'
        ? Instruction.createMemI32(code, icedMemory(destination), value)
        : Instruction.createRegI32(code, destination.register, value),
    );
  }

  #unary(name: string, operand: Operand): void {
    const code = codeNamed(name);
    this.emit(() =>
      operand.kind === 'memory'
        ? Instruction.createMem(code, icedMemory(operand))
        : Instruction.createReg(code, operand.register),
    );
  }

  #branch(branch: Branch): void {
    this.#items.push({ kind: 'branch', branch, isNear: branch.short === null });
  }

  /** Lengths of everything but branches; none depends on where it stands. */
  #measure(): void {
    const encoder = new Encoder(BITNESS);
    for (const item of this.#items) {
      if (item.kind === 'instruction') item.length = encodeInstruction(encoder, item, () => SOME_ADDRESS, this.base);
    }
    encoder.free();
  }

  #place(): Map<Label, number> {
    const addresses = new Map<Label, number>();
    let at = this.base;
    for (const item of this.#items) {
      if (item.kind === 'label') addresses.set(item.label, at);
      at += itemLength(item, at);
    }
    return addresses;
  }

  /** Gives branches that do not reach their near form; true when there were any. */
  #lengthenBranches(addresses: ReadonlyMap<Label, number>): boolean {
    let at = this.base;
    let changed = false;
    for (const item of this.#items) {
      at += itemLength(item, at);
      if (item.kind !== 'branch' || item.isNear || fitsInByte((addresses.get(item.branch.target) ?? at) - at)) continue;
      item.isNear = true;
      changed = true;
    }
    return changed;
  }

  #encode(addressOf: AddressOf): Uint8Array {
    const encoder = new Encoder(BITNESS);
    let at = this.base;
    for (const item of this.#items) {
      const length = itemLength(item, at);
      if (item.kind === 'align') for (let i = 0; i < length; i++) encoder.writeU8(PAD);
      if (item.kind === 'instruction') encodeInstruction(encoder, item, addressOf, at);
      if (item.kind === 'branch') encodeBranch(encoder, item, addressOf, at);
      at += length;
    }
    const bytes = encoder.takeBuffer();
    encoder.free();
    return bytes;
  }
}

function itemLength(item: Item, at: number): number {
  switch (item.kind) {
    case 'label':
      return 0;
    case 'align':
      return (item.to - (at % item.to)) % item.to;
    case 'instruction':
      return item.length;
    case 'branch':
      if (!item.isNear) return SHORT_BRANCH_LENGTH;
      return isConditional(item.branch) ? CONDITIONAL_NEAR_LENGTH : JUMP_NEAR_LENGTH;
  }
}

function isConditional(branch: Branch): boolean {
  return branch.near !== Code.Jmp_rel32_64 && branch.near !== Code.Call_rel32_64;
}

function encodeInstruction(
  encoder: Encoder,
  item: Item & { kind: 'instruction' },
  addressOf: AddressOf,
  at: number,
): number {
  const instruction = item.make(addressOf);
  if (item.lock) instruction.hasLockPrefix = true;
  const length = encoder.encode(instruction, BigInt(at));
  instruction.free();
  return length;
}

function encodeBranch(encoder: Encoder, item: Item & { kind: 'branch' }, addressOf: AddressOf, at: number): void {
  const { target, short, near } = item.branch;
  const instruction = Instruction.createBranch(item.isNear || short === null ? near : short, BigInt(addressOf(target)));
  encoder.encode(instruction, BigInt(at));
  instruction.free();
}
