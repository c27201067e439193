"""The formats of S4, MS3 and AVSS: paths of files, and the columns of the tables.

Sources: the folders written by the benchmark's preparation scripts, and its released tables.
"""

from dataclasses import dataclass, replace
from functools import cache

from avseg.data.labels import CLASS_INDEX
from avseg.data.samples import UNNAMED

SPLITS = ("train", "val", "test")
SCENES = "scenes.json"  # beside the table of data drawn by SynthAVS
VIDEO_ID = 11  # characters of a YouTube id, the start of every clip's name


@dataclass(frozen=True)
class Layout:
    """One of the three formats; patterns are filled with an entry's fields and `number`."""

    folder: str  # default name of the task's folder
    table: str  # csv with one row per clip
    name: str  # columns: the clip's name, sounding classes, subset, start in seconds; "" for none
    annotation: str
    subset: str
    start: str
    frame: str
    masks: tuple[tuple[str, str], ...]  # (pattern, key of files.DECODE); the first that exists counts
    sound: str
    first: int  # number of a clip's first frame in file names
    frames: dict[str, int]  # subset: frames of its clips
    first_only: tuple[str, ...]  # subsets with ground truth for the first frame only in train
    one_class: bool  # masks are binary, of the single class named by the table
    size: tuple[int, int] | None  # (height, width) of every frame; None if it varies between clips
    official: dict[str, int]  # number of clips in every split; {} where that is not known
    shared_folders: bool = False  # the files of all clips are in the same folders
    own_classes: bool = False  # the classes need not be AVSBench's
    heard_from: float = 0.0  # second of its sound at which a clip begins
    rate: float = 1.0  # frames per second

    @property
    def seconds(self) -> int:
        return max(self.frames.values())

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.name, self.annotation, self.subset, self.start, "split")))


LAYOUTS: dict[str, Layout] = {
    "s4": Layout(
        folder="Single-source",
        table="s4_meta_data.csv",
        name="name",
        annotation="category",
        subset="",
        start="start",
        frame="s4_data/visual_frames/{split}/{annotation}/{name}/{name}_{number}.png",
        masks=(("s4_data/gt_masks/{split}/{annotation}/{name}/{name}_{number}.png", "binary"),),
        sound="s4_data/audio_wav/{split}/{annotation}/{name}.wav",
        first=1,
        frames={"": 5},
        first_only=("",),
        one_class=True,
        size=(224, 224),
        official={"train": 3452, "val": 740, "test": 740},
    ),
    "ms3": Layout(
        folder="Multi-sources",
        table="ms3_meta_data.csv",
        name="video_id",
        annotation="",
        subset="",
        start="",
        frame="ms3_data/visual_frames/{name}/{name}.mp4_{number}.png",
        masks=(("ms3_data/gt_masks/{split}/{name}/{name}_{number}.png", "binary"),),
        sound="ms3_data/audio_wav/{split}/{name}.wav",
        first=1,
        frames={"": 5},
        first_only=(),
        one_class=False,
        size=(224, 224),
        official={"train": 296, "val": 64, "test": 64},
    ),
    "avss": Layout(
        folder="AVSS",
        table="metadata.csv",
        name="uid",
        annotation="a_obj",
        subset="label",
        start="s_sec",
        frame="{subset}/{name}/frames/{number}.jpg",
        masks=(
            ("{subset}/{name}/labels_semantic/{number}.png", "index"),
            ("{subset}/{name}/labels_rgb/{number}.png", "colours"),
        ),
        sound="{subset}/{name}/audio.wav",
        first=0,
        frames={"v1s": 5, "v1m": 5, "v2": 10},
        first_only=("v1s",),
        one_class=False,
        size=None,
        official={"train": 8498, "val": 1304, "test": 1554},
    ),
}

# AVS-Synthetic, read as S4; see avseg/data/avsbench/synthetic.py.
SYNTHETIC = Layout(
    folder="AVS_Synthetic",
    table="annotations.csv",
    name="inst_id",
    annotation="cls_name",
    subset="",
    start="",
    frame="images/{image}.jpg",
    masks=(("masks/{name}.png", "binary"),),
    sound="audios/{audio}.wav",
    first=0,
    frames={"": 1},
    first_only=(),
    one_class=True,
    size=None,
    official={},
    shared_folders=True,
    own_classes=True,
    heard_from=0.96,
)


CONVERSION = "conversion.json"  # beside the table of data that `avseg convert` wrote


@cache
def converted_layout(task: str, frames: int, rate: float) -> Layout:
    """Return the layout of converted data: a task's, for clips of `frames` frames, all with ground truth."""
    layout = LAYOUTS[task]
    subset = next(reversed(layout.frames))
    return replace(layout, frames={subset: frames}, first_only=(), start="", official={}, rate=rate)


@dataclass(frozen=True)
class Entry:
    """One row of the table; paths are relative to the task's folder, moments count frames from 0."""

    task: str
    name: str  # S4: name, MS3: video_id, AVSS: uid
    split: str
    annotation: str  # sounding classes as written in the table: category (S4), a_obj (AVSS), "" (MS3)
    subset: str  # v1s, v1m or v2 (AVSS), else ""
    labels: tuple[str, ...]  # the class names in `annotation`
    unknown: tuple[str, ...]  # the names in `annotation` that are not among the 71 classes
    frames: int  # frames of the clip
    required: int  # frames that must exist: a clip that starts late in its video may have fewer
    labelled: int  # frames with ground truth, from the first on
    image: str = ""  # AVS-Synthetic: name of the frame's file, which several clips may share
    audio: str = ""  # AVS-Synthetic: name of the sound's file
    converted: int = 0  # frames of every clip of converted data, else 0
    rate: float = 1.0  # frames per second

    @property
    def layout(self) -> Layout:
        if self.converted:
            return converted_layout(self.task, self.converted, self.rate)
        return SYNTHETIC if self.image else LAYOUTS[self.task]

    @property
    def video(self) -> str:
        """Id of the source video, or of the source image."""
        return self.image or self.name[:VIDEO_ID]

    @property
    def unnamed(self) -> int:
        """Class index of the foreground of binary masks."""
        return CLASS_INDEX[self.labels[0]] if self.layout.one_class and self.labels else UNNAMED

    @property
    def sound(self) -> str:
        return self._filled(self.layout.sound)

    def frame(self, moment: int) -> str:
        return self._filled(self.layout.frame, moment)

    def masks(self, moment: int) -> list[tuple[str, str]]:
        """Return (path, key of files.DECODE) of every file that may contain this moment's mask."""
        return [(self._filled(pattern, moment), kind) for pattern, kind in self.layout.masks]

    def _filled(self, pattern: str, moment: int = 0) -> str:
        return pattern.format(
            name=self.name,
            split=self.split,
            annotation=self.annotation,
            subset=self.subset,
            number=moment + self.layout.first,
            image=self.image,
            audio=self.audio,
        )
