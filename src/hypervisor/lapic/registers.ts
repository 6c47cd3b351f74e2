/**
 * Offsets and fields of local APIC registers as KVM's APIC emulation uses them (asm/apicdef.h; SDM vol. 3, table 12-1).
 * The x2APIC MSR of offset o is 800H + o / 16.
 */
export const APIC_ID = 0x020;
export const APIC_LVR = 0x030;
export const APIC_TASKPRI = 0x080;
export const APIC_ARBPRI = 0x090;
export const APIC_PROCPRI = 0x0a0;
export const APIC_EOI = 0x0b0;
export const APIC_LDR = 0x0d0;
export const APIC_DFR = 0x0e0;
export const APIC_SPIV = 0x0f0;
export const APIC_ISR = 0x100;
export const APIC_TMR = 0x180;
export const APIC_IRR = 0x200;
export const APIC_ESR = 0x280;
export const APIC_ICR = 0x300;
export const APIC_ICR2 = 0x310;
export const APIC_LVTT = 0x320;
export const APIC_LVTTHMR = 0x330;
export const APIC_LVTPC = 0x340;
export const APIC_LVT0 = 0x350;
export const APIC_LVT1 = 0x360;
export const APIC_LVTERR = 0x370;
export const APIC_TMICT = 0x380;
export const APIC_TMCCT = 0x390;
export const APIC_TDCR = 0x3e0;
export const APIC_SELF_IPI = 0x3f0;

/** First MSR of x2APIC mode. */
export const APIC_BASE_MSR = 0x800;
/** IA32_TSC_DEADLINE. */
export const MSR_IA32_TSC_DEADLINE = 0x6e0;
/** The guest-physical page of a local APIC at reset; KVM puts a private slot with the APIC-access page there. */
export const APIC_DEFAULT_PHYS_BASE = 0xfee0_0000;

/** IA32_APIC_BASE and its bits. */
export const MSR_IA32_APICBASE = 0x1b;
export const MSR_IA32_APICBASE_BSP = 1 << 8;
export const X2APIC_ENABLE = 1 << 10;
export const MSR_IA32_APICBASE_ENABLE = 1 << 11;

export const APIC_SPIV_APIC_ENABLED = 1 << 8;
export const APIC_LVT_MASKED = 1 << 16;
export const APIC_ICR_BUSY = 1 << 12;
/** Reserved bits of the x2APIC ICR: 31:20, 17:16, 13. */
export const X2APIC_ICR_RESERVED = 0xfff3_2000;

/** Version 14H, five LVT entries above index 0 as KVM reports them. */
export const KVM_APIC_VERSION = 0x0005_0014;
