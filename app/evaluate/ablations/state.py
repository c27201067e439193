"""What a visitor has open in the Ablations view."""

from dataclasses import dataclass, field

from app.services.ablations import Study, default_study, get_study

TICKED_AT_FIRST = 6  # rows


@dataclass(frozen=True)
class WallRequest:
    """Which cells of the wall are wanted."""

    study: str  # key
    clips: tuple[str, ...]  # keys, see `wall.clip_choices`
    rows: tuple[str, ...]


@dataclass
class AblationState:
    """The study in view, the rows that are ticked for the wall, and the wall that is on the page."""

    key: str = ""  # "": the default study
    rows: tuple[str, ...] | None = None  # None: the first ones that have a model
    clips: tuple[str, ...] = ()
    wall: WallRequest | None = None
    asked: int = 0  # counts clicks on cells
    dismissed: tuple[str, ...] = ()  # studies that ended early, and whose message was read
    tables: dict[str, int] = field(default_factory=dict)  # when those of started studies were written, ns
    linked: bool = False  # the wall of a link is still to be computed
    followed: str = ""  # a study that was started, and comes into view with its first table

    def select(self, key: str) -> None:
        """Take another study into view."""
        self.key, self.rows, self.clips, self.wall = key, None, (), None

    def study(self) -> Study | None:
        """Return the study in view, None without any; raises ReportError if it no longer exists."""
        return get_study(self.key) if self.key else default_study()

    def ticked(self, study: Study) -> tuple[str, ...]:
        """Return the names of the ticked rows, all of which have a model, in the order of the table."""
        names = [row.name for row in study.rows if row.model]
        return tuple(names[:TICKED_AT_FIRST] if self.rows is None else (n for n in names if n in self.rows))

    def toggle(self, study: Study, name: object) -> None:
        """Tick a row of the study, or take its tick away; other names do nothing."""
        ticked = self.ticked(study)
        if name in ticked:
            self.rows = tuple(other for other in ticked if other != name)
        elif isinstance(name, str):
            self.rows = (*ticked, name)
