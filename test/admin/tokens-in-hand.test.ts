import { decodeJwt } from "jose";
import t, { type Test } from "tap";
import { lookAtToken } from "../../src/store/access-tokens.js";
import { lookAtGrant } from "../../src/store/grants.js";
import { newRegistrationToken } from "../../src/clients/registration-token.js";
import { statusQuestion } from "../../src/tokens/access-token.js";
import { readRefreshToken } from "../../src/tokens/refresh-token.js";
import { TestClock } from "../support/clock.js";
import { runCommand, showToken } from "../support/commands.js";
import { FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Instance } from "../support/instance.js";
import { logIn, refresh } from "../support/tokens.js";
import { until } from "../support/until.js";

interface Pair {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly id_token: string;
}

const CLOUD = {
  ...FLEET,
  clients: [
    ...FLEET.clients,
    {
      client_id: "sealed",
      token_endpoint_auth_method: "none",
      grant_types: ["password", "refresh_token"],
      scope: "openid api1",
      access_token_format: "opaque",
    },
  ],
};

const grantOf = ({ core }: Instance, text: string) => readRefreshToken(core.master, text)!.grant_id;
const show = showToken;

async function pairOf(server: Instance, client_id = "mobile"): Promise<Pair> {
  return (await logIn(server, { client_id, scope: "openid api1" })).json as Pair;
}

/** Whether the statements that decide about tokens accept this one. */
async function isInForce({ core }: Instance, token: string): Promise<boolean> {
  const now = core.clock.statement();
  const refreshed = readRefreshToken(core.master, token);
  if (refreshed !== undefined) {
    return (await lookAtGrant(core.db, refreshed.grant_id, refreshed.generation, now)) !== undefined;
  }
  const read = await core.accessTokens.read(token);
  return read !== undefined && (await lookAtToken(core.db, statusQuestion(read.claims), now)) !== undefined;
}

/** What `token show` says of a token. It has to agree with what decides. */
async function reasonsOf(t: Test, server: Instance, token: string): Promise<readonly string[]> {
  const { in_force, reasons } = await show(server, token);
  t.equal(in_force, await isInForce(server, token), `${token.slice(0, 4)} ${reasons.join(" ")}`);
  t.equal(in_force, reasons.length === 0);
  return reasons;
}

