"""Before and after as two players, each with the sound that its model heard."""

from pathlib import Path

from app.components.player.player import PlayerValue, player_value
from app.services.clips import bundled
from app.whatif import text as words
from app.whatif.effect import Effect
from avseg.media.export import write_clip
from avseg.media.video import replace_audio


def both_players(effect: Effect, folder: Path) -> tuple[PlayerValue, PlayerValue]:
    """Return the players before and after; `folder` gets their files."""
    folder.mkdir(parents=True, exist_ok=True)
    clip, source = effect.before.clip, bundled().get(effect.shown.clip)
    # A stranger's file is never served as it is.
    video, start = (source.path, clip.start) if source else (write_clip(clip, folder / "before.mp4"), 0.0)
    heard = video
    if effect.after.audio != "original":
        heard = replace_audio(video, effect.after.clip.waveform, folder / "after.mp4", start)
    truth = effect.shown.truth
    if truth is None and effect.known is not None:
        truth = tuple(effect.known.sounding)
    same = {"truth": truth, "start": start, "frame": effect.shown.frame}
    title = f"{effect.shown.title}, {words.lead(effect.changes).lower()}"
    return (
        player_value(effect.before, folder / "before", video=video, title=effect.shown.title, **same),
        player_value(effect.after, folder / "after", video=heard, title=title, **same),
    )
