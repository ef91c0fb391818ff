"""From the table of options to the parameters of a verb, and from the texts given for them to values."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Concatenate, ParamSpec, TypeVar, cast

import typer

from gilscope.cli.options import Option, options_of
from gilscope.cli.output import emit
from gilscope.core.errors import UsageError

T = TypeVar("T")
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class VerbOptions:
    """The options of one verb that were given, on the command line or else in the settings."""

    table: Mapping[str, Option]  # all that the verb has
    texts: Mapping[str, tuple[str, ...]]  # those of the command line, as they were written; empty for flags
    values: Mapping[str, object]  # as the readers returned them; those of the settings too

    def value(self, name: str, default: T) -> T:
        """Return the value of an option; the type of the default is that of the option's reader."""
        return cast("T", self.values.get(self.table[name].name, default))

    def text(self, name: str) -> str | None:
        """Return the value of an option that is read as it is written."""
        return self.value(name, cast("str | None", None))

    def given(self, name: str) -> bool:
        """Whether the command line has it."""
        return self.table[name].name in self.texts

    @property
    def measured(self) -> set[str]:
        """The options on the command line that say what is measured."""
        return {name for name in self.texts if self.table[name].measured}

    @property
    def fields(self) -> dict[str, object]:
        """The values by the fields they fill."""
        return {self.table[name].field: value for name, value in self.values.items() if self.table[name].field}

    def fill(self, make: Callable[..., T], **defaults: object) -> T:
        """Make a request of the fields that are given, and of defaults for others."""
        return make(**{**defaults, **self.fields})


def verb(function: Callable[Concatenate[VerbOptions, P], int]) -> Callable[..., int]:
    """Give a verb the options that the table has for its name: its first parameter, before its arguments."""
    table = options_of(function.__name__)
    _, *arguments = inspect.signature(function, eval_str=True).parameters.values()
    parameters = [*arguments, *map(_parameter, table.values())]
    body: Callable[..., int] = function

    @wraps(function)
    def command(**given: object) -> int:
        texts = {name: _texts(given.pop(option.parameter)) for name, option in table.items()}
        return body(_read(table, {name: found for name, found in texts.items() if found is not None}), **given)

    # What typer looks at.
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def help_alone(context: typer.Context) -> None:
    """Print the help of a group of verbs where none of them follows."""
    if context.invoked_subcommand is None:
        emit(context.get_help())


def _parameter(option: Option) -> inspect.Parameter:
    kind: object = (list[str] if option.many else str) | None
    default: object = None
    if option.argument:
        about = typer.Argument(metavar=option.metavar, help=option.help, show_default=False)
    elif option.metavar:
        about = typer.Option(f"--{option.name}", metavar=option.metavar, help=option.help)
    else:
        kind, default, about = bool, False, typer.Option(f"--{option.name}", help=option.help)
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(option.parameter, keyword, default=default, annotation=Annotated[kind, about])


def _texts(given: object) -> tuple[str, ...] | None:
    """Return the texts given for an option; None where it was not given."""
    if isinstance(given, str):
        return (given,)
    if isinstance(given, list):
        return tuple(given) or None
    return () if given else None


def _read(table: Mapping[str, Option], texts: Mapping[str, tuple[str, ...]]) -> VerbOptions:
    """Read what was given; errors name the settings file where the value came from there."""
    from gilscope.cli.settings import Settings, read_settings

    settings = read_settings(Path.cwd()) if any(option.setting for option in table.values()) else Settings()
    values = {}
    for name, option in table.items():
        if texts.get(name):
            values[name] = option.reader(",".join(texts[name]))
        elif option.setting and name in settings.values:
            try:
                values[name] = option.reader(settings.values[name])
            except UsageError as error:
                raise type(error)(f"{error} (from [tool.gilscope] of {settings.path})") from None
    return VerbOptions(table=table, texts=texts, values=values)
