/** Which access of an IPI moves which cache line: the table in docs/cost-model.md. */
import { expect, it } from 'vitest';
import type { LineTransfer } from '../src/hardware/memory/lines.js';
import { buildMachine } from '../src/machine/machine.js';
import { machineInputs, machineOptions, type CaseOptions } from './support/whole-machine.js';

/** IPIs that are compared. */
const IPIS = 4;

/** Transfers of some IPIs in the middle of a run, each as CPU, access and line. */
function transfers(options: CaseOptions, perIpi: number): string[] {
  const { hardware } = buildMachine(machineOptions({ iterations: 16, warmup: 16, ...options }), machineInputs());
  const all: LineTransfer[] = [];
  hardware.lines.onTransfer = (transfer) => all.push(transfer);
  hardware.clock.run();
  const middle = all.slice(-12 * perIpi, -6 * perIpi);
  const loaded = new Set(middle.filter(({ write }) => !write).map(({ pa }) => pa));
  const named = middle.map(
    ({ cpu, write, pa }) =>
      `${cpu === 0 ? 'sender' : 'target'} ${write ? 'takes' : 'reads'} ${loaded.has(pa) ? 'mailbox' : 'descriptor'}`,
  );
  const first = named.indexOf('sender takes descriptor');
  return named.slice(first, first + IPIS * perIpi);
}

const repeated = (ipi: readonly string[]): string[] => Array.from({ length: IPIS }, () => ipi).flat();

const ONE_IPI = [
  'sender takes descriptor',
  'target takes descriptor',
  'target reads mailbox',
  'target takes mailbox',
  'sender reads mailbox',
  'sender takes mailbox',
];

it.each([
  { apicMode: 'xapic', ipiv: false },
  { apicMode: 'xapic', ipiv: true },
  { apicMode: 'x2apic', ipiv: false },
  { apicMode: 'x2apic', ipiv: true },
] as const)('an IPI moves two lines six times: $apicMode, IPIv $ipiv', (options) => {
  expect(transfers(options, ONE_IPI.length)).toEqual(repeated(ONE_IPI));
});

it('between SMT siblings the sender reads the mailbox once more, before the done flag is stored', () => {
  const [post, process, load, decrement, spin, ...next] = ONE_IPI;
  const ipi = [post, process, load, decrement, spin, 'target takes mailbox', spin, ...next];
  expect(transfers({ apicMode: 'x2apic', ipiv: true, host: { threadsPerCore: 2 } }, ipi.length)).toEqual(repeated(ipi));
});
