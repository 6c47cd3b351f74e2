import { describe, expect, it } from 'vitest';
import { parseScenario } from './load.js';
import type { Override } from './overrides.js';
import { problemText } from './problem.js';

const set = (key: string, value: string): Override => ({ key, value, source: `--set ${key}=${value}` });

function errors(text: string, overrides: readonly Override[] = []): string[] {
  const loaded = parseScenario('s.json', text, overrides);
  return loaded.ok ? [] : loaded.problems.map(problemText);
}

function scenario(text: string, overrides: readonly Override[] = []) {
  const loaded = parseScenario('dir/s.json', text, overrides);
  if (!loaded.ok) throw new Error(loaded.problems.map(problemText).join('\n'));
  return loaded.value.scenario;
}

describe('a scenario file', () => {
  it('gets every default, and its name from the file', () => {
    expect(scenario('{}')).toMatchObject({ name: 's', workload: 'ipi', runs: 20, seed: 1, kvm: { version: '5.19' } });
  });

  it('reports an unknown key where the key stands, and what was probably meant', () => {
    expect(errors('{\n  "vcpu": 2\n}')).toEqual([
      expect.stringMatching(/^s\.json:2:3: unknown key "vcpu"; did you mean "vcpus"\? known keys: /),
    ]);
  });

  it('reports an unknown key of an inner object', () => {
    expect(errors('{ "kvm": { "versoin": "v1" } }')).toEqual([
      expect.stringMatching(/^s\.json:1:12: unknown key "versoin" in "kvm"; did you mean "version"\? /),
    ]);
  });

  it('reports a wrong value with what is allowed', () => {
    expect(errors('{ "apicMode": "x2apci" }')).toEqual([
      's.json:1:15: "apicMode" is "x2apci"; did you mean "x2apic"? allowed: "xapic" or "x2apic", or an array of these',
    ]);
    expect(errors('{ "vcpus": "two" }')).toEqual([
      's.json:1:12: "vcpus" is "two"; allowed: a whole number of at least 1, or an array of these',
    ]);
    expect(errors('{ "iterations": 0 }')).toEqual([
      's.json:1:17: "iterations" is 0; allowed: a whole number from 1 to 2147483647 or "kvm-unit-tests", or an array of these',
    ]);
    expect(errors('{ "runs": 2.5 }')).toEqual([
      's.json:1:11: "runs" is 2.5; allowed: a whole number from 1 to 1000000',
    ]);
  });

  it('points at the wrong element of an axis', () => {
    expect(errors('{ "ipiv": [true,\n "on"] }')).toEqual(['s.json:2:2: "ipiv.1" is "on"; allowed: true or false']);
  });

  it('passes over a byte order mark, and says what other encodings are', () => {
    expect(errors('\ufeff{ "vcpu": 2 }')).toEqual([expect.stringMatching(/^s\.json:1:3: unknown key "vcpu"/)]);
    expect(errors('\ufffd\ufffd{\0}\0')).toEqual([
      's.json:1:1: is not UTF-8 text; save the file as UTF-8; JSON in UTF-16 is not read',
    ]);
  });

  it('takes no number that a guest, KVM or the VMCS would cut off', () => {
    const refused = ['{ "iterations": 4294967298 }', '{ "warmup": 2147483648 }', '{ "runs": 1e12 }'];
    const tooLarge = [...refused, '{ "kvm": { "pleWindow": 4294967296 } }', '{ "host": { "tscGHz": 1e300 } }'];
    for (const text of tooLarge)
      expect(errors(text), text).toEqual([expect.stringMatching(/ is .*; allowed: .* to \d+/)]);
  });

  it('says of a number that overflows that it is too large', () => {
    expect(errors('{ "vcpus": 1e400 }')).toEqual([
      expect.stringMatching(/"vcpus" is too large for a number; allowed: /),
    ]);
  });

  it('shows control characters of a key as escapes', () => {
    expect(errors('{ "a\\u001b[31m": 1 }')).toEqual([expect.stringContaining('unknown key "a\\u001b[31m"')]);
  });

  it('reports several problems at once', () => {
    expect(errors('{ "vcpus": 0, "sede": 1 }')).toHaveLength(2);
  });

  it('reports truncated JSON at its end', () => {
    expect(errors('{\n  "vcpus": 2,\n  "kvm": {')).toEqual([
      expect.stringMatching(/^s\.json:3:11: JSON ends too early/),
    ]);
  });

  it('reports a repeated key', () => {
    expect(errors('{ "runs": 1, "runs": 2 }')).toEqual(['s.json:1:14: key "runs" appears twice; remove one of them']);
  });

  it('must be an object', () => {
    expect(errors('[]')).toEqual([expect.stringMatching(/^s\.json:1:1: a scenario is an object/)]);
  });
});

describe('overrides', () => {
  it('take numbers, texts that look like numbers, lists and nested keys', () => {
    const overrides = [
      set('vcpus', '4'),
      set('kvm.version', '5.19'),
      set('apicMode', 'xapic,x2apic'),
      set('ipiv', 'false'),
    ];
    expect(scenario('{}', overrides)).toMatchObject({
      vcpus: 4,
      kvm: { version: '5.19' },
      apicMode: ['xapic', 'x2apic'],
      ipiv: false,
    });
  });

  it('are named as the place of a wrong value', () => {
    expect(errors('{}', [set('noise', 'of')])).toEqual([
      '--set noise=of: "noise" is "of"; did you mean "off"? allowed: "placement" or "off"',
    ]);
  });

  it('know only keys of the schema', () => {
    expect(errors('{}', [set('vcpu', '4')])).toEqual([
      expect.stringMatching(/^--set vcpu=4: unknown key "vcpu"; did you mean "vcpus"\? /),
    ]);
  });

  it('take on and off for true and false, as the ids of cases spell them', () => {
    expect(scenario('{}', [set('ipiv', 'off')]).ipiv).toBe(false);
    expect(scenario('{}', [set('ipiv', 'off,on')]).ipiv).toEqual([false, true]);
    expect(scenario('{}', [set('noise', 'off')]).noise).toBe('off');
  });

  it('name the keys of a group that cannot be set as a whole', () => {
    expect(errors('{}', [set('cpu', '1')])).toEqual([
      '--set cpu=1: "cpu" is a group of keys; set one of cpu.ipiv, cpu.uintr',
    ]);
  });
});
