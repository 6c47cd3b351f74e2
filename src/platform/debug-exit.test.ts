import { describe, expect, it } from 'vitest';
import { DebugExit, ShutdownPort, type BoardEnd } from './debug-exit.js';

function shutdown(text: string): BoardEnd[] {
  const ends: BoardEnd[] = [];
  const port = new ShutdownPort((end) => ends.push(end));
  for (const byte of new TextEncoder().encode(text)) port.write(0, 1, byte);
  return ends;
}

describe('DebugExit', () => {
  it('ends the machine with the value as code', () => {
    const ends: BoardEnd[] = [];
    new DebugExit((end) => ends.push(end)).write(0, 4, 3);
    expect(ends).toEqual([{ kind: 'exit', code: 3 }]);
  });
});

describe('ShutdownPort', () => {
  it.each(['Shutdown', 'xxShutdown', 'ShuShutdown', 'SShutdown'])('%s switches off', (text) => {
    expect(shutdown(text)).toEqual([{ kind: 'power-off' }]);
  });

  it.each(['Shutdow', 'shutdown', 'Shut down'])('%s does not', (text) => {
    expect(shutdown(text)).toEqual([]);
  });
});
