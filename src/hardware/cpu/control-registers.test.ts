import { describe, expect, it } from 'vitest';
import { bareMachine } from '../../../test/support/bare-machine.js';
import { KERNEL_CODE } from '../../guest/memory-map.js';
import { CR4_PGE } from './control-register-bits.js';
import { CPU_CR4_PGE_TOGGLES, CPU_RETIRED, STOP_MARKER, STOP_SLOW } from './layout.js';
import { handleStop } from './stops.js';
import { lookUpTlb } from './tlb.js';

const RAX = 0;
const RSP = 4;
const TOGGLES = 4;
/** MOV RBX, [RSP]; XOR RAX, 80H; MOV CR4, RAX */
const TOGGLE = [0x48, 0x8b, 0x1c, 0x24, 0x48, 0x35, 0x80, 0, 0, 0, 0x0f, 0x22, 0xe0];
/** NOP DWORD [RAX + marker 0] */
const MARKER = [0x0f, 0x1f, 0x80, 0x00, 0x49, 0x50, 0x49];

/** What software can tell after each step of toggling PGE, whether the stack is in the TLB, and how often the host was asked. */
function toggle(byHost: boolean): { readonly states: readonly object[]; readonly slow: number } {
  const bytes = Uint8Array.from([...Array.from({ length: TOGGLES }, () => TOGGLE).flat(), ...MARKER]);
  const [cpu] = bareMachine({ code: { base: KERNEL_CODE, bytes }, entries: [KERNEL_CODE] }).cpus;
  cpu.setGpr(RAX, BigInt(cpu.cr4));
  const states: object[] = [];
  let slow = 0;
  for (let stop = -1; stop !== STOP_MARKER;) {
    if (byHost) cpu.setWord(CPU_CR4_PGE_TOGGLES, 0);
    stop = cpu.execute(cpu.now + 1);
    if (stop === STOP_SLOW) slow++;
    handleStop(cpu, stop);
    const { now, rip, cr4 } = cpu;
    const retired = cpu.long(CPU_RETIRED);
    const isMapped = lookUpTlb(cpu, cpu.gprNumber(RSP), false) >= 0;
    states.push({ now, retired, rip, pge: (cr4 & CR4_PGE) !== 0, isMapped });
  }
  return { states, slow };
}

describe('MOV to CR4 that toggles PGE', () => {
  it('is the same in the interpreter, which needs the host once to know it', () => {
    const host = toggle(true);
    const interpreter = toggle(false);
    expect([host.slow, interpreter.slow]).toEqual([TOGGLES, 1]);
    expect(interpreter.states).toEqual(host.states);
  });
});
