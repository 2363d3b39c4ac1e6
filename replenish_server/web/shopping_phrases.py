"""The part of the catalogue that speaks of what a person buys. English and Korean side by side."""

from typing import Final

SHOPPING_PHRASES: Final[dict[str, tuple[str, str]]] = {
    "shopping.title": ("Shopping list", "장보기 목록"),
    "shopping.intro": (
        "What has to be bought by a person, because the shop takes no order from us.",
        "판매처가 자동 주문을 받지 않아 사람이 사야 하는 물품입니다.",
    ),
    "shopping.none": ("Nothing to buy.", "살 것이 없습니다."),
    "shopping.coming": ("Bought, on its way", "구매함, 배송 중"),
    "shopping.open_cart": ("Open the filled cart", "채워진 장바구니 열기"),
    "shopping.open_shop": ("Open the shop", "판매처 열기"),
    "shopping.paid": ("What it cost in all, in {currency} (if you like)", "총 지불 금액, {currency} (선택)"),
    "shopping.bought": ("Bought", "구매함"),
    "shopping.bought_name": ("Bought: {name}", "구매함: {name}"),
    "shopping.arrived": ("It has arrived", "도착했음"),
    "shopping.arrived_name": ("It has arrived: {name}", "도착했음: {name}"),
    "shopping.as_text": ("As text", "텍스트로"),
    "shopping.as_csv": ("As table (CSV)", "표로 (CSV)"),
    "shopping.print": (
        "Print this page with your browser; buttons stay off the paper.",
        "브라우저에서 인쇄하면 버튼은 빠집니다.",
    ),
    "shopping.column.product": ("product", "상품"),
    "shopping.column.packs": ("packs", "개수"),
    "shopping.column.slot": ("for", "용도"),
    "shopping.column.shop": ("shop", "판매처"),
    "shopping.column.link": ("link", "링크"),
    "notice.bought": ("Noted as bought.", "구매로 기록했습니다."),
    "notice.arrived": ("Noted as arrived.", "도착으로 기록했습니다."),
    "refused.amount_unreadable": (
        "That is no amount. Write it such as 24.90, or leave it empty; nothing was noted yet.",
        "금액을 읽을 수 없습니다. 24.90처럼 쓰거나 비워 두세요. 아직 기록하지 않았습니다.",
    ),
    "refused.not_to_buy": (
        "This is no longer to be bought; somebody may have ticked it, or the refill was seen.",
        "더 이상 살 필요가 없습니다. 다른 사람이 표시했거나 채워진 것이 확인되었습니다.",
    ),
}
