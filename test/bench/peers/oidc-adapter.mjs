// oidc-provider's storage in one table, as its documentation outlines an adapter.
import { ask, pool } from "./host.mjs";

export async function makeTable() {
  await pool.query(`
    CREATE TABLE payloads (
      model text NOT NULL, id text NOT NULL, payload jsonb NOT NULL, grant_id text, user_code text, uid text,
      expires_at timestamptz, consumed_at timestamptz, PRIMARY KEY (model, id)
    );
    CREATE INDEX ON payloads (grant_id) WHERE grant_id IS NOT NULL;
    CREATE INDEX ON payloads (uid) WHERE uid IS NOT NULL`);
}

const COLUMNS = "payload, consumed_at";
const IN_FORCE = "(expires_at IS NULL OR expires_at > now())";

export class Adapter {
  constructor(model) {
    this.model = model;
  }

  async upsert(id, payload, expiresIn) {
    await ask(
      `INSERT INTO payloads (model, id, payload, grant_id, user_code, uid, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
       ON CONFLICT (model, id) DO UPDATE SET payload = $3, grant_id = $4, user_code = $5, uid = $6,
         expires_at = now() + make_interval(secs => $7)`,
      [this.model, id, payload, payload.grantId, payload.userCode, payload.uid, expiresIn],
    );
  }

  async find(id) {
    return read(
      await ask(`SELECT ${COLUMNS} FROM payloads WHERE model = $1 AND id = $2 AND ${IN_FORCE}`, [this.model, id]),
    );
  }

  async findByUid(uid) {
    return read(
      await ask(`SELECT ${COLUMNS} FROM payloads WHERE model = $1 AND uid = $2 AND ${IN_FORCE}`, [this.model, uid]),
    );
  }

  async findByUserCode(code) {
    return read(
      await ask(`SELECT ${COLUMNS} FROM payloads WHERE model = $1 AND user_code = $2 AND ${IN_FORCE}`, [
        this.model,
        code,
      ]),
    );
  }

  async consume(id) {
    await ask("UPDATE payloads SET consumed_at = now() WHERE model = $1 AND id = $2", [this.model, id]);
  }

  async destroy(id) {
    await ask("DELETE FROM payloads WHERE model = $1 AND id = $2", [this.model, id]);
  }

  async revokeByGrantId(grantId) {
    await ask("DELETE FROM payloads WHERE model = $1 AND grant_id = $2", [this.model, grantId]);
  }
}

function read([row]) {
  if (row === undefined) return undefined;
  return row.consumed_at === null ? row.payload : { ...row.payload, consumed: Math.floor(row.consumed_at / 1_000) };
}
