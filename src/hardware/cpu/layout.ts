/**
 * Layout of the memory that the interpreter (WebAssembly) and the host (TypeScript) share. This file is compiled by
 * both tsc and asc: it holds constants only.
 *
 *   0               reserved (statics of the interpreter)
 *   ORDER           who goes next, where the tables of cache lines stand, and interrupts under way between CPUs
 *   CPU_BLOCKS      one CPU_STRIDE bytes per physical CPU: state, bounce page, TLBs
 *   lineMasks       per CPU, LINE_MASK_SIZE bytes per tracked page: may-read mask, may-write mask (64 lines each)
 *   pages ...       per physical page and per tracked page: see the ORDER_* fields
 *   records         predecoded instructions, RECORD_SIZE bytes each
 *   entries         per record ENTRY_SIZE bytes: how often it was gone to, or where its translation is entered
 *   codeMaps        per page with decoded code: 4096 u32 record addresses, by page offset; 0 = not decoded
 *   ram             host-physical memory, starting at physical address 0
 *
 * Regions after the CPU blocks have sizes chosen at start; their addresses are handed to the interpreter in each CPU
 * block.
 */
export const CPU_BLOCKS = 0x10000;
export const CPU_STRIDE = 0x20000;

// ---- The order of CPUs (hardware/clock) and the cache lines (hardware/memory/lines). Times are f64, in ticks.
export const ORDER = 0x8000;
export const ORDER_NEXT_EVENT = ORDER; //             f64: when the first event is due, Infinity if there is none
export const ORDER_HORIZON_TIME = ORDER + 8; //       f64, with the id behind: the CPU that follows the running one
export const ORDER_LIMIT = ORDER + 16; //             f64: how far the running CPU may go
export const ORDER_QUANTUM = ORDER + 24; //           f64: run-ahead
export const ORDER_LINE_OCCUPANCY = ORDER + 32; //    f64: how long a line is busy with one transfer
export const ORDER_HORIZON_ID = ORDER + 40; //        i32
export const ORDER_CPUS = ORDER + 44; //              u32: number of CPU blocks
export const ORDER_STEPPED = ORDER + 48; //           u32: 1 = the host runs the interpreter itself, to observe it
export const ORDER_OBSERVED = ORDER + 52; //          u32: 1 = the host is told of line transfers, charges and IPIs
export const ORDER_RAM = ORDER + 56; //               u32: address of host-physical memory
export const ORDER_TRACKED_PAGES = ORDER + 60; //     u32: how many pages there is room for
// Addresses of tables
export const ORDER_PAGES = ORDER + 64; //             by physical page: i32 0 untouched, 1 + CPU that owns it, -1 - tracked index
export const ORDER_PAGE_OF_INDEX = ORDER + 68; //     by tracked page: u32 physical page
export const ORDER_CODE_LINES = ORDER + 72; //        by physical page: u64 mask of lines with decoded instructions
export const ORDER_LINE_OWNER = ORDER + 76; //        by tracked line: i32 CPU
export const ORDER_LINE_BUSY = ORDER + 80; //         by tracked line: f64 until when it is busy
export const ORDER_LINE_LATENCY = ORDER + 84; //      by CPU and CPU: f64 ticks from the first to the second
export const ORDER_STEP_TICKS = ORDER + 88; //        by step: f64 what it costs
export const ORDER_RAM_BYTES = ORDER + 92; //         u32: size of host-physical memory
export const ORDER_CODE_MAPS = ORDER + 136; //        by physical page: u32 HAS_CODE plus the address of its code map for 64-bit mode; 0 = no code
export const ORDER_TRACKED_COUNT = ORDER + 140; //    u32: tracked pages so far

/** In ORDER_CODE_MAPS: instructions of this page have been decoded. */
export const HAS_CODE = 1;

