import { parse } from 'csv-parse/sync';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { outcome, sampleResult } from '../../test/support/sample-result.js';
import type { SavedResult } from '../result/saved-result.js';
import { FORMAT_NAMES, FORMATS, type FormatName } from './format.js';
import { styleFor, usesColour } from './style.js';

const plain = styleFor(false);
const render = async (name: FormatName, result: SavedResult) => (await FORMATS[name].load()).render(result, plain);

const published = parse<Record<string, string>>(readFileSync('results/measured/ipiv-v1.csv'), {
  columns: true,
  comment: '#',
});

/** The published samples in the form of a result. */
const posting = sampleResult(
  { apicMode: ['xapic', 'x2apic'], ipiv: [false, true], kvm: { version: 'v1' } },
  ({ settings }, run) => {
    const column = `${String(settings['apicMode'])}_${settings['ipiv'] === true ? 'on' : 'off'}`;
    const exits =
      settings['ipiv'] === true ? {} : { [settings['apicMode'] === 'xapic' ? 'APIC_WRITE' : 'MSR_WRITE']: 1 };
    return outcome(Number(published[run][column]), exits);
  },
);

describe('the table', () => {
  it('looks like the posting', async () => {
    expect(await render('table', posting)).toMatchInlineSnapshot(`
      "ipi, 2 vCPUs, AP halt policy spin, KVM v1
      cycles per IPI; profile ipiv-v1, noise placement, seed 1

                                 xAPIC mode         x2APIC mode
      run                    IPIv off  IPIv on  IPIv off  IPIv on
      1                          6106     4816      4265     3768
      2                          6244     4656      4404     3546
      3                          6165     4658      4233     3474
      4                          5992     4710      4363     3430
      5                          6083     4741      4215     3551
      6                          6238     4904      4304     3547
      7                          6164     4617      4263     3709
      8                          5984     4763      4518     3779
      9                          5931     4712      4645     3667
      10                         5955     4530      4332     3724
      11                         5897     4673      4283     3569
      12                         6140     4794      4178     3598
      13                         6183     4728      4363     3628
      14                         5991     4994      4509     3842
      15                         5866     4665      4520     3739
      16                         6032     4654      4229     3701
      17                         6050     4653      4185     3726
      18                         6004     4792      4319     3746
      19                         5961     4626      4196     3392
      20                         6194     4576      4433     3760
      Average cycles          6059.00  4713.10   4337.85  3644.80
      %Reduction                       -22.21%            -15.98%

      Exits per IPI, sender      1.00     0.00      1.00     0.00
        APIC_WRITE               1.00     0.00      0.00     0.00
        MSR_WRITE                0.00     0.00      1.00     0.00
      Exits per IPI, target      0.00     0.00      0.00     0.00
      "
    `);
  });

  it('keeps the columns of an APIC mode under its heading, whatever order the cases have', async () => {
    const [xapicOff, xapicOn, x2apicOff, x2apicOn] = posting.cases;
    const mixed = { ...posting, cases: [xapicOff, x2apicOff, xapicOn, x2apicOn] };
    expect(await render('table', mixed)).toBe(await render('table', posting));
  });

  it('has one row for exits that there were only a handful of', async () => {
    const result = sampleResult({ apicMode: ['xapic', 'x2apic'], runs: 1 }, ({ settings }) =>
      outcome(5000, settings['apicMode'] === 'xapic' ? { HLT: 1, CPUID: 0.004, MSR_READ: 0.004 } : { MSR_READ: 0.001 }),
    );
    const rows = (await render('table', result)).split('\n');
    const from = rows.findIndex((row) => row.startsWith('Exits per IPI, sender'));
    expect(rows.slice(from, from + 4).map((row) => row.trim().replaceAll(/ +/g, ' '))).toEqual([
      'Exits per IPI, sender 1.01 0.00',
      'HLT 1.00 0.00',
      'others 0.01 0.00',
      'Exits per IPI, target 0.00 0.00',
    ]);
  });

  it('has plain columns where IPIv does not vary', async () => {
    const result = sampleResult({ apicMode: ['xapic', 'x2apic'], ipiv: false, runs: 2 }, () => outcome(5000));
    expect(await render('table', result)).toMatchInlineSnapshot(`
      "ipi, 2 vCPUs, AP halt policy spin, KVM 5.19, IPIv off
      cycles per IPI; profile ipiv-v1, noise placement, seed 1

      run                      xAPIC   x2APIC
      1                         5000     5000
      2                         5000     5000
      Average cycles         5000.00  5000.00

      Exits per IPI, sender     0.00     0.00
      Exits per IPI, target     0.00     0.00
      "
    `);
  });

  it('stands once for each combination of the other axes', async () => {
    const result = sampleResult({ apHaltPolicy: ['spin', 'hlt'], runs: 1 }, () => outcome(5000));
    expect((await render('table', result)).match(/AP halt policy (spin|hlt)/g)).toEqual([
      'AP halt policy spin',
      'AP halt policy hlt',
    ]);
  });
});

