/** Draws Vega-Lite specifications with what the build bundles of Vega, which is loaded for the first drawing. */
import type { TopLevelSpec } from 'vega-lite';

interface Renderer {
  readonly renderSvg: (specification: TopLevelSpec) => Promise<string>;
}

/** src/report/, dist/report/ and build/command/ lie equally deep. */
const RENDERER = new URL('../../build/chart-renderer.js', import.meta.url);

/** The SVG element. */
export async function renderSvg(specification: TopLevelSpec): Promise<string> {
  const renderer = (await import(RENDERER.href)) as Renderer;
  return renderer.renderSvg(specification);
}
