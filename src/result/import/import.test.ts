import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { problemText } from '../../scenario/problem.js';
import type { DeterministicResult } from '../saved-result.js';
import { importLogs, type ImportOptions } from './import-logs.js';
import { parseLog } from './parse-log.js';
import type { ParsedLog } from './parsed-log.js';

const OPTIONS: ImportOptions = {
  toolVersion: '0.0.0',
  name: 'lab',
  machine: { name: 'lab' },
  scenario: { file: 'defaults', text: '{"apHaltPolicy": "hlt"}' },
  settings: [],
};

const VMEXIT = [
  'timeout -k 1s --foreground 90s /usr/bin/qemu-system-x86_64 -smp 2 -append ipi # -initrd /tmp/x',
  'enabling apic',
  'smp: waiting for 1 APs',
  'enabling apic',
  'setup: CPU 1 online',
  'paging enabled',
  'cr0 = 80010011',
  'cr3 = 104d000',
  'cr4 = 20',
  'pci-testdev at 0x10 membar febff000 iobar c000',
  'cpuid 1780',
  'x2apic_self_ipi_sti_nop 6015',
  '  ipi x2apic_self_ipi_sti_nop 884',
  '  eoi x2apic_self_ipi_sti_nop 1037',
  'ipi 4265',
  '  ipi ipi 4230',
  'ipi_halt (skipped)',
  '',
].join('\r\n');

function parsed(text: string, file = 'a.log'): ParsedLog {
  const log = parseLog(file, text);
  if (!log.ok) throw new Error(log.problems.map(problemText).join('\n'));
  return log.value;
}

function imported(texts: readonly string[], options: Partial<ImportOptions> = {}): DeterministicResult {
  const result = importLogs(
    texts.map((text) => parsed(text)),
    { ...OPTIONS, ...options },
  );
  if (!result.ok) throw new Error(result.problems.map(problemText).join('\n'));
  return result.value;
}

function complaint(text: string): string {
  const log = parseLog('a.log', text);
  return log.ok ? 'none' : log.problems.map(problemText).join('\n');
}

const averages = ({ cases }: DeterministicResult) =>
  cases.map(({ settings, runs }) => [settings['workload'], ...runs.map(({ samples }) => samples.average)]);

