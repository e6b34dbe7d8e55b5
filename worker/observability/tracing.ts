import { setTimeout as delay } from 'node:timers/promises';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { Context } from '@temporalio/activity';
import { defaultPayloadConverter } from '@temporalio/common';
import {
  OpenTelemetryActivityInboundInterceptor,
  OpenTelemetryWorkflowClientInterceptor,
} from '@temporalio/interceptors-opentelemetry';
import type { ActivityInboundCallsInterceptor, ActivityInterceptorsFactory } from '@temporalio/worker';

export interface Tracing {
  /** To come before all others: what they let through is what a span may show. */
  readonly activity: readonly ActivityInterceptorsFactory[];
  readonly client: OpenTelemetryWorkflowClientInterceptor;
  /** Sends what is left, as far as that takes no longer than a moment. */
  close(): Promise<void>;
}

const EXPORT_WITHIN_MS = 5_000;
/** A collector that is gone must not use up what the container is given for its end. */
const CLOSE_WITHIN_MS = 2_000;

/** Where the SDK's interceptors look for the span that a call belongs to. */
const HEADER = '_tracer-data';

/**
 * Spans of activities, and of the calls to Temporal from within them, to the collector at `OTEL_EXPORTER_OTLP_ENDPOINT` by
 * OTLP/HTTP; undefined when that is not set. Nothing instruments HTTP: addresses name learners.
 *
 * Workflows are not traced from inside: interceptors there move the points at which a workflow yields, of which the order
 * of commands depends, put OpenTelemetry into the memory of every cached workflow, and add a header to every event. So the
 * trace's id is made from the run's id instead, and all activities of a run are found under it.
 */
export function startTracing(env: Readonly<Record<string, string | undefined>>): Tracing | undefined {
  const endpoint = env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  if (endpoint === undefined || endpoint === '') return undefined;
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: EXPORT_WITHIN_MS,
  });
  const provider = new NodeTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'registrar-worker' }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  // For the context that follows a call, and for the format of the header.
  provider.register();
  const tracer = provider.getTracer('registrar');
  return {
    activity: [
      (context) => ({ inbound: underItsRun(context) }),
      (context) => ({ inbound: new OpenTelemetryActivityInboundInterceptor(context, { tracer }) }),
    ],
    client: new OpenTelemetryWorkflowClientInterceptor({ tracer }),
    close: async () => {
      const flushed = provider.shutdown().catch(() => undefined);
      await Promise.race([flushed, delay(CLOSE_WITHIN_MS, undefined, { ref: false })]);
    },
  };
}

/** Gives an activity the trace of its run, unless a span called it. */
function underItsRun({ info }: Context): ActivityInboundCallsInterceptor {
  return {
    execute(input, next) {
      const traceId = info.workflowExecution?.runId.replaceAll('-', '') ?? '';
      if (HEADER in input.headers || !/^[0-9a-f]{32}$/.test(traceId)) return next(input);
      const traceparent = `00-${traceId}-${traceId.slice(0, 16)}-01`;
      const payload = defaultPayloadConverter.toPayload({ traceparent });
      return next({ ...input, headers: { ...input.headers, [HEADER]: payload } });
    },
  };
}
