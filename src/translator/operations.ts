/**
 * The instructions that translated code executes itself: what src/interpreter does with a record, with registers, sizes
 * and immediates known. All others are left to the interpreter.
 */
import { ACCESS_READ, ACCESS_WRITE } from '../hardware/cpu/layout.js';
import * as OPCODES from '../hardware/cpu/opcodes.js';
import { arithmetic, unary } from './arithmetic.js';
import type { CodeRecord } from './code-record.js';
import { exchange, locked, mfence, rdtsc } from './counted.js';
import { OPERAND } from './locals.js';
import { accessOperand, pushAddress, pushOperand, SIGNED_LOAD, STORE, UNSIGNED_LOAD } from './memory-operand.js';
import { multiply, shift } from './shift-and-multiply.js';
import { leave, pop, push } from './stack.js';
import type { Form, Operation } from './translation.js';
import { WASM } from './wasm-code.js';

// ---- Moves

function move(form: Form, bits: number): Operation {
  return (to, record) => {
    const { code, state } = to;
    if (form.startsWith('M')) {
      accessOperand(to, record, bits, ACCESS_WRITE);
      code.get(OPERAND);
      if (form === 'MI') code.i64(record.immediate);
      else state.push(record.b, bits);
      code.memory(STORE[bits], 0);
      return;
    }
    if (form === 'RM') {
      accessOperand(to, record, bits, ACCESS_READ);
      pushOperand(to, bits);
    } else if (form === 'RI') {
      code.i64(record.immediate);
    } else {
      state.push(record.b, bits);
    }
    state.pop(record.a, bits);
  };
}

function extend(isSigned: boolean, form: Form, bits: number, fromBits: number): Operation {
  return (to, record) => {
    const { code, state } = to;
    if (form === 'RM') {
      accessOperand(to, record, fromBits, ACCESS_READ);
      code.get(OPERAND);
      code.memory((isSigned ? SIGNED_LOAD : UNSIGNED_LOAD)[fromBits], 0);
    } else {
      state.push(record.b, fromBits);
      if (!isSigned) {
        code.i64((1n << BigInt(fromBits)) - 1n);
        code.op(WASM.i64_and);
      }
    }
    state.pop(record.a, bits);
  };
}

function loadAddress(bits: number): Operation {
  return (to, record) => {
    pushAddress(to, record);
    to.state.pop(record.a, bits);
  };
}

function conditionalMove(form: Form, bits: number): Operation {
  return (to, record) => {
    const { code, state } = to;
    if (form === 'RM') {
      accessOperand(to, record, bits, ACCESS_READ);
      pushOperand(to, bits);
    } else {
      state.push(record.b, bits);
    }
    state.push(record.a, bits);
    state.pushCondition(record.c);
    code.op(WASM.select);
    state.pop(record.a, bits);
  };
}

const setByCondition: Operation = ({ code, state }, record) => {
  state.pushCondition(record.c);
  code.op(WASM.i64_extend_i32_u);
  state.pop(record.a, 8);
};

// ---- By opcode

/** What the name of an opcode says, and R_C of the record. */
interface Parts {
  readonly name: string;
  readonly form: string;
  readonly bits: number;
  readonly fromBits: number;
  readonly operation: number;
}

type Make = (of: Parts) => Operation | undefined;

const ANY = [8, 16, 32, 64];
const WIDE = [32, 64];
const LONG = [64];
const NONE = [0];

/** Names, forms and sizes in bits, and how an operation is made of them. */
// prettier-ignore
const ROWS: readonly (readonly [names: string, forms: string, sizes: readonly number[], make: Make])[] = [
  ['ADD OR ADC SBB AND SUB XOR CMP TEST', 'RR RI RM MR MI', ANY,  (of) => arithmetic(of.name, of.form as Form, of.bits)],
  ['INC DEC NEG NOT',                     'R M',            ANY,  (of) => unary(of.name, of.form as 'R' | 'M', of.bits)],
  ['MOV',                                 'RR RI RM MR MI', ANY,  (of) => move(of.form as Form, of.bits)],
  ['MOVZX',                               'RR RM',          ANY,  (of) => extend(false, of.form as Form, of.bits, of.fromBits)],
  ['MOVSX MOVSXD',                        'RR RM',          ANY,  (of) => extend(true, of.form as Form, of.bits, of.fromBits)],
  ['LEA',                                 'RM',             ANY,  (of) => loadAddress(of.bits)],
  ['SHL SHR SAR',                         'RI',             WIDE, (of) => shift(of.name, of.bits)],
  ['IMUL',                                'RR RM RRI',      WIDE, (of) => multiply(of.form as 'RR' | 'RM' | 'RRI', of.bits)],
  ['CMOVCC',                              'RR RM',          WIDE, (of) => conditionalMove(of.form as Form, of.bits)],
  ['SETCC',                               'R',              ANY,  () => setByCondition],
  ['PUSH',                                'R I',            LONG, (of) => push(of.form as 'R' | 'I')],
  ['POP',                                 'R',              LONG, () => pop],
  ['LEAVE',                               '',               NONE, () => leave],
  ['XCHG',                                'MR',             ANY,  (of) => exchange(of.bits)],
  ['LOCKED',                              'R I',            ANY,  (of) => locked(of.operation, of.form as 'R' | 'I', of.bits)],
  ['NOP',                                 '',               NONE, () => () => undefined],
  ['MFENCE',                              '',               NONE, () => mfence],
  ['RDTSC',                               '',               NONE, () => rdtsc],
];

const OPCODE_NAME = /^([A-Z]+)_?([A-Z]*)(\d*)_?(\d*)$/;

/** By opcode and R_C: what has been asked for. */
const operations = new Map<number, Operation | undefined>();
let names: ReadonlyMap<number, string> | null = null;

/** The translation of an instruction, if it has one. */
export function operationOf({ opcode, c }: CodeRecord): Operation | undefined {
  const key = (opcode << 8) | c;
  if (!operations.has(key)) operations.set(key, findOperation(opcode, c));
  return operations.get(key);
}

function findOperation(opcode: number, operation: number): Operation | undefined {
  names ??= new Map(Object.entries(OPCODES as Record<string, number>).map(([name, value]) => [value, name]));
  const [, name, form, bits, fromBits] = OPCODE_NAME.exec(names.get(opcode) ?? '') ?? [];
  const row = ROWS.find(
    ([operands, forms, sizes]) =>
      operands.split(' ').includes(name) && forms.split(' ').includes(form) && sizes.includes(Number(bits)),
  );
  return row?.[3]({ name, form, bits: Number(bits), fromBits: Number(fromBits), operation });
}
