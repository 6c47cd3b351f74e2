/** The exports of build/interpreter.wasm. One instance serves all CPUs of a machine. */
export interface Engine {
  /** Runs the CPU whose state block is at `block` until it has a reason to stop (layout.ts, STOP_*). */
  readonly run: (block: number) => number;
  /** RFLAGS bits 31:0 with the lazy arithmetic flags made explicit. */
  readonly getFlags: (block: number) => number;
  /** Sets RFLAGS from explicit bits. */
  readonly setFlags: (block: number, flags: number) => void;
}

/** Instantiates the compiled interpreter on a machine's memory. */
export function instantiateEngine(module: WebAssembly.Module, memory: WebAssembly.Memory): Engine {
  const instance = new WebAssembly.Instance(module, {
    env: {
      memory,
      abort: (): never => {
        throw new Error('the interpreter aborted');
      },
    },
  });
  return instance.exports as unknown as Engine;
}
