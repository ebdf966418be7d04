/** Labels and models to a repository of the hub, as one commit with a card. */
import { pathToFileURL } from "node:url";
import { AlignError, ConfigError, InterruptedError, messageOf } from "../../base/core/errors.ts";
import { formatBytes, type Log, silentLog } from "../../base/core/log.ts";
import { holdsSecret } from "../../base/core/redact.ts";
import { withoutToken } from "../../base/files/hub-request.ts";
import { type HubSettings, hubSettings } from "../../base/files/hub-settings.ts";
import { hubCard } from "./hub-card.ts";
import { openPushSource, type PushSource } from "./push-source.ts";

/** What to push, and where to. */
export type PushRequest = {
  /** `hub:Owner/name`. */
  readonly to: string;
  /** Anybody may read a repository that this makes; default: its owner alone. One that is there stays as it is. */
  readonly public?: boolean | undefined;
  readonly license?: string | undefined;
  /** Say what would be sent, and send nothing. */
  readonly dryRun?: boolean | undefined;
  readonly code: string;
  readonly log?: Log | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** What was pushed, or would be. */
export type PushOutcome = {
  readonly repo: string;
  readonly type: "model" | "dataset";
  /** Address of the commit; undefined of a dry run. */
  readonly url: string | undefined;
  readonly commit: string | undefined;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  readonly leftOut: readonly string[];
  readonly card: string;
};

const FORM = /^hub:([A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95})$/;

/**
 * Pushes a folder; the repository appears or moves on with one commit. Called again after it was cut off, large files that have arrived are not
 * sent again.
 * @throws ConfigError for a name of another form, a folder that is neither labels nor model, or a missing token; AlignError "hub" when it is refused, "network"
 */
export async function pushFolder(folder: string, request: PushRequest): Promise<PushOutcome> {
  const { to, license, code: version, dryRun = false } = request;
  const name = FORM.exec(to)?.[1];
  if (name === undefined) throw new ConfigError(`${to}: expected hub:Owner/name.`);
  const settings = await hubSettings();
  const source = await openPushSource(folder);
  const card = hubCard(source, { name: name.split("/")[1]!, license, version });
  if (holdsSecret(card))
    throw new ConfigError(
      `${folder}: its card would hold a key or token, from its recipe or settings. Take it out there; nothing was sent.`,
    );
  const files = source.files.map((file) => ({ name: file.name, bytes: file.bytes }));
  const outcome = { repo: name, type: source.type, files, leftOut: source.leftOut, card };
  if (dryRun) return { ...outcome, url: undefined, commit: undefined };
  if (settings.offline) throw new ConfigError("HF_HUB_OFFLINE: is set; nothing can be pushed. Unset it.");
  if (settings.token === undefined)
    throw new ConfigError(
      "HF_TOKEN: is not set, expected a token of the hub that may write; a file that `hf auth login` wrote is read too.",
    );
  try {
    return { ...outcome, ...(await send(settings, source, name, card, request)) };
  } catch (error) {
    throw told(settings, to, error, request.signal);
  }
}

async function send(
  settings: HubSettings,
  source: PushSource,
  name: string,
  card: string,
  { public: open = false, log = silentLog, signal }: PushRequest,
): Promise<{ url: string; commit: string }> {
  const { createRepo, commit, HubApiError } = await import("@huggingface/hub");
  const repo = { type: source.type, name } as const;
  const hub = { hubUrl: settings.endpoint, fetch: fetchWith(settings) };
  try {
    // The token goes along by `fetch`: the client takes only tokens of one form.
    await createRepo({ repo, ...hub, visibility: open ? "public" : "private", accessToken: "" });
    log.info(`hub:${name}: made, ${open ? "public" : "private"}`);
  } catch (error) {
    if (!(error instanceof HubApiError && error.statusCode === 409)) throw error;
  }
  const bytes = source.files.reduce((sum, file) => sum + file.bytes, 0);
  log.info(`hub:${name}: ${source.files.length} files and a card, ${formatBytes(bytes)}`);
  const add = (path: string, content: Blob | URL) => ({ operation: "addOrUpdate", path, content }) as const;
  const done = await commit({
    repo,
    ...hub,
    title: `weak-teacher: ${source.type === "model" ? "model" : "labels"} with card`,
    operations: [
      add("README.md", new Blob([card])),
      ...source.files.map((file) => add(file.name, pathToFileURL(file.path))),
    ],
    ...(signal === undefined ? {} : { abortSignal: signal }),
  });
  if (done === undefined) throw new Error("no commit came back");
  return { url: done.commit.url, commit: done.commit.oid };
}

/** Puts the token on requests to the hub itself, and on no others. */
function fetchWith({ endpoint, token }: HubSettings): typeof fetch {
  return (input, init) => {
    const headers = new Headers(init?.headers);
    headers.delete("authorization");
    const url = input instanceof Request ? input.url : `${input}`;
    if (url.startsWith(`${endpoint}/`)) headers.set("authorization", `Bearer ${token}`);
    return fetch(input, { ...init, headers });
  };
}

function told(settings: HubSettings, to: string, error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return new InterruptedError(to);
  if (error instanceof AlignError) return error;
  const status = (error as { statusCode?: number }).statusCode;
  const cause = error instanceof Error && error.cause !== undefined ? `: ${messageOf(error.cause)}` : "";
  const said = withoutToken(settings, messageOf(error) + cause);
  const again = "Run the same command again: what has arrived is not sent again.";
  return status === undefined || status >= 500 || status === 429
    ? new AlignError("network", `${to}: could not be pushed to ${settings.endpoint}: ${said}. ${again}`)
    : new AlignError(
        "hub",
        `${to}: ${settings.endpoint} refused it: ${said}. Check the name, and whether the token may write there.`,
      );
}
