/** Images of kvm-unit-tests with and without fast-forwarding. */
import { readFileSync } from 'node:fs';
import { it } from 'vitest';
import { expectSameTrace, type TraceOptions } from './image-trace.js';

/** Without a hypervisor; TEST_DEVICE=0 leaves out what needs one. */
export const BARE: TraceOptions = { bare: true, environment: 'TEST_DEVICE=0\n' };
export const NO_APICV: TraceOptions = { kvm: { enableApicv: false } };

export interface Cell {
  readonly args?: string;
  readonly options?: TraceOptions;
}

/** One test per cell, with the whole lookahead. */
export function testFastForward(
  file: string,
  cells: readonly (readonly [name: string, cell: Cell])[],
  timeout: number,
): void {
  it.for(cells)('is the same with and without fast-forwarding: %s', { timeout }, ([, { args = '', options }]) => {
    const commandLine = `guest.flat ${args}`.trimEnd();
    expectSameTrace(readFileSync(file), { memoryMiB: 128, commandLine, ...options }, [1], 1);
  });
}
