import { describe, expect, it } from 'vitest';
import { bareMachine } from '../../../test/support/bare-machine.js';
import { SingleStep } from '../../../test/support/single-step.js';
import { DATA, KERNEL_CODE } from '../../guest/memory-map.js';
import { ALL_CPUS } from '../clock/clock.js';
import * as L from './layout.js';

const CODE = 0x1000;
const FLAG = 0x8000;
const CYCLE = 64;
const RBX = 3;
const RDI = 7;

function cpuAt(code: string, fastForward = true): SingleStep {
  const cpu = new SingleStep();
  cpu.load(CODE, Buffer.from(code.replaceAll(' ', ''), 'hex'));
  cpu.setRegister(RBX, BigInt(FLAG));
  cpu.setWord(L.CPU_FAST_FORWARD, fastForward ? 1 : 0);
  cpu.setWord(L.CPU_COST_SPIN_EXIT, 1000);
  return cpu;
}

/** L: mov eax, [rbx]; test eax, eax; je L; cpuid: 4 cycles per pass. */
const WAIT_LOOP = '8b 03 85 c0 74 fa 0f a2';

describe('a loop that waits for memory', () => {
  it('parks after two equal passes', () => {
    const cpu = cpuAt(WAIT_LOOP);
    expect(cpu.run(1e6)).toBe(L.STOP_PARKED);
    expect([cpu.rip, cpu.retired, cpu.now]).toEqual([CODE, 6, 8 * CYCLE]);
    expect([cpu.long(L.CPU_PARK_D), cpu.long(L.CPU_PARK_N), cpu.word(L.CPU_PARK_PAUSES)]).toEqual([4 * CYCLE, 3, 0]);
    expect([cpu.long(L.CPU_MARK_TIME), cpu.long(L.CPU_SPIN_TICKS)]).toEqual([8 * CYCLE, 4 * CYCLE]);
  });

  it('counts the same idle time without fast-forward', () => {
    const cpu = cpuAt(WAIT_LOOP, false);
    expect(cpu.run(40 * CYCLE)).toBe(L.STOP_LIMIT);
    expect(cpu.long(L.CPU_SPIN_TICKS)).toBe(9 * 4 * CYCLE);
  });

  it('pays for being left, once', () => {
    const cpu = cpuAt(WAIT_LOOP);
    cpu.run(1e6);
    cpu.memory.write32(FLAG, 1);
    expect(cpu.run(1e6)).toBe(L.STOP_SLOW);
    expect([cpu.now, cpu.long(L.CPU_COUNT_SPIN_EXIT)]).toEqual([(8 + 4) * CYCLE + 1000, 1]);
    cpu.rip = CODE;
    cpu.run(1e6);
    expect(cpu.long(L.CPU_COUNT_SPIN_EXIT)).toBe(1);
  });

  it('does not park when a line was taken from it in its last pass', () => {
    const cpu = cpuAt(WAIT_LOOP);
    cpu.memory.f64[(cpu.block + L.CPU_LOST_LINE_AT) >>> 3] = 5 * CYCLE;
    expect(cpu.run(1e6)).toBe(L.STOP_PARKED);
    expect(cpu.retired).toBe(9);
  });

  it('does not park when a pass was interrupted', () => {
    const cpu = cpuAt(WAIT_LOOP);
    cpu.run(5 * CYCLE);
    cpu.now++;
    expect(cpu.run(4 * CYCLE)).toBe(L.STOP_LIMIT);
    expect(cpu.run(1e6)).toBe(L.STOP_PARKED);
    expect(cpu.retired).toBe(9);
  });
});

