"""What stands around a step as HTML: the rail with its progress, the heading, the verdict, where to go on."""

import json
from html import escape

from app.components.text import time_words
from app.inside.elements import pick
from app.learn import text as words
from app.learn.elements import Live, Opening, Verdict
from app.learn.measurements import Runs
from app.learn.state import Place
from app.learn.steps import STEPS


def rail(place: Place) -> str:
    """Return the steps as a list of buttons, the open one and the answered ones marked."""
    done = sum(place.done(name) for name in STEPS)
    items = []
    for number, (name, step) in enumerate(STEPS.items(), start=1):
        here, answered = name == place.step, place.done(name)
        kind, sign = ("ln-mark done", "✓") if answered else ("ln-mark", number)
        mark = f'<i class="{kind}" aria-hidden="true">{sign}</i>'
        said = '<span class="ln-said">, answered</span>' if answered else ""
        button = pick("step", name, f"{mark}<span>{escape(step.title)}{said}</span>", here)
        items.append(f"<li{' aria-current=step' if here else ''}>{button}</li>")
    share = 100 * done / len(STEPS)
    return (
        f'<nav class="ln-rail" aria-label="Steps of the lesson"><ol>{"".join(items)}</ol>'
        f'<div class="ln-done"><div aria-hidden="true"><i style="width:{share:.0f}%"></i></div>'
        f"<span>{done} of {len(STEPS)} answered</span></div></nav>"
    )


def head(place: Place, runs: Runs, seconds: float = 0.0) -> str:
    """Return the heading of a step, what it runs on, and the seconds that the model took just now."""
    number = list(STEPS).index(place.step) + 1
    line = f"Step {number} of {len(STEPS)} · {runs.about.title} · {runs.model}, bundled"
    line += f" · measured in {time_words(seconds)}" if seconds else ""
    return f'<h1>{escape(STEPS[place.step].heading)}</h1><p class="caption">{escape(line)}</p>'


def waiting() -> str:
    """Return the heading before a step was opened."""
    return f'<h1>{words.TITLE}</h1><p class="caption">{words.LINE}</p>'


def measuring() -> str:
    """Return what stands where a step's numbers will be, until it was measured."""
    return f'<div class="inside-view ln-live"><p class="ln-found ln-waiting">{words.MEASURING}</p></div>'


def live(shown: Live, opening: Opening) -> str:
    """Return what a step measured, and for the script where its button leads."""
    leads = escape(json.dumps({"tab": opening.tab, "ticks": opening.ticks}))
    found = f'<p class="ln-found">{escape(shown.sentence)}</p>'
    return f'<div class="inside-view ln-live" data-leads="{leads}">{found}{shown.html}</div>'


def verdict(found: Verdict | None, answer: int | None, options: tuple[str, ...]) -> str:
    """Return what the numbers say to an answer; nothing before there is one."""
    if found is None or answer is None:
        return ""
    right = found.right == answer
    kind, lead = ("right", "So it was measured.") if right else ("wrong", "Measured otherwise.")
    told = "" if right else f" It is: {options[found.right]}."
    return (
        f'<div class="ln-verdict {kind}" role="status"><b>{lead}</b>{escape(told)} '
        f"<span>{escape(found.because)}</span></div>"
    )
