/**
 * Records what this machine's processor does with random instances of general-purpose, x87, MMX and SSE instructions, as vectors
 * for the emulated one: `node --import ./tools/ts-node-hooks.js tools/record-vectors.ts`. See test/vectors/README.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Code } from 'iced-x86';
import { encodeVectors, type RegisterValue, type Vector, type WindowChange } from '../test/support/vector-file.js';
import {
  CODE_ADDRESS,
  DIRECTION_FLAG,
  mix,
  REGISTERS,
  STATUS_FLAGS,
  STACK_POINTER,
  WINDOW_ADDRESS,
  WINDOW_SIZE,
} from '../test/support/vector-state.js';
import { definedState } from './vectors/defined-state.js';
import { codesOf, GROUPS } from './vectors/instruction-groups.js';
import { executeNatively, type Answer, type Request } from './vectors/native.js';
import { randomInstruction } from './vectors/random-instruction.js';
import { randomSequence } from './vectors/random-sequence.js';
import { randomVectorSequence, vectorCodes } from './vectors/random-vector-instruction.js';
import { asAnnounced, randomX87Sequence, x87Codes } from './vectors/random-x87-instruction.js';
import { Scene } from './vectors/scene.js';

const INSTANCES = Number(process.argv[2] ?? 24);
const DIRECTORY = process.argv[3] ?? fileURLToPath(new URL('../test/vectors', import.meta.url));
/** Groups of few encodings get more instances of each. */
const SMALLEST_GROUP = 1500;
const ATTEMPTS = 200;
const SEQUENCES = 'sequence';
const SEQUENCES_PER_INSTANCE = 125;
const VECTOR_INSTRUCTIONS = 'vector';
/** Of each encoding, for each instance of a general-purpose one. */
const VECTORS_PER_INSTANCE = 0.5;
const X87_INSTRUCTIONS = 'x87';
const X87_PER_INSTANCE = 1.25;
const MAX_RUN = 255;
const RSP = 4;
const PUSHF = ['9c', '669c'];
const TRAP_FLAG_BYTE = 1;
/** Page faults belong to paging; UNFINISHED of the harness. */
const UNWANTED = new Set([14, 0xfe]);
const MAX_RIP_CHANGE = 0x7fff;

/** The processor's model name; nothing else about the machine is kept. */
function processorName(): string {
  return /^model name\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown';
}

function arrange(code: Code, number: number): Request | null {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const scene = new Scene(number, attempt);
    const bytes = randomInstruction(code, scene);
    if (bytes !== null) return { code: bytes, instructions: 1, scene };
  }
  return null;
}

/** The vector of an executed instruction, or null when its outcome is not worth keeping. */
function toVector(request: Request, answer: Answer): Vector | null {
  const { code, instructions, scene } = request;
  const defined = request.defined ?? definedState(code, scene, answer.exception);
  const ripChange = Number(BigInt.asIntN(64, answer.rip - BigInt(CODE_ADDRESS)));
  if (defined.meaningless || Math.abs(ripChange) > MAX_RIP_CHANGE || UNWANTED.has(answer.exception)) return null;
  if (request.isUnstepped === true && !asAnnounced(request, answer)) return null;
  hideTrapFlag(code, answer);
  return {
    code,
    instructions,
    state: scene.number,
    registersBefore: scene.registersBefore,
    windowBefore: scene.windowBefore,
    exception: answer.exception,
    ripChange,
    flags: answer.flags & (STATUS_FLAGS | DIRECTION_FLAG),
    definedFlags: defined.flags,
    undefinedRegisters: defined.undefinedRegisters,
    registersAfter: changedRegisters(scene, answer),
    windowAfter: changedWindow(scene.windowBytes(), answer.window),
  };
}

/** PUSHF stores the trap flag that single-stepping needs. */
function hideTrapFlag(code: Uint8Array, { registers, window }: Answer): void {
  if (!PUSHF.includes(Buffer.from(code).toString('hex'))) return;
  const at = Number(registers[RSP]) - WINDOW_ADDRESS + 1;
  window[at] &= ~TRAP_FLAG_BYTE;
}

function changedRegisters(scene: Scene, answer: Answer): RegisterValue[] {
  return Array.from({ length: REGISTERS }, (_, register) => ({
    register,
    value: answer.registers[register] ?? 0n,
  })).filter(({ register, value }) => value !== scene.get(register));
}

function changedWindow(before: Uint8Array, after: Uint8Array): WindowChange[] {
  const changes: WindowChange[] = [];
  for (let offset = 0; offset < WINDOW_SIZE; offset++) {
    if (before[offset] === after[offset]) continue;
    let end = offset + 1;
    while (end < WINDOW_SIZE && end - offset < MAX_RUN && before[end] !== after[end]) end++;
    changes.push({ offset, bytes: after.slice(offset, end) });
    offset = end;
  }
  return changes;
}

/** Random instances of every encoding of a group. */
function instancesOf(group: string): Request[] {
  const firstState = firstStateOf(group);
  const all = codesOf(group);
  const instances = Math.max(INSTANCES, Math.ceil(SMALLEST_GROUP / all.length));
  const codes = all.flatMap((code) => Array.from({ length: instances }, () => code));
  return codes.map((code, index) => arrange(code, firstState + index)).filter((request) => request !== null);
}

function sequences(): Request[] {
  const firstState = firstStateOf(SEQUENCES);
  const count = INSTANCES * SEQUENCES_PER_INSTANCE;
  return Array.from({ length: count }, (_, index) => randomSequence(firstState + index));
}

function vectorSequences(): Request[] {
  const firstState = firstStateOf(VECTOR_INSTRUCTIONS);
  const instances = Math.ceil(INSTANCES * VECTORS_PER_INSTANCE);
  const codes = vectorCodes().flatMap((code) => Array.from({ length: instances }, () => code));
  return codes.map((code, index) => randomVectorSequence(code, firstState + index));
}

function x87Sequences(): Request[] {
  const firstState = firstStateOf(X87_INSTRUCTIONS);
  const instances = Math.ceil(INSTANCES * X87_PER_INSTANCE);
  const codes = x87Codes().flatMap((code) => Array.from({ length: instances }, () => code));
  return codes.map((code, index) => randomX87Sequence(code, firstState + index));
}

function requestsOf(group: string): Request[] {
  if (group === X87_INSTRUCTIONS) return x87Sequences();
  if (group === SEQUENCES) return sequences();
  return group === VECTOR_INSTRUCTIONS ? vectorSequences() : instancesOf(group);
}

function firstStateOf(group: string): number {
  return Buffer.from(group).reduce((state, letter) => mix(state + letter), STACK_POINTER) & 0x0fff_ffff;
}

const selected = process.argv[4]?.split(',') ?? [...GROUPS, SEQUENCES, VECTOR_INSTRUCTIONS, X87_INSTRUCTIONS];
for (const group of selected) {
  const requests = requestsOf(group);
  const answers = executeNatively(requests);
  const vectors = requests
    .map((request, index) => toVector(request, answers[index]))
    .filter((vector) => vector !== null);
  const file = encodeVectors({ processor: processorName(), vectors });
  writeFileSync(`${DIRECTORY}/${group}.bin`, file);
  const faults = vectors.filter(({ exception }) => exception !== 0xff).length;
  console.log(
    `${group}: ${String(vectors.length)} vectors, ${String(faults)} exceptions, ${String(file.length)} bytes`,
  );
}
