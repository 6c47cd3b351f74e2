import { describe, expect, it } from 'vitest';
import type { TraceEvent } from './event.js';
import { ftraceText } from './ftrace.js';
import type { TraceClock } from './trace-clock.js';
import type { TraceRecording } from './recording.js';
import { exitAt, recordingOf, type Told } from './test-support/recordings.js';
import { eventText } from './tracepoints.js';

const textOf = (event: TraceEvent): string => eventText(event, recordingOf([]));

function lines(told: readonly Told[], clock: TraceClock = 'local', more: Partial<TraceRecording> = {}): string[] {
  const text = [...ftraceText(recordingOf(told, more), clock)].join('');
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

const accepted = { apicId: 1, deliveryMode: 0, levelTriggered: false, vector: 32 };

describe('events are worded as the kernel words them', () => {
  it.each<[TraceEvent, string]>([
    [{ name: 'kvm_entry', vcpu: 0, rip: 0x4013c2 }, 'vcpu 0, rip 0x4013c2'],
    [{ name: 'kvm_entry', vcpu: 3, rip: -0x7eff_0000 }, 'vcpu 3, rip 0xffffffff81010000'],
    [
      { ...(exitAt(0, 0, 56, 'APIC_WRITE')[2] as Extract<TraceEvent, { name: 'kvm_exit' }>), info1: 0x300 },
      'vcpu 0 reason APIC_WRITE rip 0x4013c8 info1 0x0000000000000300 info2 0x0000000000000000 ' +
        'intr_info 0x00000000 error_code 0x00000000',
    ],
    [
      { ...(exitAt(0, 1, 33, 'INVALID_STATE')[2] as Extract<TraceEvent, { name: 'kvm_exit' }>), failedEntry: true },
      'vcpu 1 reason INVALID_STATE FAILED_VMENTRY rip 0x4013c8 info1 0x0000000000000000 info2 0x0000000000000000 ' +
        'intr_info 0x00000000 error_code 0x00000000',
    ],
    [{ name: 'kvm_apic_ipi', icr: 0x4020, destination: 1 }, 'dst 1 vec 32 (Fixed|physical|assert|edge|dst)'],
    [
      { name: 'kvm_apic_ipi', icr: 0xc8e31, destination: 255 },
      'dst ff vec 49 (SIPI|logical|de-assert|level|all-but-self)',
    ],
    [{ name: 'kvm_apic_accept_irq', ...accepted }, 'apicid 1 vec 32 (Fixed|edge)'],
    [{ name: 'kvm_apicv_accept_irq', ...accepted, levelTriggered: true }, 'apicid 1 vec 32 (Fixed|level)'],
    [{ name: 'kvm_apic_accept_irq', ...accepted, apicId: 26, deliveryMode: 4 }, 'apicid 1a vec 32 (NMI|edge)'],
    [{ name: 'kvm_apic', write: true, register: 0x300, value: 0x4020n }, 'apic_write APIC_ICR = 0x4020'],
    [{ name: 'kvm_apic', write: true, register: 0x300, value: 0x1_0000_4020n }, 'apic_write APIC_ICR = 0x100004020'],
    [{ name: 'kvm_apic', write: false, register: 0x3e0, value: 11n }, 'apic_read APIC_TDCR = 0xb'],
    [{ name: 'kvm_apic', write: false, register: 0x2f0, value: 0n }, 'apic_read 0x2f0 = 0x0'],
    [
      { name: 'kvm_msr', write: true, msr: 0x830, value: 0x1_0000_4020n, exception: false },
      'msr_write 830 = 0x100004020',
    ],
    [{ name: 'kvm_msr', write: false, msr: 0x8ff, value: 0n, exception: true }, 'msr_read 8ff = 0x0 (#GP)'],
    [{ name: 'kvm_eoi', apicId: 1, vector: 32 }, 'apicid 1 vector 32'],
    [{ name: 'kvm_eoi', apicId: 1, vector: -1 }, 'apicid 1 vector -1'],
    [{ name: 'kvm_inj_virq', vector: 32, soft: false, reinjected: false }, 'IRQ 0x20'],
    [{ name: 'kvm_inj_virq', vector: 128, soft: true, reinjected: true }, 'Soft/INTn 0x80 [reinjected]'],
    [{ name: 'kvm_vcpu_wakeup', ns: 1834, waited: false, valid: true }, 'poll time 1834 ns, polling valid'],
    [{ name: 'kvm_vcpu_wakeup', ns: 90000, waited: true, valid: false }, 'wait time 90000 ns, polling invalid'],
    [{ name: 'kvm_apicv_inhibit_changed', reason: 5, set: true, inhibits: 0x20 }, 'set reason=5, inhibits=0x20'],
  ])('%o', (event, expected) => {
    expect(textOf(event)).toBe(expected);
  });
});

describe('the machine names', () => {
  it('vCPUs by their descriptors', () => {
    expect(textOf({ name: 'ipiv_on', descriptor: 0x1040, on: true })).toBe('vcpu 1 on 1');
    expect(textOf({ name: 'ipiv_pir_set', descriptor: 0x1000, vector: 32, wasSet: true })).toBe('vcpu 0 vec 32 again');
    expect(textOf({ name: 'ipiv_pir_taken', descriptor: 0x2000 })).toBe('vcpu -1');
  });

  it('cycles with two decimals', () => {
    expect(textOf({ name: 'ipiv_step', step: 'vm-exit', ticks: 31990 })).toBe('vm-exit 499.84 cycles');
    expect(textOf({ name: 'ipiv_instruction', rip: 0x100, ticks: 65, text: 'nop' })).toMatch(
      /^0x100 nop +1\.01 cycles$/,
    );
  });
});

describe('a line', () => {
  const entry: Told = [2_469_135_780, 1, { name: 'kvm_entry', vcpu: 1, rip: 0x100 }];

  it('has task, thread, CPU, flags, seconds and the event', () => {
    expect(lines([entry])).toEqual(['       CPU 1/KVM-1002    [001] d..1.     1.234568: kvm_entry: vcpu 1, rip 0x100']);
  });

  it('has cycles with the clock x86-tsc', () => {
    expect(lines([entry], 'x86-tsc')[0]).toContain('[001] d..1.   2469135780: kvm_entry:');
  });

  it('is preceded by what its CPU has lost, once', () => {
    const told = lines([entry, entry, [2_469_135_999, 0, { name: 'ipiv_wake' }]], 'local', { lost: [0, 12] });
    expect(told[0]).toBe('CPU:1 [LOST 12 EVENTS]');
    expect(told.filter((line) => line.includes('LOST'))).toHaveLength(1);
  });

  it('stands under a header that counts what was kept and what was written', () => {
    const [header] = ftraceText(recordingOf([entry], { lost: [3, 4] }), 'local');
    expect(header).toContain('# entries-in-buffer/entries-written: 1/8   #P:2\n');
  });
});
