import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bootGuest } from '../src/guest/test-support/boot-guest.js';
import { tinyImage } from '../src/guest/test-support/tiny-image.js';
import { bash, emptyFolder, ipivBench, savedIn, type Finished } from './support/cli.js';

const folder = emptyFolder();
const SENDER_OFF = ['trace', 'x2apic', '--case', 'ipiv=off', '--iterations', '2'];
const SENDER_ON = ['trace', 'x2apic', '--case', 'ipiv=on', '--iterations', '2'];

/** Names of events in ftrace text, in order. */
function eventNames(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => / (\w+): /.exec(line.slice(line.indexOf(']')))?.[1] ?? line);
}

function traced(...args: readonly string[]): string {
  const { stdout, stderr, code } = ipivBench(args, folder);
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  return stdout;
}

describe('trace', () => {
  it('prints a handful of IPIs as ftrace text, and nothing else', () => {
    const text = traced(...SENDER_OFF);
    expect(text).toMatch(/^# tracer: nop\n/);
    const names = eventNames(text);
    for (const name of ['kvm_exit', 'kvm_apic_ipi', 'kvm_apicv_accept_irq', 'kvm_msr', 'kvm_entry', 'ipiv_eoi']) {
      expect(names.filter((each) => each === name)).toHaveLength(2);
    }
  });

  it('shows nothing of the kernel on the sender with IPI virtualization', () => {
    expect(traced(...SENDER_ON, '--event', 'ipiv', '--vcpu', '0')).toContain('ipiv_icr_write: icr 0x100004020 posted');
    const { stdout, stderr, code } = ipivBench([...SENDER_ON, '--event', 'kvm'], folder);
    expect(eventNames(stdout)).toEqual([]);
    expect({ stderr, code }).toEqual({ stderr: 'note: none of the selected events happened\n', code: 0 });
  });

  it('writes every format from one run, the same bytes each time', () => {
    const files = ['ftrace=a.txt', 'perf-stat=a.perf', 'chrome=a.json', 'perfetto=a.pftrace', 'trace-dat=a.dat'];
    const outputs = (prefix: string): string[] => files.flatMap((file) => ['-o', file.replace('=a', `=${prefix}`)]);
    expect(traced(...SENDER_OFF, ...outputs('one/a'))).toBe('');
    expect(traced(...SENDER_OFF, ...outputs('two/a'))).toBe('');
    for (const name of files.map((file) => file.slice(file.indexOf('=') + 1))) {
      const [first, second] = ['one', 'two'].map((where) => readFileSync(join(folder, where, name)));
      expect(first.length).toBeGreaterThan(100);
      expect(second.equals(first)).toBe(true);
    }
  });

  it('reports exits as perf does, and import reads it', () => {
    traced('trace', 'xapic', '--case', 'ipiv=off', '-o', 'perf-stat=perf.txt');
    const { stderr, code } = ipivBench(['import', 'perf.txt', '--save-dir', 'imported/results'], folder);
    expect({ stderr: stderr.replace(/^saved .*\n/m, ''), code }).toMatchObject({ code: 0 });
    const [{ cases }] = savedIn(join(folder, 'imported'));
    const exits = cases.flatMap(({ exitTables }) => exitTables ?? []).map((table) => table.exits);
    expect(exits).toHaveLength(1);
    expect(exits[0]['APIC_WRITE'].samples).toBe(1024);
  });

  it('disassembles what a vCPU executes', () => {
    const text = traced(...SENDER_ON, '--vcpu', '0', '--event', 'ipiv_icr_write', '--disassemble');
    expect(text.match(/ipiv_instruction: 0x[0-9a-f]+ wrmsr +\d+\.\d\d cycles$/gm)).toHaveLength(2);
  });

  it('keeps the last events and says what is missing', () => {
    const { stdout, stderr } = ipivBench([...SENDER_ON, '--limit', '3', '--vcpu', '1'], folder);
    expect(eventNames(stdout)).toEqual(['CPU:1 [LOST 9 EVENTS]', 'ipiv_pi_processed', 'ipiv_delivery', 'ipiv_eoi']);
    expect(stderr).toBe('warning: 9 earlier events of vCPU 1 are missing: raise --limit, or select fewer\n');
  });

  it('takes a window of cycles since reset', () => {
    const all = traced(...SENDER_ON, '--clock', 'x86-tsc', '--time', 'all');
    const at = (text: string): number[] => [...text.matchAll(/ (\d+): \w+:/g)].map((match) => Number(match[1]));
    const [from, to] = [10, 30].map((index) => at(all)[index]);
    const some = at(traced(...SENDER_ON, '--clock', 'x86-tsc', '--time', `${from}..${to}`));
    expect(some).toEqual(at(all).filter((time) => time >= from && time <= to));
  });

  it('ends quietly when its reader has seen enough', () => {
    const { stdout, stderr } = bash('$B trace x2apic --case ipiv=on | head -1', folder);
    expect({ stdout, stderr }).toEqual({ stdout: '# tracer: nop\n', stderr: '' });
  });

  it('writes binary formats into a pipe', () => {
    const { stdout } = bash(`$B ${SENDER_ON.join(' ')} -o trace-dat | head -c 10 | od -An -c`, folder);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('027 \\b D t r a c i n g');
  });
});

describe('an image', () => {
  writeFileSync(join(folder, 'guest.elf'), bootGuest());
  const boot = (...args: readonly string[]): Finished =>
    ipivBench(['boot', 'guest.elf', '--memory', '16', ...args], folder);
  const guest = { image: 'guest.elf', memoryMiB: 16 };
  writeFileSync(join(folder, 'image.json'), JSON.stringify({ guest, workload: 'ipi', apicMode: 'xapic' }));

  it('is traced while it boots: the same console and the same end', () => {
    const alone = boot();
    const watched = boot('--trace', 'ftrace=boot.txt', '--trace', 'perf-stat=boot.perf');
    expect(watched).toEqual(alone);
    const text = readFileSync(join(folder, 'boot.txt'), 'utf8');
    expect(text).toMatch(/kvm_exit: vcpu 0 reason IO_INSTRUCTION/);
    expect(text).toMatch(/kvm_apic_accept_irq: apicid 1 vec 0 \(INIT\|/);
    expect(text).toMatch(/kvm_apic_accept_irq: apicid 1 vec 8 \(SIPI\|edge\)/);
    expect(readFileSync(join(folder, 'boot.perf'), 'utf8')).toMatch(/IO_INSTRUCTION +\d+/);
  });

  it('has no events of KVM without a hypervisor', () => {
    const { stderr, code } = boot('--bare', '--trace', 'ftrace=bare.txt');
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    const names = new Set(eventNames(readFileSync(join(folder, 'bare.txt'), 'utf8')));
    expect([...names].every((name) => name.startsWith('ipiv_'))).toBe(true);
    expect(names).toContain('ipiv_ipi_sent');
  });

  it('can be the guest of a scenario, whose whole run is recorded', () => {
    const names = new Set(eventNames(traced('trace', 'image.json')));
    expect(names).toContain('kvm_exit');
    expect(names).toContain('kvm_apic');
  });

  it('runs no further than the time to record', () => {
    writeFileSync(join(folder, 'endless.elf'), tinyImage('ebfe'));
    const endless = { guest: { ...guest, image: 'endless.elf', timeoutSeconds: 100_000 }, workload: 'ipi' };
    writeFileSync(join(folder, 'endless.json'), JSON.stringify(endless));
    const times = [
      ...traced('trace', 'endless.json', '--time', '1000..9000', '--clock', 'x86-tsc').matchAll(/ (\d+): kvm_/g),
    ];
    expect(times.length).toBeGreaterThan(0);
    for (const [, time] of times) expect(Number(time)).toBeLessThanOrEqual(9000);
  });

  it.each([
    ['a trace on the console', ['--trace', 'ftrace'], /stdout is the guest's console; write --trace ftrace=FILE/],
    ['options of a trace that nobody wants', ['--event', 'kvm'], /--event: nothing is traced; add --trace FORMAT=FILE/],
    ['a timed loop', ['--trace', 'ftrace=x', '--time', 'loop'], /an image does not mark its timed loop/],
    ['a vCPU that is not there', ['--trace', 'ftrace=x', '--vcpu', '2'], /there are 2 vCPUs; the last one is 1/],
  ])('cannot have %s', (_, args, expected) => {
    const { stdout, stderr, code } = boot(...args);
    expect(stderr).toMatch(expected);
    expect({ stdout, code }).toEqual({ stdout: '', code: 2 });
  });
});

describe('trace refuses', () => {
  it.each([
    [
      'several cases at once',
      ['trace', 'ipiv-v1'],
      /4 cases; name settings that only one of these has:\n {2}workload=ipi/,
    ],
    ['a case that is not there', [...SENDER_ON.slice(0, 2), '--case', 'ipiv=maybe'], /no case has these settings/],
    ['an unknown event', [...SENDER_ON, '--event', 'kvm_exits'], /no such event; did you mean "kvm_exit"\?/],
    ['an unknown format', [...SENDER_ON, '-o', 'perfeto=x'], /unknown format "perfeto"; did you mean "perfetto"\?/],
    ['a format without its file', [...SENDER_ON, '-o', 'chrome='], /no file; write chrome=FILE/],
    ['two formats on stdout', [...SENDER_ON, '-o', 'ftrace', '-o', 'chrome'], /ftrace and chrome on stdout/],
    ['a vCPU that the case does not have', [...SENDER_ON, '--vcpu', '0,7'], /--vcpu 7: there are 2 vCPUs/],
    ['a list that is none', [...SENDER_ON, '--vcpu', '3-1'], /expected numbers such as 0 or 0,2-5/],
    ['a window that ends before it begins', [...SENDER_ON, '--time', '9..3'], /expected loop, all, or cycles/],
    ['no room at all', [...SENDER_ON, '--limit', '0'], /expected a whole number of at least 1/],
    [
      'perf-stat without exits',
      [...SENDER_ON, '-o', 'perf-stat', '--event', 'kvm_msr'],
      /needs kvm_exit and kvm_entry/,
    ],
    [
      'an option before it asks which case is meant',
      ['trace', 'ipiv-v1', '--event', 'kvm_exits', '-o', 'perfeto'],
      /^error: --event kvm_exits: no such event/,
    ],
    ['an output before it asks which case is meant', ['trace', 'ipiv-v1', '-o', 'perfeto'], /^error: --output perfeto/],
    ['a scenario that is not there', ['trace', 'nowhere.json'], /nowhere\.json: no such file/],
  ])('%s', (_, args, expected) => {
    const { stdout, stderr, code } = ipivBench(args, folder);
    expect(stderr).toMatch(expected);
    expect({ stdout, code }).toEqual({ stdout: '', code: 2 });
  });

  it('an output that cannot be written, after the others', () => {
    writeFileSync(join(folder, 'plain'), '');
    const args = [...SENDER_ON, '-o', 'ftrace=plain/a.txt', '-o', 'chrome=kept.json'];
    const { stderr, code } = ipivBench(args, folder);
    expect(stderr).toMatch(/plain\/a\.txt: cannot write/);
    expect(code).toBe(2);
    expect(existsSync(join(folder, 'kept.json'))).toBe(true);
  });

  it('a full device', () => {
    const { stderr, code } = bash('$B trace x2apic --case ipiv=on --iterations 2 > /dev/full', folder);
    expect(stderr).toContain('standard output: cannot write: no space left on the device');
    expect(code).toBe(2);
  });
});

const hasTraceCmd = spawnSync('trace-cmd', ['--version']).error === undefined;

interface Line {
  readonly cpu: number;
  readonly text: string;
}

/** Lines of ftrace text or of `trace-cmd report` without what the two show differently, by CPU. */
function byCpu(text: string): Line[] {
  return text
    .split('\n')
    .flatMap((line) => {
      const match = /^ *(CPU \d+\/KVM-\d+) +\[(\d+)\] (?:[d.]\S+)? *([\d.]+): (\w+): *(.*?) *$/.exec(line);
      return match === null ? [] : [{ cpu: Number(match[2]), text: [match[1], ...match.slice(3)].join(' ') }];
    })
    .sort((a, b) => a.cpu - b.cpu);
}

describe.skipIf(!hasTraceCmd)('trace-cmd (skipped where it is not installed)', () => {
  it.each([
    ['xAPIC without IPIv', 'xapic --case ipiv=off'],
    ['x2APIC with IPIv', 'x2apic --case ipiv=on'],
    ['a halting target', 'ap-halt --case apHaltPolicy=hlt,apicMode=x2apic,ipiv=on --set kvm.haltPollNs=0'],
    ['HLT in the guest', 'ap-halt --case apHaltPolicy=hlt-passthrough,apicMode=xapic,ipiv=on'],
    ['no APICv', 'no-apicv --case apicMode=xapic'],
    ['SENDUIPI', 'senduipi --case ipiv=on'],
  ])('reports what the ftrace text shows: %s', (_, scenario) => {
    mkdirSync(join(folder, 'dat'), { recursive: true });
    const outputs = '-o ftrace=dat/trace.txt -o trace-dat=dat/trace.dat';
    const line = `$B trace ${scenario} --iterations 2 --time all --event all --disassemble ${outputs}`;
    expect(bash(line, folder)).toMatchObject({ stderr: '', code: 0 });
    const reported = spawnSync('trace-cmd', ['report', '-N', 'dat/trace.dat'], {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    expect(reported.status).toBe(0);
    const lines = byCpu(readFileSync(join(folder, 'dat/trace.txt'), 'utf8'));
    expect(lines.length).toBeGreaterThan(1000);
    expect(byCpu(reported.stdout)).toEqual(lines);
  });

  it('knows the fields of KVM by its own plugin', () => {
    traced(...SENDER_OFF, '-o', 'trace-dat=plugin.dat');
    const { stdout } = spawnSync('trace-cmd', ['report', 'plugin.dat'], { cwd: folder, encoding: 'utf8' });
    expect(stdout).toMatch(/kvm_exit: +reason MSR_WRITE rip 0x[0-9a-f]+ info 0 0/);
  });

  it('tells how many events are missing, and cycles where asked', () => {
    traced(
      'trace',
      'x2apic',
      '--case',
      'ipiv=on',
      '--iterations',
      '2',
      '--clock',
      'x86-tsc',
      '-o',
      'trace-dat=tsc.dat',
    );
    const cycles = spawnSync('trace-cmd', ['report', 'tsc.dat'], { cwd: folder, encoding: 'utf8' }).stdout;
    expect(cycles).toMatch(/\[000\] +\d{6,}: ipiv_icr_write:/);
    ipivBench([...SENDER_ON, '--limit', '3', '-o', 'trace-dat=lost.dat'], folder);
    const lost = spawnSync('trace-cmd', ['report', 'lost.dat'], { cwd: folder, encoding: 'utf8' }).stdout;
    expect(lost).toContain('CPU:1 [9 EVENTS DROPPED]');
  });
});
