"""The changes that are one click away, in front of the form."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.services.session import ClipResult
from avseg.config import ModelConfig
from avseg.interventions.run import Change, read_change


@dataclass(frozen=True)
class Preset:
    """One click: a change as the command line writes it."""

    title: str
    change: str
    clip: str = ""  # whose sound it takes; it changes nothing on that clip itself


PRESETS = (
    Preset("Silence", "mute"),
    Preset("Siren", "swap=street-siren", "street-siren"),
    Preset("Dog", "swap=dog-and-guitar", "dog-and-guitar"),
    Preset("One second late", "shift=1"),
    Preset("Mixer off", "mixer-off"),
    Preset("TPAVI off", "tpavi-off"),
)


def offered(config: ModelConfig, result: ClipResult | None) -> list[Preset]:
    """Return the presets that change something for a model and a clip, one of another clip's sound."""
    own = result.clip if result is not None else None
    able = [p for p in PRESETS if not read_change(p.change).row.lacks(config) and p.clip != (own or " ")]
    borrowed = [preset for preset in able if preset.clip][1:]
    return [preset for preset in able if preset not in borrowed]


def changes_text(changes: Sequence[Change]) -> str:
    """Return changes as the command line writes them: "mute;shift=2"."""
    return ";".join(change.text for change in changes)
