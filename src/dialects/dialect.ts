import type { FastifyPluginAsync } from "fastify";
import type { PresentedCredentials } from "../clients/presented.js";
import type { OperationName, Operations } from "../endpoints/operations.js";
import type { Code, Kind, SlotlessCode } from "../errors/catalogue.js";
import type { RequestSpelling } from "../grants/spelling.js";
import type { Parameters } from "../http/form.js";
import type { CertificateHeader } from "./client-certificate.js";

/**
 * How one system says things: a declaration, which mount.ts turns into an encapsulated Fastify plugin. A dialect is
 * spelling, never policy: it says where things stand in a request and how an answer looks, and nothing of who gets what.
 */
export interface Dialect extends RequestSpelling {
  /** Path prefixes below which an unknown path is answered in this dialect's shape; the longest match wins. */
  readonly prefixes: readonly string[];
  /** The bodies it reads, each a plugin that adds content-type parsers: forms yield Parameters, JSON its text. */
  readonly bodies: readonly FastifyPluginAsync[];
  readonly read: Reader;
  /** Where a trusted proxy says which certificate the client showed it. */
  readonly certificateHeaders: readonly CertificateHeader[];
  /** Puts a JSON body into the standard's names (grants/spelling.ts, members), where it has others. */
  readonly readDocument?: (sent: object) => object;
  readonly endpoints: readonly Endpoint[];
  /** Where people are sent to log in (src/pages); what happens there is the same in every dialect. */
  readonly authorize?: string;
  /** Where its documents stand, if there are some; their content is derived (keys/ring.ts, endpoints/metadata.ts). */
  readonly documents?: { readonly jwks: string; readonly metadata: readonly string[]; readonly uma: readonly string[] };
  readonly refusals: RefusalSpelling;
  /** The headers a page of any origin may send, where pages of any origin may call this dialect's endpoints. */
  readonly openToPages?: string;
  /** Applied to every response, errors included: extra headers, layout of the body. */
  readonly decorate?: (answer: WireResponse) => WireResponse;
}

/** Takes parameters and credentials from where they stand, under the standard's names. */
export type Reader = (wire: WireRequest) => {
  readonly parameters: Parameters;
  readonly credentials: PresentedCredentials;
};

/** What of a request a dialect may look at. */
export interface WireRequest {
  readonly parameters: Parameters;
  /** What the body says where it is JSON. */
  readonly document: object | undefined;
  readonly authorization: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Parameters in the path. */
  readonly path: Readonly<Record<string, string>>;
}

export type Method = "GET" | "POST" | "PUT" | "DELETE";

/** An operation on a path; the answer is spelt from its result. */
export type Endpoint = {
  [Name in OperationName]: {
    readonly operation: Name;
    /** A segment that begins with a colon stands for a parameter of that name. */
    readonly path: string;
    /** How it may be asked; by POST where nothing else is said. A GET has no parameters, and a body may then be left out. */
    readonly methods?: readonly Method[];
    /** Where what it is asked for stands; a form in the body where nothing else is said. */
    readonly takes?: "form" | "json" | "form or json" | "query";
    /** Takes parameters and credentials, where they stand elsewhere than on the dialect's other paths. */
    readonly read?: Reader;
    /** Spells the result; may throw a refusal where this dialect refuses what the standard answers. */
    readonly answer: (result: Operations[Name]) => WireResponse;
    /** How it refuses, where it does so unlike the dialect's other paths. */
    readonly refusals?: RefusalSpelling;
  };
}[OperationName];

export interface WireResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Where what was made is found, as a path below the issuer. */
  readonly location?: string;
  /** Sent as JSON, or as it is where it is a text of another type; an answer without one is empty. */
  readonly body?: object | string;
}

/** Word and status of a refusal; what is left out is the standard's. */
export interface Wording {
  readonly error?: string;
  readonly status?: number;
}

export interface RefusalSpelling {
  readonly kinds: Partial<Record<Kind, Wording>>;
  /** For single rows that this dialect words unlike their kind; `as` sends another row in their place. */
  readonly codes: Partial<Record<Code, Wording & { readonly as?: SlotlessCode }>>;
  /** What WWW-Authenticate says beside an error (RFC 9110 section 11.6.1), where this dialect says anything. */
  readonly challenge?: (said: {
    readonly code: Code;
    readonly error: string;
    readonly description: string;
  }) => string | undefined;
  readonly body: (said: {
    readonly error: string;
    readonly status: number;
    readonly description: string;
    /** What the refusal's specification says besides. */
    readonly more: Readonly<Record<string, unknown>>;
    /** The id of the request, as X-Request-Id and the log have it. */
    readonly request: string;
  }) => object;
}
