import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { emptyFolder, ipivBench } from './support/cli.js';

const folder = emptyFolder();
const QUICK = ['--set', 'iterations=16', '--runs', '3', '--no-save'];
const run = (...args: readonly string[]) => ipivBench(['run', 'x2apic', ...QUICK, ...args], folder);

describe('run --plot', () => {
  const { stdout, stderr, code } = run('--plot');

  it('prints the table, then a line per case on one scale, plain where no terminal reads it', () => {
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(stdout).not.toContain('\u001b');
    const [table, plot] = stdout.split(/(?<=\n)\n(?=.*\nruns by cycles)/);
    expect(table).toBe(run().stdout);
    expect(plot).toMatch(
      /^x2APIC, IPIv off +[ ▁-█]+(?: +\d+){3}\nx2APIC, IPIv on +[ ▁-█]+(?: +\d+){3}\n +\d+ +\d+\n$/m,
    );
    for (const line of plot.split('\n').slice(2)) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('is what show --format plot prints of the saved result', () => {
    run('-o', 'saved.json');
    expect(ipivBench(['show', 'saved.json', '--format', 'plot'], folder).stdout).toBe(
      stdout.slice(stdout.lastIndexOf('ipi, 2 vCPUs')),
    );
  });

  it('has colour only where it is wanted', () => {
    expect(ipivBench(['--color', 'always', 'run', 'x2apic', ...QUICK, '--plot'], folder).stdout).toContain('\u001b[2m');
    const wanted = ipivBench(['run', 'x2apic', ...QUICK, '--plot'], folder, { NO_COLOR: '1', FORCE_COLOR: '1' });
    expect(wanted.stdout).not.toContain('\u001b');
  });

  it('leaves other formats to files', () => {
    const refused = run('--plot', '--format', 'csv');
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(/^error: --plot: csv goes to stdout already; /);
    expect(run('--plot', '-o', 'out.csv')).toMatchObject({ code: 0, stdout });
    expect(readFileSync(join(folder, 'out.csv'), 'utf8')).not.toContain('█');
  });
});