describe('a jump to itself', () => {
  const atNop = (fastForward = true): SingleStep => {
    const cpu = cpuAt('90 eb fe', fastForward);
    cpu.setWord(L.CPU_HOST_TURN, 0);
    return cpu;
  };

  it('parks at the limit in front of it', () => {
    const cpu = atNop();
    expect(cpu.run(CYCLE)).toBe(L.STOP_PARKED);
    expect([cpu.retired, cpu.now, cpu.word(L.CPU_PARK_AHEAD)]).toEqual([1, CYCLE, 1]);
  });

  it('parks at the limit between its passes', () => {
    const cpu = atNop();
    cpu.setWord(L.CPU_ATTENTION, 1);
    expect(cpu.run(2 * CYCLE)).toBe(L.STOP_LIMIT);
    cpu.setWord(L.CPU_ATTENTION, 0);
    expect(cpu.run(0)).toBe(L.STOP_PARKED);
    expect([cpu.retired, cpu.now, cpu.word(L.CPU_PARK_AHEAD)]).toEqual([2, 2 * CYCLE, 0]);
  });

  it.each(['CPU_ATTENTION', 'CPU_SHADOW', 'CPU_HOST_TURN'] as const)('does not park there with %s', (field) => {
    const cpu = atNop();
    cpu.setWord(L[field], 1);
    expect(cpu.run(CYCLE)).toBe(L.STOP_LIMIT);
  });

  it('does not park there without fast-forward', () => {
    expect(atNop(false).run(CYCLE)).toBe(L.STOP_LIMIT);
  });
});

describe('a CPU that events find in a spin loop', () => {
  it.each([
    ['jmp to itself', '90 90 eb fe'],
    ['pause; jmp', '90 f3 90 eb fc'],
    ['mov eax, [rip]; test; jne', '90 8b 05 00 00 00 00 85 c0 75 f6'],
  ])('has come as far as if it had executed it, between and within passes: %s', (_, hex) => {
    const counts = (fastForward: boolean): number[] => {
      const code = { base: KERNEL_CODE, bytes: Buffer.from(hex.replaceAll(' ', ''), 'hex') };
      const { clock, cpus } = bareMachine({ code, entries: [KERNEL_CODE], simulation: { fastForward } });
      const seen: number[] = [];
      const look = (): void => {
        seen.push(cpus[0].now, cpus[0].long(L.CPU_RETIRED), cpus[0].long(L.CPU_SPIN_TICKS));
      };
      for (let at = 1; at < 10 * CYCLE; at++) clock.schedule(at, ALL_CPUS, look);
      for (let at = 1000 * CYCLE; at < 2000 * CYCLE; at += 13) clock.schedule(at, ALL_CPUS, look);
      clock.schedule(2000 * CYCLE, ALL_CPUS, () => {
        clock.stop();
      });
      clock.run();
      return seen;
    };
    expect(counts(true)).toEqual(counts(false));
  });
});

describe('a CPU whose spin loop reads what another CPU stores', () => {
  /** The first CPU spins, the other one executes NOPs and stores: what both have come to later. */
  const counts = (loop: string, value: string, nops: number, fastForward: boolean): number[] => {
    const hex = `${loop} eb fe ${'90'.repeat(nops)} c7 03 ${value} 00 00 00 eb fe`;
    const code = { base: KERNEL_CODE, bytes: Buffer.from(hex.replaceAll(' ', ''), 'hex') };
    const entries = [KERNEL_CODE, KERNEL_CODE + loop.replaceAll(' ', '').length / 2 + 2];
    const { clock, cpus } = bareMachine({ code, entries, simulation: { fastForward } });
    for (const cpu of cpus) cpu.setGpr(RBX, BigInt(DATA));
    clock.schedule(4000 * CYCLE, ALL_CPUS, () => {
      clock.stop();
    });
    clock.run();
    return cpus.flatMap((cpu) => [cpu.now, cpu.long(L.CPU_RETIRED), cpu.long(L.CPU_SPIN_TICKS)]);
  };

  it.each([
    ['leaves', 'at the beginning', '8b 03 85 c0 74 fa', '01', 1],
    ['goes on with', 'at the beginning', '8b 03 85 c0 74 fa', '00', 1],
    ['leaves', 'at the end', `${'90'.repeat(12)} 8b 03 85 c0 74 ee`, '01', 1],
    ['goes on with', 'at the end', `${'90'.repeat(12)} 8b 03 85 c0 74 ee`, '00', 1],
    ['leaves', 'behind PAUSE', 'f3 90 8b 03 85 c0 74 f8', '01', 19],
    ['goes on with', 'behind PAUSE', 'f3 90 8b 03 85 c0 74 f8', '00', 19],
  ])('%s a loop with the load %s as if it had executed it, wherever the store finds it', (_, __, loop, value, step) => {
    for (let nops = 600; nops < 600 + 40 * step; nops += step) {
      expect(counts(loop, value, nops, true)).toEqual(counts(loop, value, nops, false));
    }
  });
});

