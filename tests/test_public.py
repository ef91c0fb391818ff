"""What ``import gilscope`` offers, and what it does not load."""

from __future__ import annotations

import subprocess
import sys

import pytest

import gilscope


def test_every_public_name_is_there() -> None:
    assert {name for name in gilscope.__all__ if getattr(gilscope, name, None) is None} == set()
    assert set(gilscope.__all__) <= set(dir(gilscope))
    assert len(gilscope.__all__) <= 15


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = gilscope.nothing


def test_importing_it_loads_no_module_of_ours_but_the_package() -> None:
    code = "import sys, gilscope; print([m for m in sys.modules if m.startswith('gilscope')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['gilscope']"


def test_the_version_is_that_of_the_package() -> None:
    from importlib.metadata import version

    assert version("gilscope") == gilscope.__version__
