import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take ten seconds and more, the longest first: begun late, one of them would keep one worker busy alone. */
const LONG = [
  'translated-integers',
  'translated-vectors',
  'report-page.e2e',
  'determinism',
  'console-blocks.e2e',
  'simulation-options',
  'run.e2e',
  'bad-input.e2e',
  'trace.e2e',
  'vectors',
  'image-scenario.e2e',
  'report.e2e',
  'explain.e2e',
  'calibration.e2e',
  'compare.e2e',
  'gate.e2e',
  'cost-model-page',
  'ci-recipes.e2e',
];

class LongestFirst extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const index = LONG.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return index < 0 ? LONG.length : index;
    };
    return Promise.resolve(files.toSorted((a, b) => place(a) - place(b)));
  }
}

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    env: { NO_COLOR: '1' },
    // As node has it: vitest would put a proxy around CommonJS packages, and decoding asks iced-x86 for a constant at every turn.
    deps: { interopDefault: false },
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: { name: 'end to end', include: ['test/**/*.test.ts', 'tools/**/*.test.ts'], sequence: { groupOrder: 0 } },
      },
      // Nothing here replaces modules or changes the process: to load them anew for each file takes longer than the tests.
      { extends: true, test: { name: 'beside the code', include: ['src/**/*.test.ts'], isolate: false } },
    ],
  },
});
