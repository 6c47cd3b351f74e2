import { describe, expect, it } from 'vitest';
import { capability } from '../test-support/fake-vmcs.js';
import { vmxFlags, vmxFlagsLine } from './cpuinfo.js';

describe('vmx flags of /proc/cpuinfo', () => {
  it('102: contain ipi_virt from v9 on and not in v1', () => {
    expect(vmxFlags(capability(), '5.19')).toContain('ipi_virt');
    expect(vmxFlags(capability(), '6.12')).toContain('ipi_virt');
    expect(vmxFlags(capability(), 'v1')).not.toContain('ipi_virt');
  });

  it('102: do not contain ipi_virt on a processor without it', () => {
    expect(vmxFlags(capability({ ipiv: false }), '5.19')).not.toContain('ipi_virt');
  });

  it('never show the activation of tertiary controls', () => {
    expect(vmxFlagsLine(capability(), '5.19')).not.toMatch(/tert/i);
  });

  it('stand in word order, then bit order', () => {
    expect(vmxFlagsLine(capability(), '5.19')).toBe(
      'vmx flags\t: vnmi preemption_timer posted_intr invvpid ept_1gb flexpriority apicv tsc_offset vtpr ' +
        'vapic ept vpid unrestricted_guest vapic_reg vid ple usr_wait_pause ipi_virt',
    );
  });

  it('synthesize apicv from all four of its features', () => {
    const withoutPostedInterrupts = capability({ withhold: { pin: 0x80 } });
    expect(vmxFlags(withoutPostedInterrupts, '5.19')).not.toContain('apicv');
  });
});