// Events (src/interpreter/events.ts)
export const ORDER_HOST_EVENT = ORDER + 96; //        f64: when the first event of the host is due, Infinity if there is none
export const ORDER_HOST_EVENT_NUMBER = ORDER + 104; //f64: its number; events of one time are in order of their numbers
export const ORDER_EVENT_NUMBER = ORDER + 112; //     f64: number of the event that is scheduled next
export const ORDER_ARRIVAL_COUNT = ORDER + 120; //    u32: fixed interrupts and NMIs under way between CPUs
export const ORDER_FLIGHT_LATENCY = ORDER + 124; //   u32: address of a table by CPU and CPU: f64 ticks from the first to the second
export const ORDER_CPU_OF_APIC_ID = ORDER + 0x1000; //by APIC ID: u32 block of the only CPU that has it, or 0
export const APIC_IDS = 256;
export const ORDER_ARRIVALS = ORDER + 0x2000; //      ARRIVAL_SIZE bytes each
export const MOST_ARRIVALS = 1024;
export const ARRIVAL_SIZE = 24;
export const ARRIVAL_AT = 0; //                       f64
export const ARRIVAL_NUMBER = 8; //                   f64
export const ARRIVAL_TARGET = 16; //                  u32: block of a CPU
export const ARRIVAL_MESSAGE = 20; //                 u32: delivery mode and vector as in the ICR
// Translated code (src/translator)
export const ORDER_ENTRIES = ORDER + 128; //          u32: added to an eighth of a record's address, it gives the record's entry
export const ORDER_TRANSLATE_AFTER = ORDER + 132; //  u32: how often a record is gone to before it is offered for translation; 0 = never

// ---- CPU state, offsets from the CPU block. u64 unless marked.
export const CPU_GPR = 0; //            16 general-purpose registers, SDM order: RAX RCX RDX RBX RSP RBP RSI RDI R8..R15
export const CPU_RIP = 128;
// Lazy flags without a kind. Results are sign-extended to 64 bits. ZF = (result == 0), SF = sign of result, PF = parity
// of its low byte, each flipped by CPU_FLIP; OF is the sign of CPU_FO, AF bit 4 of CPU_FA.
export const CPU_CF = 136; //          u32: 0 or 1
export const CPU_FLIP = 140; //        u32: bit 31 flips SF, bit 0 flips PF: flags that no result has (POPF, SAHF, POPCNT)
export const CPU_RESULT = 144;
export const CPU_FO = 152;
export const CPU_FA = 160;
export const CPU_CODE_BASE = 168; //   linear address that page offsets of the running records count from
export const CPU_ZERO = 176; //        always 0: stands in for an absent base, index or segment
export const CPU_SYSTEM_FLAGS = 184; // u32: RFLAGS bits other than CF PF AF ZF SF OF (TF IF DF IOPL NT RF AC ID ...)
export const CPU_CPL = 188; //         u32
export const CPU_NOW = 192; //         f64: this CPU's clock in ticks
export const CPU_LIMIT = 200; //       run() returns at the first instruction boundary with now >= limit
export const CPU_RETIRED = 208; //     instructions retired
export const CPU_FS_BASE = 216;
export const CPU_GS_BASE = 224;
export const CPU_TSC_OFFSET = 232; //  cycles added to the TSC (VMX TSC offset plus IA32_TSC writes)

// Why run() returned, and what it needs
export const CPU_STOP = 240; //        u32, STOP_*
export const CPU_STOP_SIZE = 244; //   u32: bytes of the access
export const CPU_STOP_VA = 248; //     linear address of the access
export const CPU_STOP_ACCESS = 256; // u32, ACCESS_*
export const CPU_STOP_INFO = 260; //   u32: record address (SLOW), tracked page index (LINE_MISS), vector (FAULT), special-page kind (SPECIAL), marker
export const CPU_STOP_ERROR = 264; //  u32: error code (FAULT)
export const CPU_MODE = 268; //        u32, MODE_*: selects records
export const CPU_TLB = 272; //         u32: address of the TLB bank that instructions look into
export const CPU_ITLB = 276; //        u32: address of the instruction-TLB bank in use
export const CPU_LINE_MASKS = 280; //  u32: address of this CPU's line masks
export const CPU_RDTSC_SLOW = 284; //  u32: non-zero makes RDTSC stop with STOP_SLOW (RDTSC exiting, CR4.TSD)

