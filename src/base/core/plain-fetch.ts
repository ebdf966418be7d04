/**
 * What `fetch` does, by Node's own client: `fetch` sends `sec-fetch-mode`, which servers that keep browsers out (Ray's dashboard) take for a
 * browser's. Redirects are not followed.
 */
import { request as plainRequest, type RequestOptions } from "node:http";
import { request as secureRequest } from "node:https";
import { Readable } from "node:stream";

/** A request, as much of it as this project sends. */
export type PlainRequest = Pick<RequestOptions, "method" | "signal"> & {
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
};

/** Statuses of replies that have no body. */
const EMPTY = [204, 205, 304];

/** Asks a server once. @throws when it cannot be reached, or `signal` fires */
export function plainFetch(url: string, { body, headers, ...rest }: PlainRequest): Promise<Response> {
  const bytes = body === undefined ? undefined : Buffer.from(body);
  const length = bytes === undefined ? {} : { "content-length": String(bytes.length) };
  return new Promise((resolve, reject) => {
    const send = url.startsWith("https:") ? secureRequest : plainRequest;
    const sent = send(url, { ...rest, headers: { ...headers, ...length } }, (reply) => {
      const status = reply.statusCode ?? 0;
      const given = new Headers();
      for (const [name, value] of Object.entries(reply.headers)) given.set(name, String(value));
      const content = EMPTY.includes(status) ? null : (Readable.toWeb(reply) as ReadableStream);
      resolve(new Response(content, { status, headers: given }));
    });
    sent.on("error", reject);
    sent.end(bytes);
  });
}
