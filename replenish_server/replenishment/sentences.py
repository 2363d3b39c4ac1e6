"""PURE: one sentence that says why, in English and Korean. Its numbers are the decision's own numbers."""

from replenish_server.households.mandate import Verdict
from replenish_server.replenishment.policy import Decision, Kind, Trigger

_SHOWN = {"mg": (1000, "g"), "pack": (1, "pack")}
_NO_CENTS = ("JPY", "KRW")


_RULES = {
    "no_open_order": ("No open order", "진행 중인 주문 없음"),
    "level_known": ("Level known", "잔량을 앎"),
    "fresh_reading": ("Fresh reading", "최근 측정"),
    "below_reorder_point": ("Low enough to order", "주문할 만큼 낮음"),
    "three_low_readings": ("Three low readings", "낮은 측정 세 번"),
    "fresh_press": ("Fresh press", "방금 누름"),
    "mandate": ("Your rules", "내 규칙"),
}


def rule_name(rule: str, language: str) -> str:
    """What people call a rule."""
    english, korean = _RULES[rule]
    return korean if language == "ko" else english


def sentence(decision: Decision, language: str) -> str:
    """Why this was decided, in `language` ("ko", anything else is English)."""
    korean = language == "ko"
    refusal = decision.refused_by()
    if decision.kind is Kind.HOLD:
        if refusal is None:
            raise ValueError("a decision to hold needs the rule that refused")
        return _hold(decision, refusal, korean)
    return _go(decision, refusal, korean)


def amount(value: float | None, unit: str) -> str:
    """A quantity as people read it: "412 g"; "?" when unknown."""
    if value is None:
        return "?"
    factor, name = _SHOWN[unit]
    return f"{round(value / factor):,} {name}"


def money(minor: int | None, currency: str | None) -> str:
    """A price as people read it: "24.90 EUR"."""
    if minor is None:
        return "?"
    if currency in _NO_CENTS:
        return f"{minor:,} {currency}"
    return f"{minor // 100:,}.{minor % 100:02d} {currency}"


