/** Writes WebAssembly (core specification 2.0, section 5): bytes of instructions, and the module around functions. */

/** Instructions by their name in the specification. */
export const WASM = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  br_if: 0x0d,
  br_table: 0x0e,
  call: 0x10,
  select: 0x1b,
  local_get: 0x20,
  local_set: 0x21,
  local_tee: 0x22,
  i32_load: 0x28,
  i64_load: 0x29,
  i32_load16_u: 0x2f,
  i64_load8_s: 0x30,
  i64_load8_u: 0x31,
  i64_load16_s: 0x32,
  i64_load16_u: 0x33,
  i64_load32_s: 0x34,
  i64_load32_u: 0x35,
  i32_store: 0x36,
  i64_store: 0x37,
  i64_store8: 0x3c,
  i64_store16: 0x3d,
  i64_store32: 0x3e,
  i32_const: 0x41,
  i64_const: 0x42,
  i32_eqz: 0x45,
  i32_eq: 0x46,
  i32_ne: 0x47,
  i32_ge_u: 0x4f,
  i64_eqz: 0x50,
  i64_eq: 0x51,
  i64_ne: 0x52,
  i64_lt_s: 0x53,
  i64_lt_u: 0x54,
  i64_le_s: 0x57,
  i64_le_u: 0x58,
  i64_ge_u: 0x5a,
  i32_popcnt: 0x69,
  i32_add: 0x6a,
  i32_and: 0x71,
  i32_or: 0x72,
  i32_xor: 0x73,
  i32_shl: 0x74,
  i32_shr_u: 0x76,
  i64_add: 0x7c,
  i64_sub: 0x7d,
  i64_mul: 0x7e,
  i64_and: 0x83,
  i64_or: 0x84,
  i64_xor: 0x85,
  i64_shl: 0x86,
  i64_shr_s: 0x87,
  i64_shr_u: 0x88,
  i32_wrap_i64: 0xa7,
  i64_extend_i32_u: 0xad,
  i64_extend8_s: 0xc2,
  i64_extend16_s: 0xc3,
  i64_extend32_s: 0xc4,
} as const;

const VOID = 0x40;
export const I32 = 0x7f;
export const I64 = 0x7e;

/** Bytes of code. Labels are counted as they are opened, so that a branch can name one by its number. */
export class WasmCode {
  readonly bytes: number[] = [];
  #labels = 0;

  /** Instructions without immediates. */
  op(...instructions: number[]): void {
    for (const each of instructions) this.bytes.push(each);
  }

  unsigned(value: number): void {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.bytes.push((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.bytes.push(rest);
  }

  /** A safe integer. */
  #signed(value: number): void {
    let rest = value;
    while (rest < -64 || rest > 63) {
      const low = rest & 0x7f;
      this.bytes.push(low | 0x80);
      rest = (rest - low) / 0x80;
    }
    this.bytes.push(rest & 0x7f);
  }

  #signedBig(value: bigint): void {
    let rest = value;
    while (rest < -64n || rest > 63n) {
      this.bytes.push(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.bytes.push(Number(rest & 0x7fn));
  }

  get(local: number): void {
    this.bytes.push(WASM.local_get);
    this.unsigned(local);
  }

  set(local: number): void {
    this.bytes.push(WASM.local_set);
    this.unsigned(local);
  }

  tee(local: number): void {
    this.bytes.push(WASM.local_tee);
    this.unsigned(local);
  }

  i32(value: number): void {
    this.bytes.push(WASM.i32_const);
    this.#signed(value | 0);
  }

  i64(value: number | bigint): void {
    this.bytes.push(WASM.i64_const);
    const rounded = Number(value);
    if (Number.isSafeInteger(rounded)) this.#signed(rounded);
    else this.#signedBig(BigInt.asIntN(64, BigInt(value)));
  }

  /** A load or store, without an assertion of alignment. */
  memory(instruction: number, offset: number): void {
    this.bytes.push(instruction, 0);
    this.unsigned(offset);
  }

  call(callee: number): void {
    this.bytes.push(WASM.call);
    this.unsigned(callee);
  }

  /** Opens a block, loop or if; returns its label. */
  open(instruction: number): number {
    this.bytes.push(instruction, VOID);
    return this.#labels++;
  }

  else(): void {
    this.bytes.push(WASM.else);
  }

  /** Closes what was opened last. */
  close(): void {
    this.bytes.push(WASM.end);
    this.#labels--;
  }

  branch(instruction: number, label: number): void {
    this.bytes.push(instruction);
    this.unsigned(this.#labels - 1 - label);
  }

  branchTable(labels: readonly number[]): void {
    this.bytes.push(WASM.br_table);
    this.unsigned(labels.length - 1);
    for (const label of labels) this.unsigned(this.#labels - 1 - label);
  }
}

export interface FunctionType {
  readonly parameters: readonly number[];
  readonly result: number;
}

/** A function that a module imports from `host`. */
export interface Import {
  readonly name: string;
  readonly type: FunctionType;
}

const MAGIC = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const FUNCTION_TYPE = 0x60;

/** A function with `locals` behind its parameters. */
export interface WasmFunction {
  readonly type: FunctionType;
  readonly locals: readonly number[];
  readonly code: WasmCode;
}

/** A module that imports a memory and `imports`, and exports `own` as `region`. */
export function moduleWith(imports: readonly Import[], own: WasmFunction): Uint8Array<ArrayBuffer> {
  const types = [...imports, own].map(({ type }) => type);
  const head = [
    ...MAGIC,
    ...section(
      1,
      types.map(({ parameters, result }) => [FUNCTION_TYPE, ...vector(parameters.map((each) => [each])), 1, result]),
    ),
    ...section(2, [
      [...name('host'), ...name('memory'), 2, 0, 1],
      ...imports.map((each, index) => [...name('host'), ...name(each.name), 0, index]),
    ]),
    ...section(3, [[imports.length]]),
    ...section(7, [[...name('region'), 0, imports.length]]),
  ];
  const count = number(1);
  const body = bodyOf(own);
  return joined([head, [10], number(count.length + body.length), count, body]);
}

/** The entry of a function in the code section. */
function bodyOf({ locals, code }: WasmFunction): Uint8Array {
  const declarations = vector(locals.map((each) => [1, each]));
  const size = declarations.length + code.bytes.length + 1;
  return joined([number(size), declarations, code.bytes, [WASM.end]]);
}

function joined(parts: readonly ArrayLike<number>[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, each) => sum + each.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function section(id: number, items: readonly (readonly number[])[]): number[] {
  const content = vector(items);
  return [id, ...number(content.length), ...content];
}

function vector(items: readonly (readonly number[])[]): number[] {
  return [...number(items.length), ...items.flat()];
}

function name(text: string): number[] {
  return vector(Array.from(text, (each) => [each.charCodeAt(0)]));
}

function number(value: number): number[] {
  const code = new WasmCode();
  code.unsigned(value);
  return code.bytes;
}