describe('output of vmexit', () => {
  it('gives a case per test, with CRLF line ends and the preamble', () => {
    const result = imported([VMEXIT]);
    expect(averages(result)).toEqual([
      ['cpuid', 1780],
      ['x2apic_self_ipi_sti_nop', 6015],
      ['ipi', 4265],
    ]);
    expect(result.cases[1].runs[0].samples['inner-average']).toBe(884);
    expect(result.cases[1].runs[0].console).toContain('  eoi x2apic_self_ipi_sti_nop 1037');
    expect(result.imported).toEqual([{ file: 'a.log', format: 'vmexit', foreignLines: 0 }]);
  });

  it('takes several runs from one file and from many', () => {
    const one = 'ipi 10\n  ipi ipi 9\nipi 20\n  ipi ipi 18\n';
    expect(averages(imported([one, 'ipi 30\r\n']))).toEqual([['ipi', 10, 20, 30]]);
  });

  it('is a result of hardware with the settings of the stock test', () => {
    const result = imported([VMEXIT]);
    expect(result.source).toBe('hardware');
    expect(result.cases[2].id).toBe('workload=ipi apicMode=x2apic ipiv=on apHaltPolicy=hlt vcpus=2 kvm.version=5.19');
    expect(result.cases[2].summary).toMatchObject({ average: { n: 1, mean: 4265 }, exits: null });
  });

  it('counts the vCPUs that come up', () => {
    const text = `setup: CPU 1 online\nsetup: CPU 3 online\nsetup: CPU 2 online\nipi 5\n`;
    expect(imported([text]).cases[0].settings['vcpus']).toBe(4);
  });

  it('takes settings from comment lines, as the vmexit format writes them', () => {
    const text =
      '# workload=ipi apicMode=xapic ipiv=off apHaltPolicy=spin vcpus=2 kvm.version=v1 run=1\nipi 6106\n' +
      '# apicMode=xapic ipiv=on\nipi 4816\n';
    expect(imported([text]).cases.map(({ id }) => id)).toEqual([
      'workload=ipi apicMode=xapic ipiv=off apHaltPolicy=spin vcpus=2 kvm.version=v1',
      'workload=ipi apicMode=xapic ipiv=on apHaltPolicy=hlt vcpus=2 kvm.version=5.19',
    ]);
  });

  it('tolerates foreign lines, counts and shows them', () => {
    const log = parsed('[ 12.5] kvm: something\nipi 4265\nrandom 17 words\n');
    expect(log.runs).toHaveLength(1);
    expect(log.foreign).toEqual([
      { line: 1, text: '[ 12.5] kvm: something' },
      { line: 3, text: 'random 17 words' },
    ]);
  });

  it.each([
    ['a number that is none', 'ipi nan\n', 'a.log:1:1: ipi is "nan", not a number of cycles'],
    ['a negative number', 'ipi -4\n', 'a.log:1:1: ipi is "-4"'],
    ['a number that was cut', 'ipi 426', 'a.log:1:1: the last line has no line end'],
    ['a second line without a first', '  ipi ipi 4230\n', 'does not follow a line "ipi CYCLES"'],
    ['a second line of another test', 'cpuid 17\n  ipi ipi 4230\n', 'a.log:2:1: "ipi ipi 4230" does not follow'],
    ['an empty file', ' \n', 'a.log: the file is empty'],
    ['a preamble alone', 'enabling apic\n', 'a.log: no result in it'],
    ['only skipped tests', 'ipi (skipped)\n', 'a.log: no result: skipped or failed: ipi'],
    ['any other text', 'hello\n', 'no result in it; 1 foreign lines, the first is "hello"'],
    ['JSON', '{"kind": 1}', 'JSON is no log'],
    ['bytes', 'ipi 4\u0000\n', 'not a text file'],
    ['a slip in a setting', '# apicmode=xapic\nipi 4\n', 'a.log:1:3: unknown key "apicmode"; did you mean "apicMode"?'],
  ])('refuses %s', (_, text, expected) => {
    expect(complaint(text)).toContain(expected);
  });

  it('refuses a setting that contradicts the command line', () => {
    const result = importLogs([parsed('# ipiv=off\nipi 4\n')], {
      ...OPTIONS,
      settings: [{ key: 'ipiv', value: 'true', source: '--ipiv on' }],
    });
    expect(result.ok ? '' : problemText(result.problems[0])).toMatch(/^a\.log:1: ipiv is false, but .* --ipiv on;/);
  });

  it('refuses a scenario that leaves a setting open', () => {
    const scenario = { file: 's.json', text: '{ "apicMode": ["xapic", "x2apic"] }' };
    const result = importLogs([parsed('ipi 4\n')], { ...OPTIONS, scenario });
    expect(result.ok ? '' : problemText(result.problems[0])).toMatch(/^s\.json:1:15: leaves "apicMode" open/);
  });
});

describe('TAP', () => {
  it('gives the cycles that it carries, and the tests that were skipped', () => {
    const log = parsed(
      'TAP version 13\nok 1 - vmexit_ipi: ipi 4265\n# cpuid 1780\nok 2 - vmexit_ipi_halt: # skip\nnot ok 3 - x\n1..3\n',
    );
    expect(log.format).toBe('tap');
    expect(log.runs.map(({ workload, average }) => [workload, average])).toEqual([
      ['ipi', 4265],
      ['cpuid', 1780],
    ]);
    expect(log.skipped).toEqual(['vmexit_ipi_halt:', 'x']);
  });

  it('without cycles is refused with the way out', () => {
    expect(complaint('TAP version 13\nok 1 - apic: x2apic\n1..1\n')).toMatch(/no cycles; .*logs\/vmexit_\*\.log/);
  });
});

const PERF = `

Analyze events for all VMs, all VCPUs:

             VM-EXIT    Samples  Samples%     Time%    Min Time    Max Time         Avg time 

           MSR_WRITE       1000    90.91%    80.00%      0.50us     12.00us      1.25us ( +-   0.80% ) 
                 HLT        100     9.09%    20.00%      0.90us   4000.00us     20.00us ( +-   5.00% ) 

Total Samples:1100, Total events handled time:3250.00us.

`;

