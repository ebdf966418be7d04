/** What a person does on a page, on its way to the server: kept in the browser until it is acknowledged, sent again while nobody answers. */
import { batch, signal } from "@preact/signals";
import { ApiError, get, post } from "./api.ts";
import { type Outbox, openOutbox } from "./outbox.ts";

/** Most events in one request, and the longest pause before another try, ms. */
const PART = 200;
const LONGEST_PAUSE = 5_000;

/** What a server says of every book: whose it is, and why it takes nothing. */
type BookState = { readonly person: string; readonly readOnly: string | null };

/** One page's sender. */
export type Sender<S extends BookState, E extends { readonly uuid: string }> = ReturnType<
  typeof createSender<S, E>
>;

/**
 * Signals of what stands and what waits, and how to add to it.
 * @param base - of the routes: the state is at it, events go to `/events` below
 * @param book - names what is answered; with the person it names the outbox
 * @param sent - done after the state has changed: fetches what is shown next
 */
export function createSender<S extends BookState, E extends { readonly uuid: string }>(
  base: string,
  book: string,
  sent: () => Promise<void>,
) {
  const state = signal<S | undefined>(undefined);
  const waiting = signal<readonly E[]>([]);
  /** Why nothing is taken. */
  const stopped = signal("");
  /** False where the browser keeps nothing. */
  const keeps = signal(true);
  let outbox: Outbox<E> | undefined;
  let sending = false;
  let closed = false;
  let pause = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const take = (next: S) => {
    state.value = next;
    stopped.value = next.readOnly ?? "";
  };

  async function open(): Promise<void> {
    try {
      const first = await get<S>(base);
      outbox ??= await openOutbox<E>(`${book} ${first.person}`);
      keeps.value = outbox.keeps;
      const kept = await outbox.all();
      batch(() => {
        const isKept = (event: E) => kept.some(({ uuid }) => uuid === event.uuid);
        waiting.value = [...kept, ...waiting.value.filter((event) => !isKept(event))];
        take(first);
      });
      await sent();
      await flush();
    } catch (error) {
      if (isRefusal(error)) stopped.value = error.message;
      else again(open);
    }
  }

  function again(work: () => Promise<void>): void {
    if (closed) return;
    pause = Math.min(LONGEST_PAUSE, Math.max(250, 2 * pause));
    clearTimeout(timer);
    timer = setTimeout(() => void work(), pause);
  }

  async function flush(): Promise<void> {
    if (sending || closed || waiting.value.length === 0) return;
    sending = true;
    try {
      while (waiting.value.length > 0) {
        const events = waiting.value.slice(0, PART);
        const reply = await post<{ acknowledged: readonly string[]; state: S }>(`${base}/events`, { events });
        const gone = new Set(reply.acknowledged);
        batch(() => {
          waiting.value = waiting.value.filter(({ uuid }) => !gone.has(uuid));
          take(reply.state);
        });
        pause = 0;
        await outbox?.remove(reply.acknowledged);
        await sent();
      }
    } catch (error) {
      if (isRefusal(error)) stopped.value = error.message;
      again(flush);
    } finally {
      sending = false;
    }
  }

  return {
    ...{ state, waiting, stopped, keeps },
    open: () => void open(),
    send(event: E): void {
      waiting.value = [...waiting.value, event];
      void outbox?.add(event).then(flush, flush);
    },
    close(): void {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** The server has heard and says no; without a session it may yet. */
const isRefusal = (error: unknown): error is ApiError =>
  error instanceof ApiError && error.status >= 400 && error.status !== 401;

/** As `crypto.randomUUID`, which browsers keep from pages that come unencrypted from another machine. */
export function newUuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
