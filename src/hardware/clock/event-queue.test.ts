import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventQueue } from './event-queue.js';

describe('EventQueue', () => {
  it('hands out events by time, and those of one time by their numbers', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20)), (times) => {
        const queue = new EventQueue();
        const seen: [number, number][] = [];
        times.forEach((at, index) => {
          queue.push(at, index, 0, () => seen.push([at, index]));
        });
        while (queue.nextAt !== Infinity) queue.pop()(0);
        const expected = times.map((at, index) => [at, index] as const).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
        expect(seen).toEqual(expected);
      }),
    );
  });

  it('says when the first event is due, and Infinity when there is none', () => {
    const queue = new EventQueue();
    expect(queue.nextAt).toBe(Infinity);
    queue.push(7, 0, 3, () => undefined);
    queue.push(5, 1, 1, () => undefined);
    expect([queue.nextAt, queue.nextNumber, queue.nextTarget]).toEqual([5, 1, 1]);
    queue.pop();
    expect([queue.nextAt, queue.nextNumber, queue.nextTarget]).toEqual([7, 0, 3]);
  });
});
