import t from "tap";
import { Random } from "../faults/random.js";
import { fuzzDtls } from "../support/dtls-fuzz.js";

t.test("DT-01 damaged datagrams end nothing, gain nothing and keep nothing, and noise gets no answer", async (t) => {
  const result = fuzzDtls(new Random("damaged"), 4_000);
  t.equal(result.amplified, 0);
  t.ok(result.sessionsAnswer);
  for (const kind of ["noise", "header", "prefix"]) t.equal(result.kinds[kind]?.answered, 0, kind);
  // A session each, the check for idle ones, and the handshakes of the last minute.
  t.ok(result.mostHandshakes <= 250, String(result.mostHandshakes));
  t.ok(result.mostTimers <= result.mostHandshakes + 1, String(result.mostTimers));
});
