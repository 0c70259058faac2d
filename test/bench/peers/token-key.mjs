// The access tokens of the peers that have no keys of their own, written by the library that one of them depends on.
import jwt from "jsonwebtoken";
import { generateKeyPairSync } from "node:crypto";

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });

export const signJwt = (claims) => jwt.sign(claims, privateKey, { algorithm: "ES256", keyid: "peer" });

export const verifyJwt = (token, options) => jwt.verify(token, publicKey, { ...options, algorithms: ["ES256"] });
