/** The answering page's memory: what is shown, what waits, and the one place that talks to the server. */
import { batch, computed, signal } from "@preact/signals";
import { type KeyRow, SLEEP_MS } from "../../keys.ts";
import type { Acknowledged, AskState, PageEvent, PairShown } from "../../protocol.ts";
import { ApiError, get, post } from "../api.ts";
import { type Outbox, openOutbox } from "./outbox.ts";
import { firstOpen, progressOf } from "./progress.ts";

/** Pairs that are fetched ahead, and how few may be left before more are. */
const AHEAD = 12;
const FEW = 6;
/** Most events in one request, and the longest pause before another try, ms. */
const PART = 200;
const LONGEST_PAUSE = 5_000;

/** One person at one folder of questions. */
export type AskStore = ReturnType<typeof createAskStore>;

/** Answering questions, or settling those that people answered two ways. */
export type AskKind = "ask" | "settle";

/** @param id - of the folder */
export function createAskStore(id: string, kind: AskKind) {
  const base = `/api/${kind}/${encodeURIComponent(id)}`;
  const state = signal<AskState | undefined>(undefined);
  const waiting = signal<readonly PageEvent[]>([]);
  const pairs = signal<ReadonlyMap<number, PairShown>>(new Map());
  /** A place that undo went back to. */
  const backAt = signal<number | undefined>(undefined);
  /** Why no answer is taken. */
  const stopped = signal("");
  const keeps = signal(true);
  const progress = computed(() => state.value && progressOf(state.value, waiting.value));
  const place = computed(() => {
    if (state.value === undefined || progress.value === undefined) return undefined;
    return backAt.value ?? firstOpen(state.value.total, progress.value.done);
  });
  const pair = computed(() => (place.value === undefined ? undefined : pairs.value.get(place.value)));
  const finished = computed(() => state.value !== undefined && place.value === undefined);
  let outbox: Outbox | undefined;
  /** The pair has been on the screen for `SLEEP_MS`. */
  const awake = signal(false);
  let shownAt = 0;
  let waking: ReturnType<typeof setTimeout> | undefined;
  let sending = false;
  let pause = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closed = false;

  const take = (next: AskState) => {
    state.value = next;
    stopped.value = next.readOnly ?? "";
  };

  async function open(): Promise<void> {
    try {
      const first = await get<AskState>(base);
      outbox ??= await openOutbox(`${kind === "ask" ? "" : "settle "}${id} ${first.person}`);
      keeps.value = outbox.keeps;
      const kept = await outbox.all();
      batch(() => {
        waiting.value = [
          ...kept,
          ...waiting.value.filter((event) => !kept.some(({ uuid }) => uuid === event.uuid)),
        ];
        take(first);
      });
      await fetchAhead();
      await flush();
    } catch (error) {
      if (error instanceof ApiError && error.status >= 400 && error.status !== 401)
        stopped.value = error.message;
      else again(open);
    }
  }

  function again(work: () => Promise<void>): void {
    if (closed) return;
    pause = Math.min(LONGEST_PAUSE, Math.max(250, 2 * pause));
    clearTimeout(timer);
    timer = setTimeout(() => void work(), pause);
  }

  let fetching = false;
  async function fetchAhead(): Promise<void> {
    const at = place.value;
    if (at === undefined || fetching || state.value === undefined) return;
    const total = state.value.total;
    const missing: number[] = [];
    for (let k = at, seen = 0; k < total && seen < FEW; k++) {
      if (k !== at && progress.value?.done.has(k)) continue;
      seen++;
      if (!pairs.value.has(k)) missing.push(k);
    }
    if (missing.length === 0) return;
    fetching = true;
    try {
      const { pairs: got } = await get<{ pairs: PairShown[] }>(
        `${base}/pairs?from=${missing[0]}&count=${AHEAD}`,
      );
      // Those behind are let go: undo fetches them again.
      const near = [...pairs.value].filter(([k]) => k > at - AHEAD);
      pairs.value = new Map([...near, ...got.map((one) => [one.place, one] as const)]);
    } finally {
      fetching = false;
    }
    await fetchAhead();
  }

  async function flush(): Promise<void> {
    if (sending || closed || waiting.value.length === 0) return;
    sending = true;
    try {
      while (waiting.value.length > 0) {
        const reply = await post<Acknowledged>(`${base}/events`, { events: waiting.value.slice(0, PART) });
        const gone = new Set(reply.acknowledged);
        batch(() => {
          waiting.value = waiting.value.filter(({ uuid }) => !gone.has(uuid));
          take(reply.state);
        });
        pause = 0;
        await outbox?.remove(reply.acknowledged);
        await fetchAhead();
      }
    } catch (error) {
      if (error instanceof ApiError && error.status >= 400 && error.status !== 401)
        stopped.value = error.message;
      again(flush);
    } finally {
      sending = false;
    }
  }

  function send(event: PageEvent): void {
    waiting.value = [...waiting.value, event];
    void outbox?.add(event).then(flush, flush);
  }

  const act = {
    answer({ choice, strength, bothBad }: Extract<KeyRow["action"], { kind: "answer" }>): void {
      const at = place.value;
      const ms = performance.now() - shownAt;
      if (at === undefined || pair.value === undefined || stopped.value !== "" || !awake.value) return;
      batch(() => {
        awake.value = false;
        backAt.value = undefined;
        send({
          ...{ kind: "answer", uuid: newUuid(), place: at, choice, ms: Math.round(ms) },
          ...(strength === undefined ? {} : { strength }),
          ...(bothBad === undefined ? {} : { both_bad: true }),
        });
      });
      void fetchAhead().catch(() => {});
    },
    undo(): void {
      const last = progress.value?.history.at(-1);
      if (last === undefined || stopped.value !== "") return;
      batch(() => {
        backAt.value = last.place;
        send({ kind: "undo", uuid: newUuid(), of: last.uuid });
      });
      void fetchAhead().catch(() => {});
    },
    flag(): void {
      const now = pair.value;
      if (now === undefined || stopped.value !== "") return;
      change({ ...now, flagged: !now.flagged });
      send({ kind: "flag", uuid: newUuid(), place: now.place, on: !now.flagged });
    },
    note(text: string): void {
      const now = pair.value;
      if (now === undefined || stopped.value !== "" || text.trim() === now.note) return;
      change({ ...now, note: text.trim() });
      send({ kind: "note", uuid: newUuid(), place: now.place, text });
    },
  };

  const change = (next: PairShown) => {
    pairs.value = new Map([...pairs.value, [next.place, next]]);
  };

  return {
    ...{ kind, id, base, state, waiting, place, pair, stopped, keeps, progress, finished, awake, ...act },
    /** Told when a pair is on the screen. */
    shown: () => {
      shownAt = performance.now();
      awake.value = false;
      clearTimeout(waking);
      waking = setTimeout(() => {
        awake.value = true;
      }, SLEEP_MS);
    },
    open: () => void open(),
    close: () => {
      closed = true;
      clearTimeout(timer);
      clearTimeout(waking);
    },
  };
}

/** As `crypto.randomUUID`, which browsers keep from pages that come unencrypted from another machine. */
function newUuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
