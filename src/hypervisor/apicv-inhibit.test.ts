import { describe, expect, it } from 'vitest';
import {
  APICV_INHIBIT_REASON_ABSENT,
  APICV_INHIBIT_REASON_APIC_ID_MODIFIED,
  APICV_INHIBIT_REASON_DISABLE,
  ApicvInhibits,
} from './apicv-inhibit.js';

describe('ApicvInhibits', () => {
  it('activates APICv while no reason is set', () => {
    expect(new ApicvInhibits(true).activated).toBe(true);
    expect(new ApicvInhibits(false).activated).toBe(false);
    expect(new ApicvInhibits(false).reasons).toBe(1 << APICV_INHIBIT_REASON_DISABLE);
  });

  it('91: a modified APIC ID deactivates APICv, once', () => {
    const inhibits = new ApicvInhibits(true);
    expect(inhibits.set(APICV_INHIBIT_REASON_APIC_ID_MODIFIED)).toBe(true);
    expect(inhibits.set(APICV_INHIBIT_REASON_APIC_ID_MODIFIED)).toBe(false);
    expect(inhibits.activated).toBe(false);
  });

  it('activates again only when the last reason goes', () => {
    const inhibits = new ApicvInhibits(true);
    inhibits.set(APICV_INHIBIT_REASON_ABSENT);
    inhibits.set(APICV_INHIBIT_REASON_APIC_ID_MODIFIED);
    expect(inhibits.clear(APICV_INHIBIT_REASON_ABSENT)).toBe(false);
    expect(inhibits.clear(APICV_INHIBIT_REASON_APIC_ID_MODIFIED)).toBe(true);
    expect(inhibits.clear(APICV_INHIBIT_REASON_APIC_ID_MODIFIED)).toBe(false);
  });
});
