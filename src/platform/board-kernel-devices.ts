/** What KVM answers in the kernel for a guest with a board: its interrupt controllers, its timer and the eventfd. */
import type { IoBus, KernelDevices } from '../hypervisor/kernel-devices.js';
import type { Board } from './board.js';
import { isKernelMemory, isKernelPort } from './kernel-devices.js';
import type { EventFd } from './pci-test-device.js';

const ANY_LENGTH = 0;

export class BoardKernelDevices implements KernelDevices {
  readonly #board: Board;
  readonly #word = new Uint8Array(4);
  readonly #view = new DataView(this.#word.buffer);

  constructor(board: Board) {
    this.#board = board;
  }

  claims(bus: IoBus, address: number): boolean {
    return bus === 'port' ? isKernelPort(address) : isKernelMemory(address);
  }

  read(_vcpu: number, bus: IoBus, address: number, size: number): number {
    if (bus === 'port') return this.#board.portRead(address, size);
    this.#word.fill(0);
    this.#board.mmioRead(address, this.#word.subarray(0, size));
    return this.#view.getUint32(0, true);
  }

  write(_vcpu: number, bus: IoBus, address: number, size: number, value: number): void {
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

  #eventFdAt(bus: IoBus, address: number): EventFd | null {
    const { eventFd } = this.#board;
    const space = bus === 'port' ? 'io' : 'memory';
    return eventFd?.space === space && eventFd.address === address ? eventFd : null;
  }
}
