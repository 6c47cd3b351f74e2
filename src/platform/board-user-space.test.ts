import { beforeEach, describe, expect, it } from 'vitest';
import { Board } from './board.js';
import { BoardUserSpace, type BoardMachineEnd } from './board-user-space.js';

let ends: BoardMachineEnd[];
let userSpace: BoardUserSpace;

beforeEach(() => {
  ends = [];
  const nothing = (): void => undefined;
  const host = {
    ...{ now: () => 0, console: nothing, deliver: () => true, picOutput: nothing, lineDriven: nothing },
    ...{ redirectionChanged: nothing, timerTicked: nothing, schedule: nothing },
  };
  const board = new Board(
    { apicIds: [0], memoryBytes: 2 ** 24, tscHertz: 2e9, reinjectsTimer: false, leastTimerPeriodNs: 0 },
    host,
  );
  userSpace = new BoardUserSpace(board, nothing, (end) => ends.push(end));
});

describe('BoardUserSpace', () => {
  it('goes on until the guest ends the machine', () => {
    expect(userSpace.portWrite(0, 0x80, 1, 1)).toBe('continue');
    expect(userSpace.portWrite(0, 0xf4, 4, 0)).toBe('stop');
    expect(ends).toEqual([{ kind: 'exit', code: 0 }]);
  });

  it('reports a dead vCPU, once', () => {
    userSpace.failure(0, { kind: 'shutdown' });
    userSpace.portWrite(0, 0xf4, 4, 0);
    expect(ends).toEqual([{ kind: 'failure', vcpu: 0, failure: { kind: 'shutdown' } }]);
  });

  it('passes accesses on', () => {
    userSpace.mmioWrite(0, 0xff00_0000, Uint8Array.of(7));
    const bytes = new Uint8Array(1);
    userSpace.mmioRead(0, 0xff00_0000, bytes);
    expect([bytes[0], userSpace.portRead(0, 0x3fd, 1)]).toEqual([7, 0x60]);
  });
});
