/**
 * What translated code holds in locals while it runs through a block: registers, and what the flags follow from. Both are
 * written to the CPU block when the block is left, and flags that nobody sees never.
 */
import { CPU_CF, CPU_FA, CPU_FLIP, CPU_FO, CPU_RESULT, CPU_ZERO } from '../hardware/cpu/layout.js';
import {
  CPU,
  FIRST_REGISTER,
  FLAGS_A,
  FLAGS_B,
  FLAGS_CARRY,
  FLAGS_OVERFLOW,
  FLAGS_RESULT,
  NOW,
  RETIRED,
  VALUE,
} from './locals.js';
import { WASM, type WasmCode } from './wasm-code.js';

const REGISTERS_END = 128;

/** How CF, OF and AF follow from the locals; null while all flags are in the CPU block. See interpreter/flags.ts. */
export interface PendingFlags {
  readonly carry: 'kept' | 'clear' | 'sum' | 'difference' | 'given';
  readonly overflow: 'clear' | 'sum' | 'difference' | 'given';
  readonly adjust: 'clear' | 'operands' | 'one';
}

export class BlockState {
  readonly code: WasmCode;
  #loaded = new Set<number>();
  #changed = new Set<number>();
  flags: PendingFlags | null = null;
  /** Ticks and instructions that NOW and RETIRED do not include yet. */
  ticks = 0;
  instructions = 0;
  /** `ticks` when the last instruction begins for which the limit has been looked at. */
  lastTicks = 0;

  constructor(code: WasmCode) {
    this.code = code;
  }

  // ---- Registers, by their offset in the CPU block

  /** Pushes 64 bits. */
  pushRegister(offset: number): void {
    const { code } = this;
    if (offset === CPU_ZERO) {
      code.i64(0);
    } else if (offset < REGISTERS_END) {
      code.get(this.#load(offset >> 3));
    } else {
      code.get(CPU);
      code.memory(WASM.i64_load, offset);
    }
  }

  #load(register: number): number {
    const local = FIRST_REGISTER + register;
    if (!this.#loaded.has(register)) {
      this.code.get(CPU);
      this.code.memory(WASM.i64_load, register * 8);
      this.code.set(local);
      this.#loaded.add(register);
    }
    return local;
  }

  /** Pushes an operand of `bits` bits, sign-extended. */
  push(offset: number, bits: number): void {
    const { code } = this;
    this.pushRegister(offset & ~7);
    const shift = (offset & 7) * 8;
    if (shift !== 0) {
      code.i64(shift);
      code.op(WASM.i64_shr_u);
    }
    this.extend(bits);
  }

  /** Cuts the value on the stack to `bits` bits and sign-extends it. */
  extend(bits: number): void {
    if (bits === 8) this.code.op(WASM.i64_extend8_s);
    else if (bits === 16) this.code.op(WASM.i64_extend16_s);
    else if (bits === 32) this.code.op(WASM.i64_extend32_s);
  }

  /** Pops the new value of a register: 32 bits are zero-extended, 8 and 16 leave the rest. */
  pop(offset: number, bits: number): void {
    const { code } = this;
    const register = offset >> 3;
    const local = FIRST_REGISTER + register;
    if (bits === 32) {
      code.i64(0xffff_ffff);
      code.op(WASM.i64_and);
    } else if (bits < 32) {
      const shift = (offset & 7) * 8;
      const mask = (1n << BigInt(bits)) - 1n;
      code.i64(mask);
      code.op(WASM.i64_and);
      code.i64(shift);
      code.op(WASM.i64_shl);
      code.set(VALUE);
      code.get(this.#load(register));
      code.i64(~(mask << BigInt(shift)));
      code.op(WASM.i64_and);
      code.get(VALUE);
      code.op(WASM.i64_or);
    }
    code.set(local);
    this.#loaded.add(register);
    this.#changed.add(register);
  }

  // ---- Flags

  /** The instruction sets all flags but CF: CF of the one before goes to the CPU block. */
  keepCarry(): void {
    if (this.flags !== null && this.flags.carry !== 'kept') this.#storeCarry(this.flags);
  }

  #storeCarry(flags: PendingFlags): void {
    this.code.get(CPU);
    this.#pushCarryOf(flags);
    this.code.op(WASM.i64_extend_i32_u);
    this.code.memory(WASM.i64_store, CPU_CF);
  }

  /** Pushes CF as 0 or 1, 32 bits. */
  pushCarry(): void {
    this.#pushCarryOf(this.flags);
  }

