/** `weak-teacher serve`: a teacher behind HTTP, with OpenAI's and vLLM's endpoints and scores of pairs. */
import { type Command, InvalidArgumentError } from "commander";
import { ConfigError } from "../../../base/core/errors.ts";
import {
  type ComputeOptions,
  collect,
  examples,
  positiveNumber,
  wholeNumber,
  withCompute,
} from "../options.ts";
import { act, type Session, untilInterrupted } from "../session.ts";

type ServeOptions = ComputeOptions & {
  readonly name?: string;
  readonly lora: readonly string[];
  readonly reference?: string;
  readonly beta?: number;
  readonly host: string;
  readonly port: number;
  readonly tokenEnv?: string;
  readonly tokenFile?: string;
  readonly maxLength?: number;
  readonly maxPromptLength?: number;
  readonly maxRequests?: number;
  readonly maxBody?: number;
  readonly timeout?: number;
  readonly maxNewTokens?: number;
};

/** Adds the verb `serve`. */
export function addServe(program: Command): void {
  const command = program
    .command("serve")
    .description("serve a model over HTTP: completions with prompt_logprobs, chat, scores of pairs")
    .argument("<model>", "model folder: a language model, or a reward model for /v1/score")
    .option("--name <name>", "what requests call it, default the folder's name")
    .option("--lora <name=folder>", "an adapter (PEFT) on it, served beside it; may be repeated", collect, [])
    .option("--reference <folder>", "what its implicit rewards are measured against; served as `reference`")
    .option("--beta <number>", "factor on implicit rewards, default 0.1", positiveNumber)
    .option("--host <address>", "address to listen at; all but loopback ones need a token", "127.0.0.1")
    .option("--port <n>", "port to listen at; 0 takes a free one", wholeNumber(0, 65_535), 8000)
    .option("--token-env <variable>", "environment variable that holds the bearer token clients must send")
    .option("--token-file <file>", "file that holds it")
    .option(
      "--max-length <n>",
      "most tokens of a prompt with one response in /v1/score",
      wholeNumber(2, 2 ** 20),
    )
    .option("--max-prompt-length <n>", "most tokens of its prompt", wholeNumber(1, 2 ** 20))
    .option(
      "--max-requests <n>",
      "requests in hand at once, default 128; more get 429",
      wholeNumber(1, 10_000),
    )
    .option("--max-body <bytes>", "largest request, default 2 MiB; larger ones get 413", bytes)
    .option(
      "--timeout <seconds>",
      "longest a request may take, default 120; then it gets 504",
      positiveNumber,
    )
    .option("--max-new-tokens <n>", "most tokens to write per prompt, default 1024", wholeNumber(1, 2 ** 20));
  withCompute(command)
    .addHelpText(
      "after",
      examples([
        "serve models/sft --lora teacher=models/dpo/adapter",
        "serve models/dpo --reference models/sft --port 8001",
        "serve models/reward --host 0.0.0.0 --token-env TEACHER_TOKEN",
      ]),
    )
    .action(act(runServe));
}

function bytes(text: string): number {
  const match = /^(\d+)\s*(|k|kib|m|mib)$/i.exec(text.trim());
  const value =
    Number(match?.[1]) * { "": 1, k: 2 ** 10, m: 2 ** 20 }[(match?.[2] ?? "").slice(0, 1).toLowerCase()]!;
  if (!(value >= 1024 && value <= 2 ** 30))
    throw new InvalidArgumentError("Expected a size from 1 KiB to 1 GiB, as 2097152, 512k or 4m.");
  return value;
}

async function runServe(session: Session, model: string, options: ServeOptions): Promise<void> {
  const { serve } = await import("../../library/serve.ts");
  const { readToken } = await import("../../serve/access.ts");
  const { name, reference, host, port, beta, device, threads } = options;
  const token = await readToken({ env: options.tokenEnv, file: options.tokenFile }, host);
  const server = await serve({
    ...{ model, name, reference, host, port, token, device, threads },
    adapters: options.lora.map(adapterOf),
    pairLimits: pairLimitsOf(options),
    limits: limitsOf(options),
    ...{ beta, log: session.log },
  });
  try {
    const { url, models } = server;
    const guarded = token === undefined ? "" : ", bearer token required";
    session.result({ url, models }, `${url} serves ${models.join(", ")}${guarded}. Stop it with Ctrl-C.`);
    await untilInterrupted(session.signal);
  } finally {
    await server.close();
  }
}

function adapterOf(text: string): { name: string; folder: string } {
  const at = text.indexOf("=");
  if (at > 0 && at < text.length - 1) return { name: text.slice(0, at), folder: text.slice(at + 1) };
  throw new ConfigError(
    `--lora: expected name=folder, as teacher=models/adapter, got ${JSON.stringify(text)}.`,
  );
}

function pairLimitsOf({ maxLength, maxPromptLength }: ServeOptions) {
  if (maxLength === undefined && maxPromptLength === undefined) return undefined;
  if (maxLength !== undefined && maxPromptLength !== undefined) return { maxLength, maxPromptLength };
  throw new ConfigError("--max-length, --max-prompt-length: expected both or neither.");
}

function limitsOf({ maxRequests, maxBody, timeout, maxNewTokens }: ServeOptions) {
  return {
    ...(maxRequests === undefined ? {} : { maxRequests }),
    ...(maxBody === undefined ? {} : { maxBodyBytes: maxBody }),
    ...(timeout === undefined ? {} : { timeoutMs: Math.ceil(1000 * timeout) }),
    ...(maxNewTokens === undefined ? {} : { maxNewTokens }),
  };
}
