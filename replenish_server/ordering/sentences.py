"""PURE: what went wrong with an order, and its history, in English and Korean."""

from replenish_server.retailers.port import Problem

_PROBLEMS: dict[Problem, tuple[str, str]] = {
    Problem.PRICE_OVER_CAP: (
        "The price is over what you allow, so nothing was bought. Approve this price, or cancel.",
        "가격이 허용 한도를 넘어 구매하지 않았습니다. 이 가격을 승인하거나 취소하세요.",
    ),
    Problem.PRICE_JUMPED: (
        "The unit price has risen by more than you allow, so nothing was bought. Approve it, or cancel.",
        "단가가 허용한 것보다 많이 올라 구매하지 않았습니다. 이 가격을 승인하거나 취소하세요.",
    ),
    Problem.OVER_BUDGET: (
        "This month's budget does not allow it, so nothing was bought. Raise the budget, wait, or cancel.",
        "이번 달 예산을 넘어 구매하지 않았습니다. 예산을 늘리거나, 기다리거나, 취소하세요.",
    ),
    Problem.OUTSIDE_MANDATE: (
        "Your rules do not let it leave by itself, so nothing was bought. Approve it, or cancel.",
        "내 규칙상 자동으로 주문할 수 없어 구매하지 않았습니다. 승인하거나 취소하세요.",
    ),
    Problem.OTHER_PRODUCT: (
        "The retailer quotes something else than was ordered, so nothing was bought. Cancel, or look there.",
        "판매처가 주문한 것과 다른 상품을 제시하여 구매하지 않았습니다. 취소하거나 판매처에서 확인하세요.",
    ),
    Problem.OUT_OF_STOCK: (
        "The retailer has none in stock. Cancel and order again later, or choose another product.",
        "판매처에 재고가 없습니다. 취소하고 나중에 다시 주문하거나 다른 상품을 고르세요.",
    ),
    Problem.ITEM_UNAVAILABLE: (
        "The retailer no longer offers this item in this quantity. Cancel, and choose another product.",
        "판매처가 이 상품을 이 수량으로 더는 팔지 않습니다. 취소하고 다른 상품을 고르세요.",
    ),
    Problem.PAYMENT_FAILED: (
        "The payment was declined; nothing was bought. Check the payment with the retailer, then try again.",
        "결제가 거절되어 구매되지 않았습니다. 판매처에서 결제 수단을 확인한 뒤 다시 시도하세요.",
    ),
    Problem.ADDRESS: (
        "The retailer cannot deliver to your address; nothing was bought. Choose another shop, or cancel.",
        "판매처가 이 주소로 배송할 수 없어 구매하지 않았습니다. 다른 판매처를 고르거나 취소하세요.",
    ),
    Problem.ESCALATION: (
        "The retailer wants a person to finish this order on its own page. Do so there, or cancel.",
        "판매처가 주문을 사람이 직접 마치도록 요구합니다. 판매처 페이지에서 마치거나 취소하세요.",
    ),
    Problem.NO_AGREEMENT: (
        "This retailer has not agreed to orders without a person. Finish it on its own page, or cancel.",
        "이 판매처는 사람 없는 주문에 동의하지 않았습니다. 판매처 페이지에서 마치거나 취소하세요.",
    ),
    Problem.UNKNOWN_OUTCOME: (
        "It is not known whether the retailer has this order. Look there before you cancel here.",
        "판매처가 이 주문을 받았는지 알 수 없습니다. 여기서 취소하기 전에 판매처에서 확인하세요.",
    ),
    Problem.MISMATCH: (
        "The retailer's books say otherwise than ours. Look there, say what is true; it is not reordered.",
        "판매처의 기록이 우리 기록과 다릅니다. 판매처에서 확인한 뒤 알려 주세요. 다시 주문하지 않습니다.",
    ),
    Problem.RETAILER_REFUSED: (
        "The retailer refused the order; nothing was bought. Order there yourself, or cancel.",
        "판매처가 주문을 거절하여 구매되지 않았습니다. 판매처에서 직접 주문하거나 취소하세요.",
    ),
    Problem.UNACKNOWLEDGED: (
        "The retailer has not said that it has seen this order. Ask there before you cancel.",
        "판매처가 아직 주문을 확인하지 않았습니다. 취소하기 전에 판매처에 문의하세요.",
    ),
    Problem.UNREADABLE: (
        "The retailer's answer could not be relied on, so nothing was bought. Cancel, and order again later.",
        "판매처의 응답을 믿을 수 없어 구매하지 않았습니다. 취소하고 나중에 다시 주문하세요.",
    ),
}

