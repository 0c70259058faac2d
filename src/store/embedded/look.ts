import { codeOf, EmbeddedPostgresError, isShutdown, messageOf } from "./error.js";
import { Guard } from "./guard.js";
import type { Role } from "./guard.js";
import { livingPostmaster } from "./pidfile.js";
import { clusterName, readPassword } from "./place.js";
import type { Place } from "./place.js";

/** What one look at a data folder finds: no postmaster, one that cannot be talked to right now, or one that answers. */
export type Sighting =
  | { readonly state: "gone" }
  | { readonly state: "busy"; readonly what: string }
  | { readonly state: "running"; readonly port: number; readonly guard: Guard };

/**
 * Finds the postmaster of this folder and connects to it; changes nothing. The caller closes the guard.
 * @throws EmbeddedPostgresError when it does not accept the password that lies in the folder
 */
export async function look(place: Place, role: Role): Promise<Sighting> {
  const file = await livingPostmaster(place);
  const password = await readPassword(place);
  if (file === undefined || password === undefined) return { state: "gone" };
  if (file.status !== "ready") return { state: "busy", what: file.status || "starting" };
  try {
    return await meet(place, await Guard.open(role, file.port, password), file.port);
  } catch (error) {
    return explain(place, error);
  }
}

async function meet(place: Place, guard: Guard, port: number): Promise<Sighting> {
  try {
    if ((await guard.clusterName()) === (await clusterName(place))) return { state: "running", port, guard };
  } catch (error) {
    await guard.close();
    throw error;
  }
  await guard.close();
  return { state: "gone" };
}

function explain(place: Place, error: unknown): Sighting {
  // Elsewhere than on Linux the pid proves little: whoever answers like this may well be a stranger on a reused port.
  const isSurelyOurs = process.platform === "linux";
  const isPostgres = isShutdown(error) || codeOf(error) === "53300";
  if (isSurelyOurs && codeOf(error) === "28P01") {
    throw new EmbeddedPostgresError(
      `the password in ${place.passwordFile} is not the one of the database in ${place.cluster}`,
    );
  }
  return isSurelyOurs || isPostgres ? { state: "busy", what: messageOf(error) } : { state: "gone" };
}
