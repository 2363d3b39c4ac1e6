"""PURE: what each rule of a mandate saw, as a clause with its numbers, in English and Korean."""

from collections.abc import Callable, Mapping

from replenish_server.households.date_texts import month_text
from replenish_server.households.mandate import Verdict
from replenish_server.replenishment.amounts import amount, money

Numbers = Mapping[str, int | str | float | None]
Clauses = tuple[str, str]

_WAIVED = {
    "approval": (", but a person agreed to this order", " (사람이 이 주문을 승인함)"),
    "press": (", but a person had just pressed the button", " (사람이 방금 버튼을 누름)"),
}


def has_clause(rule: str) -> bool:
    """Whether this is a rule of the mandate."""
    return rule in _CLAUSES


def clause(verdict: Verdict, unit: str, language: str) -> str:
    """What the rule saw, in a clause without a capital and a full stop.

    Raises:
        KeyError: no rule of the mandate.
    """
    place = 1 if language == "ko" else 0
    waived_by = verdict.numbers.get("waived_by")
    ok = verdict.ok and waived_by is None
    said = _CLAUSES[verdict.rule](ok, verdict.numbers, unit)[place]
    return said + (_WAIVED[str(waived_by)][place] if waived_by is not None else "")


def _price(numbers: Numbers, name: str, currency: str = "currency") -> str:
    value = numbers.get(name)
    return money(value if isinstance(value, int) else None, str(numbers.get(currency)))


def _amount(numbers: Numbers, name: str, unit: str) -> Clauses:
    value = numbers.get(name)
    known = value if isinstance(value, int | float) else None
    return amount(known, unit), amount(known, unit, korean=True)


def _pause(ok: bool, n: Numbers, _unit: str) -> Clauses:
    until, today = n["paused_until"], n["today"]
    if until is None:
        return "nothing is paused", "일시 중지 없음"
    if ok:
        return (
            f"the pause ended on {until}, and today is {today}",
            f"일시 중지는 {until}에 끝났고 오늘은 {today}",
        )
    return (
        f"orders are paused and leave again on {until}; today is {today}",
        f"일시 중지 중, {until}부터 다시 주문(오늘 {today})",
    )


def _quiet_hours(ok: bool, n: Numbers, _unit: str) -> Clauses:
    first, last, at = n["from"], n["until"], n["at"]
    if first is None or first == last:
        return f"it is {at}, and no quiet hours are set", f"지금은 {at}, 조용한 시간 없음"
    if ok:
        return (
            f"it is {at}, outside of the quiet hours from {first} to {last}",
            f"지금은 {at}, 조용한 시간({first}~{last}) 밖",
        )
    return (
        f"it is {at}, within the quiet hours from {first} to {last}",
        f"지금 {at}, 조용한 시간({first}~{last})",
    )


def _retailer(ok: bool, n: Numbers, _unit: str) -> Clauses:
    name, allowed = n["retailer"], n["allowed"]
    if allowed is None:
        return f"every shop is allowed, {name} too", f"모든 판매처 허용({name} 포함)"
    if ok:
        return (
            f"{name} is among the shops that you allow ({allowed})",
            f"허용한 판매처 {allowed}곳에 {name} 포함",
        )
    return (
        f"{name} is not among the shops that you allow ({allowed})",
        f"허용한 판매처 {allowed}곳에 {name} 없음",
    )


def _budget(ok: bool, n: Numbers, _unit: str) -> Clauses:
    if n.get("budget_minor") is None:
        return "no monthly budget is set", "월 예산 없음"
    budget, left = _price(n, "budget_minor", "budget_currency"), _price(n, "left_minor", "budget_currency")
    spent, month = _price(n, "spent_minor", "budget_currency"), str(n["month"])
    whose, whose_ko = ("this supply's", "이 물품의") if n["scope"] == "slot" else ("the home's", "집 전체")
    frame = f"of {whose} {budget} for {month_text(month, 'en')}, {spent} are spent and {left} are left"
    frame_ko = f"{month_text(month, 'ko')} {whose_ko} 예산 {budget} 중 {spent} 사용, {left} 남음"
    if n["amount_minor"] is None:
        return f"{frame}; its price is not known yet", f"{frame_ko}, 아직 가격 모름"
    price = _price(n, "amount_minor")
    if n["currency"] != n["budget_currency"]:
        return (
            f"{frame}; {price} cannot be counted with them",
            f"{frame_ko}, {price}: 통화가 달라 셀 수 없음",
        )
    if ok:
        return f"{frame}; {price} fits", f"{frame_ko}, {price} 가능"
    return f"{frame}; {price} is more", f"{frame_ko}, {price} 초과"


def _mode(_ok: bool, n: Numbers, _unit: str) -> Clauses:
    return {
        "auto": ("it may order by itself", "자동 주문 허용"),
        "ask": ("you asked to be asked first", "먼저 묻도록 설정됨"),
        "notify": ("you only want to be told", "알림만 받도록 설정됨"),
        "shadow": ("it is on trial: everything but the buying", "시험 운용 중: 구매만 하지 않음"),
    }[str(n["mode"])]


