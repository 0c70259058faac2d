import { STYLE } from "../pages/style.js";

/** The style of the console: that of all pages, with more width. */
export const CONSOLE_STYLE = `${STYLE}
body { padding-top: 0; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: .5rem; padding: .5rem 1rem; background: var(--card); z-index: 1; }
header.bar { max-width: 72rem; padding: 1rem 0 .5rem; }
.bar .top { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1.5rem; }
.bar .wordmark { margin: 0; justify-content: flex-start; }
.bar .wordmark a { color: inherit; text-decoration: none; }
.bar form.search { flex: 1 1 16rem; display: flex; gap: .5rem; }
.bar form.search input { min-height: 2.5rem; }
.bar .who { display: flex; align-items: center; gap: .75rem; font-size: .875rem; }
.bar .who form { margin: 0; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem; margin: .75rem 0 0; }
nav a { display: block; padding: .375rem .75rem; border-radius: .5rem; color: var(--ink); text-decoration: none; }
nav a:hover { background: var(--card); }
nav a[aria-current] { background: var(--card); box-shadow: inset 0 -2px var(--accent); font-weight: 600; }
main.wide { max-width: 72rem; margin-top: 1rem; }
main.wide h1 { margin-bottom: 1rem; }
main.wide h2 { font-size: 1.125rem; margin: 2rem 0 .75rem; }
main.wide h3 { margin: 1.25rem 0 .5rem; }
a { color: var(--accent); }
.small { min-width: 0; min-height: 2.5rem; flex: 0 0 auto; padding: .25rem .875rem; font-size: .9375rem; }
.danger { border-color: var(--alarm); color: var(--alarm); }
.danger:hover { background: var(--alarm-ground); border-color: var(--alarm); }
.sentence { display: flex; gap: .75rem; padding: 1rem 1.25rem; border: 1px solid var(--line); border-left: .3rem solid var(--accent); border-radius: .625rem; font-size: 1.125rem; }
.sentence.bad { border-color: var(--alarm); background: var(--alarm-ground); color: var(--alarm); }
.sentence ul { margin: .25rem 0 0; font-size: 1rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); gap: 1rem; margin: 0 0 1rem; }
.cards.charts { grid-template-columns: repeat(auto-fit, minmax(7.5rem, 1fr)); }
.card { padding: 1rem; border: 1px solid var(--line); border-radius: .625rem; min-width: 0; }
main.wide .card h2, main.wide .card h3, .card .name { margin: 0 0 .25rem; font-size: .9375rem; font-weight: 600; }
.card .figure { margin: 0; font-size: 1.5rem; font-weight: 650; line-height: 1.3; }
.card > :last-child, .card li > :last-child { margin-bottom: 0; }
.card li + li { margin-top: .5rem; }
.card.plain li + li { margin-top: 0; }
.columns { columns: 14rem; column-gap: 1rem; }
.columns .card { break-inside: avoid; margin: 0 0 1rem; }
svg.chart { display: block; width: 100%; height: 3rem; margin: .5rem 0 .25rem; }
svg.chart rect { fill: var(--accent); }
svg.chart.refused rect { fill: var(--alarm); }
svg.chart line { stroke: var(--line); }
.table { overflow-x: auto; margin: 0 0 1.25rem; border: 1px solid var(--line); border-radius: .625rem; }
table { width: 100%; border-collapse: collapse; font-size: .9375rem; }
th, td { padding: .5rem .875rem; text-align: left; vertical-align: top; border-top: 1px solid var(--line); overflow-wrap: break-word; }
thead td { border-top: 0; }
thead th { border-top: 0; color: var(--quiet); font-weight: 600; white-space: nowrap; }
td form, td .actions { margin: 0; }
table bdi, dl.facts bdi, code bdi { font-weight: inherit; }
td { min-width: 7rem; }
td ul, dd ul { margin: 0; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
dl.facts { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .375rem 1.25rem; margin: 0 0 1.25rem; padding: 0; border: 0; font-size: .9375rem; }
dl.facts dd { margin: 0; min-width: 0; }
dl.facts dl.facts { margin: 0; }
.tag { display: inline-block; white-space: nowrap; padding: 0 .5rem; border: 1px solid var(--edge); border-radius: 1rem; font-size: .8125rem; }
.tag.bad { border-color: var(--alarm); color: var(--alarm); }
fieldset { margin: 1.25rem 0 0; padding: 0; border: 0; }
label code { font-weight: 600; }
.choices code { font-weight: 400; }
legend { padding: 0; font-weight: 600; font-size: .9375rem; }
.choices { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; }
.choices label, label.choice { display: flex; align-items: center; gap: .5rem; margin: .25rem 0; font-weight: 400; }
input[type=checkbox] { width: 1.25rem; min-height: 1.25rem; height: 1.25rem; margin: 0; flex: none; accent-color: var(--accent); }
textarea { display: block; width: 100%; min-height: 5rem; padding: .5rem .75rem; border: 1px solid var(--edge); border-radius: .625rem; background: var(--card); color: var(--ink); font: inherit; }
form.wide { max-width: 40rem; }
.help { margin: .25rem 0 0; color: var(--quiet); font-size: .875rem; }
details { margin: 1.25rem 0; }
summary { cursor: pointer; color: var(--accent); font-weight: 600; }
.secret { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
.secret input { flex: 1 1 16rem; width: auto; font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
progress { width: 100%; height: 1rem; accent-color: var(--accent); }
pre { overflow-x: auto; margin: 0 0 1.25rem; padding: 1rem; border: 1px solid var(--line); border-radius: .625rem; font-size: .875rem; }
.checks { margin: 0 0 1.25rem; padding-left: 1.5rem; }
.checks li { padding: .25rem 0; }
.checks .not_reached, .checks .unknown { color: var(--quiet); }
.timeline { margin: 1.75rem 0 1.25rem; padding: 0; list-style: none; border-left: 2px solid var(--line); }
.timeline > li { position: relative; padding: 0 0 1.5rem 1.25rem; }
.timeline > li::before { content: ""; position: absolute; left: -.4375rem; top: .375rem; width: .75rem; height: .75rem; border-radius: 50%; background: var(--edge); }
.timeline > li.current::before { background: var(--accent); }
.timeline ul { margin: 0; }
main.wide .timeline h2 { margin: 0 0 .25rem; }
@media (max-width: 40rem) {
  .bar .who { margin-left: auto; }
  .bar form.search { order: 3; flex-basis: 100%; }
  .rows { overflow: visible; border: 0; border-radius: 0; }
  .rows table, .rows tbody, .rows tr, .rows td { display: block; }
  .rows thead { position: absolute; left: -99rem; }
  .rows tr { margin: 0 0 .75rem; padding: .5rem 0; border: 1px solid var(--line); border-radius: .625rem; }
  .rows td { border: 0; padding: .25rem 1rem; }
  .rows td[data-label]::before { content: attr(data-label); display: block; color: var(--quiet); font-size: .8125rem; }
  dl.facts { grid-template-columns: 1fr; gap: 0; }
  dl.facts dd { margin: 0 0 .5rem; }
}
`;
