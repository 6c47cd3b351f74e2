/**
 * The exports of build/interpreter.wasm. One instance serves all CPUs of a machine; it works on their state blocks and on
 * the tables of cache lines in the shared memory. CPUs go by the address of their block.
 */
export interface Engine {
  /** Runs the CPU until it has a reason to stop (layout.ts, STOP_*). */
  readonly run: (block: number) => number;
  /**
   * Delivers an external interrupt through the IDT in IA-32e mode: 1 when it has, 0 when it has changed nothing because
   * this is not the plain case (src/interpreter/delivery.ts).
   */
  readonly deliver: (block: number, vector: number) => number;
  /**
   * Takes an external interrupt up to its delivery: DONE; WAIT; PASS when nothing but charges has happened, because the PIC
   * gives the vector (src/interpreter/external-interrupt.ts).
   */
  readonly takeExternalInterrupt: (block: number) => number;
  /** An NMI is pending and not blocked: takes it up to its delivery. DONE; WAIT (src/interpreter/nmi.ts). */
  readonly takeNmi: (block: number) => number;
  /** HLT that causes no VM exit, and costs `ticks` as a rule (src/interpreter/halt.ts). */
  readonly halt: (block: number, ticks: number) => void;
  /** Charges what leaving a sleeping state costs in the core. */
  readonly chargeWake: (block: number) => void;
  /** RFLAGS bits 31:0 with the lazy arithmetic flags made explicit. */
  readonly getFlags: (block: number) => number;
  /** Sets RFLAGS from explicit bits. */
  readonly setFlags: (block: number, flags: number) => void;
  /** CPL, RFLAGS.AC, CR0.AM or CR4.SMAP has changed, by other means than `setFlags` (src/interpreter/tlb-bank.ts). */
  readonly selectBanks: (block: number) => void;

  // The order of CPUs: src/interpreter/order.ts
  /**
   * Lets CPU after CPU run, beginning with number `current` unless that is negative. Returns the number of a CPU that
   * needs the host, EVENT_DUE or NOBODY.
   */
  readonly advance: (current: number) => number;
  /** 1 when something precedes (time, id) of the CPU. */
  readonly mustWait: (block: number) => number;
  readonly activate: (block: number) => void;
  /** Brings the parked targets of an event up to it (`target` -1: all CPUs); 1 when one has to run first. */
  readonly settleForEvent: (target: number, at: number) => number;

  /** Something that may be deliverable has arrived at time `at`. */
  readonly wake: (block: number, at: number) => void;
  /** The host's first event is due at `at`. Events of one time are in order of their numbers. */
  readonly noteHostEvent: (at: number, number: number) => void;

  // Cache lines: src/interpreter/lines.ts. What returns 0 asks the CPU to wait for its turn.
  readonly touch: (block: number, pa: number) => number;
  readonly collect: (block: number, pa: number, write: number) => number;
  readonly hold: (block: number, pa: number, write: number) => number;
  /** Gets the lines of the access that the interpreter has stopped for. */
  readonly getLines: (block: number) => number;
  readonly dropEarlierLines: (block: number) => void;
  /** `line` is a number among all lines of tracked pages. */
  readonly mayReadLine: (block: number, line: number) => number;
  readonly mayWriteLine: (block: number, line: number) => number;
  readonly allowReading: (block: number, line: number) => void;
  readonly revokeWriting: (block: number, line: number) => void;
  /** The CPU is going to run the code of the page of `pa`. */
  readonly joinCode: (block: number, pa: number) => number;
  /** The CPU has touched the page of `pa` and is going to store to it. */
  readonly prepareStore: (block: number, pa: number) => void;

