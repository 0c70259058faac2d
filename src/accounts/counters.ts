import type { Counter } from "./rate-limits.js";

/** The counters of attempts that slow or lock a user, a client or a network (docs/decisions/0008). */

/** Of a user: logins, and confirmation codes to each address. @param identifiers normalised */
export function countersOfUser(sub: string, identifiers: readonly string[]): readonly Counter[] {
  return [{ on: "account", id: sub }, ...identifiers.flatMap(countersOfName)];
}

/** Of a login name, an email address or a phone number, with or without an account. */
export function countersOfName(identifier: string): readonly Counter[] {
  return [
    { on: "name", id: identifier },
    { on: "codes to an address", id: identifier },
  ];
}

export function countersOfClient(client_id: string): readonly Counter[] {
  return [
    { on: "tokens of a device", id: client_id },
    { on: "device codes of a client", id: client_id },
  ];
}

/** Of a network (http/network.ts). */
export function countersOfNetwork(network: string): readonly Counter[] {
  return OF_NETWORK.map((on) => ({ on, id: network }));
}

const OF_NETWORK = [
  "network",
  "refused of a network",
  "registrations of a network",
  "client registrations of a network",
  "client documents of a network",
  "codes of a network",
  "user codes of a network",
  "device codes of a network",
  "pushed requests of a network",
] as const satisfies readonly Counter["on"][];
