import type { HostCpu } from '../host-cpu.js';

/** Calls `observe` with every step that the run loop of `host` reaches, until the returned function is called. */
export function observeSteps(host: HostCpu, observe: (step: number) => void): () => void {
  let current = host.step;
  Object.defineProperty(host, 'step', {
    configurable: true,
    get: () => current,
    set: (step: number) => {
      current = step;
      observe(step);
    },
  });
  return () => {
    Object.defineProperty(host, 'step', { configurable: true, enumerable: true, writable: true, value: current });
  };
}
