import { generateKeyPairSync, sign } from "node:crypto";

/**
 * A certificate that vouches for itself (RFC 5280), for a day: what TLS needs, written out in DER, because Node makes keys
 * but no certificates.
 */
export function selfSigned(name: string): { readonly cert: string; readonly key: string } {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const ecdsaWithSha256 = sequence(Buffer.from("06082a8648ce3d040302", "hex"));
  const commonName = sequence(Buffer.from("0603550403", "hex"), tagged(0x0c, Buffer.from(name)));
  const subject = sequence(tagged(0x31, commonName));
  const day = 24 * 60 * 60 * 1000;
  const certificate = sequence(
    tagged(0xa0, Buffer.from("020102", "hex")), // version 3
    Buffer.from("020101", "hex"), // serial number 1
    ecdsaWithSha256,
    subject, // issuer
    sequence(utcTime(Date.now() - day), utcTime(Date.now() + day)),
    subject,
    publicKey.export({ format: "der", type: "spki" }),
  );
  const signature = Buffer.concat([Buffer.from([0]), sign("sha256", certificate, privateKey)]);
  const der = sequence(certificate, ecdsaWithSha256, tagged(0x03, signature));
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${der.toString("base64").replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ format: "pem", type: "pkcs8" }) as string,
  };
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const bytes = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...bytes]), content]);
}

/** YYMMDDHHMMSSZ. */
function utcTime(time: number): Buffer {
  return tagged(0x17, Buffer.from(`${new Date(time).toISOString().slice(2, 19).replace(/\D/g, "")}Z`));
}
