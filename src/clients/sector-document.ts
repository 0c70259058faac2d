import { z } from "zod";
import { FetchFailed, fetchPublic, type CallLimits } from "../outbound/fetch.js";
import { JsonError, readStrictJson } from "../strict-json.js";

/** The document at a `sector_identifier_uri`: a list of the redirect URIs of its sector (OpenID Connect Registration section 5). */

/** The limits of one fetch. */
const LIMITS: CallLimits = { bytes: 64 * 1024, milliseconds: 3_000 };

const document = z.array(z.string());

interface Described {
  readonly sector_identifier_uri?: string | null | undefined;
  readonly redirect_uris: readonly string[];
}

/**
 * Fetches the document of a client, and looks for each redirect URI in it.
 * @param allowPrivate whether it may be at a loopback or private address, by plain http too
 * @returns why the client does not belong to the sector; undefined if it does, or if it names no document
 */
export async function sectorProblem(
  { sector_identifier_uri: uri, redirect_uris }: Described,
  allowPrivate: boolean,
): Promise<string | undefined> {
  if (typeof uri !== "string") return undefined;
  const listed = await read(uri, allowPrivate);
  if (typeof listed === "string") return `cannot be used: ${listed}`;
  const missing = redirect_uris.find((one) => !listed.includes(one));
  return missing && `must list the redirect URI ${missing} (OpenID Connect Registration section 5)`;
}

/** @returns the list, or the reason why there is none */
async function read(uri: string, allowPrivate: boolean): Promise<readonly string[] | string> {
  try {
    const { status, body } = await fetchPublic(uri, LIMITS, { allowPrivate });
    if (status !== 200) return `the fetch was answered with ${status}`;
    const result = document.safeParse(readStrictJson(body.toString("utf8")));
    return result.success ? result.data : "it is no JSON array of texts";
  } catch (error) {
    if (error instanceof FetchFailed) return error.reason;
    if (error instanceof JsonError) return `it has ${error.message}`;
    throw error;
  }
}
