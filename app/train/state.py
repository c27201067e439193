"""What a visitor has open in the Train tab."""

from dataclasses import dataclass, field


@dataclass
class TrainState:
    """The selected run and how its charts are drawn; a run that is gone is replaced at the next update."""

    run: str = ""
    compared: tuple[str, ...] = ()  # other runs in the charts
    validation: int = 0  # whose sample predictions are on the page, from 1; 0 follows the newest
    smoothing: str = "2 %"
    loss_axis: str = "log"
    metric: str = "mIoU"
    sent: dict[str, int] = field(default_factory=dict)  # hash of the HTML on the page, by component
