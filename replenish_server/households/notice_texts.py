"""PURE: what a notice says, in English and Korean.

A new kind is one line of `_TEXTS`. A place named `x` is filled from `x_minor` (a price in the notice's
`currency`), from `x_at` (a moment, shown in the household's time zone), or from `x` as it is; `month` is one
of the calendar.
"""

import string
from collections.abc import Mapping
from datetime import datetime, tzinfo

from replenish_server.households.date_texts import moment_text, month_text
from replenish_server.households.money import money

Data = Mapping[str, int | str | None]

# Each kind holds the English and the Korean sentence. Korean avoids particles after inserted names.
_TEXTS: dict[str, tuple[str, str]] = {
    "asked_adult": (
        "{name} asks for {product} ({slot}). An adult decides.",
        "{name}님의 요청: {product} ({slot}). 성인이 결정해 주세요.",
    ),
    "paused": (
        "{name} paused {what}: no order leaves before {until}.",
        "{name}님이 일시 중지함: {what}, {until} 전에는 주문하지 않습니다.",
    ),
    "resumed": (
        "{name} ended the pause of {what}.",
        "{name}님이 일시 중지를 끝냄: {what}.",
    ),
    "signed_in": (
        "{name} signed in on another browser: {browser}",
        "새 브라우저에서 로그인했습니다: {name} ({browser})",
    ),
    "device_added": (
        "A device was added: {device}, for {slot}.",
        "기기가 추가되었습니다: {device} ({slot}).",
    ),
    "device_silent": (
        "{device} has not been heard since {seen}. Nothing is ordered from old readings. Check its battery.",
        "{device}: {seen} 이후 신호가 없습니다. 오래된 값으로는 주문하지 않습니다. 배터리를 확인해 주세요.",
    ),
    "device_ahead": (
        "{device}: readings that do not count: {readings}, up to {last}. The server's clock was wrong then.",
        "{device}: 서버 시계가 틀렸을 때의 기록 {readings}개({last}까지)는 보관만 하고 쓰지 않습니다.",
    ),
    "device_doubled": (
        "{device}: two devices use its name, noticed {at}. One is a copy: block it and add yours anew.",
        "{device}: 두 기기가 같은 이름을 씁니다({at}). 복제되었으니 차단하고 다시 등록해 주세요.",
    ),
    "device_leak": (
        "{device}: water has been running for a day without a pause, noticed {at}. Look for a leak.",
        "{device}: 하루 동안 물이 멈추지 않고 흘렀습니다({at}). 누수를 확인해 주세요.",
    ),
    "device_burst": (
        "{device}: more water runs than your taps let through, noticed {at}. Shut the main valve and look.",
        "{device}: 수도꼭지로 낼 수 있는 양보다 많은 물이 흐릅니다({at}). 수도 밸브를 잠그고 확인해 주세요.",
    ),
    "device_safe": (
        "{device} failed to start five times: since {at} it measures nothing and waits for new firmware.",
        "{device}: 다섯 번 연속 시작하지 못해 {at}부터 측정하지 않고 새 펌웨어만 기다립니다.",
    ),
    "device_sparing": (
        "{device}: its battery is nearly empty ({at}), so it reports seldom. Change or charge it.",
        "{device}: 배터리가 거의 없어({at}) 보고를 줄였습니다. 교체하거나 충전해 주세요.",
    ),
    "device_flash": (
        "{device}: its memory was damaged and made anew ({at}). What it had not sent is lost.",
        "{device}: 저장 공간이 손상되어 초기화했습니다({at}). 보내지 못한 기록은 없어졌습니다.",
    ),
    "device_turned_away": (
        "{device} was refused by this server for a while (code {number}); it got in again at {at}.",
        "{device}: 서버가 한동안 연결을 거절했습니다(코드 {number}). {at}에 다시 연결되었습니다.",
    ),
    "device_dropping": (
        "{device} has lost {number} records ({at}): it could not send for too long. Check its Wi-Fi.",
        "{device}: 오래 보내지 못해 기록 {number}개를 잃었습니다({at}). 와이파이를 확인해 주세요.",
    ),
    "order_cooling": (
        "{product}: an order of {packs} leaves at {leaves}. Until then one tap cancels it.",
        "{product}: {packs}개 주문이 {leaves}에 나갑니다. 그때까지 한 번의 탭으로 취소할 수 있습니다.",
    ),
    "order_cooling_short": (
        "{product}: the stock leaves little time, so the order of {packs} leaves at {leaves}. Is that right?",
        "{product}: 재고가 부족해 평소보다 일찍, {leaves}에 {packs}개 주문이 나갑니다. 괜찮으신가요?",
    ),
    "order_attention": (
        "{product}: the order needs you. Nothing goes on before you answer.",
        "{product}: 주문에 확인이 필요합니다. 답하실 때까지 진행되지 않습니다.",
    ),
    "order_substituted": (
        "{missing} cannot be had now, so the next product of your list takes its place: {product}.",
        "{missing}: 지금 구할 수 없어 목록의 다음 상품으로 바꿨습니다: {product}.",
    ),
    "order_substitute_asked": (
        "{missing} cannot be had now. {product} of your list could take its place: approve it, or cancel.",
        "{missing}: 지금 구할 수 없습니다. 목록의 {product} 상품으로 바꿀까요? 승인하거나 취소하세요.",
    ),
    "order_paid_otherwise": (
        "{product}: the payment with {declined} was declined, so {chosen} is tried.",
        "{product}: 결제가 거절되었습니다({declined}). 다음 결제 수단을 사용합니다: {chosen}.",
    ),
    "order_reminder": (
        "{product}: the order still needs you; without an answer it is canceled at {ends}.",
        "{product}: 주문이 아직 확인을 기다립니다. 답이 없으면 {ends}에 취소됩니다.",
    ),
    "order_unknown_reminder": (
        "{product}: it is not known whether the retailer has the order. Look there, then say what is true.",
        "{product}: 판매처가 주문을 받았는지 아직 알 수 없습니다. 판매처에서 확인한 뒤 알려 주세요.",
    ),
    "order_given_up": (
        "{product}: nobody answered for three days, so the order was canceled.",
        "{product}: 사흘 동안 답이 없어 주문을 취소했습니다.",
    ),
    "order_expired": (
        "{product}: nobody answered for a week, so nothing was ordered.",
        "{product}: 일주일 동안 답이 없어 주문하지 않았습니다.",
    ),
    "order_unfitted": (
        "{product}: delivered a week ago, not seen in use. Is it still in its box, or did it never arrive?",
        "{product}: 일주일 전에 배송되었지만 아직 쓰이지 않았습니다. 상자에 있나요, 아니면 못 받으셨나요?",
    ),
    "order_overdue": (
        "{product}: nothing heard of the order since {since}. Has it arrived, or did it never come?",
        "{product}: {since} 이후 소식이 없습니다. 도착했나요? 도착했는지, 못 받았는지 알려 주세요.",
    ),
    "order_pickup_waits": (
        "{product}: ready for pickup since {since}. {place}",
        "{product}: {since}부터 수령을 기다립니다. {place}",
    ),
    "order_ready": (
        "{product}: ready for pickup. {place}",
        "{product}: 수령할 수 있습니다. {place}",
    ),
    "order_mismatch": (
        "{product}: the retailer's books say otherwise than ours. Look there, then say what is true.",
        "{product}: 판매처의 기록이 우리 기록과 다릅니다. 판매처에서 확인한 뒤 알려 주세요.",
    ),
    "order_withdrawn": (
        "{product}: you withdrew from the contract at {declared}. The acknowledgement is with the order.",
        "{product}: {declared}에 청약을 철회하셨습니다. 확인서는 주문에 있습니다.",
    ),
    "order_withdrawn_by_hand": (
        "{product}: you withdrew from the contract at {declared}. The shop must be told: the text is ready.",
        "{product}: {declared}에 청약 철회. 판매처에 직접 알려야 하며, 보낼 글이 준비되어 있습니다.",
    ),
    "withdrawal_undelivered": (
        "{shop} does not take our message of your withdrawal, order {number} ({status}). Send it yourself.",
        "{shop}: 주문 {number} 청약 철회 알림을 받지 않습니다({status}). 직접 보내 주세요.",
    ),
    "order_to_buy": (
        "{product}: the shop takes no order from us. It is on the shopping list until somebody bought it.",
        "{product}: 판매처가 주문을 받지 않아 장보기 목록에 있습니다. 구매한 뒤 알려 주세요.",
    ),
    "order_unacknowledged": (
        "{product}: the retailer has not said that it has seen the order. Ask there before you cancel.",
        "{product}: 판매처가 주문을 확인하지 않았습니다. 취소하기 전에 문의하세요.",
    ),
    "order_refunded": (
        "{product}: the retailer pays back {refunded}.",
        "{product}: 판매처가 {refunded} 환불합니다.",
    ),
    "supplier_refused_delete": (
        "{shop} refused our cancellation of order {number} ({status}). Cancel it there, or it still comes.",
        "{shop}: 주문 {number} 취소가 거절되었습니다({status}). 판매처에서 취소하지 않으면 배송됩니다.",
    ),
    "supplier_refused_update": (
        "{shop} refused our change of order {number} ({status}). Change it there, or all of it comes.",
        "{shop}: 주문 {number} 변경이 거절되었습니다({status}). 판매처에서 변경하지 않으면 모두 배송됩니다.",
    ),
    "wanted": (
        "{slot}: {packs} packs are needed ({product}). You asked only to be told, so nothing is ordered.",
        "{slot}: {packs}개가 필요합니다({product}). 알림만 받도록 설정되어 주문하지 않습니다.",
    ),
    "over_budget": (
        "{slot} is not ordered: of the budget of {budget} for {month}, {left} are left.",
        "{slot}: 주문하지 않습니다. {month} 예산 {budget} 중 {left} 남았습니다.",
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


def notice_text(kind: str, data: Data, language: str, zone: tzinfo, at: datetime) -> str:
    """The sentence of a notice.

    Args:
        kind: one of `KINDS`.
        data: what the notice was written with; times are ISO 8601 with their offset.
        language: "ko", anything else is English.
        zone: the household's.
        at: when it was written; a moment of another year says which.

    Raises:
        ValueError: a kind that has no words.
        KeyError: a place that `data` does not fill, see `missing`.
    """
    values: dict[str, object] = dict(data)
    for name, value in data.items():
        if name.endswith("_minor"):
            minor = value if isinstance(value, int) else None
            values[name.removesuffix("_minor")] = money(minor, str(data.get("currency")))
        elif name == "month":
            values[name] = month_text(str(value), language)
        elif name.endswith("_at") and isinstance(value, str):
            local = datetime.fromisoformat(value).astimezone(zone)
            values[name.removesuffix("_at")] = moment_text(local, language, at.astimezone(zone).year)
    return _texts(kind)[1 if language == "ko" else 0].format_map(values)


def _texts(kind: str) -> tuple[str, str]:
    texts = _TEXTS.get(kind)
    if texts is None:
        raise ValueError(f"a notice of kind {kind!r} has no words; add them to notice_texts")
    return texts
