import { openGrant } from "../../src/store/grants.js";
import { writeRefreshToken } from "../../src/tokens/refresh-token.js";
import type { Instance } from "./instance.js";

/** Alice's grant for the mobile app, opened in the store: a hundred password checks would only test argon2id. */
export async function openRefreshable({ core }: Instance): Promise<string> {
  const grant_id = core.random(16).toString("base64url");
  await openGrant(
    core.db,
    {
      id: grant_id,
      client_id: "mobile",
      sub: "user-alice",
      user_epoch: 0,
      client_epoch: 0,
      scope: ["api1"],
      auth_time: new Date(core.clock.now()),
      amr: ["pwd"],
      idle: 3_600,
      absolute: 7_200,
    },
    core.clock.statement(),
  );
  return writeRefreshToken(core.master, { grant_id, generation: 0 });
}
