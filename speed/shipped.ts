/** A module of the machine as it ships: bundled by tools/build-speed.js, which may not have run when this is compiled. */
export function shipped(module: string): Promise<unknown> {
  return import(new URL(`../build/speed/${module}.js`, import.meta.url).href);
}
