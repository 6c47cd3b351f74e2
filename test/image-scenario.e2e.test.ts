/** Scenarios with an image through the command: run, reports, gate, compare, show --verify, and what is wrong with them. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { beforeAll, describe, expect, it } from 'vitest';
import { measuringGuest } from '../src/guest/test-support/measuring-guest.js';
import { emptyFolder, ipivBench, savedFiles, type Finished } from './support/cli.js';

const ITERATIONS = 1500;
const GUEST = { image: 'measure.elf', memoryMiB: 16, iterations: ITERATIONS };
const folder = emptyFolder();
mkdirSync(join(folder, 'inner'));
mkdirSync(join(folder, 'other'));
writeFileSync(join(folder, 'inner', 'measure.elf'), measuringGuest(ITERATIONS));
writeFileSync(join(folder, 'other', 'measure.elf'), measuringGuest(ITERATIONS + 1));
writeFileSync(join(folder, 'inner', 'text.elf'), 'no kernel');

const bench = (...args: readonly string[]): Finished => ipivBench(args, folder);

/** Writes a scenario beside the image. */
function scenario(content: object): string {
  writeFileSync(join(folder, 'inner', 'scenario.json'), JSON.stringify(content, null, 2));
  return join('inner', 'scenario.json');
}

function run(content: object, ...args: readonly string[]): Finished {
  return bench('run', scenario({ guest: GUEST, runs: 1, ...content }), ...args);
}

describe('a scenario with an image', () => {
  let saved = '';
  beforeAll(() => {
    const { code, stderr } = run({ workload: ['vmcall', 'ipi'], ipiv: [false, true], runs: 2 });
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^saved results\/scenario-/)]);
    [saved] = savedFiles(folder);
  }, 120_000);

  it('gives the table of what the image prints, and of what happened meanwhile', () => {
    const { stdout } = bench('show', saved);
    expect(stdout).toMatch(
      /^ipi, 2 vCPUs, AP halt policy hlt, KVM 5\.19, guest\.image=measure\.elf, guest\.memoryMiB=16/m,
    );
    expect(stdout).toMatch(/^ {2}MSR_WRITE +1\.00 +0\.00$/m);
    expect(stdout).toMatch(/^ {2}VMCALL +1\.00 +1\.00$/m);
  });

  it('prints the lines of the test as vmexit', () => {
    const { stdout } = bench('show', saved, '--format', 'vmexit');
    expect(stdout).toMatch(/workload=ipi .* run=1\nipi \d+\n {2}ipi ipi \d+\n#/);
  });

  it('names the image and its digest in CSV', () => {
    const rows = parse<Record<string, string>>(bench('show', saved, '--format', 'csv').stdout, { columns: true });
    expect(rows).toHaveLength(8);
    expect(rows[0]).toMatchObject({ image: 'measure.elf', architectural: 'on', iterations: String(ITERATIONS) });
    expect(rows[0]['image_digest']).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it('repeats to the byte, with any number of jobs', () => {
    const other = run(
      { workload: ['vmcall', 'ipi'], ipiv: [false, true], runs: 2 },
      '--jobs',
      '2',
      '--save-dir',
      'two',
    );
    expect(other.code).toBe(0);
    expect(bench('gate', saved, join('two', saved.slice(saved.lastIndexOf('/') + 1)), '--exact').code).toBe(0);
  });

  it('is verified with the same image only', () => {
    expect(bench('show', saved, '--verify', '--images', 'inner')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^verified/) as string,
    });
    expect(bench('show', saved, '--verify', '--images', 'other')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/image measure\.elf has sha256:\w+, but the result was made with sha256/) as string,
    });
    expect(bench('show', saved, '--verify')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/image measure\.elf: no such file/) as string,
    });
  });

  it('stands beside the built-in program of the same name', () => {
    const program = scenario({ workload: 'ipi', apHaltPolicy: 'hlt', ipiv: [false, true], runs: 1 });
    expect(bench('run', program, '--save-dir', 'program').code).toBe(0);
    const ignored = ['--ignore', 'guest.image', '--ignore', 'guest.memoryMiB', '--ignore', 'guest.iterations'];
    const { code, stdout } = bench(
      'compare',
      saved,
      join('program', readdirSync(join(folder, 'program'))[0]),
      ...ignored,
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^workload=ipi apicMode=x2apic apHaltPolicy=hlt .*\n\n.*\nipiv=off .*%\)\nipiv=on .*%\)$/m);
    expect(stdout).toMatch(/^note: image differs: measure\.elf sha256:/m);
  });
});

