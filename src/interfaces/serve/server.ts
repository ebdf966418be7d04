/** A teacher behind HTTP: models loaded, address bound, and a stop that finishes what is in hand. */
import { ConfigError } from "../../base/core/errors.ts";
import { type Log, silentLog } from "../../base/core/log.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import type { TokenLimits } from "../../engine/text/pair.ts";
import { isLoopback } from "./access.ts";
import { createApp } from "./app.ts";
import { openEngine } from "./engine.ts";
import { openGate } from "./gate.ts";
import { DEFAULT_LIMITS, type ServeLimits } from "./limits.ts";
import { listenAt } from "./listen.ts";
import { openMetrics } from "./metrics.ts";
import { loadServedModels, type ModelsOptions, type ServedModel } from "./models.ts";
import { MAX_BETA } from "./score.ts";

/** How to serve. */
export type ServerOptions = ModelsOptions & {
  readonly runtime: Runtime;
  /** Of this package; told at `/version`. */
  readonly version: string;
  /** Default 127.0.0.1; any other but a loopback address needs a token. */
  readonly host?: string;
  /** Default 8000; 0 takes a free one. */
  readonly port?: number;
  /** Bearer token that requests must carry. */
  readonly token?: string | undefined;
  /** Factor on implicit rewards, default 0.1. */
  readonly beta?: number | undefined;
  /** Token limits of pairs, default 512 and 256, or what the model has room for. */
  readonly pairLimits?: TokenLimits | undefined;
  readonly limits?: Partial<ServeLimits>;
  readonly log?: Log | undefined;
};

/** A running server. */
export interface TeacherServer {
  /** Such as `http://127.0.0.1:8000`. */
  readonly url: string;
  readonly models: readonly string[];
  /** Takes no more requests, waits for those in hand up to `graceMs`, then ends them. The runtime stays open. */
  close(): Promise<void>;
}

/**
 * Loads the models and listens.
 * @throws ConfigError when the address cannot be bound, needs a token, or a setting does not fit; CheckpointError for a wrong model folder
 */
export async function openServer(options: ServerOptions): Promise<TeacherServer> {
  const { runtime, version, token, host = "127.0.0.1", port = 8000, beta = 0.1, log = silentLog } = options;
  if (token === undefined && !isLoopback(host))
    throw new ConfigError(`serve: host ${host} can be reached from other machines, expected a token.`);
  if (!(beta > 0 && beta <= MAX_BETA))
    throw new ConfigError(
      `serve: beta is out of range, expected above 0 and at most ${MAX_BETA}, got ${beta}.`,
    );
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const models = await loadServedModels(runtime, options);
  const gate = openGate(limits);
  const metrics = openMetrics({ inFlight: () => gate.inside(), waiting: () => engine.waiting() });
  const engine = openEngine(runtime, limits, metrics.engine);
  const settings = { beta, limits: pairLimitsOf(options.pairLimits, [...models.values()]) };
  const app = createApp({
    serving: { engine, models, limits },
    settings,
    gate,
    metrics,
    token,
    version,
    log,
  });
  const listening = await listenAt(app, host, port, "serve");
  return {
    url: listening.url,
    models: [...models.keys()],
    async close() {
      gate.shut();
      await listening.stop(limits.graceMs, () => gate.clear());
    },
  };
}

function pairLimitsOf(given: TokenLimits | undefined, models: readonly ServedModel[]): TokenLimits {
  const room = Math.min(...models.map(({ model }) => model.decoder.config.maxPositions));
  if (given === undefined)
    return { maxLength: Math.min(512, room), maxPromptLength: Math.min(256, room >> 1) };
  if (given.maxLength > room || given.maxPromptLength >= given.maxLength || given.maxPromptLength < 1)
    throw new ConfigError(
      `serve: token limits do not fit, expected maxPromptLength below maxLength and at most ${room} positions, got ${given.maxPromptLength} and ${given.maxLength}.`,
    );
  return given;
}
