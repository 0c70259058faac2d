import { html, type Html } from "../pages/html.js";

/** Small charts of one count for each minute, without a script and without a picture from elsewhere. */

const HEIGHT = 30;

/** Width of a minute, and of the bar in it. */
const STEP = 4;
const BAR = 3;

/**
 * A bar for each count, the oldest on the left.
 * @param label what the chart shows, in words: it is all that some people get of it
 * @param kind a class of the style
 */
export function barChart(counts: readonly number[], label: Html, kind = ""): Html {
  const most = Math.max(1, ...counts);
  const width = counts.length * STEP;
  const bars = counts.flatMap((count, at) => (count === 0 ? [] : barOf(at, count / most)));
  return html`<svg class="chart ${kind}" viewBox="0 0 ${String(width)} ${String(HEIGHT)}" preserveAspectRatio="none" role="img" aria-label="${label}">
${bars}
<line x1="0" x2="${String(width)}" y1="${String(HEIGHT)}" y2="${String(HEIGHT)}"/>
</svg>`;
}

/** Even a single event is seen beside a thousand. */
const MIN_BAR = 1.5;

function barOf(at: number, share: number): Html {
  const height = Math.max(MIN_BAR, share * HEIGHT);
  const [x, y, tall] = [at * STEP, HEIGHT - height, height].map((one) => String(Math.round(one * 10) / 10));
  return html`<rect x="${x}" y="${y}" width="${String(BAR)}" height="${tall}"/>`;
}
