import { compactVerify, importJWK, type JWTPayload } from "jose";
import type { Clock } from "../clock.js";
import { epochSeconds } from "../clock.js";
import type { Db } from "../store/open.js";
import { allKeys } from "../store/signing-keys.js";
import { readClaims, readJwt } from "./own-jwt.js";

/** A JWT that a key of this server signed. Its key may be rejected now. */
interface ExaminedJwt {
  readonly typ: string;
  readonly kid: string;
  /** Whether signatures of the key are still accepted. */
  readonly isKeyAccepted: boolean;
  readonly claims: JWTPayload;
  readonly expired: boolean;
}

/**
 * Reads a JWT of any media type for an operator, who asks why it is refused. Everything else reads JWTs by `KeyRing.verify`, which
 * knows only the keys that are accepted. A rejected key is known for about a day.
 */
export async function examineJwt(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  text: string,
): Promise<ExaminedJwt | undefined> {
  const jwt = readJwt(text);
  const { kid, alg, typ } = jwt?.header ?? {};
  const row = (await allKeys(db)).find((key) => key.kid === kid && key.alg === alg);
  if (jwt === undefined || row === undefined || typeof typ !== "string") return undefined;
  const key = await importJWK(row.public_jwk as object, row.alg);
  const isGenuine = await compactVerify(text, key).then(
    () => true,
    () => false,
  );
  const read = isGenuine ? readClaims(jwt.payload, epochSeconds(clock)) : undefined;
  const isKeyAccepted = row.retain_until === null || row.retain_until.getTime() > clock.now();
  return read && { ...read, typ, kid: row.kid, isKeyAccepted };
}
