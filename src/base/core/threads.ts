/** Threads of our own code, from the built package or from source. */
import { Worker } from "node:worker_threads";

/**
 * Starts a module as a thread.
 * @param here - `import.meta.url` of whoever starts it
 * @param name - of the module beside it, without extension
 */
export function startThread(here: string, name: string, workerData: unknown): Worker {
  if (!here.endsWith(".ts")) return new Worker(new URL(`./${name}.js`, here), { workerData });
  // From source (tests) the worker is TypeScript, which Node 20 reads through tsx, registered inside the thread.
  const url = JSON.stringify(new URL(`./${name}.ts`, here).href);
  const start = `import("tsx/esm/api").then(({ register }) => { register(); return import(${url}); })`;
  return new Worker(start, { eval: true, workerData });
}
