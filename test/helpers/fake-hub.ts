/**
 * A fake of the Hugging Face hub on loopback: two servers, the hub and where its large files lie, so that what goes to which is seen. It keeps repositories,
 * commits and large files in memory, wants a token for private repositories and for writing, and can cut off or damage what it sends. The routes are
 * those that `huggingface_hub` 2.4 and `@huggingface/hub` 2.17 use; real ones of both talk to it in the tests. It is no hub: no Xet, no branches
 * beside main, no quotas, no checks of cards.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A token that the fake knows. */
export const FAKE_TOKEN = "hf_fakefakefakefakefake1234";

type Files = Map<string, Buffer>;
type Repo = { private: boolean; head: string; commits: Map<string, Files> };

/** The fake, running. */
export type FakeHub = {
  readonly endpoint: string;
  /** `METHOD path`, and whether an Authorization header came with it; of both servers. */
  readonly asked: {
    readonly at: "hub" | "files";
    readonly line: string;
    readonly token: string | undefined;
  }[];
  /** Puts a commit of these files (and no others) on main. @returns its hash */
  commit(repo: string, files: Readonly<Record<string, string | Uint8Array>>, isPrivate?: boolean): string;
  /** Files of main, texts and bytes alike. */
  files(repo: string): Readonly<Record<string, Buffer>>;
  isPrivate(repo: string): boolean;
  /** Of the next answers with a file's bytes: how many bytes are sent before the connection is cut. */
  readonly cuts: number[];
  /** Turns a bit in everything that is sent. */
  damaged: boolean;
  /** Refuses the next commits after their files came. */
  refuseCommits: number;
  close(): Promise<void>;
};

/** Larger files lie on the other server, named by SHA-256. */
const LARGE = 1000;
const isLarge = (path: string, bytes: { length: number }) =>
  bytes.length > LARGE || /\.(safetensors|parquet)$/.test(path);
const sha = (kind: string, bytes: Uint8Array) => createHash(kind).update(bytes).digest("hex");
const gitSha = (bytes: Uint8Array) =>
  sha("sha1", Buffer.concat([Buffer.from(`blob ${bytes.length}\0`), bytes]));

