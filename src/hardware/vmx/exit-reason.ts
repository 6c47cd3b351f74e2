/*
 * Basic VM-exit reasons (SDM vol. 3, appendix C). Those of SMM (5, 6), SGX and TDX are not modelled. This file is compiled
 * by both tsc and asc: it holds constants only.
 */

/** More than there are basic reasons: the size of tables by reason. */
export const EXIT_REASONS = 80;

export const EXIT_REASON_EXCEPTION_NMI = 0;
export const EXIT_REASON_EXTERNAL_INTERRUPT = 1;
export const EXIT_REASON_TRIPLE_FAULT = 2;
export const EXIT_REASON_INIT_SIGNAL = 3;
export const EXIT_REASON_SIPI_SIGNAL = 4;
export const EXIT_REASON_INTERRUPT_WINDOW = 7;
export const EXIT_REASON_NMI_WINDOW = 8;
export const EXIT_REASON_TASK_SWITCH = 9;
export const EXIT_REASON_CPUID = 10;
export const EXIT_REASON_HLT = 12;
export const EXIT_REASON_INVD = 13;
export const EXIT_REASON_INVLPG = 14;
export const EXIT_REASON_RDPMC = 15;
export const EXIT_REASON_RDTSC = 16;
export const EXIT_REASON_RSM = 17;
export const EXIT_REASON_VMCALL = 18;
export const EXIT_REASON_VMCLEAR = 19;
export const EXIT_REASON_VMLAUNCH = 20;
export const EXIT_REASON_VMPTRLD = 21;
export const EXIT_REASON_VMPTRST = 22;
export const EXIT_REASON_VMREAD = 23;
export const EXIT_REASON_VMRESUME = 24;
export const EXIT_REASON_VMWRITE = 25;
export const EXIT_REASON_VMOFF = 26;
export const EXIT_REASON_VMON = 27;
export const EXIT_REASON_CR_ACCESS = 28;
export const EXIT_REASON_DR_ACCESS = 29;
export const EXIT_REASON_IO_INSTRUCTION = 30;
export const EXIT_REASON_MSR_READ = 31;
export const EXIT_REASON_MSR_WRITE = 32;
export const EXIT_REASON_INVALID_STATE = 33;
export const EXIT_REASON_MSR_LOAD_FAIL = 34;
export const EXIT_REASON_MWAIT_INSTRUCTION = 36;
export const EXIT_REASON_MONITOR_TRAP_FLAG = 37;
export const EXIT_REASON_MONITOR_INSTRUCTION = 39;
export const EXIT_REASON_PAUSE_INSTRUCTION = 40;
export const EXIT_REASON_MCE_DURING_VMENTRY = 41;
export const EXIT_REASON_TPR_BELOW_THRESHOLD = 43;
export const EXIT_REASON_APIC_ACCESS = 44;
export const EXIT_REASON_EOI_INDUCED = 45;
export const EXIT_REASON_GDTR_IDTR = 46;
export const EXIT_REASON_LDTR_TR = 47;
export const EXIT_REASON_EPT_VIOLATION = 48;
export const EXIT_REASON_EPT_MISCONFIG = 49;
export const EXIT_REASON_INVEPT = 50;
export const EXIT_REASON_RDTSCP = 51;
export const EXIT_REASON_PREEMPTION_TIMER = 52;
export const EXIT_REASON_INVVPID = 53;
export const EXIT_REASON_WBINVD = 54;
export const EXIT_REASON_XSETBV = 55;
export const EXIT_REASON_APIC_WRITE = 56;
export const EXIT_REASON_RDRAND = 57;
export const EXIT_REASON_INVPCID = 58;
export const EXIT_REASON_VMFUNC = 59;
export const EXIT_REASON_ENCLS = 60;
export const EXIT_REASON_RDSEED = 61;
export const EXIT_REASON_PML_FULL = 62;
export const EXIT_REASON_XSAVES = 63;
export const EXIT_REASON_XRSTORS = 64;
export const EXIT_REASON_UMWAIT = 67;
export const EXIT_REASON_TPAUSE = 68;
export const EXIT_REASON_BUS_LOCK = 74;
export const EXIT_REASON_NOTIFY = 75;

/** Bit 31 of the exit reason: the VM entry failed; guest state was not loaded completely and is not saved. */
export const EXIT_REASON_FAILED_VMENTRY = 0x8000_0000;
/** Bits 15:0 hold the basic exit reason. */
export const EXIT_REASON_BASIC_MASK = 0xffff;
