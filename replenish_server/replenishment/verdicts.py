"""PURE: what each rule is called and what it looked at, in English and Korean."""

from collections.abc import Callable, Mapping

from replenish_server.households.mandate import Verdict
from replenish_server.ordering.states import State
from replenish_server.replenishment.amounts import amount, money, number
from replenish_server.replenishment.mandate_texts import RULE_NAMES, clause, has_clause

Numbers = Mapping[str, int | str | float | None]

_RULES = {
    "no_open_order": ("No open order", "진행 중인 주문 없음"),
    "level_known": ("Level known", "잔량을 앎"),
    "fresh_reading": ("Fresh reading", "최근 측정"),
    "below_reorder_point": ("Low enough to order", "주문할 만큼 낮음"),
    "steady_level": ("No sudden drop", "급격한 감소 없음"),
    "three_low_readings": ("Three low readings", "낮은 측정 세 번"),
    "confirmed_count": ("Counted twice", "두 번 집계됨"),
    "not_skipped": ("Not skipped", "건너뛰지 않음"),
    "fresh_press": ("Fresh press", "방금 누름"),
    "basket": ("Travels with another order", "다른 주문과 함께"),
    "presser_may_spend": ("Who pressed may spend", "누른 사람의 지출 권한"),
    "mandate": ("Your rules", "내 규칙"),
    **RULE_NAMES,
}


def rule_name(rule: str, language: str) -> str:
    """What people call a rule."""
    english, korean = _RULES[rule]
    return korean if language == "ko" else english


def verdict_text(verdict: Verdict, unit: str, language: str) -> str:
    """What one rule looked at, in a few words.

    Raises:
        ValueError: a rule that has no words yet.
    """
    if has_clause(verdict.rule):
        return clause(verdict, unit, language)
    say = _TEXTS.get(verdict.rule)
    if say is None:
        raise ValueError(f"no text for the rule {verdict.rule!r}")
    return say(verdict.ok, verdict.numbers, unit)[1 if language == "ko" else 0]


def _no_open_order(ok: bool, n: Numbers, _unit: str) -> tuple[str, str]:
    if ok:
        return "no order is open", "진행 중인 주문 없음"
    if n["state"] == "shadow":
        return "an order would be on its way (trial)", "주문했을 것임(시험 운용)"
    english, korean = _STATES[State(str(n["state"]))]
    return f"an order {english}", f"주문 {korean}"


_STATES = {
    State.PROPOSED: ("is proposed", "제안됨"),
    State.NEEDS_APPROVAL: ("waits for approval", "승인 대기 중"),
    State.COOLING_OFF: ("is about to leave", "곧 나감"),
    State.PLACING: ("is being placed", "넣는 중"),
    State.NEEDS_ATTENTION: ("needs a person", "확인 필요"),
    State.PLACED: ("is placed", "완료"),
    State.SHIPPED: ("is on its way", "배송 중"),
    State.READY_FOR_PICKUP: ("waits for pickup", "수령 대기 중"),
    State.DELIVERED: ("was delivered and not yet fitted", "배송 완료, 아직 사용 전"),
}


def _level_known(ok: bool, n: Numbers, unit: str) -> tuple[str, str]:
    if ok:
        return amount(number(n["level"]), unit), amount(number(n["level"]), unit, korean=True)
    return "unknown", "알 수 없음"


def _fresh_reading(_ok: bool, n: Numbers, _unit: str) -> tuple[str, str]:
    age, limit = n["age_hours"], n["limit_hours"]
    ahead = -(number(age) or 0)
    if ahead > 0:
        return f"dated {ahead:g} hours ahead of the clock", f"서버 시계보다 {ahead:g}시간 앞선 시각"
    return f"{age} of at most {limit} hours old", f"{age}시간 전(한도 {limit}시간)"