// Spinning: see "Spinning costs nothing to simulate" in ARCHITECTURE.md
export const CPU_FAST_FORWARD = 288; //u32: 1 = a provably idle spin parks the CPU
export const CPU_SPIN_BRANCH = 292; //  u32: record of the spin branch taken last, 0 = none (for the spin-exit charge)
export const CPU_MARK_BRANCH = 296; //  u32: record of the marked spin branch, 0 = no mark
export const CPU_PARK_EXECUTED = 300; //u32: 1 = the last pass is executed, not counted: registers differ from pass to pass
export const CPU_MARK_TIME = 304; //   when the mark was set
export const CPU_PARK_D = 312; //      ticks per pass of the parked loop
export const CPU_PARK_N = 320; //      instructions per pass
export const CPU_PARK_PAUSES = 328; // u32: PAUSEs per pass
export const CPU_PARK_AHEAD = 332; //  u32: 1 = parked in front of the first pass, which does not count as idle
export const CPU_SPIN_TICKS = 336; //  ticks spent in completed idle spin passes (counted with fast-forward on and off)

// PAUSE-loop exiting (SDM 25.1.3); times in ticks
export const CPU_PLE_ON = 344; //      u32: 1 = check the rule on every PAUSE at CPL 0
export const CPU_PAUSE_SLOW = 348; //  u32: 1 = PAUSE exiting: stop with STOP_SLOW
export const CPU_PLE_GAP = 352;
export const CPU_PLE_WINDOW = 360;
export const CPU_PLE_FIRST = 368; //   start of the current loop
export const CPU_PLE_LAST = 376; //    last PAUSE; 0 = none since VM entry

// How often the interpreter executed instructions that are named steps (u64 each, reset by the host); PAUSEs of idle
// spin passes do not count, their time is in CPU_SPIN_TICKS
export const CPU_COUNT_RDTSC = 384;
export const CPU_COUNT_LOCKED = 392;
export const CPU_COUNT_MFENCE = 400;
export const CPU_COUNT_PAUSE = 408;
export const CPU_COUNT_SPIN_EXIT = 416;
export const CPU_COUNT_IRETQ = 432; // those that the host does not complete
// The meter of all other steps (src/cost/meter.ts): u32 addresses of this CPU's f64 values by step
export const CPU_STEP_COUNTS = 440; // how often each was charged
export const CPU_STEP_TICKS = 444; //  the ticks charged for each
// What they cost, in ticks (u32 each, set by the host)
export const CPU_COST_SPIN_EXIT = 424; // the others are in their records

export const CPU_EXTRA_TICKS = 428; // u32: what the current instruction costs on top of its record

// A store that crosses a page goes to CPU_SPLIT_DATA first and is copied when the instruction has retired
export const CPU_SPLIT_SIZE = 448; //   u32: bytes to copy, 0 = none
export const CPU_SPLIT_COUNT = 452; //  u32: how many of them belong to the first page
export const CPU_SPLIT_FIRST = 456; //  u32: address of the first byte
export const CPU_SPLIT_SECOND = 460; // u32: address of the first byte on the second page
export const CPU_SPLIT_LIMIT = 464; //  CPU_LIMIT while the store is pending
export const CPU_SPLIT_DATA = 472; //   8 bytes
export const CPU_SPLIT_LOAD = 480; //   8 bytes: operand of a load that crosses a page
export const CPU_REGION_NOW = 488; //   u64: when translated code was left
export const CPU_REGION_RETIRED = 496; // u64: the instructions retired by then
export const CPU_ONCE_RECORDS = 512; // two records: an instruction decoded for one execution, and the link behind it
export const CPU_POINTERS = 640; //     scratch of ENTER: 33 times u32 load address, u32 store address

export const CPU_HOST_AREA = 1024; //  512 bytes, free for the host side

// System registers that delivery of interrupts and IRETQ consult: base i64, limit u32; segment registers also selector
// u32 and access rights u32 (VMX format), in the order ES CS SS DS FS GS LDTR TR
export const CPU_SEGMENT_REGISTERS = 1536;
export const SEGMENT_REGISTER_SIZE = 32;
export const REGISTER_BASE = 0;
export const REGISTER_LIMIT = 8;
export const REGISTER_SELECTOR = 12;
export const REGISTER_ACCESS = 16;
export const CPU_GDTR = 1792;
export const CPU_IDTR = 1808;
export const CPU_NMI_BLOCKED = 1824; // u32: 1 = blocking by NMI, or of virtual NMIs
export const CPU_NMI_PENDING = 1984; //          u32: 1 = an NMI has arrived