def _price_cap(ok: bool, n: Numbers, _unit: str) -> Clauses:
    total, cap = _price(n, "total_minor"), _price(n, "cap_minor", "cap_currency")
    if n["cap_minor"] is None:
        return "no price cap is set", "가격 한도 없음"
    if n["total_minor"] is None:
        return f"one order may cost at most {cap}", f"주문당 최대 {cap}"
    agreed, agreed_ko = (" that a person agreed to", "(승인한 금액)") if n.get("approved") else ("", "")
    if ok:
        return f"{total} is within the limit of {cap}{agreed}", f"{total}, 한도 {cap}{agreed_ko} 이내"
    if n["currency"] != n["cap_currency"]:
        return (
            f"{total} cannot be compared with the limit of {cap}{agreed}",
            f"{total}, 한도 {cap}{agreed_ko}: 서로 통화가 다름",
        )
    if isinstance(n["total_minor"], int) and n["total_minor"] < 0:
        return (
            f"{total} is no price; the limit is {cap}{agreed}",
            f"{total}, 가격이 아님(한도 {cap}{agreed_ko})",
        )
    return f"{total} is over the limit of {cap}{agreed}", f"{total}, 한도 {cap}{agreed_ko} 초과"


def _over_last_paid(ok: bool, n: Numbers, unit: str) -> Clauses:
    over, limit = n["over_percent"], n["limit_percent"]
    allowed, allowed_ko = (
        ("any rise is allowed", "인상 제한 없음")
        if limit is None
        else (f"at most {limit} % over the last price is allowed", f"마지막 가격 대비 최대 {limit}% 허용")
    )
    if not isinstance(over, int | float):
        return f"{allowed}; there is no earlier price to compare with", f"{allowed_ko}, 비교할 이전 가격 없음"
    price, last = _price(n, "goods_minor"), _price(n, "last_minor")
    size, size_ko = _amount(n, "amount", unit)
    last_size, last_size_ko = _amount(n, "last_amount", unit)
    word, word_ko = ("over", "높음") if over > 0 else ("under", "낮음")
    by = f"{abs(over):.12g}"  # a cent that was paid once must not turn a share into a power of ten
    return (
        f"{price} for {size} is {by} % {word} the {last} for {last_size} that was last paid; {allowed}",
        f"{size_ko}에 {price}: 지난번 {last_size_ko}에 {last}보다 {by}% {word_ko}, {allowed_ko}",
    )


def _expiry(ok: bool, n: Numbers, _unit: str) -> Clauses:
    last, today = n["valid_until"], n["today"]
    if last is None:
        return "your rules have no end", "규칙에 기한 없음"
    if ok:
        return (
            f"your rules hold until {last}, and today is {today}",
            f"규칙은 {last}까지 유효하며 오늘은 {today}",
        )
    return f"your rules ended on {last}, and today is {today}", f"규칙이 {last}에 끝났고 오늘은 {today}"


def _substitution(ok: bool, n: Numbers, _unit: str) -> Clauses:
    chosen, preferred, place = n["chosen"] or "it", n["preferred"] or "another", n["place"]
    if place == 1:
        return f"{chosen} is your first choice", f"첫 번째로 고른 상품({chosen})"
    said = f"{chosen} is choice {place} of your list, in place of {preferred}"
    said_ko = f"{preferred} 대신 목록의 {place}번째 상품({chosen})"
    if ok:
        return said, said_ko
    return f"{said}, and you want to be asked about that", f"{said_ko}, 먼저 묻도록 설정됨"


def _product(ok: bool, n: Numbers, _unit: str) -> Clauses:
    packs, item, quoted = n["packs"], n["item"], n["quoted_item"]
    if quoted is None:
        return (
            f"{packs} of {item} were asked for; the shop names no lines",
            f"{item} {packs}개 요청, 항목 표시 없음",
        )
    if ok:
        return f"the shop quotes {packs} of {item}, as asked for", f"요청대로 {item} {packs}개 견적"
    return (
        f"the shop quotes {n['quoted_packs']} of {quoted} instead of {packs} of {item}",
        f"{item} {packs}개 대신 {quoted} {n['quoted_packs']}개 견적",
    )


def _size_class(ok: bool, n: Numbers, unit: str) -> Clauses:
    factor = n["factor"]
    pack, pack_ko = _amount(n, "pack_amount", unit)
    preferred, preferred_ko = _amount(n, "preferred_amount", unit)
    if n["pack_amount"] == n["preferred_amount"]:
        return "the pack is of the size that you chose", "고르신 것과 같은 포장 크기"
    if ok:
        return (
            f"a pack of {pack} is at most {factor} times apart from the {preferred} that you chose",
            f"{pack_ko} 포장, 고르신 {preferred_ko} 대비 {factor}배 이내",
        )
    return (
        f"a pack of {pack} is more than {factor} times apart from the {preferred} that you chose",
        f"{pack_ko} 포장, 고르신 {preferred_ko} 대비 {factor}배 넘게 차이",
    )


_CLAUSES: dict[str, Callable[[bool, Numbers, str], Clauses]] = {
    "pause": _pause,
    "quiet_hours": _quiet_hours,
    "retailer": _retailer,
    "budget": _budget,
    "mode": _mode,
    "price_cap": _price_cap,
    "over_last_paid": _over_last_paid,
    "expiry": _expiry,
    "substitution": _substitution,
    "product": _product,
    "size_class": _size_class,
}

RULE_NAMES: dict[str, Clauses] = {
    "pause": ("Pause", "일시 중지"),
    "quiet_hours": ("Quiet hours", "조용한 시간"),
    "retailer": ("Shop", "판매처"),
    "budget": ("Monthly budget", "월 예산"),
    "mode": ("Who decides", "결정 방식"),
    "price_cap": ("Price limit", "가격 한도"),
    "over_last_paid": ("Price rise", "가격 인상"),
    "expiry": ("End of your rules", "규칙 기한"),
    "substitution": ("Choice of product", "상품 선택"),
    "product": ("Product quoted", "견적 상품"),
    "size_class": ("Pack size", "포장 크기"),
}