  #pushCarryOf(flags: PendingFlags | null): void {
    const { code } = this;
    const carry = flags?.carry ?? 'kept';
    if (carry === 'kept') {
      code.get(CPU);
      code.memory(WASM.i32_load, CPU_CF);
    } else if (carry === 'clear') {
      code.i32(0);
    } else if (carry === 'given') {
      code.get(FLAGS_CARRY);
      code.op(WASM.i32_wrap_i64);
    } else {
      code.get(carry === 'sum' ? FLAGS_RESULT : FLAGS_A);
      code.get(carry === 'sum' ? FLAGS_A : FLAGS_B);
      code.op(WASM.i64_lt_u);
    }
  }

  /** Pushes 64 bits whose sign is OF. */
  #pushOverflow(): void {
    const { code, flags } = this;
    if (flags === null) {
      code.get(CPU);
      code.memory(WASM.i64_load, CPU_FO);
    } else if (flags.overflow === 'clear') {
      code.i64(0);
    } else if (flags.overflow === 'given') {
      code.get(FLAGS_OVERFLOW);
    } else {
      code.get(FLAGS_A);
      code.get(flags.overflow === 'sum' ? FLAGS_RESULT : FLAGS_B);
      code.op(WASM.i64_xor);
      code.get(flags.overflow === 'sum' ? FLAGS_B : FLAGS_A);
      code.get(FLAGS_RESULT);
      code.op(WASM.i64_xor, WASM.i64_and);
    }
  }

  #pushResult(): void {
    const { code } = this;
    if (this.flags !== null) {
      code.get(FLAGS_RESULT);
    } else {
      code.get(CPU);
      code.memory(WASM.i64_load, CPU_RESULT);
    }
  }

  /** Pushes 64 bits whose sign is SF. */
  #pushSign(): void {
    const { code } = this;
    this.#pushResult();
    if (this.flags !== null) return;
    code.get(CPU);
    code.memory(WASM.i64_load32_u, CPU_FLIP);
    code.i64(32);
    code.op(WASM.i64_shl, WASM.i64_xor);
  }

  /** Pushes whether condition `number` holds (SDM vol. 1, appendix B), 32 bits. */
  pushCondition(number: number): void {
    this.#pushEvenCondition(number >> 1);
    if ((number & 1) !== 0) this.code.op(WASM.i32_eqz);
  }

  #pushEvenCondition(pair: number): void {
    const { code, flags } = this;
    const compares = flags?.carry === 'difference' && flags.overflow === 'difference';
    if (compares && (pair === 3 || pair === 6 || pair === 7)) {
      code.get(FLAGS_A);
      code.get(FLAGS_B);
      code.op(pair === 3 ? WASM.i64_le_u : pair === 6 ? WASM.i64_lt_s : WASM.i64_le_s);
      return;
    }
    switch (pair) {
      case 0:
        this.#pushOverflow();
        break;
      case 1:
        this.pushCarry();
        return;
      case 2:
        this.#pushResult();
        code.op(WASM.i64_eqz);
        return;
      case 3:
        this.pushCarry();
        this.#pushResult();
        code.op(WASM.i64_eqz, WASM.i32_or);
        return;
      case 4:
        this.#pushSign();
        break;
      case 5:
        this.#pushParity();
        return;
      default:
        this.#pushSign();
        this.#pushOverflow();
        code.op(WASM.i64_xor);
    }
    code.i64(0);
    code.op(WASM.i64_lt_s);
    if (pair !== 7) return;
    this.#pushResult();
    code.op(WASM.i64_eqz, WASM.i32_or);
  }

  #pushParity(): void {
    const { code } = this;
    this.#pushResult();
    code.op(WASM.i32_wrap_i64);
    code.i32(0xff);
    code.op(WASM.i32_and, WASM.i32_popcnt);
    if (this.flags === null) {
      code.get(CPU);
      code.memory(WASM.i32_load, CPU_FLIP);
      code.op(WASM.i32_xor);
    }
    code.i32(1);
    code.op(WASM.i32_and, WASM.i32_eqz);
  }

  #storeFlags(flags: PendingFlags): void {
    const { code } = this;
    if (flags.carry === 'kept') {
      code.get(CPU);
      code.i32(0);
      code.memory(WASM.i32_store, CPU_FLIP);
    } else {
      this.#storeCarry(flags);
    }
    code.get(CPU);
    code.get(FLAGS_RESULT);
    code.memory(WASM.i64_store, CPU_RESULT);
    code.get(CPU);
    this.#pushOverflow();
    code.memory(WASM.i64_store, CPU_FO);
    code.get(CPU);
    if (flags.adjust === 'clear') {
      code.i64(0);
    } else {
      code.get(FLAGS_A);
      if (flags.adjust === 'one') code.i64(1);
      else code.get(FLAGS_B);
      code.get(FLAGS_RESULT);
      code.op(WASM.i64_xor, WASM.i64_xor);
    }
    code.memory(WASM.i64_store, CPU_FA);
  }

  // ---- Time

  /** Pushes the time at which the next instruction begins. */
  pushNow(): void {
    this.#pushSum(NOW, this.ticks);
  }

  /** Pushes how many instructions have retired. */
  pushRetired(): void {
    this.#pushSum(RETIRED, this.instructions);
  }

  #pushSum(local: number, more: number): void {
    this.code.get(local);
    if (more === 0) return;
    this.code.i64(more);
    this.code.op(WASM.i64_add);
  }

  // ---- Leaving

  /** Brings everything up to date and holds nothing in locals any more. */
  release(): void {
    this.settle();
    this.#loaded = new Set();
    this.#changed = new Set();
    this.flags = null;
    this.ticks = 0;
    this.instructions = 0;
    this.lastTicks = 0;
  }

  /** Brings the CPU block, NOW and RETIRED up to date, on a path that leaves the block here. */
  settle(): void {
    const { code } = this;
    for (const register of this.#changed) {
      code.get(CPU);
      code.get(FIRST_REGISTER + register);
      code.memory(WASM.i64_store, register * 8);
    }
    if (this.flags !== null) this.#storeFlags(this.flags);
    if (this.instructions === 0) return;
    this.pushNow();
    code.set(NOW);
    this.pushRetired();
    code.set(RETIRED);
  }
}