// What the processor keeps of the VMCS while it virtualizes an APIC: see hardware/vmx/virtualization-state.ts
export const CPU_VIRTUALIZATION = 1828; //       u32: controls, VIRTUALIZE_*
export const CPU_RVI = 1832; //                  u32: requesting virtual interrupt
export const CPU_SVI = 1836; //                  u32: servicing virtual interrupt
export const CPU_RECOGNIZED = 1840; //           u32: 1 = a pending virtual interrupt is recognized
export const CPU_TPR_THRESHOLD = 1844; //        u32
export const CPU_NOTIFICATION_VECTOR = 1848; //  u32
export const CPU_LAST_PID_POINTER_INDEX = 1852; // u32
export const CPU_VIRTUAL_APIC_PAGE = 1856; //    host-physical addresses
export const CPU_DESCRIPTOR = 1864;
export const CPU_PID_POINTER_TABLE = 1872;
export const CPU_MSR_BITMAP = 1880;
export const CPU_EOI_EXIT_BITMAP = 1888; //      8 times u32

// An operation of microcode that may have to be tried again: charge, then act
export const CPU_BEGUN = 1928; //                u32: 1 = it has been tried before
export const CPU_CHARGED = 1932; //              u32: how far it has been charged
export const CPU_EXIT_REASON = 1936; //          u32: of the VM exit that it has come to
export const CPU_EXIT_QUALIFICATION = 1940; //   u32
export const CPU_EXIT_LENGTH = 1980; //          u32: of the instruction at RIP that causes it, or 0: it is trap-like
export const CPU_APIC_WRITE = 1944; //           u32: 1 + page offset of a virtualized APIC write still to be emulated, or 0
export const CPU_INTERRUPT = 1948; //            u32: vector of an interrupt or NMI that is on its way through the IDT, or 0
export const CPU_BOUNDARY = 1952; //             u32, BOUNDARY_*
export const CPU_TRACED = 1956; //               u32: 1 = the host is told of events, REPORT_*
/** u32: what MOV to CR4 has written, with PGE = 1, and changed nothing but PGE; 0 = unknown. */
export const CPU_CR4_PGE_TOGGLES = 1960;

// What holds the CPU back between two instructions: see hardware/cpu/activity.ts
export const CPU_ACTIVITY = 1964; //             u32, ACTIVITY_*
export const CPU_SHADOW = 1968; //               u32, SHADOW_*: until the next instruction has completed
export const CPU_HLT_EXITS = 1972; //            u32: 1 = HLT exiting
export const CPU_HALT_POLLS = 1976; //           u32: 1 = with interrupts enabled HLT is a one-cycle no-op

// Outside 64-bit mode: segment registers as the host has written them before the run, SEGMENT_SIZE bytes each, in the
// order ES CS SS DS FS GS. An empty range of offsets (lowest above highest) means that the access is not allowed.
export const CPU_SEGMENTS = 2048;
export const SEGMENT_SIZE = 32;
export const SEGMENT_BASE = 0; //      u32
export const SEGMENT_LOAD = 8; //      u32 lowest, u32 highest offset of bytes that may be read
export const SEGMENT_STORE = 16; //    the same for bytes that may be written
export const CPU_FLAT_STACK = 2240; // u32: 1 = SS is flat and the stack has 32-bit addresses
export const CPU_CODE_MODE = 2244; //  u32, MODE_*: of the entries of the instruction TLB
export const CPU_CODE_SEGMENT = 2248; // u32 base, u32 limit of CS: of the same

