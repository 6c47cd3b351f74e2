/**
 * How CPUs and KVM reach the board: as user space, as devices of KVM's own, or directly. Every way tells the board's
 * clock first whose time it is.
 */
import type { Cpu, DeviceMemory } from '../hardware/cpu/cpu.js';
import type { Ports } from '../hardware/cpu/slow/io.js';
import type { IoBus, KernelDevices } from '../hypervisor/kernel-devices.js';
import type { UserSpace } from '../hypervisor/user-space.js';
import type { Board } from '../platform/board.js';
import { isKernelMemory, isKernelPort } from '../platform/kernel-devices.js';
import type { BoardClock } from './board-clock.js';

/** `userSpace` with the board's clock set by every access. */
export function timedUserSpace(userSpace: UserSpace, clock: BoardClock, cpus: readonly Cpu[]): UserSpace {
  return {
    portWrite(vcpu, port, size, value) {
      clock.at(cpus[vcpu]);
      return userSpace.portWrite(vcpu, port, size, value);
    },
    portRead(vcpu, port, size) {
      clock.at(cpus[vcpu]);
      return userSpace.portRead(vcpu, port, size);
    },
    mmioWrite(vcpu, guestPhysical, bytes) {
      clock.at(cpus[vcpu]);
      return userSpace.mmioWrite(vcpu, guestPhysical, bytes);
    },
    mmioRead(vcpu, guestPhysical, bytes) {
      clock.at(cpus[vcpu]);
      userSpace.mmioRead(vcpu, guestPhysical, bytes);
    },
    levelInterruptEnded(vcpu, vector) {
      clock.at(cpus[vcpu]);
      userSpace.levelInterruptEnded(vcpu, vector);
    },
    failure(vcpu, failure) {
      userSpace.failure(vcpu, failure);
    },
  };
}

/** The board's devices that KVM emulates itself, and its ioeventfd. */
export class BoardKernelDevices implements KernelDevices {
  readonly #board: Board;
  readonly #clock: BoardClock;
  readonly #cpus: readonly Cpu[];

  constructor(board: Board, clock: BoardClock, cpus: readonly Cpu[]) {
    this.#board = board;
    this.#clock = clock;
    this.#cpus = cpus;
  }

  claims(bus: IoBus, address: number): boolean {
    return bus === 'port' ? isKernelPort(address) : isKernelMemory(address);
  }

  read(vcpu: number, bus: IoBus, address: number, size: number): number {
    this.#clock.at(this.#cpus[vcpu]);
    if (bus === 'port') return this.#board.portRead(address, size);
    const bytes = new Uint8Array(4);
    this.#board.mmioRead(address, bytes.subarray(0, size));
    return new DataView(bytes.buffer).getUint32(0, true);
  }

  write(vcpu: number, bus: IoBus, address: number, size: number, value: number): void {
    this.#clock.at(this.#cpus[vcpu]);
    if (bus === 'port') {
      this.#board.portWrite(address, size, value);
      return;
    }
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value, true);
    this.#board.mmioWrite(address, bytes.subarray(0, size));
  }

  listens(bus: IoBus, address: number): boolean {
    const { eventFd } = this.#board;
    return eventFd !== null && eventFd.address === address && eventFd.space === (bus === 'port' ? 'io' : 'memory');
  }

  matches(bus: IoBus, address: number, size: number, value: number): boolean {
    const { eventFd } = this.#board;
    if (eventFd === null || !this.listens(bus, address)) return false;
    return eventFd.size === size && (eventFd.match === null || eventFd.match === value);
  }

  isFast(guestPhysical: number): boolean {
    return this.listens('memory', guestPhysical) && this.#board.eventFd?.size === 0;
  }
}

/** The board's ports as a CPU without hypervisor sees them. */
export function directPorts(cpu: Cpu, board: Board, clock: BoardClock, onWrite: () => void): Ports {
  return {
    read(port, size) {
      clock.at(cpu);
      return board.portRead(port, size);
    },
    write(port, size, value) {
      clock.at(cpu);
      board.portWrite(port, size, value);
      onWrite();
    },
  };
}

/** The board's memory as a CPU without hypervisor sees it. */
export function directMemory(cpu: Cpu, board: Board, clock: BoardClock, onWrite: () => void): DeviceMemory {
  return {
    read(physical, bytes) {
      clock.at(cpu);
      board.mmioRead(physical, bytes);
    },
    write(physical, bytes) {
      clock.at(cpu);
      board.mmioWrite(physical, bytes);
      onWrite();
    },
  };
}
