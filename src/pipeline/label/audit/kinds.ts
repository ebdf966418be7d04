/** Teachers of an audit, and how they are trained unless settings say otherwise. Imports nothing, so that help is quick. */

/** Teachers that an audit can train. */
export const AUDIT_KINDS = ["implicit-reward", "reward-head", "likelihood"] as const;

/** One of them. */
export type AuditKind = (typeof AUDIT_KINDS)[number];

/** Settings for some hundreds or thousands of pairs and a small model, in the words of `--set`: what is asked for comes after. */
export const AUDIT_DEFAULTS: Readonly<Record<AuditKind, readonly string[]>> = {
  "implicit-reward": [
    "sft.learning_rate=0.0003",
    "sft.num_train_epochs=2",
    "prefer.learning_rate=0.0001",
    "prefer.num_train_epochs=2",
  ],
  "reward-head": [
    "sft.learning_rate=0.0003",
    "sft.num_train_epochs=1",
    "reward.learning_rate=0.0001",
    "reward.num_train_epochs=2",
    "reward.batch_size=16",
  ],
  likelihood: ["sft.learning_rate=0.0003", "sft.num_train_epochs=2"],
};
