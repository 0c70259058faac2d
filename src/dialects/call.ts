import type { PresentedCertificate, PresentedProof } from "../clients/presented.js";
import type { Core } from "../core.js";
import type { OperationName, OperationRegistry, OperationRequest, Operations } from "../endpoints/operations.js";
import type { Parameters } from "../http/form.js";
import type { Dialect, Endpoint, WireRequest, WireResponse } from "./dialect.js";

/** The query or the body of a request. JSON is parsed on demand. */
export interface Sent {
  readonly parameters?: Parameters;
  readonly document?: () => object;
}

/** A request as a front end has read it from its wire: HTTP (mount.ts) or CoAP (coap.ts). */
export interface Call
  extends
    Pick<WireRequest, "authorization" | "headers" | "path">,
    Pick<OperationRequest, "network" | "facts" | "decision_id" | "caller"> {
  readonly sent: Sent;
  readonly certificate: PresentedCertificate | undefined;
  readonly proof: PresentedProof | undefined;
}

/** Makes the function that runs an endpoint for the requests of a front end. It throws what the operation refuses. */
export function runnerOf(
  dialect: Dialect,
  endpoint: Endpoint,
  operations: OperationRegistry,
  assertionAudiences: readonly string[],
): (call: Call) => Promise<WireResponse> {
  const operation = operations.get<OperationName>(endpoint.operation);
  const answer = endpoint.answer as (result: Operations[OperationName]) => WireResponse;
  const read = endpoint.read ?? dialect.read;
  const { readDocument = (sent: object) => sent } = dialect;
  return async ({ sent, authorization, headers, path, certificate, proof, network, facts, decision_id, caller }) => {
    // A guard looks at the credentials alone. The JSON behind it is read when the caller is known to be admitted.
    const early = operation.isGuarded ? undefined : sent.document?.();
    const wire = { parameters: sent.parameters ?? new Map(), document: early, authorization, path, headers };
    const { parameters, credentials } = read(wire);
    const asked = {
      parameters,
      document: undefined,
      path,
      credentials:
        certificate === undefined && proof === undefined ? credentials : { ...credentials, certificate, proof },
      assertionAudiences,
      accept: typeof headers.accept === "string" ? headers.accept : undefined,
      spelling: dialect,
      network,
      facts,
      decision_id,
      caller,
    };
    const result = await operation.answer(asked, () => {
      const document = early ?? sent.document?.();
      return document && readDocument(document);
    });
    return answer(result);
  };
}

/** The operations whose URLs identify this server in an assertion (RFC 7523 section 3, RFC 9126 section 2). */
const NAMED_IN_ASSERTIONS = ["token", "pushAuthorization"] as const;

/** The values of `aud` that an assertion may have: the issuers, and two of their endpoints in this dialect. */
export function audiencesOf({ endpoints }: Dialect, { issuer, previousIssuers }: Core): readonly string[] {
  const paths = NAMED_IN_ASSERTIONS.flatMap(
    (name) => endpoints.findLast(({ operation }) => operation === name)?.path ?? [],
  );
  return [issuer, ...previousIssuers].flatMap((name) => [name, ...paths.map((path) => name + path)]);
}