t.test("an operator sees a grant from its login to its end", async (t) => {
  const clock = new TestClock();
  const server = await startInstance(t, { provision: CLOUD, clock });

  t.test("its lineage", async (t) => {
    const first = await pairOf(server);
    clock.advance(60);
    const { refresh_token } = (await refresh(server, first.refresh_token)).json;
    const lineage = () => runCommand(server, ["grant", "show", grantOf(server, refresh_token)]);
    const shown = await lineage();
    t.match(shown, {
      client_id: "mobile",
      sub: "user-alice",
      username: "Alice",
      scope: "openid api1",
      dialect: "oauth2",
      state: "in_force",
      login: { amr: ["pwd"] },
      client_authentication: ["none"],
      bound_to: [],
      refresh_tokens: { generation: 1, superseded_at: [new Date(clock.now()).toISOString()], repeated: 0 },
      access_tokens: {
        last_issued_at: new Date(clock.now()).toISOString(),
        expired_by: new Date(clock.now() + 600_000).toISOString(),
      },
    });
    await until("both tokens are known", async () => (await lineage()).access_tokens.known.length === 2);
    const [later, earlier] = (await lineage()).access_tokens.known;
    t.match(later, { jti: String, decision_id: String, revoked: false });
    t.equal(earlier.jti, decodeJwt(first.access_token).jti);
    t.notOk("code" in shown || "session" in shown || "ended_at" in shown, "there is nothing to say of these");

    await refresh(server, first.refresh_token);
    t.match(await lineage(), { refresh_tokens: { generation: 1, repeated: 1 } });
    clock.advance(3_600);
    await refresh(server, first.refresh_token);
    t.match(await lineage(), { state: "ended", because: "reuse", ended_at: new Date(clock.now()).toISOString() });
    t.match(await show(server, refresh_token), { reasons: ["grant_ended"], ended_because: "reuse" });
    t.match(await runCommand(server, ["grant", "revoke", grantOf(server, refresh_token)]), { revoked: false });
    t.equal(
      await runCommand(server, ["grant", "show", "none"]),
      "there is no grant none; the sweep deletes an ended one after a day",
    );
  });

  t.test("what a token in hand is, and why it is not in force", async (t) => {
    const name = (token: string) => reasonsOf(t, server, token);
    const all = async (pairs: readonly Pair[]) =>
      Promise.all(pairs.flatMap(({ access_token, refresh_token }) => [name(access_token), name(refresh_token)]));
    const pairs = [await pairOf(server), await pairOf(server, "sealed")];
    const [jwt, sealed] = pairs as [Pair, Pair];
    t.strictSame(await all(pairs), [[], [], [], []]);
    t.match(await show(server, jwt.access_token), {
      kind: "access_token",
      format: "jwt",
      client_id: "mobile",
      username: "Alice",
      grant_id: grantOf(server, jwt.refresh_token),
      kid: String,
    });
    t.match(await show(server, sealed.access_token), { kind: "access_token", format: "opaque", client_id: "sealed" });
    t.match(await show(server, jwt.refresh_token), { kind: "refresh_token", generation: 0, grant_generation: 0 });
    t.match(await show(server, jwt.id_token), { kind: "id_token", in_force: true, client_id: "mobile" });

    const next = (await refresh(server, jwt.refresh_token)).json as Pair;
    t.strictSame(await name(jwt.refresh_token), ["superseded"]);
    await runCommand(server, ["revoke", "--token", "-"], jwt.access_token);
    t.strictSame(await name(jwt.access_token), ["revoked"]);
    await runCommand(server, ["grant", "revoke", grantOf(server, sealed.refresh_token)]);
    t.strictSame(await all([sealed]), [["grant_ended"], ["grant_ended"]]);

    clock.advance(601);
    t.strictSame(await all([next]), [["expired"], []]);
    t.strictSame(await all([jwt]), [["expired", "revoked"], ["superseded"]]);
    t.match(await show(server, jwt.id_token), { kind: "id_token", reasons: ["expired"] });

    const kinds: readonly (readonly [readonly string[], readonly string[], string])[] = [
      [["client", "disable", "mobile"], ["client", "enable", "mobile"], "client_disabled"],
      [["revoke", "--client", "mobile"], ["client", "enable", "mobile"], "everything_of_client_revoked"],
      [["revoke", "--user", "alice"], ["user", "enable", "alice"], "everything_of_user_revoked"],
      [["revoke", "--all"], ["user", "enable", "alice"], "everything_revoked"],
    ];
    for (const [command, undo, reason] of kinds) {
      const pair = await pairOf(server);
      await runCommand(server, command);
      const [access, refreshed] = await all([pair]);
      t.strictSame(
        access!.filter((one) => one !== "grant_ended"),
        [reason],
      );
      t.match(refreshed, [reason === "client_disabled" ? reason : /grant_ended|everything/]);
      await runCommand(server, undo);
    }
    const disabled = await pairOf(server);
    await runCommand(server, ["user", "disable", "alice"]);
    t.match(await name(disabled.access_token), ["user_disabled", "everything_of_user_revoked"]);
    await runCommand(server, ["user", "enable", "alice"]);

    const leaked = await pairOf(server);
    await runCommand(server, ["keys", "rotate", "--leaked"]);
    t.strictSame(await name(leaked.access_token), ["key_rejected"]);
    t.match(await show(server, leaked.id_token), { kind: "id_token", in_force: false, reasons: ["key_rejected"] });

    const owned = (await server.post("/oauth2/token", { grant_type: "client_credentials" }, basic("backend", SECRET)))
      .json;
    const described = await show(server, owned.access_token);
    t.match(described, { kind: "access_token", in_force: true, client_id: "backend", sub: "backend" });
    t.notOk("username" in described || "grant_id" in described);
    for (const text of ["hello", "jrt_x", `${owned.access_token}x`, "a.b.c", "jat_AAAA"]) {
      t.match(await show(server, text), /^this is not a token of this server/, text);
    }
    const { master, random } = server.core;
    t.match(await show(server, newRegistrationToken(master, random, "management").text), {
      kind: "registration_access_token",
      in_force: undefined,
    });
    t.match(await show(server, newRegistrationToken(master, random, "initial").text), { reasons: ["unknown"] });
    const { initial_access_token } = await runCommand(server, ["registration-token", "add"]);
    t.match(await show(server, initial_access_token), { kind: "initial_access_token", in_force: true, uses_left: 1 });
  });
});
