"""PURE: one sentence that says why, in English and Korean. Its numbers are the decision's own numbers."""

from replenish_server.fleet.units import BY_BASE
from replenish_server.households.mandate import Verdict
from replenish_server.replenishment.amounts import amount, days, money, number
from replenish_server.replenishment.decision import Decision, Kind, Trigger
from replenish_server.replenishment.mandate_texts import clause, has_clause
from replenish_server.replenishment.verdicts import verdict_text

_THEN = {
    "pause": (
        " Your rules say so; the pause can be ended there sooner.",
        " 더 일찍 주문하려면 내 규칙에서 일시 중지를 끝내 주세요.",
    ),
    "quiet_hours": (" It is looked at again when they end.", " 조용한 시간이 끝나면 다시 확인합니다."),
    "retailer": (
        " Allow it in your rules, or choose another product.",
        " 내 규칙에서 허용하거나 다른 상품을 골라 주세요.",
    ),
    "budget": (
        " Raise the budget, or wait for the next month.",
        " 예산을 늘리거나 다음 달까지 기다려 주세요.",
    ),
}
"""What a household can do, or what happens by itself, once a rule of its own has said no."""


def sentence(decision: Decision, language: str) -> str:
    """Why this was decided, in `language` ("ko", anything else is English)."""
    korean = language == "ko"
    refusal = decision.refused_by()
    if decision.kind is Kind.HOLD:
        if refusal is None:
            raise ValueError("a decision to hold needs the rule that refused")
        if has_clause(refusal.rule):
            said, then = clause(refusal, decision.unit, language), _THEN.get(refusal.rule, ("", ""))[korean]
            return f"주문하지 않음: {said}.{then}" if korean else f"Not ordering: {said}.{then}"
        return _hold(decision, refusal, korean)
    return _go(decision, refusal, korean)


def _go(decision: Decision, refusal: Verdict | None, korean: bool) -> str:
    return f"{_what(decision, refusal, korean)} {_why(decision, korean)}"


def _what(decision: Decision, refusal: Verdict | None, korean: bool) -> str:
    packs = decision.packs
    noun = "pack" if packs == 1 else "packs"
    if decision.kind is Kind.ORDER:
        cap = money(decision.price_cap_minor, decision.currency)
        return (
            f"{packs}개를 최대 {cap} 한도로 주문합니다."
            if korean
            else f"Order of {packs} {noun} for at most {cap}."
        )
    reason = _ask_reason(decision, refusal, korean)
    if korean:
        what = {
            Kind.NOTIFY: "가 필요합니다",
            Kind.SHADOW: "를 지금 주문했을 것입니다",
        }.get(decision.kind, " 주문에 승인이 필요합니다")
        return f"{packs}개{what}({reason})."
    verb = "is" if packs == 1 else "are"
    what = {
        Kind.NOTIFY: f"{verb} needed",
        Kind.SHADOW: "would have been ordered now",
    }.get(decision.kind, f"{'waits' if packs == 1 else 'wait'} for your approval")
    return f"{packs} {noun} {what} ({reason})."


def _ask_reason(decision: Decision, refusal: Verdict | None, korean: bool) -> str:
    """Why it does not leave by itself: the first rule that said no."""
    if refusal is None:
        raise ValueError("what does not leave by itself needs the rule that refused")
    if refusal.rule == "fresh_press":
        minutes = decision.press_age_minutes
        return (
            f"{minutes}분 전에 누른 버튼" if korean else f"the press came {minutes} minutes late or once more"
        )
    if refusal.rule == "presser_may_spend":
        return verdict_text(refusal, decision.unit, "ko" if korean else "en")
    if refusal.rule == "mandate":  # decisions of earlier releases
        if decision.price_cap_minor is None:
            return "가격 한도가 없음" if korean else "no price cap is set"
        return "먼저 묻도록 설정됨" if korean else "you asked to be asked first"
    return clause(refusal, decision.unit, "ko" if korean else "en")


