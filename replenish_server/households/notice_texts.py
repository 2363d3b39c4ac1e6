"""PURE: what a notice says, in English and Korean.

A new kind is one line of `_TEXTS`. A place named `x` is filled from `x_minor` (a price in the notice's
`currency`), from `x_at` (a moment, shown in the household's time zone), or from `x` as it is.
"""

import string
from collections.abc import Mapping
from datetime import datetime, tzinfo

from replenish_server.households.money import money

Data = Mapping[str, int | str | None]

# Each kind holds the English and the Korean sentence. Korean avoids particles after inserted names.
_TEXTS: dict[str, tuple[str, str]] = {
    "signed_in": (
        "{name} signed in on another browser: {browser}",
        "새 브라우저에서 로그인했습니다: {name} ({browser})",
    ),
    "device_added": (
        "A device was added: {device}, for {slot}.",
        "기기가 추가되었습니다: {device} ({slot}).",
    ),
}

KINDS = frozenset(_TEXTS)


def missing(kind: str, data: Data) -> set[str]:
    """The places of a kind's sentences that `data` does not fill.

    Raises:
        ValueError: a kind that has no words.
    """
    return {
        place
        for text in _texts(kind)
        for _, place, _, _ in string.Formatter().parse(text)
        if place and not {place, f"{place}_minor", f"{place}_at"} & data.keys()
    }


def notice_text(kind: str, data: Data, language: str, zone: tzinfo) -> str:
    """The sentence of a notice.

    Args:
        kind: one of `KINDS`.
        data: what the notice was written with; times are ISO 8601 with their offset.
        language: "ko", anything else is English.
        zone: the household's.

    Raises:
        ValueError: a kind that has no words.
        KeyError: a place that `data` does not fill, see `missing`.
    """
    values: dict[str, object] = dict(data)
    for name, value in data.items():
        if name.endswith("_minor"):
            minor = value if isinstance(value, int) else None
            values[name.removesuffix("_minor")] = money(minor, str(data.get("currency")))
        elif name.endswith("_at") and isinstance(value, str):
            local = datetime.fromisoformat(value).astimezone(zone)
            values[name.removesuffix("_at")] = f"{local:%Y-%m-%d %H:%M}"
    return _texts(kind)[1 if language == "ko" else 0].format_map(values)


def _texts(kind: str) -> tuple[str, str]:
    texts = _TEXTS.get(kind)
    if texts is None:
        raise ValueError(f"a notice of kind {kind!r} has no words; add them to notice_texts")
    return texts
