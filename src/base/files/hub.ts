/** How a file of the Hugging Face hub is named, and where it lies on this machine. */
import { AlignError, ConfigError, DataError } from "../core/errors.ts";
import { fetchFromHub } from "./hub-cache.ts";
import { type HubSettings, hubSettings } from "./hub-settings.ts";

/** Where a hub file is. */
export type HubSource = { readonly repo: string; readonly revision: string; readonly path: string };

/** True when a source names a hub file. */
export function isHubSource(source: string): boolean {
  return source.startsWith("hub:");
}

/**
 * Reads `hub:Owner/name[@revision]/path/to/file`; the revision is `main` unless given, slashes in it written `%2F`.
 * @throws ConfigError when it is not of that form
 */
export function parseHubSource(source: string): HubSource {
  const match = /^hub:([^/@]+\/[^/@]+)(?:@([^/]+))?\/(.+)$/.exec(source);
  if (match === null)
    throw new ConfigError(
      `${source}: is no hub file, expected hub:Owner/name/file or hub:Owner/name@revision/file.`,
    );
  const [, repo, revision, path] = match as unknown as [string, string, string | undefined, string];
  if (!repo.split("/").every(isHubName))
    throw new ConfigError(
      `${source}: "${repo}" is no name on the hub, expected letters, digits, dots and dashes.`,
    );
  if (!isInside(path)) throw new ConfigError(`${source}: "${path}" is no path inside a repository.`);
  return { repo, revision: parseRevision(source, revision), path };
}

const isHubName = (name: string) => /^[A-Za-z0-9][\w.-]{0,95}$/.test(name);

/** True for a relative path that stays where it begins: it names a file in a cache folder. */
export function isInside(path: string): boolean {
  if (/[\\:*?"<>|]/.test(path) || [...path].some((sign) => sign < " ")) return false;
  return path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

/**
 * A revision as it is written in a source, `main` unless given; slashes in it are written `%2F`.
 * @throws ConfigError when it is no branch, tag or commit
 */
export function parseRevision(source: string, written: string | undefined): string {
  let revision = "main";
  try {
    revision = decodeURIComponent(written ?? revision);
  } catch {
    throw new ConfigError(`${source}: the revision is not well written, expected % only in %2F.`);
  }
  if (!isInside(revision)) throw new ConfigError(`${source}: "${revision}" is no branch, tag or commit.`);
  return revision;
}

/**
 * Downloads a hub file unless it is in the cache, and gives its path. With a full commit hash as the revision,
 * a cached file needs no network.
 * @throws DataError when the hub has no such file; AlignError "network" when it cannot be reached
 */
export async function fetchHubFile(source: string, settings?: HubSettings): Promise<string> {
  const { repo: name, revision, path } = parseHubSource(source);
  try {
    return await fetchFromHub(settings ?? (await hubSettings()), { type: "dataset", name, revision }, path);
  } catch (error) {
    if (!(error instanceof AlignError && error.code === "hub")) throw error;
    throw new DataError(source, 0, `the hub does not give this file: ${error.message}`, { cause: error });
  }
}
