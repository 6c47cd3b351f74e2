/** An exception that KVM raises while its guest is in real-address mode. */
import { expect, it } from 'vitest';
import { runImage } from '../src/machine/image-run.js';
import { imageMachine } from './support/image-machine.js';
import { randomCodeGuest } from './support/random-code-guest.js';

const RCX = 1;
/** WRMSR, whose second byte is where the handler goes on: XOR AL, AL; MOV AL, 7; OUT to F4H, the exit port. */
const CODE = Uint8Array.of(0x0f, 0x30, 0xc0, 0xb0, 7, 0xe6, 0xf4);
const NO_MSR = 0xd6;

it('has no error code: #GP of WRMSR is delivered through the vector table', () => {
  const registers = Array.from({ length: 8 }, (_, register) => (register === RCX ? NO_MSR : 0));
  const outcome = runImage(imageMachine(randomCodeGuest('16-bit real', CODE, registers), { maxCycles: 1e6 }));
  expect(outcome).toEqual({ kind: 'exit', code: 7 });
});
