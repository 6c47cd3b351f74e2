/** The VMM process of a guest with a board: what KVM's exits to user space ask for goes to the devices. */
import type { UserSpace, UserSpaceVerdict, VcpuFailure } from '../hypervisor/user-space.js';
import type { Board } from './board.js';
import type { BoardEnd } from './debug-exit.js';

/** How a machine with a board came to its end. */
export type BoardMachineEnd =
  BoardEnd | { readonly kind: 'failure'; readonly vcpu: number; readonly failure: VcpuFailure };

export class BoardUserSpace implements UserSpace {
  readonly #board: Board;
  readonly #onAccess: (vcpu: number) => void;
  readonly #onEnd: (end: BoardMachineEnd) => void;
  #ended = false;

  /** `onAccess` is told whose time it is; `onEnd` is called once, when the guest has ended or died. */
  constructor(board: Board, onAccess: (vcpu: number) => void, onEnd: (end: BoardMachineEnd) => void) {
    this.#board = board;
    this.#onAccess = onAccess;
    this.#onEnd = onEnd;
  }

  portWrite(vcpu: number, port: number, size: number, value: number): UserSpaceVerdict {
    this.#onAccess(vcpu);
    this.#board.portWrite(port, size, value);
    return this.#verdict();
  }

  portRead(vcpu: number, port: number, size: number): number {
    this.#onAccess(vcpu);
    return this.#board.portRead(port, size);
  }

  mmioWrite(vcpu: number, guestPhysical: number, bytes: Uint8Array): UserSpaceVerdict {
    this.#onAccess(vcpu);
    this.#board.mmioWrite(guestPhysical, bytes);
    return this.#verdict();
  }

  mmioRead(vcpu: number, guestPhysical: number, bytes: Uint8Array): void {
    this.#onAccess(vcpu);
    this.#board.mmioRead(guestPhysical, bytes);
  }

  failure(vcpu: number, failure: VcpuFailure): void {
    this.#finish({ kind: 'failure', vcpu, failure });
  }

  #verdict(): UserSpaceVerdict {
    const { end } = this.#board;
    if (end === null) return 'continue';
    this.#finish(end);
    return 'stop';
  }

  #finish(end: BoardMachineEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd(end);
  }
}
