/** The import rules of ARCHITECTURE.md. Rooms are the folders of src/; imports run one way. */
const ROOMS = {
  cli: ['run', 'result', 'report', 'trace', 'scenario', 'calibration', 'machine', 'cost'],
  calibration: ['run', 'result', 'cost'],
  report: ['result'],
  run: ['scenario', 'machine', 'result', 'cost', 'trace'],
  machine: ['hypervisor', 'platform', 'guest', 'hardware', 'translator', 'cost', 'trace'],
  translator: ['hardware'],
  scenario: ['cost', 'guest'],
  result: ['scenario'],
  hypervisor: ['hardware', 'cost', 'trace'],
  platform: ['hardware'],
  guest: ['hardware'],
  hardware: ['cost', 'trace'],
  cost: [],
  trace: [],
};

/** Files that hold nothing but names and option types may be seen from one room further away. */
const NAMES_ONLY = {
  scenario: '^src/machine/(image|machine)-options\\.ts$',
  result: '^src/machine/machine-(options|result)\\.ts$',
  guest: '^src/(machine/machine-options|cost/step)\\.ts$',
  platform: '^src/hypervisor/(user-space|kernel-devices)\\.ts$',
  calibration: '^src/machine/machine-(options|result)\\.ts$',
};

const TESTS = '(\\.test\\.ts$|^src/.*/test-support)';

const roomRules = Object.entries(ROOMS).map(([room, allowed]) => ({
  name: `${room}-imports`,
  severity: 'error',
  comment: `src/${room} may import ${allowed.length === 0 ? 'no other room' : allowed.join(', ')}`,
  from: { path: `^src/${room}/`, pathNot: TESTS },
  to: {
    path: '^src/',
    pathNot: [`^src/(${[room, ...allowed].join('|')})/`, ...(NAMES_ONLY[room] ? [NAMES_ONLY[room]] : [])],
  },
}));

const only = (name, module, rooms) => ({
  name,
  severity: 'error',
  comment: `${module} is for ${rooms} only`,
  from: { path: '^src/', pathNot: [rooms, TESTS] },
  to: { path: module },
});

module.exports = {
  forbidden: [
    ...roomRules,
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-test-imports',
      severity: 'error',
      comment: 'shipped code never imports a test',
      from: { path: '^src/', pathNot: TESTS },
      to: { path: '(\\.test\\.ts$|^test/)' },
    },
    only('fs-only-at-the-edges', '^(node:)?fs(/promises)?$', '^src/(cli|scenario|result|machine)/|^src/cost/profile'),
    only('colour-only-in-reports', '^node_modules/(chalk|cli-table3)/', '^src/report/'),
    only('commander-only-in-cli', '^node_modules/commander/', '^src/cli/'),
    {
      name: 'result-never-loads-the-engine',
      severity: 'error',
      from: { path: '^src/(result|report)/', pathNot: TESTS },
      to: { path: '^src/(hardware|platform|run)/|^src/machine/machine\\.ts', reachable: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^src/interpreter/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.json'] },
  },
};
