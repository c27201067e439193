"""What AVSBench promises: where the files of S4, MS3 and AVSS lie, and what a table says about a clip.

Sources: the folders that the benchmark's preparation scripts write, and its released tables.
"""

from dataclasses import dataclass

from avseg.data.labels import CLASS_INDEX
from avseg.data.samples import UNNAMED

SPLITS = ("train", "val", "test")
VIDEO_ID = 11  # characters of a YouTube id, with which every clip's name begins


@dataclass(frozen=True)
class Layout:
    """What differs between the three formats; patterns are filled with an entry's fields and `number`."""

    folder: str  # usual name of the task's folder
    table: str  # csv with one row per clip
    name: str  # columns: the clip's name, what sounds, the subset, the second it begins at; "" for none
    given: str
    subset: str
    start: str
    frame: str
    masks: tuple[tuple[str, str], ...]  # (pattern, key of avsbench_files.DECODE); the first there is counts
    sound: str
    first: int  # number of a clip's first frame in file names
    frames: dict[str, int]  # subset: frames of its clips
    first_only: tuple[str, ...]  # subsets with one label in training
    one_class: bool  # masks mark pixels of the one class that the table gives
    size: tuple[int, int] | None  # (height, width) of every frame; None where clips keep their own
    official: dict[str, int]  # clips of every split

    @property
    def seconds(self) -> int:
        return max(self.frames.values())

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.name, self.given, self.subset, self.start, "split")))


LAYOUTS: dict[str, Layout] = {
    "s4": Layout(
        folder="Single-source",
        table="s4_meta_data.csv",
        name="name",
        given="category",
        subset="",
        start="start",
        frame="s4_data/visual_frames/{split}/{given}/{name}/{name}_{number}.png",
        masks=(("s4_data/gt_masks/{split}/{given}/{name}/{name}_{number}.png", "binary"),),
        sound="s4_data/audio_wav/{split}/{given}/{name}.wav",
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
        given="",
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
        given="a_obj",
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


@dataclass(frozen=True)
class Entry:
    """One clip as the table has it; paths are below the task's folder, moments count frames from 0."""

    task: str
    name: str  # S4: name, MS3: video_id, AVSS: uid
    split: str
    given: str  # what sounds, as the table writes it: category (S4), a_obj (AVSS), "" (MS3)
    subset: str  # v1s, v1m or v2 (AVSS), else ""
    labels: tuple[str, ...]  # the class names in `given`
    unknown: tuple[str, ...]  # the names in `given` that are none of the 71 classes
    frames: int  # frames of the clip
    promised: int  # how many of them must be there: a clip that begins late in its video may have fewer
    labelled: int  # how many of them have ground truth, from the first one on

    @property
    def layout(self) -> Layout:
        return LAYOUTS[self.task]

    @property
    def video(self) -> str:
        """Id of the video that the clip was cut from."""
        return self.name[:VIDEO_ID]

    @property
    def unnamed(self) -> int:
        """Class index of pixels that a mask marks without saying what they are."""
        return CLASS_INDEX[self.labels[0]] if self.layout.one_class and self.labels else UNNAMED

    @property
    def sound(self) -> str:
        return self._filled(self.layout.sound)

    def frame(self, moment: int) -> str:
        return self._filled(self.layout.frame, moment)

    def masks(self, moment: int) -> list[tuple[str, str]]:
        """Return (path, key of avsbench_files.DECODE) of every file that may hold this moment's mask."""
        return [(self._filled(pattern, moment), how) for pattern, how in self.layout.masks]

    def _filled(self, pattern: str, moment: int = 0) -> str:
        return pattern.format(
            name=self.name,
            split=self.split,
            given=self.given,
            subset=self.subset,
            number=moment + self.layout.first,
        )