// Paging: what translations are made of
export const CPU_CR0 = 2304; //        u32
export const CPU_CR4 = 2308; //        u32
export const CPU_EFER = 2312; //       u32: bits 31:0 of IA32_EFER
export const CPU_CR3 = 2320;
export const CPU_PDPTES = 2328; //     four entries of PAE paging
export const CPU_EPT_ROOT = 2360; //   i64: host-physical address, or -1 without EPT
export const CPU_GUEST_APIC_PAGE = 2368; // i64: the APIC-access page in VMX non-root operation, else -1
// What the last walk has found out
export const CPU_WALK_WRITABLE = 2376; //  u32: 1 = this privilege level may store without another walk
export const CPU_WALK_FAULT = 2380; //     u32, WALK_*: why it has failed
export const CPU_WALK_ERROR = 2384; //     u32: error code (page fault) or exit qualification (EPT violation)
export const CPU_WALK_LINEAR = 2392; //    i64: linear address
export const CPU_WALK_PHYSICAL = 2400; //  guest-physical address that EPT does not translate
// The page whose decoded instructions this CPU has made be dropped last, and how many instructions had retired by then
export const CPU_DROPPED_PAGE = 2408; //   u32: physical address
export const CPU_DROPPED_AT = 2416;
export const CPU_TLB_BANK = 2428; //   u32: address of the TLB bank that translations are entered into
export const CPU_RUNS_CODE = 2424; //  u32: address of a byte per tracked page: 1 = this CPU runs its code
// Places of the TLBs that have been filled since the last flush: one bit each, all banks
export const CPU_ITLB_USED = 2432;
export const CPU_TLB_USED = 2496;

export const CPU_ITLB_SUPERVISOR = 0x2000;
export const CPU_ITLB_USER = 0x3000;
export const ITLB_ENTRIES = 256; //    16 bytes each: tag u64 (linear page address | 1), code map address u32, 0
export const ITLB_ENTRY_SIZE = 16;
export const ITLB_MAP = 8; // of an entry
// The TLB's banks, by what may be accessed (src/interpreter/tlb-bank.ts)
export const CPU_TLB_SUPERVISOR = 0x4000; // CPL 0 to 2
export const CPU_TLB_USER = 0x8000; //       CPL 3
export const CPU_TLB_OVERRIDE = 0xc000; //   CPL 0 to 2 with RFLAGS.AC overriding SMAP
export const TLB_BANKS = 3;
export const TLB_ENTRIES = 512; //     32 bytes each, index = bits 20:12 of the linear address plus bits 29:21
export const TLB_ENTRY_SIZE = 32;
export const TLB_BANK_SIZE = 0x4000;
// Entries that others have displaced, per bank: the pages of one instruction may all have the same index.
export const CPU_TLB_VICTIMS = 0x10000; // TLB_VICTIM_BANK bytes for each bank
export const TLB_VICTIM_BANK = 0x100;
export const TLB_VICTIMS = 4;
export const CPU_TLB_NEXT_VICTIM = 0x10300; // u32: counts displacements
export const CPU_TLB_NONE = 0x14000; // a bank that stays empty: every access goes the long way
export const CPU_BOUNCE = 0x18000; //   two pages that stand in for devices during one instruction
// Cache lines that instructions may access at once (src/interpreter/line-tlb.ts)
export const CPU_LINE_TLB = 0x1a000;
export const LINE_TLB_ENTRIES = 256; //  32 bytes each, index = bits 13:6 of the linear address
export const LINE_TLB_ENTRY_SIZE = 32;
export const LINE_TLB_READ = 0; //       u64 tag: linear address of the line | CPU_LINE_KIND; 0 = may not be read
export const LINE_TLB_WRITE = 8; //      the same for writing
export const LINE_TLB_ADDEND = 16; //    u32: what an address in this memory is above the lower half of the linear one
export const LINE_TLB_LINE = 20; //      u32: address in this memory of the line
export const CPU_LINE_TLB_USED = 0x1c000; // a bit each: may have a tag
export const CPU_LINE_KIND = 0x1c020; //  u64: 1 + the number of the bank that CPU_TLB stands for
// An instruction decoded for one execution; forgotten when it retires and, like a translation, when the TLBs are flushed
export const CPU_ONCE = 0x10380; //     u32: its record, or 0
export const CPU_ONCE_RIP = 0x10388; // its address

