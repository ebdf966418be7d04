/** The main thread's side of a computing thread: numbered requests and their answers. */
import { BackendError } from "../../base/core/errors.ts";
import { startThread } from "../../base/core/threads.ts";
import type { Reply, Request, WorkerSetup } from "./protocol.ts";

/** A computing thread from the side of the main thread. */
export interface Link {
  /** Sends a request; its result, in the order of asking. `transfer` is handed over. @throws BackendError when it fails or the thread is gone */
  ask(request: Request, transfer?: readonly ArrayBuffer[]): Promise<unknown>;
  /** Ends the thread after what is running. */
  close(): Promise<void>;
}

/** Starts a computing thread; idle, it does not keep the process alive. */
export function startWorker(setup: WorkerSetup): Link {
  const worker = startThread(import.meta.url, "worker", setup);
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let nextId = 0;
  let ended: Error | undefined;
  const end = (error: Error) => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  worker.on("message", (reply: Reply) => {
    const caller = waiting.get(reply.id);
    waiting.delete(reply.id);
    // What comes after the end was asked for is nobody's, and whoever waits for the end needs the process alive.
    if (waiting.size === 0 && ended === undefined) worker.unref();
    if ("error" in reply) caller?.reject(new BackendError(setup.provider, reply.error));
    else caller?.resolve(reply.result);
  });
  worker.on("error", (error) =>
    end(new BackendError(setup.provider, `the compute thread failed: ${error.message}`)),
  );
  let gone = false;
  worker.on("exit", () => {
    gone = true;
  });
  worker.on("exit", (code) =>
    end(new BackendError(setup.provider, `the compute thread ended with code ${code}`)),
  );
  worker.unref(); // an idle runtime does not keep the process alive
  return {
    ask(request, transfer = []) {
      if (ended !== undefined) return Promise.reject(ended);
      return new Promise((resolve, reject) => {
        const id = nextId++;
        waiting.set(id, { resolve, reject });
        worker.ref();
        worker.postMessage({ id, request }, transfer);
      });
    },
    // Not `terminate`: a thread ended inside a native run takes the process with it, now and then.
    close: () =>
      new Promise((resolve) => {
        if (gone) return resolve();
        worker.once("exit", () => resolve());
        worker.ref();
        worker.postMessage({ id: -1, request: { kind: "close" } });
        end(new BackendError(setup.provider, "the runtime was closed"));
      }),
  };
}
