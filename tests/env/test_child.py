"""Questions to another Python."""

from __future__ import annotations

import pytest

from gilscope.env.child import NoReplyError, reply

TIMEOUT_S = 60.0


def test_arguments_and_reply_are_json_whatever_else_is_printed() -> None:
    text = 'print("before")\ndef reply(*words):\n    print("within", end="")\n    return {"words": words}'
    assert reply(text, "a\n", {"b": None}, timeout_s=TIMEOUT_S) == {"words": ["a\n", {"b": None}]}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("def reply():\n    raise KeyError('x')", "KeyError: 'x'"),
        ("raise SystemExit(3)", "exit status 3"),
        ("raise SystemExit('first\\nsecond')", "first"),
    ],
)
def test_what_fails_says_why_in_one_line(text: str, why: str) -> None:
    with pytest.raises(NoReplyError) as caught:
        reply(text, timeout_s=TIMEOUT_S)
    assert str(caught.value) == why


def test_what_does_not_end_is_ended() -> None:
    with pytest.raises(NoReplyError, match=r"no reply within 0\.5 s"):
        reply("import time\ntime.sleep(1000)", timeout_s=0.5)