// ---- What the order of CPUs and cache lines needs of a CPU
export const CPU_STATE = 0x10400; //            u32: RUNNING to ASLEEP; 0 = not part of the order
export const CPU_HOST_TURN = 0x10404; //        u32: 1 = the host has to look after this CPU first
export const CPU_ATTENTION = 0x10408; //        u32: 1 = something may be deliverable at the next instruction boundary
export const CPU_RETRY = 0x1040c; //            u32, RETRY_*
export const CPU_LINE_ARRIVING = 0x10410; //    u32: 1 = a line has been requested and not been taken yet
export const CPU_COLLECTED_COUNT = 0x10414; //  u32: lines collected by the operation in progress
export const CPU_COLLECTED_AT = 0x10418; //     u64: instructions retired when the collection began: it belongs to that instruction
export const CPU_LOST_LINE_AT = 0x10420; //     f64: when a line was last taken from this CPU while it was not parked
export const CPU_MONITORED_LINE = 0x10428; //   f64: physical address of the line armed by MONITOR, or NO_LINE
// The spin loop that the CPU has parked in last
export const CPU_LOOP = 0x10430; //             u32: record of its branch; 0 = none is described
export const CPU_LOOP_KIND = 0x10434; //        u32, LOOP_*
export const CPU_LOOP_READ_COUNT = 0x10438; //  u32
export const CPU_LOOP_LAST_READ = 0x10b40; //   u32: ticks from the beginning of a pass to the loop's last read of memory
export const CPU_PARK_LINE_COUNT = 0x1043c; //  u32: lines that the loop reads while parked; UNKNOWN_LINES = perhaps any
export const CPU_LOOP_READS = 0x10440; //       LOOP_READ_SIZE bytes each
export const CPU_PARK_LINES = 0x10840; //       u32 each: physical address / 64
// The local APIC (hardware/apic)
export const CPU_APIC_REGISTERS = 0x10a00; //   u32 each, by offset >> 4; the timer's current count is computed
export const CPU_APIC_BASE = 0x10b00; //        IA32_APIC_BASE
export const CPU_APIC_LINT0 = 0x10b08; //       u32: 1 = the pin is high
export const CPU_APIC_REQUESTED = 0x10b0c; //   u32: 1 = an interrupt is deliverable to the core
export const CPU_APIC_READABLE = 0x10b20; //    mask of the registers that can be read in xAPIC mode, by offset >> 4
export const CPU_TIMER_MODE = 0x10b28; //       u32: TIMER_*
export const CPU_TIMER_START = 0x10b30; //      f64: when the timer began to count from the initial count
export const CPU_TIMER_PACE = 0x10b38; //       f64: ticks per count; 0 = it does not count
export const CPU_SLEEP_TICKS = 0x10b10; //      f64: ticks spent asleep
// Guest-physical mappings (SDM 29.4.1) since VM entry, or since a cache line was last taken from this CPU
export const CPU_MAPPINGS_KNOWN = 0x10b18; //   u32: 1 = there may be some
export const CPU_MAPPINGS = 0x10c00; //         guest page u64 | 1, host page u64 | EPT rights
export const MAPPINGS = 32;
export const MAPPING_SIZE = 16;
export const CPU_COLLECTED = 0x11000; //        i32 each: a tracked line, or its complement for writing
export const MOST_COLLECTED = 0xc00;

/** In CPU_MONITORED_LINE. */
export const NO_LINE = -1;

/** A memory operand of a spin loop; its registers do not change in the loop. */
export const LOOP_READ_SIZE = 32;
export const MOST_LOOP_READS = 32;
export const LOOP_READ_BASE = 0; //          u32: offset of a register in the CPU block (CPU_ZERO if absent)
export const LOOP_READ_INDEX = 4; //         the same
export const LOOP_READ_SHIFT = 8; //         u32: log2 of the scale
export const LOOP_READ_SEGMENT = 12; //      u32: offset of the segment's base
export const LOOP_READ_DISPLACEMENT = 16; // u64
export const LOOP_READ_BYTES = 24; //        u32
export const LOOP_READ_IN_CODE = 28; //      u32: 1 = the displacement counts from the page of the code

/** No spin loop to park in; one that depends on nothing but memory; one that reads the TSC as well. */
export const LOOP_NONE = 0;
export const LOOP_PLAIN = 1;
export const LOOP_TSC = 2;
export const UNKNOWN_LINES = 0xffff_ffff;

