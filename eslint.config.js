import tseslint from 'typescript-eslint';

/** The model: everything whose result must be a function of scenario, seed and version alone. */
const MODEL = ['cost', 'guest', 'hardware', 'hypervisor', 'machine', 'platform', 'trace'].map(
  (room) => `src/${room}/**/*.ts`,
);

const TRANSCENDENTAL = [
  'random',
  'sin',
  'cos',
  'tan',
  'exp',
  'expm1',
  'log',
  'log2',
  'log10',
  'log1p',
  'pow',
  'cbrt',
  'hypot',
];

/** Numbers as costs: charged, recorded, or added to or compared with a clock. One tick, the smallest time, is no cost. */
const CYCLE_LITERALS = [
  'CallExpression[callee.property.name=/^(charge|chargeClass)$/] > Literal',
  'CallExpression[callee.property.name=/^(charge|chargeClass|record)$/] Literal[value>1]',
  "BinaryExpression:matches([left.property.name='now'], [right.property.name='now']) Literal[value>1]",
  "AssignmentExpression[left.property.name='now'] Literal[value>1]",
];

export default tseslint.config(
  { ignores: ['node_modules/', 'dist/', 'build/', 'coverage/', 'src/interpreter/', '.dependency-cruiser.cjs'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      eqeqeq: ['error', 'always'],
    },
  },
  {
    files: MODEL,
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-globals': ['error', 'Date', 'performance', 'setTimeout', 'setInterval', 'crypto'],
      'no-restricted-properties': [
        'error',
        ...TRANSCENDENTAL.map((property) => ({
          object: 'Math',
          property,
          message: 'results must not depend on the platform',
        })),
        { object: 'process', property: 'hrtime', message: 'the model knows no wall clock' },
      ],
      'no-restricted-syntax': [
        'error',
        ...CYCLE_LITERALS.map((selector) => ({
          selector,
          message: 'costs are named steps (STEP.*) whose values come from a profile',
        })),
      ],
    },
  },
  { files: ['**/*.d.ts'], rules: { '@typescript-eslint/no-extraneous-class': 'off' } },
  {
    files: ['**/*.test.ts', 'test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
    },
  },
);
