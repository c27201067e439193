"""Ablation studies: the rows of the paper's Table 2 as configs, trained and compared on the same clips."""
