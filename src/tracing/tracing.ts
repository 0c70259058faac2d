import fastifyOtel from "@fastify/otel";
import {
  context,
  INVALID_SPAN_CONTEXT,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Span,
  type Tracer,
  type TracerProvider,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from "fastify";
import { setTimeout as delay } from "node:timers/promises";
import { WORK, type Work } from "../spans.js";
import { readVersion } from "../version.js";
import { CleanExporter } from "./clean-exporter.js";

/** Traces of requests, by OpenTelemetry. This module is loaded only if OTEL_EXPORTER_OTLP_ENDPOINT is set. */
export interface Tracing {
  /** Makes a span for each request of an application. Called before its routes are added. */
  readonly follow: (app: FastifyInstance) => Promise<void>;
  /** Sends the last spans. It waits only a moment for their receiver. */
  readonly close: () => Promise<void>;
}

/** Milliseconds for the last spans when the server stops. */
const MAX_GOODBYE = 2_000;

/** @param endpoint the URL of an OTLP receiver, below which /v1/traces takes the spans as JSON */
export function openTracing(endpoint: string, log: FastifyBaseLogger): Tracing {
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, "")}/v1/traces` });
  const clean = new CleanExporter(exporter, (isReceived) => {
    if (isReceived) log.info({ type: "tracing" }, "traces are received again");
    else log.warn({ type: "tracing" }, "traces cannot be sent, and are dropped");
  });
  const about = resourceFromAttributes({
    "service.name": "jeton",
    "service.version": readVersion(),
    "service.instance.id": `${process.pid}`,
  });
  const resource = about.merge(detectResources({ detectors: [envDetector] }));
  const provider = new NodeTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(clean)] });
  provider.register();
  const plugin = new fastifyOtel.FastifyOtelInstrumentation({ instrumentHooks: false, recordExceptions: false });
  plugin.setTracerProvider(withoutHandlers(provider));
  const ignoreWork = followWork(provider.getTracer("jeton"));
  return {
    follow: async (app) => {
      await app.register(plugin.plugin());
      app.addHook("onSend", (request, _reply, payload, done) => {
        describe(request, request.opentelemetry().span);
        done(null, payload);
      });
    },
    close: async () => {
      ignoreWork();
      const given_up = new AbortController();
      const { signal } = given_up;
      await Promise.race([provider.shutdown(), delay(MAX_GOODBYE, undefined, { signal })]).catch(() => undefined);
      given_up.abort();
      for (const api of [trace, context, propagation]) api.disable();
    },
  };
}

/** The plugin also makes a span for each handler, which lasts as long as the request. This provider makes none. */
function withoutHandlers(provider: TracerProvider): TracerProvider {
  return {
    getTracer: (...names) => {
      const tracer = provider.getTracer(...names);
      return {
        startSpan: (name, options, at = context.active()) =>
          options?.kind === SpanKind.SERVER
            ? tracer.startSpan(name, options, at)
            : trace.wrapSpanContext(trace.getSpanContext(at) ?? INVALID_SPAN_CONTEXT),
        startActiveSpan: tracer.startActiveSpan.bind(tracer),
      };
    },
  };
}

/** Names the span of a request, and adds what was decided. */
function describe({ method, routeOptions, decision, id }: FastifyRequest, span: Span | null): void {
  if (span === null) return;
  span.updateName([method, routeOptions.url].filter((one) => one !== undefined).join(" "));
  if (decision === undefined) return;
  const { dialect, operation, grant_type, refusal } = decision;
  span.setAttributes({
    "jeton.decision_id": id,
    "jeton.outcome": refusal === undefined ? "granted" : "refused",
    ...(dialect === undefined ? {} : { "jeton.dialect": dialect }),
    ...(operation === undefined ? {} : { "jeton.operation": operation }),
    ...(grant_type === undefined ? {} : { "jeton.grant_type": grant_type }),
    ...(refusal === undefined ? {} : { "jeton.refusal": refusal.row.code }),
  });
}

/** How each kind of work is shown. */
const KINDS: Readonly<Record<Work["kind"], (detail: string) => { kind: SpanKind; attributes: Attributes }>> = {
  statement: (detail) => ({
    kind: SpanKind.CLIENT,
    attributes: { "db.system.name": "postgresql", "db.operation.name": detail },
  }),
  "password hash": () => ({ kind: SpanKind.INTERNAL, attributes: {} }),
  call: (detail) => ({ kind: SpanKind.CLIENT, attributes: { "server.address": detail } }),
};

/** Makes a span for each piece of work of a request. Returns a function that ends this. */
function followWork(tracer: Tracer): () => void {
  const spans = new WeakMap<Work, Span>();
  const subscribers = {
    start: (work: Work) => {
      // What no request waits for, such as the sweep, has no span.
      if (trace.getSpan(context.active()) === undefined) return;
      spans.set(work, tracer.startSpan(nameOf(work), KINDS[work.kind](work.detail)));
    },
    error: (work: Work) => void spans.get(work)?.setStatus({ code: SpanStatusCode.ERROR }),
    asyncEnd: (work: Work) => spans.get(work)?.end(),
    end: () => {},
    asyncStart: () => {},
  };
  WORK.subscribe(subscribers);
  return () => void WORK.unsubscribe(subscribers);
}

function nameOf({ kind, detail }: Work): string {
  return kind === "password hash" ? kind : `${kind} ${detail}`;
}
