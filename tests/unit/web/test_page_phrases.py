"""Both languages say everything, with the same values, and every phrase is used."""

import re
import string
from pathlib import Path

import pytest

import replenish_server.web as web
from replenish_server.web.phrases import PHRASES, translate
from replenish_server.web.rendering import NOTICES


def places(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name)


@pytest.mark.parametrize("key", PHRASES)
def test_both_languages_say_it_with_the_same_values(key: str) -> None:
    english, korean = PHRASES[key]
    assert english.strip()
    assert korean.strip()
    assert places(english) == places(korean)
    assert not re.search("[<>]", english + korean), "phrases are text, never markup"


def test_korean_is_korean() -> None:
    assert [key for key, (_, korean) in PHRASES.items() if not re.search("[가-힣]", korean)] == []


def test_every_notice_has_its_phrase() -> None:
    assert {f"notice.{name}" for name in NOTICES} <= PHRASES.keys()


def test_every_key_named_in_code_or_templates_exists() -> None:
    home = Path(web.__file__).parent
    sources = [p.read_text() for p in [*home.glob("*.py"), *home.glob("templates/*.html")]]
    named = {
        key for text in sources for key in re.findall(r"""(?:\bt\(|lang, )["']([a-z_0-9.]+)["']""", text)
    }
    whole = {key for key in named if not key.endswith((".", "_"))}
    assert len(whole) > 60
    assert whole - PHRASES.keys() == set()


def test_no_phrase_lies_unused() -> None:
    home = Path(web.__file__).parent
    sources = [
        p for p in [*home.glob("*.py"), *home.glob("templates/*.html")] if not p.name.endswith("phrases.py")
    ]
    text = "".join(p.read_text() for p in sources).replace("'", '"')
    # Keys that are put together from a value count as used when their beginning is named.
    starts = set(re.findall(r'"([a-z_.]+[._])"', text)) | set(re.findall(r'f"([a-z_.]+\.)\{', text))
    starts |= {"unit.", "ago."}
    unused = [k for k in PHRASES if f'"{k}"' not in text and not k.startswith(tuple(starts))]
    assert unused == []


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        translate("en", "slot.spare")
