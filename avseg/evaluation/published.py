"""Published scores on the AVSBench test splits, as printed in their sources."""

from dataclasses import dataclass

Score = tuple[float, float] | None  # mIoU and F in %; None where the source has none


@dataclass(frozen=True)
class PublishedRow:
    """One method's scores by task."""

    method: str
    backbone: str
    s4: Score
    ms3: Score
    avss: Score
    source: str = ""  # where it differs from the table's


@dataclass(frozen=True)
class PublishedTable:
    """The rows of one source."""

    title: str
    source: str
    note: str
    rows: tuple[PublishedRow, ...]

    def scores(self, task: str) -> list[tuple[PublishedRow, float, float]]:
        """Return the methods with scores on a task, each with its mIoU and F in %."""
        scores = ((row, getattr(row, task)) for row in self.rows)
        return [(row, *score) for row, score in scores if score is not None]


TABLE_1 = PublishedTable(
    "The paper's Table 1",
    "AVSegFormer, arXiv:2307.01146v1, Table 1",
    "AVSBench test splits, 224 px, as printed; F and mIoU in %.",
    (
        PublishedRow("LVS", "ResNet-50", (37.94, 51.0), (29.45, 33.0), None),
        PublishedRow("MSSL", "ResNet-18", (44.89, 66.3), (26.13, 36.3), None),
        PublishedRow("3DC", "ResNet-34", (57.10, 75.9), (36.92, 50.3), (17.27, 21.6)),
        PublishedRow("SST", "ResNet-101", (66.29, 80.1), (42.57, 57.2), None),
        PublishedRow("AOT", "Swin-B", None, None, (25.40, 31.0)),
        PublishedRow("iGAN", "Swin-T", (61.59, 77.8), (42.89, 54.4), None),
        PublishedRow("LGVT", "Swin-T", (74.94, 87.3), (40.71, 59.3), None),
        PublishedRow("AVSBench", "ResNet-50", (72.79, 84.8), (47.88, 57.8), (20.18, 25.2)),
        PublishedRow("AVSegFormer", "ResNet-50", (76.45, 85.9), (49.53, 62.8), (24.93, 29.3)),
        PublishedRow("AVSBench", "PVTv2", (78.74, 87.9), (54.00, 64.5), (29.77, 35.2)),
        PublishedRow("AVSegFormer", "PVTv2", (82.06, 89.9), (58.36, 69.3), (36.66, 42.0)),
    ),
)
SINCE = PublishedTable(
    "Published since",
    "the README of each method's repository, as named in the row",
    "AVSBench test splits; resolution, backbone and the F batch differ from row to row.",
    (
        PublishedRow(
            "AVSegFormer, second release",
            "ResNet-50, 512 px for S4 and MS3",
            (76.38, 86.7),
            (53.81, 65.6),
            (26.58, 31.5),
            "vvvb-github/AVSegFormer",
        ),
        PublishedRow(
            "AVSegFormer, second release",
            "PVTv2, 512 px for S4 and MS3",
            (83.06, 90.5),
            (61.33, 73.0),
            (37.31, 42.8),
            "vvvb-github/AVSegFormer",
        ),
        PublishedRow("COMBO", "PVTv2", (84.7, 91.9), (59.2, 71.2), (42.1, 46.1), "COMBO-AVS"),
        PublishedRow("CAVP", "ResNet-50", (78.78, 88.89), (55.82, 67.14), (30.37, 35.29), "cyh-0/CAVP"),
        PublishedRow("SelM", "PVTv2", (83.5, 91.2), (60.3, 71.3), (41.3, 46.9), "SelM"),
        PublishedRow("VCT", "Swin-B, 384 px", (86.2, 93.4), (67.6, 81.4), (52.5, 56.9), "spyflying/VCT_AVS"),
    ),
)
