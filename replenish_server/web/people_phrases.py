"""The part of the catalogue that speaks of people. English and Korean side by side, as in `phrases`."""

from typing import Final

PEOPLE_PHRASES: Final[dict[str, tuple[str, str]]] = {
    "notices.title": ("Notices", "알림"),
    "notices.unseen": ("{n} new", "새 알림 {n}개"),
    "notices.all": ("All notices", "모든 알림"),
    "notices.none": ("Nothing to tell.", "알림이 없습니다."),
    "notices.mark_seen": ("Mark all as seen", "모두 확인함으로 표시"),
    "notices.seen_by": ("seen by {name}", "확인: {name}"),
}
