// Draws Vega-Lite charts as SVG. Bundled to build/chart-renderer.js, so that the libraries are needed for the build only.
import { parse, textMetrics, View } from 'vega';
import { compile } from 'vega-lite';

/** Width of an average character of a wide sans-serif font, in em. */
const CHARACTER_EM = 0.6;

// The same estimate everywhere: a canvas, if one happened to be installed, would make the picture depend on its fonts.
textMetrics.canvas(false);
textMetrics.width = (item, text) => Math.ceil(String(text ?? '').length * CHARACTER_EM * (item.fontSize ?? 11));

/** The SVG of a chart; throws what the library logs as a warning or an error. */
export async function renderSvg(specification) {
  const view = new View(parse(compile(specification, { logger }).spec), { renderer: 'none', logger });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

const fail = (...messages) => {
  throw new Error(messages.join(' '));
};
const logger = {
  level: () => logger,
  warn: fail,
  error: fail,
  info: () => logger,
  debug: () => logger,
};