def _why(decision: Decision, korean: bool) -> str:
    if decision.trigger in (Trigger.PRESS, Trigger.PERSON):
        return _asked_for(decision, korean)
    left = amount(decision.level, decision.unit, korean)
    rate = amount(decision.rate_per_day, decision.unit, korean)
    if decision.trigger is Trigger.BASKET:
        return _travels(decision, left, rate, korean)
    return _low(decision, left, rate, korean)


def _asked_for(decision: Decision, korean: bool) -> str:
    if decision.trigger is Trigger.PRESS:
        if decision.by:
            return f"버튼을 누른 사람: {decision.by}." if korean else f"{decision.by} pressed the button."
        return "버튼이 눌렸습니다." if korean else "The button was pressed."
    if decision.by:
        return f"주문을 요청한 사람: {decision.by}." if korean else f"{decision.by} asked for it."
    return "직접 요청한 주문입니다." if korean else "Somebody asked for it here."


def _low(decision: Decision, left: str, rate: str, korean: bool) -> str:
    """Why the level calls for an order."""
    point = amount(decision.reorder_point, decision.unit, korean)
    early, median, late = (days(value) for value in decision.run_out_days or (0.0, 0.0, 0.0))
    lead = days(decision.lead_time_days or 0.0)
    latest = amount(decision.threshold, decision.unit, korean)
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


def _travels(decision: Decision, left: str, rate: str, korean: bool) -> str:
    """Why it leaves before its own day."""
    verdict = next(verdict for verdict in decision.verdicts if verdict.rule == "basket")
    said = verdict_text(verdict, decision.unit, "ko" if korean else "en")
    if korean:
        return f"{left} 남았고 하루 약 {rate}씩 씁니다. 같은 판매처의 주문과 함께 보냅니다({said})."
    return f"{left} are left and about {rate} a day are used; it travels with another order ({said})."


def _not_fresh(age_hours: float, limit_hours: float | str | None, korean: bool) -> str:
    if age_hours < 0:
        return (
            f"주문하지 않음: 마지막 측정의 시각이 서버 시계보다 {-age_hours:g}시간 앞서 있습니다. "
            "그때 서버 시계가 틀렸습니다. 서버의 날짜와 시각을 확인해 주세요."
            if korean
            else f"Not ordering: the last reading is dated {-age_hours:g} hours ahead of the server's clock, "
            "which was wrong then. See that the server has the right date and time."
        )
    age, limit = f"{age_hours:g}", limit_hours
    return (
        f"주문하지 않음: 마지막 정상 측정이 {age}시간 전이고, "
        f"{limit}시간이 지난 값으로는 주문하지 않습니다. "
        "기기의 전원과 연결을 확인해 주세요."
        if korean
        else f"Not ordering: the last good reading is {age} hours old, and one older than {limit} never "
        "orders. See that the device has power and is in reach."
    )


def _hold(decision: Decision, refusal: Verdict, korean: bool) -> str:
    numbers = refusal.numbers
    if refusal.rule == "no_open_order":
        return _under_way(str(numbers["state"]), korean)
    if refusal.rule == "level_known":
        return _unknown(decision.unit, korean)
    if refusal.rule == "fresh_reading":
        return _not_fresh(number(numbers["age_hours"]) or 0, numbers["limit_hours"], korean)
    if refusal.rule == "below_reorder_point":
        return _enough(decision, korean)
    if refusal.rule == "steady_level":
        fall, limit = (amount(number(numbers[name]), decision.unit, korean) for name in ("fall", "limit"))
        return (
            f"아직 주문하지 않음: 하루 안에 {fall} 줄었습니다({limit} 초과). "
            "갑자기 줄어든 양은 하루 동안 그대로일 때만 반영합니다."
            if korean
            else f"Not ordering yet: the level fell by {fall} within a day, more than {limit}; a sudden drop "
            "must last a day before it counts."
        )
    return _unconfirmed(decision, refusal, korean)


