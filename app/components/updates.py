"""Named updates: a handler returns a dataclass whose fields are components of its tab, and sets only some.

    @dataclass(frozen=True)
    class SegmentUpdates(Updates):
        notice: object = UNCHANGED
        player: object = UNCHANGED

    def segment(clip: str) -> SegmentUpdates:
        return SegmentUpdates(notice=error_notice(error))

    connect(layout.go.click, segment, [layout.clip], SegmentUpdates, layout)

The outputs of the event are the components of `layout` with the names of the fields, so no handler counts or
orders them, and what it leaves unset stays as it is on the page.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, TypeVar, cast

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from app.services.host import error_text
from avseg.errors import AvsegError
from avseg.files import full_disk

T = TypeVar("T")


class _Unchanged:
    """The type of UNCHANGED."""

    def __repr__(self) -> str:
        return "UNCHANGED"

    def __deepcopy__(self, _: object) -> "_Unchanged":
        return self


UNCHANGED: Any = _Unchanged()
"""The default of every field: leave the component as it is."""


@dataclass(frozen=True)
class Updates:
    """What one handler changes on the page; subclasses declare a field per component."""

    def __or__(self, other: "Updates") -> "Updates":
        """Return the fields of both, those of `other` first where both are set."""
        kind = type(self) if issubclass(type(self), type(other)) else type(other)
        return kind(**(self.changes() | other.changes()))

    def changes(self) -> dict[str, Any]:
        """Return the fields that are set, by name."""
        values = ((f.name, getattr(self, f.name)) for f in fields(self))
        return {name: value for name, value in values if value is not UNCHANGED}


def told(handler: Callable[..., T]) -> Callable[..., T]:
    """Return a handler whose errors for users, and full disks, reach the visitor as a message."""

    @contextmanager
    def telling() -> Iterator[None]:
        try:
            yield
        except (AvsegError, OSError) as error:
            if not isinstance(error, AvsegError) and not full_disk(error):
                raise
            raise gr.Error(error_text(error), print_exception=False) from error

    @functools.wraps(handler)
    def wrapped(*args: Any, **kwargs: Any) -> T:
        with telling():
            return handler(*args, **kwargs)

    @functools.wraps(handler)
    async def waiting(*args: Any, **kwargs: Any) -> Any:  # without keeping a thread
        with telling():
            return await cast(Any, handler)(*args, **kwargs)

    return cast(Callable[..., T], waiting) if inspect.iscoroutinefunction(handler) else wrapped


def components_of(updates: type[Updates], layout: object) -> list[Component]:
    """Return the components of `layout` that the fields of `updates` name; a group counts as its members."""
    components: list[Component] = []
    for field in fields(updates):
        components += _members(getattr(layout, field.name))
    return components


def named(handler: Callable[..., Any], layout: object) -> Callable[..., Any]:
    """Return a handler as Gradio wants it: its updates by component. Signature and docstring stay."""

    def by_component(updates: Updates) -> dict[Component, Any]:
        result: dict[Component, Any] = {}
        for name, value in updates.changes().items():
            target = getattr(layout, name)
            members = _members(target)
            if isinstance(target, dict):
                value = [value.get(key, UNCHANGED) for key in target]
            values = list(value) if isinstance(target, dict | list | tuple) else [value]
            result |= {c: v for c, v in zip(members, values, strict=True) if v is not UNCHANGED}
        if not result:  # Gradio takes an empty dictionary for a missing value
            result = dict.fromkeys(components_of(type(updates), layout)[:1], gr.skip())
        return result

    heard = told(handler)
    if inspect.iscoroutinefunction(handler):

        @functools.wraps(handler)
        async def waiting(*args: Any, **kwargs: Any) -> dict[Component, Any]:
            return by_component(await heard(*args, **kwargs))

        return waiting

    @functools.wraps(handler)
    def wrapped(*args: Any, **kwargs: Any) -> dict[Component, Any]:
        return by_component(heard(*args, **kwargs))

    return wrapped


def connect(
    event: Callable[..., Dependency],
    handler: Callable[..., Any],
    inputs: Sequence[Component] | set[Component] | Component | None,
    updates: type[Updates],
    layout: object,
    **options: Any,
) -> Dependency:
    """Listen to an event: `handler(*inputs)` returns by name which components of `layout` change."""
    return event(named(handler, layout), inputs, components_of(updates, layout), **options)


def _members(target: object) -> list[Component]:
    if isinstance(target, dict):
        return list(target.values())
    return list(target) if isinstance(target, list | tuple) else [target]
