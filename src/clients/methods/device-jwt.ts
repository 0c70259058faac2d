import { Refusal } from "../../errors/refusal.js";
import { useDeviceJwt } from "../../store/devices.js";
import { isSigned, keysFor } from "../assertion.js";
import { deviceAlgorithm, readDeviceJwt } from "../device-jwt.js";
import type { AuthenticationMethod } from "./method.js";

/** Bytes of a keyed hash that are kept for ever: no two JWTs of any devices meet in 128 bits. */
const KEPT = 16;

/**
 * A JWT signed with the only registered key of a device. Each JWT counts against the device's limit, for every
 * operation.
 */
export const deviceJwt: AuthenticationMethod = {
  confidential: true,
  secret: "none",
  isPresented: ({ device_jwt }) => device_jwt !== undefined,
  async check({ client, presented }, { db, master, rateLimits }) {
    if (presented.device_jwt === undefined) throw new Refusal("device_jwt_missing");
    const jwt = readDeviceJwt(presented.device_jwt); // device_jwt_wrong
    const { client_id, jwks } = client;
    const [key] = jwks?.keys ?? [];
    const algorithm = key && deviceAlgorithm(key);
    if (key === undefined || algorithm === undefined)
      throw new Refusal("device_jwt_wrong", { reason: "the device has no key that can be used" });

    // `kid` in the header is the device's id. The `kid` of the registered key plays no part.
    const { kid: _kid, ...registered } = key;
    const signed = await isSigned(jwt, keysFor([registered], { alg: jwt.header.alg }), [algorithm]);
    if (!signed) throw new Refusal("device_jwt_wrong", { reason: "not signed with the registered key" });

    const hash = master.mac("device-jti", `${client_id}\n${jwt.claims.jti}`).subarray(0, KEPT);
    const use = () => useDeviceJwt(db, hash, { client_id, jwks });
    const isFirst = await rateLimits.consumeIfSuccessful({ on: "tokens of a device", id: client_id }, use); // tries_exhausted
    if (!isFirst)
      throw new Refusal("device_jwt_wrong", { reason: "used before, or made with a key that has been replaced" });
  },
};
