/** Multiboot images under KVM and without it, from reset to their end. */
import { describe, expect, it } from 'vitest';
import { bootGuest, bootGuestOutput } from '../src/guest/test-support/boot-guest.js';
import { measuringGuest } from '../src/guest/test-support/measuring-guest.js';
import { tinyImage } from '../src/guest/test-support/tiny-image.js';
import { RECORD_SIZE } from '../src/hardware/cpu/layout.js';
import { TRANSLATED } from '../src/hardware/cpu/opcodes.js';
import { R_OP } from '../src/hardware/cpu/record.js';
import { buildImageMachine, type ImageInputs, type ImageMachine } from '../src/machine/image-machine.js';
import { runImage, type ImageOutcome } from '../src/machine/image-run.js';
import type { SimulationOptions } from '../src/machine/machine-options.js';
import { imageInputs, imageMachine, imageOptions, type ImageMachineOptions } from './support/image-machine.js';

const ENVIRONMENT = 'NR_CPUS=2\n';

interface Run {
  readonly machine: ImageMachine;
  readonly outcome: ImageOutcome;
  readonly output: string;
}

function run(image: Uint8Array, options: ImageMachineOptions = {}, fastForward = true): Run {
  let output = '';
  const console = (byte: number): unknown => (output += String.fromCharCode(byte));
  const machine = machineOf(image, options, { simulation: { fastForward }, console });
  const outcome = runImage(machine);
  return { machine, outcome, output };
}

function machineOf(image: Uint8Array, options: ImageMachineOptions = {}, inputs: Partial<ImageInputs> = {}) {
  return imageMachine(image, { commandLine: 'guest.elf all', environment: ENVIRONMENT, ...options }, inputs);
}

describe('a multiboot kernel that starts all CPUs', () => {
  it.each<[what: string, options: ImageMachineOptions]>([
    ['alone under KVM', { vcpus: 1 }],
    ['under KVM with IPI virtualization', {}],
    ['under KVM without it', { ipiv: false }],
    ['under KVM without APICv', { ipiv: false, kvm: { enableApicv: false } }],
    ['under KVM v1', { kvm: { version: 'v1' } }],
    ['under KVM 5.19, in xAPIC mode', { apicMode: 'xapic', kvm: { version: '5.19' } }],
    ['under KVM with HLT passed through', { haltPolicy: 'hlt-passthrough' }],
    ['under KVM with APs that never halt', { haltPolicy: 'spin' }],
    ['on five vCPUs', { vcpus: 5 }],
    ['without a hypervisor', { bare: true }],
    ['without a hypervisor, on three CPUs', { bare: true, vcpus: 3 }],
  ])('runs %s', (_, options) => {
    const { outcome, output } = run(bootGuest(), options);
    expect(output).toBe(bootGuestOutput('guest.elf all', ENVIRONMENT, options.vcpus ?? 2));
    expect(outcome).toEqual({ kind: 'exit', code: 0 });
  });

  it('does the same however its run is cut into pieces', () => {
    const whole = run(bootGuest());
    const machine = machineOf(bootGuest());
    let pieces = 1;
    while (machine.run(1000) === null) pieces++;
    expect(pieces).toBeGreaterThan(100);
    expect(machine.cycles()).toBe(whole.machine.cycles());
    expect(machine.kvm?.describeVcpus()).toEqual(whole.machine.kvm?.describeVcpus());
  });

  it('takes the same cycles with and without fast-forwarding', () => {
    expect(run(bootGuest(), {}, false).machine.cycles()).toBe(run(bootGuest()).machine.cycles());
  });
});

describe('hot code of an image', () => {
  const isTranslated = (simulation: SimulationOptions): boolean => {
    const machine = machineOf(measuringGuest(20), {}, { simulation });
    expect(machine.run(Infinity)).toEqual({ kind: 'exit', code: 0 });
    const { memory } = machine.hardware;
    for (let at = memory.records; at < memory.recordsUsed; at += RECORD_SIZE) {
      if ((memory.view.getUint16(at + R_OP, true) & TRANSLATED) !== 0) return true;
    }
    return false;
  };

  it('is translated, though the machine is ready to record its last instructions', () => {
    expect(isTranslated({ translateAfter: 10 })).toBe(true);
  });

  it('is left to the interpreter where nothing is to be translated', () => {
    expect(isTranslated({ translateAfter: 0 })).toBe(false);
  });
});

