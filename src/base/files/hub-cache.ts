/**
 * Files of a hub, in the cache of Python's `huggingface_hub`, laid out as there: `blobs/<etag>`, `snapshots/<commit>/<path>` as links to them,
 * `refs/<revision>` with the commit. A download that was cut off goes on, its bytes are compared with their digest before they count, and two
 * processes do not write one file.
 */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { copyFile, readdir, rename, rm, stat, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { AlignError } from "../core/errors.ts";
import { ensureFolder, exists, readText, writeFileAtomic } from "../core/files.ts";
import { takeLock } from "../core/lock.ts";
import { type Log, silentLog } from "../core/log.ts";
import { tellWaits } from "../core/waiting.ts";
import { askHub, cannotReach, type HubRepo } from "./hub-request.ts";
import type { HubSettings } from "./hub-settings.ts";

/** A full commit hash: what it names never changes. */
export const COMMIT = /^[0-9a-f]{40}$/;

/** Attempts at one file that get further than the one before; each goes on where that was cut off. */
const ATTEMPTS = 50;

/** What the hub says of a file before it is downloaded. */
type Remote = { readonly commit: string; readonly etag: string; readonly bytes: number };

/** `models--Owner--name` in the cache. */
export const repoFolder = ({ cache }: HubSettings, { type, name }: HubRepo): string =>
  join(cache, [`${type}s`, ...name.split("/")].join("--"));

/**
 * The commit that a revision is now, and the names of its files. Offline, or where the hub cannot be reached, what the cache knows.
 * @throws AlignError "hub" when there is no such repository or revision; "network" when the cache knows nothing
 */
export async function listHub(
  settings: HubSettings,
  repo: HubRepo,
  log: Log = silentLog,
): Promise<{ readonly commit: string; readonly files: readonly string[] }> {
  const folder = repoFolder(settings, repo);
  const kept = await keptCommit(folder, repo.revision);
  const cached = async () =>
    kept === undefined ? undefined : { commit: kept, files: await filesIn(join(folder, "snapshots", kept)) };
  if (settings.offline) return (await cached()) ?? refuseOffline(settings, repo);
  try {
    const path = `/api/${repo.type}s/${repo.name}/revision/${encodeURIComponent(repo.revision)}`;
    const response = await askHub(settings, nameOf(repo), path);
    const told = (await response.json()) as { sha?: string; siblings?: { rfilename: string }[] };
    const files = (told.siblings ?? []).map(({ rfilename }) => rfilename);
    if (told.sha === undefined || !COMMIT.test(told.sha))
      throw new AlignError("hub", `${nameOf(repo)}: ${settings.endpoint} told no commit of it.`);
    await keepCommit(folder, repo.revision, told.sha);
    return { commit: told.sha, files };
  } catch (error) {
    const known = error instanceof AlignError && error.code === "network" ? await cached() : undefined;
    if (known === undefined || known.files.length === 0) throw error;
    log.warn(`${(error as Error).message} What the cache has of ${known.commit} is used.`);
    return known;
  }
}

/**
 * One file's path in the cache, downloaded unless it is there whole.
 * @param path - inside the repository, checked to stay there
 * @throws AlignError "hub" when the hub has or gives no such file; "network"
 */
export async function fetchFromHub(
  settings: HubSettings,
  repo: HubRepo,
  path: string,
  log: Log = silentLog,
): Promise<string> {
  const folder = repoFolder(settings, repo);
  const place = (commit: string) => join(folder, "snapshots", commit, path);
  const kept = await keptCommit(folder, repo.revision);
  const cached = kept !== undefined && (await isFile(place(kept))) ? place(kept) : undefined;
  if (cached !== undefined && (settings.offline || COMMIT.test(repo.revision))) return cached;
  if (settings.offline) return refuseOffline(settings, repo, path);
  let remote: Remote;
  try {
    remote = await lookAt(settings, repo, path);
  } catch (error) {
    if (!(error instanceof AlignError && error.code === "network") || cached === undefined) throw error;
    log.warn(`${error.message} The cache's copy of ${kept} is used.`);
    return cached;
  }
  await keepCommit(folder, repo.revision, remote.commit);
  const link = place(remote.commit);
  if (await isFile(link)) return link;
  const blob = join(folder, "blobs", remote.etag);
  if (!(await isFile(blob))) await download(settings, repo, path, remote, blob, log);
  await linkTo(blob, link);
  return link;
}

/** `hub:Owner/name@revision`, as a source writes it. */
const nameOf = ({ name, revision }: HubRepo) => `hub:${name}@${encodeURIComponent(revision)}`;

const isFile = (path: string) =>
  stat(path).then(
    (info) => info.isFile(),
    () => false,
  );

async function keptCommit(folder: string, revision: string): Promise<string | undefined> {
  if (COMMIT.test(revision)) return revision;
  const path = join(folder, "refs", revision);
  const commit = (await exists(path)) ? (await readText(path)).trim() : "";
  return COMMIT.test(commit) ? commit : undefined;
}

async function keepCommit(folder: string, revision: string, commit: string): Promise<void> {
  if (revision === commit) return;
  const path = join(folder, "refs", revision);
  await ensureFolder(dirname(path));
  await writeFileAtomic(path, commit);
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
}

function refuseOffline(settings: HubSettings, repo: HubRepo, path?: string): never {
  throw new AlignError(
    "network",
    `${nameOf(repo)}: HF_HUB_OFFLINE is set, and the cache ${settings.cache} does not have ${path ?? "it"} at this revision. Unset it once to download, or give a path.`,
  );
}

/** Asks for commit, digest and size. The hub itself answers with them, before it sends the caller to where the bytes are. */
async function lookAt(settings: HubSettings, repo: HubRepo, path: string): Promise<Remote> {
  let at = addressOf(repo, path);
  for (let hops = 0; hops < 5; hops++) {
    const { status, headers } = await askHub(settings, `${nameOf(repo)}/${path}`, at, {
      method: "HEAD",
      redirect: "manual",
      // Sizes are those of the file, not of what is sent.
      headers: { "accept-encoding": "identity" },
    });
    const target = headers.get("location");
    const etag = headers.get("x-linked-etag") ?? headers.get("etag");
    const commit = headers.get("x-repo-commit");
    if (etag !== null && commit !== null) {
      const bytes = Number(headers.get("x-linked-size") ?? headers.get("content-length") ?? Number.NaN);
      const bare = etag.replace(/^W\//, "").replaceAll('"', "");
      if (COMMIT.test(commit) && /^[0-9a-f]{40}([0-9a-f]{24})?$/.test(bare) && Number.isSafeInteger(bytes))
        return { commit, etag: bare, bytes };
    }
    // A repository that was renamed: the same host, another path.
    const next = status >= 300 && target !== null ? new URL(target, settings.endpoint + at) : undefined;
    if (next === undefined || !`${next}`.startsWith(`${settings.endpoint}/`)) break;
    at = `${next}`.slice(settings.endpoint.length);
  }
  throw new AlignError(
    "hub",
    `${nameOf(repo)}/${path}: ${settings.endpoint} tells no commit, size and digest of it.`,
  );
}

const addressOf = ({ type, name, revision }: HubRepo, path: string) =>
  `/${type === "dataset" ? "datasets/" : ""}${name}/resolve/${encodeURIComponent(revision)}/${path.split("/").map(encodeURIComponent).join("/")}`;

async function download(
  settings: HubSettings,
  repo: HubRepo,
  path: string,
  remote: Remote,
  blob: string,
  log: Log,
): Promise<void> {
  const what = `${nameOf(repo)}/${path}`;
  await ensureFolder(dirname(blob));
  const lock = await takeLock(`${blob}.lock`, { onWait: tellWaits(log, what) });
  try {
    // Another process may have been quicker.
    if (await isFile(blob)) return;
    const incomplete = `${blob}.incomplete`;
    log.info(`${what}: ${remote.bytes} bytes`);
    for (let attempt = 1; ; attempt++) {
      const before = await sizeOf(incomplete);
      if (before === remote.bytes) break;
      const problem = await goOn(settings, { ...repo, revision: remote.commit }, path, remote, incomplete);
      const moved = (await sizeOf(incomplete)) !== before;
      if (problem !== undefined && (attempt >= ATTEMPTS || !moved)) throw problem;
    }
    const found = await digestLike(remote.etag, remote.bytes, incomplete);
    if (found !== remote.etag) {
      await rm(incomplete);
      throw new AlignError(
        "hub",
        `${what}: what arrived is damaged, expected the digest ${remote.etag}, got ${found}. It was removed; run the same command again.`,
      );
    }
    await rename(incomplete, blob);
  } finally {
    await lock.release();
  }
}

const sizeOf = (path: string) =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );

/** Appends what is missing of a file. @returns what cut it off, if anything did */
async function goOn(
  settings: HubSettings,
  repo: HubRepo,
  path: string,
  { bytes }: Remote,
  incomplete: string,
): Promise<AlignError | undefined> {
  const what = `${nameOf(repo)}/${path}`;
  const size = await sizeOf(incomplete);
  const from = size > bytes ? 0 : size;
  const range = from === 0 ? undefined : { range: `bytes=${from}-` };
  const silence = silenceWatch();
  const { signal } = silence;
  try {
    const headers = { "accept-encoding": "identity", ...range };
    const response = await askHub(settings, what, addressOf(repo, path), { headers, signal });
    const goesOn =
      response.status === 206 && response.headers.get("content-range")?.startsWith(`bytes ${from}-`);
    const source = Readable.fromWeb(response.body as import("node:stream/web").ReadableStream);
    let left = bytes - (goesOn ? from : 0);
    async function* counted(chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        silence.heard();
        left -= chunk.length;
        if (left < 0) throw new Error(`more than its ${bytes} bytes arrived`);
        yield chunk;
      }
    }
    await pipeline(source, counted, createWriteStream(incomplete, { flags: goesOn ? "a" : "w" }), { signal });
    return left === 0
      ? undefined
      : cannotReach(settings, what, new Error(`the connection ended ${left} bytes early`));
  } catch (error) {
    return error instanceof AlignError ? error : cannotReach(settings, what, error);
  } finally {
    silence.stop();
  }
}

/** Ends a download that nothing has been heard of for a minute; a long one that goes on may take its time. */
function silenceWatch(): { readonly signal: AbortSignal; heard(): void; stop(): void } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Error("nothing arrived for a minute")), 60_000);
  return { signal: controller.signal, heard: () => timer.refresh(), stop: () => clearTimeout(timer) };
}

/** SHA-256 where the hub's digest is one (large files), else git's SHA-1 of a blob. */
async function digestLike(etag: string, bytes: number, path: string): Promise<string> {
  const hash = createHash(etag.length === 64 ? "sha256" : "sha1");
  if (etag.length === 40) hash.update(`blob ${bytes}\0`);
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

async function linkTo(blob: string, link: string): Promise<void> {
  await ensureFolder(dirname(link));
  try {
    await symlink(relative(dirname(link), blob), link);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return;
    // Windows wants a privilege for links.
    if (code !== "EPERM" && code !== "ENOSYS") throw error;
    await copyFile(blob, link);
  }
}
