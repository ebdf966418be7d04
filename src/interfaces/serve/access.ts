/** Who may ask. A server that others can reach has a token; one on this machine's own address need not. */
import { createHash, timingSafeEqual } from "node:crypto";
import { stat } from "node:fs/promises";
import { ConfigError } from "../../base/core/errors.ts";
import { readText } from "../../base/core/files.ts";
import { shellWord } from "../../base/core/shell.ts";
import { Problem } from "./problem.ts";

/** Where a bearer token is; nothing for none. */
export type TokenSource = { readonly env?: string | undefined; readonly file?: string | undefined };

/** Characters of the shortest token: fewer can be guessed. */
export const LEAST_TOKEN = 16;

/**
 * The bearer token of a server.
 * @throws ConfigError when it is named twice, not there, too short, in a file that everybody can read, or missing where `host` can be reached from elsewhere
 */
export async function readToken(source: TokenSource, host: string): Promise<string | undefined> {
  const { env, file } = source;
  if (env !== undefined && file !== undefined)
    throw new ConfigError(
      "serve: --token-env and --token-file name two tokens, expected one. Leave one out.",
    );
  if (env === undefined && file === undefined) {
    if (isLoopback(host)) return undefined;
    throw new ConfigError(
      `serve: --host ${host} can be reached from other machines, expected a bearer token. Name one with --token-env or --token-file.`,
    );
  }
  const where = env === undefined ? `--token-file ${file}` : `the environment variable ${env}`;
  const token = (env === undefined ? await readText(file!, 4096) : (process.env[env] ?? "")).trim();
  if (file !== undefined) await refuseOpenToAll(file, "serve: --token-file");
  // The token itself is in no message.
  if (token.length < LEAST_TOKEN || /\s/.test(token))
    throw new ConfigError(
      `serve: the token in ${where} is not usable, expected at least ${LEAST_TOKEN} characters without spaces, got ${token.length}.`,
    );
  return token;
}

/** @param what - whose file it is, for the message @throws ConfigError for a file that every user of the machine can read or write, where the system tells */
export async function refuseOpenToAll(file: string, what: string): Promise<void> {
  const mode =
    process.platform === "win32"
      ? 0
      : await stat(file).then(
          (info) => info.mode,
          () => 0,
        );
  if ((mode & 0o006) === 0) return;
  const shown = (mode & 0o777).toString(8);
  throw new ConfigError(
    `${what} ${file}: every user of this machine can read or change it (mode ${shown}), expected 600 or 640. Run: chmod 600 ${shellWord(file)}.`,
  );
}

/** True for addresses that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * Checks one request: its token where the server has one; where it has none, that it was sent to this machine by name, for a web page can
 * make a browser here ask a foreign name that leads here.
 * @throws Problem 401 or 403
 */
export function checkAccess(token: string | undefined, headers: Headers): void {
  if (token === undefined) {
    const host = (headers.get("host") ?? "").replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
    if (isLoopback(host)) return;
    throw new Problem(403, "host: expected a request to this machine's own address (localhost).");
  }
  const given = /^Bearer\s+(\S+)\s*$/i.exec(headers.get("authorization") ?? "")?.[1];
  if (given === undefined)
    throw new Problem(401, "authorization: is missing, expected a bearer token.", { code: "missing_token" });
  if (!timingSafeEqual(digest(given), digest(token)))
    throw new Problem(401, "authorization: the bearer token is wrong.", { code: "invalid_token" });
}

/** Of one length, whatever was given, so that the comparison takes one time. */
const digest = (text: string) => createHash("sha256").update(text).digest();
