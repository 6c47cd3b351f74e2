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

const PATTERNS: readonly (readonly [RegExp, (...parts: string[]) => Operation])[] = [
  [
    /^(ADD|OR|ADC|SBB|AND|SUB|XOR|CMP|TEST)_(RR|RI|RM|MR|MI)(\d+)$/,
    (name, form, bits) => arithmetic(name, form as Form, Number(bits)),
  ],
  [/^(INC|DEC|NEG|NOT)_([RM])(\d+)$/, (name, form, bits) => unary(name, form as 'R' | 'M', Number(bits))],
  [/^MOV_(RR|RI|RM|MR|MI)(\d+)$/, (form, bits) => move(form as Form, Number(bits))],
  [
    /^MOV([ZS])XD?_(RR|RM)(\d+)_(\d+)$/,
    (sign, form, bits, from) => extend(sign === 'S', form as Form, Number(bits), Number(from)),
  ],
  [/^LEA_RM(\d+)$/, (bits) => loadAddress(Number(bits))],
  [/^(SHL|SHR|SAR)_RI(32|64)$/, (name, bits) => shift(name, Number(bits))],
  [/^IMUL_(RR|RM|RRI)(32|64)$/, (form, bits) => multiply(form as 'RR' | 'RM' | 'RRI', Number(bits))],
  [/^CMOVCC_(RR|RM)(32|64)$/, (form, bits) => conditionalMove(form as Form, Number(bits))],
  [/^SETCC_R8$/, () => setByCondition],
  [/^PUSH_([RI])64$/, (form) => push(form as 'R' | 'I')],
  [/^POP_R64$/, () => pop],
  [/^LEAVE$/, () => leave],
  [/^XCHG_MR(\d+)$/, (bits) => exchange(Number(bits))],
  [/^NOP$/, () => () => undefined],
  [/^MFENCE$/, () => mfence],
  [/^RDTSC$/, () => rdtsc],
];

interface Operations {
  readonly byOpcode: ReadonlyMap<number, Operation>;
  /** Form and size of the LOCKED_* records. */
  readonly locked: ReadonlyMap<number, readonly ['R' | 'I', number]>;
}

let operations: Operations | null = null;

/** The translation of an instruction, if it has one. */
export function operationOf({ opcode, c }: CodeRecord): Operation | undefined {
  operations ??= allOperations();
  const form = operations.locked.get(opcode);
  return form === undefined ? operations.byOpcode.get(opcode) : locked(c, ...form);
}

/** Many runs translate nothing. */
function allOperations(): Operations {
  const opcodes = Object.entries(OPCODES as Record<string, number>);
  const byOpcode = opcodes.flatMap(([name, opcode]) =>
    PATTERNS.flatMap(([pattern, make]) => {
      const match = pattern.exec(name);
      return match === null ? [] : [[opcode, make(...match.slice(1))] as const];
    }),
  );
  const lockedForms = opcodes.flatMap(([name, opcode]) => {
    const match = /^LOCKED_([RI])(\d+)$/.exec(name);
    return match === null ? [] : [[opcode, [match[1] as 'R' | 'I', Number(match[2])]] as const];
  });
  return { byOpcode: new Map(byOpcode), locked: new Map(lockedForms) };
}
