/**
 * Which requests are heard at all. A browser lets any web page send requests to this machine; none but the studio's own page, under the
 * name it was opened by, may read or write here.
 */
import { hostname, networkInterfaces } from "node:os";
import { Problem } from "../serve/problem.ts";
import { CHART_POLICY } from "./protocol.ts";

/** The header that a page of another origin cannot send without asking, and is never allowed. */
export const WRITE_HEADER = "x-weak-teacher";

/**
 * Checks where a request comes from and whom it is for. `Host` must be a name of ours, or a foreign name that leads here (DNS rebinding)
 * would make another's page one of our origin. `Origin` and `Sec-Fetch-Site`, which a page cannot forge, must name us.
 * @param hosts - `127.0.0.1:8400`, …
 * @throws Problem 403
 */
export function checkSender(
  { method, headers }: Pick<Request, "method" | "headers">,
  hosts: ReadonlySet<string>,
): void {
  const host = (headers.get("host") ?? "").toLowerCase();
  if (!hosts.has(host))
    throw new Problem(403, "host: expected a request to the address that the studio printed.");
  const origin = headers.get("origin");
  if (origin !== null && origin !== `http://${host}`)
    throw new Problem(403, "origin: expected the studio's own page, got another's.");
  const site = headers.get("sec-fetch-site");
  const isRead = method === "GET" || method === "HEAD";
  // A person who opens the address comes from no site.
  if (site !== null && site !== "same-origin" && !(site === "none" && isRead))
    throw new Problem(
      403,
      "sec-fetch-site: expected the studio's own page. Paste the address into the browser.",
    );
  if (!isRead && headers.get(WRITE_HEADER) !== "studio")
    throw new Problem(403, `${WRITE_HEADER}: expected the header that the studio's page sends.`);
}

/** The names by which a server may be asked for. @param host - as it was bound; at `0.0.0.0` and `::` all addresses of this machine, and its name */
export function ownHosts(host: string, port: number): ReadonlySet<string> {
  const isAny = host === "0.0.0.0" || host === "::";
  const own = Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).map(({ address }) => address),
  );
  const bound = (isAny ? [...own, hostname()] : [host]).map((name) =>
    name.includes(":") ? `[${name}]` : name.toLowerCase(),
  );
  const names = ["127.0.0.1", "localhost", "[::1]", ...bound];
  // Browsers leave the usual port out.
  return new Set(names.flatMap((name) => [`${name}:${port}`, ...(port === 80 ? [name] : [])]));
}

/**
 * What every reply says to the browser: nothing from elsewhere, no script but ours, no string that becomes markup (Trusted Types; one policy, of
 * charts, whose texts the chart code escapes), nobody may frame or open it.
 */
export const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    `trusted-types ${CHART_POLICY}`,
  ].join("; "),
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), microphone=(), geolocation=()",
};

/** Of a report, a page with a script of its own: it runs in an origin of its own, from which nothing here is reached. */
export const REPORT_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; frame-ancestors 'none'",
};
