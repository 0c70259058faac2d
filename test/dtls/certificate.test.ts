import { X509Certificate } from "node:crypto";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { systemClock, systemRandom } from "../../src/clock.js";
import { openDtlsCertificate } from "../../src/dtls/certificate.js";
import { selfMadeCertificate } from "../../src/dtls/self-made-certificate.js";
import { readSettings } from "../../src/config.js";
import { selfSigned } from "../support/certificate.js";

const DAY = 24 * 60 * 60_000;
const NAMES = { cert: "COAPS_CERT", key: "COAPS_KEY" };

t.test("a demo has a certificate for itself, which a start replaces 90 days before its end", async (t) => {
  const folder = t.testdir({});
  const now = systemClock.now();
  const read = async () => new X509Certificate(await readFile(join(folder, "coaps-cert.pem")));
  const files = await selfMadeCertificate(folder, now, systemRandom);
  const first = await read();
  t.ok(first.verify(first.publicKey));
  for (const check of [first.checkHost("localhost"), first.checkIP("127.0.0.1"), first.checkIP("::1")]) t.ok(check);
  t.ok(Date.parse(first.validTo) > now + 360 * DAY && Date.parse(first.validFrom) < now);
  t.equal((await stat(files.key)).mode & 0o077, 0);
  const { material, credentials } = await openDtlsCertificate(files);
  t.equal(material.fingerprint, first.fingerprint256);
  t.strictSame(credentials.chain, [first.raw]);

  await selfMadeCertificate(folder, now + 270 * DAY, systemRandom);
  t.equal((await read()).fingerprint256, first.fingerprint256);
  await selfMadeCertificate(folder, now + 280 * DAY, systemRandom);
  const second = await read();
  t.not(second.fingerprint256, first.fingerprint256);
  await writeFile(files.key, selfSigned("other").key);
  await selfMadeCertificate(folder, now + 280 * DAY, systemRandom);
  const third = await read();
  t.not(third.fingerprint256, second.fingerprint256, "a key of another certificate");
  t.ok((await openDtlsCertificate(files)).credentials);
});

t.test("a renewed certificate is for the next handshake, and a bad one leaves the earlier one in use", async (t) => {
  const [first, second] = [selfSigned("first"), selfSigned("second")];
  const folder = t.testdir({ "cert.pem": first.cert, "key.pem": first.key });
  const files = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem"), settings: NAMES };
  const certificate = await openDtlsCertificate(files);
  const now = systemClock.now();
  t.equal(await certificate.renew(now), undefined);
  await writeFile(files.cert, second.cert);
  await t.rejects(certificate.renew(now), { message: "COAPS_KEY is not the key of the certificate in COAPS_CERT" });
  t.strictSame(certificate.credentials.chain, [first.der]);
  await writeFile(files.key, second.key);
  await t.rejects(certificate.renew(now + 10 * DAY), { message: /^COAPS_CERT has expired on / });
  t.match(await certificate.renew(now), { dropsAuthority: false });
  t.strictSame(certificate.credentials.chain, [second.der]);
});

t.test("a setting that cannot be used is refused with one line", async (t) => {
  const own = { DATABASE_URL: "postgres://x", MASTER_KEY: Buffer.alloc(32).toString("base64url") };
  const refusals: readonly (readonly [NodeJS.ProcessEnv, string])[] = [
    [{ COAPS_PORT: "dtls" }, "COAPS_PORT must be default or a port number"],
    [{ COAPS_PORT: "65536" }, "COAPS_PORT must be default or a port number"],
    [{ COAPS_PORT: "default", DIALECTS: "oauth2" }, "DIALECTS must include iothentix for COAP_PORT and COAPS_PORT"],
    [{ COAPS_PORT: "0", COAPS_CERT: "cert.pem" }, "COAPS_KEY and COAPS_CERT go together"],
    [{ ...own, COAPS_PORT: "0" }, "COAPS_PORT needs COAPS_CERT and COAPS_KEY, or TLS_CERT and TLS_KEY"],
    [{ NODE_ENV: "production", COAPS_PORT: "0" }, "COAPS_PORT needs COAPS_CERT and COAPS_KEY, or TLS_CERT and TLS_KEY"],
  ];
  for (const [env, message] of refusals) t.throws(() => readSettings(env), { message }, message);
  t.equal(readSettings({ COAPS_PORT: "default" }).COAPS_PORT, 5684);
  t.equal(readSettings({ ...own, COAPS_PORT: "0", TLS_CERT: "a", TLS_KEY: "b" }).COAPS_PORT, 0);
});
