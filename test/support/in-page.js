// What tests ask a page in the browser. Each function is sent there as text, so that none may use another.

/** What is wrong with the charts: one drawing of each is to be seen, of some size, and no text hides another. */
export function chartFaults() {
  const visible = (element) => element.getClientRects().length > 0;
  const shared = (a, b) => [
    Math.min(a.right, b.right) - Math.max(a.left, b.left),
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top),
  ];
  /** Of two texts whose boxes share more than their margins. */
  const overlap = (a, b) => shared(a, b)[0] > 1 && shared(a, b)[1] > 3;
  const faults = [];
  for (const figure of [...document.querySelectorAll('figure')].filter(visible)) {
    const drawings = [...figure.querySelectorAll('svg')].filter(visible);
    const size = drawings[0]?.getBoundingClientRect() ?? { width: 0, height: 0 };
    if (drawings.length !== 1 || size.width < 250 || size.height < 60) faults.push(`${figure.id}: no drawing`);
    const texts = [...(drawings[0]?.querySelectorAll('text') ?? [])].filter(({ textContent }) => textContent !== '');
    const boxes = texts.map((text) => text.getBoundingClientRect());
    boxes.forEach((box, index) => {
      const name = `${figure.id}: ${texts[index].textContent}`;
      if (box.left < 0 || box.right > innerWidth) faults.push(`${name} leaves the page`);
      const covered = boxes.findIndex((other, at) => at > index && overlap(box, other));
      if (covered >= 0) faults.push(`${name} covers ${texts[covered].textContent}`);
    });
  }
  return faults;
}

/** How wide the page is with all that cannot be scrolled by itself. */
export function pageWidth() {
  return document.documentElement.scrollWidth;
}

/** The page's background, and the fill of the first bar that matches. */
export function colours(bar) {
  return {
    page: getComputedStyle(document.body).backgroundColor,
    bar: getComputedStyle(document.querySelector(bar)).fill,
  };
}

/** Where the keyboard is: the id of that element, or where its link leads. */
export function focused() {
  return document.activeElement.getAttribute('href') ?? document.activeElement.id;
}

/** Opens all that is closed. */
export function openEverything() {
  for (const details of document.querySelectorAll('details')) details.open = true;
}

/** Rules of axe-core, loaded before, that do not hold, with some of the places. */
export async function accessibilityFaults() {
  const { violations } = await globalThis.axe.run();
  return violations.flatMap(({ id, nodes }) => nodes.slice(0, 3).map(({ html }) => `${id}: ${html.slice(0, 200)}`));
}
