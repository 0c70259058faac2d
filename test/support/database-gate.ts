import { createServer, connect, type Server, type Socket } from "node:net";
import { TLSSocket, type SecureContextOptions } from "node:tls";
import type { AddressInfo } from "node:net";
import type { Test } from "tap";

/** What a gate does with the connections that come to it. */
export interface GateTerms {
  /** With them it speaks TLS where it is asked to. */
  tls?: SecureContextOptions & { readonly requestCert?: boolean; readonly rejectUnauthorized?: boolean };
  /** Accepts only clients with TLS, or only clients without it, as pg_hba.conf can be set. */
  refuses?: "clear" | "tls";
  /** As a standby: every session is read-only. */
  readOnly?: boolean;
}

/** A PostgreSQL at another address: what comes to its gate goes on to the run's own. */
export interface DatabaseGate {
  readonly port: number;
  /** May be changed at any time; open connections are as they were. */
  readonly terms: GateTerms;
  /** How many sessions in clear, and by TLS, were begun here. */
  readonly begun: { clear: number; tls: number };
  /** Ends every connection, as a server that crashes. */
  cut(): void;
}

const SSL_REQUEST = 80_877_103;

/** Opens a gate to the server of a connection string. It is closed when its test ends. */
export async function openGate(t: Test, url: string, terms: GateTerms = {}): Promise<DatabaseGate> {
  const { hostname, port } = new URL(url);
  const open = new Set<Socket>();
  const begun = { clear: 0, tls: 0 };
  const server: Server = createServer((visitor) => {
    open.add(visitor);
    visitor.once("close", () => open.delete(visitor)).on("error", () => {});
    visitor.once("data", (first) => {
      const asksForTls = first.length >= 8 && first.readInt32BE(4) === SSL_REQUEST;
      if (!asksForTls) return pass(visitor, first, "clear");
      visitor.write(terms.tls === undefined ? "N" : "S");
      if (terms.tls === undefined) return visitor.once("data", (startup) => pass(visitor, startup, "clear"));
      const secure = new TLSSocket(visitor, { isServer: true, ...terms.tls });
      secure.on("error", () => visitor.destroy());
      return secure.once("data", (startup) => pass(secure, startup, "tls"));
    });
  });
  const pass = (visitor: Socket, startup: Buffer, kind: "clear" | "tls") => {
    if (terms.refuses === kind) return void visitor.end(refusal(kind));
    begun[kind] += 1;
    const inner = connect(Number(port), hostname);
    inner.on("error", () => visitor.destroy()).once("close", () => visitor.destroy());
    visitor.once("close", () => inner.destroy());
    inner.write(terms.readOnly ? asReadOnly(startup) : startup);
    visitor.pipe(inner).pipe(visitor);
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => open.forEach((socket) => socket.destroy());
  t.teardown(() => {
    cut();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, terms, begun, cut };
}

/** The startup packet with one more setting (PostgreSQL documentation, section 54.7: StartupMessage). */
function asReadOnly(startup: Buffer): Buffer {
  const setting = Buffer.from("default_transaction_read_only\0on\0\0");
  const packet = Buffer.concat([startup.subarray(0, -1), setting]);
  packet.writeInt32BE(packet.length, 0);
  return packet;
}

/** An ErrorResponse, as pg_hba.conf makes it. */
function refusal(kind: "clear" | "tls"): Buffer {
  const text = `no pg_hba.conf entry for host "127.0.0.1", ${kind === "clear" ? "no encryption" : "SSL encryption"}`;
  const fields = Buffer.from(`SFATAL\0VFATAL\0C28000\0M${text}\0\0`);
  const head = Buffer.from("E\0\0\0\0");
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}
