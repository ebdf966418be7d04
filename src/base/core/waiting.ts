/** Says for whom a process waits: at once, and after some seconds what can be done about it, also to those who see warnings only. */
import { HERE, type Holder } from "./holders.ts";
import type { Log } from "./log.ts";

/** Told at every look who is waited for; a holder whose file names nobody is undefined. */
export type Waiting = (holders: readonly (Holder | undefined)[]) => void;

/** A wait of this long is worth a warning, ms. */
const LONG_MS = 4000;
/** As many holders are named. */
const NAMED = 3;

/** @param what - what is waited for: "stage labels" */
export function tellWaits(log: Log, what: string): Waiting {
  const startedMs = performance.now();
  const told = new Set<string>();
  let warned = false;
  return (holders) => {
    if (holders.length === 0) return;
    const isNew = holders.some((holder) => !told.has(holder?.token ?? ""));
    for (const holder of holders) told.add(holder?.token ?? "");
    if (isNew) log.info(`${what}: ${whoWorks(holders)}; waiting`);
    if (warned || performance.now() - startedMs < LONG_MS) return;
    warned = true;
    log.warn(`${what}: still waiting: ${whoWorks(holders)}. ${adviceFor(holders)}`);
  };
}

function whoWorks(holders: readonly (Holder | undefined)[]): string {
  const named = holders.slice(0, NAMED).map(holderInWords);
  const more = holders.length - named.length;
  const all = [...named, ...(more > 0 ? [`${more} more`] : [])].join(" and ");
  return `${all} work${holders.length === 1 ? "s" : ""} on it`;
}

/** "process 12 on host (weak-teacher run r.yaml, since 10:00:00)". */
function holderInWords(holder: Holder | undefined): string {
  if (holder === undefined) return "somebody whose lock says no name";
  const { pid, host, command, since } = holder;
  const details = [command ?? "", since === undefined ? "" : `since ${since}`].filter((one) => one !== "");
  return `process ${pid} on ${host}${details.length === 0 ? "" : ` (${details.join(", ")})`}`;
}

function adviceFor(holders: readonly (Holder | undefined)[]): string {
  const here = holders.flatMap((holder) => (holder?.host === HERE.host ? [holder.pid] : []));
  const end = here.length === holders.length ? `kill ${here.join(" ")}` : "end it on its machine";
  return `This one goes on when that is done. If it is stuck, ${end}; this one takes over then.`;
}
