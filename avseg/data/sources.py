"""Where the public data of the field are requested or downloaded, and which folders arrive."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DataSource:
    """One collection of labelled clips."""

    name: str
    get: str  # where, and how
    arrives: str  # folders that `check`, `train --data` and Explore read as they are; why not, otherwise


SOURCES = (
    DataSource(
        "AVSBench-object (S4, MS3)",
        "Form: https://forms.gle/GKzkU2pEkh8aQVHN6. The download site has been reported down since July "
        "2025; the authors answer mail (https://github.com/OpenNLPLab/AVSBench/issues/30).",
        "Single-source/ and Multi-sources/, also inside AVSBench_object/.",
    ),
    DataSource(
        "AVSBench-semantic (AVSS)",
        "Form: https://forms.gle/15GZeDbVMe2z6YUGA. Site and mail as above.",
        "AVSS/, also under the name AVSBench_semantic/.",
    ),
    DataSource(
        "AVS-Synthetic",
        "https://zenodo.org/records/8125822, without a request: python -m avseg data get avs-synthetic.",
        "annotations.csv with images/, masks/ and audios/, read as S4 clips of one frame.",
    ),
)


RECORDS = {"avs-synthetic": "8125822"}  # data sets that `data get` fetches: their records on Zenodo


def describe() -> str:
    """Return the sources as text for a terminal."""
    lines = [f"{source.name}\n  {source.get}\n  Arrives as: {source.arrives}" for source in SOURCES]
    return "\n".join([*lines, "Then: python -m avseg check FOLDER"])
