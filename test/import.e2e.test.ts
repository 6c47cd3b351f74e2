import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SavedResult } from '../src/result/saved-result.js';
import { IMPORT_PUBLISHED } from '../tools/import-published.js';
import { bash, emptyFolder, ipivBench, ROOT, savedIn } from './support/cli.js';

const LOG = 'enabling apic\r\ncr4 = 20\r\nsome noise\r\nipi 4265\r\n  ipi ipi 4230\r\nipi 4404\r\n  ipi ipi 4370\r\n';

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = emptyFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

describe('import', () => {
  it('saves a result of hardware, prints its table, and says what it took for granted', () => {
    const folder = folderWith({ 'lab.log': LOG });
    const { code, stdout, stderr } = ipivBench(['import', 'lab.log', '--machine', 'lab1', '--kernel', '6.1'], folder);
    expect(stderr).toMatch(
      /^lab\.log: vmexit, 2 runs, 1 foreign line\n {2}not used: line 3: some noise\nassumed: apicMode=x2apic ipiv=off .*\nsaved results\/lab-[0-9a-f]{10}\.json\n$/,
    );
    expect(stdout).toBe(
      'ipi, 2 vCPUs, AP halt policy hlt, KVM 5.19, IPIv off\ncycles per IPI; measured on lab1, Linux 6.1\n\n' +
        'run              x2APIC\n1                  4265\n2                  4404\nAverage cycles  4334.50\n',
    );
    expect(code).toBe(0);
    expect(savedIn(folder)[0]).toMatchObject({ source: 'hardware', machine: { name: 'lab1', kernel: '6.1' } });
  });

  it('reads stdin', () => {
    const folder = folderWith({ 'lab.log': LOG });
    const { stdout, code } = bash('$B import - -o lab.json --format csv < lab.log', folder);
    expect(stdout.split('\r\n')).toHaveLength(4);
    expect(code).toBe(0);
  });

  it('takes back what `run --format vmexit` printed', () => {
    const folder = emptyFolder();
    const quick = ['--runs', '2', '--iterations', '64', '--set', 'warmup=8', '--no-save'];
    ipivBench(['run', 'x2apic', ...quick, '-o', 'run.json', '-o', 'vmexit=run.log'], folder);
    const { code, stderr } = ipivBench(['import', 'run.log', '-o', 'back.json'], folder);
    expect(stderr).toBe('run.log: vmexit, 4 runs, 0 foreign lines\nsaved back.json\n');
    const [run, back] = ['run.json', 'back.json'].map((file) => {
      const { cases } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as SavedResult;
      return cases.map(({ id, summary }) => [id, summary.average, summary['inner-average']]);
    });
    expect(back).toEqual(run);
    expect(code).toBe(0);
  });

  it('prints the exits that perf counted', () => {
    const perf =
      'Analyze events for all VMs, all VCPUs:\n\n' +
      '             VM-EXIT    Samples  Samples%     Time%    Min Time    Max Time         Avg time \n\n' +
      '           MSR_WRITE       1000   100.00%   100.00%      0.50us     12.00us      1.25us ( +-   0.80% ) \n\n' +
      'Total Samples:1000, Total events handled time:1250.00us.\n';
    const { stdout, code } = ipivBench(['import', 'p.txt', '-o', 'p.json'], folderWith({ 'p.txt': perf }));
    expect(stdout).toMatch(/^VM exit +samples +share +mean us +min us +max us +measured in$/m);
    expect(stdout).toMatch(/^MSR_WRITE +1000 +100\.00% +1\.25 +0\.50 +12\.00 +x2apic, IPIv off, all vCPUs$/m);
    expect(code).toBe(0);
  });

  it.each([
    ['a missing log', ['none.log'], /^error: none\.log: no such file; name a log of a real machine\n$/],
    ['an empty log', ['empty.log'], /^error: empty\.log: the file is empty/],
    ['a log that was cut off', ['cut.log'], /^error: cut\.log:2:1: the last line has no line end/],
    ['every bad log at once', ['empty.log', 'cut.log'], /^error: empty\.log: .*\nerror: cut\.log:2:1: /],
    ['a setting that does not exist', ['lab.log', '--set', 'vcpu=2'], /^error: --set vcpu=2: unknown key "vcpu"/],
    [
      'a scenario with open settings',
      ['lab.log', '--scenario', 'ipiv-v1'],
      /leaves "apicMode" open: .* --set apicMode/,
    ],
  ])('refuses %s', (_, args, expected) => {
    const folder = folderWith({ 'lab.log': LOG, 'empty.log': '', 'cut.log': 'ipi 4265\nipi 44' });
    const { code, stdout, stderr } = ipivBench(['import', ...args], folder);
    expect(stderr).toMatch(expected);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });
});

describe('the published table', () => {
  it('is shipped as what import makes of it', () => {
    const folder = emptyFolder();
    const [command, table, ...options] = IMPORT_PUBLISHED;
    const { code } = ipivBench([command, join(ROOT, table), ...options, '-o', 'ipiv-v1.json'], folder);
    expect(code).toBe(0);
    const [made, shipped] = [folder, join(ROOT, 'results/measured')].map((place) => {
      const text = readFileSync(join(place, 'ipiv-v1.json'), 'utf8');
      const { environment: _e, digest: _d, toolVersion: _t, ...rest } = JSON.parse(text) as SavedResult;
      return rest;
    });
    expect(made).toEqual(shipped);
  });
});