describe('a run that comes to its limit in front of a jump to HLT', () => {
  const atJump = (nextEvent = 1e9): SingleStep => {
    const cpu = cpuAt('90 eb 00 f4');
    cpu.setWord(L.CPU_HOST_TURN, 0);
    cpu.memory.f64[L.ORDER_NEXT_EVENT >>> 3] = nextEvent;
    // What has not been decoded yet stays where it is.
    cpu.rip = CODE + 3;
    cpu.run(CYCLE);
    cpu.rip = CODE;
    return cpu;
  };

  it('goes on to HLT, for neither reads what another CPU may store', () => {
    const cpu = atJump();
    expect(cpu.run(CYCLE)).toBe(L.STOP_SLOW);
    expect([cpu.rip, cpu.retired, cpu.now]).toEqual([CODE + 3, 2, 2 * CYCLE]);
  });

  it('ends there if an event is due by then', () => {
    const cpu = atJump(2 * CYCLE);
    expect(cpu.run(CYCLE)).toBe(L.STOP_LIMIT);
    expect(cpu.now).toBe(CYCLE);
  });

  it.each(['CPU_ATTENTION', 'CPU_SHADOW', 'CPU_HOST_TURN'] as const)('ends there with %s', (field) => {
    const cpu = atJump();
    cpu.setWord(L[field], 1);
    expect(cpu.run(CYCLE)).toBe(L.STOP_LIMIT);
  });
});

describe('the loops that are recognized', () => {
  const parks = (code: string): boolean => cpuAt(code).run(200 * CYCLE) === L.STOP_PARKED;

  it.each([
    ['jmp to itself', 'eb fe'],
    ['pause; jmp', 'f3 90 eb fc'],
    ['cmp [rbx], 0; je', '83 3b 00 74 fb'],
    ['movzx eax, byte [rbx]; and eax, 1; je', '0f b6 03 83 e0 01 74 f8'],
    ['mov al, [rbx]; test al, al; je', '8a 03 84 c0 74 fa'],
    ['xor eax, eax; add eax, [rbx]; je', '31 c0 03 03 74 fa'],
    ['mov eax, [rbx]; test; jne out; pause; jmp', '8b 03 85 c0 75 04 f3 90 eb f6 0f a2'],
    ['pause; mov eax, [rbx]; test; je, entered at the test', 'eb 02 f3 90 8b 03 85 c0 74 f8'],
  ])('%s', (_, code) => {
    expect(parks(code)).toBe(true);
  });

  it.each([
    ['inc eax; jmp', 'ff c0 eb fc'],
    ['a store', '89 03 eb fc'],
    ['a push', '50 58 eb fc'],
    ['sbb on the carry of the last pass', '19 c0 3b 03 eb fa'],
    ['a locked operation', 'f0 83 03 00 eb fa'],
    ['a branch inside', '83 3b 00 75 01 90 eb f8'],
    ['17 instructions', `${'90'.repeat(16)} eb ee`],
  ])('not %s', (_, code) => {
    expect(parks(code)).toBe(false);
  });

  it('with exits: leaving by one pays too and ends the pass', () => {
    const cpu = cpuAt('8b 03 85 c0 75 04 f3 90 eb f6 0f a2');
    expect(cpu.run(1e6)).toBe(L.STOP_PARKED);
    cpu.memory.write32(FLAG, 1);
    expect(cpu.run(1e6)).toBe(L.STOP_SLOW);
    expect([cpu.long(L.CPU_COUNT_SPIN_EXIT), cpu.word(L.CPU_MARK_BRANCH)]).toEqual([1, 0]);
  });
});

