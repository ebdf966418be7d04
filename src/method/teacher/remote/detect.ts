/** What kind of server is at an address. Servers that cannot score given text are told apart, so that the reason can be given. */
import { AlignError } from "../../../base/core/errors.ts";
import type { HttpClient } from "../../../base/core/http.ts";
import type { ServerKind } from "./protocol.ts";

/** A server as it says of itself. */
export type ServerFacts = {
  readonly kind: ServerKind;
  /** What it calls its version; null when it does not say. */
  readonly version: string | null;
  /** SGLang's own model, which is asked for by no name. */
  readonly modelPath: string | undefined;
};

/** Why some servers are of no use here, checked in July 2026; told in the error. */
const REFUSED: Readonly<Record<string, string>> = {
  Ollama: "it gives log-probabilities of generated tokens only",
  "llama.cpp":
    "it gives log-probabilities of generated tokens only and refuses echo (ggml-org/llama.cpp#27174)",
  TGI: "it takes text only, so token ids cannot be sent, and is no longer developed",
};

const ADVICE =
  "Serve the model with vLLM, SGLang or `weak-teacher serve`, or label with --teacher judge-chat.";

/**
 * Finds out what answers.
 * @param asked - the kind the user named; a server known to be of no use is refused all the same
 * @throws AlignError "remote" when nothing answers, or what answers cannot score given text
 */
export async function detectServer(
  http: HttpClient,
  asked: ServerKind | undefined,
  signal: AbortSignal,
): Promise<ServerFacts> {
  const get = async (path: string): Promise<Json | undefined> => {
    const { status, text } = await http.look(path, signal);
    if (status === 0) throw new AlignError("remote", `${http.url}: ${text}.`);
    if (status === 401 || status === 403)
      throw new AlignError(
        "remote",
        `${http.url}: answered ${status} to ${path}. Name the key's environment variable with --api-key-env.`,
      );
    return status === 200 ? objectIn(text) : undefined;
  };
  const version = await get("/version");
  const versionText = typeof version?.version === "string" ? version.version : null;
  const facts = (kind: ServerKind, modelPath?: string): ServerFacts => {
    return { kind: asked ?? kind, version: versionText, modelPath };
  };
  if (version?.server === "weak-teacher") return facts("weak-teacher");
  if (Array.isArray((await get("/api/tags"))?.models)) throw refusal(http.url, "Ollama");
  if ((await get("/props"))?.default_generation_settings !== undefined) throw refusal(http.url, "llama.cpp");
  // Newer and older name of one thing.
  const info = (await get("/model_info")) ?? (await get("/get_model_info"));
  if (typeof info?.model_path === "string") return facts("sglang", info.model_path);
  const router = await get("/info");
  if (router?.router !== undefined || router?.docker_label !== undefined) throw refusal(http.url, "TGI");
  return facts(versionText === null ? "openai-echo" : "vllm");
}

type Json = Readonly<Record<string, unknown>>;

function objectIn(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === "object" ? (value as Json) : undefined;
  } catch {
    return undefined; // a page for people
  }
}

const refusal = (url: string, name: string) =>
  new AlignError(
    "remote",
    `${url}: is a ${name} server, which cannot score given text: ${REFUSED[name]}. ${ADVICE}`,
  );

/** The error of a server that failed the probe. */
export function cannotScore(url: string, kind: ServerKind, problem: string): AlignError {
  return new AlignError(
    "remote",
    `${url}: failed the probe as a ${kind} server: ${problem} Six token ids must come back with five log-probabilities. ${ADVICE}`,
  );
}
