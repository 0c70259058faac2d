import t from "tap";
import { EVERYTHING, History, Ledger, type Entry } from "./ledger.js";
import { RULES, type Around } from "./rules.js";

/** Every rule is shown a history that keeps it, and several in each of which one violation is planted. */

const HOUR = 3_600;

/** A run in which nothing failed, but for what is said. */
function around(more: Partial<Around> = {}): Around {
  return {
    faults: [],
    endings: () => [],
    wasDown: () => false,
    wasFrozen: () => false,
    skews: () => [],
    lag: () => 0,
    ...more,
  };
}

let time = 0;

/** An operation that took 10 ms, 10 ms after the one before. */
function entry(operation: string, more: Partial<Entry> = {}): Entry {
  const begun = (time += 20);
  return { operation, instance: "A", begun, ended: begun + 10, outcome: "done", status: 200, word: "", ...more };
}

const REFUSED = { outcome: "refused", status: 400, word: "invalid_grant" } as const;

/** A history with these entries; it holds the tokens `access 0` and `refresh 0` from before them. */
function history(...entries: Entry[]): History {
  const made = new History("a login of a test", ["user:u", "client:c"]);
  const clock = { received: entries[0]!.begun - 1, offset: 0 };
  made.keep("access", "the text of a token", HOUR, clock);
  made.keep("refresh", "the text of a refresh token", HOUR, clock);
  made.entries.push(...entries);
  return made;
}

function broken(made: History, world = around()): string[] {
  return RULES.flatMap(({ name, find }) => find(made, world).map(() => name));
}

const refresh = (more: Partial<Entry> = {}) =>
  entry("refresh", {
    presents: "refresh 0",
    single: "same",
    keeps: true,
    shows: "active",
    receives: ["refresh 1"],
    ...more,
  });
const lost = { outcome: "abandoned", status: 0, shows: undefined, receives: undefined } as const;
const look = (shows: "active" | "inactive", more: Partial<Entry> = {}) =>
  entry("introspect", { presents: "access 0", shows, ...more });
const revoke = (more: Partial<Entry> = {}) => entry("revoke", { ends: [EVERYTHING], ...more });

t.test("a history of lost answers, repeated refreshes and a revocation breaks no rule", async (t) => {
  const made = history(
    look("active"),
    refresh(lost),
    refresh({ outcome: "unavailable", status: 503, shows: undefined, receives: undefined }),
    refresh(),
    refresh(),
    look("active"),
    revoke(),
    look("inactive"),
    refresh({ ...REFUSED, shows: undefined, receives: undefined }),
  );
  t.strictSame(broken(made), []);
});

t.test("revoked-stays reports a revoked token that is accepted later", async (t) => {
  t.strictSame(broken(history(revoke(), look("active", { instance: "C" }))), ["revoked-stays"], "another instance");
  t.strictSame(broken(history(revoke(), look("inactive"), refresh())), ["revoked-stays"], "a refresh that works");
  t.strictSame(broken(history(revoke({ ends: ["access 0"] }), look("active"))), ["revoked-stays"], "one token");
  t.strictSame(broken(history(revoke({ ends: ["access 1"] }), look("active"))), [], "another token");
  t.strictSame(
    broken(history(revoke({ outcome: "unavailable", status: 503 }), look("active"))),
    [],
    "not acknowledged",
  );
  const ending = revoke();
  const early = look("active", { begun: ending.begun });
  t.strictSame(broken(history(ending, early)), [], "asked while it was under way");
});

t.test("revoked-stays reports a token that is accepted after its user was disabled", async (t) => {
  const ledger = new Ledger();
  const first = look("active");
  const announced = ledger.announce("user:u", "user disable", (time += 20));
  announced.acknowledge((time += 20), 1_000);
  const world = around({ endings: (made) => ledger.endings(made) });
  t.strictSame(broken(history(first, look("active")), world), [], "within its grace");
  time += 1_000;
  t.strictSame(broken(history(first, look("active")), world), ["revoked-stays"]);
  t.strictSame(broken(history(look("active")), world), [], "a login that began later");
  const made = history(first, look("active"));
  announced.lift(made.entries[1]!.begun);
  t.strictSame(broken(made, world), [], "after it was taken back");
});

t.test("single-use reports a code or refresh token that yields two results", async (t) => {
  const code = (more: Partial<Entry> = {}) =>
    entry("code", { presents: "code 0", single: "once", receives: ["refresh 0"], ...more });
  t.strictSame(broken(history(code(), code({ ...REFUSED, refusable: "a race" }))), []);
  t.strictSame(broken(history(code(), code())), ["single-use"], "twice the same result");
  t.strictSame(broken(history(code(), code({ presents: "code 1" }))), [], "two codes");
  t.strictSame(broken(history(refresh(), refresh({ receives: ["refresh 2"] }))), ["single-use"], "two successors");
});

t.test("keeps-login reports a refused refresh of a login that was not ended", async (t) => {
  const refused = { ...REFUSED, shows: undefined, receives: undefined };
  t.strictSame(broken(history(refresh(lost), refresh(refused))), ["keeps-login"]);
  t.strictSame(
    broken(history(revoke({ outcome: "cut", status: 0 }), refresh(refused)), around({ wasDown: () => true })),
    [],
  );
  t.strictSame(
    broken(history(revoke({ ends: ["access 0"] }), refresh(refused))),
    ["keeps-login"],
    "one access token only",
  );
});

t.test("stays-active reports an inactive token that was neither revoked nor expired", async (t) => {
  t.strictSame(broken(history(look("inactive"))), ["stays-active"]);
  const late = look("inactive");
  const expired = history(look("active"), {
    ...late,
    begun: late.begun + HOUR * 1_000,
    ended: late.ended + HOUR * 1_000,
  });
  t.strictSame(broken(expired), [], "expired");
  t.strictSame(
    broken(history(look("inactive")), around({ skews: () => [HOUR * 1_000] })),
    [],
    "for a clock that is ahead",
  );
  t.strictSame(
    broken(history(look("inactive")), around({ skews: () => [-HOUR * 1_000] })),
    ["stays-active"],
    "for one that is behind",
  );
});

t.test("accepted reports a refused request that has no reason for a refusal", async (t) => {
  t.strictSame(broken(history(entry("password", REFUSED))), ["accepted"]);
  t.strictSame(broken(history(entry("password", { ...REFUSED, refusable: "a reason" }))), []);
  t.strictSame(broken(history(entry("assertion", { ...REFUSED, timed: true })), around({ skews: () => [60_000] })), []);
  t.strictSame(broken(history(entry("password", REFUSED)), around({ skews: () => [60_000] })), ["accepted"]);
});

t.test("documented reports an undocumented status and a cut connection of a running instance", async (t) => {
  t.strictSame(broken(history(entry("password", { outcome: "broken", status: 500 }))), ["documented"]);
  t.strictSame(broken(history(entry("password", { outcome: "unavailable", status: 503 }))), []);
  const cut = history(entry("password", { outcome: "cut", status: 0, word: "ECONNRESET" }));
  t.strictSame(broken(cut), ["documented"]);
  t.strictSame(broken(cut, around({ wasDown: (instance) => instance === "A" })), [], "its instance was killed");
});

t.test("no-hang reports an answer that takes longer than its limit", async (t) => {
  const begun = (time += 20);
  const slow = history(entry("password", { begun, ended: begun + 10_500 }));
  t.strictSame(broken(slow), ["no-hang"]);
  t.strictSame(broken(slow, around({ lag: () => 600 })), [], "this program was late itself");
  t.strictSame(broken(slow, around({ wasFrozen: () => true })), [], "its instance was frozen");
});
