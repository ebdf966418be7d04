/** The studio: a page on this machine over folders of this machine. */
import { userInfo } from "node:os";
import { ConfigError } from "../../base/core/errors.ts";
import { type Log, silentLog } from "../../base/core/log.ts";
import type { Deal } from "../../method/labels/answer-deal.ts";
import { isLoopback } from "../serve/access.ts";
import { type Listening, listenAt } from "../serve/listen.ts";
import { createStudio } from "./app.ts";
import { ownHosts } from "./guard.ts";
import { checkName } from "./names.ts";
import { openFolders } from "./opened.ts";
import { readPage } from "./page-files.ts";
import { readTokens } from "./roles.ts";
import { openSessions, type Person } from "./sessions.ts";

/** How to open a studio. */
export type StudioOptions = {
  /** What it may show; default the folder the process runs in. Nothing outside of them is read. */
  readonly folders?: readonly string[] | undefined;
  /** Whose answers are taken down, default the user's name. */
  readonly annotator?: string | undefined;
  /** A file with a line for each person, `NAME annotate|manage TOKEN`: they enter by these, and not by the address alone. */
  readonly tokens?: string | undefined;
  /** With `tokens`: the share of questions that all who annotate get, above 0, at most 1; each of the others goes to one of them. Default 1. */
  readonly overlap?: number | undefined;
  /** A loopback address, default 127.0.0.1; with `tokens` any. */
  readonly host?: string | undefined;
  /** Default 8484; 0 takes a free one. */
  readonly port?: number | undefined;
  readonly log?: Log | undefined;
};

/** An open studio. */
export interface Studio {
  /** With a ticket that is good once: the first browser that opens it is let in. With tokens the address alone. */
  readonly url: string;
  /** Takes nothing more, and gives back the files of answers. */
  close(): Promise<void>;
}

/** The port unless it is said. */
export const STUDIO_PORT = 8484;

/** How long what is in hand may take when the studio closes, ms. */
const GRACE_MS = 2_000;

/** @throws ConfigError for a folder that is not there, an address that cannot be had, a name that cannot be a file's, tokens that cannot be used; AlignError when the page was not built */
export async function openStudio(options: StudioOptions & { readonly version: string }): Promise<Studio> {
  const { host = "127.0.0.1", port = STUDIO_PORT, log = silentLog, version } = options;
  const people = await peopleOf(options, host);
  const [page, folders] = [await readPage(), await openFolders(options.folders ?? ["."])];
  // Filled once the port is known: until then nobody is heard.
  const hosts = new Set<string>();
  let listening: Listening | undefined;
  const sessions = openSessions(() => listening?.port ?? 0, people);
  const person = (): Person => ({
    name: checkName(options.annotator ?? userInfo().username),
    role: "manage",
  });
  const address = (secret: string) => `${listening?.url}/?ticket=${secret}`;
  let spare = "";
  const usedTicket = () => {
    if (people !== undefined || sessions.isGood(spare)) return;
    spare = sessions.ticket(person());
    log.warn(`studio: that address was opened before. Another: ${address(spare)}`);
  };
  const streams = new AbortController();
  const { signal: closing } = streams;
  const deal = dealOf(people, options.overlap);
  const { app, close } = createStudio(
    { folders, page, version, log, closing, deal },
    { hosts, sessions, usedTicket },
  );
  if (people === undefined) person();
  const bound = await listenAt(app, host, port, "studio");
  listening = bound;
  for (const name of ownHosts(host, bound.port)) hosts.add(name);
  if (!isLoopback(host))
    log.warn(
      "studio: what goes over the network is not encrypted, tokens included. Open it to networks that you trust, or over a tunnel.",
    );
  return {
    url: people === undefined ? address(sessions.ticket(person())) : `${bound.url}/`,
    async close() {
      streams.abort();
      await bound.stop(GRACE_MS, () => {});
      await close();
    },
  };
}

/** Who may enter by a token; undefined where an address lets one person in, of this machine alone. */
async function peopleOf(
  { tokens, annotator, overlap }: StudioOptions,
  host: string,
): Promise<ReadonlyMap<string, Person> | undefined> {
  if (tokens !== undefined && annotator !== undefined)
    throw new ConfigError("studio: --tokens names the people, and --annotator another. Leave one out.");
  if (overlap !== undefined && !(overlap > 0 && overlap <= 1))
    throw new ConfigError(`studio: --overlap is out of range, expected above 0, at most 1, got ${overlap}.`);
  if (tokens !== undefined) return readTokens(tokens);
  if (overlap !== undefined)
    throw new ConfigError("studio: --overlap is of several people, expected --tokens with it.");
  if (isLoopback(host)) return undefined;
  throw new ConfigError(
    `studio: host ${host} can be reached from other machines, expected a loopback address (127.0.0.1, ::1, localhost), or --tokens with a token for each person.`,
  );
}

/** Questions are dealt among those who annotate; whoever manages sees all. */
function dealOf(people: ReadonlyMap<string, Person> | undefined, overlap = 1): Deal | undefined {
  const names = [...(people?.values() ?? [])]
    .filter(({ role }) => role === "annotate")
    .map(({ name }) => name);
  return names.length === 0 || overlap === 1 ? undefined : { people: names, overlap };
}
