"""One-file web pages of a result, an evaluation, an ablation study or a run, which open from disk."""
