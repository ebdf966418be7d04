/** Requests to a hub: the token goes to the hub alone, and into no message. */
import { AlignError, messageOf } from "../core/errors.ts";
import type { HubSettings } from "./hub-settings.ts";

/** A repository at a revision: branch, tag or commit. */
export type HubRepo = {
  readonly type: "model" | "dataset";
  readonly name: string;
  readonly revision: string;
};

/** Silence of this long ends a request, ms. */
const SILENCE_MS = 60_000;

/**
 * Asks the hub once. Redirects to another host are followed without the token.
 * @returns an answer of status 2xx or 3xx (with `redirect: "manual"`), its body unread
 * @throws AlignError "hub" when it refuses, "network" when it cannot be reached
 */
export async function askHub(
  settings: HubSettings,
  what: string,
  path: string,
  init: RequestInit & { readonly headers?: Record<string, string> } = {},
): Promise<Response> {
  const authorization =
    settings.token === undefined ? undefined : { authorization: `Bearer ${settings.token}` };
  let response: Response;
  try {
    response = await fetch(`${settings.endpoint}${path}`, {
      signal: AbortSignal.timeout(SILENCE_MS),
      ...init,
      headers: { ...init.headers, ...authorization },
    });
  } catch (error) {
    throw cannotReach(settings, what, error);
  }
  if (response.status < 400) return response;
  await response.body?.cancel();
  throw refusal(settings, what, response);
}

/** A connection that could not be made, or broke. */
export function cannotReach(settings: HubSettings, what: string, error: unknown): AlignError {
  const cause = error instanceof Error && error.cause !== undefined ? `: ${messageOf(error.cause)}` : "";
  return new AlignError(
    "network",
    `${what}: cannot be downloaded from ${settings.endpoint}: ${withoutToken(settings, messageOf(error) + cause)}. Check the network, run the same command again to go on, or get the files another way and give their path.`,
    { cause: error },
  );
}

/** What a refusal means, by status and the hub's own code. */
function refusal(settings: HubSettings, what: string, { status, headers }: Response): AlignError {
  const code = headers.get("x-error-code");
  const said = `${status}${code === null ? "" : ` ${code}`}`;
  if (status === 429 || status >= 500)
    return new AlignError("network", `${what}: ${settings.endpoint} answered ${said}. Try again later.`);
  const advice =
    code === "EntryNotFound" || code === "RevisionNotFound"
      ? "Check revision and path."
      : settings.token === undefined
        ? "Check owner and name. If it is private or gated, set HF_TOKEN to a token that may read it."
        : "Check owner and name, and whether the token may do this (a gated repository has conditions to agree to on its page).";
  return new AlignError("hub", `${what}: ${settings.endpoint} answered ${said}. ${advice}`);
}

/** A text of the hub's, without the token: some servers repeat it. */
export const withoutToken = ({ token }: HubSettings, text: string): string =>
  token === undefined ? text : text.replaceAll(token, "***");
