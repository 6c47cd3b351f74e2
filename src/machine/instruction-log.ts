/**
 * The guest instructions of one CPU, one by one, with the time each takes: from its first attempt to its retirement, or
 * to the VM exit or fault that it ends in. Sleep, and passes of spin loops that are not executed, belong to none.
 */
import { Decoder, DecoderOptions, Formatter, FormatterSyntax } from 'iced-x86';
import { STEP } from '../cost/step.js';
import type { Cpu } from '../hardware/cpu/cpu.js';
import * as L from '../hardware/cpu/layout.js';
import type { TraceRecord } from '../trace/event.js';

interface Attempt {
  readonly rip: number;
  readonly start: number;
  readonly retired: number;
  /** Ticks that had been slept away when it began. */
  readonly slept: number;
  bytes: Uint8Array;
}

/** Told before and after everything that the interpreter does for its CPU. */
export class InstructionLog {
  readonly #cpu: Cpu;
  readonly #disassembler: Disassembler;
  readonly #onInstruction: (record: TraceRecord) => void;
  #attempt: Attempt | null = null;

  constructor(cpu: Cpu, disassembler: Disassembler, onInstruction: (record: TraceRecord) => void) {
    this.#cpu = cpu;
    this.#disassembler = disassembler;
    this.#onInstruction = onInstruction;
  }

  /** The interpreter is about to execute the instruction at RIP, perhaps not for the first time. */
  before(): void {
    const cpu = this.#cpu;
    const start = cpu.now;
    const retired = cpu.long(L.CPU_RETIRED);
    if (this.#attempt !== null && this.#attempt.retired !== retired) this.#finish(start);
    const { rip } = cpu;
    if (this.#attempt?.rip !== rip) {
      this.#attempt = { rip, start, retired, slept: cpu.sleepTicks, bytes: new Uint8Array() };
    }
    const bytes = cpu.decoder.fetchedBytes(cpu);
    if (bytes.length > 0) this.#attempt.bytes = bytes;
  }

  after(): void {
    if (this.#hasRetired) this.#finish(this.#cpu.now);
  }

  /** A step that took `ticks` has been charged: what belongs to an event and not to the instruction ends it. */
  charged(step: number, ticks: number): void {
    if (this.#hasRetired || step === STEP.VM_EXIT || step === STEP.IDT_DELIVERY) this.#finish(this.#cpu.now - ticks);
  }

  get #hasRetired(): boolean {
    return this.#attempt !== null && this.#cpu.long(L.CPU_RETIRED) !== this.#attempt.retired;
  }

  #finish(end: number): void {
    const attempt = this.#attempt;
    this.#attempt = null;
    if (attempt === null) return;
    const { rip, start, slept, bytes } = attempt;
    const ticks = end - start - (this.#cpu.sleepTicks - slept);
    const text = this.#disassembler.text(bytes, rip);
    const event = { name: 'ipiv_instruction', rip, ticks, text } as const;
    this.#onInstruction({ at: start + ticks, cpu: this.#cpu.id, event });
  }
}

/** An instruction in the SDM's syntax, and its length in bytes. */
interface Disassembled {
  readonly text: string;
  readonly length: number;
}

/** Instructions in the SDM's syntax. */
export class Disassembler {
  readonly #formatter = new Formatter(FormatterSyntax.Intel);
  readonly #known = new Map<string, Disassembled>();

  constructor() {
    this.#formatter.hexPrefix = '0x';
    this.#formatter.hexSuffix = '';
    this.#formatter.uppercaseHex = false;
    this.#formatter.branchLeadingZeros = false;
    this.#formatter.addLeadingZeroToHexNumbers = false;
  }

  /** The first instruction of `bytes`, 64-bit code; empty if they are none. */
  text(bytes: Uint8Array, rip: number): string {
    return this.instruction(bytes, rip, 64).text;
  }

  /** The first instruction of `bytes`; empty if they are none. */
  instruction(bytes: Uint8Array, rip: number, bitness: 16 | 32 | 64): Disassembled {
    const key = `${bitness} ${rip} ${bytes.join(' ')}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const instruction = bytes.length === 0 ? { text: '', length: 0 } : this.#decode(bytes, rip, bitness);
    this.#known.set(key, instruction);
    return instruction;
  }

  #decode(bytes: Uint8Array, rip: number, bitness: 16 | 32 | 64): Disassembled {
    const decoder = new Decoder(bitness, bytes, DecoderOptions.None);
    decoder.ip = BigInt.asUintN(64, BigInt(rip));
    const instruction = decoder.decode();
    const { length } = instruction;
    const text = this.#formatter.format(instruction);
    instruction.free();
    decoder.free();
    return { text, length };
  }
}