/** Starts it on two free ports. Repositories are named `models/Owner/name` and `datasets/Owner/name`. */
export async function startFakeHub(): Promise<FakeHub> {
  const repos = new Map<string, Repo>();
  const large = new Map<string, Buffer>();
  const hub: Omit<FakeHub, "endpoint" | "close"> = {
    asked: [],
    cuts: [],
    damaged: false,
    refuseCommits: 0,
    commit(name, files, isPrivate = false) {
      const entries = Object.entries(files).map(([path, content]) => [path, Buffer.from(content)] as const);
      return addCommit(repos, name, new Map(entries), isPrivate);
    },
    files: (name) => Object.fromEntries(headOf(repos.get(name)!)),
    isPrivate: (name) => repos.get(name)!.private,
  };
  const note = (at: "hub" | "files", request: IncomingMessage) =>
    hub.asked.push({
      at,
      line: `${request.method} ${decodeURIComponent(request.url!.split("?")[0]!)}`,
      token: request.headers.authorization?.replace("Bearer ", ""),
    });

  const storage = createServer(async (request, response) => {
    note("files", request);
    const oid = request.url!.split("/").at(-1)!.split("?")[0]!;
    if (request.method === "PUT") {
      const bytes = await bodyOf(request);
      if (sha("sha256", bytes) === oid) large.set(oid, bytes);
      return json(response, sha("sha256", bytes) === oid ? 200 : 400, {});
    }
    const bytes = large.get(oid) ?? found(repos, oid);
    return bytes === undefined ? json(response, 404, {}) : sendBytes(hub, request, response, bytes);
  });
  const filesUrl = await listen(storage);

  const server = createServer(async (request, response) => {
    note("hub", request);
    const path = decodeURIComponent(request.url!.split("?")[0]!);
    const known = request.headers.authorization === `Bearer ${FAKE_TOKEN}`;
    const api =
      /^\/api\/(models|datasets)\/([^/]+\/[^/]+)\/(revision|preupload|commit|tree|paths-info)\/([^/]+)/.exec(
        path,
      );
    if (path === "/api/repos/create") {
      if (!known) return json(response, 401, { error: "no token" });
      const {
        name,
        organization,
        type = "model",
        visibility,
        private: hidden,
      } = JSON.parse(`${await bodyOf(request)}`);
      const key = `${type}s/${organization}/${name}`;
      if (repos.has(key)) return json(response, 409, { error: "You already created this repo" });
      addCommit(
        repos,
        key,
        new Map([[".gitattributes", Buffer.from("")]]),
        visibility === "private" || hidden === true,
      );
      return json(response, 200, { url: `${endpoint}/${key}`, id: `${organization}/${name}` });
    }
    const lfs = /^\/(datasets\/)?([^/]+\/[^/]+)\.git\/info\/lfs\/objects\/batch$/.exec(path);
    if (lfs !== null) {
      if (!known) return json(response, 401, {});
      const { objects } = JSON.parse(`${await bodyOf(request)}`) as {
        objects: { oid: string; size: number }[];
      };
      const answer = objects.map((one) => ({
        ...one,
        ...(large.has(one.oid)
          ? {}
          : { actions: { upload: { href: `${filesUrl}/put/${one.oid}`, header: {} } } }),
      }));
      return json(response, 200, { transfer: "basic", objects: answer });
    }
    const resolve = /^\/(datasets\/)?([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path);
    const key = api
      ? `${api[1]}/${api[2]}`
      : resolve
        ? `${resolve[1] ? "datasets" : "models"}/${resolve[2]}`
        : "";
    const repo = repos.get(key);
    // A private one is not there for strangers.
    if (repo === undefined || (repo.private && !known))
      return json(
        response,
        known ? 404 : 401,
        { error: "Repository not found" },
        { "x-error-code": "RepoNotFound" },
      );
    const revision = (api?.[4] ?? resolve?.[3])!;
    const commit = revision === "main" ? repo.head : revision;
    const files = repo.commits.get(commit);
    if (files === undefined)
      return json(response, 404, { error: "no such revision" }, { "x-error-code": "RevisionNotFound" });
    if (resolve !== null) return sendFile(resolve[4]!, commit, files, request, response);
    if (api![3] === "revision")
      return json(response, 200, {
        id: api![2],
        sha: commit,
        siblings: [...files].map(([rfilename]) => ({ rfilename })),
      });
    if (api![3] === "tree")
      return json(
        response,
        200,
        [...files].map(([name, bytes]) => ({
          type: "file",
          path: name,
          size: bytes.length,
          oid: gitSha(bytes),
        })),
      );
    if (!known) return json(response, 401, { error: "no token" });
    if (api![3] === "preupload") {
      const { files: asked } = JSON.parse(`${await bodyOf(request)}`) as {
        files: { path: string; size: number }[];
      };
      const modes = asked.map(({ path: name, size }) => ({
        path: name,
        uploadMode: isLarge(name, { length: size }) ? "lfs" : "regular",
      }));
      return json(response, 200, { files: modes });
    }
    const lines = `${await bodyOf(request)}`.trim().split("\n");
    if (hub.refuseCommits > 0) {
      hub.refuseCommits--;
      return json(response, 503, { error: `down, and so is ${request.headers.authorization}` });
    }
    const next = new Map(headOf(repo));
    for (const { key: kind, value } of lines.map((line) => JSON.parse(line))) {
      if (kind === "file") next.set(value.path, Buffer.from(value.content, value.encoding ?? "utf8"));
      if (kind === "lfsFile") next.set(value.path, large.get(value.oid)!);
    }
    const oid = addCommit(repos, key, next, repo.private);
    return json(response, 200, {
      commitOid: oid,
      commitUrl: `${endpoint}/${key}/commit/${oid}`,
      hookOutput: "",
      success: true,
    });
  });
  const endpoint = await listen(server);

  function sendFile(
    path: string,
    commit: string,
    files: Files,
    request: IncomingMessage,
    response: ServerResponse,
  ) {
    const bytes = files.get(path);
    if (bytes === undefined)
      return json(response, 404, { error: "no such file" }, { "x-error-code": "EntryNotFound" });
    response.setHeader("x-repo-commit", commit);
    if (!isLarge(path, bytes)) {
      response.setHeader("etag", `"${gitSha(bytes)}"`);
      return sendBytes(hub, request, response, bytes);
    }
    const oid = sha("sha256", bytes);
    response.writeHead(302, {
      location: `${filesUrl}/get/${oid}?signature=secret`,
      "x-linked-etag": `"${oid}"`,
      "x-linked-size": bytes.length,
      "content-length": 0,
    });
    response.end();
  }

  return {
    ...hub,
    // Counters and switches are looked at where they were set.
    get damaged() {
      return hub.damaged;
    },
    set damaged(value) {
      hub.damaged = value;
    },
    get refuseCommits() {
      return hub.refuseCommits;
    },
    set refuseCommits(value) {
      hub.refuseCommits = value;
    },
    endpoint,
    async close() {
      for (const one of [server, storage]) {
        one.closeAllConnections();
        await new Promise((done) => one.close(done));
      }
    },
  };
}

const headOf = (repo: Repo): Files => repo.commits.get(repo.head)!;

function addCommit(repos: Map<string, Repo>, name: string, files: Files, isPrivate: boolean): string {
  const repo = repos.get(name) ?? { private: isPrivate, head: "", commits: new Map<string, Files>() };
  repo.head = sha("sha1", Buffer.from(`${name} ${repo.commits.size}`));
  repo.commits.set(repo.head, files);
  repos.set(name, repo);
  return repo.head;
}

/** A large file of any commit. */
function found(repos: Map<string, Repo>, oid: string): Buffer | undefined {
  for (const { commits } of repos.values())
    for (const files of commits.values())
      for (const bytes of files.values()) if (sha("sha256", bytes) === oid) return bytes;
  return undefined;
}

function sendBytes(
  hub: Pick<FakeHub, "cuts" | "damaged">,
  request: IncomingMessage,
  response: ServerResponse,
  whole: Buffer,
) {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const bytes = Buffer.from(whole.subarray(from));
  if (hub.damaged && bytes.length > 0) bytes[bytes.length - 1]! ^= 1;
  const range = from > 0 ? { "content-range": `bytes ${from}-${whole.length - 1}/${whole.length}` } : {};
  response.writeHead(from > 0 ? 206 : 200, {
    "content-length": bytes.length,
    "accept-ranges": "bytes",
    ...range,
  });
  if (request.method === "HEAD") return response.end();
  const cut = hub.cuts.shift();
  if (cut === undefined || cut >= bytes.length) return response.end(bytes);
  return response.write(bytes.subarray(0, cut), () => setTimeout(() => response.destroy(), 20));
}

function json(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
) {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function listen(server: ReturnType<typeof createServer>): Promise<string> {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
