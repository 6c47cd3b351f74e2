/** `ipi` of vmexit.flat, unmodified, against the built-in program: two codes, the same machine, the same answer. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { SavedResult } from '../../src/result/saved-result.js';
import { emptyFolder } from '../support/cli.js';
import { command, describeImage, MINUTES } from '../support/kvm-unit-tests.js';

const MOST_RATIO = 0.02;
const AXES = { apicMode: ['xapic', 'x2apic'], ipiv: [false, true], kvm: { version: '6.12' }, runs: 1, noise: 'off' };

describeImage('vmexit.flat', (file) => {
  const policies = ['hlt', 'hlt-passthrough', 'spin'];
  it.for(policies)(
    'gives the cycles of the built-in program to within a fiftieth: %s',
    { timeout: 5 * MINUTES },
    async (apHaltPolicy, { signal }) => {
      const ofProgram = await averages({ ...AXES, apHaltPolicy }, signal);
      const ofImage = await averages({ ...AXES, apHaltPolicy, guest: { image: file } }, signal);
      expect(ofImage).toHaveLength(4);
      const different = ofImage.filter((average, index) => !(Math.abs(average / ofProgram[index] - 1) <= MOST_RATIO));
      expect({ different, ofProgram }).toEqual({ different: [], ofProgram });
    },
  );
});

/** The average of every case of a scenario. */
async function averages(scenario: object, signal: AbortSignal): Promise<number[]> {
  const folder = emptyFolder();
  writeFileSync(join(folder, 'scenario.json'), JSON.stringify(scenario));
  const args = ['run', 'scenario.json', '--no-save', '--format', 'json', '--jobs', '1'];
  const { code, stdout, stderr } = await command(args, folder, signal);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const { cases } = JSON.parse(stdout) as SavedResult;
  return cases.map(({ summary: { average } }) => average?.mean ?? 0);
}
