/**
 * An interrupt request as KVM carries it from an ICR write to its targets (struct kvm_lapic_irq, kvm_apic_send_ipi).
 */
import { SHORTHAND_NONE, SHORTHAND_SELF, type ApicMessage } from '../../hardware/apic/message.js';

/** Vector, delivery mode, trigger mode. */
const LVT_REQUEST = 0x87ff;

/** One object per physical CPU, filled anew for every request. */
export class IpiRequest {
  vector = 0;
  deliveryMode = 0;
  logical = false;
  levelAsserted = false;
  levelTriggered = false;
  shorthand = SHORTHAND_NONE;
  /** 8 bits in xAPIC mode, 32 bits in x2APIC mode. */
  destination = 0;

  /** Decodes an ICR; `high` is ICR2 in xAPIC mode and bits 63:32 in x2APIC mode. */
  fromIcr(low: number, high: number, x2apic: boolean): void {
    this.vector = low & 0xff;
    this.deliveryMode = (low >>> 8) & 7;
    this.logical = (low & (1 << 11)) !== 0;
    this.levelAsserted = (low & (1 << 14)) !== 0;
    this.levelTriggered = (low & (1 << 15)) !== 0;
    this.shorthand = (low >>> 18) & 3;
    this.destination = x2apic ? high >>> 0 : high >>> 24;
  }

  /** Bits 31:0 of the ICR that asks for this. */
  toIcr(): number {
    const levels = (this.levelAsserted ? 1 << 14 : 0) | (this.levelTriggered ? 1 << 15 : 0);
    const mode = (this.deliveryMode << 8) | (this.logical ? 1 << 11 : 0);
    return this.vector | mode | levels | (this.shorthand << 18);
  }

  /** An interrupt of the I/O APIC (kvm_set_ioapic_irq). */
  fromMessage({ vector, deliveryMode, logical, level, assert, destination }: ApicMessage): void {
    this.vector = vector;
    this.deliveryMode = deliveryMode;
    this.logical = logical;
    this.levelAsserted = assert;
    this.levelTriggered = level;
    this.shorthand = SHORTHAND_NONE;
    this.destination = destination;
  }

  /** The interrupt of an LVT entry: its own level is asserted. */
  fromLvt(lvt: number): void {
    this.fromIcr((lvt & LVT_REQUEST) | (1 << 14), 0, true);
  }

  /** The self-IPI of MSR 83FH: always fixed and edge. */
  toSelf(vector: number): void {
    this.fromIcr(vector | (1 << 14) | (SHORTHAND_SELF << 18), 0, true);
  }
}