_HANDED_OVER: dict[str, tuple[str, str]] = {
    "only_cart": (
        "This retailer takes no orders from programs. Open the filled cart, pay, and say that it is bought.",
        "이 판매처는 프로그램의 주문을 받지 않습니다. 채워진 장바구니에서 결제한 뒤 알려 주세요.",
    ),
    "only_list": (
        "There is no way to order here, so it stands on the shopping list. Say so once it is bought.",
        "여기서는 주문할 방법이 없어 장보기 목록에 올렸습니다. 구매한 뒤 알려 주세요.",
    ),
    "cart_too_small": (
        "The retailer's cart link cannot hold this order, so it stands on the shopping list.",
        "판매처의 장바구니 링크에 이 주문을 담을 수 없어 장보기 목록에 올렸습니다.",
    ),
}
_INSTEAD = {
    "cart": (
        "Nothing was bought; a filled cart waits for you instead.",
        "구매되지 않았으며, 대신 채워진 장바구니가 준비되어 있습니다.",
    ),
    "list": (
        "Nothing was bought; it stands on the shopping list instead.",
        "구매되지 않았으며, 대신 장보기 목록에 올렸습니다.",
    ),
}
_WHY_NOT: dict[str, tuple[str, str]] = {
    "no_agreement": (
        "This retailer has not agreed to orders without a person.",
        "이 판매처는 사람 없는 주문에 동의하지 않았습니다.",
    ),
    "unreadable": ("The retailer's answer could not be relied on.", "판매처의 응답을 믿을 수 없습니다."),
    "retailer_refused": ("The retailer refused the order.", "판매처가 주문을 거절했습니다."),
    "escalation": (
        "The retailer wants a person to finish this order.",
        "판매처가 사람이 주문을 마치기를 요구합니다.",
    ),
}

_NOTES = {
    "handed over: cart": "채워진 장바구니로 넘김",
    "handed over: list": "장보기 목록으로 넘김",
    "bought by a person": "사람이 구매함",
    "received by a person": "사람이 받음",
    "quoted": "견적을 받음",
    "not waited for": "기다리지 않고 주문함",
    "a press of the button": "버튼을 눌러 바로 주문함",
    "wanted by a person": "사람이 원함",
    "nobody canceled it": "아무도 취소하지 않음",
    "nobody answered in time": "기한 안에 답이 없음",
    "the time to ask is over": "확인 기간이 지남",
    "still in its box": "아직 상자에 있음",
    "never arrived": "도착하지 않음",
    "seen at the retailer": "판매처에서 확인됨",
    "withdrawn by a person": "사람이 청약을 철회함",
    "skipped this time": "이번에는 건너뜀",
    "approved by a person": "사람이 승인함",
    "canceled by a person": "사람이 취소함",
    "a refill was seen": "채워진 것이 확인됨",
    "no sensor: delivered is done": "센서 없음: 배송되면 완료",
}


SENT_INSTEAD = "sent to the home instead, because the shop said: "
FETCHED_INSTEAD = "to be fetched instead, because the shop said: "
SOLD_OUT = "another product of your list instead, because this is out of stock: "
NOT_SOLD = "another product of your list instead, because this is not sold any more: "
PAID_OTHERWISE = "the payment was declined, so your next way to pay is tried: "
_WITH_WORDS = {
    PAID_OTHERWISE: "결제가 거절되어 다음 결제 수단을 사용함: ",
    SOLD_OUT: "목록의 다른 상품으로 바꿈. 재고 없음: ",
    NOT_SOLD: "목록의 다른 상품으로 바꿈. 더는 판매하지 않음: ",
    SENT_INSTEAD: "대신 집으로 배송합니다. 판매처 안내: ",
    FETCHED_INSTEAD: "대신 매장에서 수령합니다. 판매처 안내: ",
}


def problem_sentence(problem: str, detail: str | None, language: str) -> str:
    """What is wrong and what to do, with the retailer's own words where it gave some."""
    english, korean = _PROBLEMS[Problem(problem)]
    said = f" ({detail})" if detail else ""
    return (korean if language == "ko" else english) + said


def handed_over_sentence(tier: str, reason: str, detail: str | None, language: str) -> str:
    """Why a person has to buy this, and what to do, with the retailer's own words where it gave some."""
    korean = language == "ko"
    if reason in _HANDED_OVER:
        return _HANDED_OVER[reason][korean]
    why = _WHY_NOT[reason][korean]
    said = f" ({detail})" if detail else ""
    return f"{why}{said} {_INSTEAD[tier][korean]}"


def note_text(note: str, language: str, by: str = "", number: str | None = None) -> str:
    """A line of the history, with who did it; a note that is a name or a number stays as it is.

    Args:
        note: as it was kept.
        language: "ko", anything else is English.
        by: who did it, "" for nobody.
        number: under which the retailer has the order, None before it has.
    """
    if note and note == number:
        return f"주문 번호 {note}" if language == "ko" else f"order number {note}"
    if by and (not note or note in _NOTES):
        korean, english = _NOTES.get(note, ""), note.removesuffix(" by a person")
        return f"{korean}: {by}".removeprefix(": ") if language == "ko" else f"{english} by {by}".strip()
    if note in _NOTES:
        return _NOTES[note] if language == "ko" else note
    for start, korean in _WITH_WORDS.items():
        if language == "ko" and note.startswith(start):
            return korean + note.removeprefix(start)
    try:
        return problem_sentence(note, None, language)
    except ValueError:
        return note
