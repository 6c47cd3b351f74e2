import { Formatter, FormatterSyntax, Decoder } from 'iced-x86';
import { CR0_NE, CR4_OSFXSR, CR4_OSXMMEXCPT } from '../../src/hardware/cpu/control-register-bits.js';
import { handleStop } from '../../src/hardware/cpu/stops.js';
import { WAIT } from '../../src/hardware/cpu/outcome.js';
import type { Cpu } from '../../src/hardware/cpu/cpu.js';
import { CPU_RETIRED, STOP_MARKER } from '../../src/hardware/cpu/layout.js';
import type { SimulationOptions } from '../../src/machine/machine-options.js';
import { bareMachine } from './bare-machine.js';
import { NO_EXCEPTION, type Vector } from './vector-file.js';
import {
  CODE_ADDRESS,
  emptyState,
  fillState,
  REGISTERS,
  WINDOW_ADDRESS,
  WINDOW_SIZE,
  type ProcessorState,
} from './vector-state.js';

const MAX_STEPS = 1000;
/** More ticks than any sequence takes. */
const LONG_ENOUGH = 1e9;
/** A measurement marker: stops the interpreter behind the code. */
const MARKER = Uint8Array.of(0x0f, 0x1f, 0x80, 0x00, 0x49, 0x50, 0x49);
const RFLAGS_IF_AND_FIXED = 0x202;
const PAGE = 4096;
const WINDOW_PAGES = WINDOW_ADDRESS - (WINDOW_ADDRESS % PAGE);
const HEX = 16;

/** Executes recorded instructions on the emulated processor and says how the outcome differs. */
export class VectorReplay {
  readonly #cpu: Cpu;
  readonly #expected: ProcessorState = emptyState();

  constructor(simulation: SimulationOptions = {}) {
    const { cpus } = bareMachine({
      simulation,
      code: { base: CODE_ADDRESS, bytes: MARKER },
      entries: [CODE_ADDRESS],
    });
    this.#cpu = cpus[0];
    this.#cpu.cr0 |= CR0_NE;
    this.#cpu.cr4 |= CR4_OSFXSR | CR4_OSXMMEXCPT;
  }

  /** One line per difference; none when the outcome is as recorded. */
  differences(vector: Vector): string[] {
    this.#arrange(vector);
    try {
      const exception = this.#run(vector);
      this.#expect(vector);
      return this.#compare(vector, exception);
    } catch (error) {
      return [String(error)];
    }
  }

  #arrange({ state, registersBefore, windowBefore, code }: Vector): void {
    const expected = this.#expected;
    fillState(expected, state);
    for (const { register, value } of registersBefore) setRegister(expected, register, value);
    const view = new DataView(expected.window.buffer);
    for (const { offset, value } of windowBefore) view.setBigUint64(offset, value, true);
    const cpu = this.#cpu;
    const { registers, window, flags } = expected;
    for (let n = 0; n < REGISTERS; n++) cpu.setGprWords(n, registers[n * 2 + 1], registers[n * 2]);
    cpu.rflags = flags | RFLAGS_IF_AND_FIXED;
    cpu.rip = CODE_ADDRESS;
    cpu.faulting = false;
    cpu.decoder.drop(cpu, CODE_ADDRESS - (CODE_ADDRESS % PAGE));
    // Not by the instruction that comes next, which would be decoded for one execution.
    cpu.setLong(CPU_RETIRED, cpu.long(CPU_RETIRED) + 1);
    cpu.memory.bytes(CODE_ADDRESS, code.length).set(code);
    cpu.memory.bytes(CODE_ADDRESS + code.length, MARKER.length).set(MARKER);
    cpu.memory.bytes(WINDOW_PAGES, 2 * PAGE).fill(0);
    cpu.memory.bytes(WINDOW_ADDRESS, WINDOW_SIZE).set(window);
  }

  /** Executes one instruction, or a sequence without stopping; the vector of its exception, or NO_EXCEPTION. */
  #run({ instructions }: Vector): number {
    const cpu = this.#cpu;
    const single = instructions === 1;
    for (let step = 0; step < MAX_STEPS; step++) {
      const stop = cpu.execute(cpu.now + (single ? 1 : LONG_ENOUGH));
      if (handleStop(cpu, stop) === WAIT) throw new Error('one processor alone has to wait');
      if (cpu.faulting) return this.#takeFault();
      if (single && cpu.rip !== CODE_ADDRESS) return NO_EXCEPTION;
      if (stop === STOP_MARKER) {
        cpu.rip -= MARKER.length;
        return NO_EXCEPTION;
      }
    }
    throw new Error(`not finished after ${String(MAX_STEPS)} steps`);
  }

  /** The vector of the exception about to be delivered, which is not. */
  #takeFault(): number {
    const { fault } = this.#cpu;
    if (fault?.kind !== 'exception') throw new Error('not an exception');
    this.#cpu.faulting = false;
    return fault.vector;
  }

  #expect({ registersAfter, windowAfter }: Vector): void {
    const expected = this.#expected;
    for (const { register, value } of registersAfter) setRegister(expected, register, value);
    for (const { offset, bytes } of windowAfter) expected.window.set(bytes, offset);
  }

  #compare(vector: Vector, exception: number): string[] {
    const cpu = this.#cpu;
    const { registers, window } = this.#expected;
    const found: string[] = [];
    const check = (what: string, got: bigint, wanted: bigint): void => {
      if (got !== wanted) found.push(`${what} is ${got.toString(HEX)}, not ${wanted.toString(HEX)}`);
    };
    check('exception', BigInt(exception), BigInt(vector.exception));
    check('RIP', BigInt(cpu.rip), BigInt(CODE_ADDRESS + vector.ripChange));
    const defined = vector.definedFlags;
    check('RFLAGS', BigInt(cpu.rflags & defined), BigInt(vector.flags & defined));
    for (let n = 0; n < REGISTERS; n++) {
      if ((vector.undefinedRegisters & (1 << n)) !== 0) continue;
      const wanted = (BigInt(registers[n * 2 + 1]) << 32n) | BigInt(registers[n * 2]);
      check(`register ${String(n)}`, cpu.gpr(n), wanted);
    }
    const memory = cpu.memory.bytes(WINDOW_ADDRESS, WINDOW_SIZE);
    const byte = window.findIndex((wanted, offset) => memory[offset] !== wanted);
    if (byte >= 0) check(`byte ${String(byte)}`, BigInt(memory[byte]), BigInt(window[byte]));
    return found;
  }
}

function setRegister({ registers }: ProcessorState, register: number, value: bigint): void {
  registers[register * 2] = Number(value & 0xffff_ffffn);
  registers[register * 2 + 1] = Number(value >> 32n);
}

/** Bytes and text of a vector's instruction. */
export function describeCode(code: Uint8Array): string {
  const decoder = new Decoder(64, code, 0);
  decoder.ip = BigInt(CODE_ADDRESS);
  const instruction = decoder.decode();
  const formatter = new Formatter(FormatterSyntax.Intel);
  const text = formatter.format(instruction);
  for (const object of [decoder, instruction, formatter]) object.free();
  return `${text} [${Buffer.from(code).toString('hex')}]`;
}
