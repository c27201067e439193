"""The page's `gr.Blocks`: every call of every endpoint goes through it, and every refusal is a sentence."""

import logging
from typing import Any

import gradio as gr
from gradio.blocks import BlocksConfig
from gradio.exceptions import InvalidPathError

from app.components.queueing import fair_queue
from app.components.translation import (
    language_of,
    translated_config,
    translated_error,
    translated_update,
)
from app.services.gate import OWN_FILES_ONLY, is_url
from app.services.language import CURRENT, in_language
from avseg.errors import AvsegError

NOT_UPLOADED = "A file must be uploaded first: give the path that the upload returned."
BAD_ARGUMENTS = "The arguments do not fit this call. /gradio_api/openapi.json describes them."
UNEXPECTED = "Something went wrong on the server; its log has the details. Please report it."


class PageConfig(BlocksConfig):
    """The components and events of the page, of which a visitor's session copies the references only.

    Gradio describes every component anew for each session, and again after every update, so that a session
    can be stored as a "deep link": a quarter of a second and megabytes per visitor. This page has no such
    links (`app.services.permalink` restores a view from the address), so sessions hold no descriptions.
    """

    def __copy__(self) -> BlocksConfig:
        """Return the config of a session."""
        session = super().__copy__()
        session.config_for_block = lambda *_args, **_options: {}
        return session


class PageBlocks(gr.Blocks):
    """Blocks with a fair queue that fetch no URLs, and answer every error with a sentence.

    Gradio answers errors other than `gr.Error` with null, since their text may reveal too much.
    """

    def __init__(self, **options: Any):
        self._configs: dict[str, Any] = {}
        super().__init__(**options)
        self.default_config.__class__ = PageConfig

    @property
    def config(self) -> Any:
        """What Gradio tells the browser of the page, in the language of the request that is answered."""
        language = CURRENT.get()
        if language not in self._configs:
            self._configs[language] = translated_config(self._config, language)
        return self._configs[language]

    @config.setter
    def config(self, config: Any) -> None:
        self._config, self._configs = config, {}

    def queue(self, *_args: Any, **_options: Any) -> "PageBlocks":
        """Give the page its queue; direct calls that go round it are off.

        Gradio's own method also builds the server's routes, which `launch` builds anew.
        """
        self.api_open = False
        self._queue = fair_queue(self)
        return self

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], *args: Any, **options: Any
    ) -> list[Any]:
        """Return what the handler takes; URLs in place of files are refused, not fetched."""
        if any(map(names_url, inputs)):
            raise gr.Error(OWN_FILES_ONLY, print_exception=False)
        try:
            return await super().preprocess_data(block_fn, inputs, *args, **options)
        except gr.Error as error:
            raise gr.Error(str(error.message), print_exception=False) from error
        except InvalidPathError as error:
            raise gr.Error(NOT_UPLOADED, print_exception=False) from error
        except Exception as error:  # whatever a component raises about what a client sent
            logging.getLogger(__name__).debug("refused arguments", exc_info=True)
            raise gr.Error(BAD_ARGUMENTS, print_exception=False) from error

    async def postprocess_data(
        self, block_fn: Any, predictions: Any, *args: Any, **options: Any
    ) -> list[Any]:
        """Return what the browser gets, in the visitor's language."""
        outputs = await super().postprocess_data(block_fn, predictions, *args, **options)
        return [translated_update(*pair) for pair in zip(block_fn.outputs, outputs, strict=False)]

    async def process_api(
        self, block_fn: Any, inputs: Any, state: Any = None, request: Any = None, *args: Any, **options: Any
    ) -> dict[str, Any]:
        """Run one call in the visitor's language.

        Errors that nobody foresaw are logged and answered without their text.
        """
        with in_language(language_of(request)):
            try:
                return await super().process_api(block_fn, inputs, state, request, *args, **options)
            except gr.Error as error:
                raise translated_error(error) from error.__cause__
            except (StopIteration, StopAsyncIteration):  # how Gradio notices the end of a generator
                raise
            except AvsegError as error:
                raise translated_error(gr.Error(str(error), print_exception=False)) from error
            except Exception as error:
                raise translated_error(gr.Error(UNEXPECTED)) from error  # printed with its traceback


def names_url(value: Any) -> bool:
    """Return whether the path of a file anywhere in a JSON value is a URL."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if is_url(item.get("path")):
                return True
            pending += item.values()
        elif isinstance(item, list):
            pending += item
    return False
