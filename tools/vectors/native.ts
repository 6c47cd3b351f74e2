import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { REGISTERS, WINDOW_SIZE } from '../../test/support/vector-state.js';
import type { DefinedState } from './defined-state.js';
import type { Scene } from './scene.js';

const SOURCE = fileURLToPath(new URL('../../test/native/step.c', import.meta.url));
const CODE_BYTES = 128;
const NOP = 0x90;
const INT3 = 0xcc;
const STATE = CODE_BYTES + 8;
const REQUEST_SIZE = STATE + (REGISTERS + 1) * 8 + WINDOW_SIZE;
const ANSWER_SIZE = (REGISTERS + 4) * 8 + WINDOW_SIZE;

export interface Request {
  readonly code: Uint8Array;
  /** How many instructions the code has. */
  readonly instructions: number;
  readonly scene: Scene;
  /** Executed in one go, not one instruction at a time. */
  readonly isUnstepped?: boolean;
  /** Where it does not follow from the code. */
  readonly defined?: DefinedState;
}

export interface Answer {
  readonly registers: readonly bigint[];
  readonly flags: number;
  readonly rip: bigint;
  readonly exception: number;
  readonly window: Uint8Array;
}

/** Executes instructions on this machine's processor; needs a C compiler. */
export function executeNatively(requests: readonly Request[]): Answer[] {
  const directory = mkdtempSync(join(tmpdir(), 'step-'));
  try {
    const program = join(directory, 'step');
    execFileSync('cc', ['-O2', '-no-pie', '-o', program, SOURCE]);
    const input = Buffer.alloc(requests.length * REQUEST_SIZE);
    requests.forEach((request, index) => {
      writeRequest(input.subarray(index * REQUEST_SIZE, (index + 1) * REQUEST_SIZE), request);
    });
    const output = execFileSync(program, { input, maxBuffer: requests.length * ANSWER_SIZE + 1024 });
    return requests.map((_, index) => readAnswer(output.subarray(index * ANSWER_SIZE, (index + 1) * ANSWER_SIZE)));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function writeRequest(at: Buffer, { code, instructions, scene, isUnstepped = false }: Request): void {
  at.fill(isUnstepped ? INT3 : NOP, 0, CODE_BYTES);
  at.set(code, 0);
  at.writeBigUInt64LE(BigInt(isUnstepped ? 0 : instructions), CODE_BYTES);
  for (let register = 0; register < REGISTERS; register++) {
    at.writeBigUInt64LE(scene.get(register), STATE + register * 8);
  }
  at.writeBigUInt64LE(BigInt(scene.state.flags), STATE + REGISTERS * 8);
  at.set(scene.windowBytes(), STATE + (REGISTERS + 1) * 8);
}

function readAnswer(at: Buffer): Answer {
  const word = (index: number): bigint => at.readBigUInt64LE(index * 8);
  return {
    registers: Array.from({ length: REGISTERS }, (_, register) => word(register)),
    flags: Number(word(REGISTERS) & 0xffffn),
    rip: word(REGISTERS + 1),
    exception: Number(word(REGISTERS + 2)),
    window: at.subarray((REGISTERS + 4) * 8),
  };
}
