/** What KVM answers in the kernel for a guest with a board: its interrupt controllers, its timer and the eventfd. */
import type { EoiRoute, IoBus, KernelDevices, RaisedInterrupt } from '../hypervisor/kernel-devices.js';
import type { ApicMessage } from '../hardware/apic/message.js';
import { TIMER_INPUT, type Board, type BoardInterrupts } from './board.js';
import { isKernelMemory, isKernelPort } from './kernel-devices.js';
import type { EventFd } from './pci-test-device.js';

const ANY_LENGTH = 0;
/** KVM tracks the EOIs of the real-time clock's interrupt, whatever its trigger mode (RTC_GSI, ioapic.h). */
const RTC_INPUT = 8;

/**
 * Collects in `raised` what the board asks of KVM, which looks at `nextEventAt` itself. `isAccepted`: some virtual APIC
 * takes the message.
 */
export function boardInterrupts(
  raised: RaisedInterrupt[],
  isAccepted: (message: ApicMessage) => boolean,
): BoardInterrupts {
  return {
    deliver: (message) => {
      raised.push(message);
      return isAccepted(message);
    },
    picOutput: (asserted) => asserted && raised.push('pic-output'),
    lineDriven: () => raised.push('irq-line'),
    redirectionChanged: () => raised.push('redirection'),
    timerTicked: () => raised.push('timer-tick'),
    schedule: () => undefined,
  };
}

export class BoardKernelDevices implements KernelDevices {
  readonly #board: Board;
  readonly #raised: RaisedInterrupt[];
  readonly #onAccess: (vcpu: number) => void;
  readonly #word = new Uint8Array(4);
  readonly #view = new DataView(this.#word.buffer);

  /** `raised` is where `boardInterrupts` of the board collects; `onAccess` is told whose time it is. */
  constructor(board: Board, raised: RaisedInterrupt[], onAccess: (vcpu: number) => void) {
    this.#board = board;
    this.#raised = raised;
    this.#onAccess = onAccess;
  }

  claims(bus: IoBus, address: number): boolean {
    return bus === 'port' ? isKernelPort(address) : isKernelMemory(address);
  }

  read(vcpu: number, bus: IoBus, address: number, size: number): number {
    this.#onAccess(vcpu);
    if (bus === 'port') return this.#board.portRead(address, size);
    this.#word.fill(0);
    this.#board.mmioRead(address, this.#word.subarray(0, size));
    return this.#view.getUint32(0, true);
  }

  write(vcpu: number, bus: IoBus, address: number, size: number, value: number): void {
    this.#onAccess(vcpu);
    if (bus === 'port') {
      this.#board.portWrite(address, size, value);
      return;
    }
    this.#view.setUint32(0, value, true);
    this.#board.mmioWrite(address, this.#word.subarray(0, size));
  }

  listens(bus: IoBus, address: number): boolean {
    return this.#eventFdAt(bus, address) !== null;
  }

  matches(bus: IoBus, address: number, size: number, value: number): boolean {
    const eventFd = this.#eventFdAt(bus, address);
    if (eventFd === null) return false;
    if (eventFd.size === ANY_LENGTH) return true;
    return eventFd.size === size && (eventFd.match === null || eventFd.match === value);
  }

  isFast(guestPhysical: number): boolean {
    return this.#eventFdAt('memory', guestPhysical)?.size === ANY_LENGTH;
  }

  takeRaised(to: RaisedInterrupt[]): void {
    to.push(...this.#raised.splice(0));
  }

  get picOutput(): boolean {
    return this.#board.picOutput;
  }

  acknowledgePic(vcpu: number): number {
    this.#onAccess(vcpu);
    return this.#board.acknowledgePic();
  }

  endOfInterrupt(vcpu: number, vector: number, level: boolean): void {
    this.#onAccess(vcpu);
    this.#board.endOfInterrupt(vector, level);
  }

  /** The PIT's input counts because of its acknowledge notifier. */
  eoiRoutes(): readonly EoiRoute[] {
    const { routes } = this.#board.ioApic;
    return routes.filter(({ input, level }) => level || input === TIMER_INPUT || input === RTC_INPUT);
  }

  get nextEventAt(): number {
    return this.#board.nextEventAt;
  }

  runEvents(vcpu: number): void {
    this.#onAccess(vcpu);
    this.#board.runEvents();
  }

  get hasTimerWork(): boolean {
    return this.#board.hasTimerWork;
  }

  runTimerWork(vcpu: number): void {
    this.#onAccess(vcpu);
    this.#board.runTimerWork();
  }

  #eventFdAt(bus: IoBus, address: number): EventFd | null {
    const { eventFd } = this.#board;
    const space = bus === 'port' ? 'io' : 'memory';
    return eventFd?.space === space && eventFd.address === address ? eventFd : null;
  }
}
