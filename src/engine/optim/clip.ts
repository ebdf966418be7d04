/** Clipping gradients by their global norm. */
import { NumericsError } from "../../base/core/errors.ts";

/**
 * The factor min(1, maxNorm / (norm + 1e-6)), as `torch.nn.utils.clip_grad_norm_` has it
 * (Pascanu et al. 2013, https://arxiv.org/abs/1211.5063, algorithm 1).
 * @param norm - global L2 norm of all gradients, at least 0
 * @param maxNorm - largest norm let through, above 0; without it nothing is clipped
 * @throws NumericsError when the norm is not finite
 */
export function clipFactor(norm: number, maxNorm: number | undefined): number {
  if (!Number.isFinite(norm))
    throw new NumericsError(
      "clip",
      `the norm of the gradients is ${norm}, expected a finite number. Nothing was updated; lower the learning rate or look at the batch.`,
    );
  return maxNorm === undefined ? 1 : Math.min(1, maxNorm / (norm + 1e-6));
}