describe('a loop that waits for the TSC', () => {
  const DELAY = '0f 31 48 c1 e2 20 48 09 d0 48 29 d8'; // rdtsc; shl rdx, 32; or rax, rdx; sub rax, rbx
  /** RBX is the TSC of the start, RDI a long time. */
  const stopOf = (code: string): number => {
    const cpu = cpuAt(`${code} 0f a2`);
    cpu.setLong(L.CPU_TSC_OFFSET, FLAG);
    cpu.setRegister(RDI, 1n << 40n);
    return cpu.run(2000 * CYCLE);
  };

  it.each([
    ['rdtsc; jmp', '0f 31 eb fc'],
    ['cmp rax, imm; jb', `${DELAY} 48 3d 00 00 01 00 72 ec`],
    ['cmp rax, imm; jbe', `${DELAY} 48 3d 00 00 01 00 76 ec`],
    ['cmp rdi, rax; ja', `${DELAY} 48 39 c7 77 ef`],
    ['cmp rax, imm; ja out; jmp', `${DELAY} 48 3d 00 00 01 00 77 02 eb ea 0f a2`],
    [
      'pause; rdtsc; shl; mov eax, eax; or rdx, rax; sub; cmp; ja out; mov ecx, [rbx]; cmp; je',
      'f3 90 0f 31 48 c1 e2 20 89 c0 48 09 c2 48 29 da 48 81 fa ff c9 9a 3b 77 06 8b 0b 85 c9 74 e1',
    ],
  ])('parks: %s', (_, code) => {
    expect(stopOf(code)).toBe(L.STOP_PARKED);
  });

  it.each([
    ['equality', `${DELAY} 48 3d 00 00 01 00 75 ec`],
    ['a signed comparison', `${DELAY} 48 3d 00 00 01 00 7c ec`],
    ['EAX alone', '0f 31 3d 00 00 01 00 72 f7'],
    ['bits of the TSC', `${DELAY} a8 01 74 f0`],
    ['a comparison with memory', `${DELAY} 48 3b 03 72 ef`],
    ['the carry of the subtraction', `${DELAY} 72 f2`],
    ['an address that depends on it', '0f 31 83 3c 03 00 74 f8'],
  ])('does not for %s', (_, code) => {
    expect([L.STOP_LIMIT, L.STOP_SLOW]).toContain(stopOf(code));
  });

  it('counts neither RDTSC nor PAUSE of idle passes', () => {
    const cpu = cpuAt('f3 90 0f 31 eb fa');
    cpu.run(2000 * CYCLE);
    expect([cpu.long(L.CPU_COUNT_RDTSC), cpu.long(L.CPU_COUNT_PAUSE), cpu.retired]).toEqual([1, 1, 6]);
    expect(cpu.word(L.CPU_PARK_EXECUTED)).toBe(1);
  });

  it('does not park while RDTSC is left to the host', () => {
    const cpu = cpuAt('0f 31 eb fc');
    cpu.setWord(L.CPU_RDTSC_SLOW, 1);
    expect(cpu.run(2000 * CYCLE)).toBe(L.STOP_SLOW);
  });
});

describe('PAUSE loops under PAUSE-loop exiting', () => {
  function pausing(gapCycles: number): SingleStep {
    const cpu = cpuAt('f3 90 eb fc'); // 3 cycles per pass
    cpu.setWord(L.CPU_PLE_ON, 1);
    cpu.setLong(L.CPU_PLE_GAP, gapCycles * CYCLE);
    cpu.setLong(L.CPU_PLE_WINDOW, 100 * CYCLE);
    cpu.now = CYCLE;
    return cpu;
  }

  it('are not parked while the window can expire', () => {
    expect(pausing(3).run(1000 * CYCLE)).toBe(L.STOP_PAUSE_LOOP);
  });

  it('are parked when every PAUSE starts a new loop', () => {
    expect(pausing(2).run(1000 * CYCLE)).toBe(L.STOP_PARKED);
  });
});
