"""PURE: one sentence that says why, in English and Korean. Its numbers are the decision's own numbers."""

from replenish_server.households.mandate import Verdict
from replenish_server.replenishment.amounts import amount, days, money, number
from replenish_server.replenishment.decision import Decision, Kind, Trigger
from replenish_server.replenishment.mandate_texts import clause, has_clause
from replenish_server.replenishment.verdicts import verdict_text


def sentence(decision: Decision, language: str) -> str:
    """Why this was decided, in `language` ("ko", anything else is English)."""
    korean = language == "ko"
    refusal = decision.refused_by()
    if decision.kind is Kind.HOLD:
        if refusal is None:
            raise ValueError("a decision to hold needs the rule that refused")
        if has_clause(refusal.rule):
            said = clause(refusal, decision.unit, language)
            return f"주문하지 않음: {said}." if korean else f"Not ordering: {said}."
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
            f"{minutes}분 전에 누른 버튼" if korean else f"the press came {minutes} minutes late or as a copy"
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


def _hold(decision: Decision, refusal: Verdict, korean: bool) -> str:
    numbers = refusal.numbers
    if refusal.rule == "no_open_order":
        return _under_way(numbers["state"] == "shadow", korean)
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
    if refusal.rule == "steady_level":
        fall, limit = (amount(number(numbers[name]), decision.unit, korean) for name in ("fall", "limit"))
        return (
            f"아직 주문하지 않음: 하루 안에 {fall} 줄었습니다(한도 {limit}). 하루 동안 유지되어야 믿습니다."
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
            f"주문하지 않음: {until}까지 건너뛰기로 하셨습니다."
            if korean
            else f"Not ordering: you skipped it until {until}."
        )
    if refusal.rule not in ("confirmed_count", "three_low_readings"):
        raise ValueError(f"no sentence for the rule {refusal.rule!r}")
    left = amount(decision.level, decision.unit, korean)
    point = amount(decision.reorder_point, decision.unit, korean)
    if refusal.rule == "confirmed_count":
        return (
            f"아직 주문하지 않음: {left} 남음({point} 이하). 다음 집계로 확인되면 주문합니다."
            if korean
            else f"Not ordering yet: {left} are left, at or under {point}; the next count has to confirm it."
        )
    seen, needed = numbers["readings"], numbers["needed"]
    spread, minutes = numbers["spread_minutes"], numbers["spread_needed_minutes"]
    return (
        f"아직 주문하지 않음: {left} 남음({point} 이하). "
        f"낮은 측정 {seen}/{needed}회, {spread}/{minutes}분 확인."
        if korean
        else f"Not ordering yet: {left} are left, at or under {point}, seen in {seen} of {needed} good "
        f"readings over {spread} of {minutes} minutes."
    )


def _under_way(on_trial: bool, korean: bool) -> str:
    if on_trial:
        return (
            "주문하지 않음: 시험 운용에서 이미 주문했을 것이며, 채워지기를 기다립니다."
            if korean
            else "Not ordering: on trial an order would already be on its way; a refill is waited for."
        )
    if korean:
        return "주문하지 않음: 이 물품의 주문이 이미 진행 중입니다."
    return "Not ordering: an order for this supply is already under way."


def _enough(decision: Decision, korean: bool) -> str:
    left = amount(decision.level, decision.unit, korean)
    point = amount(decision.reorder_point, decision.unit, korean)
    rate = amount(decision.rate_per_day, decision.unit, korean)
    median = days((decision.run_out_days or (0.0, 0.0, 0.0))[1])
    spare = amount(decision.spare, decision.unit, korean)
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
