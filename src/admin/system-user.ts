import { userInfo } from "node:os";
import type { Caller } from "../store/audit-actor.js";

/** The user of the operating system who runs a command. In a container the user may have a number and no name. */
export function systemUser(): Caller {
  return { kind: "system_user", id: nameOfUser() };
}

function nameOfUser(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? "unknown");
  }
}
