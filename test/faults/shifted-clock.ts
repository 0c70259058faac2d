// Preloaded into a server by NODE_OPTIONS: its wall clock differs from the machine's by what a file says, in milliseconds.
// Monotonic clocks and timers are left as they are.
import { readFileSync } from "node:fs";

const POLL = 50;

const clock = globalThis.Date;
const machine = clock.now;
const file = process.env.FAULTS_CLOCK ?? "";
let offset = 0;

function look(): void {
  try {
    offset = Number(readFileSync(file, "utf8")) || 0;
  } catch {
    offset = 0;
  }
}

look();
setInterval(look, POLL).unref();
clock.now = () => machine() + offset;
globalThis.Date = new globalThis.Proxy(clock, {
  construct: (target, given, made) =>
    Reflect.construct(target, given.length === 0 ? [clock.now()] : given, made) as object,
  apply: () => new clock(clock.now()).toString(),
});