/** States of a CPU in the order. Executing: */
export const RUNNING = 1;
/** Has charged its way to an act and waits until it is next. */
export const WAITING = 2;
/** The same in the middle of its turn, which goes on when it is next. */
export const SUSPENDED = 3;
/** Spins provably idle; it has no place in the order until a line is taken from it or an event comes. */
export const PARKED = 4;
/** Halted; an event wakes it. */
export const ASLEEP = 5;

/** What a CPU goes on with at its next turn, before it looks for events. Nothing: */
export const RETRY_NONE = 0;
/** What the interpreter has stopped for a moment ago. */
export const RETRY_NEW_STOP = 1;
/** What the interpreter stopped for, once more: it had to wait. */
export const RETRY_STOP = 2;
/** The instruction at RIP. */
export const RETRY_INSTRUCTION = 3;
/** What was to be done at this instruction boundary. */
export const RETRY_BOUNDARY = 4;

/** Who looks for events between two instructions. The host: */
export const BOUNDARY_HOST = 0;
/** The interpreter, outside VMX non-root operation: there can be none but interrupts of the local APIC. */
export const BOUNDARY_ROOT = 1;
/** The interpreter, in VMX non-root operation: none but interrupts of the virtual APIC and of the local one, which exit. */
export const BOUNDARY_NON_ROOT = 2;

/** What `advance` returns instead of a CPU: an event is due; nobody can ever go on. */
export const EVENT_DUE = -1;
export const NOBODY = -2;

// ---- TLB entry. A tag is the linear page address with bit 0 set when valid (so an all-zero entry matches nothing).
export const TLB_READ = 0; //     u64 tag: loads may go to `addend` directly
export const TLB_WRITE = 8; //    u64 tag: stores may go to `addend` directly
export const TLB_OTHER = 16; //   u64 tag: tracked or special page; the low 12 bits hold the kind
export const TLB_ADDEND = 24; //  u32: address in this memory of the page's first byte
export const TLB_INFO = 28; //    u32: tracked page index (kind TRACKED*), else free for the host
// kinds in the low 12 bits of TLB_OTHER
export const TLB_TRACKED = 1; //          tracked page, writable by paging
export const TLB_TRACKED_READ_ONLY = 3; // tracked page, stores go to the host
export const TLB_SPECIAL = 5; //          device or APIC-access page: every access stops with STOP_SPECIAL
/** In TLB_INFO of a special page: what needs no walk. Addresses beyond 32 bits do not fit into the entry. */
export const SPECIAL_LOAD = 1;
export const SPECIAL_STORE = 2;

export const LINE_MASK_SIZE = 16; // u64 may-read, u64 may-write
export const RECORD_SIZE = 32;
/** Of a time in ticks to cycles: TICKS_PER_CYCLE is 64. */
export const TICKS_SHIFT = 6;

// ---- Entry of a record: a u32 count while it is interpreted; once it is the head of translated code (TRANSLATED in R_OP):
export const ENTRY_SIZE = 4;
export const ENTRY_BLOCK = 0; // u16: number of the block in its region
export const ENTRY_REGION = 2; // u16: index of the region's function in the table
export const MOST_COUNTED = 0xffff; // more is no count

// ---- Why run() returns
export const STOP_LIMIT = 0; //     now >= limit
export const STOP_NO_RECORD = 1; // nothing decoded at RIP
export const STOP_TLB_MISS = 2; //  CPU_STOP_VA, SIZE, ACCESS; nothing committed, RIP at the instruction
export const STOP_LINE_MISS = 3; // tracked page index in INFO, line from VA; nothing committed
export const STOP_SPECIAL = 4; //   special page; nothing committed
export const STOP_SLOW = 5; //      the instruction at RIP is executed by the host; INFO = record address
export const STOP_FAULT = 6; //     exception INFO (vector), ERROR; nothing committed
export const STOP_PARKED = 7; //    idle spin: CPU_PARK_* and CPU_MARK_TIME describe it; RIP at the loop head
export const STOP_MARKER = 8; //    measurement marker retired; its number in INFO
export const STOP_PAUSE_LOOP = 9; // pause-loop exit, fault-like: RIP at the PAUSE
export const STOP_FLAGS = 10; //    retired; IF, TF or another system flag changed: the host looks for events

export const STOP_MSR_WRITE = 11; // a WRMSR that waits for its turn or a line; only while it waits
export const STOP_EXIT = 12; //     the VM exit in CPU_EXIT_*, to which an instruction or an operation of microcode has come