describe('csv', () => {
  it('has one row per case and run', async () => {
    const rows = parse<Record<string, string>>(await render('csv', posting), { columns: true });
    expect(rows).toHaveLength(80);
    expect(rows[1]).toMatchObject({ apic_mode: 'xapic', ipiv: 'off', run: '2', average_cycles: '6244' });
  });

  it('keeps its columns', async () => {
    expect((await render('csv', posting)).split('\r\n')[0]).toBe(
      'scenario,case,workload,apic_mode,ipiv,ap_halt_policy,vcpus,kvm_version,profile,run,iterations,average_cycles,' +
        'inner_average_cycles,exact_average_cycles,exits_per_iteration,line_transfers_per_iteration,' +
        'sender_busy_cycles_per_iteration,target_busy_cycles_per_iteration,image,image_digest,architectural',
    );
  });

  it('has no cell that a spreadsheet takes for a formula', async () => {
    const result = sampleResult({ profile: '=cmd|calc.json', runs: 1 }, () => outcome(1));
    expect(await render('csv', result)).toContain("'=cmd|calc.json");
  });
});

describe('vmexit', () => {
  it('prints what kvm-unit-tests prints', async () => {
    const result = sampleResult({ runs: 1 }, () => outcome(3768));
    expect(await render('vmexit', result)).toBe('ipi 3768\n  ipi ipi 3727\n');
  });

  it('names the runs where there are several', async () => {
    const result = sampleResult({ runs: 2 }, () => outcome(3768));
    expect(await render('vmexit', result)).toMatch(
      /^# workload=ipi .* run=1\nipi 3768\n {2}ipi ipi 3727\n# .* run=2\n/,
    );
  });
});

describe('every format', () => {
  it.each(FORMAT_NAMES)('%s ends in a newline and is free of escape codes', async (name) => {
    const text = await render(name, posting);
    expect(text.endsWith('\n')).toBe(true);
    expect(text).not.toContain('\u001b');
  });

  it('writes a table for Markdown with one line per run', async () => {
    expect(await render('markdown', posting)).toContain('| 1 | 6106 | 4816 | 4265 | 3768 |\n');
  });
});

describe('colour', () => {
  const decide = (
    option: 'always' | 'never' | 'auto' | undefined,
    environment: Record<string, string>,
    isTty: boolean,
  ) => usesColour({ option, environment, isTty });

  it('follows --color, NO_COLOR, FORCE_COLOR and the terminal, in that order', () => {
    expect(decide('always', { NO_COLOR: '1' }, false)).toBe(true);
    expect(decide('never', { FORCE_COLOR: '1' }, true)).toBe(false);
    expect(decide('auto', { NO_COLOR: '1', FORCE_COLOR: '1' }, true)).toBe(false);
    expect(decide(undefined, { FORCE_COLOR: '1' }, false)).toBe(true);
    expect(decide(undefined, { FORCE_COLOR: '0' }, true)).toBe(false);
    expect(decide(undefined, {}, true)).toBe(true);
    expect(decide(undefined, {}, false)).toBe(false);
  });
});
