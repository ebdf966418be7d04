/**
 * Events that the server has not acknowledged, in the browser's own database: a closed tab, a flat battery or a server that is away loses none.
 */

/** What waits has a name of its own. */
type Waiting = { readonly uuid: string };

/** The outbox of one person at one folder. */
export interface Outbox<E extends Waiting> {
  /** False where the browser keeps nothing (a private window): then a closed tab loses what waits. */
  readonly keeps: boolean;
  /** What waits, oldest first. */
  all(): Promise<E[]>;
  add(event: E): Promise<void>;
  remove(uuids: readonly string[]): Promise<void>;
}

type Kept<E> = { readonly seq?: number; readonly book: string; readonly event: E };

/** @param book - names folder and person: one browser may answer several */
export async function openOutbox<E extends Waiting>(book: string): Promise<Outbox<E>> {
  const db = await openDb().catch(() => undefined);
  if (db === undefined)
    return { keeps: false, all: async () => [], add: async () => {}, remove: async () => {} };
  const store = (mode: IDBTransactionMode) =>
    db.transaction("events", mode, { durability: "strict" }).objectStore("events");
  const kept = async () => (await done<Kept<E>[]>(store("readonly").index("book").getAll(book))) ?? [];
  return {
    keeps: true,
    all: async () => (await kept()).map(({ event }) => event),
    add: async (event) => void (await done(store("readwrite").add({ book, event }))),
    async remove(uuids) {
      const gone = new Set(uuids);
      for (const { seq, event } of await kept())
        if (gone.has(event.uuid) && seq !== undefined) await done(store("readwrite").delete(seq));
    },
  };
}

function openDb(): Promise<IDBDatabase> {
  const request = indexedDB.open("weak-teacher-studio", 1);
  request.onupgradeneeded = () => {
    const store = request.result.createObjectStore("events", { keyPath: "seq", autoIncrement: true });
    store.createIndex("book", "book");
  };
  return done(request);
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser's database failed"));
  });
}