describe('an image whose other CPUs never halt', () => {
  let file = '';
  beforeAll(() => {
    run({ apHaltPolicy: 'spin' }, '--save-dir', 'spin');
    file = join('spin', readdirSync(join(folder, 'spin'))[0]);
  }, 60_000);

  it.each([
    ['table', /^ipi, 2 vCPUs, AP halt policy spin \(HLT of the other CPUs is a one-cycle no-op/],
    ['markdown', /HLT of the other CPUs is a one-cycle no-op/],
    ['json', /"architectural": false/],
    ['csv', /,off\r\n$/],
    ['vmexit', /^# HLT of the other CPUs is a one-cycle no-op, which it is on no processor\nipi/],
    ['tap', /^# HLT of the other CPUs/m],
  ])('is called not architectural in the format %s', (format, expected) => {
    const { code, stdout } = bench('show', file, '--format', format);
    expect(stdout).toMatch(expected);
    expect(code).toBe(0);
  });
});

describe('explain', () => {
  it('takes an iteration of the image apart', () => {
    const { code, stdout } = bench('explain', scenario({ guest: GUEST, apHaltPolicy: 'spin' }));
    expect(stdout).toMatch(/^cycles per IPI; profile ipiv-v1, noise off; an iteration of 1500$/m);
    expect(stdout).toMatch(/ipiv-icr-write/);
    expect(code).toBe(0);
  });
});

describe('paths of images', () => {
  it('begin where the command line is used when they are set there', () => {
    const { code } = run(
      { guest: { ...GUEST, image: 'none.elf' } },
      '--no-save',
      '--set',
      'guest.image=inner/measure.elf',
    );
    expect(code).toBe(0);
  });
});

describe('what is wrong with a scenario with an image', () => {
  const position = String.raw`inner/scenario\.json:\d+:\d+: `;
  // prettier-ignore
  it.each<[what: string, content: object, expected: string]>([
    ['a missing image',         { guest: { ...GUEST, image: 'none.elf' } },    'image none\\.elf: no such file'],
    ['a directory',             { guest: { ...GUEST, image: '.' } },           'image \\.: is a directory'],
    ['what is no image',        { guest: { ...GUEST, image: 'text.elf' } },    'image text\\.elf: no multiboot header'],
    ['too little memory',       { guest: { ...GUEST, memoryMiB: 2 } },         'image measure\\.elf: segment .* does not fit .*at byte'],
    ['iterations of programs',  { guest: GUEST, iterations: 5 },               '"iterations" is for built-in programs.*"guest\\.iterations"'],
    ['no image',                { guest: {} },                                 '"guest" lacks "image"'],
    ['an unknown key',          { guest: { ...GUEST, images: 'x' } },          'unknown key "images" in "guest"; did you mean "image"'],
    ['a policy of programs',    { guest: GUEST, apHaltPolicy: 'pause' },       '"apHaltPolicy" is "pause"; allowed: "hlt", "hlt-passthrough" or "spin"'],
    ['fractions of a kilohertz', { guest: GUEST, host: { tscGHz: 2.1234567 } }, 'an image needs a TSC of whole kilohertz'],
    ['IPIv without APICv',      { guest: GUEST, kvm: { enableApicv: false } }, 'IPI virtualization needs APICv'],
  ])('is said with its place: %s', (_, content, expected) => {
    const { code, stdout, stderr } = bench('run', scenario(content), '--no-save');
    expect(stderr).toMatch(new RegExp(`^error: ${position}${expected}`));
    expect([code, stdout]).toEqual([2, '']);
  });

  it('ends with 4 and the console when the image does not print the test', () => {
    const { code, stderr } = run({ workload: 'wbinvd' }, '--no-save');
    expect(stderr).toMatch(
      /^error: the guest failed in run 1 of .*: the image printed no line "wbinvd CYCLES"\n {2}console: /,
    );
    expect(code).toBe(4);
  });

  it('is no reason to look for programs that only images have', () => {
    const { code, stderr } = bench('run', scenario({ workload: 'wbinvd' }), '--no-save');
    expect(stderr).toMatch(/"workload" is "wbinvd"/);
    expect(code).toBe(2);
  });
});
