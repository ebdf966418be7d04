/** A run's page: what the stream has told so far. The page is a function of it, and it of the run's files. */
import { batch, signal } from "@preact/signals";
import type { RunGrowthEvent, RunReply, RunStatus } from "../../protocol.ts";
import { connection, get } from "../api.ts";
import { type Curves, grown } from "./curves.ts";

/** Lines of the log that are kept, and the pause before a stream that was ended is asked for again, ms. */
const LOG_LINES = 500;
const AGAIN_MS = 2_000;
/** The rate is that of this long before now. */
const WINDOW_MS = 60_000;

type Pace = readonly (readonly [atMs: number, step: number])[];

/** One run. @param id - of its folder */
export function createRunStore(id: string) {
  const base = `/api/run/${encodeURIComponent(id)}`;
  const run = signal<RunReply | undefined>(undefined);
  const status = signal<RunStatus | undefined>(undefined);
  const curves = signal<Curves>(new Map());
  const log = signal<readonly string[]>([]);
  const failed = signal("");
  const pace = signal<ReadonlyMap<string, Pace>>(new Map());
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let cursor = "";

  function listen(): void {
    const after = cursor === "" ? "" : `?after=${encodeURIComponent(cursor)}`;
    source = new EventSource(`${base}/stream${after}`);
    source.addEventListener("open", () => {
      connection.value = "ok";
    });
    source.addEventListener("status", ({ data }: MessageEvent<string>) => {
      status.value = JSON.parse(data) as RunStatus;
    });
    source.addEventListener("growth", ({ data, lastEventId }: MessageEvent<string>) => {
      const growth = JSON.parse(data) as RunGrowthEvent;
      const isFirst = cursor === "";
      cursor = lastEventId;
      batch(() => {
        curves.value = grown(curves.value, growth.stages);
        log.value = [...log.value, ...growth.log].slice(-LOG_LINES);
        if (!isFirst) pace.value = paced(pace.value, growth);
      });
    });
    source.onerror = () => {
      connection.value = "away";
      // The browser connects again by itself, unless it was refused.
      if (source?.readyState !== EventSource.CLOSED) return;
      clearTimeout(timer);
      timer = setTimeout(() => {
        // Says which it is: away, or of another session.
        get<RunReply>(base).catch(() => {});
        listen();
      }, AGAIN_MS);
    };
  }

  return {
    ...{ base, run, status, curves, log, failed, pace },
    open() {
      get<RunReply>(base).then(
        (reply) => {
          run.value = reply;
        },
        (error: unknown) => {
          failed.value = error instanceof Error ? error.message : String(error);
        },
      );
      listen();
    },
    close() {
      clearTimeout(timer);
      source?.close();
    },
  };
}

/** One run's page. */
export type RunStore = ReturnType<typeof createRunStore>;

function paced(before: ReadonlyMap<string, Pace>, { stages }: RunGrowthEvent): ReadonlyMap<string, Pace> {
  const now = performance.now();
  const next = new Map(before);
  for (const { stage, again, points } of stages) {
    const last = Object.values(points)[0]?.at(-1)?.[0];
    if (last === undefined) continue;
    const own = again ? [] : (next.get(stage) ?? []);
    next.set(stage, [...own.filter(([at]) => at > now - WINDOW_MS), [now, last]]);
  }
  return next;
}

/** Steps a second; undefined before two looks told of some. */
export function rateOf(pace: Pace | undefined): number | undefined {
  const [first, last] = [pace?.[0], pace?.at(-1)];
  if (first === undefined || last === undefined || last[0] - first[0] < 500 || last[1] <= first[1])
    return undefined;
  return (1000 * (last[1] - first[1])) / (last[0] - first[0]);
}
