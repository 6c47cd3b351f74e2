/** Where everything of a built-in guest lies in guest-physical memory (mapped to the same linear addresses). */

// First 2 MiB: supervisor tables and code
export const PML4 = 0x1000;
export const PDPT = 0x2000;
/** Page directory of the first GiB. */
export const MEMORY_DIRECTORY = 0x3000;
/** Page directory of the fourth GiB and the page table of its last 2 MiB before FF000000H: the local APIC. */
export const APIC_DIRECTORY = 0x4000;
export const APIC_TABLE = 0x5000;
export const GDT = 0x1_0000;
export const IDT = 0x2_0000;
export const KERNEL_CODE = 0x10_0000;

// Second 2 MiB: data, one page per kind of sharing
export const DATA = 0x20_0000;
/** What sender and target exchange: one cache line, in a page of its own. */
export const MAILBOX = DATA;
export const MAILBOX_LOCK = MAILBOX;
export const MAILBOX_ACTIVE = MAILBOX + 4;
export const MAILBOX_DONE = MAILBOX + 8;
export const MAILBOX_WAIT = MAILBOX + 12;
export const MAILBOX_FUNCTION = MAILBOX + 16;
export const MAILBOX_ARGUMENT = MAILBOX + 24;
export const MAILBOX_END = MAILBOX + 32;
/** Application processors that have started. */
export const ONLINE = DATA + 0x1000;
/** Variables that only the bootstrap processor uses. */
export const ITERATIONS = DATA + 0x2000;
export const INNER_CYCLES = DATA + 0x2008;
export const RESULTS = DATA + 0x2040;
/** Constants: the APIC's address and the table of APIC accessors, APIC IDs by CPU number. */
export const APIC_ADDRESS = DATA + 0x3000;
export const APIC_ACCESSORS = DATA + 0x3010;
export const ACCESSOR_WRITE_REGISTER = 0;
export const ACCESSOR_WRITE_ICR = 8;
export const ID_MAP = DATA + 0x4000;
/** User-interrupt target table of the sender and posted-interrupt descriptor of the receiver. */
export const UITT = DATA + 0x1_0000;
export const UPID = DATA + 0x1_1000;

// Third 2 MiB: code and stacks at privilege level 3
export const USER_CODE = 0x40_0000;
export const USER_STACK_SIZE = 0x4000;
export const USER_STACKS = 0x41_0000;

// From here: per CPU
export const PER_CPU_BASE = 0x60_0000;
export const PER_CPU_STRIDE = 0x4000;
/** Offsets in a CPU's area. */
export const PER_CPU_DATA = 0;
export const PER_CPU_TSS = 0x1000;
export const PER_CPU_STACK_TOP = 0x4000;
/** Offsets in the GS segment, that is from PER_CPU_DATA. */
export const GS_CPU_NUMBER = 0;
export const GS_APIC_ACCESSORS = 8;
/** Address of the line that MONITOR watches. */
export const GS_MONITORED = 16;
export const MONITORED_LINE = 64;

export const LARGE_PAGE = 0x20_0000;
export const LOCAL_APIC = 0xfee0_0000;

export const KERNEL_CODE_SELECTOR = 0x08;
export const DATA_SELECTOR = 0x10;
export const USER_DATA_SELECTOR = 0x1b;
export const USER_CODE_SELECTOR = 0x23;
export const TSS_SELECTOR = 0x30;

/** GDT entries end at 64 KiB. */
export const MAX_VCPUS = 4090;

/** Start of a CPU's own area. */
export function perCpu(cpu: number): number {
  return PER_CPU_BASE + cpu * PER_CPU_STRIDE;
}

/** Guest-physical memory of a guest with that many CPUs, in whole 2-MiB pages. */
export function memoryBytes(vcpus: number): number {
  return Math.ceil(perCpu(vcpus) / LARGE_PAGE) * LARGE_PAGE;
}
