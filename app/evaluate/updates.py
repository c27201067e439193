"""What the handlers of Evaluate change."""

from dataclasses import dataclass

from app.components.updates import UNCHANGED, Updates


@dataclass(frozen=True)
class EvaluateUpdates(Updates):
    """What a handler changes; see EvaluateLayout."""

    header: object = UNCHANGED
    tabs: object = UNCHANGED
    report_header: object = UNCHANGED
    models: object = UNCHANGED
    data: object = UNCHANGED
    split: object = UNCHANGED
    clips: object = UNCHANGED
    go: object = UNCHANGED
    jobs: object = UNCHANGED
    command: object = UNCHANGED
    reports: object = UNCHANGED
    compare: object = UNCHANGED
    notice: object = UNCHANGED
    head: object = UNCHANGED
    body: object = UNCHANGED
    opened: object = UNCHANGED
    about: object = UNCHANGED
    player: object = UNCHANGED
    clip_grid: object = UNCHANGED
    revision: object = UNCHANGED
    timer: object = UNCHANGED
