/** Property tests draw the same cases in every run, so that a red run is a change of the code. FC_SEED explores others. */
import fc from "fast-check";

fc.configureGlobal({ seed: Number(process.env["FC_SEED"] ?? 20261123) });
