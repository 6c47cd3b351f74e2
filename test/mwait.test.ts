import { describe, expect, it } from 'vitest';
import { ACTIVITY_MWAIT } from '../src/hardware/cpu/activity.js';
import { bareMachine } from './support/bare-machine.js';

const CODE = 0x10_0000;
const WAITER = CODE + 0x800;
const STORES = 200;
const R8 = 8;
const R9 = 9;
/** The waited-for word, in a page of its own. */
const WORD = [0x00, 0x30, 0x10, 0x00];

/** Adds 1 to the word, at changing intervals. */
const WRITER_CODE = [
  ...[0xb9, STORES, 0, 0, 0], //   mov ecx, STORES
  ...[0x89, 0xca], //              next: mov edx, ecx
  ...[0x83, 0xe2, 0x3f], //        and edx, 63
  ...[0xff, 0xca], //              delay: dec edx
  ...[0x79, 0xfc], //              jns delay
  ...[0xbb, ...WORD], //           mov ebx, WORD
  ...[0xf0, 0xff, 0x03], //        lock inc dword [rbx]
  ...[0xff, 0xc9], //              dec ecx
  ...[0x75, 0xeb], //              jnz next
  0xf4, //                         hlt
];

/** Waits for the word to change; hashes the times at which it saw changes into R9. */
const WAITER_CODE = [
  ...[0xb8, ...WORD], //           loop: mov eax, WORD
  ...[0x31, 0xc9, 0x31, 0xd2], //  xor ecx, ecx; xor edx, edx
  ...[0x0f, 0x01, 0xc8], //        monitor
  ...[0x8b, 0x18], //              mov ebx, [rax]
  ...[0x44, 0x39, 0xc3], //        cmp ebx, r8d
  ...[0x75, 0x07], //              jne changed
  ...[0x31, 0xc0], //              xor eax, eax
  ...[0x0f, 0x01, 0xc9], //        mwait
  ...[0xeb, 0xe6], //              jmp loop
  ...[0x41, 0x89, 0xd8], //        changed: mov r8d, ebx
  ...[0x0f, 0x31], //              rdtsc
  ...[0x4d, 0x6b, 0xc9, 0x1f], //  imul r9, r9, 31
  ...[0x49, 0x01, 0xc1], //        add r9, rax
  ...[0xeb, 0xd8], //              jmp loop
];

function run(lookaheadShare: number): unknown[] {
  const bytes = new Uint8Array(0x900);
  bytes.set(WRITER_CODE);
  bytes.set(WAITER_CODE, WAITER - CODE);
  const machine = bareMachine({
    code: { base: CODE, bytes },
    entries: [CODE, WAITER],
    simulation: { lookaheadShare },
  });
  machine.clock.run();
  const [writer, waiter] = machine.cpus;
  expect(waiter.activity).toBe(ACTIVITY_MWAIT);
  expect(waiter.gpr(R8)).toBe(BigInt(STORES));
  return [waiter.gpr(R9), waiter.now, writer.now];
}

describe('MONITOR and MWAIT on two processors', () => {
  it('misses no store, and comes out the same for every lookahead', () => {
    const results = [0, 0.3, 0.5, 1].map((share) => run(share));
    for (const result of results) expect(result).toEqual(results[0]);
  });
});
