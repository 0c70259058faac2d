import { createHash, createPublicKey, verify, type KeyObject } from "node:crypto";
import type { FastifyPluginAsync } from "fastify";
import type { JWK } from "jose";
import { z } from "zod";
import { deviceAlgorithm, readDeviceJwt } from "../clients/device-jwt.js";
import { isDevice } from "../clients/methods.js";
import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import { readParameters, required } from "../http/parameters.js";
import { MIN_RSA_BITS } from "../rsa.js";
import { replaceDeviceKey } from "../store/devices.js";
import type { OperationRequest } from "./operations.js";

const parameters = z.object({
  pop: required("pop_missing"),
});

declare module "./operations.js" {
  interface Operations {
    deviceKey: undefined;
  }
}

/** Replaces a device's key: a JWT of the old key brings the new one, which signs a proof (Iothentix, update public key). */
export const deviceKeyEndpoint: FastifyPluginAsync = async (app) => {
  app.operations.offer("deviceKey", { guard: null, run: replaceKey });
};

async function replaceKey(request: OperationRequest, core: Core): Promise<undefined> {
  const { pop } = readParameters(parameters, request.parameters);
  const client = await core.authentication.authenticate(request);
  const { device_jwt } = request.credentials;
  if (!isDevice(client) || device_jwt === undefined) throw new Refusal("device_jwt_wrong", { reason: "not a device" });

  const key = readPublicKey(readDeviceJwt(device_jwt).claims.public_key); // device_key_unusable
  if (!isPossessed(key, device_jwt.text, pop)) throw new Refusal("proof_of_possession_wrong");

  const next = { keys: [key.export({ format: "jwk" })] };
  // The client is the one that authenticated: its key is the one that signed.
  if (await replaceDeviceKey(core.db, client, next, core.clock.statement())) return;
  throw new Refusal("device_jwt_wrong", { reason: "made with a key that has been replaced" });
}

/** PEM of a SubjectPublicKeyInfo (RFC 7468 section 13). createPublicKey would also accept a private key. */
const PEM = /^\s*-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----\s*$/;

/** @throws Refusal device_key_unusable for a key that cannot authenticate a device */
function readPublicKey(pem = ""): KeyObject {
  const key = parsePem(pem);
  const { modulusLength = MIN_RSA_BITS } = key?.asymmetricKeyDetails ?? {};
  if (key === undefined || modulusLength < MIN_RSA_BITS) throw new Refusal("device_key_unusable");
  return key;
}

function parsePem(pem: string): KeyObject | undefined {
  if (!PEM.test(pem)) return undefined;
  try {
    const key = createPublicKey(pem);
    return deviceAlgorithm(key.export({ format: "jwk" }) as JWK) === undefined ? undefined : key;
  } catch {
    // The library cannot read the key, or has no JWK for it: no device signs with it.
    return undefined;
  }
}

/** Whether the key signed the SHA-256 of a text. ECDSA (DER) and RSASSA-PKCS1-v1_5 hash the text, Ed25519 does not. */
function isPossessed(key: KeyObject, text: string, proof: string): boolean {
  const signature = Buffer.from(proof, "base64");
  if (signature.toString("base64") !== proof) return false;
  const isEdwards = key.asymmetricKeyType === "ed25519";
  const signed = isEdwards ? createHash("sha256").update(text).digest() : Buffer.from(text);
  return verify(isEdwards ? null : "sha256", signed, { key, dsaEncoding: "der" }, signature);
}
