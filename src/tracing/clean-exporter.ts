import type { SpanContext } from "@opentelemetry/api";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-node";

/** Every attribute that leaves this server. None holds an identifier of a person or a client, a secret or a query. */
export const ATTRIBUTES: ReadonlySet<string> = new Set([
  "http.request.method",
  "http.response.status_code",
  "http.route",
  "jeton.decision_id",
  "jeton.dialect",
  "jeton.operation",
  "jeton.grant_type",
  "jeton.outcome",
  "jeton.refusal",
  "db.system.name",
  "db.operation.name",
  "server.address",
]);

type ExportResult = Parameters<Parameters<SpanExporter["export"]>[1]>[0];

/** Is told of the first batch that could not be sent, and of the first one after it that was. */
type Report = (isReceived: boolean) => void;

/**
 * Sends spans without what they must not hold: other attributes, events, messages of errors, and the `tracestate` of the caller.
 * Fastify's plugin adds the whole URL and the messages of errors.
 */
export class CleanExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #report: Report;
  #isReceived = true;

  constructor(exporter: SpanExporter, report: Report) {
    this.#exporter = exporter;
    this.#report = report;
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#exporter.export(spans.map(clean), (result) => {
      const isReceived = result.error === undefined;
      if (isReceived !== this.#isReceived) this.#report(isReceived);
      this.#isReceived = isReceived;
      done(result);
    });
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }

  forceFlush(): Promise<void> {
    return this.#exporter.forceFlush?.() ?? Promise.resolve();
  }
}

function clean(span: ReadableSpan): ReadableSpan {
  const { name, kind, startTime, endTime, duration, ended, resource, instrumentationScope } = span;
  const { parentSpanContext: parent } = span;
  const context = withoutState(span.spanContext());
  return {
    ...{ name, kind, startTime, endTime, duration, ended, resource, instrumentationScope },
    spanContext: () => context,
    ...(parent === undefined ? {} : { parentSpanContext: withoutState(parent) }),
    status: { code: span.status.code },
    attributes: Object.fromEntries(Object.entries(span.attributes).filter(([key]) => ATTRIBUTES.has(key))),
    links: [],
    events: [],
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function withoutState({ traceId, spanId, traceFlags, isRemote }: SpanContext): SpanContext {
  return { traceId, spanId, traceFlags, ...(isRemote === undefined ? {} : { isRemote }) };
}