describe('a guest that fails', () => {
  const EXIT_3 = 'b803000000 baf4000000 ef f4';
  // prettier-ignore
  it.each([
    ['with an exit code ends with it',   EXIT_3,       { kind: 'exit', code: 3 }],
    ['that halts for good hangs',        'fa f4 ebfd', { kind: 'failure', message: 'the guest hangs: no CPU can ever go on' }],
    ['that loops runs out of time',      'ebfe',       { kind: 'failure', message: 'the guest has not ended in the time it was given' }],
  ])('%s', (_, code, expected) => {
    for (const bare of [false, true]) {
      expect(run(tinyImage(code), { bare, maxCycles: 20_000 }).outcome).toMatchObject(expected);
    }
  });

  it('by a triple fault is reported with what led to it, and its registers', () => {
    const { outcome } = run(tinyImage('bc00201000 0f0b'));
    const causes = '#GP(0033H) while delivering #UD, #GP(006bH) while delivering #GP, #GP(0043H) while delivering #DF';
    expect(outcome).toMatchObject({
      kind: 'failure',
      message: `vCPU 0: triple fault at RIP 100011H in 32-bit protected mode: ${causes}`,
    });
    expect(outcome.kind === 'failure' && outcome.details.join('\n')).toMatch(
      /vCPU 0 on CPU 0: .*TRIPLE_FAULT[^]*RAX=[^]*RSP=0000000000102000/,
    );
  });
});

it.each([true, false])('nothing happens after the end of the machine, bare: %s', (bare) => {
  const EXITS_AND_PRINTS = 'b805000000 baf4000000 ef baf8030000 b078 ee b00a ee ebf8';
  const { output, outcome, machine } = run(tinyImage(EXITS_AND_PRINTS), { bare, vcpus: 1 });
  expect({ output, outcome }).toEqual({ output: '', outcome: { kind: 'exit', code: 5 } });
  expect(machine.cycles()).toBeLessThan(20_000);
});

describe('a guest that writes code at run time', () => {
  const WRITES_AND_CALLS = `
    bc00001100     mov esp, 110000H
    c607b8         mov byte ptr [edi], 0B8H
    c7470105000000 mov dword ptr [edi+1], 5
    c64705c3       mov byte ptr [edi+5], 0C3H
    ffd7           call edi                       ; mov eax, 5; ret
    89c3           mov ebx, eax
    c7470107000000 mov dword ptr [edi+1], 7
    ffd7           call edi                       ; mov eax, 7; ret
    01d8           add eax, ebx
    baf4000000     mov edx, 0F4H
    ef             out dx, eax`;
  const code = WRITES_AND_CALLS.split('\n').map((line) => line.trim().split(' ')[0]);

  it.each([
    ['on its own page', 0x10_0800],
    ['on another page', 0x10_8800],
  ])('%s executes what it has written', (_, address) => {
    const operand = Buffer.alloc(4);
    operand.writeUInt32LE(address);
    for (const bare of [false, true]) {
      const { outcome } = run(tinyImage(`bf${operand.toString('hex')}${code.join('')}`), { bare });
      expect(outcome).toEqual({ kind: 'exit', code: 12 });
    }
  });
});

it('what is no multiboot image is a problem with its place and a hint', () => {
  const machine = buildImageMachine(new Uint8Array(100), imageOptions(), imageInputs());
  expect(machine).toMatchObject({
    kind: 'problem',
    offset: 0,
    message: expect.stringContaining('no multiboot header') as string,
  });
});

it('every vCPU starts with the IA32_PAT of a processor after reset', () => {
  const lines = run(bootGuest(), { vcpus: 3 }).machine.kvm?.describeVcpus() ?? [];
  const pats = lines.filter((line) => /PAT = /.test(line)).filter((_, index) => index % 2 === 0);
  expect(pats.map((line) => line.trim())).toEqual(Array<string>(3).fill('PAT = 0x0007040600070406'));
});
