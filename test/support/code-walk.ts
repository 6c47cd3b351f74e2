import { Decoder, FlowControl, Formatter, FormatterSyntax, type Instruction } from 'iced-x86';
import type { AssembledCode } from '../../src/guest/assembler.js';

/** One instruction on a path through code. */
export interface Visited {
  readonly address: number;
  /** Intel syntax, lower case. */
  readonly text: string;
}

/** Decodes a stretch of code completely. */
export function disassemble({ base, bytes }: AssembledCode): Visited[] {
  const visited: Visited[] = [];
  const decoder = new Decoder(64, bytes, 0);
  decoder.ip = BigInt(base);
  const formatter = new Formatter(FormatterSyntax.Intel);
  while (decoder.canDecode) {
    const instruction = decoder.decode();
    visited.push({ address: Number(instruction.ip), text: formatter.format(instruction).toLowerCase() });
    instruction.free();
  }
  formatter.free();
  decoder.free();
  return visited;
}

/**
 * The instructions executed from `start` when no conditional branch is taken. Indirect calls are resolved by
 * `indirect` (by their text). Ends before a branch back to `start`, which is included, or at an unmatched return.
 */
export function walk(code: AssembledCode, start: number, indirect: (text: string) => number): Visited[] {
  const formatter = new Formatter(FormatterSyntax.Intel);
  const path: Visited[] = [];
  const returns: number[] = [];
  for (let at = start; path.length < 1000;) {
    const instruction = decodeAt(code, at);
    const text = formatter.format(instruction).toLowerCase();
    path.push({ address: at, text });
    const next = Number(instruction.nextIP);
    const target = Number(instruction.nearBranchTarget);
    const flow = instruction.flowControl;
    instruction.free();
    if (flow === FlowControl.ConditionalBranch && target === start) break;
    if (flow === FlowControl.UnconditionalBranch) at = target;
    else if (flow === FlowControl.Call || flow === FlowControl.IndirectCall) {
      if (text === 'vmcall') {
        at = next;
        continue;
      }
      returns.push(next);
      at = flow === FlowControl.Call ? target : indirect(text);
    } else if (flow === FlowControl.Return) {
      const back = returns.pop();
      if (back === undefined) break;
      at = back;
    } else at = next;
  }
  formatter.free();
  return path;
}

function decodeAt({ base, bytes }: AssembledCode, address: number): Instruction {
  const decoder = new Decoder(64, bytes.subarray(address - base), 0);
  decoder.ip = BigInt(address);
  const instruction = decoder.decode();
  decoder.free();
  return instruction;
}

/** The addresses that one code loads into `register` as 32-bit constants. */
export function constantsMovedTo(path: readonly Visited[], register: 'esi' | 'edi' | 'ebp'): number[] {
  const prefix = `mov ${register},`;
  return path
    .filter(({ text }) => /^mov \w+,[0-9a-f]+h$/.test(text) && text.startsWith(prefix))
    .map(({ text }) => parseInt(text.slice(prefix.length), 16));
}