def _days(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _go(decision: Decision, refusal: Verdict | None, korean: bool) -> str:
    return f"{_what(decision, refusal, korean)} {_why(decision, korean)}"


def _what(decision: Decision, refusal: Verdict | None, korean: bool) -> str:
    packs = decision.packs
    if korean:
        if decision.kind is Kind.ORDER:
            cap = money(decision.price_cap_minor, decision.currency)
            return f"{packs}팩을 최대 {cap} 한도로 주문합니다."
        return f"{packs}팩 주문에 승인이 필요합니다({_ask_reason(decision, refusal, korean)})."
    noun = "pack" if packs == 1 else "packs"
    if decision.kind is Kind.ORDER:
        return f"Order of {packs} {noun} for at most {money(decision.price_cap_minor, decision.currency)}."
    verb = "waits" if packs == 1 else "wait"
    return f"{packs} {noun} {verb} for your approval ({_ask_reason(decision, refusal, korean)})."


def _ask_reason(decision: Decision, refusal: Verdict | None, korean: bool) -> str:
    if refusal is not None and refusal.rule == "fresh_press":
        minutes = decision.press_age_minutes
        return (
            f"{minutes}분 전에 누른 버튼" if korean else f"the press came {minutes} minutes late or as a copy"
        )
    if decision.price_cap_minor is None:
        return "가격 한도가 없음" if korean else "no price cap is set"
    return "먼저 묻도록 설정됨" if korean else "you asked to be asked first"


def _why(decision: Decision, korean: bool) -> str:
    if decision.trigger is Trigger.PRESS:
        return "버튼이 눌렸습니다." if korean else "The button was pressed."
    left = amount(decision.level, decision.unit)
    rate = amount(decision.rate_per_day, decision.unit)
    point = amount(decision.reorder_point, decision.unit)
    early, median, late = (_days(value) for value in decision.run_out_days or (0.0, 0.0, 0.0))
    lead = _days(decision.lead_time_days or 0.0)
    latest = amount(decision.threshold, decision.unit)
    earlier = (decision.reorder_point or 0) > (decision.threshold or 0)
    if korean:
        reason = f"배송에 약 {lead}일이 걸리므로 설정하신 {latest}보다 이른 {point}에서 주문합니다."
        return f"{left} 남았고 하루 약 {rate}씩 써서 약 {median}일({early}~{late}일) 뒤 떨어집니다. " + (
            reason if earlier else f"설정하신 {latest} 이하입니다. 배송은 약 {lead}일 걸립니다."
        )
    reason = f"a parcel takes about {lead} days, so an order leaves at {point}, before your {latest}."
    return f"{left} are left and about {rate} a day are used, which lasts about {median} days " + (
        f"({early} to {late}); {reason}"
        if earlier
        else f"({early} to {late}); that is at or under your {latest}, and a parcel takes about {lead} days."
    )


def _hold(decision: Decision, refusal: Verdict, korean: bool) -> str:
    numbers = refusal.numbers
    if refusal.rule == "no_open_order":
        return (
            "주문하지 않음: 이 칸의 주문이 이미 진행 중입니다."
            if korean
            else "Not ordering: an order for this slot is already open."
        )
    if refusal.rule == "level_known":
        return (
            "주문하지 않음: 아직 믿을 수 있는 측정값이 없습니다."
            if korean
            else "Not ordering: there is no reading to rely on yet, and unknown never orders."
        )
    if refusal.rule == "fresh_reading":
        age, limit = numbers["age_hours"], numbers["limit_hours"]
        return (
            f"주문하지 않음: 마지막 정상 측정이 {age}시간 전입니다({limit}시간까지만 믿습니다)."
            if korean
            else f"Not ordering: the last good reading is {age} hours old; after {limit} it never orders."
        )
    if refusal.rule == "below_reorder_point":
        return _enough(decision, korean)
    if refusal.rule == "three_low_readings":
        seen, needed = numbers["readings"], numbers["needed"]
        spread, minutes = numbers["spread_minutes"], numbers["spread_needed_minutes"]
        left, point = amount(decision.level, decision.unit), amount(decision.reorder_point, decision.unit)
        return (
            f"아직 주문하지 않음: {left} 남음({point} 이하). "
            f"낮은 측정 {seen}/{needed}회, {spread}/{minutes}분 확인."
            if korean
            else f"Not ordering yet: {left} are left, at or under {point}, seen in {seen} of {needed} good "
            f"readings over {spread} of {minutes} minutes."
        )
    raise ValueError(f"no sentence for the rule {refusal.rule!r}")


def _enough(decision: Decision, korean: bool) -> str:
    left = amount(decision.level, decision.unit)
    point = amount(decision.reorder_point, decision.unit)
    rate = amount(decision.rate_per_day, decision.unit)
    median = _days((decision.run_out_days or (0.0, 0.0, 0.0))[1])
    spare = amount(decision.spare, decision.unit)
    if korean:
        more = f"(예비 {spare} 포함) " if decision.spare else ""
        return (
            f"주문하지 않음: {left} 남음 {more}— {point} 초과, 하루 약 {rate} 사용, 약 {median}일 분량입니다."
        )
    more = f" and {spare} in reserve" if decision.spare else ""
    return (
        f"Not ordering: {left} are left{more}, more than the {point} at which an order leaves; "
        f"at about {rate} a day that lasts about {median} days."
    )


def verdict_text(  # noqa: PLR0911 - one return per rule
    verdict: Verdict, unit: str, language: str
) -> str:
    """What one rule looked at, in a few words."""
    korean = language == "ko"
    n = verdict.numbers
    match verdict.rule:
        case "no_open_order":
            if verdict.ok:
                return "진행 중인 주문 없음" if korean else "no order is open"
            return f"진행 중: {n['state']}" if korean else f"an order is {n['state']}"
        case "level_known":
            if verdict.ok:
                return amount(_number(n["level"]), unit)
            return "알 수 없음" if korean else "unknown"
        case "fresh_reading":
            age, limit = n["age_hours"], n["limit_hours"]
            return f"{age}시간 전(한도 {limit}시간)" if korean else f"{age} of at most {limit} hours old"
        case "below_reorder_point":
            position, point = amount(_number(n["position"]), unit), amount(_number(n["reorder_point"]), unit)
            return (
                f"재고 {position}, 주문 시점 {point}" if korean else f"position {position}, orders at {point}"
            )
        case "three_low_readings":
            readings, needed = n["readings"], n["needed"]
            spread, wanted = n["spread_minutes"], n["spread_needed_minutes"]
            if korean:
                return f"낮은 측정 {readings}/{needed}회, {spread}/{wanted}분"
            return f"{readings} of {needed} low readings, over {spread} of {wanted} minutes"
        case "fresh_press":
            age = n["age_minutes"]
            return f"{age}분 전에 누름" if korean else f"pressed {age} minutes ago"
        case "mandate":
            cap, currency = _number(n["cap_minor"]), n["currency"]
            price = money(None if cap is None else int(cap), str(currency))
            if n["mode"] == "ask":
                return f"먼저 묻기, 최대 {price}" if korean else f"ask first, at most {price}"
            return f"자동 주문, 최대 {price}" if korean else f"just order, at most {price}"
        case _:
            raise ValueError(f"no text for the rule {verdict.rule!r}")


def _number(value: float | str | None) -> float | None:
    return value if isinstance(value, int | float) else None
