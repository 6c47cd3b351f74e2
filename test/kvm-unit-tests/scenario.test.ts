/** vmexit.flat of kvm-unit-tests, unmodified, as the workload of a scenario: run, table, CSV, gate, verification. */
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { expect, it } from 'vitest';
import { emptyFolder, savedFiles } from '../support/cli.js';
import { command, describeImage, MINUTES } from '../support/kvm-unit-tests.js';

const SCENARIO = {
  name: 'vmexit',
  workload: ['ipi', 'vmcall'],
  guest: { image: 'vmexit.flat' },
  ipiv: [false, true],
  noise: 'off',
  runs: 1,
};

describeImage('vmexit.flat', (file) => {
  it(
    'is the workload of a scenario: run, table, CSV, gate and verification',
    { timeout: 6 * MINUTES },
    async ({ signal }) => {
      const folder = emptyFolder();
      copyFileSync(file, join(folder, 'vmexit.flat'));
      writeFileSync(join(folder, 'scenario.json'), JSON.stringify(SCENARIO));
      const bench = async (...args: readonly string[]): Promise<string> => {
        const { code, stdout, stderr } = await command(args, folder, signal);
        expect({ args, code, stderr: stderr.replace(/^saved .*\n/m, '') }).toEqual({ args, code: 0, stderr: '' });
        return stdout;
      };
      const table = await bench('run', 'scenario.json');
      expect(table).toMatch(/^ipi, 2 vCPUs, AP halt policy hlt, KVM 5\.19, guest\.image=vmexit\.flat$/m);
      expect(table).toMatch(/^ {2}MSR_WRITE +1\.00 +0\.00$/m);
      const [saved] = savedFiles(folder);
      const rows = parse<Record<string, string>>(await bench('show', saved, '--format', 'csv'), { columns: true });
      expect(new Set(rows.map(({ image }) => image))).toEqual(new Set(['vmexit.flat']));
      await bench('gate', saved, saved, '--exact');
      expect(await bench('show', saved, '--verify')).toMatch(/^verified/);
    },
  );
});