def _below_reorder_point(_ok: bool, n: Numbers, unit: str) -> tuple[str, str]:
    position, point = number(n["position"]), number(n["reorder_point"])
    return (
        f"position {amount(position, unit)}, orders at {amount(point, unit)}",
        f"재고 {amount(position, unit, korean=True)}, 주문 시점 {amount(point, unit, korean=True)}",
    )


def _steady_level(_ok: bool, n: Numbers, unit: str) -> tuple[str, str]:
    fall, most = number(n["fall"]), number(n["limit"])
    return (
        f"fell by {amount(fall, unit)} within a day, at most {amount(most, unit)}",
        f"하루 감소 {amount(fall, unit, korean=True)}, 한도 {amount(most, unit, korean=True)}",
    )


def _three_low_readings(_ok: bool, n: Numbers, _unit: str) -> tuple[str, str]:
    readings, needed = n["readings"], n["needed"]
    spread, wanted = n["spread_minutes"], n["spread_needed_minutes"]
    return (
        f"{readings} of {needed} low readings, over {spread} of {wanted} minutes",
        f"낮은 측정 {readings}/{needed}회, {spread}/{wanted}분",
    )


def _confirmed_count(_ok: bool, n: Numbers, _unit: str) -> tuple[str, str]:
    readings, needed = n["readings"], n["needed"]
    return f"{readings} of {needed} low counts", f"낮은 집계 {readings}/{needed}회"


def _not_skipped(_ok: bool, n: Numbers, _unit: str) -> tuple[str, str]:
    return f"skipped until {n['until']}", f"{n['until']}까지 건너뜀"


def _fresh_press(_ok: bool, n: Numbers, _unit: str) -> tuple[str, str]:
    age = n["age_minutes"]
    return f"pressed {age} minutes ago", f"{age}분 전에 누름"


_ROLES = {
    "owner": ("owner", "소유자"),
    "adult": ("adult", "성인"),
    "child": ("child", "어린이"),
    "guest": ("guest", "손님"),
    "helper": ("helper", "도우미"),
}


def _presser_may_spend(ok: bool, n: Numbers, _unit: str) -> tuple[str, str]:
    if n["role"] is None:
        return "anybody may press it", "누구나 누를 수 있음"
    english, korean = _ROLES[str(n["role"])]
    who = f"{n['name']} ({english})" if n["name"] else f"the {english}"
    whom = f"{n['name']}({korean})" if n["name"] else korean
    if ok:
        return f"{who} may spend", f"지출 가능: {whom}"
    return f"{who} asks an adult", f"성인에게 요청: {whom}"


def _basket(_ok: bool, n: Numbers, _unit: str) -> tuple[str, str]:
    early, window = n["days_early"], n["window_days"]
    now, then = n["risk_percent"], n["risk_then_percent"]
    return (
        f"{early} days early of at most {window}; risk of running out {now} % now, {then} % on its own day",
        f"{early}일 앞당김(최대 {window}일), 배송 전에 떨어질 확률은 지금 {now}%, 제 날짜에는 {then}%",
    )


def _mandate(_ok: bool, n: Numbers, _unit: str) -> tuple[str, str]:
    cap = number(n["cap_minor"])
    price = money(None if cap is None else int(cap), str(n["currency"]))
    if n["mode"] == "ask":
        return f"ask first, at most {price}", f"먼저 묻기, 최대 {price}"
    return f"just order, at most {price}", f"자동 주문, 최대 {price}"


_TEXTS: dict[str, Callable[[bool, Numbers, str], tuple[str, str]]] = {
    "no_open_order": _no_open_order,
    "level_known": _level_known,
    "fresh_reading": _fresh_reading,
    "below_reorder_point": _below_reorder_point,
    "steady_level": _steady_level,
    "three_low_readings": _three_low_readings,
    "confirmed_count": _confirmed_count,
    "not_skipped": _not_skipped,
    "fresh_press": _fresh_press,
    "basket": _basket,
    "presser_may_spend": _presser_may_spend,
    "mandate": _mandate,
}
