import type { FastifyPluginAsync } from "fastify";
import type { PresentedCredentials } from "../clients/presented.js";
import type { OperationName, Operations } from "../endpoints/operations.js";
import type { Code, Kind, SlotlessCode } from "../errors/catalogue.js";
import type { RequestSpelling } from "../grants/spelling.js";
import type { Parameters } from "../http/form.js";
import type { CertificateHeader } from "./client-certificate.js";

/**
 * The wire format of one system, as a declaration that mount.ts turns into an encapsulated Fastify plugin. A dialect defines
 * the places of parameters in a request and the form of a response. It never decides what a client may have.
 */
export interface Dialect extends RequestSpelling {
  /** Path prefixes below which this dialect answers unknown paths; the longest match wins. */
  readonly prefixes: readonly string[];
  /** The bodies it accepts: each plugin adds content-type parsers. A form becomes a Form, JSON stays text. */
  readonly bodies: readonly FastifyPluginAsync[];
  readonly read: Reader;
  /** The headers in which a trusted proxy may forward the client's certificate. */
  readonly certificateHeaders: readonly CertificateHeader[];
  /** Renames the members of a JSON body to the standard's names (grants/spelling.ts, members). */
  readonly readDocument?: (sent: object) => object;
  readonly endpoints: readonly Endpoint[];
  /** Whether its endpoints are served over CoAP too (coap.ts). */
  readonly overCoap?: true;
  /** The path of the authorization endpoint (src/browser), which works the same in every dialect. */
  readonly authorize?: string;
  /** The paths of its documents. Their content is derived (keys/ring.ts, endpoints/metadata.ts). */
  readonly documents?: { readonly jwks: string; readonly metadata: readonly string[]; readonly uma: readonly string[] };
  /** Whether a client_id may be the URL of a metadata document here, if the settings allow it. */
  readonly knowsClientDocuments?: true;
  /** Whether clients with pairwise subjects may use it. No other dialect has such a client in it (clients/subject.ts). */
  readonly knowsPairwiseSubjects?: true;
  readonly refusals: RefusalSpelling;
  /** Set where clients know no tokens that are bound to a key: a request with a DPoP proof is refused (RFC 9449). */
  readonly withoutDpop?: true;
  /** If set, pages of any origin may call the endpoints, with these request headers. */
  readonly openToPages?: string;
  /** Applied to every response, errors included: extra headers, layout of the body. */
  readonly decorate?: (answer: WireResponse) => WireResponse;
}

/** Extracts parameters and credentials from a request, under the standard's names. */
export type Reader = (wire: WireRequest) => {
  readonly parameters: Parameters;
  readonly credentials: PresentedCredentials;
};

/** The parts of a request that a dialect reads. */
export interface WireRequest {
  readonly parameters: Parameters;
  /** A JSON body. Undefined behind a guard (endpoints/operations.ts), which runs before the body is parsed. */
  readonly document: object | undefined;
  readonly authorization: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Parameters in the path. */
  readonly path: Readonly<Record<string, string>>;
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** An operation on a path, with the response that its result becomes. */
export type Endpoint = {
  [Name in OperationName]: {
    readonly operation: Name;
    /** A segment that begins with a colon is a parameter of that name. */
    readonly path: string;
    /** POST by default. Where GET is among them, the body may be absent. */
    readonly methods?: readonly Method[];
    /** The place and format of its input: a form body by default. */
    readonly takes?: "form" | "json" | "form or json" | "query";
    /** Whether the body may be absent, because no parameter is required. */
    readonly isBodyOptional?: true;
    /** Replaces the dialect's reader on this path. */
    readonly read?: Reader;
    /** Makes the response. It may throw a refusal where this dialect refuses a result that the standard returns. */
    readonly answer: (result: Operations[Name]) => WireResponse;
    /** Replaces the dialect's refusals on this path. */
    readonly refusals?: RefusalSpelling;
  };
}[OperationName];

export interface WireResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The path of a new resource, below the issuer. */
  readonly location?: string;
  /** An object is sent as JSON, a text as it is. Absent for an empty body. */
  readonly body?: object | string;
}

/** Error word and status of a refusal; the standard's by default. */
interface Wording {
  readonly error?: string;
  readonly status?: number;
}

export interface RefusalSpelling {
  readonly kinds: Partial<Record<Kind, Wording>>;
  /** Rows that this dialect words differently from their kind. `as` sends another row instead. */
  readonly codes: Partial<Record<Code, Wording & { readonly as?: SlotlessCode }>>;
  /** The value of WWW-Authenticate (RFC 9110 section 11.6.1); undefined for none. */
  readonly challenge?: (said: {
    readonly code: Code;
    readonly error: string;
    readonly description: string;
  }) => string | undefined;
  readonly body: (said: {
    readonly error: string;
    readonly status: number;
    readonly description: string;
    /** Further members that the refusal's specification defines. */
    readonly more: Readonly<Record<string, unknown>>;
    /** The id of the request, as in X-Request-Id and the log. */
    readonly request: string;
  }) => object;
}
