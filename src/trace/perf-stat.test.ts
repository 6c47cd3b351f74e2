import { describe, expect, it } from 'vitest';
import { parsePerfKvmStat } from '../result/import/perf-kvm-stat.js';
import { perfStatText } from './perf-stat.js';
import type { TraceRecording } from './recording.js';
import { entryAt, exitAt, recordingOf, type Told } from './test-support/recordings.js';

const EXITS: readonly Told[] = [
  exitAt(1000, 0, 32, 'MSR_WRITE'),
  exitAt(1500, 1, 12, 'HLT'),
  entryAt(2000, 0),
  exitAt(3000, 0, 32, 'MSR_WRITE'),
  entryAt(5000, 0),
  entryAt(9500, 1),
  exitAt(9800, 1, 12, 'HLT'),
];

function report(told: readonly Told[], more: Partial<TraceRecording> = {}): string {
  return [...perfStatText(recordingOf(told, more))].join('');
}

describe('the report', () => {
  it('is laid out as perf lays it out', () => {
    expect(report(EXITS)).toBe(`

Analyze events for all VMs, all VCPUs:

             VM-EXIT    Samples  Samples%     Time%    Min Time    Max Time         Avg time 

           MSR_WRITE          2    66.67%    27.27%      0.50us      1.00us      0.75us ( +-  33.33% ) 
                 HLT          1    33.33%    72.73%      4.00us      4.00us      4.00us ( +-   0.00% ) 

Total Samples:3, Total events handled time:5.50us.

`);
  });

  it('is read by the importer of perf reports, with the same figures', () => {
    const { exitTables, foreign, problems } = parsePerfKvmStat('trace', report(EXITS));
    expect({ foreign, problems }).toEqual({ foreign: [], problems: [] });
    expect(exitTables.map(({ table }) => table)).toEqual([
      {
        scope: 'all vCPUs',
        exits: {
          MSR_WRITE: { samples: 2, minimumUs: 0.5, maximumUs: 1, meanUs: 0.75, relativeError: 0.3333 },
          HLT: { samples: 1, minimumUs: 4, maximumUs: 4, meanUs: 4, relativeError: 0 },
        },
      },
    ]);
  });

  it('has a table per chosen vCPU', () => {
    const { exitTables, problems } = parsePerfKvmStat('trace', report(EXITS, { vcpus: new Set([1, 0]) }));
    expect(problems).toEqual([]);
    expect(exitTables.map(({ table }) => [table.scope, Object.keys(table.exits)])).toEqual([
      ['vCPU 1', ['HLT']],
      ['vCPU 0', ['MSR_WRITE']],
    ]);
  });

  it('is empty where nothing exits', () => {
    expect(report([])).toContain('\nTotal Samples:0, Total events handled time:0.00us.\n');
    expect(report([])).not.toContain('NaN');
  });
});