  // Address translation and the TLBs: src/interpreter/walk.ts, tlb.ts and instruction-tlb.ts
  /** Host-physical address of canonical linear address `va`, or WALK_*; `privilege`: PRIVILEGE_*. */
  readonly translate: (block: number, va: number, access: number, privilege: number) => number;
  /** Host-physical address of guest-physical address `gpa`, or WALK_*. */
  readonly guestPhysical: (block: number, gpa: number, va: number, translated: number, access: number) => number;
  /** Translates the page of `va` and enters it into the TLB of the current privilege level; returns WALK_*. */
  readonly fillTlb: (block: number, va: number, access: number) => number;
  /** The same for the access that the interpreter has stopped for. */
  readonly fillForAccess: (block: number) => number;
  /** Address of the TLB's entry for the page of `va`, or of its place if there is none. */
  readonly findTlbEntry: (block: number, va: number) => number;
  /** 1 for a page that is not memory, and for the APIC-access page. */
  readonly isSpecial: (block: number, page: number) => number;
  readonly flushTlbs: (block: number) => void;
  readonly flushInstructionTlbs: (block: number) => void;
  readonly enterInstructionTlb: (block: number, rip: number, map: number) => void;
  /** The TLB's entries for `page`, so far private, are now of tracked page `index`. */
  readonly trackEntries: (block: number, page: number, index: number) => void;
  /** The TLB's entries for `page`, which is private, allow no stores any more. */
  readonly forbidStores: (block: number, page: number) => void;
  /** The line TLB forgets the page of `va`. */
  readonly forgetPage: (block: number, va: number) => void;

  // APIC virtualization: src/interpreter/virtual-apic.ts and its neighbours. Operations return an outcome (outcome.ts) or
  // EXITS, a trap-like VM exit that the block describes.
  readonly writeX2apicMsr: (block: number, msr: number, hi: number, lo: number) => number;
  readonly emulateApicWrite: (block: number, offset: number) => number;
  readonly virtualizeTpr: (block: number) => number;
  readonly virtualizePpr: (block: number) => void;
  readonly evaluatePendingVirtualInterrupts: (block: number) => void;
  readonly isTprBelowThreshold: (block: number) => number;
  /** Up to the IDT; returns the vector. */
  readonly takeVirtualInterrupt: (block: number) => number;
  /** Leaves the vector in CPU_INTERRUPT. */
  readonly deliverVirtualInterrupt: (block: number) => number;
  readonly retireVirtualInterrupt: (block: number) => void;
  /** 1 when the interrupt that would be acknowledged now is a posted-interrupt notification. */
  readonly isNotification: (block: number) => number;
  readonly processNotification: (block: number) => number;

  // VM exits and entries of a guest whose state stays in the CPU: src/interpreter/vmx-transitions.ts
  /** `vmcs` is the physical address of the region. 0: NMIs are blocked that are not virtual, nothing has happened. */
  readonly leaveGuest: (
    block: number,
    vmcs: number,
    reason: number,
    qualification: number,
    length: number,
    interruption: number,
    errorCode: number,
    virtualNmis: number,
  ) => number;
  /** DONE; WAIT; PASS: the host has to make this VM entry, nothing but a charge has happened. */
  readonly resumeGuest: (block: number, vmcs: number) => number;

  /**
   * Sends a fixed, edge-triggered interrupt with a legal vector, or an NMI, to the CPU of block `target`; `message` has
   * delivery mode and vector as the ICR has them. 0 when there is no room for its arrival and nothing has happened
   * (src/interpreter/bus.ts).
   */
  readonly send: (block: number, target: number, message: number) => number;

  // The local APIC: src/interpreter/local-apic.ts
  /** Accepts a fixed interrupt with a legal vector. */
  readonly accept: (block: number, vector: number, isLevel: number) => void;
  /** -1: the PIC gives the vector. */
  readonly pendingVector: (block: number) => number;
  /** -1: nothing has happened, the PIC gives the vector. */
  readonly acknowledge: (block: number) => number;
  /** Write to the EOI register; returns the vector that the I/O APICs are to be told of, or 0. */
  readonly completeInterrupt: (block: number) => number;
  /** The value of a register that can be read, at time `now`. */
  readonly readRegister: (block: number, offset: number, now: number) => number;
  readonly writeTpr: (block: number, value: number) => void;
  readonly writeIcrHigh: (block: number, value: number) => void;
  /** The timer's, at time `now` (src/interpreter/apic-timer.ts). */
  readonly currentCount: (block: number, now: number) => number;
  /** Whatever interrupts depend on has changed. */
  readonly evaluateInterrupts: (block: number) => void;

