/** Where the hub is and who asks, from the environment, by the names and rules of Python's `huggingface_hub`. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../core/errors.ts";

/** How the hub is reached. */
export type HubSettings = {
  /** Without a slash at its end: `https://huggingface.co`. */
  readonly endpoint: string;
  /** Goes into the Authorization header of requests to the endpoint, and nowhere else. */
  readonly token: string | undefined;
  /** Only the cache is read. */
  readonly offline: boolean;
  /** Folder of the downloads, shared with Python's client. */
  readonly cache: string;
};

/** Variables of the environment. */
type Environment = Readonly<Record<string, string | undefined>>;

/**
 * - `HF_ENDPOINT`: another hub.
 * - `HF_TOKEN`, else the file `HF_TOKEN_PATH`, which is `token` in `HF_HOME` unless set: what `hf auth login` writes. With `HF_HUB_DISABLE_IMPLICIT_TOKEN`: none.
 * - `HF_HUB_OFFLINE` or `TRANSFORMERS_OFFLINE`: 1, ON, YES or TRUE.
 * - `HF_HUB_CACHE`, else `hub` in `HF_HOME`, which is `~/.cache/huggingface` unless set.
 * @throws ConfigError when the endpoint is no http address
 */
export async function hubSettings(env: Environment = process.env): Promise<HubSettings> {
  const home = env["HF_HOME"] || join(env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "huggingface");
  return {
    endpoint: endpointOf(env["HF_ENDPOINT"] || "https://huggingface.co"),
    token: isTrue(env["HF_HUB_DISABLE_IMPLICIT_TOKEN"]) ? undefined : await tokenIn(env, home),
    offline: isTrue(env["HF_HUB_OFFLINE"] || env["TRANSFORMERS_OFFLINE"]),
    cache: env["HF_HUB_CACHE"] || env["HUGGINGFACE_HUB_CACHE"] || join(home, "hub"),
  };
}

const isTrue = (value: string | undefined) =>
  ["1", "ON", "YES", "TRUE"].includes((value ?? "").toUpperCase());

function endpointOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // The address is not repeated: a wrong one may hold a secret.
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "")
    throw new ConfigError(
      "HF_ENDPOINT: is no plain http or https address, expected one such as https://huggingface.co.",
    );
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}

async function tokenIn(env: Environment, home: string): Promise<string | undefined> {
  const named = env["HF_TOKEN"] || env["HUGGING_FACE_HUB_TOKEN"];
  const text = named || (await readFile(env["HF_TOKEN_PATH"] || join(home, "token"), "utf8").catch(() => ""));
  return text.replace(/[\r\n]/g, "").trim() || undefined;
}