describe('perf kvm stat', () => {
  it('gives samples and times per exit', () => {
    const [record] = imported([PERF]).cases;
    expect(record.exitTables).toEqual([
      {
        scope: 'all vCPUs',
        exits: {
          MSR_WRITE: { samples: 1000, minimumUs: 0.5, maximumUs: 12, meanUs: 1.25, relativeError: 0.008 },
          HLT: { samples: 100, minimumUs: 0.9, maximumUs: 4000, meanUs: 20, relativeError: 0.05 },
        },
      },
    ]);
    expect(record.runs).toEqual([]);
  });

  it('names the vCPU', () => {
    const text = PERF.replace('all VMs, all VCPUs', 'pid(s) 4711, VCPU 1');
    expect(parsed(text).exitTables[0].table.scope).toBe('vCPU 1');
  });

  it('is read as later tools print it', () => {
    const text =
      'Event name  Samples  Sample%  Time (ns)  Time%  Max Time (ns)  Min Time (ns)  Mean Time (ns)\n' +
      'EXTERNAL_INTERRUPT  10  100.00%  20000  100.00%  4000  1000  2000\n';
    expect(parsed(text).exitTables[0].table.exits).toEqual({
      EXTERNAL_INTERRUPT: { samples: 10, minimumUs: 1, maximumUs: 4, meanUs: 2, relativeError: null },
    });
  });

  it.each([
    ['cut off', PERF.slice(0, PERF.indexOf('Total')), 'a table without its total: cut off'],
    ['with a row missing', PERF.replace(/.*HLT.*\n/, ''), 'the rows have 1000 samples, the total says 1100'],
    ['by MSR', PERF.replace('VM-EXIT', 'MSR Access'), 'a report by MSR Access'],
    ['without rows', PERF.replace(/.*us .*\n/g, ''), 'a table without a row'],
  ])('is refused %s', (_, text, expected) => {
    expect(complaint(text)).toContain(expected);
  });
});

describe('CSV', () => {
  it('with a column per case is the published table', () => {
    const result = imported([readFileSync('results/measured/ipiv-v1.csv', 'utf8')]);
    expect(result.cases.map(({ summary }) => summary.average?.mean)).toEqual([6059, 4713.1, 4337.85, 3644.8]);
    expect(result.scenario).toMatchObject({ apicMode: ['xapic', 'x2apic'], ipiv: [false, true], runs: 20 });
  });

  it('with a row per run keeps the case', () => {
    const id = 'workload=ipi apicMode=xapic ipiv=off apHaltPolicy=spin vcpus=4 kvm.version=6.12 kvm.haltPollNs=0';
    const text = `case,run,average_cycles,inner_average_cycles\r\n${id},1,4000,3990\r\n${id},2,4010,\r\n`;
    const result = imported([text]);
    expect(result.cases.map((each) => each.id)).toEqual([id]);
    expect(result.cases[0].runs.map(({ inner }) => inner)).toEqual([3990, null]);
  });

  it('takes settings from columns', () => {
    const text = 'apic_mode,ipiv,vcpus,average_cycles\nxapic,off,3,4000\n';
    expect(imported([text]).cases[0].settings).toMatchObject({ apicMode: 'xapic', ipiv: false, vcpus: 3 });
  });

  it.each([
    ['a cell that is no number', 'run,xapic_on\n1,2\n2,NaN\n', 'a.log:3:2: xapic_on is "NaN", not a number of cycles'],
    ['an unknown column', 'run,xapic_on,xapic\n1,2,3\n', 'a.log:1:3: unknown column "xapic"'],
    ['a column twice', 'run,xapic_on,xapic_on\n1,2,3\n', 'a.log:1:3: column "xapic_on" stands twice'],
    ['a row cut short', 'run,xapic_off,xapic_on\n1,2,3\n2,4\n', 'a.log:3:1: Invalid Record Length'],
    ['a header alone', 'run,xapic_on\n', 'no result in it'],
  ])('refuses %s', (_, text, expected) => {
    expect(complaint(text)).toContain(expected);
  });
});
