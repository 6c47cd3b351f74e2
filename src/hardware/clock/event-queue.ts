interface Event {
  readonly at: number;
  readonly number: number;
  readonly target: number;
  readonly action: (at: number) => void;
}

const EARLIER = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.number < b.number);

/** Events by time; those of the same time by their numbers. A binary heap. */
export class EventQueue {
  readonly #heap: Event[] = [];
  /** Time of the first event, Infinity when there is none. */
  nextAt = Infinity;

  /** Number of the first event. */
  get nextNumber(): number {
    return this.#heap.length === 0 ? 0 : this.#heap[0].number;
  }

  get nextTarget(): number {
    return this.#heap[0].target;
  }

  push(at: number, number: number, target: number, action: (at: number) => void): void {
    const heap = this.#heap;
    const event = { at, number, target, action };
    let hole = heap.length;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (!EARLIER(event, heap[parent])) break;
      heap[hole] = heap[parent];
      hole = parent;
    }
    heap[hole] = event;
    this.nextAt = heap[0].at;
  }

  /** Removes the first event and returns its action. */
  pop(): (at: number) => void {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop() as Event;
    if (heap.length > 0) this.#sink(last);
    this.nextAt = heap.length === 0 ? Infinity : heap[0].at;
    return first.action;
  }

  #sink(event: Event): void {
    const heap = this.#heap;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && EARLIER(heap[child + 1], heap[child])) child++;
      if (!EARLIER(heap[child], event)) break;
      heap[hole] = heap[child];
      hole = child;
    }
    heap[hole] = event;
  }
}
