import { writeFileSync } from "node:fs";

/** Provisioning files of any size, with imported hashes, in each format. */

const BCRYPT = "$2b$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
const PBKDF2 = "pbkdf2_sha256$600000$saltsaltsalt$7rG0qS3uJ5p3b7TqQ2y1nGg0Xw0m0y0k0o0c0u0s0e8=";

/** A client with the hash of a secret. */
export function importedClient(number: number): object {
  return {
    client_id: `client-${number}`,
    client_name: `Client ${number}`,
    client_secret_hash: PBKDF2,
    grant_types: ["authorization_code", "refresh_token"],
    redirect_uris: [`https://app-${number}.example/callback`],
    scope: "openid profile email",
  };
}

/** A person with the hash of a password, an email address and a phone number. */
export function importedUser(number: number): object {
  return {
    sub: `user-${number}`,
    preferred_username: `person-${number}`,
    password_hash: BCRYPT,
    email: `person-${number}@example.com`,
    email_verified: true,
    given_name: "Person",
    family_name: `Number ${number}`,
    roles: ["user", "reader"],
  };
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

/** Writes a file of clients and people, in the format of its name. CSV has people only. */
export function writeImport(path: string, clients: number, users: number): void {
  const entries = [numbers(clients).map(importedClient), numbers(users).map(importedUser)] as const;
  if (path.endsWith(".csv")) return writeFileSync(path, csv(entries[1]));
  const lines = entries.map((list) => list.map((entry) => JSON.stringify(entry)));
  const text = path.endsWith(".jsonl")
    ? `${lines.flat().join("\n")}\n`
    : `{ "clients": [\n${lines[0]!.join(",\n")}\n], "users": [\n${lines[1]!.join(",\n")}\n] }\n`;
  writeFileSync(path, text);
}

function csv(entries: readonly object[]): string {
  const keys = Object.keys(entries[0]!);
  const rows = entries.map((entry) => Object.values(entry).map((value) => [value].flat().join(" ")));
  return [keys, ...rows].map((row) => `${row.join(",")}\r\n`).join("");
}
