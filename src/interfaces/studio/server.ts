/** The studio: a page on this machine over folders of this machine. */
import { userInfo } from "node:os";
import { ConfigError } from "../../base/core/errors.ts";
import { type Log, silentLog } from "../../base/core/log.ts";
import { isLoopback } from "../serve/access.ts";
import { type Listening, listenAt } from "../serve/listen.ts";
import { createStudio } from "./app.ts";
import { ownHosts } from "./guard.ts";
import { openFolders } from "./opened.ts";
import { readPage } from "./page-files.ts";
import { openSessions } from "./sessions.ts";

/** How to open a studio. */
export type StudioOptions = {
  /** What it may show; default the folder the process runs in. Nothing outside of them is read. */
  readonly folders?: readonly string[] | undefined;
  /** Whose answers are taken down, default the user's name. */
  readonly annotator?: string | undefined;
  /** A loopback address, default 127.0.0.1. */
  readonly host?: string | undefined;
  /** Default 8484; 0 takes a free one. */
  readonly port?: number | undefined;
  readonly log?: Log | undefined;
};

/** An open studio. */
export interface Studio {
  /** With a ticket that is good once: the first browser that opens it is let in. */
  readonly url: string;
  /** Takes nothing more, and gives back the files of answers. */
  close(): Promise<void>;
}

/** The port unless it is said. */
export const STUDIO_PORT = 8484;

/** How long what is in hand may take when the studio closes, ms. */
const GRACE_MS = 2_000;

/** @throws ConfigError for a folder that is not there, an address that cannot be had, a name that cannot be a file's; AlignError when the page was not built */
export async function openStudio(options: StudioOptions & { readonly version: string }): Promise<Studio> {
  const { host = "127.0.0.1", port = STUDIO_PORT, log = silentLog, version } = options;
  if (!isLoopback(host))
    throw new ConfigError(
      `studio: host ${host} can be reached from other machines, expected a loopback address (127.0.0.1, ::1, localhost).`,
    );
  const person = { name: checkName(options.annotator ?? userInfo().username) };
  const [page, folders] = [await readPage(), await openFolders(options.folders ?? ["."])];
  // Filled once the port is known: until then nobody is heard.
  const hosts = new Set<string>();
  let listening: Listening | undefined;
  const sessions = openSessions(() => listening?.port ?? 0);
  const address = (secret: string) => `${listening?.url}/?ticket=${secret}`;
  let spare = "";
  const usedTicket = () => {
    if (sessions.isGood(spare)) return;
    spare = sessions.ticket(person);
    log.warn(`studio: that address was opened before. Another: ${address(spare)}`);
  };
  const streams = new AbortController();
  const { signal: closing } = streams;
  const { app, close } = createStudio(
    { folders, page, version, log, closing },
    { hosts, sessions, usedTicket },
  );
  const bound = await listenAt(app, host, port, "studio");
  listening = bound;
  for (const name of ownHosts(host, bound.port)) hosts.add(name);
  return {
    url: address(sessions.ticket(person)),
    async close() {
      streams.abort();
      await bound.stop(GRACE_MS, () => {});
      await close();
    },
  };
}

/** A person's name is a file's name: letters, digits, dots and dashes, of any script. */
export function checkName(name: string): string {
  if (/^[\p{L}\p{N}_][\p{L}\p{M}\p{N}_.-]{0,39}$/u.test(name)) return name.normalize("NFC");
  throw new ConfigError(
    `--annotator: cannot be the name of a file, expected 1 to 40 letters, digits, dots, dashes or underscores, got ${JSON.stringify(name.slice(0, 60))}.`,
  );
}
