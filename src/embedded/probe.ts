import { codeOf, messageOf } from "../errors/error-code.js";
import { ClusterGuard, isShutdown, type Role } from "../store/cluster-guard.js";
import { clusterName, readPassword, urlOf, type DataDir } from "./data-dir.js";
import { EmbeddedPostgresError } from "./error.js";
import { livingPostmaster } from "./pid-file.js";

/** The state of a data folder: no postmaster, one that does not accept connections right now, or one that answers. */
type ProbeResult =
  | { readonly state: "gone" }
  | { readonly state: "busy"; readonly reason: string }
  | { readonly state: "running"; readonly port: number; readonly guard: ClusterGuard };

/**
 * Finds the postmaster of this folder and connects to it. Changes nothing. The caller closes the guard.
 * @throws EmbeddedPostgresError if PostgreSQL does not accept the password in the folder
 */
export async function probe(dir: DataDir, role: Role): Promise<ProbeResult> {
  const file = await livingPostmaster(dir);
  const password = await readPassword(dir);
  if (file === undefined || password === undefined) return { state: "gone" };
  if (file.status !== "ready") return { state: "busy", reason: file.status || "starting" };
  try {
    const guard = await ClusterGuard.open(role, urlOf("postgres", file.port, password));
    return await verifyIdentity(dir, guard, file.port);
  } catch (error) {
    return explain(dir, error);
  }
}

async function verifyIdentity(dir: DataDir, guard: ClusterGuard, port: number): Promise<ProbeResult> {
  try {
    if ((await guard.clusterName()) === (await clusterName(dir))) return { state: "running", port, guard };
  } catch (error) {
    await guard.close();
    throw error;
  }
  await guard.close();
  return { state: "gone" };
}

function explain(dir: DataDir, error: unknown): ProbeResult {
  // Only on Linux does the process id prove that this is our postmaster. Elsewhere a stranger may have reused the port.
  const isSurelyOurs = process.platform === "linux";
  const isPostgres = isShutdown(error) || codeOf(error) === "53300";
  if (isSurelyOurs && codeOf(error) === "28P01") {
    throw new EmbeddedPostgresError(
      `the password in ${dir.passwordFile} is not the one of the database in ${dir.cluster}`,
    );
  }
  return isSurelyOurs || isPostgres ? { state: "busy", reason: messageOf(error) } : { state: "gone" };
}
