/** What a server counts, in Prometheus' text format. Nothing in it comes from a request's texts. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { EngineWatch } from "./engine.ts";

/** Counters of one server. */
export interface ServeMetrics {
  /** A request that was answered. */
  request(route: string, status: number, seconds: number): void;
  /** A problem that was answered with, by its type. */
  problem(type: string): void;
  /** Tokens read and written for clients. */
  usage(usage: { readonly prompt_tokens?: number; readonly completion_tokens?: number }): void;
  readonly engine: EngineWatch;
  text(): Promise<string>;
  readonly contentType: string;
}

/** What is looked up at each scrape. */
export type MetricSources = {
  readonly inFlight: () => number;
  readonly waiting: () => Readonly<Record<string, number>>;
};

const SECONDS = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const JOBS = [1, 2, 4, 8, 16, 32, 64, 128];

/** Makes counters at zero, in a registry of their own: several servers may live in one process. */
export function openMetrics(sources: MetricSources): ServeMetrics {
  const registry = new Registry();
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Counter({ name: `weak_teacher_${name}`, help, labelNames, registers });
  const histogram = <Label extends string>(
    name: string,
    help: string,
    labelNames: Label[],
    buckets: number[],
  ) => new Histogram({ name: `weak_teacher_${name}`, help, labelNames, buckets, registers });
  const requests = counter("requests_total", "Requests answered.", ["route", "status"]);
  const seconds = histogram("request_seconds", "Seconds from a request to its answer.", ["route"], SECONDS);
  const problems = counter("problems_total", "Requests answered with an error, by its type.", ["type"]);
  const tokens = counter("tokens_total", "Tokens read (prompt) and written (completion) for clients.", [
    "kind",
  ]);
  const computed = counter("engine_tokens_total", "Tokens that the engine computed.", ["lane"]);
  const jobs = histogram("engine_batch_jobs", "Jobs that shared a run of the engine.", ["lane"], JOBS);
  gauges(registers, sources);
  return {
    request(route, status, took) {
      requests.inc({ route, status });
      seconds.observe({ route }, took);
    },
    problem: (type) => problems.inc({ type }),
    usage({ prompt_tokens = 0, completion_tokens = 0 }) {
      tokens.inc({ kind: "prompt" }, prompt_tokens);
      tokens.inc({ kind: "completion" }, completion_tokens);
    },
    engine(lane, count, read) {
      jobs.observe({ lane }, count);
      computed.inc({ lane }, read);
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

function gauges(registers: Registry[], { inFlight, waiting }: MetricSources): void {
  new Gauge({
    name: "weak_teacher_requests_in_flight",
    help: "Requests read, waiting or computed now.",
    registers,
    collect() {
      this.set(inFlight());
    },
  });
  new Gauge({
    name: "weak_teacher_queue_length",
    help: "Jobs that wait for the engine.",
    labelNames: ["lane"],
    registers,
    collect() {
      for (const [lane, count] of Object.entries(waiting())) this.set({ lane }, count);
    },
  });
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory of the process.",
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
}
