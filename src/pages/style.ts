/** The style of all pages. Both palettes have a contrast of 4.5:1 for text and 3:1 for controls (WCAG 1.4.3, 1.4.11). */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #edf0f4; --card: #ffffff; --ink: #1a2230; --quiet: #545f6e; --line: #dbe1e8; --edge: #76808f;
  --accent: #2747b8; --accent-strong: #1b3494; --on-accent: #ffffff; --alarm: #9b1c28; --alarm-ground: #fdeef0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #11141a; --card: #1a1f28; --ink: #e7ebf1; --quiet: #a7b1c0; --line: #303846; --edge: #788496;
    --accent: #9db4ff; --accent-strong: #bccbff; --on-accent: #10182e; --alarm: #ffb3b8; --alarm-ground: #3a1d22;
  }
}
*, *::before, *::after { box-sizing: border-box; }
body {
  margin: 0; padding: clamp(1.25rem, 6vh, 5rem) 1rem 2rem; min-height: 100vh;
  background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  overflow-wrap: anywhere;
}
header, main { max-width: 26rem; margin: 0 auto; }
.wordmark {
  display: flex; align-items: center; justify-content: center; gap: .5rem;
  margin: 0 0 1.25rem; font-weight: 650; letter-spacing: .01em;
}
.wordmark::before {
  content: ""; width: 1.25rem; height: 1.25rem; border-radius: 50%;
  border: .25rem double var(--accent); background: var(--accent); background-clip: content-box; padding: .15rem;
}
main {
  padding: 2rem; border: 1px solid var(--line); border-radius: 1rem; background: var(--card);
  box-shadow: 0 1px 2px rgb(0 0 0 / .05), 0 12px 32px rgb(0 0 0 / .06);
}
h1 { margin: 0 0 .5rem; font-size: 1.5rem; line-height: 1.25; letter-spacing: -.01em; }
h2 { margin: 1.5rem 0 .5rem; font-size: 1rem; }
h3 { margin: 0; font-size: 1rem; }
p { margin: 0 0 .75rem; }
bdi { font-weight: 600; }
.quiet { color: var(--quiet); font-size: .875rem; }
.quiet bdi, .plain bdi { font-weight: inherit; }
code { font: .9em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; letter-spacing: .08em; white-space: nowrap; }
input.code { font-size: 1.375rem; letter-spacing: .14em; text-align: center; text-transform: uppercase; }
.alert {
  margin: 1rem 0 0; padding: .75rem 1rem; border: 1px solid var(--alarm); border-radius: .625rem;
  background: var(--alarm-ground); color: var(--alarm);
}
label { display: block; margin: 1.25rem 0 .375rem; font-weight: 600; font-size: .9375rem; }
input, select {
  display: block; width: 100%; min-height: 2.875rem; padding: .5rem .75rem;
  border: 1px solid var(--edge); border-radius: .625rem; background: var(--card); color: var(--ink); font: inherit;
}
input[type=hidden] { display: none; }
input[aria-invalid=true] { border-color: var(--alarm); }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1.75rem; }
.button {
  flex: 1 1 auto; min-width: 9rem; min-height: 2.875rem; padding: .5rem 1.25rem;
  border: 1px solid var(--edge); border-radius: .625rem;
  background: transparent; color: var(--ink); font: inherit; font-weight: 600; line-height: 1.75; text-align: center;
  text-decoration: none; cursor: pointer;
}
.button:hover { border-color: var(--ink); }
.primary { border-color: var(--accent); background: var(--accent); color: var(--on-accent); }
.primary:hover { border-color: var(--accent-strong); background: var(--accent-strong); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
ul { margin: 0 0 1.25rem; padding: 0; list-style: none; }
.scopes { border: 1px solid var(--line); border-radius: .625rem; }
.scopes li { padding: .625rem 1rem; }
.scopes li + li { border-top: 1px solid var(--line); }
.app { padding: 1.25rem 0; border-top: 1px solid var(--line); }
.app ul { margin: .25rem 0 .5rem; padding-left: 1.125rem; list-style: disc; }
.app .button { flex: 0 1 auto; }
.app .actions { margin-top: .75rem; }
dl { margin: 1.5rem 0 0; padding: 1rem 0 0; border-top: 1px solid var(--line); font-size: .875rem; }
dt { color: var(--quiet); }
dd { margin: 0 0 .5rem; }
@media (max-width: 30rem) { main { padding: 1.5rem 1.25rem; } }
@media (prefers-reduced-motion: no-preference) { .button, input, select { transition: background-color .12s, border-color .12s; } }
`;