  // What translated code is entered by, and what it calls: src/interpreter/region.ts
  readonly table: WebAssembly.Table;
  readonly accessFromRegion: unknown;
  readonly go: unknown;
  readonly iretq: unknown;
  readonly multiplyHighSigned: unknown;
  readonly rare: unknown;
  readonly spinFromRegion: unknown;

  /** Parks the CPU, which has stopped with STOP_PARKED; 0 when another pass has to be executed first. */
  readonly park: (block: number) => number;
}

/** What the engine asks the host for: src/interpreter/host.ts. CPUs go by number. */
export interface EngineHost {
  charged(cpu: number, step: number, ticks: number): void;
  lineTaken(cpu: number, pa: number, write: number): void;
  trackPage(page: number, owner: number, now: number): void;
  dropCode(cpu: number, pa: number): void;
  loseMonitoredLine(cpu: number, at: number): void;
  describeLoop(cpu: number): void;
  waitsForTsc(cpu: number): number;
  reportEvent(cpu: number, event: number, first: number, second: number): void;
  broadcastEoi(cpu: number, vector: number): void;
  sendNotification(cpu: number, vector: number, destination: number): void;
  translate(cpu: number, record: number): void;
}

/** An interpreter, and the host of the machine that it works for. */
interface Instance {
  readonly module: WebAssembly.Module;
  readonly engine: Engine;
  host: () => EngineHost;
}

/** By memory. */
const instances = new WeakMap<WebAssembly.Memory, Instance>();

/**
 * The compiled interpreter on a machine's memory; `host` is asked for when it is first needed. A later machine on the same
 * memory gets the same functions: V8 makes short calls of those that have always been the same.
 */
export function instantiateEngine(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  host: () => EngineHost,
): Engine {
  const earlier = instances.get(memory);
  if (earlier?.module === module) {
    earlier.host = host;
    return earlier.engine;
  }
  const instance: Instance = { module, engine: newEngine(module, memory, () => instance.host()), host };
  instances.set(memory, instance);
  return instance.engine;
}

function newEngine(module: WebAssembly.Module, memory: WebAssembly.Memory, host: () => EngineHost): Engine {
  const instance = new WebAssembly.Instance(module, {
    env: {
      memory,
      abort: (): never => {
        throw new Error('the interpreter aborted');
      },
    },
    host: {
      charged: (cpu: number, step: number, ticks: number) => {
        host().charged(cpu, step, ticks);
      },
      lineTaken: (cpu: number, pa: number, write: number) => {
        host().lineTaken(cpu, pa, write);
      },
      trackPage: (page: number, owner: number, now: number) => {
        host().trackPage(page, owner, now);
      },
      dropCode: (cpu: number, pa: number) => {
        host().dropCode(cpu, pa);
      },
      loseMonitoredLine: (cpu: number, at: number) => {
        host().loseMonitoredLine(cpu, at);
      },
      describeLoop: (cpu: number) => {
        host().describeLoop(cpu);
      },
      waitsForTsc: (cpu: number) => host().waitsForTsc(cpu),
      reportEvent: (cpu: number, event: number, first: number, second: number) => {
        host().reportEvent(cpu, event >>> 0, first >>> 0, second >>> 0);
      },
      broadcastEoi: (cpu: number, vector: number) => {
        host().broadcastEoi(cpu, vector);
      },
      sendNotification: (cpu: number, vector: number, destination: number) => {
        host().sendNotification(cpu, vector, destination >>> 0);
      },
      translate: (cpu: number, record: number) => {
        host().translate(cpu, record);
      },
    } satisfies EngineHost,
  });
  return instance.exports as unknown as Engine;
}