def _unconfirmed(decision: Decision, refusal: Verdict, korean: bool) -> str:
    """Low, and skipped by a person, or not yet seen often enough to believe it."""
    numbers = refusal.numbers
    if refusal.rule == "not_skipped":
        until = numbers["until"]
        return (
            f"주문하지 않음: {until}까지 건너뛰기로 하셨습니다. 그 전에 필요하면 직접 주문해 주세요."
            if korean
            else f"Not ordering: you skipped it until {until}. Order it yourself when you need it sooner."
        )
    if refusal.rule not in ("confirmed_count", "three_low_readings"):
        raise ValueError(f"no sentence for the rule {refusal.rule!r}")
    left = amount(decision.level, decision.unit, korean)
    point = amount(decision.reorder_point, decision.unit, korean)
    if refusal.rule == "confirmed_count":
        return (
            f"아직 주문하지 않음: {left} 남아 주문 시점인 {point} 이하입니다. "
            "다음 집계로 확인되면 주문합니다."
            if korean
            else f"Not ordering yet: {left} are left, at or under {point}; the next count has to confirm it."
        )
    seen, needed = numbers["readings"], numbers["needed"]
    spread, minutes = numbers["spread_minutes"], numbers["spread_needed_minutes"]
    return (
        f"아직 주문하지 않음: {left} 남아 주문 시점인 {point} 이하입니다. "
        f"낮은 값이 {needed}번, {minutes}분에 걸쳐 확인되면 주문합니다(지금까지 {seen}번, {spread}분)."
        if korean
        else f"Not ordering yet: {left} are left, at or under {point}, seen in {seen} of {needed} good "
        f"readings over {spread} of {minutes} minutes."
    )


def _unknown(unit: str, korean: bool) -> str:
    """Nothing is known of what is left: of what is counted because nobody has said what was there."""
    if BY_BASE[unit].counted:
        return (
            "주문하지 않음: 처음에 얼마나 있었는지 아직 모릅니다. "
            "남은 양을 알려 주시거나 새것을 끼웠다고 알려 주세요."
            if korean
            else "Not ordering: it is not known yet how much was there. "
            "Say what remains, or that a new one was fitted."
        )
    return (
        "주문하지 않음: 아직 믿을 수 있는 측정값이 없습니다. 기기의 전원과 연결을 확인해 주세요."
        if korean
        else "Not ordering: there is no reading to rely on yet. "
        "See that the device has power and is in reach."
    )


def _under_way(state: str, korean: bool) -> str:
    """Why an open order stands in the way: what it waits for, where somebody can do something about it."""
    english, korean_text = _UNDER_WAY.get(
        state, ("an order for this supply is already under way", "이 물품의 주문이 이미 진행 중입니다")
    )
    return f"주문하지 않음: {korean_text}." if korean else f"Not ordering: {english}."


# Those of which the slot is looked at again when they come and when they go: a sentence outlives no state.
_UNDER_WAY = {
    "shadow": (
        "on trial an order would already be on its way; a refill is waited for",
        "시험 운용에서 이미 주문했을 것이며, 채워지기를 기다립니다",
    ),
    "ready_for_pickup": (
        "what was ordered last is ready and waits to be picked up",
        "지난번에 주문한 것이 준비되어 수령을 기다립니다",
    ),
    "delivered": (
        "what was ordered last was delivered, and nobody has filled it in yet",
        "지난번에 주문한 것이 배송되었고, 아직 채우지 않았습니다",
    ),
}


def _enough(decision: Decision, korean: bool) -> str:
    left = amount(decision.level, decision.unit, korean)
    point = amount(decision.reorder_point, decision.unit, korean)
    rate = amount(decision.rate_per_day, decision.unit, korean)
    median = days((decision.run_out_days or (0.0, 0.0, 0.0))[1])
    spare = amount(decision.spare, decision.unit, korean)
    if korean:
        more = f", 예비 {spare}" if decision.spare else ""
        return (
            f"주문하지 않음: 남은 양 {left}{more}, 주문 시점인 {point}보다 많습니다. "
            f"하루 약 {rate}씩 쓰면 약 {median}일 갑니다."
        )
    more = f" and {spare} in reserve" if decision.spare else ""
    return (
        f"Not ordering: {left} are left{more}, more than the {point} at which an order leaves; "
        f"at about {rate} a day that lasts about {median} days."
    )
