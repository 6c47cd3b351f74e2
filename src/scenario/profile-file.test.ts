import { describe, expect, it } from 'vitest';
import { loadProfile, type CostProfile } from '../cost/profile.js';
import { problemText } from './problem.js';
import { parseProfile, readProfile } from './profile-file.js';

type Tree = Record<string, unknown>;

/** The shipped profile with a part of it changed, one line per entry. */
function text(path: readonly string[], change: Tree | undefined): string {
  const copy = structuredClone(loadProfile('ipiv-v1')) as unknown as Tree;
  const parent = path.slice(0, -1).reduce((at, key) => at[key] as Tree, copy);
  const last = path.at(-1) ?? '';
  if (change === undefined) Reflect.deleteProperty(parent, last);
  else parent[last] = { ...(parent[last] as Tree), ...change };
  return JSON.stringify(copy, null, 2);
}

function problems(profile: string): string[] {
  const read = parseProfile('p.json', profile);
  return read.ok ? [] : read.problems.map(problemText);
}

const step = (name: keyof CostProfile['steps'], change: Tree): string => text(['steps', name], change);

describe('a profile file', () => {
  it('reads as the profile that it holds', () => {
    const profile = loadProfile('ipiv-v1');
    expect(parseProfile('p.json', JSON.stringify(profile))).toEqual({ ok: true, value: profile });
  });

  it.each([
    ['no JSON', '{', /^p\.json:1:2: JSON ends too early /],
    ['another value', '[]', /^p\.json:1:1: the profile is \[\]; allowed: an object$/],
    ['a missing part', text(['noise'], undefined), /^p\.json:1:1: the profile lacks "noise"; add "noise"$/],
    [
      'a missing step',
      text(['steps', 'vm-exit'], undefined),
      /^p\.json:\d+:12: "steps" lacks "vm-exit"; add "vm-exit"$/,
    ],
    [
      'an unknown step',
      text(['steps'], { 'vm-exits': 1 }),
      /:\d+:5: unknown key "vm-exits" in "steps"; did you mean "vm-exit"\? /,
    ],
    [
      'a negative value',
      step('vm-exit', { value: -1 }),
      /"steps.vm-exit.value" is -1; allowed: a number from 0 to 1000000$/,
    ],
    [
      'a source that is none',
      step('pause', { source: 'guessed' }),
      /"steps.pause.source" is "guessed"; allowed: "published", /,
    ],
    ['a range of one', step('pause', { range: [1] }), /"steps.pause.range" is \[1\]; allowed: \[a number, a number\]$/],
    [
      'fractions of a tick',
      text(['classes', 'alu'], { ticks: 0.5 }),
      /"classes.alu.ticks" is 0.5; allowed: a whole number from 1 /,
    ],
    [
      'a class beyond its record',
      text(['classes', 'alu'], { ticks: 16385 }),
      /"classes.alu.ticks" is 16385; allowed: .* to 16384$/,
    ],
    [
      'noise that reaches zero distance',
      text(['noise'], { value: 0.5 }),
      /"noise.value" is 0.5; allowed: a number from 0 to 0.4$/,
    ],
    [
      'an unknown group',
      step('pause', { group: 'rest', range: [1, 2] }),
      /"steps.pause.group" names the unknown group "rest"; known groups: common, /,
    ],
    [
      'a free step without range',
      step('pause', { group: 'common', range: undefined }),
      /"steps.pause.group" makes this a free step without a range; add /,
    ],
    ['an empty range', step('pause', { range: [2, 1] }), /"steps.pause.range" is empty; write the lowest value first$/],
    [
      'halt polling that takes no time',
      step('halt-poll-iteration', { value: 0 }),
      /"steps.halt-poll-iteration.value" is 0; allowed: at least 1; /,
    ],
    [
      'a step beyond its record',
      step('pause', { value: 1024 }),
      /"steps.pause.value" is 1024; allowed: at most 1023 cycles; /,
    ],
  ])('with %s is refused with its place', (_, profile, message) => {
    expect(problems(profile)).toEqual([expect.stringMatching(message)]);
    expect(problems(profile)[0]).toMatch(/^p\.json:\d+:\d+: /);
  });

  it('has one line per problem', () => {
    const twice = step('pause', { value: -1, note: 7 });
    expect(problems(twice).map((line) => /"([^"]+)" is/.exec(line)?.[1])).toEqual([
      'steps.pause.value',
      'steps.pause.note',
    ]);
    expect(problems('{}')).toEqual([expect.stringMatching(/: the profile lacks "name" and 7 more; add "name", /)]);
  });
});

describe('a profile', () => {
  const at = { source: '--profile x' };
  const complaint = (name: string) => {
    const read = readProfile(name, at);
    return read.ok ? '' : read.problems.map(problemText).join('\n');
  };

  it('of unknown name is reported where it was named', () => {
    expect(complaint('ipiv-v2')).toBe(
      '--profile x: no profile "ipiv-v2"; did you mean "ipiv-v1"? built in: ipiv-v1, prior; or name a .json file',
    );
  });

  it('that cannot be read says why', () => {
    expect(complaint('./none.json')).toMatch(/^--profile x: profile \.\/none\.json cannot be read: no such file; /);
    expect(complaint('./src/')).toMatch(/ cannot be read: is a directory; /);
  });
});
