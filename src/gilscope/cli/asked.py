"""From the table of options to the parameters of a verb, and from the words given for them to values."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Concatenate, ParamSpec, TypeVar, cast

import typer

from gilscope.cli.options import Option, options_of
from gilscope.core.errors import UsageError

if TYPE_CHECKING:
    from gilscope.cli.settings import Settings

__all__ = ["Asked", "verb"]

T = TypeVar("T")
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of one verb that were given, on the command line or else in the settings.

    Parameters
    ----------
    options : mapping of name to Option
        Those that the verb has.
    words : mapping of name to tuple of str
        What the command line gave, as it was written; nothing for flags.
    values : mapping of name to value
        As the readers returned them; those of the settings too.
    """

    options: Mapping[str, Option]
    words: Mapping[str, tuple[str, ...]]
    values: Mapping[str, object]

    def value(self, name: str, default: T) -> T:
        """Return the value of an option; the type of the default is that of the option's reader."""
        return cast("T", self.values.get(self.options[name].name, default))

    def text(self, name: str) -> str | None:
        """Return the value of an option that is read as it is written."""
        return self.value(name, cast("str | None", None))

    def given(self, name: str) -> bool:
        """Whether the command line gave it."""
        return self.options[name].name in self.words

    @property
    def measured(self) -> set[str]:
        """The options on the command line that say what is measured."""
        return {name for name in self.words if self.options[name].measured}

    @property
    def fields(self) -> dict[str, object]:
        """What is read, by the fields it fills."""
        found = ((self.options[name].field, value) for name, value in self.values.items())
        return {field: value for field, value in found if field}

    def fill(self, make: Callable[..., T], **defaults: object) -> T:
        """Make a request of the fields that are given, and of defaults for others."""
        return make(**{**defaults, **self.fields})


def verb(function: Callable[Concatenate[Asked, P], int]) -> Callable[..., int]:
    """Give a verb the options that the table has for its name; it gets them as one ``Asked``, before its arguments."""
    options = options_of(function.__name__)
    _, *others = inspect.signature(function, eval_str=True).parameters.values()
    parameters = [*others, *map(_parameter, options.values())]

    body: Callable[..., int] = function

    @wraps(function)
    def command(**given: object) -> int:
        words = {name: _words(given.pop(option.parameter)) for name, option in options.items()}
        asked = _read(options, {name: found for name, found in words.items() if found is not None})
        return body(asked, **given)

    # What typer looks at.
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _parameter(option: Option) -> inspect.Parameter:
    kind: object = (list[str] if option.many else str) | None
    default: object = None
    if option.argument:
        about = typer.Argument(metavar=option.metavar, help=option.help, show_default=False)
    elif option.metavar:
        about = typer.Option(f"--{option.name}", metavar=option.metavar, help=option.help)
    else:
        kind, default, about = bool, False, typer.Option(f"--{option.name}", help=option.help)
    return inspect.Parameter(
        option.parameter, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, about]
    )


def _words(given: object) -> tuple[str, ...] | None:
    """Return the words given for an option; None where it was not given."""
    if isinstance(given, str):
        return (given,)
    if isinstance(given, list):
        return tuple(given) or None
    return () if given else None


def _read(options: Mapping[str, Option], words: Mapping[str, tuple[str, ...]]) -> Asked:
    """Read what was given, on the command line or else in the settings.

    Raises
    ------
    UsageError
        With the nearest word or the expected form, and the settings file where the value came from there.
    """
    from gilscope.cli.settings import Settings, read_settings

    has_settings = any(option.setting for option in options.values())
    settings = read_settings(Path.cwd()) if has_settings else Settings()
    values = {}
    for name, option in options.items():
        if words.get(name):
            values[name] = option.reader(",".join(words[name]))
        elif option.setting and name in settings.values:
            values[name] = _setting(option, settings)
    return Asked(options=options, words=words, values=values)


def _setting(option: Option, settings: Settings) -> object:
    try:
        return option.reader(settings.values[option.name])
    except UsageError as error:
        raise type(error)(f"{error} (from [tool.gilscope] of {settings.path})") from None