export const ACCESS_READ = 1;
export const ACCESS_WRITE = 2;
export const ACCESS_RMW = 3;
export const ACCESS_FETCH = 4;
/** The processor's own update of accessed and dirty flags in a guest's paging structures. */
export const ACCESS_FLAGS = 5;

// ---- How translated code accesses bytes that it does not find itself: one word
export const REGION_ACCESS = 3; //        ACCESS_READ, WRITE or RMW
export const REGION_STACK = 4; //         of the stack segment
export const REGION_LENGTH_SHIFT = 3; //  how far the last byte stands behind the first
export const REGION_LENGTH = 7;
export const REGION_REST_SHIFT = 6; //    ticks until the last instruction begins for which it has looked at the limit

/** Privilege of an access: at CPL 0 to 2, at CPL 3, or of the processor to a system structure, whatever the CPL. */
export const PRIVILEGE_SUPERVISOR = 0;
export const PRIVILEGE_USER = 1;
export const PRIVILEGE_IMPLICIT = 2;

/** What becomes of a walk: a translation; the CPU has to wait for a cache line or for its turn; or a fault. */
export const WALK_DONE = 0;
export const WALK_WAITS = -1;
export const WALK_FAULTS = -2;
/** Why a walk has failed: #PF, or one of the exits that EPT causes. */
export const WALK_PAGE_FAULT = 0;
export const WALK_EPT_VIOLATION = 1;
export const WALK_EPT_MISCONFIGURATION = 2;

/** Width of physical addresses (CPUID 80000008H). */
export const MAXPHYADDR = 46;

export const MODE_64 = 0;
export const MODE_32 = 1;
export const MODE_16 = 2;

// ---- Controls in CPU_VIRTUALIZATION; those of an inactive control word are 0, whatever the VMCS says
export const VIRTUALIZE_TPR_SHADOW = 1 << 0; //             primary bit 21: use TPR shadow
export const VIRTUALIZE_APIC_ACCESSES = 1 << 1; //          secondary bit 0
export const VIRTUALIZE_X2APIC_MODE = 1 << 2; //            secondary bit 4
export const VIRTUALIZE_APIC_REGISTERS = 1 << 3; //         secondary bit 8
export const VIRTUALIZE_INTERRUPT_DELIVERY = 1 << 4; //     secondary bit 9
export const VIRTUALIZE_POSTED_INTERRUPTS = 1 << 5; //      pin-based bit 7: process posted interrupts
export const VIRTUALIZE_IPIS = 1 << 6; //                   tertiary bit 4
export const VIRTUALIZE_WITH_INTERRUPT_EXITS = 1 << 7; //   pin-based bit 0: external-interrupt exiting
export const VIRTUALIZE_WITH_ACKNOWLEDGE = 1 << 8; //       exit control 15: acknowledge interrupt on exit
export const VIRTUALIZE_WITH_WINDOW_EXITS = 1 << 9; //      primary bit 2: interrupt-window exiting
export const VIRTUALIZE_WITH_MSR_BITMAPS = 1 << 10; //      primary bit 28: use MSR bitmaps

/** What an instruction or operation of the interpreter may come to besides the outcomes of outcome.ts: CPU_EXIT_* name a VM exit. */
export const EXITS = 5;

// ---- What the interpreter reports of a traced CPU, with two values
export const REPORT_ICR_EXITS = 0; //    ICR high, low
export const REPORT_ICR_POSTED = 1; //   ICR high, low
export const REPORT_ICR_SELF = 2; //     ICR high, low
export const REPORT_EOI = 3; //          vector
export const REPORT_DELIVERY = 4; //     vector
export const REPORT_PIR_SET = 5; //      descriptor, vector
export const REPORT_PIR_SET_AGAIN = 6; //descriptor, vector: it was set before
export const REPORT_ON_SET = 7; //       descriptor
export const REPORT_ON_CLEARED = 8; //   descriptor
export const REPORT_PIR_TAKEN = 9; //    descriptor
export const REPORT_PROCESSED = 10; //   RVI
export const REPORT_HALT = 11;
export const REPORT_WAKE = 12;
