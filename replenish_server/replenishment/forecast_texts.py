"""PURE: what a forecast rests on, and what the household's timing means for it, in English and Korean."""

from replenish_server.replenishment.decision import Decision
from replenish_server.replenishment.timing import Timing

_TIMINGS = {
    Timing.EARLY: ("rather early", "조금 일찍"),
    Timing.BALANCED: ("in between", "중간"),
    Timing.LATE: ("as late as safe", "안전한 한 늦게"),
}


def forecast_sentences(decision: Decision, language: str) -> tuple[str, ...]:
    """What the forecast rests on and what the household's timing means, a sentence each; its own numbers."""
    if decision.run_out_days is None or decision.days_known is None or decision.timing is None:
        return ()
    korean = language == "ko"
    said = [_known_days(decision.days_known, korean), *_known(decision, korean), *_habit(decision, korean)]
    if decision.risk is not None and decision.accepted_risk is not None:
        chance, most = (_percent(share, korean) for share in (decision.risk, decision.accepted_risk))
        words = _TIMINGS[decision.timing][1 if korean else 0]
        said.append(
            f"배송 전에 떨어질 확률은 {chance}이고, '{words}' 설정은 {most}까지 받아들입니다."
            if korean
            else f"The chance of running out before a parcel could come is {chance}; "
            f"ordering {words} accepts {most}."
        )
    return tuple(said)


def _known_days(days: int, korean: bool) -> str:
    if days >= 10:
        return f"{days}일의 측정을 바탕으로 합니다." if korean else f"It rests on {days} days of readings."
    counted = "1 day" if days == 1 else f"{days} days"
    return (
        f"아직 {days}일만 측정했으므로 같은 종류의 평균 사용량에 기대고 있습니다."
        if korean
        else f"Only {counted} of readings so far, so it leans on what others of its kind use."
    )


def _known(decision: Decision, korean: bool) -> list[str]:
    """How much of the last week is known, where it is not all of it."""
    if decision.known_share is None or decision.known_share > 0.995:
        return []
    share = _percent(decision.known_share, korean)
    return [f"지난 한 주의 {share}만 알려져 있습니다." if korean else f"Of the last week, {share} is known."]


def _habit(decision: Decision, korean: bool) -> list[str]:
    """A week that differs from the usual, or silence; only where enough days are known to say so."""
    week, idle = decision.week_ratio, decision.idle_days
    if (decision.days_known or 0) < 10 or week is None or idle is None:
        return []
    if idle >= 5:
        return [f"{idle}일째 사용이 없습니다." if korean else f"Nothing was used for {idle} days."]
    change = round(100 * (week - 1))
    if abs(change) < 20:
        return []
    if korean:
        return [f"지난 한 주 사용량은 평소보다 {abs(change)}% {'많습니다' if change > 0 else '적습니다'}."]
    return [f"Use in the last week was {abs(change)} % {'above' if change > 0 else 'below'} the usual."]


def _percent(share: float, korean: bool) -> str:
    value = 100 * share
    return (f"{value:.1f}" if value < 10 else f"{value:.0f}") + ("%" if korean else " %")
